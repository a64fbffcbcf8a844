"""What all pictures share: a figure that notebooks show, its window, its notes, its file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polyregions.analysis.shape import vertices
from polyregions.arrays import Floats
from polyregions.domain import Box
from polyregions.errors import FormatError, PolyregionsError, shown
from polyregions.files.atomic import atomic_write
from polyregions.files.reading import import_extra
from polyregions.regions import Regions, check_regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "PICTURE_SUFFIXES",
    "RASTER_ABOVE",
    "axes_for",
    "check_dpi",
    "check_drawable",
    "describe",
    "displayed",
    "draw_strokes",
    "figure_of_panels",
    "finite_window",
    "new_axes",
    "save_figure",
    "shown_box",
    "with_matplotlib",
]

RASTER_ABOVE = 10_000  # cells or lines in a vector file, above which they become pixels

_LONGEST_TITLE = 50  # characters in a title

_EXACT_WINDOW = 2_000  # regions whose exact vertices are computed to choose a window


def with_matplotlib(module: str = "matplotlib") -> Any:
    """Import a module of matplotlib, or name the extra that brings it."""
    import_extra("matplotlib", "plot", "drawing pictures")  # which has all modules, or none
    return import_extra(module, "plot", "drawing pictures")


_SHOWN_DPI = 100  # of a picture in a notebook


class _Displayed:
    """What notebooks show as a picture, whoever made it and whether or not pyplot is there."""

    def _repr_png_(self) -> bytes:
        stream = BytesIO()
        drawing: Any = self
        drawing.figure.savefig(stream, format="png", dpi=_SHOWN_DPI)
        return stream.getvalue()


@cache
def displayed(base: type) -> type:
    """Return a class of figures or axes whose values show themselves in a notebook."""
    return type(base.__name__, (_Displayed, base), {"__module__": base.__module__})


def _figure(width: float, height: float, dpi: float) -> Figure:
    figure: Figure = displayed(with_matplotlib("matplotlib.figure").Figure)(
        figsize=(width, height), layout="constrained", dpi=dpi
    )
    return figure


def new_axes(*, width: float = 6.4, height: float = 6.0, solid: bool = False) -> Axes:
    """Return axes in a figure of its own that no window shows, but a notebook does."""
    module, name = ("mpl_toolkits.mplot3d", "Axes3D") if solid else ("matplotlib.axes", "Axes")
    kind = displayed(getattr(with_matplotlib(module), name))
    axes: Axes = _figure(width, height, 150).add_subplot(axes_class=kind)
    return axes


def axes_for(view: Box, *, key: bool) -> Axes:
    """Return axes whose frame has about the shape of what is shown, with room for a key."""
    width, height = view.upper[view.free] - view.lower[view.free]
    ratio = float(height / width)
    if not 0.2 < ratio < 5:  # drawn with other units up than across
        return new_axes()
    if ratio <= 1:
        return new_axes(height=1.2 + 4.8 * ratio)
    # a title needs some width, too
    return new_axes(width=max(3.2, 1.0 + 5.2 / ratio + 1.2 * key), height=6.4)


def figure_of_panels(
    count: int, *, columns: int, size: tuple[float, float], dpi: float, border: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """Return a figure that no window shows, and its panels, row by row, each of a size."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = _figure(size[0] * columns + border, size[1] * rows + 1.5 * border, dpi)
    return figure, [figure.add_subplot(rows, columns, number) for number in range(1, count + 1)]


def draw_strokes(
    axes: Axes, segments: Floats, strokes: Sequence[tuple[str, float]], zorder: float
) -> None:
    """Draw segments, shape (k, 2, 2), once in each colour and width; the last lie on top."""
    lines = with_matplotlib("matplotlib.collections").LineCollection
    for shade, width in strokes:
        axes.add_collection(
            lines(
                segments,
                colors=shade,
                linewidths=width,
                capstyle="round",
                rasterized=len(segments) > RASTER_ABOVE,
                zorder=zorder,
            )
        )


def describe(axes: Axes, regions: Regions, notes: Sequence[str] = ()) -> None:
    """Write name and count above a picture, and what a reader must know below the name."""
    remarks = list(notes)
    state = ""
    if regions.selection:
        state = " (a selection)"  # which is not wrong: there is no remark on the picture
    elif not regions.complete:
        remarks.insert(0, "PARTIAL: not all regions")
        state = " (partial)"
    if not regions.proven:
        remarks.append("not proven")
    count = f"{len(regions):,} region{'' if len(regions) == 1 else 's'}"
    # a name of any origin: nothing in it is an instruction to whoever reads the picture
    title = f"{shown(regions.network.name, _LONGEST_TITLE)}: {count}{state}"
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


def check_drawable(regions: object) -> None:
    """Refuse what is no :class:`Regions`, or none of them.

    Raises
    ------
    PolyregionsError
    """
    check_regions(regions)
    if not len(regions):  # type: ignore[arg-type]
        raise PolyregionsError("there is no region to draw; choose at least one")


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


def check_dpi(dpi: float) -> None:
    """Refuse a number of pixels per inch that shows nothing, or fills the memory."""
    if not 10 <= dpi <= 2400:
        raise PolyregionsError(f"{dpi:g} pixels per inch are not drawn; take 10 to 2400")


PICTURE_SUFFIXES = (".png", ".pdf", ".svg")


def save_figure(drawing: Axes | Figure, path: str | PathLike[str], *, dpi: float = 200) -> None:
    """Write the figure of some axes to a file, whole or not at all.

    Parameters
    ----------
    drawing : matplotlib.axes.Axes or matplotlib.figure.Figure
    path : str or path-like
        ``.png``, ``.pdf`` or ``.svg``. The same picture gives the same bytes.
    dpi : float
        Pixels per inch, 10 to 2,400; in vector files of what is drawn as pixels.

    Raises
    ------
    FormatError
        If the name has another suffix.
    PolyregionsError
        If there are too few or too many pixels per inch.

    Examples
    --------
    >>> import tempfile
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> axes = pr.plot_line(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_figure(axes, f"{folder}/line.svg")
    """
    import matplotlib as mpl

    suffix = Path(path).suffix.lower()
    if suffix not in PICTURE_SUFFIXES:
        raise FormatError(
            f"{Path(path).name} has no known picture format; "
            f"end the name in {', '.join(PICTURE_SUFFIXES)}"
        )
    check_dpi(dpi)
    figure: Any = drawing if hasattr(drawing, "savefig") else drawing.figure
    # no dates and no random names in the file
    metadata = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}[suffix]
    with atomic_write(path) as stream, mpl.rc_context({"svg.hashsalt": "polyregions"}):
        figure.savefig(stream, format=suffix[1:], metadata=metadata, dpi=dpi)
