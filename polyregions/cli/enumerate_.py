"""``polyregions enumerate``: all regions, saved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polyregions.cli import options, report
from polyregions.cli.walk import walk


@options.on_a_domain
def enumerate_(
    where: options.Where,
    network: options.NetworkArgument,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT.npz", help="Where to save the result.")
    ],
    threads: options.ThreadsOption = 1,
    max_regions: options.MaxRegionsOption = None,
    time_limit: options.TimeLimitOption = None,
) -> int:
    """Save every region: pattern, a point inside, and which regions touch."""
    options.check_output(output, [".npz"], network)
    task = options.read_task(network, where)
    regions, seconds = walk(task, threads=threads, max_regions=max_regions, time_limit=time_limit)
    regions.save(output)
    report.print_lines(*report.count_lines(regions, seconds), f"saved to {output}")
    return report.exit_code(regions)
