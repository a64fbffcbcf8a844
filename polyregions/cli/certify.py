"""``polyregions certify``: all regions, and a proof that anyone can check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polyregions.cli import options, report
from polyregions.cli.progress import announced_compilation, shown_steps
from polyregions.cli.walk import walk


@options.on_a_domain
def certify(
    where: options.Where,
    network: options.NetworkArgument,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="CERT", help="Where to save the certificate.")
    ],
    threads: options.ThreadsOption = 1,
) -> int:
    """Find every region and save a proof; see ``polyregions check``."""
    from polyregions.proof.certificate import write_certificate

    # a certificate may have any name
    options.check_output(output, [output.suffix.lower()], network)
    task = options.read_task(network, where)
    regions, seconds = walk(task, threads=threads, max_regions=None, time_limit=None)
    code = report.exit_code(regions)
    if code == 0:
        with announced_compilation(), shown_steps("written") as progress:
            write_certificate(regions, output, progress=progress)
        report.print_lines(*report.count_lines(regions, seconds), f"certificate saved to {output}")
    return code
