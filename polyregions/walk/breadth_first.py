"""The walk: from region to adjacent region until none is new, or as far as asked.

Across a facet of a region lies exactly one region, and the facet graph of the
regions of an open convex domain is connected; so a breadth-first walk that decides
every facet of every region it meets finds them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from polyregions.arrays import Integers
from polyregions.compiled import only_compiled
from polyregions.domain.domains import cube_about
from polyregions.errors import PolyregionsError
from polyregions.geometry.witness import chart_points
from polyregions.network import input_point
from polyregions.regions import Region, Regions
from polyregions.run.given import DomainLike, NetworkLike, domain_given, network_given
from polyregions.run.limits import (
    Pace,
    Stop,
    Threaded,
    check_depth,
    limits_of,
    options_given,
    with_options,
)
from polyregions.run.problem import problem_of
from polyregions.run.progress import Interrupt, shown_progress
from polyregions.walk.first_region import check_in_domain, region_at
from polyregions.walk.steps import drive, stepper
from polyregions.walk.walk_state import begin_rings, result_of, root_at, root_state

__all__ = [
    "Exploration",
    "enumerate_regions",
    "explore",
    "traverse",
]

Arithmetic = Literal["certified", "rational"]

_YIELDED = 4096  # regions that `traverse` decides at most before it hands them out


@with_options(Threaded)
def enumerate_regions(
    network: NetworkLike,
    domain: DomainLike,
    *,
    arithmetic: Arithmetic = "certified",
    max_regions: int | None = None,
    memory: int | None = None,
    compile_first: bool = False,
    **how: Unpack[Threaded],
) -> Regions:
    """Return every activation region of a network in a domain, with their adjacency.

    Parameters
    ----------
    network : Network, path of a network file, or torch.nn.Module
        Read by :func:`polyregions.load`, converted by :func:`polyregions.from_torch`.
    domain : Box, Polytope, None, or one pair (low, high) per input
        Where to count; ``None`` is the whole space.
    arithmetic : {"certified", "rational"}
        "certified" proves each decision by a rounding bound, or by exact arithmetic
        where the bound is not enough. "rational" uses exact arithmetic throughout (slow).
    threads : int
        Workers; the result does not depend on it.
    max_regions : int, optional
        Stop after this many regions; the result then says ``complete=False``.
    time_limit : float, optional
        Stop after about this many seconds, likewise.
    memory : int, optional
        Stop before the walk's arrays and the result need more than this many bytes,
        likewise. (The interpreter and compiled code take some 250 MB besides.)
    compile_first : bool
        Wait for compiled kernels. By default a machine that has none yet starts without:
        slowly, and with other last digits in some witnesses; all else is the same.
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with a
        :class:`~polyregions.run.progress.Progress` now and then.
    on_interrupt : {"raise", "return"}
        What Ctrl-C does: raise ``KeyboardInterrupt``, or end the walk with the regions
        found so far and ``complete=False``.

    Returns
    -------
    Regions
        Sorted by pattern: equal for every start and number of threads.

    Raises
    ------
    NetworkError
        If there is no network; the message names the call that makes one.
    DomainError
        If the domain does not fit the network.
    PolyregionsError
        If a limit is not positive.
    KeyboardInterrupt
        After Ctrl-C, once threads are ended; see `on_interrupt`.

    Notes
    -----
    *Algorithm.* Breadth-first search. For each region the rows of its polytope are
    computed from its pattern, a compiled dictionary simplex decides which carry a
    facet, and the region beyond each facet is looked up in a hash table of patterns.
    Regions that floats cannot decide beyond their rounding bound are decided in
    exact integer arithmetic.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> regions = pr.enumerate_regions(net, pr.Box.cube(2, 1.0))
    >>> len(regions), len(regions.edges), regions.complete, regions.proven
    (7, 9, True, True)
    """
    options = options_given(Threaded, how)
    limits = limits_of(max_regions, options.limits.seconds, memory)
    if arithmetic not in ("certified", "rational"):
        raise PolyregionsError(f"arithmetic must be 'certified' or 'rational', not {arithmetic!r}")
    if arithmetic == "rational":
        if limits != limits_of():
            raise PolyregionsError("the rational walk knows no limits; use arithmetic='certified'")
        from polyregions.walk.rational_walk import enumerate_rational

        return enumerate_rational(network, domain)
    with only_compiled(compile_first), Interrupt(options.on_interrupt) as interrupt:
        problem = problem_of(network, domain)
        with only_compiled(problem.is_large), shown_progress(options.progress) as report:
            found = root_state(problem)
            drive(
                problem,
                found,
                threads=options.threads,
                limits=limits.left,  # to make the problem may take a while
                interrupt=interrupt,
                progress=report,
            )
    return result_of(problem, found)


def traverse(network: NetworkLike, domain: DomainLike, *, threads: int = 1) -> Iterator[Region]:
    """Yield regions as the walk finds them.

    Stop whenever you have seen enough; nothing is computed ahead of about 4,000
    regions.

    Parameters
    ----------
    network : Network, path of a network file, or torch.nn.Module
    domain : Box, Polytope, None, or one pair (low, high) per input
    threads : int

    Yields
    ------
    Region

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> sorted(region.bits.tolist() for region in pr.traverse(net, pr.Box.cube(1, 1.0)))
    [[0, 0], [1, 0], [1, 1]]
    """
    problem = problem_of(network, domain)
    with only_compiled(problem.is_large), stepper(problem, threads) as step:
        found, pace = root_state(problem), Pace(1, _YIELDED)
        while not found.finished:
            start, waiting = found.expanded, set(found.open)
            with pace.step() as size:
                step(found, size)
            numbers = [*range(start, found.expanded), *waiting]
            numbers = sorted(set(numbers).difference(found.open))
            points = chart_points(problem.chart, problem.domain, found.store.points[numbers])
            for number, point in zip(numbers, points, strict=True):
                point, exact = found.exact_points.get(number, (point, None))
                if exact is None:
                    exact = tuple(Fraction(float(value)) for value in point)
                pattern = problem.reduction.grow_words(found.store.patterns[number : number + 1])[
                    0
                ].copy()
                yield Region(problem.network, problem.domain, pattern, point, exact)


@dataclass(frozen=True, eq=False)
class Exploration:
    """The regions round a point that were found.

    Attributes
    ----------
    regions : Regions
        Of the domain, or of its part within the radius. Unless it holds them all, a selection;
        partial, if time, memory or an interrupt ended the search.
    start : int
        The number of the region of the point; -1 if not even that one was decided in time.
    distances : numpy.ndarray of int64, shape (R,)
        Graph distance of each region: how many facets must be crossed from the first one.
    depth : int
        No region at most so many facets away is missing; -1 if even the first one is.
    stopped : {"finished", "regions", "time", "memory", "interrupt"}
        What ended the search. "finished": every region in reach of depth and radius is there.
    """

    regions: Regions
    start: int
    distances: Integers
    depth: int
    stopped: Stop

    def __repr__(self) -> str:
        ended = "all in reach" if self.stopped == "finished" else f"stopped by {self.stopped}"
        return (
            f"<Exploration: {len(self.regions)} regions, whole to graph distance {self.depth}, "
            f"{ended}>"
        )


@with_options(Threaded)
def explore(
    network: NetworkLike,
    x: ArrayLike,
    *,
    regions: int | None = None,
    depth: int | None = None,
    radius: float | None = None,
    domain: DomainLike = None,
    memory: int | None = None,
    compile_first: bool = False,
    **how: Unpack[Threaded],
) -> Exploration:
    """Return the regions round a point, those first to which the fewest facets lead.

    Parameters
    ----------
    network : Network, path of a network file, or torch.nn.Module
    x : array_like, shape (n,)
        In the domain or on its boundary. On a boundary between regions it counts to that one
        where all units are off that are zero there, as in :meth:`polyregions.Regions.find`.
    regions : int, optional
        Stop after so many regions.
    depth : int, optional
        Regions at most so many facets away; 0 is the region of the point alone.
    radius : float, optional
        Only regions that meet the open cube of points that differ from `x` by less than this in
        every input. The search stays in it: the cube, cut with the domain, is the domain of the
        result, and facets count where they cross it.
    domain : Box, Polytope, None, or one pair (low, high) per input
        ``None`` is the whole space.
    threads, time_limit, memory, compile_first, on_interrupt
        As for :func:`polyregions.enumerate_regions`.
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with a
        :class:`~polyregions.run.progress.Progress` now and then.

    Returns
    -------
    Exploration

    Raises
    ------
    NetworkError
        If there is no network, or the point has another length or is not finite.
    DomainError
        If the point is outside the domain, or between regions in none of which the units are
        off that are zero there; if the radius is no positive number.
    PolyregionsError
        If none of `regions`, `depth`, `radius` and `time_limit` says where to end, or one is no
        positive number.
    KeyboardInterrupt
        After Ctrl-C; see `on_interrupt`.

    Notes
    -----
    *Algorithm.* The walk of :func:`polyregions.enumerate_regions`, ring by ring: what is one
    facet further away is decided when all that is nearer is, degenerate regions included. So
    graph distances are those in the graph of all regions. The cost is that of the regions that
    are returned; in hundreds of inputs each has hundreds of neighbors, which are not.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> found = pr.explore(net, [0.1, 0.1], depth=1)
    >>> len(found.regions), found.distances.tolist(), found.regions[found.start].bits.tolist()
    (4, [1, 1, 0, 1], [1, 1, 0])
    >>> pr.explore(net, [0.1, 0.1], radius=0.2)
    <Exploration: 5 regions, whole to graph distance 2, all in reach>
    """
    network = network_given(network)
    options = options_given(Threaded, how)
    limits = limits_of(regions, options.limits.seconds, memory)
    check_depth(depth)
    if regions is depth is radius is limits.seconds is None:
        raise PolyregionsError(
            "say how far to explore: so many regions=, so many facets away (depth=), within a "
            "radius=, or for so many seconds (time_limit=)"
        )
    # what takes long is inside: Ctrl-C and limits hold for the set-up, too
    with only_compiled(compile_first), Interrupt(options.on_interrupt) as interrupt:
        given = domain_given(domain, network.input_dimension)
        if radius is not None:
            point = input_point(network, x)
            check_in_domain(given, point)
            # the search is of another problem then, with fewer units that vary
            given = cube_about(given, point, radius)
        problem = problem_of(network, given)
        with only_compiled(problem.is_large), shown_progress(options.progress) as report:
            pattern, at = region_at(problem, x)
            found = root_at(problem, pattern, at)
            # regions come in rings from here on, none before all that are nearer
            begin_rings(problem, found, depth)
            stopped = drive(
                problem,
                found,
                threads=options.threads,
                limits=limits.left,
                interrupt=interrupt,
                progress=report,
            )
    whole = found.whole_depth
    result = result_of(problem, found)
    chosen = stopped in ("finished", "regions")  # what is missing was not asked for
    result = replace(result, selection=chosen and not result.complete)
    start = result.index(problem.reduction.grow_words(pattern[None])[0])
    if start is None:
        return Exploration(result, -1, np.zeros(0, dtype=np.int64), whole, stopped)
    return Exploration(result, start, result.graph_distances(start), whole, stopped)
