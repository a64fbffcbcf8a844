"""The search for inputs that a network maps into some sets of outputs, with notes of its proofs.

A box is settled when all of the sets are proven to be missed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.affine_maps import ExactMaps
from polyregions.arrays import Floats, Integers, Point
from polyregions.domain import Box
from polyregions.exact.simplex import Column, Row
from polyregions.geometry.witness import nearest_float
from polyregions.network import Network
from polyregions.network.backward_bounds import Boxes, Planes, Range, Slopes, backward_bounds
from polyregions.network.exact_network import exact_values, layer_rows, rational_point
from polyregions.proof.region_tree import Leaf, RegionTree, UnitNodes, inner_of
from polyregions.proof.tree_checker import MISSED, NEGATIVE, POSITIVE, SETTLED
from polyregions.questions.box_regions import (
    BoxRegions,
    MetPart,
    MetRegion,
    candidate_regions,
    compared_network,
    inequality_row,
    part_in,
    regions_of_box,
)
from polyregions.questions.box_search import (
    BoxSearch,
    Goal,
    Pending,
    StepResult,
    Subject,
    in_threads,
    widths,
)
from polyregions.questions.journal import Journal, Looked
from polyregions.questions.output_sets import Attempt, Climbers, OutputSets
from polyregions.questions.property import Counterexample, OutputSet
from polyregions.rounding import ROUNDOFF, TINY

__all__ = [
    "OutputSearch",
    "SetGoal",
    "SetSearch",
    "Target",
    "clipped_boxes",
    "exact_outputs",
    "search_for",
]

# Hints, see `questions.box_search`: in integers a region is more work than in floats.
_FEW_PROVEN_CELLS = 256
_SPLITS_TO_DOUBLE_PROVEN = 4


class SetGoal(Goal):
    """Sets of outputs that inputs are sought for.

    Parameters
    ----------
    sets : tuple of OutputSet
        Another tuple once they shrank.
    """

    def __init__(self, sets: tuple[OutputSet, ...]) -> None:
        self.sets = sets

    def heights(self, attempt: Attempt, boxes: Boxes) -> Floats:
        """Return a ceiling of each box for what is sought in one set, as far as an attempt goes.

        As it stands that is how doubtful a box is.

        Parameters
        ----------
        attempt : Attempt
        boxes : Boxes
            Parts of the boxes, outside of which the set is missed; some have no points.
        """
        return -attempt.value


class Target(SetGoal, ABC):
    """Sets of outputs that single inputs are sought for, and what was found of them."""

    @abstractmethod
    def take(self, found: Counterexample) -> None:
        """Take note of an input that is mapped into one of the sets."""

    @abstractmethod
    def point_of(self, part: MetPart) -> Column:
        """Return the point to take of a part of a region that is mapped into a set."""

    def promising(self, points: Floats) -> Floats:
        """Return those of some points that would be news if they were mapped into a set."""
        return points


class SetSearch(BoxSearch):
    """A search that settles boxes which miss all of a goal's sets.

    Parameters
    ----------
    subject, lower, upper
        As of :class:`BoxSearch`.
    goal : SetGoal

    Notes
    -----
    *Algorithm.* Bounds by backward substitution (`network.backward_bounds`), sharper in each
    half of a box, whose bounds are at least those of the whole. Where no inequality is broken
    on all of a box, its planes say on which part they are: the rest is clipped to a box.

    **Invariant.** Every input of the box that is mapped into one of the goal's sets, as they
    are now, lies in a box that is pending or was decided, and there is in a set that is open.
    """

    def __init__(self, subject: Subject, lower: Floats, upper: Floats, goal: SetGoal) -> None:
        super().__init__(subject, lower, upper, goal, sets=len(goal.sets))
        self._seeking = goal
        self._sets = OutputSets(self.network.output_dimension, goal.sets)

    def _look(self, pending: Pending) -> StepResult:
        boxes = pending.boxes
        bounds, slopes = backward_bounds(self.network, boxes, pending.bounds)
        sets = self._sets
        planes = sets.planes(self.network, boxes, bounds)
        open_sets = pending.open_sets.copy()
        lower, upper = np.full_like(boxes.lower, np.inf), np.full_like(boxes.upper, -np.inf)
        least, ceilings = np.full(len(pending), np.inf), np.full(len(pending), -np.inf)
        corners, weights = boxes.lower.copy(), np.zeros(planes.offsets.shape)
        columns = [np.zeros((len(pending), len(of))) for of in sets.members]
        for index in np.flatnonzero(open_sets.any(axis=0)).tolist():
            attempt = sets.attempt(index, planes, boxes)
            columns[index] = attempt.weights
            low, high = clipped_boxes(boxes, attempt.planes)
            # a box without points: no point of it is in the set
            open_sets[:, index] &= ~(attempt.value > 0) & (low <= high).all(axis=1)
            here = open_sets[:, index]
            heights = self._seeking.heights(attempt, Boxes(low, high))
            ceilings[here] = np.maximum(ceilings[here], heights[here])
            lower[here] = np.minimum(lower[here], low[here])
            upper[here] = np.maximum(upper[here], high[here])
            first = here & ~(attempt.value >= least)
            least[first], corners[first] = attempt.value[first], attempt.corners[first]
            weights[np.ix_(first, sets.members[index])] = attempt.weights[first]
        live = np.flatnonzero(open_sets.any(axis=1))
        ceilings = np.fmin(pending.ceilings, ceilings)
        kept = replace(
            pending,
            boxes=Boxes(lower, upper),
            bounds=bounds,
            open_sets=open_sets,
            ceilings=ceilings,
        ).take(live)
        scores = _halving_scores(boxes, planes, bounds, slopes, weights)[live]
        candidates = np.concatenate([boxes.lower / 2 + boxes.upper / 2, corners])
        candidates = candidates[np.concatenate([live, len(pending) + live])]
        before = Boxes(boxes.lower[live], boxes.upper[live])
        result = self._split(kept, before, scores, candidates)
        codes = np.full(len(pending), SETTLED)
        codes[live] = result.codes
        level = float(sets.offsets.min(initial=np.inf))
        several = [part for part in columns if part.shape[1] > 1]
        given = np.concatenate([np.zeros((len(pending), 0)), *several], axis=1)
        return result._replace(looked=Looked(pending.nodes, codes, given, level, ceilings))


class OutputSearch(SetSearch):
    """The search for inputs that are mapped into a target's sets.

    Parameters
    ----------
    subject, lower, upper
        As of :class:`BoxSearch`.
    target : Target

    Notes
    -----
    *Algorithm.* Boxes where few units switch, and more of them after many splits, are decided
    region by region (`questions.box_regions`), exactly, so a set that is only touched, be it at
    one point, is found as well. Meanwhile points climb towards the sets (`questions.output_sets`).
    """

    def __init__(self, subject: Subject, lower: Floats, upper: Floats, target: Target) -> None:
        super().__init__(subject, lower, upper, target)
        self.target = target
        self._climbers = Climbers(self.network, lower, upper)
        self._try(self._climbers.points)

    def step(self, regions: int) -> None:
        """Look at some boxes, or decide some that resist; and let points climb."""
        self._climbers.climb(self._sets)
        self._try(self._climbers.points)
        if not self.target.reached:
            super().step(regions)

    def _decide(self, boxes: Sequence[Pending]) -> None:
        sets = self._sets  # they may shrink meanwhile
        compared = compared_network(self.network, sets)
        for box, found in zip(
            boxes, in_threads(partial(self._found, compared), boxes), strict=True
        ):
            if found is None:
                self._judge(tuple(map(Fraction, box.boxes.lower[0].tolist())))
            else:
                self.cells += len(found.regions)
                open_sets = np.flatnonzero(box.open_sets[0]).tolist()
                self._judge_regions(candidate_regions(found, sets, open_sets))
            if self.target.reached:
                return
            self._decided(box, found)

    def _decided(self, box: Pending, found: BoxRegions | None) -> None:
        """Take note of a box that was decided by its regions, or by its only point."""

    def _judge_regions(self, met: Sequence[MetRegion]) -> None:
        for region in met:
            self._judge(region.witness)
            part = None if self.target.reached else part_in(region, self.target.sets)
            if part is not None:
                self._judge_part(part)
            if self.target.reached:
                return

    def _judge_part(self, part: MetPart) -> None:
        """Look at the best point of a part of a region that is mapped into a set."""
        point = part.input_of(self.target.point_of(part))
        # a point of floats, where there is one, is easier to believe
        self._try(np.array([[nearest_float(value) for value in point]]))
        self._judge(point)

    def _found(self, compared: Network, box: Pending) -> BoxRegions | None:
        """Return the regions of a box; a single point has none."""
        lower, upper = (side[0] for side in box.boxes)
        if (lower == upper).all():
            return None
        return regions_of_box(compared, self._exact, Box(lower, upper), box.bounds)

    def _try(self, points: Floats) -> None:
        """Look among some points: in floats, then exactly."""
        points = self.target.promising(np.clip(points, self._lower, self._upper))
        for index in self._sets.suspects(self.network, points):
            if not self.target.reached:
                self._judge(tuple(map(Fraction, points[index].tolist())))

    def _judge(self, point: Point) -> None:
        """Evaluate the network exactly, and hand the point to the target if it is sought."""
        found = Counterexample(point, exact_outputs(self._exact, point))
        sets = self.target.sets
        if any(all(row.holds(found.outputs) for row in rows) for rows in sets):
            self.target.take(found)
            if self.target.sets is not sets:
                self._sets = OutputSets(self.network.output_dimension, self.target.sets)


def exact_outputs(maps: ExactMaps, point: Point) -> tuple[Fraction, ...]:
    """Return what a network makes of an input, exactly.

    Parameters
    ----------
    maps : ExactMaps
        On no domain.
    point : Point
    """
    return tuple(_exact_values_at(maps, point)[maps.hidden_units :])


def _exact_values_at(maps: ExactMaps, point: Point) -> list[Fraction]:
    """Return the pre-activations of units that bend, then the outputs, at an input; see above."""
    return exact_values(maps.exact, rational_point(point))


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


def _halving_scores(
    boxes: Boxes,
    planes: Planes,
    bounds: Sequence[Range],
    slopes: Sequence[Slopes],
    weights: Floats,
) -> Floats:
    """Return how much each input's extent costs, shape (k, n): a hint which to halve."""
    width = widths(boxes)
    with np.errstate(all="ignore"):
        combined = np.matmul(weights[:, None], planes.normals)[:, 0]
        score = np.abs(combined)
        for ends, (live, loss), slope in zip(bounds, planes.losses, slopes, strict=True):
            lost = np.zeros(ends.low.shape)
            lost[:, live] = -np.matmul(weights[:, None], loss)[:, 0]
            share = np.where(lost > 0, lost / (ends.high - ends.low), 0.0)[:, slope.units]
            score = score + np.matmul(share[:, None], np.abs(slope.normals))[:, 0]
        return np.where(width > 0, score * width, -1.0)


