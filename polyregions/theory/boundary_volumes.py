"""Boundaries between regions, exactly: the cells they cut a box into, and how large they are."""

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

__all__ = [
    "MOST_DIMENSIONS",
    "MOST_VOLUME_DIMENSIONS",
    "BoundaryVolumes",
    "CellCounts",
    "boundary_volumes",
    "cell_counts",
]

MOST_DIMENSIONS = 3


@dataclass(frozen=True)
class CellCounts:
    """Cells that meet the open cube.

    Attributes
    ----------
    by_codimension : tuple of int
        Entry r counts the cells of codimension r.
    border : int
        Points where cells of codimension n - 1, curves, end on the boundary of the cube.
    proven : bool
        The counts of regions and facets they come from are proven.
    """

    by_codimension: tuple[int, ...]
    border: int
    proven: bool


def cell_counts(network: Network, box: Box, *, regions: Regions | None = None) -> CellCounts:
    """Count the cells of every codimension that meet an open box, for n <= 3.

    Parameters
    ----------
    network : Network
        In general position: no point lies on more than n boundaries, none on more than k
        within a k-dimensional face of the box.
    box : Box
        With at most three free coordinates.
    regions : Regions, optional
        The enumeration of the same network in the same box, if it is at hand.

    Raises
    ------
    PolyregionsError
        If more than three inputs are free, or the counts contradict general position.
    PartialResultError
        If `regions` was stopped early.

    Notes
    -----
    *Algorithm.* With a_r cells of codimension r: sum (-1)^r a_r = 1 (Euler), where a_0 and a_1
    are the regions and edges of the walk. For n = 3 a vertex inside is the end of six
    curves and a point of the border of one, so 2 a_2 = 6 a_3 + border; the border is
    counted on the six sides, each a network in the plane. For n <= 2 the same identity,
    which is then not needed, is checked.

    Examples
    --------
    >>> net = Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> cell_counts(net, Box.cube(2, 1.0))
    CellCounts(by_codimension=(7, 9, 3), border=6, proven=True)
    """
    from polyregions.walk.breadth_first import enumerate_regions

    n = len(box.free)
    if n > MOST_DIMENSIONS:
        raise PolyregionsError(
            f"cells of every codimension are counted for at most {MOST_DIMENSIONS} inputs, not {n}"
        )
    found = enumerate_regions(network, box) if regions is None else regions
    require_complete(found, "cell counts")
    n_regions, n_facets = len(found), len(found.edges)
    proven = found.proven
    # a_2 - a_3 + … = the rest of Euler's formula
    rest = 1 - n_regions + n_facets
    if n == 1:
        return _checked_position(CellCounts((n_regions, n_facets), n_facets, proven), rest == 0)
    sides = [cell_counts(network, side) for side in _box_sides(box)]
    border = sum(side.by_codimension[-1] for side in sides)
    proven = proven and all(side.proven for side in sides)
    if n == 2:
        # 2 a_1 = 4 a_2 + border
        counts = CellCounts((n_regions, n_facets, rest), border, proven)
        return _checked_position(counts, 2 * n_facets == 4 * rest + border)
    vertices, remainder = divmod(2 * rest - border, 4)
    counts = CellCounts((n_regions, n_facets, rest + vertices, vertices), border, proven)
    return _checked_position(counts, remainder == 0 and vertices >= 0)


def _checked_position(counts: CellCounts, consistent: bool) -> CellCounts:
    if not consistent:
        raise PolyregionsError(
            "the boundaries are not in general position, so cells cannot be counted this way"
        )
    return counts


def _box_sides(box: Box) -> list[Box]:
    """Return the facets of a box: boxes with one more coordinate fixed."""
    sides = []
    for k in box.free.tolist():
        for bound in (box.lower[k], box.upper[k]):
            lower, upper = np.array(box.lower), np.array(box.upper)
            lower[k] = upper[k] = bound
            sides.append(Box(lower, upper))
    return sides


MOST_VOLUME_DIMENSIONS = 4


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
    if n > MOST_VOLUME_DIMENSIONS or len(box.free) != n:
        raise PolyregionsError(
            f"boundaries are measured for at most {MOST_VOLUME_DIMENSIONS} inputs, none of them "
            f"fixed; take a smaller network"
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
