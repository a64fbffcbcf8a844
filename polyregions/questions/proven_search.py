"""The search for inputs mapped into sets of outputs that takes note of what it proves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers
from polyregions.domain.chart import chart_point
from polyregions.exact.side import column_of
from polyregions.exact.simplex import Column, Row
from polyregions.network import Network
from polyregions.network.exact_network import layer_rows
from polyregions.proof.region_tree import Leaf, RegionTree, UnitNodes
from polyregions.proof.tree_checker import MISSED, NEGATIVE, POSITIVE
from polyregions.questions.box_regions import BoxRegions, inequality_row
from polyregions.questions.box_search import Pending, StepResult, Subject
from polyregions.questions.journal import Journal
from polyregions.questions.output_search import OutputSearch, Target, exact_values_at
from polyregions.questions.property import OutputSet

__all__ = ["search_for"]


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
    units, domain = found.maps.hidden_units, found.regions.domain

    def inner(region: int) -> Column:
        return column_of(chart_point(domain, found.regions[region].exact_witness))

    tree = RegionTree(
        found.maps.exact.layers[:-1],
        found.maps.chart,
        found.regions.bits[:, :units] != 0,
        [units + d for d in np.flatnonzero(box.free).tolist() for _ in range(2)],
        inner,
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


# Hints, see `questions.box_search`: in integers a region is more work than in floats.
_FEW_PROVEN_CELLS = 256
_SPLITS_TO_DOUBLE_PROVEN = 4


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
    Of a box that resists the tree of its regions is written (`questions.proven_search`).
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
            add_point(decided, self.network, exact_values_at(self._exact, point))
        else:
            satisfied = [found.satisfied[:, self._sets.members[k]] for k in open_sets]
            add_regions(decided, found, satisfied)

    def _missed(self, number: int) -> MissedSet:
        first, functions = self._journal.numbers_of(self._sets.members, number)
        return MissedSet(first, functions, self.target.sets[number])
