"""A search over boxes of inputs: each is settled by bounds, clipped, split, or decided exactly.

What is sought are inputs that a network maps into some sets of outputs (`OutputSets`); a box is
settled when all of them are proven to be missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from typing import NamedTuple, Protocol

import flint
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from polyregions.analysis.affine_maps import ExactMaps
from polyregions.arrays import Floats, Integers, Point
from polyregions.domain import Box
from polyregions.exact.closed import ClosedPolytope
from polyregions.exact.simplex import Column, Row
from polyregions.network import Network
from polyregions.network.backward_bounds import (
    Boxes,
    Planes,
    Range,
    Slopes,
    backward_bounds,
    no_bounds,
)
from polyregions.network.exact_network import exact_values
from polyregions.proof.tree_checker import CLIPPED, HANDED, SETTLED
from polyregions.questions.closed_cells import parts_mapped_into
from polyregions.questions.journal import Journal, Looked
from polyregions.questions.output_sets import OutputSets
from polyregions.questions.property import Counterexample, OutputSet
from polyregions.rounding import ROUNDOFF, TINY
from polyregions.run.progress import Progress

__all__ = ["BoxSearch", "Pending", "Target", "exact_outputs", "one_thread_of_blas"]

# Hints: they decide how fast an answer comes, not which one.
_COEFFICIENTS_IN_A_STEP = 2**18  # of the largest matrices of coefficients that a step makes
_MOST_BOXES = 256  # in a step
_FIRST_POINTS = 2000  # points that are tried before anything else
_CLIPPED_ENOUGH = 0.4  # of its volume: a box that shrank to less is not split at once
# Cells of a box that are decided sooner than it is split much further: at most so many, and
# fewer if a cell is much work
_FEW_CELLS = 64
_WORK_ON_CELLS = 2**18  # cells times weights
_SPLITS_TO_DOUBLE = 16  # and twice as many after so many splits, which did not help


class Target(Protocol):
    """What a search is for, and what was found of it."""

    @property
    def sets(self) -> tuple[OutputSet, ...]:
        """The sets of outputs that inputs are sought for; another tuple once they shrank."""

    @property
    def reached(self) -> bool:
        """Whether nothing more is sought."""

    @property
    def level(self) -> float:
        """The largest float up to c where each set is {f(outputs) >= c}; else any number.

        Coefficients of f are floats.
        """

    def take(self, found: Counterexample) -> None:
        """Take note of an input that is mapped into one of the sets."""

    def point_of(self, part: ClosedPolytope, outputs: Sequence[Row], number: int) -> Column:
        """Return the point to take of a part of a cell that is mapped into set `number`."""

    def ordered(self, pending: list[Pending]) -> list[Pending]:
        """Return parts that are pending, the latest of them last, as they are to be looked at.

        The last is the first to be looked at.
        """

    def needed(self, ceilings: Floats) -> NDArray[np.bool_]:
        """Return which boxes are to be looked at, all f being at most that on each."""


@dataclass(frozen=True)
class Pending:
    """Boxes to be looked at, k of them.

    Attributes
    ----------
    boxes : Boxes
    bounds : list of Range
        Of the layers, as far as known.
    open_sets : numpy.ndarray of bool, shape (k, sets)
        The sets that are not settled.
    ceilings : numpy.ndarray of float64, shape (k,)
        Where each set is {f(outputs) >= c}, all f are at most that on the box: proven.
    splits : numpy.ndarray of int64, shape (k,)
        How often each was split.
    nodes : numpy.ndarray of int64, shape (k,)
        Their numbers in the journal; of parts that were not entered yet, those of the wholes.
    """

    boxes: Boxes
    bounds: list[Range]
    open_sets: NDArray[np.bool_]
    ceilings: Floats
    splits: Integers
    nodes: Integers

    def __len__(self) -> int:
        return len(self.splits)

    def take(self, chosen: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Pending:
        """Return some of them."""
        return Pending(
            Boxes(*(side[chosen] for side in self.boxes)),
            [Range(*(end[chosen] for end in ends)) for ends in self.bounds],
            self.open_sets[chosen],
            self.ceilings[chosen],
            self.splits[chosen],
            self.nodes[chosen],
        )


def _concatenated(parts: Sequence[Pending]) -> Pending:
    return Pending(
        Boxes(*(np.concatenate(sides) for sides in zip(*(p.boxes for p in parts), strict=True))),
        [
            Range(*(np.concatenate(ends) for ends in zip(*layer, strict=True)))
            for layer in zip(*(p.bounds for p in parts), strict=True)
        ],
        np.concatenate([p.open_sets for p in parts]),
        np.concatenate([p.ceilings for p in parts]),
        np.concatenate([p.splits for p in parts]),
        np.concatenate([p.nodes for p in parts]),
    )


class _StepResult(NamedTuple):
    """What came of a step."""

    split: Pending
    resisting: Pending
    candidates: Floats  # inputs that may be counterexamples, shape (c, n)
    looked: Looked


class BoxSearch:
    """The search, in a closed box, for inputs that are mapped into a target's sets.

    Parameters
    ----------
    network : Network
    maps : ExactMaps
        Of the network, on no domain.
    lower, upper : numpy.ndarray of float64, shape (n,)
        Of the box; sides may have no length.
    target : Target
    threads : int
    journal : Journal, optional
        Takes note of every box.

    Attributes
    ----------
    boxes, cells : int
        Boxes looked at, and those of them that were decided exactly, cell by cell.

    Notes
    -----
    *Algorithm.* Bounds by backward substitution (`network.backward_bounds`), sharper in each
    half of a box, whose bounds are at least those of the whole. Where no inequality is broken
    on all of a box, its planes say on which part they are: the rest is clipped to a box. Boxes
    where few units switch, and more of them after many splits, are decided exactly
    (`questions.closed_cells`), so a set that is only touched, be it at one point, is found as
    well.

    **Invariant.** Every input of the box that is mapped into one of the target's sets, as they
    are now, lies in a box that is pending, and there is in a set that is open.
    """

    def __init__(
        self,
        network: Network,
        maps: ExactMaps,
        lower: Floats,
        upper: Floats,
        target: Target,
        threads: int = 1,
        journal: Journal | None = None,
    ) -> None:
        self.network, self.target, self.threads = network, target, threads
        self.boxes = self.cells = 0
        self._journal = journal
        self._sets = OutputSets(network.output_dimension, target.sets)
        self._lower, self._upper, self._width = lower, upper, _widths(Boxes(lower, upper))
        widest = max(network.input_dimension, *(len(layer.bias) for layer in network.layers))
        self._batch = max(1, min(_MOST_BOXES, _COEFFICIENTS_IN_A_STEP // widest**2))
        weights = sum(layer.matrix.size for layer in network.layers)
        self._few_cells = min(_FEW_CELLS, _WORK_ON_CELLS / weights)
        self._exact = maps
        root = Boxes(lower[None], upper[None])
        sets = np.ones((1, len(target.sets)), dtype=bool)
        nothing = no_bounds(network, 1)[:-1]
        zero = np.zeros(1, dtype=np.int64)
        self._pending = [Pending(root, nothing, sets, np.full(1, np.inf), zero, zero)]
        self._resisting: list[Pending] = []
        self._try(self._samples())

    # --- the work of a run ----------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether all is found that is sought, or nothing is left where it could be."""
        return self.target.reached or not (self._pending or self._resisting)

    @property
    def settled(self) -> float:
        """The share of the box, by volume, on which the sets are missed; a float, about."""
        width = np.where(self._width > 0, self._width, 1.0)
        parts = [*self._pending, *self._resisting]
        sides = [np.where(self._width > 0, _widths(p.boxes), 1.0) for p in parts]
        return 1.0 - sum(float(np.prod(side / width, axis=1).sum()) for side in sides)

    @property
    def ceiling(self) -> float:
        """What no f exceeds where boxes are pending, or the target's level if that is more."""
        ends = [float(parts.ceilings.max()) for parts in (*self._pending, *self._resisting)]
        return max([self.target.level, *ends])

    @property
    def reached(self) -> int:
        """No region is listed."""
        return 0

    @property
    def bytes_ahead(self) -> int:
        """Little: with many boxes pending a search goes deep, not wide."""
        return 0

    def progress(self, seconds: float) -> Progress:
        """Return the boxes looked at, and those pending."""
        pending = sum(map(len, [*self._pending, *self._resisting]))
        return Progress(self.boxes, pending, 0, seconds)

    def step(self, regions: int) -> None:
        """Look at some boxes, or decide one that resists."""
        if self._resisting:
            self._decide(self._resisting[-1])
            self._resisting.pop()  # only now: exact arithmetic may have been stopped
            return
        batches = [self._popped() for _ in range(self.threads) if self._pending]
        batches = [batch for batch in batches if len(batch)]
        if not batches:
            return
        if len(batches) == 1:
            looks = [self._look(batches[0])]
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                looks = list(pool.map(self._look, batches))
        self.boxes += sum(map(len, batches))
        for look in looks:
            split = look.split
            if self._journal is not None:
                self._journal.looked(look.looked)
                split = replace(split, nodes=self._journal.entered(split.nodes))
            self._pending += [split] if len(split) else []
            self._resisting += [
                look.resisting.take(slice(i, i + 1)) for i in range(len(look.resisting))
            ]
        self._try(np.concatenate([look.candidates for look in looks]))

    def _popped(self) -> Pending:
        """Take boxes that are pending, as many as fit into a step."""
        parts: list[Pending] = []
        left = self._batch
        self._pending = self.target.ordered(self._pending)
        while self._pending and left:
            top = self._pending.pop()
            if len(top) > left:
                self._pending.append(top.take(slice(0, len(top) - left)))
                top = top.take(slice(len(top) - left, None))
            parts.append(top)
            left -= len(top)
        popped = _concatenated(parts)
        return popped.take(self.target.needed(popped.ceilings))

    # --- a step ---------------------------------------------------------------

    def _look(self, pending: Pending) -> _StepResult:
        boxes = pending.boxes
        bounds, slopes = backward_bounds(self.network, boxes, pending.bounds)
        sets, level = self._sets, self.target.level
        planes = sets.planes(self.network, boxes, bounds)
        attempts = [sets.attempt(index, planes, boxes) for index in range(len(sets.sets))]
        open_sets = pending.open_sets.copy()
        lower, upper = np.full_like(boxes.lower, np.inf), np.full_like(boxes.upper, -np.inf)
        least = np.full(len(pending), np.inf)
        corners, weights = boxes.lower.copy(), np.zeros(planes.offsets.shape)
        for index, attempt in enumerate(attempts):
            low, high = clipped_boxes(boxes, attempt.planes)
            # a box without points: no point of it is in the set
            open_sets[:, index] &= ~(attempt.value > 0) & (low <= high).all(axis=1)
            here = open_sets[:, index]
            lower[here] = np.minimum(lower[here], low[here])
            upper[here] = np.maximum(upper[here], high[here])
            first = here & ~(attempt.value >= least)
            least[first], corners[first] = attempt.value[first], attempt.corners[first]
            weights[np.ix_(first, sets.members[index])] = attempt.weights[first]
        live = np.flatnonzero(open_sets.any(axis=1))
        ceilings = np.fmin(pending.ceilings, _ceilings(level, -least))
        kept = replace(
            pending,
            boxes=Boxes(lower, upper),
            bounds=bounds,
            open_sets=open_sets,
            ceilings=ceilings,
        ).take(live)
        scores = _scores(boxes, planes, bounds, slopes, weights)[live]
        candidates = np.concatenate([boxes.lower / 2 + boxes.upper / 2, corners])
        candidates = candidates[np.concatenate([live, len(pending) + live])]
        width = _widths(boxes)[live]
        resists = self._resists(kept)
        order = np.argsort(-least[live], kind="stable")  # the most doubtful is looked at first
        order = order[~resists[order]]
        split, axes = _halved(kept.take(order), width[order], scores[order])
        codes = np.full(len(pending), SETTLED)
        codes[live[resists]], codes[live[order]] = HANDED, axes
        several = [attempt.weights for attempt in attempts if attempt.weights.shape[1] > 1]
        columns = np.concatenate([np.zeros((len(pending), 0)), *several], axis=1)
        looked = Looked(
            pending.nodes, codes, columns, float(sets.offsets.min(initial=np.inf)), ceilings
        )
        return _StepResult(split, kept.take(resists), candidates, looked)

    def _resists(self, pending: Pending) -> NDArray[np.bool_]:
        """Return which boxes are to be decided exactly."""
        switching = np.zeros(len(pending), dtype=np.int64)
        for layer, ends in zip(self.network.layers, pending.bounds, strict=False):
            switching += ((ends.low < 0) & (ends.high > 0) & layer.bends).sum(axis=1)
        lower, upper = pending.boxes
        middle = lower / 2 + upper / 2
        whole = ~((lower < middle) & (middle < upper)).any(axis=1)  # no float lies between
        worth = self._few_cells * 2.0 ** (pending.splits / _SPLITS_TO_DOUBLE)
        few = (_cells_of(switching, int((self._width > 0).sum())) <= worth) & (pending.splits > 0)
        return few | whole

    def _decide(self, pending: Pending) -> None:
        """Decide one box exactly, cell by cell."""
        lower, upper = (side[0] for side in pending.boxes)
        self.cells += 1
        ranges = [Range(*(end[0] for end in ends)) for ends in pending.bounds]
        signs = [np.where(low >= 0, 1, np.where(high <= 0, -1, 0)) for low, high in ranges]
        open_sets = np.flatnonzero(pending.open_sets[0]).tolist()
        sets = [self.target.sets[number] for number in open_sets]
        journal = None
        if self._journal is not None:
            free = np.flatnonzero(lower < upper).tolist()
            members = [of.tolist() for of in self._sets.members]
            journal = self._journal.of_box(int(pending.nodes[0]), free, members, open_sets)
        if (lower == upper).all():
            point = tuple(map(Fraction, lower.tolist()))
            if journal is not None:
                bends = [layer.bends for layer in self.network.layers]
                sides = [sign for part, b in zip(signs, bends, strict=False) for sign in part[b]]
                journal.point(exact_values_at(self._exact, point), sides, sets)
            self._judge(point)
            return
        chart, parts = parts_mapped_into(self._exact, Box(lower, upper), signs, sets, journal)
        for part, outputs, place in parts:
            column = self.target.point_of(part, outputs, open_sets[place])
            *numerators, bottom = map(int, column)
            point = chart.to_input([Fraction(entry, bottom) for entry in numerators])
            # a point of floats, where there is one, is easier to believe
            self._try(np.clip([float(value) for value in point], lower, upper)[None])
            if not self.target.reached:
                self._judge(point)
            if self.target.reached:
                return

    # --- what is found --------------------------------------------------------

    def _samples(self) -> Floats:
        """Return points all over the box, its centre among them."""
        rng = np.random.default_rng(0)
        share = rng.random((_FIRST_POINTS, len(self._width)))
        share[0] = 0.5
        return self._lower + share * self._width

    def _try(self, points: Floats) -> None:
        """Look among some points: in floats, then exactly."""
        points = np.clip(points, self._lower, self._upper)
        for index in self._sets.suspects(self.network, points):
            if not self.target.reached:
                self._judge(tuple(map(Fraction, points[index].tolist())))

    def _judge(self, point: Point) -> None:
        """Evaluate the network exactly, and hand the point to the target if it is sought."""
        found = Counterexample(point, exact_outputs(self._exact, point))
        sets = self.target.sets
        if any(all(row.excess(found.outputs) <= 0 for row in rows) for rows in sets):
            self.target.take(found)
            if self.target.sets is not sets:
                self._sets = OutputSets(self.network.output_dimension, self.target.sets)


