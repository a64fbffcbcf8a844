"""Depth-first over boxes of inputs: each is settled by bounds, clipped, split, or decided exactly.

A box is settled for an unsafe set when one of the set's inequalities, or a combination of
them with weights that are not negative, is proven broken on all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.affine_maps import exact_maps
from polyregions.arrays import Floats, Integers, Point
from polyregions.domain import Box
from polyregions.errors import PolyregionsError
from polyregions.geometry.witness import float_below, nearest_float
from polyregions.network import Network
from polyregions.network.backward_bounds import (
    Boxes,
    Planes,
    Range,
    Slopes,
    backward_bounds,
    least_values,
    no_bounds,
    planes_below,
)
from polyregions.network.exact_network import exact_values
from polyregions.questions.closed_cells import counterexample_in_cells
from polyregions.questions.property import Case, Counterexample
from polyregions.rounding import ROUNDOFF, TINY
from polyregions.run.progress import Progress

__all__ = ["BoxSearch"]

# Hints: they decide how fast an answer comes, not which one.
_COEFFICIENTS_IN_A_STEP = 2**18  # of the largest matrices of coefficients that a step makes
_MOST_BOXES = 256  # in a step
_FIRST_POINTS = 2000  # points that are tried before anything else
_SUSPECTS = 4  # per step that are evaluated exactly
# A candidate that floats put farther from every unsafe set is not worth an exact evaluation; no
# box is settled for want of a suspect.
_SUSPICION = 1e-9
_WEIGHT_STEPS = 12  # towards the best combination of inequalities
_CLIPPED_ENOUGH = 0.4  # of its volume: a box that shrank to less is not split at once
_FEW_UNITS = 4  # that may switch: cheaper decided cell by cell than split much further
_MANY_UNITS = 16  # beyond, cells are too many
_SMALL = 2.0**-16  # a box whose sides are so short, against the case's, is not split further


@dataclass(frozen=True)
class _Pending:
    """Boxes to be looked at, k of them."""

    boxes: Boxes
    bounds: list[Range]  # of the layers, as far as known
    open_sets: NDArray[np.bool_]  # shape (k, sets): unsafe sets that are not settled
    splits: Integers  # how often each was split

    def __len__(self) -> int:
        return len(self.splits)

    def take(self, chosen: slice | NDArray[np.bool_] | NDArray[np.intp]) -> _Pending:
        return _Pending(
            Boxes(*(side[chosen] for side in self.boxes)),
            [Range(*(end[chosen] for end in ends)) for ends in self.bounds],
            self.open_sets[chosen],
            self.splits[chosen],
        )


def _concatenated(parts: Sequence[_Pending]) -> _Pending:
    return _Pending(
        Boxes(*(np.concatenate(sides) for sides in zip(*(p.boxes for p in parts), strict=True))),
        [
            Range(*(np.concatenate(ends) for ends in zip(*layer, strict=True)))
            for layer in zip(*(p.bounds for p in parts), strict=True)
        ],
        np.concatenate([p.open_sets for p in parts]),
        np.concatenate([p.splits for p in parts]),
    )


class _StepResult(NamedTuple):
    """What came of a step."""

    split: _Pending
    resisting: _Pending
    candidates: Floats  # inputs that may be counterexamples, shape (c, n)


class BoxSearch:
    """The search for a counterexample in one case of a property.

    Parameters
    ----------
    network : Network
    case : Case
    threads : int

    Attributes
    ----------
    counterexample : Counterexample or None
    boxes, cells : int
        Boxes looked at, and those of them that were decided exactly, cell by cell.

    Notes
    -----
    *Algorithm.* Bounds by backward substitution (`network.backward_bounds`), sharper in each
    half of a box, whose bounds are at least those of the whole. Where no inequality is broken
    on all of a box, its planes say on which part they are: the rest is clipped to a box. Boxes
    where few units switch, and those that became very small, are decided exactly
    (`questions.closed_cells`), so a property that holds with equality, or is violated at one
    point, is decided as well.

    **Invariant.** Every counterexample of the case lies in a box that is pending, and there is
    in an unsafe set that is open.
    """

    def __init__(self, network: Network, case: Case, threads: int = 1) -> None:
        self.network, self.case, self.threads = network, case, threads
        self.counterexample: Counterexample | None = None
        self.boxes = self.cells = 0
        self._unsafe = _Unsafe(network.output_dimension, case)
        self._width = case.upper - case.lower
        widest = max(network.input_dimension, *(len(layer.bias) for layer in network.layers))
        self._batch = max(1, min(_MOST_BOXES, _COEFFICIENTS_IN_A_STEP // widest**2))
        self._exact = exact_maps(network, None)
        root = Boxes(case.lower[None], case.upper[None])
        sets = np.ones((1, len(case.unsafe)), dtype=bool)
        self._pending = [
            _Pending(root, no_bounds(network, 1)[:-1], sets, np.zeros(1, dtype=np.int64))
        ]
        self._resisting: list[_Pending] = []
        self._try(self._samples())

    # --- the work of a run ----------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether the case is decided."""
        nothing_left = not self._pending and not self._resisting
        return self.counterexample is not None or nothing_left

    @property
    def settled(self) -> float:
        """The share of the box, by volume, on which the property is proven; a float, about."""
        width = np.where(self._width > 0, self._width, 1.0)
        parts = [*self._pending, *self._resisting]
        sides = [np.where(self._width > 0, p.boxes.upper - p.boxes.lower, 1.0) for p in parts]
        return 1.0 - sum(float(np.prod(side / width, axis=1).sum()) for side in sides)

    @property
    def reached(self) -> int:
        """No region is listed."""
        return 0

    @property
    def bytes_ahead(self) -> int:
        """Little: a search goes deep, not wide."""
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
        if len(batches) == 1:
            looks = [self._look(batches[0])]
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                looks = list(pool.map(self._look, batches))
        self.boxes += sum(map(len, batches))
        for look in looks:
            self._pending += [look.split] if len(look.split) else []
            self._resisting += [
                look.resisting.take(slice(i, i + 1)) for i in range(len(look.resisting))
            ]
        self._try(np.concatenate([look.candidates for look in looks]))

    def _popped(self) -> _Pending:
        """Take boxes from the top of the stack, as many as fit into a step."""
        parts: list[_Pending] = []
        left = self._batch
        while self._pending and left:
            top = self._pending.pop()
            if len(top) > left:
                self._pending.append(top.take(slice(0, len(top) - left)))
                top = top.take(slice(len(top) - left, None))
            parts.append(top)
            left -= len(top)
        return _concatenated(parts)

    # --- a step ---------------------------------------------------------------

    def _look(self, pending: _Pending) -> _StepResult:
        boxes = pending.boxes
        bounds, slopes = backward_bounds(self.network, boxes, pending.bounds)
        planes = self._unsafe.planes(self.network, boxes, bounds)
        attempts = [
            self._unsafe.attempt(index, planes, boxes) for index in range(self._unsafe.sets)
        ]
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
            weights[np.ix_(first, self._unsafe.members[index])] = attempt.weights[first]
        live = np.flatnonzero(open_sets.any(axis=1))
        kept = _Pending(Boxes(lower, upper), bounds, open_sets, pending.splits).take(live)
        scores = _scores(boxes, planes, bounds, slopes, weights)[live]
        candidates = np.concatenate([boxes.lower / 2 + boxes.upper / 2, corners])
        candidates = candidates[np.concatenate([live, len(pending) + live])]
        width = boxes.upper[live] - boxes.lower[live]
        resists = self._resists(kept)
        order = np.argsort(-least[live], kind="stable")  # the most doubtful is looked at first
        order = order[~resists[order]]
        split = _halved(kept.take(order), width[order], scores[order])
        return _StepResult(split, kept.take(resists), candidates)

    def _resists(self, pending: _Pending) -> NDArray[np.bool_]:
        """Return which boxes are to be decided exactly."""
        switching = np.zeros(len(pending), dtype=np.int64)
        for layer, ends in zip(self.network.layers, pending.bounds, strict=False):
            switching += ((ends.low < 0) & (ends.high > 0) & layer.bends).sum(axis=1)
        lower, upper = pending.boxes
        middle = lower / 2 + upper / 2
        whole = ~((lower < middle) & (middle < upper)).any(axis=1)  # no float lies between
        small = (upper - lower <= _SMALL * self._width).all(axis=1) & (switching <= _MANY_UNITS)
        few = (switching <= _FEW_UNITS) & (pending.splits > 0)
        return few | small | whole

    def _decide(self, pending: _Pending) -> None:
        """Decide one box exactly, cell by cell."""
        lower, upper = (side[0] for side in pending.boxes)
        self.cells += 1
        if (lower == upper).all():
            self.counterexample = self._judged(tuple(map(Fraction, lower.tolist())))
            return
        ranges = [Range(*(end[0] for end in ends)) for ends in pending.bounds]
        signs = [np.where(low >= 0, 1, np.where(high <= 0, -1, 0)) for low, high in ranges]
        unsafe = [self.case.unsafe[index] for index in np.flatnonzero(pending.open_sets[0])]
        point = counterexample_in_cells(self._exact, Box(lower, upper), signs, unsafe)
        if point is not None:
            nearest = np.clip([float(value) for value in point], lower, upper)
            self._try(nearest[None])
            self.counterexample = self.counterexample or self._judged(point)
            assert self.counterexample is not None

    # --- counterexamples ------------------------------------------------------

    def _samples(self) -> Floats:
        """Return points all over the box, its centre among them."""
        rng = np.random.default_rng(0)
        share = rng.random((_FIRST_POINTS, len(self._width)))
        share[0] = 0.5
        return self.case.lower + share * self._width

    def _try(self, points: Floats) -> None:
        """Look for a counterexample among some points: in floats, then exactly."""
        points = np.clip(points, self.case.lower, self.case.upper)
        for index in self._unsafe.suspects(self.network, points):
            if self.counterexample is None:
                self.counterexample = self._judged(tuple(map(Fraction, points[index].tolist())))

    def _judged(self, point: Point) -> Counterexample | None:
        """Return the point with its exact outputs if these are unsafe."""
        common = lcm(*(value.denominator for value in point))
        column = flint.fmpz_mat([[int(value * common)] for value in (*point, Fraction(1))])
        outputs = tuple(exact_values(self._exact.exact, column)[self._exact.hidden_units :])
        found = any(all(row.excess(outputs) <= 0 for row in rows) for rows in self.case.unsafe)
        return Counterexample(point, outputs) if found else None


