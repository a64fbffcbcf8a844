"""Regions from one point to another that cross as few facets as possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from polyregions.compiled import only_compiled
from polyregions.errors import PartialResultError, PolyregionsError
from polyregions.network import input_point
from polyregions.regions import Region, Regions
from polyregions.run.display import shown_progress
from polyregions.run.given import DomainLike, NetworkLike
from polyregions.run.limits import Limits, Stop, check_threads, limits_of
from polyregions.run.problem import Problem, problem_of
from polyregions.run.progress import Interrupt, OnProgress
from polyregions.walk.drive import drive
from polyregions.walk.region_at import region_at
from polyregions.walk.subproblem import start_in
from polyregions.walk.walk_state import WalkState, begin_rings, result_of, root_at, roots_at

__all__ = ["shortest_path"]


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