def _cells_of(hyperplanes: Integers, dimension: int) -> Floats:
    """Return how many cells so many hyperplanes have at most, about."""
    cells, term = np.ones(len(hyperplanes)), np.ones(len(hyperplanes))
    for k in range(1, dimension + 1):
        term = term * np.maximum(hyperplanes - k + 1, 0) / k
        cells += term
    return cells


def one_thread_of_blas() -> AbstractContextManager[object]:
    """Return the context of a search: its products are small, threads only get in the way."""
    limiter: AbstractContextManager[object] = ThreadpoolController().limit(
        limits=1, user_api="blas"
    )
    return limiter


def exact_outputs(maps: ExactMaps, point: Point) -> tuple[Fraction, ...]:
    """Return what a network makes of an input, exactly.

    Parameters
    ----------
    maps : ExactMaps
        On no domain.
    point : Point
    """
    return tuple(exact_values_at(maps, point)[maps.hidden_units :])


def exact_values_at(maps: ExactMaps, point: Point) -> list[Fraction]:
    """Return the pre-activations of units that bend, then the outputs, at an input; see above."""
    common = lcm(*(value.denominator for value in point))
    column = flint.fmpz_mat([[int(value * common)] for value in (*point, Fraction(1))])
    return exact_values(maps.exact, column)


