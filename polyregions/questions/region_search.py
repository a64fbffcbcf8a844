"""Regions near the inputs that a network maps into some sets, found without listing all others.

Boxes of inputs that are proven to miss the sets are dropped; in each of the others a walk lists
the regions that are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Point
from polyregions.domain import Box, Domain, Polytope
from polyregions.domain.chart import chart_of
from polyregions.errors import DomainError
from polyregions.network import Network
from polyregions.network.backward_bounds import Boxes, Planes
from polyregions.pattern import n_words, order
from polyregions.questions.box_search import Pending, Subject, one_thread_of_blas, stop_with_search
from polyregions.questions.output_search import SetGoal, SetSearch
from polyregions.questions.property import OutputSet
from polyregions.regions import Regions
from polyregions.run.limits import RunOptions
from polyregions.run.loop import run
from polyregions.run.progress import Interrupt, boxes_text, shown_progress
from polyregions.walk.breadth_first import enumerate_regions

__all__ = ["Listed", "regions_near"]

# Hints: they decide how fast an answer comes and how many regions are looked at, not which answer.
# Cells of the units that switch in a box whose regions are listed, at most, about; and twice as
# many after so many splits: where hyperplanes coincide a split does not tell them apart
_CELLS_OF_A_WALK = 4.5
_SPLITS_TO_DOUBLE_A_WALK = 2
_FEW_REGIONS = 1000  # in all of the box, that are listed sooner than a search is begun
_WORK_ON_FEW = 2**22  # and fewer if one is much work: regions times weights
_ROOM_OF_A_BOX = 2.0**-10  # of a box's width, beyond it on either side
_SLAB = 2.0**-10  # of what a plane rises over a box, beyond its zero


@dataclass(frozen=True)
class Listed:
    """What a search listed.

    Attributes
    ----------
    regions : Regions
        Without edges. A selection if the search came to its end, else partial.
    settled : float
        The share of the box, by volume, whose part of `regions` is known; rounded.
    boxes, visited : int
        Boxes looked at, and regions that were looked at.
    """

    regions: Regions
    settled: float
    boxes: int
    visited: int


def regions_near(
    network: Network,
    box: Box,
    sets: tuple[OutputSet, ...],
    options: RunOptions,
) -> Listed:
    """Return regions of a network, among them all that meet some sets of outputs.

    Parameters
    ----------
    network : Network
    box : Box
    sets : tuple of OutputSet
    options : RunOptions

    Returns
    -------
    Listed
        Every region whose closure holds an input that is mapped into one of the sets, if the
        search came to its end; and a few others.

    Notes
    -----
    *Algorithm.* Some regions are listed without looking at the sets; if these are all, that is it.
    Else :class:`~polyregions.questions.output_search.SetSearch`, whose boxes that resist are
    not decided: the regions in an open polytope around what is left of each are
    listed by a walk. What is left of a box is where no plane below an inequality of a set is
    positive.

    **Invariant.** Every input of the closed box that is mapped into one of the sets lies in a
    box that is pending, or has a neighbourhood in the box that a polytope held whose regions
    were listed. A region whose closure holds the input meets that neighbourhood, being open: so
    none is lost where it only touches a box from outside.
    """
    with (
        one_thread_of_blas(),
        shown_progress(options.progress, boxes_text) as shown,
        Interrupt(options.on_interrupt) as interrupt,
    ):
        search = _RegionSearch(network, box, sets, options.threads)
        stop = run(search, options.limits.left, interrupt, progress=shown)
    regions = search.found.regions(network, box, stop == "finished")
    visited = len(search.found.numbers.keys() | (search.first or set()))
    return Listed(regions, search.settled, search.boxes, visited)


@dataclass(eq=False)
class _Found:
    """Patterns without repetition, each with a witness."""

    numbers: dict[bytes, int] = field(default_factory=dict)
    patterns: list[NDArray[np.uint64]] = field(default_factory=list)
    witnesses: list[Floats] = field(default_factory=list)
    exact_witnesses: dict[int, Point] = field(default_factory=dict)

    def take(self, listed: Regions) -> None:
        for index, (pattern, witness) in enumerate(
            zip(listed.patterns, listed.witnesses, strict=True)
        ):
            number = len(self.patterns)
            if self.numbers.setdefault(pattern.tobytes(), number) == number:
                self.patterns.append(pattern)
                self.witnesses.append(witness)
                if index in listed.exact_witnesses:
                    self.exact_witnesses[number] = listed.exact_witnesses[index]

    def regions(self, network: Network, box: Box, finished: bool) -> Regions:
        """Return them in the order of patterns."""
        patterns = np.array(self.patterns, dtype=np.uint64).reshape(
            -1, n_words(network.hidden_units)
        )
        witnesses = np.array(self.witnesses).reshape(-1, network.input_dimension)
        position = order(patterns)
        rank = {int(number): place for place, number in enumerate(position)}
        return Regions(
            network,
            box,
            patterns[position],
            witnesses[position],
            np.empty((0, 2), dtype=np.int32),
            complete=False,
            proven=True,
            exact_witnesses={rank[n]: point for n, point in self.exact_witnesses.items()},
            selection=finished,
        )


class _RegionSearch(SetSearch):
    """The search over boxes, where a box that resists is one whose regions are listed."""

    def __init__(
        self, network: Network, box: Box, sets: tuple[OutputSet, ...], threads: int
    ) -> None:
        self.box = box
        self.found = _Found()
        self.first: set[bytes] | None = None  # patterns of the first listing, once it is done
        super().__init__(Subject.of(network, threads), box.lower, box.upper, SetGoal(sets))
        self._few_cells, self._splits_to_double = _CELLS_OF_A_WALK, _SPLITS_TO_DOUBLE_A_WALK

    def step(self, regions: int) -> None:
        """List some regions of the whole box, or look at some boxes."""
        if self.first is not None:
            super().step(regions)
            return
        weights = sum(layer.matrix.size for layer in self.network.layers)
        few = min(_FEW_REGIONS, max(1, _WORK_ON_FEW // weights))
        listed = enumerate_regions(
            self.network, self.box, max_regions=few, progress=stop_with_search
        )
        self.first = {pattern.tobytes() for pattern in listed.patterns}
        if listed.complete:
            self.found.take(listed)
            self._pending = []

    def _try(self, points: Floats) -> None:
        """Try no points: no single input is of use."""

    def _decide(self, boxes: Sequence[Pending]) -> None:
        for pending in boxes:
            planes = self._sets.planes(self.network, pending.boxes, pending.bounds)
            box = _wider(pending.boxes, self.box)
            for number in np.flatnonzero(pending.open_sets[0]).tolist():
                part = _around(box, planes, self._sets.members[number])
                listed = enumerate_regions(self.network, part, progress=stop_with_search)
                self.found.take(listed)


def _wider(boxes: Boxes, domain: Box) -> Box:
    """Return a box that holds a neighbourhood, in the domain, of each point of another."""
    lower, upper = (side[0] for side in boxes)
    with np.errstate(over="ignore"):
        room = np.minimum((upper - lower) * _ROOM_OF_A_BOX, np.finfo(np.float64).max)
        below = np.nextafter(lower - room, -np.inf)
        above = np.nextafter(upper + room, np.inf)
    return Box(np.maximum(below, domain.lower), np.minimum(above, domain.upper))


def _around(box: Box, planes: Planes, members: NDArray[np.intp]) -> Domain:
    """Return an open part of a box around where none of some planes is positive."""
    normals = planes.normals[0, members]
    with np.errstate(all="ignore"):
        rise = (np.abs(normals) * np.minimum(box.upper - box.lower, 1e300)).sum(axis=1)
        # more than minus the offset, however it is rounded
        bounds = np.nextafter(_SLAB * rise - planes.offsets[0, members], np.inf)
    identity = np.eye(box.dimension)
    try:
        part = Polytope(
            np.concatenate([identity, -identity, normals]),
            np.concatenate([box.upper, -box.lower, bounds]),
        )
        chart_of(part, box.dimension)  # refuses more than a polytope does
    except DomainError:
        # sides without length, numbers that are none or too far apart: the box will do
        return box
    return part
