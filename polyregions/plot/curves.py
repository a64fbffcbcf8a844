"""Networks of one input: the function and its breakpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polyregions.analysis.affine_maps import affine_maps, free_inputs
from polyregions.analysis.corners import region_corners
from polyregions.domain import Box
from polyregions.errors import DomainError, shown
from polyregions.plot.figure import describe, draw_key, draw_patches, new_axes, patches, shown_box
from polyregions.plot.values import CLASS_COLORS, LAYER_COLORS, Values, cell_values, facet_layers
from polyregions.regions import Regions, check_regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MOST_OUTPUTS", "plot_line"]

MOST_OUTPUTS = 10
_ACROSS = np.array([0.0, 0.0, 0.045, 0.045])  # the strip's height, as a share of the picture's


def plot_line(
    regions: Regions,
    axes: Axes | None = None,
    *,
    color: str = "pattern",
    output: int = 0,
    window: Box | None = None,
    label: str | None = None,
) -> Axes:
    """Draw the outputs of a network with one free input, cell by cell.

    Breakpoints are marked on the first output, coloured by the layer of their unit; the
    strip below shows the cells.

    Parameters
    ----------
    regions : Regions
    axes : matplotlib.axes.Axes, optional
    color : str
        For the strip, one of :data:`polyregions.plot.values.COLORINGS`.
    output : int
        For ``color="output"``.
    window : Box, optional
        What to show of the whole line.
    label : str, optional
        Name of the input.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DomainError
        If there is not one free input.
    PolyregionsError
        If there is no such colouring or output.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> plot_line(pr.enumerate_regions(net, pr.Box.cube(1, 1.0))).get_xlabel()
    'input 0'
    """
    check_regions(regions)
    free = len(free_inputs(regions))
    if free != 1:
        raise DomainError(f"lines are drawn for one free input, not {free}; take a slice")
    view = shown_box(regions, window)
    axis = int(view.free[0])
    values = cell_values(regions, color, output)
    ends = [points.ravel() for points in region_corners(regions, view)]
    if axes is None:
        axes = new_axes(width=7.5, height=4.2)
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
        shade = CLASS_COLORS[(4 + number) % len(CLASS_COLORS)]
        axes.plot(x.ravel(), y.ravel(), color=shade, lw=1.6, label=f"output {number}")
        if number == 0:
            _mark_breaks(axes, regions, x, y)
    if maps.shift.shape[1] > 1:
        axes.legend(fontsize=8)
    _strip(axes, values, view)
    low, high = float(view.lower[axis]), float(view.upper[axis])
    axes.set(
        xlim=(low, high), xlabel=f"input {axis}" if label is None else shown(label), ylabel="output"
    )
    notes = ["clipped: the outer cells are unbounded"] if regions.domain is None else []
    describe(axes, regions, notes)
    return axes


def _mark_breaks(axes: Axes, regions: Regions, x: np.ndarray, y: np.ndarray) -> None:
    """Mark where cells meet: cell k and k + 1 from the left."""
    layers = facet_layers(regions)
    many = len(x) > 150
    for layer in np.unique(layers).tolist():
        ends = regions.edges[layers == layer]
        points = regions.witnesses[ends]
        varying = points.reshape(-1, points.shape[-1]).std(axis=0).argmax()
        low, high = np.sort(points[:, :, varying], axis=1).T
        right = x[:-1, 1]
        here = np.array([((low < at) & (at < high)).any() for at in right], dtype=bool)
        axes.plot(
            right[here],
            y[:-1, 1][here],
            "o",
            ms=2 if many else 4.5,
            color=LAYER_COLORS[layer % len(LAYER_COLORS)],
            mec="white",
            mew=0 if many else 0.6,
            zorder=3,
        )


def _strip(axes: Axes, values: Values, view: Box) -> None:
    corners = region_corners(values.regions, view)
    # each interval as a rectangle: across in the axes, along in the input
    along = [points[[0, 1, 1, 0]] if len(points) else points for points in corners]
    rectangles = [np.column_stack([x, _ACROSS[: len(x)]]) for x in along]
    drawn = patches(values, rectangles, at=along)
    draw_patches(axes, drawn, transform=axes.get_xaxis_transform())
    draw_key(axes, drawn, values)