def _ceilings(level: float, heights: Floats) -> Floats:
    """Return ``level + heights``, rounded up; what is no number bounds nothing."""
    with np.errstate(all="ignore"):
        total = level + heights
        total = total + (4.0 * ROUNDOFF * (np.abs(level) + np.abs(heights)) + TINY)
    return np.where(np.isnan(total), np.inf, total)


def clipped_boxes(boxes: Boxes, planes: Planes) -> Boxes:
    """Return boxes around the part of each box where no plane is proven positive.

    Notes
    -----
    Where ``normal @ x + offset <= 0``, coordinate d times its coefficient is at most minus the
    least value of the rest. That and the quotient are rounded outwards.
    """
    normals, offsets = planes.normals, planes.offsets
    n = normals.shape[2]
    lower, upper = boxes.lower[:, None], boxes.upper[:, None]
    with np.errstate(all="ignore"):
        least = np.where(normals > 0, normals * lower, normals * upper)
        size = np.abs(normals) * np.maximum(np.abs(lower), np.abs(upper))
        doubt = (n + 12) * 1.01 * ROUNDOFF * (size.sum(axis=2) + np.abs(offsets)) + TINY
        rest = (least.sum(axis=2) + offsets)[:, :, None] - least - 1.01 * doubt[:, :, None]
        bound = -rest / normals
        outward = 4.0 * ROUNDOFF * np.abs(bound) + TINY
        high = np.where(normals > 0, bound + outward, np.inf)
        low = np.where(normals < 0, bound - outward, -np.inf)
        # fmin and fmax: what is no number bounds nothing
        return Boxes(
            np.fmax(boxes.lower, np.fmax.reduce(low, axis=1)),
            np.fmin(boxes.upper, np.fmin.reduce(high, axis=1)),
        )


