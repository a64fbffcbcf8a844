"""How large the boundaries between regions are, in every dimension.

B_k is the set of points of a box where the boundaries of k units meet: for k = 1 all of
the boundary, for k = n its vertices. Its size is its (n - k)-dimensional volume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.adjacency import facet_units, require_complete
from polyregions.analysis.polytope import DoubleDescription, face_measure
from polyregions.analysis.shape import chart_polytopes
from polyregions.domain import Box
from polyregions.domain.chart import chart_of
from polyregions.errors import PolyregionsError
from polyregions.network import Network
from polyregions.pattern import unpack
from polyregions.regions import Regions

__all__ = ["MOST_DIMENSIONS", "BoundaryVolumes", "boundary_volumes"]

MOST_DIMENSIONS = 4


@dataclass(frozen=True)
class BoundaryVolumes:
    """Volumes of B_1, …, B_n in a box, rounded to floats.

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
        general position in the box.
    PartialResultError
        If `regions` was stopped early.

    Notes
    -----
    *Algorithm.* The facets of each region are known from the (proven) edges of the
    enumeration; its vertices follow in exact arithmetic. Around a piece of B_k lie 2^k
    regions, one of them with all k units active, and there the piece is measured: a
    triangulation of exact simplices, whose volumes are roots, rounded and added up.

    Examples
    --------
    Three lines in [-1, 1]^2, of lengths 2, 2 and sqrt(4.5), meet in three points:

    >>> net = Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> volumes = boundary_volumes(net, Box.cube(2, 1.0))
    >>> [round(size, 6) for size in volumes.activation]
    [6.12132, 3.0]
    """
    n = network.input_dimension
    if n > MOST_DIMENSIONS or len(box.free) != n:
        raise PolyregionsError(
            f"boundaries are measured for at most {MOST_DIMENSIONS} inputs, none of them fixed; "
            f"take a smaller network"
        )
    from polyregions.walk.breadth_first import enumerate_regions

    found = enumerate_regions(network, box) if regions is None else regions
    require_complete(found, "boundary volumes")
    chart = chart_of(box, n)
    bits = unpack(found.patterns, network.hidden_units)
    if (unpack(found.edge_units, network.hidden_units).sum(axis=1) != 1).any():
        raise PolyregionsError(
            "boundaries of several units coincide, so they cannot be measured unit by unit"
        )
    activation, bending = np.zeros(n), np.zeros(n)
    # units whose boundaries meet in each vertex, and vertices on the box's boundary
    meeting: dict[tuple[Fraction, ...], set[int]] = {}
    on_walls: set[tuple[Fraction, ...]] = set()
    walls = (1 << 2 * n) - 1  # their rows come first
    polytopes = zip(chart_polytopes(found), facet_units(found), strict=True)
    for r, (polytope, facets) in enumerate(polytopes):
        active = [k for k, unit in enumerate(facets) if bits[r, unit]]
        good = _good(network, bits[r])[facets]
        corners = [chart.to_input(point) for point in polytope.points()]
        for corner, tight in zip(corners, polytope.tight, strict=True):
            meeting.setdefault(corner, set()).update(
                unit for k, unit in enumerate(facets) if tight >> 2 * n + k & 1
            )
            if tight & walls:
                on_walls.add(corner)
        for rows, face in _faces(polytope, active).items():
            if face.bit_count() > n - len(rows):  # else it is of lower dimension
                volume = float(face_measure(polytope, face, n - len(rows), corners))
                activation[len(rows) - 1] += volume
                if good[list(rows)].all():
                    bending[len(rows) - 1] += volume
    if any(len(units) + (corner in on_walls) > n for corner, units in meeting.items()):
        raise PolyregionsError(
            "the boundaries of more units meet in a point than there are inputs, or as many on "
            "the side of the box: they cannot be measured unit by unit; move the box or a bias"
        )
    return BoundaryVolumes(tuple(activation.tolist()), tuple(bending.tolist()))


def _faces(polytope: DoubleDescription, chosen: Sequence[int]) -> dict[tuple[int, ...], int]:
    """Return the faces that are cut out by some of the chosen units' rows alone.

    By these rows, each as the bits of its vertices. Rows of units stand behind the box's.
    """
    n = polytope.dimension
    faces: dict[tuple[int, ...], int] = {}
    for vertex, tight in enumerate(polytope.tight):
        carried = [row for row in chosen if tight >> 2 * n + row & 1]
        for k in range(1, len(carried) + 1):
            for rows in combinations(carried, k):
                faces[rows] = faces.get(rows, 0) | 1 << vertex
    return faces


def _good(network: Network, bits: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return, per unit, whether every later layer has an active unit.

    Without zeros among the weights that is a path of active units to the output.
    """
    widths = network.widths
    ends = np.cumsum(widths)
    alive = [bool(bits[end - width : end].any()) for width, end in zip(widths, ends, strict=True)]
    later = [all(alive[layer + 1 :]) for layer in range(len(widths))]
    return np.repeat(later, widths)
