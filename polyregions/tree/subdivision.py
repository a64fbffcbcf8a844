"""The tree: regions counted by splitting the domain, unit by unit, layer by layer.

It shares rows, bounds and exact arithmetic with the walk, but neither its traversal nor
its adjacency: the two are each other's second opinion. Nothing is remembered of a
region once it is counted, so memory does not depend on the count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from polyregions.compiled import only_compiled
from polyregions.errors import PolyregionsError
from polyregions.markup import titled
from polyregions.network.prefix import Prefix
from polyregions.run.given import DomainLike, NetworkLike
from polyregions.run.limits import (
    NO_LIMIT,
    Limits,
    RunOptions,
    Threaded,
    counting_limits,
    options_given,
    with_options,
)
from polyregions.run.loop import run
from polyregions.run.problem import Problem, problem_of
from polyregions.run.progress import Interrupt, OnProgress, shown_progress, tree_text
from polyregions.tree.crew import NODES_OF_A_STEP, Crew, explorer_of, is_prefix
from polyregions.tree.plane_arrangement import PlaneArrangement, is_plane_arrangement

__all__ = [
    "Below",
    "Counting",
    "TreeCount",
    "count_below",
    "count_regions",
    "count_tree",
    "counting",
    "counts_by_layer",
    "run_count",
    "unit_order",
]

# a count under way: work for the loop of all runs, which can be saved and taken up again
Counting = Crew | PlaneArrangement

_NODES_OF_A_BOUND = 20_000  # a hint: an exact decision counts for a thousand


@dataclass(frozen=True)
class TreeCount:
    """How many regions, of the whole network and of its first layers.

    Attributes
    ----------
    regions : int
    regions_per_layer : tuple of int
        For each layer with units that bend, the regions of the network up to it. The last
        is `regions`.
    complete : bool
        False if a limit or Ctrl-C ended the count: there are at least so many regions.
    proven : bool
        Every decision is backed by a rounding bound or by exact arithmetic: always.
    exact_decisions : int
        How many decisions a rounding bound left open and exact arithmetic took.
    at_most : int or None
        There are at most so many regions, proven like the rest: `regions` if complete. For a
        count that was ended, it is known in the plane if little but lines of the last layer
        was left, which are cheaper to bound than to count. Else None.
    """

    regions: int
    regions_per_layer: tuple[int, ...]
    complete: bool
    proven: bool
    exact_decisions: int
    at_most: int | None = None

    def _repr_html_(self) -> str:
        return titled("Count of regions", self.summary())

    def summary(self) -> dict[str, Any]:
        """Return the numbers that describe the result; a tree knows no edges.

        Returns
        -------
        dict

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
        >>> pr.count_tree(net, pr.Box.cube(1, 1.0)).summary()["regions_per_layer"]
        [2]
        """
        return {
            "regions": self.regions,
            "regions_per_layer": list(self.regions_per_layer),
            "edges": None,
            "complete": self.complete,
            "proven": self.proven,
            "exact_decisions": self.exact_decisions,
            "at_most": self.at_most,
        }


@dataclass(frozen=True)
class Below:
    """What lies below a prefix: regions counted, and prefixes that are not explored.

    Attributes
    ----------
    counts : numpy.ndarray of int64, shape (L + 1,)
        Regions of the first l layers of ``problem.flat``, l = 0 … L. Counts of parts
        add up: every region is counted once, here or below an unexplored prefix.
    unexplored : tuple of Prefix
        Prefixes for further calls, disjoint; together with `counts` they are everything.
    exact_decisions : int
    """

    counts: NDArray[np.int64]
    unexplored: tuple[Prefix, ...]
    exact_decisions: int


def unit_order(problem: Problem, seed: int | None = None) -> NDArray[np.int64]:
    """Return an order of the units that vary: layer by layer, shuffled within each.

    Parameters
    ----------
    problem : Problem
    seed : int, optional
        Of the shuffle; None keeps the network's order.

    Returns
    -------
    numpy.ndarray of int64, shape (N,)
    """
    ends = problem.flat.row_ends.tolist()
    layers = [np.arange(start, end) for start, end in zip([0, *ends], ends, strict=False)]
    if seed is not None:
        rng = np.random.default_rng(seed)
        layers = [rng.permutation(layer) for layer in layers]
    return np.concatenate(layers).astype(np.int64)


def count_below(
    problem: Problem,
    prefix: Prefix | None = None,
    *,
    budget: int | None = None,
    order: NDArray[np.int64] | None = None,
) -> Below:
    """Count the regions below a prefix, up to a budget.

    Parameters
    ----------
    problem : Problem
        That of `problem_of`, for speed.
    prefix : Prefix, optional
        Of the units that vary; by default the empty one. One that no region has counts 0.
    budget : int, optional
        About how many nodes of the tree to explore: a microsecond or so each.
    order : numpy.ndarray of int64, optional
        See :func:`unit_order`; by default the units of a layer are taken as seems best.

    Returns
    -------
    Below

    Raises
    ------
    PolyregionsError
        If the prefix is none of the network's.

    Examples
    --------
    >>> import polyregions as pr
    >>> network = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1.0, 1.0]], [0.0])])
    >>> problem = problem_of(network, pr.Box.cube(1, 1.0))
    >>> prefixes = [Prefix(*np.array(words, np.uint64)) for words in ([[1], [0]], [[1], [1]])]
    >>> [int(count_below(problem, prefix).counts[-1]) for prefix in (None, *prefixes)]
    [3, 1, 2]
    """
    if prefix is not None and not is_prefix(problem, prefix):
        raise PolyregionsError(
            "a prefix decides whole layers of the units that vary, and some units of the next; "
            "take one that count_below returned for the same network and domain"
        )
    if problem.flat.units == 0:
        return Below(np.ones(len(problem.flat.widths) + 1, dtype=np.int64), (), 0)
    subtree = explorer_of(problem, order, prefix)
    # what is counted and what is left are disjoint, and together everything, after every step
    while not subtree.finished and (budget is None or subtree.work < budget):
        subtree.advance(NODES_OF_A_STEP if budget is None else budget - subtree.work, NO_LIMIT)
    prefixes, counts = subtree.unexplored()
    return Below(counts, tuple(prefixes), subtree.exact_decisions)


@with_options(Threaded)
def count_tree(
    network: NetworkLike,
    domain: DomainLike,
    *,
    max_regions: int | None = None,
    compile_first: bool = False,
    seed: int | None = None,
    **how: Unpack[Threaded],
) -> TreeCount:
    """Count the activation regions of a network in a domain, also those of its first layers.

    Parameters
    ----------
    network : Network
    domain : Box, Polytope or None
        Where to count; ``None`` is the whole space.
    threads : int
        Workers; the result does not depend on it.
    max_regions : int, optional
        Stop at this many regions; the result then says ``complete=False``.
    time_limit : float, optional
        Stop after about this many seconds, likewise.
    compile_first : bool
        Wait for compiled kernels; a machine that has none yet starts slowly without.
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with a
        :class:`~polyregions.run.progress.Progress` now and then, whose `edges` are 0 and whose
        `frontier` is the number of prefixes that wait.
    seed : int, optional
        Takes the units of each layer in a random order, not as seems best: another tree,
        the same counts.
    on_interrupt : {"raise", "return"}
        What Ctrl-C does: raise ``KeyboardInterrupt``, or end the count with what was
        counted so far and ``complete=False``.

    Returns
    -------
    TreeCount

    Raises
    ------
    DomainError
        If the domain does not fit the network.
    PolyregionsError
        If a limit is not positive.
    KeyboardInterrupt
        After Ctrl-C, once threads are ended; see `on_interrupt`.

    Notes
    -----
    *Algorithm.* Depth-first over units in layer order. A unit is an affine function on
    the polytope of the bits before it; a dictionary simplex finds two points where it
    has opposite signs, and the polytope splits, or multipliers that prove it one-sided,
    and nothing is added. Decisions that rounding bounds leave open are taken in exact
    arithmetic; polytopes too thin for floats are subdivided in exact arithmetic.

    In the plane a polytope is a polygon, and a unit cuts it if two of its corners lie on
    opposite sides: no linear program is solved. The sides of corners that bounds leave
    open are found modulo primes or in exact arithmetic. The lines of the last layer are not
    split one by one: the parts of each cell are counted from where the lines meet (see
    docs/mathematics.md, part 9), unless `seed` is given, which lists them as anywhere else. Many
    planes of a single layer across a box of three inputs are counted plane by plane, likewise,
    in one thread.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> count = count_tree(net, pr.Box.cube(2, 1.0))
    >>> count.regions, count.regions_per_layer, count.complete, count.proven
    (7, (7,), True, True)
    """
    options = options_given(Threaded, how)
    limits = counting_limits(max_regions, options.limits.seconds)
    with only_compiled(compile_first):
        problem = problem_of(network, domain)
        # no unit varies: the domain is one region
        if problem.flat.units == 0:
            return TreeCount(1, (1,) * len(problem.network.widths), True, True, 0, 1)
        return run_count(counting(problem, options.threads, seed), limits.left, options)


def counting(problem: Problem, threads: int, seed: int | None = None) -> Counting:
    """Return a count that has not begun."""
    # an order of the units is another tree: the second opinion on what is counted at once
    if seed is None and is_plane_arrangement(problem):
        return PlaneArrangement(problem)
    return Crew(problem, None if seed is None else unit_order(problem, seed), threads)


def run_count(
    work: Counting,
    limits: Limits,
    options: RunOptions,
    keep: Callable[[bool], None] | None = None,
) -> TreeCount:
    """Count until all is counted, or a limit or Ctrl-C ends it.

    Parameters
    ----------
    work : Counting
        Its problem has units that vary.
    limits : Limits
    options : RunOptions
    keep : callable, optional
        Called after every step, with False; and once more, with True, where the count ends
        before it is complete.
    """
    problem = work.problem
    after = None if keep is None else partial(keep, False)
    # one more than the limit: else it hung on the order of finding whether all were found
    beyond = replace(limits, regions=min(limits.regions, NO_LIMIT - 1) + 1)
    with (
        only_compiled(problem.is_large),
        Interrupt(options.on_interrupt) as interrupt,
        shown_progress(options.progress, tree_text) as report,
    ):
        run(work, beyond, interrupt, progress=report, after_step=after, stop=work.stop)
        work.close()
        counts = work.counts
        # a step may have found more regions than the limit: the limit is what is claimed
        complete = work.finished and int(counts[work.last]) <= limits.regions
        if keep is not None and not complete:
            keep(True)
        most = None if complete else work.most(_NODES_OF_A_BOUND)
    layers = counts_by_layer(problem, counts if complete else np.minimum(counts, limits.regions))
    at_most = layers[-1] if complete else most
    return TreeCount(layers[-1], layers, complete, True, work.exact_decisions, at_most)


def count_regions(
    network: NetworkLike, domain: DomainLike, *, threads: int = 1, progress: OnProgress = None
) -> int:
    """Return the number of activation regions of a network in a domain.

    See :func:`count_tree` for limits, what `progress` is and the counts of the first layers.

    Parameters
    ----------
    network : Network, torch.nn.Module or path of a file
    domain : Box, Polytope, None or one pair (low, high) per input
        As for :func:`polyregions.enumerate_regions`.
    threads : int
    progress : bool or callable, optional

    Returns
    -------
    int
        Proven.

    Raises
    ------
    DomainError
        If the domain does not fit the network.
    PolyregionsError
        If `threads` is not positive.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> pr.count_regions(net, pr.Box.cube(1, 1.0))
    3
    """
    return count_tree(network, domain, threads=threads, progress=progress).regions


def counts_by_layer(problem: Problem, counts: NDArray[np.int64]) -> tuple[int, ...]:
    """Return the counts by layer of the network, for its layers that bend."""
    starts = [0, *problem.flat.row_ends.tolist()]
    bending = [layer for layer, count in enumerate(problem.network.bent) if count]
    # a layer whose units never switch on the domain has the regions of the layers below
    here, answer = 1, []
    for layer in bending:
        level = layer - bending[0] + 1
        if level < len(starts) and starts[level] > starts[level - 1]:
            here = int(counts[level])
        answer.append(here)
    return tuple(answer)
