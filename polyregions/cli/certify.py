"""``polyregions certify``: all regions, and a proof that anyone can check."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.cluster import DaskProofOption, certify_by_cluster
from polyregions.cli.enumerate_ import enumerated
from polyregions.cli.progress_lines import announced_compilation, shown_steps
from polyregions.errors import PolyregionsError


@options.on_a_domain
def certify(
    where: options.Where,
    network: options.NetworkArgument,
    output: Annotated[
        Path, typer.Option("-o", "--out", metavar="CERT", help="Where to save the certificate.")
    ],
    threads: options.ThreadsOption = 1,
    dask: DaskProofOption = None,
    resume: storage.ResumeOption = False,
    as_json: options.AsJson = False,
) -> int:
    """Find every region and save a proof; see ``polyregions check``."""
    from polyregions.proof.certificate import write_certificate

    # a certificate may have any name
    options.check_output(output, [output.suffix.lower()], [network, *where.files])
    if resume and dask is None:
        raise PolyregionsError(
            "--resume goes on with parts that a cluster wrote; add --dask, or leave it out"
        )
    task = options.read_task(network, where)
    if dask is not None:
        try:
            written, times = certify_by_cluster(task, dask, output, threads=threads, resume=resume)
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
    regions, times = enumerated(
        task, threads=threads, max_regions=None, time_limit=None, compile_first=True
    )
    code = report.exit_code(regions)
    if code == 0:
        with announced_compilation(), shown_steps("written") as progress:
            write_certificate(regions, output, progress=progress)
        report.print_saved(task, regions.summary(), times, output, as_json)
    return code