def _widths(boxes: Boxes) -> Floats:
    """Return how long the sides are, at most the largest float."""
    with np.errstate(over="ignore"):
        return np.minimum(boxes.upper - boxes.lower, np.finfo(np.float64).max)


def _scores(
    boxes: Boxes,
    planes: Planes,
    bounds: Sequence[Range],
    slopes: Sequence[Slopes],
    weights: Floats,
) -> Floats:
    """Return how much each input's extent costs, shape (k, n): a hint which to halve."""
    width = _widths(boxes)
    with np.errstate(all="ignore"):
        combined = np.matmul(weights[:, None], planes.normals)[:, 0]
        score = np.abs(combined)
        for ends, (live, loss), slope in zip(bounds, planes.losses, slopes, strict=True):
            lost = np.zeros(ends.low.shape)
            lost[:, live] = -np.matmul(weights[:, None], loss)[:, 0]
            share = np.where(lost > 0, lost / (ends.high - ends.low), 0.0)[:, slope.units]
            score = score + np.matmul(share[:, None], np.abs(slope.normals))[:, 0]
        return np.where(width > 0, score * width, -1.0)


def _halved(pending: Pending, width: Floats, scores: Floats) -> tuple[Pending, Integers]:
    """Halve each box at the axis that is returned, but for those clipped to a small part."""
    boxes = pending.boxes
    rows = np.arange(len(pending))
    now = _widths(boxes)
    with np.errstate(all="ignore"):
        share = np.where(width > 0, now / width, 1.0)
        scores = np.nan_to_num(scores * share, nan=0.0)
    halved = np.prod(share, axis=1) >= _CLIPPED_ENOUGH
    # no point lies between the ends of a side whose ends are neighbours
    middle = boxes.lower / 2 + boxes.upper / 2
    open_ = (boxes.lower < middle) & (middle < boxes.upper)
    axis = np.where(open_, scores, -1.0).argmax(axis=1)
    halved &= open_[rows, axis]
    upper, lower = boxes.upper.copy(), boxes.lower.copy()
    upper[halved, axis[halved]] = middle[halved, axis[halved]]
    lower[halved, axis[halved]] = middle[halved, axis[halved]]
    pending = replace(pending, splits=pending.splits + 1)
    first = replace(pending, boxes=Boxes(boxes.lower, upper))
    second = replace(pending, boxes=Boxes(lower, boxes.upper))
    # the halves of a box side by side
    both = _concatenated([first, second.take(halved)])
    order = np.argsort(np.concatenate([rows, rows[halved]]), kind="stable")
    return both.take(order), np.where(halved, axis, CLIPPED)
