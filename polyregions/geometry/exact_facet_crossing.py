"""The pattern beyond a facet, exactly, whatever coincides or vanishes there.

A *germ* is a point with directions d1, d2, …: the infinitely near point
``point + δ1 d1 + δ2 d2 + …`` with 1 ≫ δ1 ≫ δ2 ≫ … > 0. The network is affine near
every point in every such direction, so the germ's pattern follows from values and
derivatives pushed through the layers and compared lexicographically. See docs/mathematics.md,
part 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import flint
import numpy as np

from polyregions.arrays import Bits
from polyregions.exact.simplex import column_of
from polyregions.network.exact_network import ExactNetwork, _propagate

__all__ = ["bits_beyond", "germ_bits"]


def germ_bits(
    exact: ExactNetwork,
    point: Sequence[Fraction],
    directions: Sequence[Sequence[flint.fmpz | int]],
) -> Bits:
    """Return the pattern at ``point + δ1 d1 + δ2 d2 + …``.

    Parameters
    ----------
    exact : ExactNetwork
    point : sequence of Fraction, length m
        In chart coordinates, inside the domain.
    directions : sequence of sequences of m integers
        With m independent directions the germ lies inside a region of full
        dimension and the pattern is that region's.

    Returns
    -------
    numpy.ndarray of uint8, shape (N,)
        1 iff the first non-zero number among (value, derivative along d1, …) is positive.

    Notes
    -----
    *Algorithm.* The homogeneous columns (point, 1), (d1, 0), … go through the layers
    together; a unit's slope is that of its lexicographic sign. The chain rule for
    piecewise-affine maps makes each column exact in turn.

    Examples
    --------
    >>> from polyregions.domain.chart import chart_of
    >>> from polyregions.network.exact_network import exact_network
    >>> from polyregions.network import Network
    >>> net = Network.from_arrays([([[1.0], [-1.0], [0.0]], [0.0, 0.0, 0.0]), ([[1, 1, 1]], [0])])
    >>> exact = exact_network(net, chart_of(None, 1))
    >>> germ_bits(exact, (Fraction(0), Fraction(1)), [(1, 0)])
    array([1, 0, 0], dtype=uint8)
    """
    # a direction is a point at infinity: its last coordinate is 0
    columns = [column_of(point)]
    columns += [[*map(flint.fmpz, direction), flint.fmpz(0)] for direction in directions]
    germ = exact.chart.transform * flint.fmpz_mat(columns).transpose()
    bits: list[bool] = []

    def choose(unit: int, row: Sequence[flint.fmpz]) -> bool:
        # all zero counts as inactive: the unit vanishes all around
        active = _leads_positive(row)
        bits.append(active)
        return active

    _propagate(exact, germ, choose)
    return np.array(bits, dtype=np.uint8)


def bits_beyond(
    exact: ExactNetwork,
    bits: Bits,
    rows: Sequence[Sequence[flint.fmpz]],
    group: Sequence[int],
    point: Sequence[Fraction],
) -> Bits:
    """Return the pattern of the region on the other side of a facet.

    Parameters
    ----------
    exact : ExactNetwork
    bits : numpy.ndarray of uint8, shape (N,)
        A region's pattern.
    rows : sequence of rows
        ``exact_rows(exact, bits)``.
    group : sequence of int
        The units whose hyperplane carries the facet, all of them.
    point : sequence of Fraction
        A point in the facet's relative interior, in chart coordinates.

    Returns
    -------
    numpy.ndarray of uint8, shape (N,)

    Notes
    -----
    *Algorithm.* A unit outside the group that is not identically zero keeps its sign,
    because it does not vanish at `point`. If the group is one unit and no unit is
    identically zero, only that bit flips. Otherwise the pattern is the germ's at
    `point` in the outward direction: on the neighbour, a unit that vanishes on the
    whole facet is a multiple of the facet's normal, so its derivative outwards is
    zero only if it vanishes identically.
    """
    # rows are non-negative on the region, so against the normal lies the other side
    outward = [-entry for entry in rows[group[0]][:-1]]
    # a unit that is zero here need not be zero there: its bit is open as well
    if len(group) > 1 or not all(any(row) for row in rows[: exact.hidden_units]):
        return germ_bits(exact, point, [outward])
    beyond = bits.copy()
    beyond[group[0]] ^= 1
    return beyond


def _leads_positive(row: Sequence[flint.fmpz]) -> bool:
    for entry in row:
        if entry:
            return bool(entry > 0)
    return False
