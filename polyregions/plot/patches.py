"""Flat polygons of one colour each, and the key of their colours.

An affine function is painted in bands along its level lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.plot.figure import RASTER_ABOVE, with_matplotlib
from polyregions.plot.values import Values

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SHADES", "Patches", "bands", "draw_key", "draw_patches", "patches"]

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
    """Draw patches in the plane, with no seams where they touch.

    *Algorithm.* Where two polygons share a pixel, antialiasing paints each of them half through,
    and a quarter of what is below is still seen. So below them are the same polygons once more,
    each larger by half a pixel: what is seen through is one of the neighbours.
    """
    polygons = with_matplotlib("matplotlib.collections").PolyCollection
    options |= {
        "facecolors": drawn.colors,
        "joinstyle": "round",  # no spikes at sharp corners
        "rasterized": len(drawn.polygons) > RASTER_ABOVE,
    }
    axes.add_collection(_outlined_by_a_pixel()(drawn.polygons, edgecolors="face", **options))
    axes.add_collection(polygons(drawn.polygons, linewidths=0, **options))


@cache
def _outlined_by_a_pixel() -> Any:
    base = with_matplotlib("matplotlib.collections").PolyCollection
    as_pixels = with_matplotlib("matplotlib.artist").allow_rasterization

    class OutlinedByAPixel(base):  # type: ignore[valid-type, misc]
        """Polygons with outlines as wide as a pixel, in vector files as a point."""

        @as_pixels  # type: ignore[untyped-decorator]
        def draw(self, renderer: Any) -> None:
            """Draw with lines for the pixels that there are now."""
            width = 1.0 / renderer.points_to_pixels(1.0)
            if self.get_linewidth() != [width]:  # a change asks for another drawing
                self.set_linewidth([width])
            super().draw(renderer)

    return OutlinedByAPixel


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
