"""Networks of one input: the function and its breakpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polyregions.analysis.affine_maps import affine_maps, free_inputs
from polyregions.analysis.corners import region_corners
from polyregions.arrays import Floats
from polyregions.domain import Box
from polyregions.errors import DomainError
from polyregions.network.slices import Slice
from polyregions.plot.figure import check_drawable, describe, new_axes, shown_box, with_matplotlib
from polyregions.plot.marks import axis_names, mark_plane
from polyregions.plot.patches import draw_key, draw_patches, patches
from polyregions.plot.values import Values, cell_values, class_color, facet_layers, layer_color
from polyregions.regions import Regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MOST_OUTPUTS", "plot_line"]

MOST_OUTPUTS = 10
_ACROSS = np.array([0.0, 0.0, 0.045, 0.045])  # the strip's height, as a share of the picture's


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
