"""What all pictures share: the figure, notes about the result, the import of matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polyregions.analysis.shape import vertices
from polyregions.domain import Box
from polyregions.errors import FormatError, shown
from polyregions.files.atomic import atomic_write
from polyregions.files.reading import import_extra
from polyregions.regions import Regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "PICTURE_SUFFIXES",
    "RASTER_ABOVE",
    "describe",
    "finite_window",
    "new_axes",
    "panels",
    "save_figure",
    "shown_box",
    "with_matplotlib",
]

RASTER_ABOVE = 10_000  # cells or lines in a vector file, above which they become pixels

_LONGEST_TITLE = 50  # characters in a title

_EXACT_WINDOW = 2_000  # regions whose exact vertices are computed to choose a window


def with_matplotlib(module: str = "matplotlib") -> Any:
    """Import a module of matplotlib, or name the extra that brings it."""
    return import_extra(module, "plot", "drawing pictures")


def new_axes(*, width: float = 6.4, height: float = 6.0, **options: Any) -> Axes:
    """Return axes in a figure of its own that no window shows."""
    figure = with_matplotlib("matplotlib.figure").Figure(
        figsize=(width, height), layout="constrained", dpi=150
    )
    axes: Axes = figure.add_subplot(**options)
    return axes


def panels(
    count: int, *, columns: int, size: tuple[float, float], dpi: float, border: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """Return a figure that no window shows, and its panels, row by row, each of a size."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure: Figure = with_matplotlib("matplotlib.figure").Figure(
        figsize=(size[0] * columns + border, size[1] * rows + 1.5 * border),
        layout="constrained",
        dpi=dpi,
    )
    return figure, [figure.add_subplot(rows, columns, number) for number in range(1, count + 1)]


def describe(axes: Axes, regions: Regions, notes: Sequence[str] = ()) -> None:
    """Write name and count above a picture, and what a reader must know below the name."""
    remarks = list(notes)
    if not regions.complete:
        remarks.insert(0, "PARTIAL: the enumeration was stopped early")
    if not regions.proven:
        remarks.append("not proven")
    count = f"{len(regions):,} region{'' if len(regions) == 1 else 's'}"
    count += "" if regions.complete else " so far"
    # a name of any origin: nothing in it is an instruction to whoever reads the picture
    title = f"{shown(regions.network.name, _LONGEST_TITLE)}: {count}"
    axes.set_title(title, loc="left", fontsize=11, pad=18, parse_math=False)
    if remarks:
        axes.annotate(
            "; ".join(remarks),
            (0, 1),
            xytext=(4, -4),
            xycoords="axes fraction",
            textcoords="offset points",
            va="top",
            fontsize=8,
            color="black",
            bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "#d55e00", "pad": 2},
            zorder=10,
        )


def finite_window(regions: Regions) -> Box:
    """Return a box that shows the bounded part of a result on the whole space."""
    n = regions.network.input_dimension
    if len(regions) <= _EXACT_WINDOW:
        points = np.concatenate([vertices(region).as_floats().reshape(-1, n) for region in regions])
    else:
        points = regions.witnesses
    if not len(points):
        return Box.cube(n, 1.0)
    # far-away vertices would make everything else a dot
    low, high = np.quantile(points, [0.02, 0.98], axis=0)
    reach = 0.25 * (high - low).max() + (0.0 if (high > low).any() else 1.0)
    return Box(low - reach, high + reach)


def shown_box(regions: Regions, window: Box | None) -> Box:
    """Return the box around the domain, or what is shown of the whole space: the window, if any."""
    if regions.domain is not None:
        return regions.domain.box
    return finite_window(regions) if window is None else window


PICTURE_SUFFIXES = (".png", ".pdf", ".svg")


def save_figure(drawing: Axes | Figure, path: str | PathLike[str]) -> None:
    """Write the figure of some axes to a file, whole or not at all.

    Parameters
    ----------
    drawing : matplotlib.axes.Axes or matplotlib.figure.Figure
    path : str or path-like
        ``.png``, ``.pdf`` or ``.svg``. The same picture gives the same bytes.

    Raises
    ------
    FormatError
        If the name has another suffix.
    """
    import matplotlib as mpl

    suffix = Path(path).suffix.lower()
    if suffix not in PICTURE_SUFFIXES:
        raise FormatError(
            f"{Path(path).name} has no known picture format; "
            f"end the name in {', '.join(PICTURE_SUFFIXES)}"
        )
    figure: Any = drawing if hasattr(drawing, "savefig") else drawing.figure
    # no dates and no random names in the file
    metadata = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}[suffix]
    with atomic_write(path) as stream, mpl.rc_context({"svg.hashsalt": "polyregions"}):
        figure.savefig(stream, format=suffix[1:], metadata=metadata, dpi=200)
