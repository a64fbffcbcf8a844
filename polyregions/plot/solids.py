"""Cells in three dimensions: pulled apart, and as slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from polyregions.analysis.corners import solids
from polyregions.arrays import Floats
from polyregions.domain import Box
from polyregions.errors import DomainError
from polyregions.plot.cell_plot import plot_cells
from polyregions.plot.figure import (
    RASTER_ABOVE,
    describe,
    draw_key,
    figure_of_panels,
    new_axes,
    patches,
    with_matplotlib,
)
from polyregions.plot.values import cell_values
from polyregions.regions import Regions, check_regions
from polyregions.run.given import DomainLike, NetworkLike, domain_given, network_given
from polyregions.walk.breadth_first import enumerate_regions
from polyregions.walk.refinement import prefix_indices

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_slices", "plot_solids"]


_LIGHT = np.array([0.35, -0.55, 0.75])
_FACE_SHADES = 64  # each is drawn for itself, in the order of its depth


def plot_solids(
    regions: Regions,
    *,
    color: str = "pattern",
    output: int = 0,
    apart: float = 0.25,
) -> Axes:
    """Draw the cells of a result with three free inputs, pulled apart.

    Parameters
    ----------
    regions : Regions
    color : str
        One of :data:`polyregions.plot.values.COLORINGS`.
    output : int
        For ``color="output"``, drawn in 64 shades.
    apart : float
        Each cell is moved away from the centre by this share of its distance.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DomainError
        If the domain is not bounded or has not three free inputs.
    PolyregionsError
        If there is no such colouring or output.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0, 0]], [0]), ([[1]], [0])])
    >>> plot_solids(pr.enumerate_regions(net, pr.Box.cube(3, 1.0))).name
    '3d'
    """
    check_regions(regions)
    values = cell_values(regions, color, output)
    bodies = solids(values.regions)
    assert regions.domain is not None  # solids() has refused it
    box = regions.domain.box
    low, high = box.lower[box.free], box.upper[box.free]
    centre, half = (low + high) / 2, (high - low) / 2
    # the parts of a cell move together
    owner = prefix_indices(values.regions, regions)
    moves = np.zeros((len(regions), 3))
    np.add.at(moves, owner, [apart * (body.points.mean(axis=0) - centre) for body in bodies])
    moves /= np.bincount(owner)[:, None]
    of = [number for number, body in enumerate(bodies) for _ in body.faces]
    inside = [body.points[face] for body in bodies for face in body.faces]
    faces = [corners + moves[owner[number]] for number, corners in zip(of, inside, strict=True)]
    drawn = patches(values, faces, of, at=inside, shades=_FACE_SHADES)
    bright = np.array([_brightness(corners) for corners in faces])[drawn.owners]
    colors = np.column_stack([drawn.colors * bright[:, None], np.ones(len(bright))])
    axes = new_axes(width=7, height=6.5, projection="3d")
    collection = with_matplotlib("mpl_toolkits.mplot3d.art3d").Poly3DCollection
    # outlines of their own, since bands are no faces
    axes.add_collection(
        collection(
            [*drawn.polygons, *faces],
            facecolors=np.concatenate([colors, np.zeros((len(faces), 4))]),
            edgecolors=np.concatenate([colors, np.tile([0, 0, 0, 0.35], (len(faces), 1))]),
            linewidths=0.25,
            rasterized=len(drawn.polygons) > RASTER_ABOVE,
        )
    )
    draw_key(axes, drawn, values, pad=0.1)  # beyond the name of the third axis
    reach = half * (1 + apart)
    names = [f"input {axis}" for axis in box.free.tolist()]
    limits = np.stack([centre - reach, centre + reach], axis=1)
    axes.set(xlim=limits[0], ylim=limits[1], zlim=limits[2])
    axes.set(xlabel=names[0], ylabel=names[1], zlabel=names[2])
    axes.tick_params(labelsize=7)
    describe(axes, regions)
    return axes


def _brightness(corners: Floats) -> float:
    """Return how bright a face is in the light that all solids stand in."""
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    length = float(np.linalg.norm(normal))
    return 0.8 + 0.2 * float(normal @ _LIGHT) / length if length else 0.8


def plot_slices(
    network: NetworkLike,
    domain: DomainLike,
    axis: int,
    values: Sequence[float],
    *,
    color: str = "pattern",
) -> Figure:
    """Draw slices through three free inputs, one of them held at each value in turn.

    Cells of one pattern have one colour in all of them.

    Parameters
    ----------
    network : Network
    domain : Box
        With three free inputs.
    axis : int
        The input that is held.
    values : sequence of float
    color : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DomainError
        If the domain is no box, or has not three free inputs with `axis` among them.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0, 0]], [0]), ([[1]], [0])])
    >>> len(plot_slices(net, pr.Box.cube(3, 1.0), 2, [-0.5, 0.5]).axes)
    2
    """
    network = network_given(network)
    domain = domain_given(domain, network.input_dimension)
    if not isinstance(domain, Box):
        raise DomainError("slices are drawn through a box; take the one around the polytope")
    if len(domain.free) != 3 or axis not in domain.free:
        raise DomainError("slices are drawn through three free inputs, one of which is held")
    figure, side_by_side = figure_of_panels(len(values), columns=4, size=(4.2, 4.4), dpi=150)
    for value, axes in zip(values, side_by_side, strict=True):
        low, high = domain.lower.copy(), domain.upper.copy()
        low[axis] = high[axis] = value
        regions = enumerate_regions(network, Box(low, high))
        plot_cells(regions, axes, color=color)
        title = f"input {axis} = {value:g}: {len(regions):,} regions"
        axes.set_title(title, loc="left", fontsize=10, pad=18)
    return figure
