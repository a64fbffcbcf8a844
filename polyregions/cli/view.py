"""``polyregions view``: an interactive page of the regions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from polyregions.cli import options, report
from polyregions.cli.enumerate_ import enumerated
from polyregions.cli.plot import AxesOption, on_axes


@options.on_a_domain
def view_command(
    where: options.Where,
    network: options.NetworkArgument,
    output: Annotated[
        Path, typer.Option("-o", "--out", metavar="OUT.html", help="Where to write the page.")
    ],
    axes: AxesOption = None,
    whole_graph: Annotated[
        bool,
        typer.Option("--whole-graph", help="With --axes: also show the graph of all regions."),
    ] = False,
    output_index: Annotated[
        int, typer.Option("--output-index", metavar="K", help="The output to colour cells by.")
    ] = 0,
    threads: options.ThreadsOption = 1,
    max_regions: options.MaxRegionsOption = None,
    time_limit: options.TimeLimitOption = None,
    as_json: options.AsJson = False,
) -> int:
    """Write one HTML page to look around in: hover, click, search. It works offline."""
    from polyregions.plot.values import check_coloring
    from polyregions.viewer.page import MOST_CELLS, write_page

    options.check_output(output, [".html"], [network, *where.files])
    task = options.read_task(network, where)
    check_coloring("output", output_index, task.network.output_dimension)
    limits: dict[str, Any] = {"threads": threads, "time_limit": time_limit}
    # a larger result is stopped there, and its page says that it is partial
    most = MOST_CELLS if max_regions is None else min(max_regions, MOST_CELLS)
    everything = None
    if axes is None and task.dimension > 2 and task.domain is not None:
        first, second = task.domain.free[:2].tolist()
        axes = (first, second)
        report.tell(
            f"{task.dimension} inputs are free: showing inputs {first} and {second}, the others "
            f"at the centre of the box; choose with --axes, --fix or --plane-through"
        )
    if axes is not None:
        if whole_graph:
            everything, _ = enumerated(task, max_regions=most, **limits)
        task = on_axes(task, axes)
    regions, times = enumerated(task, max_regions=most, **limits)
    write_page(regions, output, whole=everything, output=output_index)
    report.print_saved(task, regions.summary(), times, output, as_json)
    return report.exit_code(regions)
