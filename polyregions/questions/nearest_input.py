"""The input of another class that is nearest to an input, and a radius without any: proven."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf, nextafter
from sys import float_info
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from polyregions.analysis.affine_maps import exact_maps
from polyregions.analysis.lipschitz import Norm, checked_norm
from polyregions.arrays import Floats, Point
from polyregions.domain import Box
from polyregions.errors import PolyregionsError
from polyregions.exact.simplex import Column
from polyregions.geometry.double_description import square_root
from polyregions.geometry.witness import float_below, nearest_float
from polyregions.network import input_point
from polyregions.network.backward_bounds import Boxes
from polyregions.questions.box_regions import MetPart
from polyregions.questions.box_search import (
    BestFirst,
    Pending,
    Subject,
    between_text,
    one_thread_of_blas,
)
from polyregions.questions.closest_points import (
    closest_point,
    distance_of,
    distances_to_boxes,
    distances_to_planes,
)
from polyregions.questions.input_rows import box_given
from polyregions.questions.output_search import OutputSearch, Target, exact_outputs
from polyregions.questions.output_sets import Attempt
from polyregions.questions.property import Counterexample, OutputInequality, OutputSet
from polyregions.run.given import DomainLike, NetworkLike, network_given
from polyregions.run.limits import Limits, Threaded, options_given, with_options
from polyregions.run.loop import run
from polyregions.run.progress import Interrupt, Progress, number_text, shown_progress

__all__ = ["Nearest", "nearest"]

# Hints: they decide how fast an answer comes, not which one.
_HALVINGS = 60  # of the radius, until a ball is settled at the first look
_NEARLY = 0.9  # settled: to that share of the radius
_WIDENING = 1.5  # of the radius from ball to ball


@dataclass(frozen=True)
class Nearest:
    """The nearest input of another class, or how near one is found and proven not to be.

    Attributes
    ----------
    norm : {"1", "2", "inf"}
    value : Fraction or float
        The distance of `point`, exactly; its square in the norm 2. Infinite if no point was found.
    bound : Fraction or float
        No input of another class is nearer, in the same measure: `value` itself if `proven`;
        infinite if it is proven that there is none in the box.
    point : tuple of Fraction, or None
    outputs : tuple of Fraction, or None
        All outputs there.
    classes : tuple of (int, int or None)
        The class of the input, and the other that the point has, too.
    boxes, cells : int
        Boxes looked at, and the regions of those that were decided region by region.
    """

    norm: str
    value: Fraction | float
    bound: Fraction | float
    point: Point | None
    outputs: tuple[Fraction, ...] | None
    classes: tuple[int, int | None]
    boxes: int
    cells: int

    @property
    def proven(self) -> bool:
        """Whether the point is the nearest, or there is none."""
        return self.value == self.bound

    @property
    def distance(self) -> float:
        """The distance of the point as a float."""
        known = _distance(self.value, self.norm, up=True)
        return known if isinstance(known, float) else nearest_float(known)

    @property
    def radius(self) -> float:
        """The largest float known to be certified: no input of another class is nearer."""
        known = _distance(self.bound, self.norm, up=False)
        return known if isinstance(known, float) else float_below(known)

    def __repr__(self) -> str:
        if self.proven:
            distance = _distance(self.value, self.norm, up=True)
            said = "none in the box" if self.point is None else f"at {number_text(distance)}"
        else:
            ends = f"{number_text(self.radius)} and {number_text(self.distance)}"
            said = f"between {ends}, not proven"
        return f"<Nearest: {said}, norm {self.norm}; {self.boxes} boxes, {self.cells} regions>"


@with_options(Threaded)
def nearest(
    network: NetworkLike,
    x: ArrayLike,
    domain: DomainLike,
    norm: Norm = "2",
    *,
    other: int | None = None,
    level: float = 0.0,
    **how: Unpack[Threaded],
) -> Nearest:
    """Return the input in a box, nearest to a given one, that a network puts in another class.

    Parameters
    ----------
    network : Network, path or torch module
        The class of x is its largest output k, the first of equal ones. An input has another
        class j, too, where output j is at least as large as output k: ties count, so that
        there is a nearest one. With one output: whether it is above the level (1) or not (0);
        inputs have the other class where it is at most, or at least, the level.
    x : array_like, shape (n,)
        The floats that they are; it may be outside of the box.
    domain : Box, or one (lower, upper) per input
        The closed box.
    norm : {"1", "2", "inf"}
    other : int, optional
        Only this class is sought.
    level : float
        Used for one output only.
    threads : int
        The distance is the same for any number, the point may be another one.
    time_limit : float, optional
        Seconds; then the distance is in an interval.
    progress : bool or callable, optional
        As of :func:`polyregions.maximum`.
    on_interrupt : {"raise", "return"}
        Whether Ctrl-C raises or returns an interval.

    Returns
    -------
    Nearest

    Raises
    ------
    NetworkError
        If there is no network, or `x` is no input of it.
    DomainError
        If the domain is no box of the network's inputs.
    PolyregionsError
        If there is no such norm or no other class, or a limit is no positive number.

    Notes
    -----
    *Algorithm.* Balls round x that grow, in the norm inf: first the largest that bounds settle
    at the first look, then :class:`~polyregions.questions.output_search.OutputSearch` in one after
    the other, until the distance found is no more than the radius. Boxes at the smallest
    distance come first; that to the part of a box where outputs may be in another class is at
    least that to a clipped box and to half-spaces. Boxes that resist are decided region
    by region: exact linear programs, or projections in the norm 2.

    Examples
    --------
    f = σ(x) + σ(y), and 1/2 on the segment x + y = 1/2:

    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [0])])
    >>> found = nearest(net, [0.5, 0.5], pr.Box.cube(2, 1.0), level=0.5)
    >>> found.proven, str(found.value), [str(x) for x in found.point]  # the distance squared
    (True, '1/8', ['1/4', '1/4'])
    """
    network = network_given(network)
    norm = checked_norm(norm)
    box = box_given(domain, network, "another class is sought")
    start = input_point(network, x)
    options = options_given(Threaded, how)
    maps = exact_maps(network, None)
    centre = tuple(map(Fraction, start.tolist()))
    outputs = exact_outputs(maps, centre)
    own, others = _classes(outputs, other, level)
    target = _Closest(start, norm, [rows for _, rows in others])
    inside = ((box.lower <= start) & (start <= box.upper)).all()
    if inside and _reached(others, outputs) is not None:
        target.take(Counterexample(centre, outputs))
    with one_thread_of_blas(), Interrupt(options.on_interrupt) as interrupt:
        balls = _Balls(Subject(network, maps, options.threads), box, target)
        with shown_progress(options.progress, between_text(lambda: balls.range)) as shown:
            balls.search(options.limits, interrupt, shown)
    found = target.found
    value: Fraction | float = target.value if found is not None else inf
    bound = value if balls.done else min(value, balls.certified(norm))
    return Nearest(
        norm,
        value,
        bound,
        None if found is None else found.point,
        None if found is None else found.outputs,
        (own, None if found is None else _reached(others, found.outputs)),
        balls.boxes,
        balls.cells,
    )


def _distance(value: Fraction | float, norm: str, *, up: bool) -> Fraction | float:
    """Return the distance that a value stands for, the root rounded."""
    if norm != "2" or isinstance(value, float):
        return value
    return square_root(value, up=up)


def _classes(
    outputs: Sequence[Fraction], other: int | None, level: float
) -> tuple[int, list[tuple[int, OutputSet]]]:
    """Return the class with such outputs, and the other ones with their sets of outputs."""
    count = len(outputs)
    if count == 1:
        if not isinstance(level, int | float | np.number) or not np.isfinite(level):
            raise PolyregionsError(f"the level is a finite number, not {level!r}")
        own = int(outputs[0] > Fraction(float(level)))
        sign = Fraction(1 if own else -1)
        sets: list[tuple[int, OutputSet]] = [
            (1 - own, (OutputInequality(((0, sign),), sign * Fraction(float(level))),))
        ]
    else:
        own = max(range(count), key=lambda k: (outputs[k], -k))
        sets = [
            (j, (OutputInequality(tuple(sorted(((own, Fraction(1)), (j, Fraction(-1))))), zero),))
            for zero in [Fraction(0)]
            for j in range(count)
            if j != own
        ]
    chosen = [pair for pair in sets if other is None or pair[0] == other]
    if not chosen:
        raise PolyregionsError(
            f"{other!r} is no other class: the input has class {own}, and there are "
            f"{max(count, 2)}, counted from 0"
        )
    return own, chosen


def _reached(others: Sequence[tuple[int, OutputSet]], outputs: Sequence[Fraction]) -> int | None:
    """Return the first of some classes that outputs have, if any."""
    met = (j for j, rows in others if all(row.excess(outputs) <= 0 for row in rows))
    return next(met, None)


class _Balls:
    """Balls round a point, in the norm inf, that are searched one after the other.

    Attributes
    ----------
    done : bool
        Whether what the target found is the nearest, or nothing is there.
    floor : float
        Nothing that is sought, but what the target found, is nearer.
    """

    def __init__(self, subject: Subject, box: Box, target: _Closest) -> None:
        self._subject, self._box, self._target = subject, box, target
        self.floor, self.done = 0.0, False
        self._past = 0, 0
        self._search: OutputSearch | None = None

    @property
    def boxes(self) -> int:
        """Boxes looked at in all balls."""
        return self._past[0] + (self._search.boxes if self._search else 0)

    @property
    def cells(self) -> int:
        """Regions of those that were decided region by region."""
        return self._past[1] + (self._search.cells if self._search else 0)

    @property
    def range(self) -> tuple[float, float]:
        """Between which floats the distance is, as far as is known."""
        return self.floor, self._target.reach

    def certified(self, norm: Norm) -> Fraction | float:
        """Return what no distance is below, squared in the norm 2."""
        if self.floor == inf:  # nothing is there
            return inf
        floor = Fraction(self.floor)
        return floor * floor if norm == "2" else floor

    def search(
        self, limits: Limits, interrupt: Interrupt, progress: Callable[[Progress], None] | None
    ) -> None:
        """Search one ball after the other, until all is known or a limit is reached."""
        radius = self._settled_radius(limits, interrupt)
        while True:
            search, whole = self._searching(radius)
            stop = (
                None if search is None else run(search, limits.left, interrupt, progress=progress)
            )
            if stop not in (None, "finished"):
                assert search is not None
                self._raise_floor(search, radius)
                return
            if whole or self._target.within(radius):
                self.done = True
                return
            self.floor = max(self.floor, radius)
            # the smallest floats do not grow by half, the largest become infinite: the whole box
            radius = max(radius * _WIDENING, nextafter(radius, inf))

    def _settled_radius(self, limits: Limits, interrupt: Interrupt) -> float:
        """Return a radius to begin with: of a ball that the first look settles nearly."""
        x = self._target.x
        with np.errstate(over="ignore"):
            reach = np.maximum(np.abs(self._box.lower - x), np.abs(self._box.upper - x)).max()
        radius = nextafter(float(reach), inf)
        for _ in range(_HALVINGS):
            if self._target.reached or interrupt.requested or limits.left.over(0.0):
                break
            search, _ = self._searching(radius)
            if search is None:
                break
            search.step(0)
            self._raise_floor(search, radius)
            if self.floor >= _NEARLY * radius:
                break
            radius = self.floor / 2 + min(radius, float_info.max) / 2
        return radius

    def _searching(self, radius: float) -> tuple[OutputSearch | None, bool]:
        """Begin with the part of a ball in the box, if any; say whether that is all of the box."""
        self._past = self.boxes, self.cells
        self._search = None
        ball = _outward(self._target.x, radius)
        lower = np.maximum(self._box.lower, ball.lower)
        upper = np.minimum(self._box.upper, ball.upper)
        whole = bool((lower == self._box.lower).all() and (upper == self._box.upper).all())
        # a corner of the ball in the norm inf is farther away than its radius in other norms
        self._target.radius = inf if whole else radius
        if (lower <= upper).all():
            self._search = OutputSearch(self._subject, lower, upper, self._target)
        return self._search, whole

    def _raise_floor(self, search: OutputSearch, radius: float) -> None:
        """Learn from a search in a ball; what is outside is at least as far as its radius."""
        self.floor = max(self.floor, min(radius, -search.ceiling))


def _outward(x: Floats, radius: float) -> Boxes:
    """Return a box that holds the ball of the norm inf."""
    with np.errstate(over="ignore"):
        return Boxes(np.nextafter(x - radius, -np.inf), np.nextafter(x + radius, np.inf))


class _Closest(BestFirst, Target):
    """The closest input that was found in one of the sets."""

    def __init__(self, x: Floats, norm: Norm, sets: Sequence[OutputSet]) -> None:
        super().__init__(tuple(sets))
        self.x, self.norm = x, norm
        self._exact = tuple(map(Fraction, x.tolist()))
        self.found: Counterexample | None = None
        self.value = Fraction(-1)
        self.reach = inf  # the least float that is not below the distance found
        self.radius = inf  # what is farther away is not looked at

    @property
    def reached(self) -> bool:
        return self.value == 0

    def within(self, radius: float) -> bool:
        """Return whether what was found is at most so far away."""
        return self.found is not None and self.reach <= radius

    def take(self, found: Counterexample) -> None:
        value = distance_of(found.point, self._exact, self.norm)
        if self.found is None or value < self.value:
            self.found, self.value = found, value
            distance = _distance(value, self.norm, up=True)
            self.reach = -float_below(Fraction(-distance))

    def point_of(self, part: MetPart) -> Column:
        return closest_point(part.chart, part.polytope, self._exact, self.norm)

    def promising(self, points: Floats) -> Floats:
        if self.found is None:
            return points
        return points[distances_to_boxes(self.x, Boxes(points, points), self.norm) < self.reach]

    def needed(self, pending: Pending) -> Pending:
        boxes = pending.boxes
        floors = np.maximum(-pending.ceilings, distances_to_boxes(self.x, boxes, self.norm))
        ball = _outward(self.x, min(self.reach, self.radius))
        lower, upper = np.maximum(boxes.lower, ball.lower), np.minimum(boxes.upper, ball.upper)
        near = (floors < self.reach) & (floors <= self.radius) & (lower <= upper).all(axis=1)
        return replace(pending, boxes=Boxes(lower, upper), ceilings=-floors).take(near)

    def heights(self, attempt: Attempt, boxes: Boxes) -> Floats:
        planes = distances_to_planes(self.x, attempt.planes, self.norm)
        return -np.maximum(planes, distances_to_boxes(self.x, boxes, self.norm))
