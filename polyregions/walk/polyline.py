"""The regions along a polyline, in order, and exactly where each begins and ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from polyregions.arrays import Floats
from polyregions.domain import Box
from polyregions.domain.chart import chart_of
from polyregions.errors import DomainError, NetworkError, PolyregionsError
from polyregions.geometry.witness import nearest_float
from polyregions.network import Layer, Network, input_points
from polyregions.network.exact_network import exact_network, exact_point, exact_rows, exact_signs
from polyregions.pattern import Words, unpack
from polyregions.regions import Region, Regions
from polyregions.run.given import DomainLike, NetworkLike
from polyregions.run.problem import Problem, problem_of
from polyregions.walk.breadth_first import enumerate_regions
from polyregions.walk.region_at import check_in_domain, touching_point

__all__ = ["Piece", "regions_along"]


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece of a polyline on which the pattern is constant.

    Attributes
    ----------
    begin, end : Fraction
        Where it lies: ``2 + 1/3`` is a third of the way from point 2 to point 3.
    pattern : numpy.ndarray of uint64, shape (W,)
        Packed; units that are zero all along the piece are off.
    region : Region or None
        The region with this pattern, its witness on the piece or beside it by rounding. None
        if there is none: the piece runs in a face between regions.
    """

    begin: Fraction
    end: Fraction
    pattern: Words
    region: Region | None

    def __repr__(self) -> str:
        what = "between regions" if self.region is None else repr(self.region)
        return f"<Piece from {float(self.begin):.6g} to {float(self.end):.6g}: {what}>"


def regions_along(
    network: NetworkLike | Regions, points: ArrayLike, *, domain: DomainLike = None
) -> tuple[Piece, ...]:
    """Return the regions along a polyline, in order.

    Parameters
    ----------
    network : Network, path of a network file, torch.nn.Module, or Regions
        Regions of a result keep their numbers: ``piece.region.index``, None for those that a
        partial result does not hold.
    points : array_like, shape (p, n)
        At least two, in the domain or on its boundary.
    domain : Box, Polytope, None, or one pair (low, high) per input
        ``None`` is the whole space. A result has its own.

    Returns
    -------
    tuple of Piece
        They cover the polyline; neighbors have different patterns. Between two of them it
        crosses a facet, or a face of lower dimension: then more than one unit switches.

    Raises
    ------
    NetworkError
        If there is no network, or the points have another shape or are not finite.
    DomainError
        If a point is outside the domain, or two that follow each other are equal.
    PolyregionsError
        If a domain is given with a result.

    Notes
    -----
    *Algorithm.* Each segment is one more layer in front of the network, t to (1 - t) a + t b,
    whose numbers are those of the points: nothing is rounded. Its regions in 0 < t < 1 are
    intervals, with ends that are roots of exact affine functions. A pattern is that of a region
    if no unit is zero on the piece, or if those that are can all be negative beside it at once.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> pieces = pr.regions_along(net, [[-1.0, 0.5], [1.0, 0.5]])
    >>> [(str(piece.begin), str(piece.end)) for piece in pieces]
    [('0', '1/2'), ('1/2', '1')]
    """
    known = None
    if isinstance(network, Regions):
        if domain is not None:
            raise PolyregionsError("a result has a domain of its own; leave domain= out")
        known, domain, network = network, network.domain, network.network
    problem = problem_of(network, domain)
    corners = _turning_points(problem, points)
    pieces: list[Piece] = []
    for number, (a, b) in enumerate(pairwise(corners)):
        for begin, end, words in _intervals(problem.network, a, b):
            if pieces and np.array_equal(pieces[-1].pattern, words):
                pieces[-1] = replace(pieces[-1], end=number + end)  # the corner is inside it
                continue
            # inside the piece, where units are zero only if they are so all along it
            middle = (begin + end) / 2
            x = [
                (1 - middle) * Fraction(p) + middle * Fraction(q)
                for p, q in zip(a.tolist(), b.tolist(), strict=True)
            ]
            region = _region(problem, words, x, known)
            pieces.append(Piece(number + begin, number + end, words, region))
    return tuple(pieces)


def _turning_points(problem: Problem, points: ArrayLike) -> Floats:
    # refuses what is no array of finite inputs
    corners = input_points(problem.network, points)
    if corners.ndim != 2 or len(corners) < 2:
        n = problem.network.input_dimension
        raise NetworkError(
            f"a polyline has at least two points, an array of shape (p, {n}), not {corners.shape}"
        )
    for number, corner in enumerate(corners):
        try:
            check_in_domain(problem.domain, corner)
        except DomainError as error:
            raise DomainError(f"of the polyline's points number {number}: {error}") from None
    same = np.flatnonzero((corners[1:] == corners[:-1]).all(axis=1))
    if len(same):
        raise DomainError(
            f"points {same[0]} and {same[0] + 1} of the polyline are equal; leave one out"
        )
    return corners


def _intervals(
    network: Network, a: Floats, b: Floats
) -> Iterator[tuple[Fraction, Fraction, Words]]:
    """Yield (begin, end, pattern) of the pieces of a segment, in order, between 0 and 1."""
    # two layers, because the difference of two floats need not be one
    share, ends = Layer.affine([[-1.0], [1.0]], [1.0, 0.0]), np.column_stack([a, b])
    place = Layer.affine(ends, np.zeros(len(a)))
    segment = Network((share, place, *network.layers), name=network.name)
    unit = Box.interval(1, 0.0, 1.0)
    regions = enumerate_regions(segment, unit)
    exact = exact_network(segment, chart_of(unit, 1))
    begin = Fraction(0)
    for region in sorted(regions, key=lambda region: region.exact_witness):
        # in the chart the segment is -1 < u < 1
        falling = [row for row in exact_rows(exact, region.bits) if row[0] < 0]
        # the box's own row falls as well, so there is always one
        end = (1 + min(Fraction(int(row[1]), -int(row[0])) for row in falling)) / 2
        yield begin, end, region.pattern
        begin = end


def _region(
    problem: Problem, words: Words, x: list[Fraction], known: Regions | None
) -> Region | None:
    """Return the region with the pattern of a piece that goes through an exact input."""
    index = None if known is None else known.index(words)
    if known is not None and index is not None:
        return known[index]
    if touching_point(problem, words, x) is None:
        return None  # proven: the piece runs in a face
    point = np.array([nearest_float(value) for value in x])
    signs = np.array(exact_signs(problem.exact, exact_point(point)))
    bits = unpack(words, problem.network.hidden_units).astype(np.int64)
    # the float point serves as witness if rounding did not move it out of the region
    inside = problem.domain is None or problem.domain.contains(point)
    if inside and (signs == 2 * bits - 1).all():
        x = [Fraction(value) for value in point.tolist()]
    return Region(problem.network, problem.domain, words, point, tuple(x))
