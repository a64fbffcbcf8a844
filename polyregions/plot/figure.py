"""What all pictures share: the figure, its window and notes, cells as patches of one colour each.

An affine function is painted in bands along its level lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.shape import vertices
from polyregions.arrays import Floats
from polyregions.domain import Box
from polyregions.errors import FormatError, shown
from polyregions.files.atomic import atomic_write
from polyregions.files.reading import import_extra
from polyregions.plot.values import Values
from polyregions.regions import Regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "PICTURE_SUFFIXES",
    "RASTER_ABOVE",
    "SHADES",
    "Patches",
    "bands",
    "describe",
    "draw_key",
    "draw_patches",
    "figure_of_panels",
    "finite_window",
    "new_axes",
    "patches",
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


def new_axes(*, width: float = 6.4, height: float = 6.0, **options: Any) -> Axes:
    """Return axes in a figure of its own that no window shows."""
    figure = with_matplotlib("matplotlib.figure").Figure(
        figsize=(width, height), layout="constrained", dpi=150
    )
    axes: Axes = figure.add_subplot(**options)
    return axes


def figure_of_panels(
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
    figure: Any = drawing if hasattr(drawing, "savefig") else drawing.figure
    # no dates and no random names in the file
    metadata = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}[suffix]
    with atomic_write(path) as stream, mpl.rc_context({"svg.hashsalt": "polyregions"}):
        figure.savefig(stream, format=suffix[1:], metadata=metadata, dpi=200)


SHADES = 256  # as many as a colour map of matplotlib has


class Patches(NamedTuple):
    """Flat polygons of one colour each.

    Attributes
    ----------
    polygons : list of numpy.ndarray, shape (k, d)
    owners : numpy.ndarray of int64
        The polygon that each is a part of, or is.
    colors : numpy.ndarray, shape (P, 3)
    scale : matplotlib.cm.ScalarMappable or None
        What colours mean, if they stand for numbers.
    """

    polygons: list[Floats]
    owners: NDArray[np.int64]
    colors: Floats
    scale: Any


def patches(
    values: Values,
    polygons: Sequence[Floats],
    of: Sequence[int] | None = None,
    *,
    at: Sequence[Floats] | None = None,
    shades: int = SHADES,
) -> Patches:
    """Return polygons in the colours of cells, cut into bands where colours vary inside.

    Parameters
    ----------
    values : Values
    polygons : sequence of numpy.ndarray, shape (k, d)
        Convex, corners in order; empty ones are left out.
    of : sequence of int, optional
        The cell (number in ``values.regions``) of each polygon; by default its own number.
    at : sequence of numpy.ndarray, optional
        Where the corners of each polygon lie in the free inputs, if elsewhere.
    shades : int
        How many colours a function that varies inside cells has.
    """
    of = range(len(polygons)) if of is None else of
    at = polygons if at is None else at
    shown = [k for k, polygon in enumerate(polygons) if len(polygon)]
    if values.colors is not None:
        colors = values.colors[[of[k] for k in shown]]
        return Patches([polygons[k] for k in shown], np.array(shown, dtype=np.int64), colors, None)
    heights = {k: values.at(of[k], at[k]) for k in shown}
    low = min((h.min() for h in heights.values()), default=0.0)
    high = max((h.max() for h in heights.values()), default=1.0)
    scale = with_matplotlib("matplotlib.cm").ScalarMappable(
        with_matplotlib("matplotlib.colors").Normalize(low, high),
        "cividis" if "facets" in values.label else "viridis",
    )
    if values.slopes is None:
        kept = [polygons[k] for k in shown]
        numbers = [heights[k][0] for k in shown]
        return Patches(kept, np.array(shown, dtype=np.int64), scale.to_rgba(numbers)[:, :3], scale)
    levels = np.linspace(low, high, shades + 1)
    cut = [(k, *band) for k in shown for band in bands(polygons[k], heights[k], levels)]
    owners = np.array([k for k, _, _ in cut], dtype=np.int64)
    middles = (levels[:-1] + levels[1:]) / 2
    colors = scale.to_rgba(middles[[band for _, _, band in cut]])[:, :3]
    return Patches([polygon for _, polygon, _ in cut], owners, colors, scale)


def draw_patches(axes: Axes, drawn: Patches, **options: Any) -> None:
    """Draw patches in the plane."""
    collections = with_matplotlib("matplotlib.collections")
    axes.add_collection(
        collections.PolyCollection(
            drawn.polygons,
            facecolors=drawn.colors,
            edgecolors="face",
            linewidths=0.4,
            joinstyle="round",  # no spikes at sharp corners
            rasterized=len(drawn.polygons) > RASTER_ABOVE,
            **options,
        )
    )


def draw_key(axes: Axes, drawn: Patches, values: Values, *, pad: float = 0.02) -> None:
    """Show beside a picture what its colours mean: a scale, categories, or nothing."""
    if drawn.scale is not None:
        axes.figure.colorbar(drawn.scale, ax=axes, label=values.label, shrink=0.8, pad=pad)
    elif values.legend:
        _draw_legend(axes, values, pad)


def _draw_legend(axes: Axes, values: Values, pad: float) -> None:
    """Show categories as a colour bar of blocks, which hides no cell."""
    colors = with_matplotlib("matplotlib.colors")
    count = len(values.legend)
    texts, shades = zip(*values.legend, strict=True)
    blocks = with_matplotlib("matplotlib.cm").ScalarMappable(
        colors.BoundaryNorm(range(count + 1), count), colors.ListedColormap(shades)
    )
    share = min(0.8, 0.07 * count)
    bar = axes.figure.colorbar(blocks, ax=axes, shrink=share, pad=pad, aspect=20 * share)
    bar.set_ticks([k + 0.5 for k in range(count)], labels=texts, fontsize=8)
    bar.ax.tick_params(length=0)
    bar.ax.invert_yaxis()
    bar.minorticks_off()
    bar.outline.set_visible(False)


def bands(polygon: Floats, heights: Floats, levels: Floats) -> Iterator[tuple[Floats, int]]:
    """Yield the parts of a convex polygon on which an affine function is between two levels.

    Parameters
    ----------
    polygon : numpy.ndarray, shape (k, d)
        Corners in order.
    heights : numpy.ndarray, shape (k,)
        The function at the corners.
    levels : numpy.ndarray, shape (L,)
        Rising, from at most the least height to at least the largest.

    Yields
    ------
    part : numpy.ndarray, shape (j, d)
    band : int
        It lies between ``levels[band]`` and ``levels[band + 1]``.

    Examples
    --------
    >>> square = np.array([[0.0, 0], [2, 0], [2, 1], [0, 1]])
    >>> for part, band in bands(square, square[:, 0], np.array([0.0, 1, 2])):
    ...     print(band, part.tolist())
    0 [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
    1 [[1.0, 0.0], [2.0, 0.0], [2.0, 1.0], [1.0, 1.0]]
    """
    last = len(levels) - 2
    first = min(int(np.searchsorted(levels, heights.min(), side="right")) - 1, last)
    stop = min(max(int(np.searchsorted(levels, heights.max(), side="left")) - 1, first), last)
    if first == stop:
        yield polygon, first
        return
    # the outline with the points where it crosses a level, which are at that level exactly
    between = levels[first + 1 : stop + 1]
    ring: list[Floats] = []
    ring_heights: list[float] = []
    for k, (start, height) in enumerate(zip(polygon, heights.tolist(), strict=True)):
        end, other = polygon[(k + 1) % len(polygon)], float(heights[(k + 1) % len(polygon)])
        ring.append(start)
        ring_heights.append(height)
        crossed = between[(between > min(height, other)) & (between < max(height, other))]
        for level in (crossed if height < other else crossed[::-1]).tolist():
            ring.append(start + (level - height) / (other - height) * (end - start))
            ring_heights.append(level)
    points, at = np.array(ring), np.array(ring_heights)
    for band in range(first, stop + 1):
        low = -np.inf if band == first else levels[band]
        high = np.inf if band == stop else levels[band + 1]
        part = points[(at >= low) & (at <= high)]
        if len(part) >= 3:
            yield part, band
