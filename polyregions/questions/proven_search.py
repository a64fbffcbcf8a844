"""The search for inputs mapped into sets of outputs that takes note of what it proves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from polyregions.arrays import Floats
from polyregions.domain import Box
from polyregions.network.backward_bounds import Range
from polyregions.questions.box_regions import MetPart
from polyregions.questions.box_search import Pending, StepResult, Subject
from polyregions.questions.closed_cells import parts_mapped_into
from polyregions.questions.journal import Journal
from polyregions.questions.output_search import OutputSearch, Target, exact_values_at

__all__ = ["ProvenSearch", "search_for"]

_FEW_PROVEN_CELLS = 64  # a hint: in rational arithmetic a cell is much work


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
    Boxes that resist are decided cell by cell (`questions.closed_cells`), with multipliers for
    whatever is proven.
    """

    def __init__(
        self, subject: Subject, lower: Floats, upper: Floats, target: Target, journal: Journal
    ) -> None:
        super().__init__(subject, lower, upper, target)
        self._journal = journal
        self._few_cells = min(self._few_cells, _FEW_PROVEN_CELLS)

    def _noted(self, look: StepResult) -> Pending:
        if look.looked is not None:
            self._journal.looked(look.looked)
        split = look.split
        return replace(split, nodes=self._journal.entered(split.nodes))

    def _decide(self, boxes: Sequence[Pending]) -> None:
        for box in boxes:
            self._decide_one(box)
            if self.target.reached:
                return

    def _decide_one(self, pending: Pending) -> None:
        lower, upper = (side[0] for side in pending.boxes)
        ranges = [Range(*(end[0] for end in ends)) for ends in pending.bounds]
        signs = [np.where(low >= 0, 1, np.where(high <= 0, -1, 0)) for low, high in ranges]
        open_sets = np.flatnonzero(pending.open_sets[0]).tolist()
        sets = [self.target.sets[number] for number in open_sets]
        free = np.flatnonzero(lower < upper).tolist()
        members = [of.tolist() for of in self._sets.members]
        journal = self._journal.of_box(int(pending.nodes[0]), free, members, open_sets)
        if not free:
            point = tuple(map(Fraction, lower.tolist()))
            bends = [layer.bends for layer in self.network.layers]
            sides = [sign for part, b in zip(signs, bends, strict=False) for sign in part[b]]
            journal.point(exact_values_at(self._exact, point), sides, sets)
            self._judge(point)
            return
        chart, parts = parts_mapped_into(self._exact, Box(lower, upper), signs, sets, journal)
        for polytope, outputs, place in parts:
            self.cells += 1
            part = MetPart(polytope, list(outputs), chart, open_sets[place])
            self._judge_part(part)
            if self.target.reached:
                return
