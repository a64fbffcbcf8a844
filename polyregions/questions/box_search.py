"""A search over boxes of inputs: each is settled by bounds, split, or decided exactly."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from polyregions.analysis.affine_maps import ExactMaps, exact_maps
from polyregions.arrays import Floats, Integers
from polyregions.exact import stopping
from polyregions.network import Network
from polyregions.network.backward_bounds import Boxes, Range, no_bounds
from polyregions.proof.tree_checker import CLIPPED, HANDED
from polyregions.questions.journal import Looked
from polyregions.run.progress import Progress, boxes_text

__all__ = [
    "BestFirst",
    "BoxSearch",
    "Goal",
    "Pending",
    "StepResult",
    "Subject",
    "between_text",
    "in_threads",
    "one_thread_of_blas",
    "stop_with_search",
    "widths",
]

Given = TypeVar("Given")
Result = TypeVar("Result")

# Hints: they decide how fast an answer comes, not which one.
_COEFFICIENTS_IN_A_STEP = 2**18  # of the largest matrices of coefficients that a step makes
_MOST_BOXES = 256  # in a step
# with more parts pending, each of some hundred boxes, memory is short and the latest comes first
_MOST_PARTS = 2000
_CLIPPED_ENOUGH = 0.4  # of its volume: a box that shrank to less is not split at once
# A box is decided region by region sooner than it is split much further if a count of cells,
# which overstates by more the more inputs there are, is at most so large
_FEW_CELLS_OF_AN_INPUT = 16
_FEW_CELLS = 2**15
_SPLITS_TO_DOUBLE = 16  # and twice as many after so many splits, which did not help


class Goal:
    """What a search is for: in which order boxes are looked at, and which need not be.

    As it stands everything is sought, the latest boxes first.
    """

    @property
    def reached(self) -> bool:
        """Whether nothing more is sought."""
        return False

    def ordered(self, pending: list[Pending]) -> list[Pending]:
        """Return parts that are pending, the latest of them last, as they are to be looked at.

        The last is the first to be looked at.
        """
        return pending

    def needed(self, pending: Pending) -> Pending:
        """Return the boxes that are to be looked at still, or parts of them."""
        return pending


class BestFirst(Goal):
    """A goal for which parts with the largest ceilings come first."""

    def ordered(self, pending: list[Pending]) -> list[Pending]:
        """Return parts by their most doubtful boxes, the last of each; as they are, if many."""
        if len(pending) > _MOST_PARTS:
            return pending
        return sorted(pending, key=lambda part: float(part.ceilings[-1]))


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
        What is sought, such as an output that is as large as can be, has at most that value on
        the box: proven.
    splits : numpy.ndarray of int64, shape (k,)
        How often each was split.
    nodes : numpy.ndarray of int64, shape (k,)
        Their numbers in a certificate; of parts that were not entered yet, those of the wholes.
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


class StepResult(NamedTuple):
    """What came of a step."""

    split: Pending
    resisting: Pending
    candidates: Floats  # inputs that may be counterexamples, shape (c, n)
    codes: Integers  # of the boxes that were not settled: their axes, or what came instead
    looked: Looked | None = None


@dataclass(frozen=True, eq=False)
class Subject:
    """What is searched, whatever the box.

    Attributes
    ----------
    network : Network
    maps : ExactMaps
        Of the network, on no domain.
    threads : int
    """

    network: Network
    maps: ExactMaps
    threads: int

    @classmethod
    def of(cls, network: Network, threads: int = 1) -> Subject:
        """Return a network with its exact maps, which are made once for all boxes."""
        return cls(network, exact_maps(network, None), threads)


class BoxSearch(ABC):
    """A search in a closed box: what is not settled is halved, or decided where it resists.

    Parameters
    ----------
    subject : Subject
    lower, upper : numpy.ndarray of float64, shape (n,)
        Of the box; sides may have no length.
    goal : Goal
    sets : int
        How many sets of outputs a box may meet; 1 if it is not about outputs.

    Attributes
    ----------
    boxes, cells : int
        Boxes looked at, and the regions of those that were decided region by region.
    """

    def __init__(
        self, subject: Subject, lower: Floats, upper: Floats, goal: Goal, *, sets: int = 1
    ) -> None:
        network = subject.network
        self.network, self.goal, self.threads = network, goal, subject.threads
        self.boxes = self.cells = 0
        self._lower, self._upper, self._width = lower, upper, widths(Boxes(lower, upper))
        widest = max(network.input_dimension, *(len(layer.bias) for layer in network.layers))
        self._batch = max(1, min(_MOST_BOXES, _COEFFICIENTS_IN_A_STEP // widest**2))
        inputs = int((upper > lower).sum())
        self._few_cells: float = min(_FEW_CELLS, _FEW_CELLS_OF_AN_INPUT ** min(inputs, 20))
        self._splits_to_double = _SPLITS_TO_DOUBLE
        self._exact = subject.maps
        root = Boxes(lower[None], upper[None])
        open_sets = np.ones((1, sets), dtype=bool)
        nothing = no_bounds(network, 1)[:-1]
        zero = np.zeros(1, dtype=np.int64)
        self._pending = [Pending(root, nothing, open_sets, np.full(1, np.inf), zero, zero)]
        self._resisting: list[Pending] = []

    @abstractmethod
    def _look(self, pending: Pending) -> StepResult:
        """Settle what bounds settle, and split the rest."""

    @abstractmethod
    def _decide(self, boxes: Sequence[Pending]) -> None:
        """Decide some boxes exactly, region by region."""

    @abstractmethod
    def _try(self, points: Floats) -> None:
        """Look among some points: in floats, then exactly."""

    # --- the work of a run ----------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether all is found that is sought, or nothing is left where it could be."""
        return self.goal.reached or not (self._pending or self._resisting)

    @property
    def settled(self) -> float:
        """The share of the box, by volume, on which the sets are missed; a float, about."""
        width = np.where(self._width > 0, self._width, 1.0)
        parts = [*self._pending, *self._resisting]
        sides = [np.where(self._width > 0, widths(p.boxes), 1.0) for p in parts]
        return 1.0 - sum(float(np.prod(side / width, axis=1).sum()) for side in sides)

    @property
    def ceiling(self) -> float:
        """What is not exceeded where boxes are pending; minus infinity if there is none."""
        ends = [float(parts.ceilings.max()) for parts in (*self._pending, *self._resisting)]
        return max(ends, default=-np.inf)

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
        """Look at some boxes, or decide some that resist."""
        if self._resisting:
            boxes = self._resisting[-self.threads :]
            needed = [box for box in map(self.goal.needed, boxes) if len(box)]
            if needed:
                self._decide(needed)
            del self._resisting[-len(boxes) :]  # only now: exact arithmetic may have been stopped
            return
        batches = [self._popped() for _ in range(self.threads) if self._pending]
        batches = [batch for batch in batches if len(batch)]
        if not batches:
            return
        looks = in_threads(self._look, batches)
        self.boxes += sum(map(len, batches))
        for look in looks:
            split = self._noted(look)
            self._pending += [split] if len(split) else []
            self._resisting += [
                look.resisting.take(slice(i, i + 1)) for i in range(len(look.resisting))
            ]
        self._try(np.concatenate([look.candidates for look in looks]))

    def _noted(self, look: StepResult) -> Pending:
        """Return the parts that came of a step; who writes certificates takes note of all."""
        return look.split

    def _popped(self) -> Pending:
        """Take boxes that are pending, as many as fit into a step."""
        parts: list[Pending] = []
        left = self._batch
        self._pending = self.goal.ordered(self._pending)
        while self._pending and left:
            top = self._pending.pop()
            if len(top) > left:
                self._pending.append(top.take(slice(0, len(top) - left)))
                top = top.take(slice(len(top) - left, None))
            parts.append(top)
            left -= len(top)
        return self.goal.needed(_concatenated(parts))

    def _split(
        self, pending: Pending, before: Boxes, scores: Floats, candidates: Floats
    ) -> StepResult:
        """Halve what is left of boxes, but for those that resist."""
        resists = self._resists(pending)
        order = np.argsort(pending.ceilings, kind="stable")  # the last is looked at first
        resisting, order = order[resists[order]], order[~resists[order]]
        split, axes = _halved(pending.take(order), widths(before)[order], scores[order])
        codes = np.full(len(pending), HANDED)
        codes[order] = axes
        return StepResult(split, pending.take(resisting), candidates, codes)

    def _halves(self, pending: Pending) -> Pending:
        """Halve a box along its longest side, as long as the box of the search is there."""
        width = widths(pending.boxes)
        longest = np.where(self._width > 0, width / np.where(self._width > 0, self._width, 1), -1.0)
        return _halved(pending, width, longest)[0]

    def _resists(self, pending: Pending) -> NDArray[np.bool_]:
        """Return which boxes are to be decided exactly."""
        switching = np.zeros(len(pending), dtype=np.int64)
        for layer, ends in zip(self.network.layers, pending.bounds, strict=False):
            switching += ((ends.low < 0) & (ends.high > 0) & layer.bends).sum(axis=1)
        lower, upper = pending.boxes
        middle = lower / 2 + upper / 2
        whole = ~((lower < middle) & (middle < upper)).any(axis=1)  # no float lies between
        worth = self._few_cells * 2.0 ** (pending.splits / self._splits_to_double)
        cells = _cells_of(switching, int((self._width > 0).sum()))
        few: NDArray[np.bool_] = (cells <= worth) & (pending.splits > 0)
        return few | whole