class _Attempt(NamedTuple):
    """How far one unsafe set is from being settled, on k boxes.

    Attributes
    ----------
    value : numpy.ndarray of float64, shape (k,)
        Positive: on the whole box a combination of the set's inequalities is broken.
    weights : numpy.ndarray of float64, shape (k, members)
    planes : Planes
        Of the set's inequalities and of the combination: where one is positive, the input
        is not mapped into the set.
    corners : numpy.ndarray of float64, shape (k, n)
        Where the combination is least.
    """

    value: Floats
    weights: Floats
    planes: Planes
    corners: Floats


class _Unsafe:
    """The unsafe sets of a case as arrays: functions of the outputs that are positive if safe."""

    def __init__(self, outputs: int, case: Case) -> None:
        rows = list(dict.fromkeys(row for rows in case.unsafe for row in rows))
        self.sets = len(case.unsafe)
        self.members = [
            np.array([rows.index(row) for row in of], dtype=np.intp) for of in case.unsafe
        ]
        self.matrix = np.zeros((len(rows), outputs))
        self.offsets = np.zeros(len(rows))
        for place, row in enumerate(rows):
            # as whole numbers without a common factor, coefficients are floats
            common = lcm(*(c.denominator for _, c in row.coefficients))
            factor = Fraction(common, gcd(*(int(c * common) for _, c in row.coefficients)))
            for index, c in row.coefficients:
                coefficient = nearest_float(c * factor)
                if coefficient != c * factor:
                    raise PolyregionsError(
                        f"the coefficient of Y_{index} has more digits than a float; write at "
                        f"most 15"
                    )
                self.matrix[place, index] = coefficient
            # what is proven positive is positive
            self.offsets[place] = float_below(-row.bound * factor)

    def planes(self, network: Network, boxes: Boxes, bounds: Sequence[Range]) -> Planes:
        return planes_below(network, boxes, bounds, self.matrix, self.offsets)

    def suspects(self, network: Network, points: Floats) -> list[int]:
        """Return which points floats take for counterexamples; a few, the worst first."""
        with np.errstate(all="ignore"):
            excess = network.forward(points) @ self.matrix.T + self.offsets
            worst = np.min([excess[:, of].max(axis=1) for of in self.members], axis=0)
        order = np.argsort(worst, kind="stable")[:_SUSPECTS]
        return [int(index) for index in order if worst[index] <= _SUSPICION]

    def attempt(self, index: int, planes: Planes, boxes: Boxes) -> _Attempt:
        """Combine the inequalities of one set so that their sum is large all over each box."""
        of = self.members[index]
        normals, offsets = planes.normals[:, of], planes.offsets[:, of]
        with np.errstate(all="ignore"):
            weights = _weights(normals, offsets, boxes)
            combined = np.matmul(weights[:, None], normals)
            reach = np.matmul(
                np.abs(normals), np.maximum(np.abs(boxes.lower), np.abs(boxes.upper))[:, :, None]
            )[:, :, 0] + np.abs(offsets)
            # a sum of so many products, in each coefficient and in the offset
            doubt = (len(of) + 8) * 1.01 * ROUNDOFF * (weights * reach).sum(axis=1) + TINY
            offset = (weights * offsets).sum(axis=1) - 1.01 * doubt
            both = Planes(
                np.concatenate([normals, combined], axis=1),
                np.concatenate([offsets, offset[:, None]], axis=1),
                [],
            )
            value = least_values(both, boxes).max(axis=1)
        corners = np.where(combined[:, 0] > 0, boxes.lower, boxes.upper)
        return _Attempt(value, weights, both, corners)


