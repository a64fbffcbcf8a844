"""All regions below a prefix with their facets, or the prefixes that share them.

A prefix decides the units of whole layers and some of the next one, so the regions below
it fill an open polytope: a walk that starts inside and stays inside finds them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Bits
from polyregions.exact.facets import interior_point
from polyregions.exact.side import column_of, side_of
from polyregions.geometry.exact_facet_crossing import germ_bits
from polyregions.network.exact_network import exact_rows
from polyregions.network.unit_order import FREE
from polyregions.pattern import n_words, pack, unpack
from polyregions.run.problem import Problem, prefix_rows
from polyregions.walk.prefix_mask import Fence
from polyregions.walk.start import start_region
from polyregions.walk.steps import stepper
from polyregions.walk.walk_state import WalkState, root_at

__all__ = ["Subproblem", "first_start", "split_subproblem", "start_below", "walk_below"]


_PARTS = 16  # prefixes that one is split into, about
_SAMPLED_REGIONS = 4096  # regions that a split looks at


class Subproblem(NamedTuple):
    """Where a walk below a prefix begins; small, comparable, fit to be sent.

    Attributes
    ----------
    marks : bytes
        For each unit that varies its bit, or ANY (2) where the prefix does not decide it.
    pattern : bytes
        The packed pattern of one region below the prefix.
    point : tuple of float
        A chart point of that region's closure.
    """

    marks: bytes
    pattern: bytes
    point: tuple[float, ...]


def first_start(problem: Problem) -> Subproblem:
    """Return the start below the empty prefix: that of the ordinary walk."""
    bits, point = start_region(problem)
    return _start(np.full(problem.flat.units, FREE, dtype=np.uint8), bits, point.tolist())


def start_below(problem: Problem, marks: Bits) -> Subproblem:
    """Return a start below a prefix of whole layers, from an exact point inside it."""
    rows, domain = prefix_rows(problem, np.where(marks == FREE, 0, marks).astype(np.uint8))
    decided = np.flatnonzero(marks != FREE).tolist()
    point = interior_point([*(rows[i] for i in decided), *domain])
    assert point is not None  # the prefix is that of a region
    return _start_at(problem, marks, point)


def walk_below(problem: Problem, start: Subproblem, budget: int) -> WalkState:
    """Walk below a prefix, until all regions are found or more than `budget` are known.

    Parameters
    ----------
    problem : Problem
        That of `problem_of`, as for whatever made the start.
    start : Start
    budget : int

    Returns
    -------
    Found
        ``finished`` if it holds every region below the prefix; `fence` then knows every
        facet between these and others. It does not depend on the budget.
    """
    marks = np.frombuffer(start.marks, dtype=np.uint8)
    pattern = np.frombuffer(start.pattern, dtype="<u8").astype(np.uint64)
    found = root_at(problem, pattern, np.array(start.point))
    found.fence = Fence(mask=pack(marks != FREE), values=pack(marks == 1)[None])
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
    found : Found
        Some regions below the prefix, at least two: the new prefixes share them evenly.

    Notes
    -----
    *Algorithm.* The prefix is cut in two by the undecided unit of its layer that
    divides the known regions best, then the larger half, and so on. If no unit divides
    them, the known regions share the whole layer: that makes one prefix, and each
    unit that exact arithmetic proves to cut what is left makes another beyond it.
    """
    marks = np.frombuffer(start.marks, dtype=np.uint8).copy()
    numbers = np.unique(np.linspace(0, found.count - 1, _SAMPLED_REGIONS).astype(np.int64))
    bits = unpack(found.store.patterns[numbers], problem.flat.units)
    groups: list[tuple[Bits, NDArray[np.intp]]] = [(marks, np.arange(len(numbers)))]
    beyond: list[Subproblem] = []
    while _halves(problem, *groups[0], bits) is None:
        units, end = _open_layer(problem, marks)
        assert len(units), "two regions differ in some bit"
        beyond.extend(_subproblems_beside(problem, marks, bits[0]))
        marks[:end] = bits[0, :end]
    whole: list[tuple[Bits, NDArray[np.intp]]] = []
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
    return sorted([*starts, *beyond])


