"""The largest or smallest output of a network in a box, exactly: found, and proven to be it."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf
from os import PathLike
from typing import Any, TypeAlias

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.affine_maps import exact_maps
from polyregions.arrays import Floats, Point, floats
from polyregions.domain import Box
from polyregions.domain.chart import check_dimension
from polyregions.errors import DomainError, PolyregionsError, kind_of
from polyregions.exact.closed import ClosedPolytope
from polyregions.exact.simplex import Column, Row
from polyregions.geometry.witness import float_below, nearest_float
from polyregions.network import Network
from polyregions.questions.box_search import BoxSearch, Pending, exact_outputs, one_thread_of_blas
from polyregions.questions.certificates import journals_of, write_answer
from polyregions.questions.journal import Journal
from polyregions.questions.property import Case, Counterexample, OutputInequality, OutputSet
from polyregions.run.display import boxes_text, number_text, shown_progress
from polyregions.run.given import DomainLike, NetworkLike, domain_given, network_given
from polyregions.run.limits import Limits, check_threads, counting_limits
from polyregions.run.loop import run
from polyregions.run.progress import Interrupt, OnInterrupt, OnProgress, Progress

__all__ = ["Optimum", "box_given", "highest_of", "maximum", "minimum"]

# A hint: with more parts pending, each of some hundred boxes, memory is short and the latest comes
# first.
_MOST_PARTS = 2000

# outputs, and what they are multiplied with
Coefficients: TypeAlias = Sequence[tuple[int, Fraction]]


@dataclass(frozen=True)
class Optimum:
    """The extreme value of an output, or an interval that holds it.

    Attributes
    ----------
    value : Fraction
        The extreme value, if `proven`; else the best that was found, which is attained.
    bound : Fraction or float
        No input of the box has a value beyond that; `value` itself if `proven`, infinite if
        nothing is known.
    point : tuple of Fraction
        An input with that value, exactly.
    outputs : tuple of Fraction
        All outputs there.
    boxes, cells : int
        Boxes looked at, and those that were decided exactly.
    """

    value: Fraction
    bound: Fraction | float
    point: Point
    outputs: tuple[Fraction, ...]
    boxes: int
    cells: int

    @property
    def proven(self) -> bool:
        """Whether the value is the extreme one."""
        return self.bound == self.value

    def __repr__(self) -> str:
        within = "" if self.proven else f", not proven; the bound is {number_text(self.bound)}"
        value = number_text(self.value)
        return f"<Optimum: {value}{within}; {self.boxes} boxes, {self.cells} exactly>"


def maximum(
    network: NetworkLike,
    domain: DomainLike,
    output: int | Sequence[float] = 0,
    *,
    threads: int = 1,
    time_limit: float | None = None,
    progress: OnProgress = None,
    on_interrupt: OnInterrupt = "raise",
    certificate: str | PathLike[str] | None = None,
) -> Optimum:
    """Return the largest value of an output in a box, exactly.

    Parameters
    ----------
    network : Network, path or torch module
    domain : Box, or one (lower, upper) per input
        The closed box. For a plane or a line through data pass its network and its box.
    output : int or sequence of numbers
        Which output, or a coefficient for each: then it is the largest value of the sum.
    threads : int
        The value is the same for any number, the point may be another one.
    time_limit : float, optional
        Seconds; then an interval is returned.
    progress : bool or callable, optional
        True shows boxes looked at and the interval; a function is called now and then with
        a :class:`~polyregions.run.progress.Progress` (boxes as its regions, boxes pending).
    on_interrupt : {"raise", "return"}
        Whether Ctrl-C raises or returns an interval.
    certificate : str or path-like, optional
        Where to write a proof of the value, which :func:`polyregions.check` replays. Nothing is
        written if a limit was reached.

    Returns
    -------
    Optimum

    Raises
    ------
    NetworkError
        If there is no network.
    DomainError
        If the domain is no box of the network's inputs.
    PolyregionsError
        If there is no such output, or a limit is no positive number.

    Notes
    -----
    *Algorithm.* Branch and bound by :class:`~polyregions.questions.box_search.BoxSearch`: what
    is sought are inputs with a value as large as the best one found so far, which is evaluated
    in rational arithmetic. A box is dropped when it is proven to have no larger one; cells of
    a box that resists are maximised exactly. The box with the largest bound comes first.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
    >>> best = maximum(net, pr.Box.cube(1, 1.0))
    >>> best.value, best.proven, [str(x) for x in best.point]
    (Fraction(1, 1), True, ['1/2'])
    """
    return _optimum(
        network,
        domain,
        output,
        1,
        threads=threads,
        time_limit=time_limit,
        progress=progress,
        on_interrupt=on_interrupt,
        certificate=certificate,
    )


def minimum(
    network: NetworkLike,
    domain: DomainLike,
    output: int | Sequence[float] = 0,
    *,
    threads: int = 1,
    time_limit: float | None = None,
    progress: OnProgress = None,
    on_interrupt: OnInterrupt = "raise",
    certificate: str | PathLike[str] | None = None,
) -> Optimum:
    """Return the smallest value of an output in a box, exactly; see :func:`maximum`.

    Parameters
    ----------
    network : Network, path or torch module
    domain : Box, or one (lower, upper) per input
    output : int or sequence of numbers
    threads : int
    time_limit : float, optional
    progress : bool or callable, optional
    on_interrupt : {"raise", "return"}
    certificate : str or path-like, optional

    Returns
    -------
    Optimum

    Raises
    ------
    NetworkError
        If there is no network.
    DomainError
        If the domain is no box of the network's inputs.
    PolyregionsError
        If there is no such output, or a limit is no positive number.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
    >>> minimum(net, pr.Box.cube(1, 1.0)).value
    Fraction(0, 1)
    """
    return _optimum(
        network,
        domain,
        output,
        -1,
        threads=threads,
        time_limit=time_limit,
        progress=progress,
        on_interrupt=on_interrupt,
        certificate=certificate,
    )


def _optimum(
    network: NetworkLike,
    domain: DomainLike,
    output: int | Sequence[float],
    sign: int,
    *,
    certificate: str | PathLike[str] | None,
    **how: Any,
) -> Optimum:
    network = network_given(network)
    box = box_given(domain, network)
    terms = _sum_given(output, network.output_dimension)
    limits = counting_limits(None, how.pop("time_limit"))
    sums = [[(k, sign * c) for k, c in terms]]
    sides = box.lower, box.upper
    journals: Sequence[Journal | None] = [None]
    if certificate is not None:
        journals = journals_of(network, [Case(*sides, _as_large(sums, Fraction(0)))])
    highest = highest_of(network, box, sums, limits, sign, journal=journals[0], **how)
    if certificate is not None and highest.proven:
        write_answer(
            certificate,
            network,
            "extreme",
            [Case(*sides, _as_large(sums, highest.value))],
            [journal for journal in journals if journal is not None],
            point=highest.point,
            level=float_below(highest.value),
            progress=how["progress"],
        )
    return replace(highest, value=sign * highest.value, bound=sign * highest.bound)


def highest_of(
    network: Network,
    box: Box,
    sums: Sequence[Coefficients],
    limits: Limits,
    sign: int = 1,
    *,
    threads: int,
    progress: OnProgress,
    on_interrupt: OnInterrupt,
    journal: Journal | None = None,
) -> Optimum:
    """Return the largest value of several sums of outputs in a box.

    Parameters
    ----------
    network : Network
    box : Box
    sums : sequence of sequences of (int, Fraction)
        Outputs and their coefficients, whose denominators are powers of two.
    limits : Limits
        Their time counts from when they were made.
    sign : {1, -1}
        Times which values are shown.
    threads, progress, on_interrupt
        As of :func:`maximum`.
    journal : Journal, optional
        Of the search.

    Returns
    -------
    Optimum
        The largest of all.
    """
    check_threads(threads)
    target = _Highest(sums)
    # halves of the smallest floats are rounded
    middle = np.clip(box.lower / 2 + box.upper / 2, box.lower, box.upper)
    centre = tuple(map(Fraction, middle.tolist()))
    maps = exact_maps(network, None)
    target.take(Counterexample(centre, exact_outputs(maps, centre)))
    with (
        one_thread_of_blas(),
        Interrupt(on_interrupt) as interrupt,
    ):
        search = BoxSearch(network, maps, box.lower, box.upper, target, threads, journal)
        with shown_progress(progress, _between_text(search, target, sign)) as shown:
            stop = run(search, limits.left, interrupt, progress=shown)
    value, found = target.value, target.found
    bound: Fraction | float = value
    if stop != "finished" and search.ceiling > value:
        bound = inf if search.ceiling == inf else Fraction(search.ceiling)
    return Optimum(value, bound, found.point, found.outputs, search.boxes, search.cells)


def box_given(domain: DomainLike, network: Network) -> Box:
    """Return the box that a caller means, of the network's inputs.

    Raises
    ------
    DomainError
        If it is another domain, or has another number of inputs.
    """
    box = domain_given(domain, network.input_dimension)
    if not isinstance(box, Box):
        raise DomainError(
            f"an extreme output is sought in a box, not in "
            f"{'the whole space' if box is None else 'a polytope'}: give a box"
        )
    check_dimension(box, network.input_dimension)
    return box


def _sum_given(output: int | Sequence[float], outputs: int) -> Coefficients:
    """Return which outputs are added up, times what."""
    if isinstance(output, int | np.integer) and not isinstance(output, bool):
        if not -outputs <= output < outputs:
            raise PolyregionsError(
                f"there is no output {output}; the network has {outputs}, counted from 0"
            )
        return [(int(output) % outputs, Fraction(1))]
    if isinstance(output, str | bytes) or not isinstance(output, Sized):
        raise PolyregionsError(
            f"an output is an index, or one coefficient for each output, not {kind_of(output)}"
        )
    coefficients = floats(output, "coefficients of outputs", PolyregionsError)
    if coefficients.shape != (outputs,) or not np.isfinite(coefficients).all():
        raise PolyregionsError(
            f"a sum of outputs needs {outputs} finite coefficients, one for each output"
        )
    if not coefficients.any():
        raise PolyregionsError("a sum of outputs needs a coefficient that is not zero")
    return [(k, Fraction(c)) for k, c in enumerate(coefficients.tolist()) if c]


def _as_large(sums: Sequence[Coefficients], value: Fraction) -> tuple[OutputSet, ...]:
    """Return for each sum the outputs where it is so large."""
    lowered = (tuple((index, -c) for index, c in terms) for terms in sums)
    return tuple((OutputInequality(terms, -value),) for terms in lowered)


def _between_text(search: BoxSearch, target: _Highest, sign: int) -> Callable[[Progress], str]:
    def text(progress: Progress) -> str:
        ends = sorted((nearest_float(sign * target.value), float(sign) * search.ceiling))
        return f"between {ends[0]:.9g} and {ends[1]:.9g}, {boxes_text(progress)}"

    return text


class _Highest:
    """The largest value of sums of outputs: sets shrink to what is as large as the best one."""

    reached = False
    found: Counterexample
    value: Fraction
    level: float
    sets: tuple[OutputSet, ...]

    def __init__(self, sums: Sequence[Coefficients]) -> None:
        self._sums = tuple(sums)
        self.level = -inf

    def take(self, found: Counterexample) -> None:
        value = max(
            sum((c * found.outputs[index] for index, c in terms), Fraction(0))
            for terms in self._sums
        )
        if self.level == -inf or value > self.value:
            self.found, self.value, self.level = found, value, float_below(value)
            self.sets = _as_large(self._sums, value)

    def point_of(self, part: ClosedPolytope, outputs: Sequence[Row], number: int) -> Column:
        terms = self._sums[number]
        # denominators are powers of two
        common = max(c.denominator for _, c in terms)
        rows = [[int(c * common) * entry for entry in outputs[index]] for index, c in terms]
        return part.largest([sum(column, flint.fmpz(0)) for column in zip(*rows, strict=True)])

    def ordered(self, pending: list[Pending]) -> list[Pending]:
        if len(pending) > _MOST_PARTS:
            return pending
        # the last box of a part is its most doubtful one
        return sorted(pending, key=lambda part: float(part.ceilings[-1]))

    def needed(self, ceilings: Floats) -> NDArray[np.bool_]:
        return ~(ceilings <= self.level)
