"""``polyregions graph``: which regions touch, as a graph file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polyregions.cli import options, report
from polyregions.cli.enumerate_ import enumerated


@options.on_a_domain
def graph_command(
    where: options.Where,
    network: options.NetworkArgument,
    output: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="OUT", help="Graph file: .graphml, .gexf or .json."),
    ],
    threads: options.ThreadsOption = 1,
    max_regions: options.MaxRegionsOption = None,
    time_limit: options.TimeLimitOption = None,
    as_json: options.AsJson = False,
) -> int:
    """Save the graph of the regions: an edge for every shared facet."""
    from polyregions.io.graphs import GRAPH_SUFFIXES, write_graph

    options.check_output(output, GRAPH_SUFFIXES, [network, *where.files])
    task = options.read_task(network, where)
    regions, times = enumerated(
        task, threads=threads, max_regions=max_regions, time_limit=time_limit
    )
    write_graph(regions, output)
    report.print_saved(task, regions.summary(), times, output, as_json)
    return report.exit_code(regions)
