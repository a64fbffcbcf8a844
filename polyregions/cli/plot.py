"""``polyregions plot`` and ``polyregions view``: pictures, and a page to walk through them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.enumerate_ import enumerated
from polyregions.cli.options import Task
from polyregions.domain import Box
from polyregions.errors import PolyregionsError

__all__ = ["AxesOption", "on_axes"]

AxesOption = Annotated[
    tuple[int, int] | None,
    typer.Option("--axes", metavar="I J", help="Show two inputs; the others at the box's centre."),
]


def on_axes(task: Task, axes: tuple[int, int]) -> Task:
    """Return the task with two free inputs, the others held at the centre of their interval."""
    n = task.network.input_dimension
    if task.domain is None:
        raise PolyregionsError("--axes needs a box: the whole space has no centre; give --cube R")
    if axes[0] == axes[1] or not all(0 <= axis < n for axis in axes):
        raise PolyregionsError(
            f"--axes {axes[0]} {axes[1]} does not name two inputs; they are numbered 0 to {n - 1}"
        )
    if not isinstance(task.domain, Box):
        raise PolyregionsError(
            "--axes needs a box: a polytope has no centre to hold inputs at; "
            "take a plane with --plane-through, or --fix"
        )
    lower, upper = task.domain.lower.copy(), task.domain.upper.copy()
    held = [axis for axis in range(n) if axis not in axes]
    lower[held] = upper[held] = lower[held] / 2 + upper[held] / 2
    return replace(task, domain=Box(lower, upper))


@dataclass(frozen=True)
class Look:
    """What a picture shows."""

    axes: AxesOption = None
    color: Annotated[
        str,
        typer.Option(
            "--color", help="pattern, layer, output, gradient, class or distance (in facets)."
        ),
    ] = "pattern"
    output_index: Annotated[
        int, typer.Option("--output-index", metavar="K", help="For --color output.")
    ] = 0
    facets: Annotated[bool, typer.Option(help="Draw facets by layer.")] = True
    dual_graph: Annotated[bool, typer.Option("--graph", help="Lay the dual graph over.")] = False
    growth: Annotated[bool, typer.Option("--growth", help="One picture per layer added.")] = False


@options.grouped
def plot(
    where: options.Where,
    effort: options.Effort,
    look: Look,
    network: options.NetworkArgument,
    output: Annotated[Path, options.output_option("OUT", "Picture: .png, .pdf or .svg.")],
    as_json: options.AsJson = False,
) -> int:
    """Draw the regions: cells for two inputs, the function for one, solids for three."""
    from polyregions.plot import plot_cells, plot_growth, plot_line, plot_solids, save_figure
    from polyregions.plot.figure import PICTURE_SUFFIXES, with_matplotlib
    from polyregions.plot.values import COLORINGS, check_coloring

    storage.check_output(output, PICTURE_SUFFIXES, [network, *where.files])
    if look.color not in COLORINGS:
        raise PolyregionsError(f"--color {look.color} is not known; take {', '.join(COLORINGS)}")
    with_matplotlib()  # refused before the walk rather than after it
    task = options.read_task(network, where)
    check_coloring(look.color, look.output_index, task.network.output_dimension)
    if look.axes is not None:
        task = on_axes(task, look.axes)
    if task.dimension > 3:
        raise PolyregionsError(
            f"{task.dimension} inputs are free; choose two to show with --axes I J, or a plane"
        )
    if look.growth:
        if task.domain is None or task.dimension != 2:
            raise PolyregionsError("--growth needs a box with two free inputs; see --axes")
        save_figure(plot_growth(task.network, task.domain, color=look.color), output)
        if as_json:
            report.print_json({**report.values(task), "output": str(output)})
        else:
            report.print_lines(f"saved to {output}")
        return 0
    regions, times = enumerated(task, **vars(effort))
    if task.dimension == 1:
        drawing = plot_line(regions, color=look.color, output=look.output_index)
    elif task.dimension == 2:
        drawing = plot_cells(
            regions,
            color=look.color,
            output=look.output_index,
            facets=look.facets,
            graph=look.dual_graph,
        )
    else:
        drawing = plot_solids(regions, color=look.color, output=look.output_index)
    save_figure(drawing, output)
    report.print_saved(task, regions.summary(), times, output, as_json)
    return report.exit_code(regions)


@options.grouped
def view_command(
    where: options.Where,
    effort: options.Effort,
    network: options.NetworkArgument,
    output: Annotated[Path, options.output_option("OUT.html", "Where to write the page.")],
    axes: AxesOption = None,
    whole_graph: Annotated[
        bool,
        typer.Option("--whole-graph", help="With --axes: also show the graph of all regions."),
    ] = False,
    output_index: Annotated[
        int, typer.Option("--output-index", metavar="K", help="The output to colour cells by.")
    ] = 0,
    as_json: options.AsJson = False,
) -> int:
    """Write one HTML page to look around in: hover, click, search. It works offline."""
    from polyregions.plot.values import check_coloring
    from polyregions.viewer.page import MOST_CELLS, write_page

    storage.check_output(output, [".html"], [network, *where.files])
    task = options.read_task(network, where)
    check_coloring("output", output_index, task.network.output_dimension)
    # a larger result is stopped there, and its page says that it is partial
    most = replace(effort, max_regions=min(effort.max_regions or MOST_CELLS, MOST_CELLS))
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
            everything, _ = enumerated(task, **vars(most))
        task = on_axes(task, axes)
    regions, times = enumerated(task, **vars(most))
    write_page(regions, output, whole=everything, output=output_index)
    report.print_saved(task, regions.summary(), times, output, as_json)
    return report.exit_code(regions)
