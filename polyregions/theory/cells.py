"""Cells of every codimension, counted exactly from regions, facets and Euler's formula.

The boundaries of all units subdivide the open cube. A cell of codimension 0 is a
region, one of codimension 1 a facet between two regions, and so on down to vertices.
Regions and facets are what the walk counts, with proof. For n <= 3 they determine the
rest, if no more boundaries meet in a point than must (probability 1 where parameters
have densities).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polyregions.analysis.adjacency import require_complete
from polyregions.domain import Box
from polyregions.errors import PolyregionsError
from polyregions.network import Network
from polyregions.regions import Regions

__all__ = ["MOST_DIMENSIONS", "CellCounts", "cell_counts"]

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
        return _checked(CellCounts((n_regions, n_facets), n_facets, proven), rest == 0)
    sides = [cell_counts(network, side) for side in _sides(box)]
    border = sum(side.by_codimension[-1] for side in sides)
    proven = proven and all(side.proven for side in sides)
    if n == 2:
        # 2 a_1 = 4 a_2 + border
        counts = CellCounts((n_regions, n_facets, rest), border, proven)
        return _checked(counts, 2 * n_facets == 4 * rest + border)
    vertices, remainder = divmod(2 * rest - border, 4)
    counts = CellCounts((n_regions, n_facets, rest + vertices, vertices), border, proven)
    return _checked(counts, remainder == 0 and vertices >= 0)


def _checked(counts: CellCounts, consistent: bool) -> CellCounts:
    if not consistent:
        raise PolyregionsError(
            "the boundaries are not in general position, so cells cannot be counted this way"
        )
    return counts


def _sides(box: Box) -> list[Box]:
    """Return the facets of a box: boxes with one more coordinate fixed."""
    sides = []
    for k in box.free.tolist():
        for bound in (box.lower[k], box.upper[k]):
            lower, upper = np.array(box.lower), np.array(box.upper)
            lower[k] = upper[k] = bound
            sides.append(Box(lower, upper))
    return sides
