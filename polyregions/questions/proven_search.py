"""The search for inputs mapped into sets of outputs that takes note of what it proves."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from polyregions.arrays import Floats
from polyregions.questions.box_regions import BoxRegions
from polyregions.questions.box_search import Pending, StepResult, Subject
from polyregions.questions.box_trees import DecidedBox, MissedSet, add_point, add_regions
from polyregions.questions.journal import Journal
from polyregions.questions.output_search import OutputSearch, Target, exact_values_at

__all__ = ["ProvenSearch", "search_for"]

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
    Of a box that resists the tree of its regions is written (`questions.box_trees`).
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
