"""Cells in three dimensions: pulled apart, and as slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from polyregions.analysis.corners import solids
from polyregions.domain import Box
from polyregions.errors import DomainError, PolyregionsError
from polyregions.plot.cell_plot import plot_cells
from polyregions.plot.depth import (
    CellOrder,
    PaintedFaces,
    outward_normal,
    shared_faces,
    sorted_faces,
)
from polyregions.plot.figure import (
    RASTER_ABOVE,
    axis_names,
    check_drawable,
    describe,
    figure_of_panels,
    new_axes,
)
from polyregions.plot.patches import draw_key, patches
from polyregions.plot.values import Values, cell_values
from polyregions.regions import Regions
from polyregions.run.given import DomainLike, NetworkLike, domain_given, network_given
from polyregions.walk.breadth_first import enumerate_regions
from polyregions.walk.subproblem import prefix_indices

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_slices", "plot_solids"]


_LIGHT = np.array([0.35, -0.55, 0.75])
_FACE_SHADES = 64  # each is drawn for itself, in the order of its depth
_GLASS = 0.12  # how much a wall of the domain hides of the surfaces behind it


def plot_solids(
    regions: Regions,
    *,
    color: str | Values = "pattern",
    output: int = 0,
    apart: float | None = None,
    labels: Sequence[str] | None = None,
) -> Axes:
    """Draw the cells of a result with three free inputs, pulled apart.

    Parameters
    ----------
    regions : Regions
    color : str or Values
        One of :data:`polyregions.plot.values.COLORINGS`, or what
        :func:`polyregions.plot.values.cell_values` makes of it, with names for classes.
        For ``"class"`` the pieces of the decision boundary are drawn instead of cells:
        surfaces, each in the colour of the class behind it, in a box of glass.
    output : int
        For ``color="output"``, drawn in 64 shades.
    apart : float, optional
        Each cell is moved away from the centre by this share of its distance; by default
        0.25, or 0 where surfaces are drawn, which would be torn.
    labels : sequence of str, optional
        Names of the three axes.

    Returns
    -------
    matplotlib.axes.Axes
        In three dimensions, seen in parallel projection from wherever ``view_init`` says.

    Raises
    ------
    DomainError
        If the domain is not bounded or has not three free inputs.
    PolyregionsError
        If there is no region, no such colouring or output, `apart` is negative, or there are
        not three labels.

    Notes
    -----
    *Algorithm.* See :mod:`polyregions.plot.depth`: what is on the far side of a unit's
    hyperplane is painted before what is on the near side, so no cell is painted over one that
    hides it.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0, 0]], [0]), ([[1]], [0])])
    >>> plot_solids(pr.enumerate_regions(net, pr.Box.cube(3, 1.0))).name
    '3d'
    """
    check_drawable(regions)
    values = color if isinstance(color, Values) else cell_values(regions, color, output)
    if apart is None:
        apart = 0.25 if values.borders is None else 0.0
    if not 0 <= apart < np.inf:
        raise PolyregionsError(f"cells are pulled apart by a share of 0 or more, not {apart}")
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
    of = np.repeat(np.arange(len(bodies)), [len(body.faces) for body in bodies])
    inside = [body.points[face] for body in bodies for face in body.faces]
    faces = [
        corners + moves[owner[number]] for number, corners in zip(of.tolist(), inside, strict=True)
    ]
    drawn = patches(values, faces, of.tolist(), at=inside, shades=_FACE_SHADES)
    normals = np.array([outward_normal(corners) for corners in faces])
    hides = np.ones(len(faces))
    if values.borders is not None:
        # what is left of a facet within a class is nothing, of the domain's walls little
        hides[:] = _GLASS
        shared = shared_faces(inside, of)
        hides[list(shared.values())] = 0.0
        for first, second in values.regions.edges[values.borders].tolist():
            hides[[shared[first, second], shared[second, first]]] = 1.0
    bright = (0.8 + 0.2 * normals @ _LIGHT)[drawn.owners]
    fills = np.column_stack([drawn.colors * bright[:, None], hides[drawn.owners]])
    axes = new_axes(width=7, height=6.5, solid=True)
    axes.set_proj_type("ortho")  # type: ignore[attr-defined]
    # bands have no gaps between them, and glass no seams
    seams = np.column_stack([fills[:, :3], fills[:, 3] == 1])
    # outlines of their own, since bands are no faces
    lines = np.column_stack([np.zeros((len(faces), 3)), 0.35 * (hides == 1)])
    axes.add_collection(
        sorted_faces(
            PaintedFaces(
                [*drawn.polygons, *faces],
                np.concatenate([drawn.owners, np.arange(len(faces))]),
                np.concatenate([fills, np.zeros((len(faces), 4))]),
                np.concatenate([seams, lines]),
            ),
            normals,
            of,
            CellOrder(regions, values.regions, owner),
            rasterized=len(drawn.polygons) > RASTER_ABOVE,
        ),
        autolim=False,
    )
    draw_key(axes, drawn, values, pad=0.1)  # beyond the name of the third axis
    reach = half * (1 + apart)
    names = axis_names(regions, labels)
    limits = np.stack([centre - reach, centre + reach], axis=1)
    axes.set(xlim=limits[0], ylim=limits[1], zlim=limits[2])
    for letter, name in zip("xyz", names, strict=True):
        getattr(axes, f"{letter}axis").set_label_text(name, parse_math=False)
    axes.tick_params(labelsize=7)
    describe(axes, regions)
    return axes


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
