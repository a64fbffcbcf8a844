"""Walks inside: all regions below a prefix, or a longer network's inside given regions.

A prefix decides the units of whole layers and some of the next one, so the regions below
it fill an open polytope: a walk that starts inside and stays inside finds them all.

A pattern of the longer network begins with the pattern of the region that it lies in, so
that its walk stays inside given regions by looking at these bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Bits, Floats
from polyregions.exact.facets import interior_point, side_of
from polyregions.exact.simplex import column_of
from polyregions.geometry.exact_facet_crossing import germ_bits
from polyregions.network import Network
from polyregions.network.exact_network import exact_rows
from polyregions.network.prefix import (
    Prefix,
    contains,
    decided_units,
    empty_prefix,
    first_units,
    unpack_prefix,
    with_bit,
)
from polyregions.pattern import Words, order, pack, unpack
from polyregions.regions import Regions
from polyregions.run.problem import Problem, empty_result, prefix_rows, problem_of
from polyregions.walk.breadth_first import enumerate_regions
from polyregions.walk.first_region import start_region
from polyregions.walk.steps import stepper
from polyregions.walk.walk_state import Fence, WalkState, result_of, root_at

__all__ = [
    "Subproblem",
    "first_start",
    "prefix_indices",
    "refine",
    "split_subproblem",
    "start_in",
    "walk_below",
]

_PARTS = 16  # prefixes that one is split into, about
_SAMPLED_REGIONS = 4096  # regions that a split looks at

_Group = tuple[Prefix, NDArray[np.intp]]  # a prefix, and which of those regions are below it
_STEP = 4096  # regions that a walk decides at a time


class Subproblem(NamedTuple):
    """Where a walk below a prefix begins; small, fit to be sent.

    Attributes
    ----------
    prefix : Prefix
        Of the units that vary.
    pattern : numpy.ndarray of uint64, shape (W,)
        The packed pattern of one region below the prefix.
    point : numpy.ndarray of float64, shape (m,)
        A chart point of that region's closure.
    """

    prefix: Prefix
    pattern: Words
    point: Floats


def first_start(problem: Problem) -> Subproblem:
    """Return the start below the empty prefix: that of the ordinary walk."""
    bits, point = start_region(problem)
    return Subproblem(empty_prefix(problem.flat.units), pack(bits), point)


def _start_below(problem: Problem, prefix: Prefix) -> Subproblem:
    """Return a start below a prefix of whole layers, from an exact point inside it."""
    decided, bits = unpack_prefix(prefix, problem.flat.units)
    rows, domain = prefix_rows(problem, bits)
    point = interior_point([*(rows[i] for i in np.flatnonzero(decided).tolist()), *domain])
    assert point is not None  # the prefix is that of a region
    return _start_at(problem, prefix, point)


def walk_below(problem: Problem, start: Subproblem, budget: int) -> WalkState:
    """Walk below a prefix, until all regions are found or more than `budget` are known.

    Parameters
    ----------
    problem : Problem
        That of `problem_of`, as for whatever made the start.
    start : Subproblem
    budget : int

    Returns
    -------
    WalkState
        ``finished`` if it holds every region below the prefix; `fence` then knows every
        facet between these and others. It does not depend on the budget.
    """
    found = root_at(problem, start.pattern, start.point)
    # convex: a walk reaches all of it without leaving
    found.fence = Fence(start.prefix.mask, start.prefix.value[None])
    with stepper(problem, 1) as step:
        while not found.finished and found.count <= budget:
            step(found, budget)
    return found


def split_subproblem(problem: Problem, start: Subproblem, found: WalkState) -> list[Subproblem]:
    """Return disjoint prefixes that together hold what one holds, with a start each.

    Parameters
    ----------
    problem, start
        As for :func:`walk_below`.
    found : WalkState
        Some regions below the prefix, at least two: the new prefixes share them evenly.

    Notes
    -----
    *Algorithm.* The prefix is cut in two by the undecided unit of its layer that
    divides the known regions best, then the larger half, and so on. If no unit divides
    them, the known regions share the whole layer: that makes one prefix, and each
    unit that exact arithmetic proves to cut what is left makes another beyond it.

    *Invariant.* The prefixes of `groups`, `whole` and `beyond` are disjoint, and together they
    hold every region below `start`: a cut by one unit keeps both sides.
    """
    numbers = np.unique(np.linspace(0, found.count - 1, _SAMPLED_REGIONS).astype(np.int64))
    bits = unpack(found.store.patterns[numbers], problem.flat.units)
    everything = np.arange(len(numbers))
    prefix, beyond = start.prefix, list[Subproblem]()
    while (halves := _halves(problem, prefix, everything, bits)) is None:
        units, end = _undecided_layer(problem, prefix)
        assert len(units), "two regions differ in some bit"
        beyond.extend(_subproblems_beside(problem, prefix, bits[0]))
        prefix = first_units(end, bits[0])
    groups: list[_Group] = [*halves]
    whole: list[_Group] = []
    while groups and len(groups) + len(whole) < _PARTS:
        groups.sort(key=lambda group: len(group[1]))
        largest = groups.pop()
        halves = _halves(problem, *largest, bits)
        if halves is None:  # no unit of this layer divides it
            whole.append(largest)
        else:
            groups.extend(halves)
    groups.extend(whole)
    starts = [_sampled(problem, found, group, numbers[chosen]) for group, chosen in groups]
    return sorted(
        [*starts, *beyond], key=lambda one: (one.prefix.mask.tolist(), one.prefix.value.tolist())
    )


def _undecided_layer(problem: Problem, prefix: Prefix) -> tuple[NDArray[np.intp], int]:
    """Return the undecided units of the first layer that has any, and where that layer ends."""
    units, ends = problem.flat.units, problem.flat.row_ends
    undecided = np.flatnonzero(unpack(prefix.mask, units) == 0)
    if not len(undecided):
        return undecided, units
    end = int(ends[np.searchsorted(ends, undecided[0], side="right")])
    return undecided[undecided < end], end


def _halves(
    problem: Problem, prefix: Prefix, chosen: NDArray[np.intp], bits: Bits
) -> tuple[_Group, _Group] | None:
    """Cut a group in two by the unit that divides it best, or return None."""
    units, _ = _undecided_layer(problem, prefix)
    if not len(units):
        return None
    active = bits[chosen][:, units].sum(axis=0, dtype=np.int64)
    # how many would be in the smaller half, unit by unit
    smaller = np.minimum(active, len(chosen) - active)
    best = int(smaller.argmax())
    if smaller[best] == 0:
        return None
    unit = int(units[best])
    zeros, ones = chosen[bits[chosen, unit] == 0], chosen[bits[chosen, unit] == 1]
    return (with_bit(prefix, unit, 0), zeros), (with_bit(prefix, unit, 1), ones)


def _subproblems_beside(problem: Problem, prefix: Prefix, bits: Bits) -> Iterator[Subproblem]:
    """Yield disjoint prefixes for all that does not share a whole layer with some region.

    The region's bits are `bits`, and it is below the prefix.
    """
    units, end = _undecided_layer(problem, prefix)
    chosen = np.ones_like(bits)
    chosen[:end] = bits[:end]
    # signed by the region's bits, so that they are positive at `inside`
    rows, domain = prefix_rows(problem, chosen)
    point = interior_point([*rows[:end], *domain])
    assert point is not None  # the region lies there
    inside = column_of(point)
    known = [*domain, *(rows[i] for i in decided_units(prefix, len(bits)).tolist())]
    for unit in units.tolist():
        answer = side_of(known, rows[unit], inside)
        if isinstance(answer, int):
            # one-sided below the prefix: it need not be decided, and no region is beyond
            continue
        other = with_bit(prefix, unit, 1 - int(bits[unit]))
        yield _start_at(problem, other, [Fraction(int(x), int(answer[-1])) for x in answer[:-1]])
        prefix = with_bit(prefix, unit, int(bits[unit]))
        known.append(rows[unit])


def _start_at(problem: Problem, prefix: Prefix, point: Sequence[Fraction]) -> Subproblem:
    """Return a start below a prefix from an exact chart point inside its open polytope."""
    m = problem.chart.dimension
    # a point on other rows is no trouble: directions, each infinitely smaller than the last,
    # lead into one of the regions around it
    axes = [[flint.fmpz(int(i == k)) for i in range(m)] for k in range(m)]
    pattern = pack(problem.reduction.shrink(germ_bits(problem.exact, point, axes)))
    assert contains(prefix, pattern), "the point is inside the prefix"
    return Subproblem(prefix, pattern, np.array([float(value) for value in point]))


def _sampled(
    problem: Problem, found: WalkState, prefix: Prefix, numbers: NDArray[np.int64]
) -> Subproblem:
    """Return a start at one of some known regions below a prefix."""
    # of a region decided in exact arithmetic no chart point is kept
    kept = (number for number in numbers.tolist() if number not in found.exact_points)
    return Subproblem(prefix, *start_in(problem, found, next(kept, int(numbers[0]))))


def start_in(problem: Problem, found: WalkState, number: int) -> tuple[Words, Floats]:
    """Return the packed varying bits of a known region, and a chart point of its closure."""
    pattern = found.store.patterns[number].copy()
    if number not in found.exact_points:
        return pattern, found.store.points[number].copy()
    bits = unpack(pattern, problem.flat.units)
    point = interior_point(exact_rows(problem.exact, problem.reduction.grow(bits)))
    assert point is not None  # a region is not empty
    return pattern, np.array([float(value) for value in point])


def refine(regions: Regions, network: Network) -> Regions:
    """Return the regions of a network that lie in given regions of its first layers.

    Parameters
    ----------
    regions : Regions
        All of them, or some: a partial result.
    network : Network
        Begins with the layers of ``regions.network`` that bend.

    Returns
    -------
    Regions
        Of `network`. Each given region is the union of those inside it, up to a set of
        volume 0; the result is complete, or a selection, if the given one is.

    Examples
    --------
    >>> import polyregions as pr
    >>> one = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> two = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [-0.5]), ([[1.0]], [0.0])])
    >>> finer = refine(pr.enumerate_regions(one, pr.Box.cube(1, 1.0)), two)
    >>> unpack(finer.patterns, 2).tolist()
    [[0, 0], [1, 0], [1, 1]]
    """
    if regions.complete:
        # nothing to stay inside of
        return enumerate_regions(network, regions.domain)
    problem = problem_of(network, regions.domain)
    if not len(regions):
        return replace(empty_result(problem), selection=regions.selection)
    # a partial result may have fallen apart: a walk for each connected part of it
    parts = list(_regions_inside(problem, regions))
    starts = np.cumsum([0, *(len(part) for part in parts)])
    patterns = np.concatenate([part.patterns for part in parts])
    position = order(patterns)
    rank = np.empty(len(position), dtype=np.int32)
    rank[position] = np.arange(len(position), dtype=np.int32)
    # parts do not touch, so that edges only need new numbers
    shifted = [part.edges + start for part, start in zip(parts, starts, strict=False)]
    edges = np.sort(rank[np.concatenate(shifted)], axis=1)
    return Regions(
        network,
        regions.domain,
        patterns[position],
        np.concatenate([part.witnesses for part in parts])[position],
        edges[np.lexsort(edges.T[::-1])],
        complete=False,
        proven=regions.proven,
        selection=regions.selection,
        exact_decisions=sum(part.exact_decisions for part in parts),
        exact_witnesses={
            int(rank[start + index]): witness
            for part, start in zip(parts, starts, strict=False)
            for index, witness in part.exact_witnesses.items()
        },
    )


def prefix_indices(finer: Regions, regions: Regions) -> NDArray[np.int64]:
    """Return the region that each region of :func:`refine`'s result lies in, shape (F,)."""
    # the bits of the first layers come first
    first = regions.network.hidden_units
    known = {words.tobytes(): index for index, words in enumerate(regions.patterns)}
    prefixes = pack(unpack(finer.patterns, finer.network.hidden_units)[:, :first])
    return np.array([known[words.tobytes()] for words in prefixes], dtype=np.int64)


def _regions_inside(problem: Problem, regions: Regions) -> Iterator[Regions]:
    """Yield what walks find that never leave the given regions, one per connected part."""
    shrink = problem.reduction.shrink
    first, units = regions.network.hidden_units, problem.network.hidden_units
    bits = np.zeros((len(regions), units), dtype=np.uint8)
    bits[:, :first] = unpack(regions.patterns, first)
    mask = pack(shrink((np.arange(units) < first).astype(np.uint8)))
    values = pack(shrink(bits))
    missing = {words.tobytes(): index for index, words in enumerate(values)}
    # regions of no walk so far; each walk reaches a whole connected part
    while missing:
        index = next(iter(missing.values()))
        start = _start_below(problem, Prefix(mask, values[index]))
        found = root_at(problem, start.pattern, start.point)
        found.fence = Fence(mask, values)
        with stepper(problem, 1) as step:
            while not found.finished:
                step(found, _STEP)
        for words in np.unique(found.store.patterns[: found.count] & mask, axis=0):
            del missing[words.tobytes()]
        yield replace(result_of(problem, found), complete=False)
