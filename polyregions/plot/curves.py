"""Outputs as lines: over one input with their breakpoints, and level lines over two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from polyregions.analysis.affine_maps import affine_maps, free_inputs
from polyregions.analysis.corners import region_corners
from polyregions.arrays import Floats, Integers, finite_floats
from polyregions.domain import Box
from polyregions.errors import DomainError, PolyregionsError
from polyregions.network.slices import Slice
from polyregions.plot.cell_plot import plane_window
from polyregions.plot.figure import (
    axis_names,
    check_drawable,
    describe,
    draw_strokes,
    mark_plane,
    new_axes,
    shown_box,
    with_matplotlib,
)
from polyregions.plot.patches import draw_key, draw_patches, patches
from polyregions.plot.values import Values, cell_values, class_color, facet_layers, layer_color
from polyregions.regions import Regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["level_segments", "plot_contours", "plot_line"]


MOST_OUTPUTS = 10
_ACROSS = np.array([0.0, 0.0, 0.045, 0.045])  # the strip's height, as a share of the picture's

_MOST_LEVELS = 1000


def plot_line(
    regions: Regions,
    axes: Axes | None = None,
    *,
    color: str | Values = "pattern",
    output: int = 0,
    window: Box | None = None,
    label: str | None = None,
    plane: Slice | None = None,
) -> Axes:
    """Draw the outputs of a network with one free input, cell by cell.

    Breakpoints are marked on the first output, coloured by the layer of their unit; the
    strip below shows the cells. An output has the colour of its class; with
    ``color="class"``, lines mark where the class changes.

    Parameters
    ----------
    regions : Regions
    axes : matplotlib.axes.Axes, optional
        Where to draw; by default in a figure of its own, which notebooks show.
    color : str or Values
        For the strip, one of :data:`polyregions.plot.values.COLORINGS`, or what
        :func:`polyregions.plot.values.cell_values` makes of it, with names for classes.
    output : int
        For ``color="output"``.
    window : Box, optional
        What to show of the whole line.
    label : str, optional
        Name of the input.
    plane : Slice, optional
        The line that the input is the coordinate of: its axis is named, and the points that
        it was laid through are marked.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DomainError
        If there is not one free input, or the line is another one.
    PolyregionsError
        If there is no region, no such colouring or output.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> plot_line(pr.enumerate_regions(net, pr.Box.cube(1, 1.0))).get_xlabel()
    'input 0'
    """
    check_drawable(regions)
    free = len(free_inputs(regions))
    if free != 1:
        raise DomainError(f"lines are drawn for one free input, not {free}; take a slice")
    (name,) = axis_names(regions, None if label is None else [label], plane)
    view = shown_box(regions, window)
    axis = int(view.free[0])
    values = color if isinstance(color, Values) else cell_values(regions, color, output)
    ends = [points.ravel() for points in region_corners(regions, view)]
    if axes is None:
        axes = new_axes(width=7.5, height=4.2)
    effects = with_matplotlib("matplotlib.patheffects")  # a light line shows on white, too
    maps = affine_maps(regions)
    order = np.argsort([end[0] if len(end) else np.inf for end in ends])
    visible = [int(k) for k in order if len(ends[k])]
    fixed = regions.witnesses.copy()
    fixed[:, axis] = 0.0
    constants = np.einsum("ron,rn->ro", maps.matrix, fixed) + maps.shift
    for number in range(min(maps.shift.shape[1], MOST_OUTPUTS)):
        slopes = maps.matrix[visible, number, axis]
        x = np.array([ends[k] for k in visible])
        y = x * slopes[:, None] + constants[visible, number][:, None]
        shade = class_color(number)
        rim = [effects.Stroke(linewidth=2.6, foreground="#333333"), effects.Normal()]
        axes.plot(
            x.ravel(), y.ravel(), color=shade, lw=1.8, label=f"output {number}", path_effects=rim
        )
        if number == 0:
            _mark_breaks(axes, regions, visible, x, y)
    if maps.shift.shape[1] > 1:
        axes.legend(
            fontsize=8,
            frameon=False,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.13),  # below the axis, where it hides no line
            ncols=5,
            handlelength=1.5,
        )
    _strip(axes, values, view)
    low, high = float(view.lower[axis]), float(view.upper[axis])
    axes.set(xlim=(low, high), ylabel="output")
    axes.set_xlabel(name, parse_math=False)
    mark_plane(axes, plane)
    notes = ["clipped: the outer cells are unbounded"] if regions.domain is None else []
    describe(axes, regions, notes)
    return axes


def _mark_breaks(axes: Axes, regions: Regions, visible: list[int], x: Floats, y: Floats) -> None:
    """Mark where cells meet, cell k of `visible` and k + 1 from the left."""
    place = np.full(len(regions), -2)
    place[visible] = np.arange(len(visible))
    left, right = np.sort(place[regions.edges], axis=1).T
    met = right - left == 1
    layers = facet_layers(regions)
    many = len(x) > 150
    for layer in np.unique(layers[met]).tolist():
        here = left[met & (layers == layer)]
        axes.plot(
            x[here, 1],
            y[here, 1],
            "o",
            ms=2 if many else 4.5,
            color=layer_color(layer),
            mec="white",
            mew=0 if many else 0.6,
            zorder=3,
        )


def _strip(axes: Axes, values: Values, view: Box) -> None:
    corners = list(region_corners(values.regions, view))
    # each interval as a rectangle: across in the axes, along in the input
    along = [points[[0, 1, 1, 0]] if len(points) else points for points in corners]
    rectangles = [np.column_stack([x, _ACROSS[: len(x)]]) for x in along]
    drawn = patches(values, rectangles, at=along)
    draw_patches(axes, drawn, transform=axes.get_xaxis_transform())
    draw_key(axes, drawn, values)
    if values.borders is None:
        return
    pairs = values.regions.edges[values.borders]
    for one, other in pairs.tolist():
        if len(corners[one]) and len(corners[other]):
            # the larger of the lower ends is where they meet
            axes.axvline(max(corners[one].min(), corners[other].min()), color="black", lw=0.8)


def plot_contours(
    regions: Regions,
    axes: Axes,
    *,
    output: int = 0,
    levels: int | ArrayLike = 10,
    window: Box | None = None,
) -> Axes:
    """Draw the level lines of an output on a picture of cells, each with its value.

    Parameters
    ----------
    regions : Regions
        With two free inputs: those of the picture.
    axes : matplotlib.axes.Axes
        What :func:`plot_cells` has returned.
    output : int
    levels : int or array_like
        Values; or about how many, round ones.
    window : Box, optional
        What is shown of the whole space, as in :func:`plot_cells`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DomainError
        If there are not two free inputs.
    PolyregionsError
        If there is no region, no such output, or levels are no finite numbers, or above 1,000.

    Notes
    -----
    *Algorithm.* On a cell the output is affine: a level line is one segment there, between
    two points of its outline. Nothing is sampled. Where an output has the level on a whole
    cell, there is no line but a plateau, whose outline is drawn.

    Examples
    --------
    >>> import polyregions as pr
    >>> from polyregions.plot import plot_cells
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [-0.5])])
    >>> regions = pr.enumerate_regions(net, pr.Box.cube(2, 1.0))
    >>> axes = plot_contours(regions, plot_cells(regions, color="output"), levels=[0, 0.5])
    """
    check_drawable(regions)
    values = cell_values(regions, "output", output)
    polygons = list(region_corners(regions, plane_window(regions, window)))
    heights = [values.at(k, polygon) for k, polygon in enumerate(polygons)]
    chosen = _levels(levels, np.concatenate([*heights, np.empty(0)]))
    segments, of = level_segments(polygons, heights, chosen)
    draw_strokes(axes, segments, (("white", 1.8), ("#222222", 0.8)), zorder=2.2)
    _name_levels(axes, segments, of, chosen)
    return axes


def _levels(levels: int | ArrayLike, heights: Floats) -> Floats:
    if isinstance(levels, int | np.integer):
        if not 1 <= levels <= _MOST_LEVELS:
            raise PolyregionsError(f"1 to {_MOST_LEVELS:,} levels can be drawn, not {levels}")
        if not len(heights):
            return np.empty(0)
        ticks = with_matplotlib("matplotlib.ticker").MaxNLocator(int(levels))
        low, high = float(heights.min()), float(heights.max())
        found = np.asarray(ticks.tick_values(low, high), dtype=np.float64)
        return found[(found > low) & (found < high)]
    given = finite_floats(levels, "levels", PolyregionsError).reshape(-1)
    if len(given) > _MOST_LEVELS:
        raise PolyregionsError(f"up to {_MOST_LEVELS:,} levels can be drawn, not {len(given):,}")
    return np.unique(given)


def level_segments(
    polygons: Sequence[Floats], heights: Sequence[Floats], levels: Floats
) -> tuple[Floats, Integers]:
    """Return the level lines of a function that is affine on each of some convex polygons.

    Parameters
    ----------
    polygons : sequence of numpy.ndarray, shape (k, 2)
        Corners in order; empty ones have no lines.
    heights : sequence of numpy.ndarray, shape (k,)
        The function at the corners.
    levels : numpy.ndarray, shape (L,)

    Returns
    -------
    segments : numpy.ndarray, shape (S, 2, 2)
    of : numpy.ndarray of int64, shape (S,)
        The number of each segment's level.

    Examples
    --------
    >>> square = np.array([[0.0, 0], [2, 0], [2, 1], [0, 1]])
    >>> segments, of = level_segments([square], [square[:, 0]], np.array([0.5, 3.0]))
    >>> segments.tolist(), of.tolist()
    ([[[0.5, 0.0], [0.5, 1.0]]], [0])
    """
    sizes = np.array([len(polygon) for polygon in polygons], dtype=np.int64)
    total = int(sizes.sum())
    if not total:
        return np.empty((0, 2, 2)), np.empty(0, dtype=np.int64)
    start, low = np.concatenate(list(polygons)), np.concatenate(list(heights))
    cell = np.repeat(np.arange(len(sizes)), sizes)
    # the corner after each: the first again behind the last of a polygon
    after = np.arange(total) + 1
    ends = np.cumsum(sizes)
    after[ends[sizes > 0] - 1] = (ends - sizes)[sizes > 0]
    end, high = start[after], low[after]
    found, of = [], []
    for number, level in enumerate(levels.tolist()):
        # an outline changes sides an even number of times: twice, if it is convex
        crossing = np.flatnonzero((low < level) != (high < level))
        share = (level - low[crossing]) / (high[crossing] - low[crossing])
        points = start[crossing] + share[:, None] * (end[crossing] - start[crossing])
        assert (cell[crossing[::2]] == cell[crossing[1::2]]).all()
        along = np.flatnonzero((low == level) & (high == level))
        here = [points.reshape(-1, 2, 2), np.stack([start[along], end[along]], axis=1)]
        found += here
        of.append(np.full(sum(map(len, here)), number, dtype=np.int64))
    return np.concatenate([*found, np.empty((0, 2, 2))]), np.concatenate([*of, np.empty(0, int)])


def _name_levels(axes: Axes, segments: Floats, of: Integers, levels: Floats) -> None:
    """Write the value of each level once, on its longest segment."""
    lengths = np.linalg.norm(segments[:, 1] - segments[:, 0], axis=1)
    for number, level in enumerate(levels.tolist()):
        own = np.flatnonzero(of == number)
        if not len(own):
            continue
        place = segments[own[lengths[own].argmax()]].mean(axis=0)
        axes.annotate(
            f"{level:g}",
            place,
            ha="center",
            va="center",
            fontsize=7,
            bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.8},
            annotation_clip=True,
            zorder=5,
        )