def _weights(normals: Floats, offsets: Floats, boxes: Boxes) -> Floats:
    """Return weights of the inequalities that make the least value of their sum large.

    Any weights that are not negative are true; these follow an exponentiated gradient.
    """
    k, count = offsets.shape
    rows = np.arange(k)
    weights = np.full((k, count), 1.0 / count)
    if count == 1:
        return weights
    # the single inequalities first
    low = np.where(normals > 0, boxes.lower[:, None], boxes.upper[:, None])
    values = (normals * low).sum(axis=2) + offsets
    single = values.argmax(axis=1)
    best_value = values[rows, single]
    best = np.zeros((k, count))
    best[rows, single] = 1.0
    for _ in range(_WEIGHT_STEPS):
        combined = np.matmul(weights[:, None], normals)[:, 0]
        corners = np.where(combined > 0, boxes.lower, boxes.upper)
        values = np.matmul(normals, corners[:, :, None])[:, :, 0] + offsets
        total = (weights * values).sum(axis=1)
        better = total > best_value
        best_value[better], best[better] = total[better], weights[better]
        scale = np.abs(values).max(axis=1, keepdims=True) + TINY
        weights = weights * np.exp(2.0 * values / scale)
        weights /= weights.sum(axis=1, keepdims=True)
    return best


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


