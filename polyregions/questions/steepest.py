"""The Lipschitz constant of a network in a box, without a list of its regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import inf
from typing import Any, Unpack

import numpy as np

from polyregions.analysis import lipschitz as listed
from polyregions.analysis.affine_maps import exact_maps
from polyregions.analysis.lipschitz import (
    Lipschitz,
    Norm,
    checked_norm,
    exact_gradient,
    norm_bounds,
    norm_bracket,
    steepest_above,
)
from polyregions.arrays import Bits, Floats, Point
from polyregions.domain import Box
from polyregions.errors import PolyregionsError
from polyregions.geometry.witness import float_below
from polyregions.network import Network
from polyregions.network.backward_bounds import Range, Slopes, backward_bounds, gradient_bounds
from polyregions.network.region_maps import maps_of_layers
from polyregions.pattern import Words, pack
from polyregions.questions.box_search import (
    BestFirst,
    BoxSearch,
    Pending,
    StepResult,
    Subject,
    between_text,
    one_thread_of_blas,
    stop_with_search,
)
from polyregions.questions.input_rows import box_given
from polyregions.questions.output_sets import points_all_over
from polyregions.regions import Regions
from polyregions.run.given import DomainLike, NetworkLike, network_given
from polyregions.run.limits import Threaded, options_given, with_options
from polyregions.run.loop import run
from polyregions.run.progress import Interrupt, shown_progress
from polyregions.walk.breadth_first import enumerate_regions, traverse

__all__ = ["lipschitz"]

# Hints: they decide how fast an answer comes, not which one.
_FIRST_CELLS = 1e6  # of a box that is listed, at most, about
_MOST_LISTED = 10_000  # regions of a box; one that has more is halved
_STEPS_BEFORE = 8  # that make an interval, before all regions are listed if they are not too many
_WORK_ON_ALL = 2**32  # regions times weights
_TRIED = 256  # points whose gradients are looked at
_TRIED_LATER = 32  # and of boxes in a step
_STEEP_SUSPECTS = 4  # and exactly, of these


@with_options(Threaded)
def lipschitz(
    network: NetworkLike | Regions,
    domain: DomainLike = None,
    norm: Norm = "2",
    **how: Unpack[Threaded],
) -> Lipschitz:
    """Return the Lipschitz constant of a network in a box: the largest norm of a gradient.

    A box is convex, so the largest local constant is the global one.

    Parameters
    ----------
    network : Network, path or torch module, or Regions
        Of regions that are listed already, with their domain, all are looked at, as
        :func:`polyregions.analysis.lipschitz.lipschitz` does.
    domain : Box, or one (lower, upper) per input
        For a plane or a line through data pass its network and its box.
    norm : {"1", "2", "inf"}
        Of inputs and outputs alike; gradients have the operator norm. A side without length
        is no direction.
    threads : int
        The constant is the same for any number.
    time_limit : float, optional
        Seconds; then an interval is returned.
    progress : bool or callable, optional
        As of :func:`polyregions.maximum`.
    on_interrupt : {"raise", "return"}
        Whether Ctrl-C raises or returns an interval.

    Returns
    -------
    Lipschitz

    Raises
    ------
    NetworkError
        If there is no network.
    DomainError
        If the domain is no box of the network's inputs.
    PolyregionsError
        If the norm is not one of the three, or a limit is no positive number.

    Notes
    -----
    *Algorithm.* Branch and bound over boxes. The norm of all gradients in a box is bounded by
    intervals (:func:`polyregions.network.backward_bounds.gradient_bounds`); in a box where no
    unit switches there is one gradient, which is computed exactly; where few do, regions are
    listed. After a few steps the regions of the whole box are, unless they are too many: the
    bounds are loose in deep networks. Only open regions count: a gradient of a pattern that is
    met on a boundary is none.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[3, 4], [1, 0]], [0, 0]), ([[1, 1]], [0])])
    >>> found = lipschitz(net, pr.Box.cube(2, 1.0), "1")
    >>> found.lower, found.upper, found.proven
    (Fraction(4, 1), Fraction(4, 1), True)
    """
    norm = checked_norm(norm)
    if isinstance(network, Regions):
        if domain is not None:
            raise PolyregionsError("regions have a domain of their own; give none beside them")
        return listed.lipschitz(network, norm)
    network = network_given(network)
    box = box_given(domain, network, "a Lipschitz constant is sought")
    options = options_given(Threaded, how)
    goal = _Steepest(network, box, norm)
    with one_thread_of_blas(), Interrupt(options.on_interrupt) as interrupt:
        search = _GradientSearch(network, box, goal, options.threads)
        ends = between_text(lambda: (goal.best.value, max(goal.best.value, search.ceiling)))
        with shown_progress(options.progress, ends) as shown:
            stop = run(search, options.limits.left, interrupt, progress=shown)
    upper = goal.best.upper
    if stop != "finished" and search.ceiling > upper:
        upper = inf if search.ceiling == inf else Fraction(search.ceiling)
    proven = stop == "finished" or upper == goal.best.lower
    return replace(goal.best, upper=upper, proven=proven, boxes=search.boxes, cells=search.cells)


class _Steepest(BestFirst):
    """The steepest gradient that was found; one to begin with is that of any region."""

    def __init__(self, network: Network, box: Box, norm: Norm) -> None:
        self.maps, self.norm, self.free = exact_maps(network, None), norm, box.free
        region = next(traverse(network, box))
        self.best = self._of_region(region.pattern, region.exact_witness)

    @property
    def level(self) -> float:
        """The largest float that the steepest gradient is proven to reach."""
        return float_below(self.best.lower)

    def _of_region(self, words: Words, point: Point) -> Lipschitz:
        gradient = exact_gradient(self.maps, words, self.free.tolist())
        return Lipschitz(self.norm, *norm_bracket(gradient, self.norm), (), point)

    def take_region(self, words: Words, point: Point) -> None:
        """Take note of a region, by its pattern and a point inside."""
        self.take(self._of_region(words, point))

    def take(self, found: Lipschitz) -> None:
        """Take note of a gradient, or of the steepest of several."""
        upper = max(found.upper, self.best.upper)
        steeper = found if found.lower > self.best.lower else self.best
        # brackets that overlap: the constant may be that of either
        self.best = replace(steeper, regions=(), upper=upper)

    def needed(self, pending: Pending) -> Pending:
        return pending.take(~(pending.ceilings <= self.level))


class _GradientSearch(BoxSearch):
    """The search for the steepest gradient of a region that meets a box.

    **Invariant.** Every region that meets the box inside, and has a steeper gradient than the
    best one, meets a box inside that is pending.
    """

    def __init__(self, network: Network, box: Box, goal: _Steepest, threads: int) -> None:
        super().__init__(Subject(network, goal.maps, threads), box.lower, box.upper, goal)
        self._best = goal
        self._few_cells = _FIRST_CELLS
        self._seen: set[bytes] = set()
        self._box, self._steps = box, 0
        self._try(points_all_over(box.lower, box.upper)[:_TRIED])

    def step(self, regions: int) -> None:
        """Look at some boxes, list the regions of some, or once those of the whole box."""
        self._steps += 1
        if self._steps != _STEPS_BEFORE:
            super().step(regions)
            return
        # bounds on gradients are loose in deep networks: a list may be sooner done
        weights = sum(layer.matrix.size for layer in self.network.layers)
        most = min(max(_MOST_LISTED, _WORK_ON_ALL // weights), np.iinfo(np.int32).max)
        if self._listed(self._box, most):
            self._pending, self._resisting = [], []

    def _look(self, pending: Pending) -> StepResult:
        boxes = pending.boxes
        bounds, slopes = backward_bounds(self.network, boxes, pending.bounds)
        found = gradient_bounds(self.network, bounds)
        free = self._best.free
        _, high = norm_bounds(found.centre[:, :, free], found.radius[:, :, free], self._best.norm)
        ceilings = np.fmin(pending.ceilings, high)
        live = np.flatnonzero(~(ceilings <= self._best.level))
        kept = replace(pending, bounds=bounds, ceilings=ceilings).take(live)
        width = boxes.upper / 2 - boxes.lower / 2
        scores = _gradient_scores(width, bounds, slopes, found.doubts)[live]
        doubtful = live[np.argsort(-kept.ceilings, kind="stable")[:_TRIED_LATER]]
        centres = (boxes.lower / 2 + boxes.upper / 2)[doubtful]
        return self._split(kept, kept.boxes, scores, centres)

    def _decide(self, boxes: Sequence[Pending]) -> None:
        for pending in boxes:
            lower, upper = (side[0] for side in pending.boxes)
            bits = _only_pattern(self.network, pending.bounds)
            if bits is None:
                self._list(pending, Box(lower, upper))
            else:
                self._take(pack(bits), lower, upper)

    def _take(self, words: Words, lower: Floats, upper: Floats) -> None:
        """Look at the one region that a box is in."""
        self.cells += 1
        if words.tobytes() not in self._seen:
            self._seen.add(words.tobytes())
            # inside of the box, so inside of the one region that it is in
            ends = zip(lower.tolist(), upper.tolist(), strict=True)
            self._best.take_region(words, tuple((Fraction(a) + Fraction(b)) / 2 for a, b in ends))

    def _list(self, pending: Pending, box: Box) -> None:
        """Look at the regions of a box, or at some if they are too many."""
        before = self.cells
        # how many cells are expected is far from how many regions there are
        if not self._listed(box, _MOST_LISTED):
            self._pending.append(self._halves(pending))
            self._few_cells /= 2
        elif self.cells - before < _MOST_LISTED / 4:
            self._few_cells *= 2

    def _listed(self, box: Box, most: int) -> bool:
        """Look at the regions of a box, at most at so many, and say whether these are all."""
        regions = enumerate_regions(self.network, box, max_regions=most, progress=stop_with_search)
        self.cells += len(regions)
        found = steepest_above(regions, self._best.norm, self._best.level)
        if found is not None:
            self._best.take(found)
        return regions.complete

    def _try(self, points: Floats) -> None:
        points = np.clip(points, self._lower, self._upper)
        words = _float_patterns(self.network, points)
        *_, last = maps_of_layers(self.network, words)
        value, error = (
            part[last.which][:, :, self._best.free] for part in (last.value, last.error)
        )
        low, _ = norm_bounds(value, error, self._best.norm)
        for index in np.argsort(-low, kind="stable")[:_STEEP_SUSPECTS].tolist():
            point = tuple(map(Fraction, points[index].tolist()))
            if low[index] > self._best.level and self._is_inside(words[index], point):
                self._best.take_region(words[index], point)

    def _is_inside(self, words: Words, point: Point) -> bool:
        """Return whether a pattern is that of the open region of a point."""
        rows, _, _ = self._exact.rows(words)
        numbers = (*point, Fraction(1), Fraction(0))  # of the chart of the whole space
        values = (sum(int(a) * x for a, x in zip(row, numbers, strict=True)) for row in rows)
        return all(value > 0 or not any(row) for row, value in zip(rows, values, strict=True))


def _only_pattern(network: Network, bounds: Sequence[Range]) -> Bits | None:
    """Return the pattern of the one region that a box is in, unpacked; None if units switch."""
    bits = []
    for layer, ends in zip(network.layers, bounds, strict=False):
        low, high = ends.low[0, layer.bends], ends.high[0, layer.bends]
        if not ((low >= 0) | (high <= 0)).all():
            return None
        bits.append((low >= 0) & (high > 0))
    return np.concatenate(bits).astype(np.uint8)


def _float_patterns(network: Network, points: Floats) -> Words:
    """Return patterns at some points as floats have them: no proof."""
    bits = []
    with np.errstate(all="ignore"):
        values: Any = points
        for layer in network.layers:
            values = values @ layer.matrix.T + layer.bias
            bits.append(values[:, layer.bends] > 0)
            values = values * np.where(values > 0, layer.upper, layer.lower)
    return pack(np.concatenate(bits, axis=1))


def _gradient_scores(
    width: Floats, bounds: Sequence[Range], slopes: Sequence[Slopes], doubts: Sequence[Floats]
) -> Floats:
    """Return how much each input's extent costs, shape (k, n): a hint which to halve."""
    score = np.zeros_like(width)
    with np.errstate(all="ignore"):
        for ends, (units, normals), doubt in zip(bounds, slopes, doubts, strict=False):
            share = (doubt / (ends.high - ends.low))[:, units]
            share = np.where(share > 0, share, 0.0)
            score = score + np.matmul(share[:, None], np.abs(normals))[:, 0]
        return np.where(width > 0, score * width, -1.0)
