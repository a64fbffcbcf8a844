"""Where an output has a value: level lines, a straight segment on each cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from polyregions.analysis.corners import region_corners
from polyregions.arrays import Floats, Integers, finite_floats
from polyregions.domain import Box
from polyregions.errors import PolyregionsError
from polyregions.plot.cell_plot import plane_window
from polyregions.plot.figure import RASTER_ABOVE, check_drawable, with_matplotlib
from polyregions.plot.values import cell_values
from polyregions.regions import Regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["level_segments", "plot_contours"]

_MOST_LEVELS = 1000


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
    lines = with_matplotlib("matplotlib.collections").LineCollection
    for shade, width in (("white", 1.8), ("#222222", 0.8)):
        axes.add_collection(
            lines(
                segments,
                colors=shade,
                linewidths=width,
                capstyle="round",
                rasterized=len(segments) > RASTER_ABOVE,
                zorder=2.2,
            )
        )
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
