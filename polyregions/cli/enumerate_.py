"""``polyregions enumerate``, ``graph`` and ``export``: all regions, saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.options import Task
from polyregions.cli.report import shown_run
from polyregions.errors import PartialResultError, PolyregionsError
from polyregions.regions import Regions
from polyregions.run.progress import parts_text, shown_steps

if TYPE_CHECKING:
    from polyregions.scale.saved_runs import Written

__all__ = ["by_cluster", "enumerate_", "enumerated", "export_command", "graph_command"]

_STOP_WORDS = {
    "regions": "at the limit of --max-regions",
    "time": "at the limit of --time-limit",
    "memory": "at the budget of --memory",
    "interrupt": "by Ctrl-C",
}


def enumerated(
    task: Task,
    effort: options.WalkEffort,
    *,
    memory: int | None = None,
    compile_first: bool = False,
) -> tuple[Regions, report.RunTimes]:
    """Enumerate with progress on stderr; return the result and the times it took."""
    with shown_run(limits=(*effort.limits.values(), memory)) as run:
        from polyregions.walk.breadth_first import enumerate_regions

        how = {"memory": memory, "compile_first": compile_first, **vars(effort)}
        return enumerate_regions(task.network, task.domain, **how, **run.options()), run.times()


def enumerated_to_file(task: Task, output: Path, **options: Any) -> tuple[Written, report.RunTimes]:
    """Enumerate into a file, likewise; see :func:`polyregions.scale.enumerate_to_file`."""
    with shown_run() as run:
        from polyregions.scale.saved_runs import enumerate_to_file

        written = enumerate_to_file(task.network, task.domain, output, **options, **run.options())
        return written, run.times()


def by_cluster(
    job: Callable[..., Written],
    task: Task,
    address: str,
    output: Path,
    threads: int,
    **options: Any,
) -> tuple[Written, report.RunTimes]:
    """Let a cluster write a file or folder, likewise."""
    with shown_run(parts_text) as run, shown_steps(True, "files", "sorted") as assembling:
        from polyregions.scale.cluster import connected

        with connected(address, threads) as client:
            options |= {"assembling": assembling, **run.options()}
            return job(task.network, task.domain, output, client, **options), run.times()


@options.grouped
def enumerate_(
    where: options.Where,
    effort: options.WalkEffort,
    network: options.NetworkArgument,
    output: Annotated[
        Path, options.output_option("OUT", "Where to save: a file .npz or a folder .parquet.")
    ],
    resume: storage.ResumeOption = False,
    memory: storage.MemoryOption = None,
    dask: Annotated[
        str | None,
        options.dask_option(
            "Walk on a Dask cluster that shares the folder of OUT, a folder .parquet"
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> int:
    """Save every region: pattern, a point inside, and which regions touch."""
    inputs = [network, *where.files]
    storage.check_output(output, [".npz", ".parquet"], inputs, folders=[".parquet"])
    budget, interval = storage.bytes_of(memory), storage.checkpoint_seconds()
    if dask is not None:
        _check_for_cluster(output, budget)
    task = options.read_task(network, where)
    try:
        if dask is not None:
            from polyregions.scale.cluster_walk import enumerate_on_cluster

            written, times = by_cluster(
                enumerate_on_cluster,
                task,
                dask,
                output,
                effort.threads,
                resume=resume,
                **effort.limits,
            )
        else:
            more = {**vars(effort), "memory": budget, "interval": interval}
            written, times = enumerated_to_file(task, output, resume=resume, **more)
    except (KeyboardInterrupt, MemoryError, OSError) as error:
        return storage.ended_by(error, output)
    report.print_saved(task, asdict(written), times, output, as_json)
    if written.complete:
        return 0
    report.tell(
        f"polyregions: stopped {_STOP_WORDS[written.stopped]}; these {written.regions:,} regions "
        f"are not all, and the same command with --resume goes on from here"
    )
    return 3


def _check_for_cluster(output: Path, budget: int | None) -> None:
    """Refuse what a cluster does not do, before anything is read."""
    if output.suffix.lower() != ".parquet":
        raise PolyregionsError(
            f"a cluster writes a folder of tables, not {output.name}; end the name in .parquet"
        )
    if budget is not None:
        raise PolyregionsError(
            "--memory is about a walk in one process; leave it out with --dask, whose workers "
            "hold one part each"
        )


@options.grouped
def graph_command(
    where: options.Where,
    effort: options.WalkEffort,
    network: options.NetworkArgument,
    output: Annotated[Path, options.output_option("OUT", "Graph file: .graphml, .gexf or .json.")],
    attributes: Annotated[
        str | None,
        typer.Option(
            "--attributes",
            metavar="NAMES",
            help="What else to say of each region: some of class, outputs, gradient, volume, "
            "degree, position, with commas between.",
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> int:
    """Save the graph of the regions: an edge for every shared facet."""
    from polyregions.io.graphs import GRAPH_SUFFIXES, write_graph
    from polyregions.regions.graph import attribute_names

    storage.check_output(output, GRAPH_SUFFIXES, [network, *where.files])
    names = attribute_names(attributes.split(",") if attributes else ())
    task = options.read_task(network, where)
    regions, times = enumerated(task, effort)
    write_graph(regions, output, names)
    report.print_saved(task, regions.summary(), times, output, as_json)
    return report.exit_code(regions)


@options.grouped
def export_command(
    where: options.Where,
    effort: options.WalkEffort,
    network: options.NetworkArgument,
    output: Annotated[
        Path,
        options.output_option("OUT", "Where to write: .json, .mat (MPT3) or .c (C99)."),
    ],
    max_bytes: Annotated[
        str | None,
        typer.Option(
            "--max-bytes",
            metavar="SIZE",
            help="How large the tables of a C file may be (64K, 2M). Default: 64M.",
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> int:
    """Write the network as a piecewise-affine function: regions, maps, neighbors."""
    from polyregions.pwa.files import EXPORT_SUFFIXES, check_bounded, export

    storage.check_output(output, EXPORT_SUFFIXES, [network, *where.files])
    size = storage.bytes_of(max_bytes, "--max-bytes")
    task = options.read_task(network, where)
    check_bounded(task.domain, output)
    regions, times = enumerated(task, effort)
    try:
        export(regions, output, max_bytes=size, progress=True)
    except PartialResultError as error:
        return report.complain(str(error), code=3)
    report.print_saved(task, regions.summary(), times, output, as_json)
    return report.exit_code(regions)