def _scores(
    boxes: Boxes,
    planes: Planes,
    bounds: Sequence[Range],
    slopes: Sequence[Slopes],
    weights: Floats,
) -> Floats:
    """Return how much each input's extent costs, shape (k, n): a hint which to halve."""
    width = boxes.upper - boxes.lower
    with np.errstate(all="ignore"):
        combined = np.matmul(weights[:, None], planes.normals)[:, 0]
        score = np.abs(combined)
        for ends, (live, loss), slope in zip(bounds, planes.losses, slopes, strict=True):
            lost = np.zeros(ends.low.shape)
            lost[:, live] = -np.matmul(weights[:, None], loss)[:, 0]
            share = np.where(lost > 0, lost / (ends.high - ends.low), 0.0)[:, slope.units]
            score = score + np.matmul(share[:, None], np.abs(slope.normals))[:, 0]
        return np.where(width > 0, score * width, -1.0)


def _halved(pending: _Pending, width: Floats, scores: Floats) -> _Pending:
    """Halve each box, but for those that were clipped to a small part."""
    boxes = pending.boxes
    rows = np.arange(len(pending))
    now = boxes.upper - boxes.lower
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
    splits = pending.splits + 1
    first = _Pending(Boxes(boxes.lower, upper), pending.bounds, pending.open_sets, splits)
    second = _Pending(Boxes(lower, boxes.upper), pending.bounds, pending.open_sets, splits)
    # the halves of a box side by side
    both = _concatenated([first, second.take(halved)])
    order = np.argsort(np.concatenate([rows, rows[halved]]), kind="stable")
    return both.take(order)