def _open_layer(problem: Problem, marks: Bits) -> tuple[NDArray[np.intp], int]:
    """Return the undecided units of the first layer that has any, and where that layer ends."""
    undecided, ends = np.flatnonzero(marks == FREE), problem.flat.row_ends
    if not len(undecided):
        return undecided, len(marks)
    end = int(ends[np.searchsorted(ends, undecided[0], side="right")])
    return undecided[undecided < end], end


def _halves(
    problem: Problem, marks: Bits, chosen: NDArray[np.intp], bits: Bits
) -> tuple[tuple[Bits, NDArray[np.intp]], ...] | None:
    """Cut a group in two by the unit that divides it best, or return None."""
    units, _ = _open_layer(problem, marks)
    if not len(units):
        return None
    active = bits[chosen][:, units].sum(axis=0, dtype=np.int64)
    smaller = np.minimum(active, len(chosen) - active)
    best = int(smaller.argmax())
    if smaller[best] == 0:
        return None
    unit = int(units[best])
    halves = []
    for bit in (0, 1):
        half = marks.copy()
        half[unit] = bit
        halves.append((half, chosen[bits[chosen, unit] == bit]))
    return tuple(halves)


def _subproblems_beside(problem: Problem, marks: Bits, bits: Bits) -> Iterator[Subproblem]:
    """Yield disjoint prefixes for all that does not share a whole layer with some region.

    The region's bits are `bits`, and it is below the prefix `marks`.
    """
    units, end = _open_layer(problem, marks)
    chosen = np.ones_like(marks)
    chosen[:end] = bits[:end]
    # signed by the region's bits, so that they are positive at `inside`
    rows, domain = prefix_rows(problem, chosen)
    point = interior_point([*rows[:end], *domain])
    assert point is not None  # the region lies there
    inside = column_of(point)
    prefix = marks.copy()
    known = [*domain, *(rows[i] for i in np.flatnonzero(marks != FREE).tolist())]
    for unit in units.tolist():
        answer = side_of(known, rows[unit], inside)
        if isinstance(answer, int):
            continue
        other = prefix.copy()
        other[unit] = 1 - bits[unit]
        yield _start_at(problem, other, [Fraction(int(x), int(answer[-1])) for x in answer[:-1]])
        prefix[unit] = bits[unit]
        known.append(rows[unit])


def _start_at(problem: Problem, marks: Bits, point: Sequence[Fraction]) -> Subproblem:
    """Return a start below a prefix from an exact chart point inside its open polytope."""
    m = problem.chart.dimension
    axes = [[flint.fmpz(int(i == k)) for i in range(m)] for k in range(m)]
    bits = problem.reduction.shrink(germ_bits(problem.exact, point, axes))
    decided = marks != FREE
    assert np.array_equal(bits[decided], marks[decided]), "the point is inside the prefix"
    return _start(marks, bits, [float(value) for value in point])


def _sampled(
    problem: Problem, found: WalkState, marks: Bits, numbers: NDArray[np.int64]
) -> Subproblem:
    """Return a start at one of some known regions below a prefix."""
    for number in numbers.tolist():
        # of a region decided in exact arithmetic no chart point is kept
        if number not in found.exact_points:
            bits = unpack(found.store.patterns[number], problem.flat.units)
            return _start(marks, bits, found.store.points[number].tolist())
    bits = unpack(found.store.patterns[numbers[0]], problem.flat.units)
    point = interior_point(exact_rows(problem.exact, problem.reduction.grow(bits)))
    assert point is not None  # a region is not empty
    return _start(marks, bits, [float(value) for value in point])


def _start(marks: Bits, bits: Bits, point: Sequence[float]) -> Subproblem:
    pattern = pack(bits).astype("<u8")
    assert pattern.shape == (n_words(len(bits)),)
    return Subproblem(marks.tobytes(), pattern.tobytes(), tuple(point))
