"""``polyregions enumerate`` and ``polyregions graph``: all regions, and which touch, saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.options import Task
from polyregions.cli.progress_lines import announced_compilation, mentioning_estimate
from polyregions.errors import PolyregionsError
from polyregions.regions import Regions
from polyregions.run.display import parts_text, shown_progress, shown_steps

if TYPE_CHECKING:
    from distributed import Client

    from polyregions.compiled import Times
    from polyregions.scale.saved_walk import Written

__all__ = ["enumerated", "enumerated_to_file", "on_cluster"]


def enumerated(
    task: Task,
    effort: options.WalkEffort,
    *,
    memory: int | None = None,
    compile_first: bool = False,
) -> tuple[Regions, Times]:
    """Enumerate with progress on stderr; return the result and the times it took."""
    with announced_compilation() as compiled, shown_progress(True) as progress:
        from polyregions.compiled import Stopwatch
        from polyregions.walk.breadth_first import enumerate_regions

        watch = Stopwatch()
        limits = effort.max_regions, effort.time_limit, memory
        regions = enumerate_regions(
            task.network,
            task.domain,
            memory=memory,
            compile_first=compile_first,
            progress=mentioning_estimate(progress, *limits, compiled=compiled),
            on_interrupt="return",
            **vars(effort),
        )
        return regions, watch.times()


def enumerated_to_file(task: Task, output: Path, **options: Any) -> tuple[Written, Times]:
    """Enumerate into a file, likewise; see :func:`polyregions.scale.enumerate_to_file`."""
    with announced_compilation(), shown_progress(True) as progress:
        from polyregions.compiled import Stopwatch
        from polyregions.scale.saved_walk import enumerate_to_file

        watch = Stopwatch()
        written = enumerate_to_file(
            task.network,
            task.domain,
            output,
            progress=progress,
            on_interrupt="return",
            **options,
        )
        return written, watch.times()


def walk_by_cluster(
    task: Task, address: str, output: Path, effort: options.WalkEffort, *, resume: bool
) -> tuple[Written, Times]:
    """Enumerate into a folder, likewise."""
    with on_cluster(address, effort.threads) as (client, callbacks):
        from polyregions.compiled import Stopwatch
        from polyregions.scale.cluster_walk import enumerate_on_cluster

        watch = Stopwatch()
        written = enumerate_on_cluster(
            task.network,
            task.domain,
            output,
            client,
            resume=resume,
            max_regions=effort.max_regions,
            time_limit=effort.time_limit,
            **callbacks,
        )
        return written, watch.times()


@contextmanager
def on_cluster(address: str, threads: int) -> Iterator[tuple[Client, dict[str, Any]]]:
    """Yield a cluster, and what shows the progress of a walk on it and keeps a part."""
    with (
        announced_compilation(),
        shown_progress(True, parts_text) as progress,
        shown_steps(True, "files", "sorted") as assembling,
    ):
        from polyregions.scale.cluster import connected

        with connected(address, threads) as client:
            yield (
                client,
                {"progress": progress, "assembling": assembling, "on_interrupt": "return"},
            )


_STOP_WORDS = {
    "regions": "at the limit of --max-regions",
    "time": "at the limit of --time-limit",
    "memory": "at the budget of --memory",
    "interrupt": "by Ctrl-C",
}


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
            written, times = walk_by_cluster(task, dask, output, effort, resume=resume)
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
