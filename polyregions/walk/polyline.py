"""Regions along a polyline, exactly, and along a way that crosses as few facets as possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from polyregions.arrays import Floats
from polyregions.compiled import only_compiled
from polyregions.domain import Box
from polyregions.domain.chart import chart_of
from polyregions.errors import DomainError, NetworkError, PartialResultError, PolyregionsError
from polyregions.geometry.witness import nearest_float
from polyregions.network import Layer, Network, input_point, input_points
from polyregions.network.exact_network import exact_network, exact_point, exact_rows, exact_signs
from polyregions.pattern import Words, unpack
from polyregions.regions import Region, Regions
from polyregions.run.given import DomainLike, NetworkLike
from polyregions.run.limits import Limits, Stop, check_threads, limits_of
from polyregions.run.problem import Problem, problem_of
from polyregions.run.progress import Interrupt, OnProgress, shown_progress
from polyregions.walk.breadth_first import enumerate_regions
from polyregions.walk.first_region import check_in_domain, region_at, touching_point
from polyregions.walk.steps import drive
from polyregions.walk.subproblem import start_in
from polyregions.walk.walk_state import WalkState, begin_rings, result_of, root_at, roots_at

__all__ = [
    "Piece",
    "regions_along",
    "shortest_path",
]


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


def shortest_path(
    network: NetworkLike | Regions,
    a: ArrayLike,
    b: ArrayLike,
    *,
    domain: DomainLike = None,
    threads: int = 1,
    max_regions: int | None = None,
    time_limit: float | None = None,
    progress: OnProgress = None,
) -> tuple[Region, ...]:
    """Return regions from one point to another, as few as possible, each touching the next.

    Parameters
    ----------
    network : Network, path of a network file, torch.nn.Module, or Regions
        Of a result the path stays inside it, and in a partial one may be longer than need be.
    a, b : array_like, shape (n,)
        Inputs, as :func:`polyregions.explore` takes them.
    domain : Box, Polytope, None, or one pair (low, high) per input
        ``None`` is the whole space. A result has its own.
    threads : int
    max_regions, time_limit : optional
        Give up after so many regions, or about so many seconds.
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with a
        :class:`~polyregions.run.progress.Progress` now and then.

    Returns
    -------
    tuple of Region
        From the region of `a` to that of `b`, both included; each shares a facet with the next.
        ``path[0].regions`` is the (partial) result that holds them.

    Raises
    ------
    NetworkError, DomainError
        As for :func:`polyregions.explore`.
    PartialResultError
        If a limit is reached first: the message says how many facets are too few, proven. If
        no path leads there inside a partial result.
    PolyregionsError
        If a point is in no region of a result; if a limit is not positive.

    Notes
    -----
    *Algorithm.* Breadth-first from both ends, a ring at a time on the smaller side, until they
    know a region in common: before that, a path would have to cross more facets than the two
    have rings. In many inputs a ring has hundreds of times the regions of the one before, so
    that only short paths are found; :func:`polyregions.regions_along` has a path that need not
    be the shortest.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> path = pr.shortest_path(net, [-1.0, -1.0], [1.0, 1.0])
    >>> [region.bits.tolist() for region in path]
    [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    if isinstance(network, Regions):
        if domain is not None:
            raise PolyregionsError("a result has a domain of its own; leave domain= out")
        found = [int(network.find(input_point(network.network, x))) for x in (a, b)]
        for name, number in zip("ab", found, strict=True):
            if number < 0:
                raise PolyregionsError(f"the point {name} is in no region of this result")
        return tuple(network[number] for number in network.shortest_path(*found))
    # no result: two walks, that list no more than they need
    limits = limits_of(max_regions, time_limit)
    check_threads(threads)
    with Interrupt() as interrupt:
        problem = problem_of(network, domain)
        with only_compiled(problem.is_large), shown_progress(progress) as report:

            def walk(found: WalkState, limits: Limits) -> Stop:
                return drive(
                    problem,
                    found,
                    threads=threads,
                    limits=limits,
                    interrupt=interrupt,
                    progress=report,
                )

            ends = [_End(root_at(problem, *region_at(problem, point)), {}) for point in (a, b)]
            path = _path_between(problem, ends, limits.left, walk)
    return path


class _End(NamedTuple):
    """A walk from one end, and the numbers of the regions that it knows by their patterns."""

    found: WalkState
    known: dict[bytes, int]

    def learn(self) -> list[tuple[bytes, int]]:
        """Note the regions that have become known, and return them."""
        # patterns are numbered in the order of discovery, and never change their number
        old = len(self.known)
        patterns = self.found.store.patterns[old : self.found.count]
        new = [(words.tobytes(), old + index) for index, words in enumerate(patterns)]
        self.known.update(new)
        return new

    def back(self, number: int) -> list[int]:
        """Return the numbers of a shortest path from a known region to the first one."""
        edges, path = self.found.store.edges[: self.found.n_edges], [number]
        while path[-1]:
            # the lowest of its neighbors is the one that it was found from
            path.append(int(edges[edges[:, 1] == path[-1], 0].min()))
        return path


def _path_between(
    problem: Problem, ends: list[_End], limits: Limits, walk: Callable[[WalkState, Limits], Stop]
) -> tuple[Region, ...]:
    for end in ends:
        begin_rings(problem, end.found, -1)
    one, other = ends
    # one region if both points are in the same: then they meet at once
    new = [*one.learn(), *other.learn()]
    while (meeting := next((key for key, _ in new if _met(ends, key)), None)) is None:
        # of two rings the smaller one is looked beyond
        end = min(ends, key=lambda end: end.found.count - end.found.done)
        # a whole ring, so that its number is a proven bound when a limit ends the search
        end.found.depth = end.found.whole_depth + 1
        others = sum(each.found.done for each in ends if each is not end)
        stopped = walk(end.found, replace(limits.left, regions=limits.regions - others))
        _check_finished(stopped, 1 + sum(1 + each.found.whole_depth for each in ends))
        new = end.learn()
    # the region in common ends one half of the path, and is left out of the other
    there = [start_in(problem, one.found, n) for n in one.back(one.known[meeting])[::-1]]
    there += [start_in(problem, other.found, n) for n in other.back(other.known[meeting])[1:]]
    patterns, points = (np.array(part) for part in zip(*there, strict=True))
    # a walk of its own over these regions, for the edges between them
    found = roots_at(problem, patterns, points)
    begin_rings(problem, found, 0)
    _check_finished(walk(found, replace(limits.left, regions=len(there))), len(there) - 1)
    result = result_of(problem, found)
    numbers = [result.index(words) for words in problem.reduction.grow_words(patterns)]
    return tuple(result[number] for number in numbers if number is not None)


def _met(ends: list[_End], key: bytes) -> bool:
    return all(key in end.known for end in ends)


def _check_finished(stopped: Stop, facets: int) -> None:
    """Give up where the search was stopped; every path crosses at least so many facets."""
    if stopped == "interrupt":
        raise KeyboardInterrupt
    if stopped != "finished":
        limit = "max_regions" if stopped == "regions" else "time_limit"
        raise PartialResultError(
            f"{limit} ended the search: a path crosses at least {facets} facets, and none is "
            f"found yet; raise the limit, or take the path of pr.regions_along(network, [a, b])"
        )
