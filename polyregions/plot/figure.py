"""What all pictures share: a figure that notebooks show, its window, notes, marks and file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from polyregions.analysis.affine_maps import free_inputs
from polyregions.analysis.shape import vertices
from polyregions.arrays import Floats, Integers, finite_floats
from polyregions.domain import Box
from polyregions.errors import DomainError, FormatError, PolyregionsError, kind_of, shown
from polyregions.files.atomic import atomic_write
from polyregions.files.reading import import_extra
from polyregions.network.slices import Slice
from polyregions.plot.values import class_color
from polyregions.regions import Regions, check_regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "PICTURE_SUFFIXES",
    "RASTER_ABOVE",
    "axes_for",
    "axis_names",
    "check_dpi",
    "check_drawable",
    "checked_classes",
    "describe",
    "draw_strokes",
    "figure_of_panels",
    "mark_plane",
    "new_axes",
    "placed_points",
    "plot_points",
    "save_figure",
    "shown_box",
    "with_matplotlib",
]

RASTER_ABOVE = 10_000  # cells or lines in a vector file, above which they become pixels

_LONGEST_TITLE = 50  # characters in a title

_EXACT_WINDOW = 2_000  # regions whose exact vertices are computed to choose a window
_LONGEST_MARK = 30  # characters of an axis or of a marked point
_RIM: dict[str, Any] = {"color": "black", "mec": "black"}
# Of a picture's width. A point in the plane is off it by rounding alone; one farther off than this
# gets a note below the picture. Where points are drawn does not depend on it.
_FAR = 1e-6

_SHOWN_DPI = 100  # of a picture in a notebook

PICTURE_SUFFIXES = (".png", ".pdf", ".svg")


def with_matplotlib(module: str = "matplotlib") -> Any:
    """Import a module of matplotlib, or name the extra that brings it."""
    import_extra("matplotlib", "plot", "drawing pictures")  # which has all modules, or none
    return import_extra(module, "plot", "drawing pictures")


class _Displayed:
    """What notebooks show as a picture, whoever made it and whether or not pyplot is there."""

    def _repr_png_(self) -> bytes:
        stream = BytesIO()
        drawing: Any = self
        drawing.figure.savefig(stream, format="png", dpi=_SHOWN_DPI)
        return stream.getvalue()


@cache
def _displayed(base: type) -> type:
    """Return a class of figures or axes whose values show themselves in a notebook."""
    return type(base.__name__, (_Displayed, base), {"__module__": base.__module__})


def _figure(width: float, height: float, dpi: float) -> Figure:
    figure: Figure = _displayed(with_matplotlib("matplotlib.figure").Figure)(
        figsize=(width, height), layout="constrained", dpi=dpi
    )
    return figure


def new_axes(*, width: float = 6.4, height: float = 6.0, solid: bool = False) -> Axes:
    """Return axes in a figure of its own that no window shows, but a notebook does."""
    module, name = ("mpl_toolkits.mplot3d", "Axes3D") if solid else ("matplotlib.axes", "Axes")
    kind = _displayed(getattr(with_matplotlib(module), name))
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


def _finite_window(regions: Regions) -> Box:
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
    return _finite_window(regions) if window is None else window


def check_dpi(dpi: float) -> None:
    """Refuse a number of pixels per inch that shows nothing, or fills the memory."""
    if not 10 <= dpi <= 2400:
        raise PolyregionsError(f"{dpi:g} pixels per inch are not drawn; take 10 to 2400")


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


def _check_plane(regions: Regions, plane: Slice | None) -> None:
    """Refuse a slice that is not the one on which the regions are."""
    if plane is None:
        return
    if not isinstance(plane, Slice):
        raise PolyregionsError(f"plane is a Plane, a Line or a Slice, not {kind_of(plane)}")
    if plane.dimension != regions.network.input_dimension:
        raise DomainError(
            f"the slice has {plane.dimension} coordinates but the regions have "
            f"{regions.network.input_dimension}; enumerate plane.restrict(network)"
        )


def axis_names(
    regions: Regions, labels: Sequence[str] | None, plane: Slice | None = None
) -> list[str]:
    """Return the names of the free inputs: as given, as of the plane, or by number."""
    _check_plane(regions, plane)
    free = free_inputs(regions).tolist()
    if labels is not None:
        if isinstance(labels, str) or len(labels) != len(free):
            raise PolyregionsError(f"{len(free)} axes have {len(free)} labels, not {labels!r}")
        names = list(map(str, labels))
    elif plane is not None:
        names = [plane.labels[axis] for axis in free]
    else:
        names = [f"input {axis}" for axis in free]
    return [shown(name, 2 * _LONGEST_MARK) for name in names]


def mark_plane(axes: Axes, plane: Slice | None) -> None:
    """Mark the points that a plane or a line is laid through, with their names."""
    if plane is None or plane.dimension > 2 or not plane.marks:
        return
    at = plane.coordinates(np.array([point for _, point in plane.marks]))
    for (name, _), place in zip(plane.marks, at, strict=True):
        text = shown(name, _LONGEST_MARK)
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
        style: dict[str, Any] = {"fontsize": 9, "bbox": box, "parse_math": False, "zorder": 6}
        style |= {"textcoords": "offset points", "annotation_clip": True}
        if plane.dimension == 2:
            axes.plot(*place, "D", ms=6, mfc="white", mew=1.4, zorder=5, **_RIM)
            axes.annotate(text, place, xytext=(7, 5), **style)
        else:
            axes.axvline(place[0], color="black", lw=1, ls=":", zorder=2)
            across = axes.get_xaxis_transform()
            style |= {"xycoords": across, "annotation_clip": None, "ha": "center", "va": "top"}
            axes.annotate(text, (place[0], 1), xytext=(0, -3), **style)


def plot_points(
    regions: Regions,
    points: ArrayLike,
    axes: Axes,
    *,
    classes: ArrayLike | None = None,
    plane: Slice | None = None,
) -> Axes:
    """Mark data points on a picture of cells.

    Parameters
    ----------
    regions : Regions
        With one or two free inputs: those of the picture.
    points : array_like, shape (k, n)
        Inputs of the network; with `plane` those of the whole network. They are drawn where
        they project to, at right angles, and the picture says so if they are elsewhere.
    axes : matplotlib.axes.Axes
        What :func:`plot_cells` or :func:`plot_line` has returned.
    classes : array_like of int, shape (k,), optional
        Class of each point, 0 or more: its colour is that of the class.
    plane : Slice, optional
        The plane or line on which the regions are.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DomainError
        If points have another length, are no finite numbers, or none is in the picture;
        or if neither one nor two inputs are free.
    PolyregionsError
        If there is not one class for each point.

    Examples
    --------
    >>> import polyregions as pr
    >>> from polyregions.plot import plot_cells
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [-0.5])])
    >>> regions = pr.enumerate_regions(net, pr.Box.cube(2, 1.0))
    >>> axes = plot_cells(regions, color="class")
    >>> plot_points(regions, [[0.5, 0.5], [-0.5, 0.5]], axes, classes=[1, 0]) is axes
    True
    """
    check_regions(regions)
    free = free_inputs(regions)
    if len(free) not in (1, 2):
        raise DomainError(f"points are marked for one or two free inputs, not {len(free)}")
    inputs, at = placed_points(regions, points, plane)
    numbers = checked_classes(classes, len(at))
    low, high = _limits(axes, at.shape[1])
    seen = ((at >= low) & (at <= high)).all(axis=1)
    if not seen.any():
        raise DomainError(f"none of the {len(at)} points is in the picture; take another window")
    size = float(np.clip(60 / np.sqrt(seen.sum()), 2.0, 5.5))
    for number in np.unique(numbers[seen]).tolist():
        here = at[seen & (numbers == number)]
        fill = "white" if number < 0 else class_color(number)
        style: dict[str, Any] = {"ms": size, "mfc": fill, "mew": 0.25 * np.sqrt(size), "zorder": 4}
        if here.shape[1] == 2:
            axes.plot(*here.T, "o", **style, **_RIM)
        else:
            across = axes.get_xaxis_transform()
            axes.plot(here[:, 0], np.full(len(here), 0.07), "o", transform=across, **style, **_RIM)
    notes = [] if seen.all() else [f"{(~seen).sum():,} of {len(at):,} points are outside"]
    if _farthest_projected(regions, inputs, at, plane) > _FAR * float((high - low).max()):
        notes.append("points are projected")
    if notes:
        _note(axes, "; ".join(notes), above=at.shape[1] == 1)
    return axes


def placed_points(
    regions: Regions, points: ArrayLike, plane: Slice | None
) -> tuple[Floats, Floats]:
    """Return the points as inputs (k, n), and where they are in the free inputs (k, d)."""
    _check_plane(regions, plane)
    free = free_inputs(regions)
    inputs = finite_floats(points, "points", DomainError)
    n = regions.network.input_dimension if plane is None else len(plane.origin)
    if inputs.ndim != 2 or inputs.shape[1] != n or not len(inputs):
        raise DomainError(f"points must have shape (k, {n}), not {inputs.shape}")
    return inputs, (inputs if plane is None else plane.coordinates(inputs))[:, free]


def checked_classes(classes: ArrayLike | None, count: int) -> Integers:
    """Return the class of each point, -1 where there are none."""
    if classes is None:
        return np.full(count, -1, dtype=np.int64)
    numbers = finite_floats(classes, "classes of points", PolyregionsError)
    whole = numbers.astype(np.int64)
    if numbers.shape != (count,) or (whole != numbers).any() or (whole < 0).any():
        raise PolyregionsError(f"{count} points have {count} classes, whole numbers from 0 up")
    return whole


def _limits(axes: Axes, dimension: int) -> tuple[Floats, Floats]:
    both = np.sort([axes.get_xlim(), axes.get_ylim()][:dimension], axis=1)
    return both[:, 0], both[:, 1]


def _farthest_projected(regions: Regions, inputs: Floats, at: Floats, plane: Slice | None) -> float:
    """Return how far the farthest input is from what the picture shows."""
    witness = regions.witnesses[0] if len(regions) else np.zeros(regions.network.input_dimension)
    there = np.tile(witness, (len(at), 1))
    there[:, free_inputs(regions)] = at
    found = there if plane is None else plane.to_input(there)
    return float(np.linalg.norm(found - inputs, axis=1).max())


def _note(axes: Axes, text: str, *, above: bool) -> None:
    """Write in the lower right corner, or above the frame where cells are at the bottom."""
    corner: Any = (1, 1) if above else (1, 0)
    axes.annotate(
        text,
        corner,
        xytext=(0, 4) if above else (-4, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=8,
        bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 2},
        zorder=10,
    )
