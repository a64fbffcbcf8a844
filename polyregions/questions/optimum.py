"""The largest or smallest output of a network, exactly: found, and proven to be it."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf
from os import PathLike
from typing import TypeAlias, Unpack

import flint
import numpy as np

from polyregions.arrays import Floats, Point, floats
from polyregions.domain import Box, Polytope
from polyregions.domain.chart import chart_of
from polyregions.errors import PolyregionsError, kind_of
from polyregions.exact.facets import interior_point
from polyregions.exact.simplex import Column
from polyregions.geometry.witness import float_below, nearest_float
from polyregions.network import Network
from polyregions.network.backward_bounds import Boxes
from polyregions.questions.box_regions import MetPart
from polyregions.questions.box_search import (
    BestFirst,
    Pending,
    Subject,
    between_text,
    one_thread_of_blas,
)
from polyregions.questions.certificates import journals_of, write_answer
from polyregions.questions.input_rows import beside_inputs, bounded_domain, inequalities_of_inputs
from polyregions.questions.journal import Journal
from polyregions.questions.output_search import Target, exact_outputs, search_for
from polyregions.questions.output_sets import Attempt
from polyregions.questions.property import Case, Counterexample, OutputInequality, OutputSet
from polyregions.rounding import ROUNDOFF, TINY
from polyregions.run.given import DomainLike, NetworkLike, network_given
from polyregions.run.limits import RunOptions, Threaded, options_given, with_options
from polyregions.run.loop import run
from polyregions.run.progress import Interrupt, number_text, shown_progress

__all__ = [
    "Optimum",
    "highest_of",
    "maximum",
    "minimum",
    "output_given",
    "sum_given",
]

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
        Boxes looked at, and the regions of those that were decided region by region.
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
        return f"<Optimum: {value}{within}; {self.boxes} boxes, {self.cells} regions>"


@with_options(Threaded)
def maximum(
    network: NetworkLike,
    domain: DomainLike,
    output: int | Sequence[float] = 0,
    *,
    certificate: str | PathLike[str] | None = None,
    **how: Unpack[Threaded],
) -> Optimum:
    """Return the largest value of an output in a box or polytope, exactly.

    Parameters
    ----------
    network : Network, path or torch module
    domain : Box, Polytope, or one (lower, upper) per input
        The closed domain. For a plane or a line through data pass its network and its box.
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
        If the domain is no box or polytope of the network's inputs.
    PolyregionsError
        If there is no such output, or a limit is no positive number.

    Notes
    -----
    *Algorithm.* Branch and bound, :class:`~polyregions.questions.output_search.OutputSearch`: what
    is sought are inputs with a value as large as the best one found so far, which is evaluated
    in rational arithmetic. A box is dropped when it is proven to have no larger one; cells of
    a box that resists are maximised exactly. The box with the largest bound comes first.
    A polytope is its bounding box, and inequalities of inputs, which are passed on beside the
    outputs.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
    >>> best = maximum(net, pr.Box.cube(1, 1.0))
    >>> best.value, best.proven, [str(x) for x in best.point]
    (Fraction(1, 1), True, ['1/2'])
    """
    return _optimum(network, domain, output, 1, certificate=certificate, **how)


@with_options(Threaded)
def minimum(
    network: NetworkLike,
    domain: DomainLike,
    output: int | Sequence[float] = 0,
    *,
    certificate: str | PathLike[str] | None = None,
    **how: Unpack[Threaded],
) -> Optimum:
    """Return the smallest value of an output in a box or polytope, exactly; see :func:`maximum`.

    Parameters
    ----------
    network : Network, path or torch module
    domain : Box, Polytope, or one (lower, upper) per input
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
        If the domain is no box or polytope of the network's inputs.
    PolyregionsError
        If there is no such output, or a limit is no positive number.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
    >>> minimum(net, pr.Box.cube(1, 1.0)).value
    Fraction(0, 1)
    """
    return _optimum(network, domain, output, -1, certificate=certificate, **how)


def _optimum(
    network: NetworkLike,
    domain: DomainLike,
    output: int | Sequence[float],
    sign: int,
    *,
    certificate: str | PathLike[str] | None,
    **how: Unpack[Threaded],
) -> Optimum:
    network = network_given(network)
    within = bounded_domain(domain, network)
    terms = sum_given(output, network.output_dimension)
    options = options_given(Threaded, how)
    sums = [[(k, sign * c) for k, c in terms]]
    sides = within.box.lower, within.box.upper
    if certificate is not None and inequalities_of_inputs(within):
        raise PolyregionsError(
            "a certificate of an extreme value is about a box; ask in a box, or without a "
            "certificate"
        )
    journals: Sequence[Journal | None] = [None]
    if certificate is not None:
        journals = journals_of(network, [Case(*sides, _as_large(sums, Fraction(0)))])
    highest = highest_of(network, within, sums, options, sign, journals[0])
    if certificate is not None and highest.proven:
        write_answer(
            certificate,
            network,
            "extreme",
            [Case(*sides, _as_large(sums, highest.value))],
            [journal for journal in journals if journal is not None],
            point=highest.point,
            level=float_below(highest.value),
            progress=options.progress,
        )
    return replace(highest, value=sign * highest.value, bound=sign * highest.bound)


def highest_of(
    network: Network,
    domain: Box | Polytope,
    sums: Sequence[Coefficients],
    options: RunOptions,
    sign: int = 1,
    journal: Journal | None = None,
) -> Optimum:
    """Return the largest value of several sums of outputs in a closed domain.

    Parameters
    ----------
    network : Network
    domain : Box or Polytope
    sums : sequence of sequences of (int, Fraction)
        Outputs and their coefficients, whose denominators are powers of two.
    options : RunOptions
    sign : {1, -1}
        Times which values are shown.
    journal : Journal, optional
        Of the search.

    Returns
    -------
    Optimum
        The largest of all.
    """
    outputs, box = network.output_dimension, domain.box
    network, (within,) = beside_inputs(network, [inequalities_of_inputs(domain)])
    target = _Highest(sums, within)
    start = _first_point(domain)
    subject = Subject.of(network, options.threads)
    target.take(Counterexample(start, exact_outputs(subject.maps, start)))
    with one_thread_of_blas(), Interrupt(options.on_interrupt) as interrupt:
        search = search_for(subject, box.lower, box.upper, target, journal)

        def ends() -> tuple[float, float]:
            found = nearest_float(target.value)
            low, high = sorted((sign * found, sign * max(found, search.ceiling)))
            return low, high

        with shown_progress(options.progress, between_text(ends)) as shown:
            stop = run(search, options.limits.left, interrupt, progress=shown)
    value, found = target.value, target.found
    bound: Fraction | float = value
    if stop != "finished" and search.ceiling > value:
        bound = inf if search.ceiling == inf else Fraction(search.ceiling)
    return Optimum(value, bound, found.point, found.outputs[:outputs], search.boxes, search.cells)


def _first_point(domain: Box | Polytope) -> Point:
    """Return a point of a closed domain."""
    # halves of the smallest floats are rounded
    box = domain.box
    middle = np.clip(box.lower / 2 + box.upper / 2, box.lower, box.upper)
    if domain.closure_contains(middle[None])[0]:
        return tuple(map(Fraction, middle.tolist()))
    chart = chart_of(domain, domain.dimension)
    inside = interior_point(chart.rows.tolist())
    assert inside is not None  # a domain has interior by construction
    return chart.to_input(inside)


def sum_given(output: int | Sequence[float], outputs: int) -> Coefficients:
    """Return which outputs are added up, times what.

    Raises
    ------
    PolyregionsError
        If there is no such output, or not one finite coefficient for each, some of them not zero.
    """
    if isinstance(output, int | np.integer):
        return [(output_given(output, outputs), Fraction(1))]
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


def output_given(output: object, outputs: int) -> int:
    """Return which of so many outputs a caller means; a negative number counts from the last.

    Raises
    ------
    PolyregionsError
        If it is no whole number, or there is no such output.

    Examples
    --------
    >>> output_given(-1, 3)
    2
    """
    if not isinstance(output, int | np.integer) or isinstance(output, bool):
        raise PolyregionsError(f"an output is an index, counted from 0, not {kind_of(output)}")
    if not -outputs <= output < outputs:
        raise PolyregionsError(
            f"there is no output {output}; the network has {outputs}, counted from 0"
        )
    return int(output) % outputs


def _as_large(
    sums: Sequence[Coefficients], value: Fraction, *, strict: bool = False, within: OutputSet = ()
) -> tuple[OutputSet, ...]:
    """Return for each sum the outputs where it is so large, or larger, within a set."""
    lowered = (tuple((index, -c) for index, c in terms) for terms in sums)
    return tuple((OutputInequality(terms, -value, strict=strict), *within) for terms in lowered)


class _Highest(BestFirst, Target):
    """The largest value of sums of outputs, of those within a set.

    Sets shrink to what is as large as the best one.
    """

    found: Counterexample
    value: Fraction
    level: float

    def __init__(self, sums: Sequence[Coefficients], within: OutputSet = ()) -> None:
        super().__init__(())  # until an input is found
        self._sums, self._within = tuple(sums), within
        self.level = -inf

    def take(self, found: Counterexample) -> None:
        value = max(
            sum((c * found.outputs[index] for index, c in terms), Fraction(0))
            for terms in self._sums
        )
        if self.level == -inf or value > self.value:
            self.found, self.value, self.level = found, value, float_below(value)
            self.sets = _as_large(self._sums, value, strict=True, within=self._within)

    def point_of(self, part: MetPart) -> Column:
        terms, outputs = self._sums[part.number], part.outputs
        # denominators are powers of two
        common = max(c.denominator for _, c in terms)
        rows = [[int(c * common) * entry for entry in outputs[index]] for index, c in terms]
        return part.polytope.largest(
            [sum(column, flint.fmpz(0)) for column in zip(*rows, strict=True)]
        )

    def needed(self, pending: Pending) -> Pending:
        return pending.take(~(pending.ceilings <= self.level))

    def heights(self, attempt: Attempt, boxes: Boxes) -> Floats:
        """Return ``level - value``, rounded up; what is no number bounds nothing."""
        with np.errstate(all="ignore"):
            total = self.level - attempt.lead
            sizes = np.abs(self.level) + np.abs(attempt.lead)
            total = total + (4.0 * ROUNDOFF * sizes + TINY)
        return np.where(np.isnan(total), np.inf, total)
