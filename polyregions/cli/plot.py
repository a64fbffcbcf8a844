"""``polyregions plot`` and ``polyregions view``: pictures, and a page to walk through them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from polyregions.arrays import Floats, Integers
from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.enumerate_ import enumerated
from polyregions.cli.options import Task
from polyregions.domain import Box
from polyregions.errors import PolyregionsError, shown
from polyregions.regions import Regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot", "view_command"]


AxesOption = Annotated[
    tuple[int, int] | None,
    typer.Option("--axes", metavar="I J", help="Show two inputs; the others at the box's centre."),
]


@dataclass(frozen=True)
class Look:
    """What is shown, of which colour and under which names; a group of options."""

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
    points: Annotated[
        Path | None,
        typer.Option(
            "--points",
            metavar="FILE",
            help="Mark data points: .npy or .csv, a row each; one column more is the class.",
        ),
    ] = None
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="Above it.")] = None
    labels: Annotated[
        str | None,
        typer.Option("--labels", metavar="X,Y", help="Names of the axes, commas between."),
    ] = None
    class_names: Annotated[
        str | None,
        typer.Option("--classes", metavar="A,B,…", help="Names of the classes, commas between."),
    ] = None

    @property
    def files(self) -> list[Path]:
        """The files that the options read."""
        return [] if self.points is None else [self.points]


class Marks(NamedTuple):
    """What the options of :class:`Look` name, read."""

    points: Floats | None
    classes: Integers | None
    labels: list[str] | None
    class_names: list[str] | None


def read_marks(look: Look, task: Task) -> Marks:
    """Check the colour, and read points and names; points are inputs of the whole network."""
    from polyregions.plot.values import COLORINGS, check_coloring, checked_class_names

    if look.color not in COLORINGS:
        raise PolyregionsError(f"--color {look.color} is not known; take {', '.join(COLORINGS)}")
    outputs = task.network.output_dimension
    check_coloring(look.color, look.output_index, outputs)
    names = checked_class_names(_parts(look.class_names), outputs)
    points = classes = None
    if look.points is not None:
        from polyregions.io.points import read_points

        points, classes = read_points(look.points, task.loaded.input_dimension)
    return Marks(points, classes, _parts(look.labels), names)


def check_labels(marks: Marks, task: Task) -> None:
    """Refuse another number of names than there are axes."""
    if marks.labels is not None and len(marks.labels) != task.dimension:
        raise PolyregionsError(
            f"--labels has {len(marks.labels)} names for {task.dimension} axes; give one for each"
        )


def _parts(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",")]


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
class Drawing:
    """What only a picture has."""

    facets: Annotated[bool, typer.Option(help="Draw facets by layer.")] = True
    dual_graph: Annotated[bool, typer.Option("--graph", help="Lay the dual graph over.")] = False
    contours: Annotated[
        int | None,
        typer.Option(
            "--contours", metavar="K", help="Draw about K level lines of output --output-index."
        ),
    ] = None
    growth: Annotated[bool, typer.Option("--growth", help="One picture per layer added.")] = False
    dpi: Annotated[float, typer.Option("--dpi", metavar="D", help="Pixels per inch.")] = 200.0


@options.grouped
def plot(
    where: options.Where,
    effort: options.WalkEffort,
    look: Look,
    drawing: Drawing,
    network: options.NetworkArgument,
    output: Annotated[Path, options.output_option("OUT", "Picture: .png, .pdf or .svg.")],
    as_json: options.AsJson = False,
) -> int:
    """Draw the regions: cells for two inputs, the function for one, solids for three."""
    from polyregions.plot import plot_growth, save_figure
    from polyregions.plot.figure import PICTURE_SUFFIXES, check_dpi, with_matplotlib

    storage.check_output(output, PICTURE_SUFFIXES, [network, *where.files, *look.files])
    check_dpi(drawing.dpi)
    with_matplotlib()  # refused before the walk rather than after it
    task = options.read_task(network, where)
    marks = read_marks(look, task)
    if look.axes is not None:
        task = on_axes(task, look.axes)
    if task.dimension > 3:
        raise PolyregionsError(
            f"{task.dimension} inputs are free; choose two to show with --axes I J, or a plane"
        )
    if drawing.growth:
        if task.domain is None or task.dimension != 2:
            raise PolyregionsError("--growth needs a box with two free inputs; see --axes")
        if any(one is not None for one in (*marks, look.title, drawing.contours)):
            raise PolyregionsError(
                "--growth draws cells alone; leave out points, names, titles and contours"
            )
        figure = plot_growth(task.network, task.domain, color=look.color)
        save_figure(figure, output, dpi=drawing.dpi)
        if as_json:
            report.print_json({**report.values(task), "output": str(output)})
        else:
            report.print_lines(f"saved to {output}")
        return 0
    if drawing.contours is not None and task.dimension != 2:
        raise PolyregionsError(
            f"--contours needs two free inputs, not {task.dimension}; see --axes"
        )
    if marks.points is not None and task.dimension == 3:
        raise PolyregionsError("--points needs one or two free inputs, not 3; see --axes")
    check_labels(marks, task)
    regions, times = enumerated(task, effort)
    save_figure(_picture(regions, task, look, drawing, marks), output, dpi=drawing.dpi)
    report.print_saved(task, regions.summary(), times, output, as_json)
    return report.exit_code(regions)


def _picture(regions: Regions, task: Task, look: Look, drawing: Drawing, marks: Marks) -> Axes:
    """Return the picture of some regions with one to three free inputs."""
    from polyregions.plot import plot_cells, plot_contours, plot_line, plot_points, plot_solids
    from polyregions.plot.values import cell_values

    index = look.output_index
    values = cell_values(regions, look.color, index, class_names=marks.class_names)
    if task.dimension == 1:
        label = None if marks.labels is None else marks.labels[0]
        axes = plot_line(regions, color=values, label=label, plane=task.slice)
    elif task.dimension == 2:
        axes = plot_cells(
            regions,
            color=values,
            facets=drawing.facets,
            graph=drawing.dual_graph,
            labels=marks.labels,
            plane=task.slice,
        )
    else:
        axes = plot_solids(regions, color=values, labels=marks.labels)
    if drawing.contours is not None:
        plot_contours(regions, axes, output=index, levels=drawing.contours)
    if marks.points is not None:
        plot_points(regions, marks.points, axes, classes=marks.classes, plane=task.slice)
    if look.title is not None:
        axes.set_title(shown(look.title), loc="left", fontsize=11, pad=18, parse_math=False)
    return axes


@options.grouped
def view_command(
    where: options.Where,
    effort: options.WalkEffort,
    network: options.NetworkArgument,
    output: Annotated[Path, options.output_option("OUT.html", "Where to write the page.")],
    look: Look,
    later: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[LATER]...", help="The network later, such as checkpoints: frames of a film."
        ),
    ] = None,
    whole_graph: Annotated[
        bool,
        typer.Option("--whole-graph", help="With --axes: also show the graph of all regions."),
    ] = False,
    as_json: options.AsJson = False,
) -> int:
    """Write one HTML page to look around in: hover, click, search. It works offline."""
    from polyregions.viewer.page import MOST_CELLS, check_frames, write_page

    files = [network, *(later or [])]
    storage.check_output(output, [".html"], [*files, *where.files, *look.files])
    tasks = [options.read_task(file, where) for file in files]
    task = tasks[0]
    marks = read_marks(look, task)
    # a larger result is stopped there, and its page says that it is partial
    bound = MOST_CELLS // len(files)
    most = replace(effort, max_regions=min(effort.max_regions or bound, bound))
    everything, axes = None, look.axes
    if axes is None and task.dimension > 3 and task.domain is not None:
        first, second = task.domain.free[:2].tolist()
        axes = (first, second)
        report.tell(
            f"{task.dimension} inputs are free: showing inputs {first} and {second}, the others "
            f"at the centre of the box; choose with --axes, --fix or --plane-through"
        )
    if whole_graph and (axes is None or later):
        raise PolyregionsError("--whole-graph needs one network and --axes I J")
    if axes is not None:
        if whole_graph:
            everything, _ = enumerated(task, most)
        tasks = [on_axes(each, axes) for each in tasks]
    check_labels(marks, tasks[0])
    check_frames([(each.network, each.domain) for each in tasks])
    found = [enumerated(each, most) for each in tasks]
    frames = [regions for regions, _ in found]
    write_page(
        frames,
        output,
        names=[file.stem for file in files],
        whole=everything,
        plane=task.slice,
        labels=marks.labels,
        points=marks.points,
        classes=marks.classes,
        class_names=marks.class_names,
        title=look.title,
        color=look.color,
        output=look.output_index,
    )
    runs = [
        (each, regions.summary(), times)
        for each, (regions, times) in zip(tasks, found, strict=True)
    ]
    if as_json and later:
        entries = [report.values(each) | report.run_values(said, took) for each, said, took in runs]
        report.print_json({"frames": entries, "output": str(output)})
    else:
        for run in runs:
            report.print_saved(*run, output, as_json)
    return max(report.exit_code(regions) for regions in frames)
