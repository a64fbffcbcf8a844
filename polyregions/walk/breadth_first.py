"""The walk: from region to adjacent region until none is new.

Across a facet of a region lies exactly one region, and the facet graph of the
regions of an open convex domain is connected; so a breadth-first walk that decides
every facet of every region it meets finds them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Literal, Unpack

from polyregions.compiled import only_compiled
from polyregions.errors import PolyregionsError
from polyregions.geometry.witness import chart_points
from polyregions.regions import Region, Regions
from polyregions.run.display import shown_progress
from polyregions.run.given import DomainLike, NetworkLike
from polyregions.run.keywords import Threaded, options_given, with_options
from polyregions.run.limits import Pace, limits_of
from polyregions.run.problem import problem_of
from polyregions.run.progress import Interrupt
from polyregions.walk.drive import drive
from polyregions.walk.steps import stepper
from polyregions.walk.walk_state import result_of, root_state

__all__ = ["enumerate_regions", "traverse"]

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