def in_threads(work: Callable[[Given], Result], items: Sequence[Given]) -> list[Result]:
    """Return what comes of each item, all worked on at the same time."""
    if len(items) == 1:
        return [work(items[0])]
    with ThreadPoolExecutor(len(items)) as pool:
        # exact arithmetic asks the context whether it is still wanted
        jobs = [pool.submit(copy_context().run, work, item) for item in items]
        return [job.result() for job in jobs]


def _cells_of(hyperplanes: Integers, dimension: int) -> Floats:
    """Return how many cells so many hyperplanes have at most, about."""
    cells, term = np.ones(len(hyperplanes)), np.ones(len(hyperplanes))
    with np.errstate(all="ignore"):  # more than floats count are too many
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


def between_text(ends: Callable[[], tuple[float, float]]) -> Callable[[Progress], str]:
    """Return what says between which ends a value is known to be, and how far a search is."""

    def text(progress: Progress) -> str:
        low, high = ends()
        return f"between {low:.9g} and {high:.9g}, {boxes_text(progress)}"

    return text


def stop_with_search(progress: Progress) -> None:
    """End a walk that is part of a step once the search is to stop; called as its progress."""
    stopping.look()


def widths(boxes: Boxes) -> Floats:
    """Return how long the sides are, at most the largest float."""
    with np.errstate(over="ignore"):
        return np.minimum(boxes.upper - boxes.lower, np.finfo(np.float64).max)


def _halved(pending: Pending, width: Floats, scores: Floats) -> tuple[Pending, Integers]:
    """Halve each box at the axis that is returned, but for those clipped to a small part."""
    boxes = pending.boxes
    rows = np.arange(len(pending))
    now = widths(boxes)
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
