"""How large the boundaries between regions are, in every dimension.

B_k is the set of points of a box where the boundaries of k units meet: for k = 1 all of
the boundary, for k = n its vertices. Its size is its (n - k)-dimensional volume.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from polyregions.domain import Box
from polyregions.errors import PolyregionsError
from polyregions.network import Network
from polyregions.pattern import unpack
from polyregions.regions import Regions
from polyregions.theory.unit_maps import unit_maps

__all__ = ["MOST_DIMENSIONS", "BoundaryVolumes", "boundary_volumes"]

Floats = NDArray[np.float64]

MOST_DIMENSIONS = 4
# Vertices may violate rows of unit length by this much: an error of that size in a
# volume, which is a float anyway.
_TOLERANCE = 1e-10


@dataclass(frozen=True)
class BoundaryVolumes:
    """Volumes of B_1, …, B_n in a box, in floating point.

    Attributes
    ----------
    activation : tuple of float
        Entry k - 1: the (n - k)-volume where k units' boundaries meet; the last entry is
        the number of vertices.
    bending : tuple of float
        The same where all k units are *good*: a path of active units joins each to the
        output, so that the function itself bends there.
    """

    activation: tuple[float, ...]
    bending: tuple[float, ...]


def boundary_volumes(
    network: Network, box: Box, *, regions: Regions | None = None
) -> BoundaryVolumes:
    """Measure the boundaries of a ReLU network in a box, from its enumerated complex.

    Parameters
    ----------
    network : Network
        In general position, with no zero among the weights behind its first layer.
    box : Box
        All coordinates free, at most four.
    regions : Regions, optional
        The enumeration of the same network in the same box, if it is at hand.

    Raises
    ------
    PolyregionsError
        If there are more than four inputs, one is fixed, or the network is not in
        general position.

    Notes
    -----
    *Algorithm.* The facets of each region are known from the (proven) edges of the
    enumeration; its vertices are the feasible solutions of n of these rows and the
    box's. Around a piece of B_k lie 2^k regions, one of them with all k units active,
    and there the piece is measured: as convex hull of its vertices.

    Examples
    --------
    Three lines in [-1, 1]^2, of lengths 2, 2 and sqrt(4.5), meet in three points:

    >>> net = Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> volumes = boundary_volumes(net, Box.cube(2, 1.0))
    >>> [round(size, 6) for size in volumes.activation]
    [6.12132, 3.0]
    """
    from polyregions.traversal.breadth_first import enumerate_regions

    n = network.input_dimension
    if n > MOST_DIMENSIONS or len(box.free) != n:
        raise PolyregionsError(
            f"boundaries are measured for at most {MOST_DIMENSIONS} inputs, none of them fixed; "
            f"take a smaller network"
        )
    found = enumerate_regions(network, box) if regions is None else regions
    bits = unpack(found.patterns, network.hidden_units)
    gradients, offsets = unit_maps(network, bits)
    units = _facet_units(found, bits)
    walls = np.vstack([np.eye(n), -np.eye(n)])
    wall_offsets = np.concatenate([-box.lower, box.upper])
    activation, bending = np.zeros(n), np.zeros(n)
    for r, facets in enumerate(units):
        signs = 2.0 * bits[r, facets] - 1.0
        rows = signs[:, None] * gradients[r, facets]
        lengths = np.linalg.norm(rows, axis=1)
        normals = np.vstack([rows / lengths[:, None], walls])
        shifts = np.concatenate([signs * offsets[r, facets] / lengths, wall_offsets])
        points, tight = _vertices(normals, shifts)
        good = _good(network, bits[r])[facets]
        active = np.flatnonzero(bits[r, facets])
        for face, volume in _faces(points, tight, active, n):
            activation[len(face) - 1] += volume
            if good[list(face)].all():
                bending[len(face) - 1] += volume
    return BoundaryVolumes(tuple(activation.tolist()), tuple(bending.tolist()))


def _facet_units(regions: Regions, bits: NDArray[np.uint8]) -> list[list[int]]:
    """Return the units that carry a facet of each region inside the box."""
    units: list[list[int]] = [[] for _ in range(len(regions))]
    changed = bits[regions.edges[:, 0]] != bits[regions.edges[:, 1]]
    if (changed.sum(axis=1) != 1).any():
        raise PolyregionsError(
            "boundaries of several units coincide, so they cannot be measured unit by unit"
        )
    for (i, j), unit in zip(regions.edges.tolist(), changed.argmax(axis=1).tolist(), strict=True):
        units[i].append(unit)
        units[j].append(unit)
    return units


def _vertices(normals: Floats, shifts: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return the vertices of a simple polytope and the n rows that meet in each."""
    n = normals.shape[1]
    subsets = np.array(list(combinations(range(len(normals)), n)))
    matrices = normals[subsets]
    regular = np.abs(np.linalg.det(matrices)) > 1e-14
    subsets, matrices = subsets[regular], matrices[regular]
    points = np.linalg.solve(matrices, -shifts[subsets][..., None])[..., 0]
    slack = points @ normals.T + shifts
    allowed = -_TOLERANCE * (1.0 + np.abs(points).max(axis=1, keepdims=True))
    feasible = (slack >= allowed).all(axis=1)
    return points[feasible], subsets[feasible]


def _faces(
    points: Floats, tight: NDArray[np.intp], rows: NDArray[np.intp], n: int
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yield the faces that are cut out by some of the given rows alone, with volumes."""
    wanted = set(rows.tolist())
    members: dict[tuple[int, ...], list[int]] = {}
    for vertex, incident in enumerate(tight.tolist()):
        carried = [row for row in incident if row in wanted]
        for k in range(1, len(carried) + 1):
            for face in combinations(carried, k):
                members.setdefault(face, []).append(vertex)
    for face, vertices in members.items():
        yield face, _volume(points[vertices], n - len(face))


def _volume(points: Floats, dimension: int) -> float:
    """Return the volume of the convex hull of points that span at most `dimension`."""
    if dimension == 0:
        return 1.0
    differences = points[1:] - points[0]
    if len(differences) < dimension:
        return 0.0
    if dimension == 1:
        return float(np.linalg.norm(differences, axis=1).max())
    _, sizes, axes = np.linalg.svd(differences, full_matrices=False)
    if sizes[dimension - 1] <= 1e-12 * sizes[0]:
        return 0.0
    from scipy.spatial import ConvexHull

    flat = np.vstack([np.zeros(dimension), differences @ axes[:dimension].T])
    # the shape is stretched to its own size first, so that thin ones are hulls as well
    stretch = np.abs(flat).max(axis=0)
    return float(ConvexHull(flat / stretch, qhull_options="QJ").volume * stretch.prod())


def _good(network: Network, bits: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return, per unit, whether every later layer has an active unit.

    Without zeros among the weights that is a path of active units to the output.
    """
    widths = network.widths
    ends = np.cumsum(widths)
    alive = [bool(bits[end - width : end].any()) for width, end in zip(widths, ends, strict=True)]
    later = [all(alive[layer + 1 :]) for layer in range(len(widths))]
    return np.repeat(later, widths)
