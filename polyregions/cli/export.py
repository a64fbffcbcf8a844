"""``polyregions export``: the network as a piecewise-affine function, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.enumerate_ import enumerated
from polyregions.errors import PartialResultError

__all__ = ["export_command"]


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
    from polyregions.pwa.pwa_file import EXPORT_SUFFIXES, check_bounded, export

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