class MissedSet(NamedTuple):
    """A set of outputs, and how a certificate names it.

    Attributes
    ----------
    first : int
        The number of its first member.
    functions : list of int
        The numbers of its functions.
    rows : OutputSet
    """

    first: int
    functions: list[int]
    rows: OutputSet


@dataclass(frozen=True, eq=False)
class DecidedBox:
    """A box without inputs that are mapped into some sets.

    Attributes
    ----------
    nodes : UnitNodes
        To which the tree is added.
    signs : sequence of numpy.ndarray of int
        Of each layer's units: 1 or -1 if bounds prove their side, else 0.
    free : numpy.ndarray of bool, shape (n,)
        Inputs whose sides have a length.
    sets : sequence of MissedSet
    """

    nodes: UnitNodes
    signs: Sequence[Integers]
    free: NDArray[np.bool_]
    sets: Sequence[MissedSet]


def add_point(box: DecidedBox, network: Network, values: Sequence[Fraction]) -> None:
    """Add the tree of a single point, by the values of the units that bend and the outputs."""
    bends = [layer.bends for layer in network.layers]
    signs = np.concatenate([s[b] for s, b in zip(box.signs, bends, strict=False)]).tolist()
    everywhere = tuple(range(len(signs), len(signs) + len(box.free)))  # of what is constant
    for unit, (value, sign) in enumerate(zip(values, signs, strict=False)):
        if not sign:
            box.nodes.add(POSITIVE if value > 0 else NEGATIVE, unit, everywhere)
    outputs = values[len(signs) :]
    for of in box.sets:
        excess = [row.excess(outputs) for row in of.rows]
        box.nodes.add(MISSED, of.first + excess.index(max(excess)), everywhere)


