"""``polyregions certify``: every region found, with a proof; ``polyregions check`` is beside it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.count import Method
from polyregions.cli.enumerate_ import by_cluster, enumerated
from polyregions.cli.progress_lines import announced_compilation
from polyregions.errors import PolyregionsError

__all__ = []


@options.grouped
def certify_command(
    where: options.Where,
    network: options.NetworkArgument,
    output: Annotated[Path, options.output_option("CERT", "Where to save the certificate.")],
    threads: options.ThreadsOption = 1,
    dask: Annotated[
        str | None, options.dask_option("Work on a Dask cluster that shares the folder of CERT")
    ] = None,
    resume: storage.ResumeOption = False,
    method: Annotated[
        Method,
        typer.Option(
            "--method",
            help="bfs: regions and edges are proven; tree: their number, in a smaller file.",
        ),
    ] = Method.BFS,
    as_json: options.AsJson = False,
) -> int:
    """Find every region and save a proof; see ``polyregions check``."""
    from polyregions.proof.certification import certify as write_proof

    # a certificate may have any name
    storage.check_output(output, [output.suffix.lower()], [network, *where.files])
    if resume and dask is None:
        raise PolyregionsError(
            "--resume goes on with parts that a cluster wrote; add --dask, or leave it out"
        )
    if method is Method.TREE and dask is not None:
        raise PolyregionsError("a cluster proves by a walk; leave --method out, or --dask")
    task = options.read_task(network, where)
    if dask is not None:
        try:
            from polyregions.scale.cluster_proof import certify_on_cluster

            written, times = by_cluster(
                certify_on_cluster, task, dask, output, threads, resume=resume
            )
        except (KeyboardInterrupt, MemoryError, OSError) as error:
            return storage.ended_by(error, output)
        if written.complete:
            report.print_saved(task, asdict(written), times, output, as_json)
            return 0
        report.tell(
            f"polyregions: stopped with proofs of {written.regions:,} regions; there is no "
            f"certificate yet, and the same command with --resume goes on from here"
        )
        return 3
    regions, times = enumerated(task, options.WalkEffort(threads), compile_first=True)
    code = report.exit_code(regions)
    if code == 0:
        with announced_compilation():
            write_proof(regions, output, method=method.value, progress=True)
        report.print_saved(task, regions.summary(), times, output, as_json)
    return code
