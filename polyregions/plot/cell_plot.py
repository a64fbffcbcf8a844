"""Cells in the plane, with their facets by layer and the dual graph; small, beside a table."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.affine_maps import free_inputs
from polyregions.analysis.corners import RegionRows, facet_segments, region_corners, rows_of_regions
from polyregions.arrays import Floats
from polyregions.domain import Box
from polyregions.errors import DomainError, MissingExtraError, PolyregionsError
from polyregions.network import Layer, Network
from polyregions.network.slices import Slice
from polyregions.plot.figure import (
    RASTER_ABOVE,
    axes_for,
    axis_names,
    check_drawable,
    describe,
    draw_strokes,
    figure_of_panels,
    mark_plane,
    shown_box,
    with_matplotlib,
)
from polyregions.plot.patches import draw_key, draw_patches, patches
from polyregions.plot.values import (
    COLORINGS,
    OF_THE_OUTPUTS,
    PATTERN,
    Values,
    cell_values,
    facet_layers,
    layer_color,
)
from polyregions.regions import Regions
from polyregions.run.given import DomainLike, NetworkLike, network_given
from polyregions.walk.breadth_first import enumerate_regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MOST_SHOWN", "first_layers", "plane_window", "plot_cells", "plot_growth", "thumbnail"]

MOST_SHOWN = 5_000  # more are a second of waiting, and too small to be seen


def plot_cells(
    regions: Regions,
    axes: Axes | None = None,
    *,
    color: str | Values = "pattern",
    output: int = 0,
    facets: bool = True,
    graph: bool = False,
    window: Box | None = None,
    labels: Sequence[str] | None = None,
    plane: Slice | None = None,
) -> Axes:
    """Draw the cells of a result with two free inputs.

    Parameters
    ----------
    regions : Regions
        With two free inputs: fix the others in the box, or use a slice.
    axes : matplotlib.axes.Axes, optional
        Where to draw; by default in a figure of its own, which notebooks show.
    color : str or Values
        One of :data:`polyregions.plot.values.COLORINGS`, or what
        :func:`polyregions.plot.values.cell_values` makes of it, with names for classes.
    output : int
        For ``color="output"``.
    facets : bool
        Draw facets, coloured by the layer of their unit: the "bent hyperplanes".
    graph : bool
        Lay the dual graph over the cells.
    window : Box, optional
        What to show of the whole space; by default around the vertices.
    labels : sequence of str, optional
        Names of the two axes.
    plane : Slice, optional
        The slice that the free inputs are coordinates of: its axes are named, and the points
        that it was laid through are marked.

    Returns
    -------
    matplotlib.axes.Axes
        Beyond 10,000 cells, cells and lines are pixels in vector files too. A class is
        painted on the parts of cells where it is the largest output, with their borders
        drawn; an output in 256 shades, each cell cut along the lines between them.

    Raises
    ------
    DomainError
        If there are not two free inputs, or the plane is another one.
    PolyregionsError
        If there is no region, no such colouring or output, or there are not two labels.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [0])])
    >>> axes = plot_cells(pr.enumerate_regions(net, pr.Box.cube(2, 1.0)))
    >>> axes.get_xlabel(), axes.get_ylabel()
    ('input 0', 'input 1')
    """
    check_drawable(regions)
    view = plane_window(regions, window)
    cells = _plane_cells(regions, view)
    names = axis_names(regions, labels, plane)
    values = color if isinstance(color, Values) else cell_values(regions, color, output)
    if axes is None:
        axes = axes_for(view, key=values.colors is None or bool(values.legend))
    many = len(regions) > RASTER_ABOVE
    parts = cells if values.regions is regions else _plane_cells(values.regions, view)
    drawn = patches(values, parts.polygons)
    draw_patches(axes, drawn)
    draw_key(axes, drawn, values)
    if facets:
        # values are to be read off the cells, so lines step back
        _draw_facets(axes, cells, rasterized=many, faint=values.label != PATTERN)
    if values.borders is not None:
        _draw_borders(axes, parts, values.borders)
    if graph:
        _draw_graph(axes, cells, rasterized=many)
    notes = ["clipped: cells at the border are unbounded"] if regions.domain is None else []
    _frame_axes(axes, view, names)
    mark_plane(axes, plane)
    describe(axes, regions, notes)
    return axes


def plane_window(regions: Regions, window: Box | None = None) -> Box:
    """Return the box that is shown of a result with two free inputs."""
    free = len(free_inputs(regions))
    if free != 2:
        raise DomainError(
            f"cells are drawn for two free inputs, not {free}; "
            f"fix the others in the box, or take a plane with Network.on_slice"
        )
    return shown_box(regions, window)


class _PlaneCells(NamedTuple):
    """Regions with their rows, and each as a polygon, shape (k, 2)."""

    regions: Regions
    table: RegionRows
    polygons: list[Floats]

    def segments(self) -> Floats:
        """Return the facet of each edge, shape (E, 2, 2)."""
        return facet_segments(self.regions, self.polygons, self.table)


def _plane_cells(regions: Regions, view: Box) -> _PlaneCells:
    table = rows_of_regions(regions)
    return _PlaneCells(regions, table, list(region_corners(regions, view, table)))


def _draw_facets(axes: Axes, cells: _PlaneCells, *, rasterized: bool, faint: bool) -> None:
    collection = with_matplotlib("matplotlib.collections").LineCollection
    line = with_matplotlib("matplotlib.lines").Line2D
    segments, layers = cells.segments(), facet_layers(cells.regions)
    base = float(np.clip(24 / np.sqrt(len(cells.regions)), 0.2, 1.3)) * (0.5 if faint else 1.0)
    handles: list[Any] = []
    # lower layers on top: they are the longer lines
    for layer in np.unique(layers).tolist()[::-1]:
        shade, width = layer_color(layer), base * (1.0 + 0.5 / (1 + layer))
        here = segments[(layers == layer) & np.isfinite(segments).all(axis=(1, 2))]
        axes.add_collection(
            collection(
                here, colors=shade, linewidths=width, capstyle="round", rasterized=rasterized
            )
        )
        handles.insert(0, line([], [], color=shade, lw=2, label=f"layer {layer + 1}"))
    if len(handles) > 1:
        # above the picture, where it hides no cell
        axes.legend(
            handles=handles,
            loc="lower right",
            bbox_to_anchor=(1.01, 0.995),
            ncols=len(handles),
            fontsize=8,
            frameon=False,
            handlelength=1.0,
            columnspacing=0.9,
            borderpad=0.1,
        )


def _draw_borders(axes: Axes, parts: _PlaneCells, borders: NDArray[np.int64]) -> None:
    """Draw where the class changes: black with a white rim, unlike any facet."""
    segments = parts.segments()[borders]
    segments = segments[np.isfinite(segments).all(axis=(1, 2))]
    draw_strokes(axes, segments, (("white", 2.6), ("black", 1.3)), zorder=2.5)


def _draw_graph(axes: Axes, cells: _PlaneCells, *, rasterized: bool) -> None:
    collection = with_matplotlib("matplotlib.collections").LineCollection
    centres = np.array(
        [points.mean(axis=0) if len(points) else [np.nan, np.nan] for points in cells.polygons]
    )
    size = float(np.clip(60 / np.sqrt(len(cells.regions)), 0.3, 4.0))
    axes.add_collection(
        collection(
            centres[cells.regions.edges],
            colors="#444444",
            linewidths=size / 4,
            alpha=0.7,
            rasterized=rasterized,
        )
    )
    axes.plot(*centres.T, "o", ms=size, color="#111111", mew=0, rasterized=rasterized)


def _frame_axes(axes: Axes, view: Box, names: Sequence[str]) -> None:
    free = view.free.tolist()
    (x0, y0), (x1, y1) = view.lower[free], view.upper[free]
    axes.set(xlim=(x0, x1), ylim=(y0, y1))
    ratio = (y1 - y0) / (x1 - x0)
    axes.set_aspect("equal" if 0.2 < ratio < 5 else "auto")
    axes.set_xlabel(names[0], parse_math=False)
    axes.set_ylabel(names[1], parse_math=False)
    axes.tick_params(labelsize=8)


def first_layers(network: Network, bent: int) -> Network:
    """Return the network up to its `bent`-th layer with units that bend.

    Its patterns are the first bits of the whole network's.

    Examples
    --------
    >>> net = Network.from_arrays([([[1]], [0]), ([[1]], [0]), ([[1]], [0])])
    >>> first_layers(net, 1).widths
    (1,)
    """
    places = [i for i, layer in enumerate(network.layers) if layer.bends.any()]
    kept = network.layers[: places[range(len(places))[bent - 1]] + 1]
    last = Layer.affine(np.ones((1, len(kept[-1].bias))), [0.0])
    return Network((*kept, last), name=f"{network.name}, first {bent}" if bent > 1 else "layer 1")


def plot_growth(network: NetworkLike, domain: DomainLike, *, color: str = "pattern") -> Figure:
    """Draw the cells of the first layer, of the first two, and so on, side by side.

    Parameters
    ----------
    network : Network
    domain : Box or Polytope
        With two free inputs.
    color : str
        "pattern", "layer" or "distance".

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    PolyregionsError
        If the colour is one of the network's outputs, which its first layers do not have.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [-1]), ([[1]], [0])])
    >>> len(plot_growth(net, pr.Box.cube(2, 1.0)).axes)
    2
    """
    if color in OF_THE_OUTPUTS:
        others = ", ".join(by for by in COLORINGS if by not in OF_THE_OUTPUTS)
        raise PolyregionsError(
            f"the first layers of a network have no outputs to colour by; take {others}, "
            f"not {color}"
        )
    network = network_given(network)
    depth = len(network.widths)
    figure, side_by_side = figure_of_panels(depth, columns=4, size=(4.2, 4.4), dpi=150)
    for bent, axes in enumerate(side_by_side, 1):
        regions = enumerate_regions(first_layers(network, bent), domain)
        plot_cells(regions, axes, color=color)
        layers = "layer 1" if bent == 1 else f"layers 1-{bent}"
        axes.set_title(f"{layers}: {len(regions):,} regions", loc="left", fontsize=10, pad=18)
        axes.set(xlabel="", ylabel="")
    return figure


def thumbnail(regions: Regions) -> bytes | None:
    """Return a PNG of regions with two free inputs.

    None for others, for more than 5,000, and where matplotlib is not installed.
    """
    if len(free_inputs(regions)) != 2 or not 0 < len(regions) <= MOST_SHOWN:
        return None
    try:
        figure, (axes,) = figure_of_panels(1, columns=1, size=(2.6, 2.4), dpi=100)
    except MissingExtraError:
        return None
    plot_cells(regions, axes)
    axes.set_title("", loc="left")  # the table says it
    legend = axes.get_legend()
    if legend is not None:
        legend.remove()
    axes.tick_params(labelsize=6)
    axes.xaxis.label.set_fontsize(7)
    axes.yaxis.label.set_fontsize(7)
    stream = BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