def add_regions(box: DecidedBox, found: BoxRegions, satisfied: Sequence[NDArray[np.bool_]]) -> None:
    """Add the tree of the regions of a box.

    Parameters
    ----------
    box : DecidedBox
    found : BoxRegions
    satisfied : sequence of numpy.ndarray of bool, shape (regions, rows)
        Whether a set's inequalities may hold on regions.
    """
    units = found.maps.hidden_units
    tree = RegionTree(
        found.maps.exact.layers[:-1],
        found.maps.chart,
        found.regions.bits[:, :units] != 0,
        [units + d for d in np.flatnonzero(box.free).tolist() for _ in range(2)],
        inner_of(found.regions),
        box.nodes,
        tuple(units + d for d in np.flatnonzero(~box.free).tolist()),
        box.signs,
    )
    tree.add(partial(_add_missed, box, tree, found, satisfied))


def _add_missed(
    box: DecidedBox,
    tree: RegionTree,
    found: BoxRegions,
    satisfied: Sequence[NDArray[np.bool_]],
    leaf: Leaf,
) -> None:
    """Add the nodes of a leaf: of each set a function that is positive where others are not."""
    last = found.maps.exact.layers[-1]
    outputs = layer_rows(last, leaf.outputs)
    scale = int(leaf.outputs.one[-1]) * last.weight_scale
    units, inputs = found.maps.hidden_units, len(box.free)
    for of, inside in zip(box.sets, satisfied, strict=True):
        rows = [inequality_row(row, outputs, scale) for row in of.rows]
        numbers = [units + inputs + function for function in of.functions]
        chosen, index = _broken(inside[leaf.regions])
        walls = {**leaf.walls, **{numbers[k]: rows[k] for k in chosen}}
        (basis,) = tree.bases(walls, [[-entry for entry in rows[index]]], strictly=True)
        if basis is None:
            index, basis = _broken_exactly(tree, leaf, rows, numbers)
        box.nodes.add(MISSED, of.first + index, basis)


