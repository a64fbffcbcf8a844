"""The options that pictures and pages share: colours, names, and what lies on regions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from polyregions.arrays import Floats, Integers
from polyregions.cli.options import Task
from polyregions.errors import PolyregionsError

__all__ = ["AxesOption", "Look", "Marks", "check_labels", "read_marks"]

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