def _broken(inside: NDArray[np.bool_]) -> tuple[Sequence[int], int]:
    """Return an inequality that is broken where some others hold, by what floats say."""
    nowhere = np.flatnonzero(~inside.any(axis=0))
    if len(nowhere):
        return (), int(nowhere[0])
    together = np.logical_and.accumulate(inside, axis=1).any(axis=0)
    index = int(together.sum()) if not together.all() else inside.shape[1] - 1
    return range(index), index


def _broken_exactly(
    tree: RegionTree, leaf: Leaf, rows: Sequence[Row], numbers: Sequence[int]
) -> tuple[int, tuple[int, ...]]:
    """Return the first inequality that is broken wherever those before it hold, and a proof."""
    part, last = tree.polytope(leaf.walls, int(leaf.regions[0])), len(rows) - 1
    walls = dict(leaf.walls)
    for index, row in enumerate(rows):
        inside = part.cut(row)
        if inside is None or index == last:
            break
        if inside is not part:  # a constant is no wall
            walls[numbers[index]] = row
        part = inside
    target = [-entry for entry in row]
    if not any(target[:-1]):
        return index, tree.everywhere
    return index, tree.numbers_of(walls, part.support(target))


def search_for(
    subject: Subject, lower: Floats, upper: Floats, target: Target, journal: Journal | None
) -> OutputSearch:
    """Return the search for a target; with a journal one that takes note in it."""
    if journal is None:
        return OutputSearch(subject, lower, upper, target)
    return ProvenSearch(subject, lower, upper, target, journal)


class ProvenSearch(OutputSearch):
    """A search whose tree of boxes can be written down as a certificate.

    Parameters
    ----------
    subject, lower, upper, target
        As of :class:`~polyregions.questions.output_search.OutputSearch`.
    journal : Journal
        Takes note of every box.

    Notes
    -----
    Of a box that resists the tree of its regions is written.
    """

    def __init__(
        self, subject: Subject, lower: Floats, upper: Floats, target: Target, journal: Journal
    ) -> None:
        super().__init__(subject, lower, upper, target)
        self._journal = journal
        self._few_cells = min(self._few_cells, _FEW_PROVEN_CELLS)
        self._splits_to_double = _SPLITS_TO_DOUBLE_PROVEN

    def _noted(self, look: StepResult) -> Pending:
        if look.looked is not None:
            self._journal.looked(look.looked)
        split = look.split
        return replace(split, nodes=self._journal.entered(split.nodes))

    def _decided(self, box: Pending, found: BoxRegions | None) -> None:
        node, open_sets = int(box.nodes[0]), np.flatnonzero(box.open_sets[0]).tolist()
        decided = DecidedBox(
            self._journal.tree_of(node),
            [np.where(low[0] >= 0, 1, np.where(high[0] <= 0, -1, 0)) for low, high in box.bounds],
            box.boxes.lower[0] < box.boxes.upper[0],
            [self._missed(k) for k in open_sets],
        )
        if found is None:
            point = tuple(map(Fraction, box.boxes.lower[0].tolist()))
            add_point(decided, self.network, _exact_values_at(self._exact, point))
        else:
            satisfied = [found.satisfied[:, self._sets.members[k]] for k in open_sets]
            add_regions(decided, found, satisfied)

    def _missed(self, number: int) -> MissedSet:
        first, functions = self._journal.numbers_of(self._sets.members, number)
        return MissedSet(first, functions, self.target.sets[number])
