"""Are two networks equal on a domain, or do they choose the same classes? Proven, or where not."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Unpack

import numpy as np

from polyregions.analysis.affine_maps import exact_maps
from polyregions.analysis.simplification import simplify
from polyregions.arrays import Point
from polyregions.network import Network
from polyregions.network.composition import (
    check_comparable,
    compose,
    difference,
    linear,
    side_by_side,
)
from polyregions.questions.input_rows import bounded_domain, inequalities_of_inputs
from polyregions.questions.optimum import highest_of
from polyregions.questions.output_search import exact_outputs
from polyregions.questions.property import Case, OutputInequality, Terms
from polyregions.questions.verification import verdict_of
from polyregions.run.given import DomainLike, NetworkLike, network_given
from polyregions.run.limits import Threaded, options_given, with_options
from polyregions.run.progress import number_text

__all__ = ["ClassComparison", "Comparison", "chosen_class", "equal", "equal_classes"]


@dataclass(frozen=True)
class Comparison:
    """How far two networks are apart on a domain, exactly, or an interval that holds it.

    Attributes
    ----------
    value : Fraction
        The largest absolute difference of an output that was found, at `point`.
    bound : Fraction or float
        No two outputs differ by more: `value` itself if that is proven, infinite if nothing is
        known.
    point : tuple of Fraction
    first, second : tuple of Fraction
        The outputs of the networks at the point, exactly.
    boxes, cells : int
        Boxes looked at, and the regions of those that were decided region by region.
    """

    value: Fraction
    bound: Fraction | float
    point: Point
    first: tuple[Fraction, ...]
    second: tuple[Fraction, ...]
    boxes: int
    cells: int

    @property
    def proven(self) -> bool:
        """Whether the value is the largest difference."""
        return self.value == self.bound

    @property
    def equal(self) -> bool | None:
        """Whether the networks have the same outputs all over the domain; None if unknown."""
        if self.value > 0:
            return False
        return True if self.proven else None

    def __repr__(self) -> str:
        if self.equal:
            said = "equal, proven"
        elif self.proven:
            said = f"largest difference {number_text(self.value)}"
        else:
            ends = f"{number_text(self.value)} and {number_text(self.bound)}"
            said = f"largest difference between {ends}"
        return f"<Comparison: {said}; {self.boxes} boxes, {self.cells} regions>"


@with_options(Threaded)
def equal(
    first: NetworkLike,
    second: NetworkLike,
    domain: DomainLike,
    **how: Unpack[Threaded],
) -> Comparison:
    """Decide whether two networks are equal on a box or polytope, or where they differ most.

    Parameters
    ----------
    first, second : Network, path or torch module
        Of as many inputs and as many outputs.
    domain : Box, Polytope, or one (lower, upper) per input
        The closed domain.
    threads : int
        The value is the same for any number, the point may be another one.
    time_limit : float, optional
        Seconds, in which they are simplified as well; then an interval is returned.
    progress : bool or callable, optional
        As of :func:`polyregions.maximum`.
    on_interrupt : {"raise", "return"}
        Whether Ctrl-C raises or returns an interval.

    Returns
    -------
    Comparison

    Raises
    ------
    NetworkError
        If there is no network, or the two have different numbers of inputs or outputs.
    DomainError
        If the domain is no box or polytope of the networks' inputs.

    Notes
    -----
    *Algorithm.* Their difference is a network (:func:`polyregions.difference`), and units of
    both that are the same function are one after :func:`polyregions.simplify`, which
    proves what it does: networks whose units were only put in another order, scaled by powers
    of two, or folded, are settled by that. Of what is left the largest absolute output is sought
    as :func:`polyregions.maximum` does.

    Examples
    --------
    >>> import polyregions as pr
    >>> one = pr.Network.from_arrays([([[1.0], [-1.0]], [0, 0]), ([[1, 1]], [0])])
    >>> other = pr.Network.from_arrays([([[-2.0], [1.0]], [0, 0]), ([[0.5, 1]], [0])])
    >>> equal(one, other, pr.Box.cube(1, 1.0))
    <Comparison: equal, proven; 3 boxes, 2 regions>
    >>> third = pr.Network.from_arrays([([[-2.0], [1.0]], [0, 0.25]), ([[0.5, 1]], [0])])
    >>> apart = equal(one, third, pr.Box.cube(1, 1.0))
    >>> apart.equal, apart.value, apart.proven
    (False, Fraction(1, 4), True)
    """
    first, second = network_given(first), network_given(second)
    options = options_given(Threaded, how)
    apart = difference(first, second)
    within = bounded_domain(domain, apart)
    smaller = simplify(apart, within).network
    sums = [[(k, Fraction(sign))] for k in range(apart.output_dimension) for sign in (1, -1)]
    best = highest_of(smaller, within, sums, options)
    one, other = (exact_outputs(exact_maps(net, None), best.point) for net in (first, second))
    return Comparison(best.value, best.bound, best.point, one, other, best.boxes, best.cells)


@dataclass(frozen=True)
class ClassComparison:
    """Whether two networks choose the same class all over a domain.

    Attributes
    ----------
    equal : bool or None
        None if a limit was reached before it was decided.
    point : tuple of Fraction, or None
        An input where they choose different classes, if there is one.
    first, second : tuple of Fraction
        The outputs of the networks there, exactly; empty without a point.
    settled : float
        The share of the domain's box, by volume, on which they are proven to agree: 1 if they
        do. Rounded; nothing rests on it.
    boxes, cells : int
        Boxes looked at, and the regions of those that were decided region by region.
    """

    equal: bool | None
    point: Point | None
    first: tuple[Fraction, ...]
    second: tuple[Fraction, ...]
    settled: float
    boxes: int
    cells: int

    @property
    def classes(self) -> tuple[int, int] | None:
        """The classes that the networks choose at the point."""
        if self.point is None:
            return None
        return chosen_class(self.first), chosen_class(self.second)

    def __repr__(self) -> str:
        said = {
            True: "equal classes, proven",
            False: f"classes {self.classes}",
            None: f"unknown, agreement proven on {self.settled:.1%}",
        }
        return f"<ClassComparison: {said[self.equal]}; {self.boxes} boxes, {self.cells} regions>"


def chosen_class(outputs: tuple[Fraction, ...]) -> int:
    """Return the first of the largest outputs, as ``numpy.argmax`` does.

    Examples
    --------
    >>> chosen_class((Fraction(1), Fraction(2), Fraction(2)))
    1
    """
    return outputs.index(max(outputs))


@with_options(Threaded)
def equal_classes(
    first: NetworkLike,
    second: NetworkLike,
    domain: DomainLike,
    **how: Unpack[Threaded],
) -> ClassComparison:
    """Decide whether two networks choose the same class for every input of a domain.

    The class is the first of the largest outputs, as ``numpy.argmax`` has it: ties are no
    exception, and decided exactly.

    Parameters
    ----------
    first, second : Network, path or torch module
        Of as many inputs and as many outputs.
    domain : Box, Polytope, or one (lower, upper) per input
        The closed domain.
    threads : int
        The answer is the same for any number, the point may be another one.
    time_limit : float, optional
        Seconds, in which the networks are simplified as well; then the answer is None.
    progress : bool or callable, optional
        As of :func:`polyregions.verify`.
    on_interrupt : {"raise", "return"}
        Whether Ctrl-C raises or returns None as the answer.

    Returns
    -------
    ClassComparison

    Raises
    ------
    NetworkError
        If there is no network, or the two have different numbers of inputs or outputs.
    DomainError
        If the domain is no box or polytope of the networks' inputs.

    Notes
    -----
    *Algorithm.* Outputs of both are looked at side by side, and the differences of outputs as well.
    The networks disagree where, for some classes i and j, the first network chooses i and
    the second one has j before i: linear inequalities of both outputs, strict ones among them,
    decided as :func:`polyregions.verify` does. There the two differ in how far output j is above
    output i; a pair where :func:`polyregions.simplify` proves that they do not, such as that of a
    network and itself, is left out.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [-1.0]], [0, 0]), ([[1, 0], [0, 1]], [0, 0])])
    >>> box = pr.Box.cube(1, 1.0)
    >>> equal_classes(net, net.compose(pr.linear([[3, 0], [0, 3]])), box).equal
    True
    >>> apart = equal_classes(net, net.compose(pr.linear([[1, 0], [0, 0.5]])), box)
    >>> apart.equal
    True
    >>> apart = equal_classes(net, net.compose(pr.linear([[1, 0], [0, 1]], [0, 0.5])), box)
    >>> apart.equal, apart.classes
    (False, (0, 1))
    """
    first, second = network_given(first), network_given(second)
    options = options_given(Threaded, how)
    check_comparable(first, second)
    count = first.output_dimension
    ones, zeros = np.eye(count), np.zeros((count, count))
    outputs_and_differences = linear(np.block([[ones, zeros], [zeros, ones], [ones, -ones]]))
    both = compose(side_by_side(first, second), outputs_and_differences)
    within = bounded_domain(domain, both)
    both = simplify(both, within).network
    chosen = [tuple(_before(i, k, 0) for k in range(count) if k != i) for i in range(count)]
    sets = tuple(
        (*chosen[i], _before(j, i, count), _preferred(i, j, 2 * count))
        for i in range(count)
        for j in range(count)
        if i != j and not _same_output(both, 2 * count + i, 2 * count + j)
    )
    box = within.box
    rows = inequalities_of_inputs(within)
    case = Case(box.lower, box.upper, tuple((*one, *rows) for one in sets))
    verdict = verdict_of(both, (case,) if sets else (), options)
    found = verdict.counterexample
    return ClassComparison(
        {"holds": True, "violated": False, "unknown": None}[verdict.answer],
        None if found is None else found.point,
        () if found is None else found.outputs[:count],
        () if found is None else found.outputs[count : 2 * count],
        verdict.settled,
        verdict.boxes,
        verdict.cells,
    )


def _before(i: int, k: int, shift: int) -> OutputInequality:
    """Return that class i is chosen before class k: its output is larger, or equal if i < k."""
    return OutputInequality(_difference_of(k, i, shift), Fraction(0), strict=k < i)


def _preferred(i: int, j: int, shift: int) -> OutputInequality:
    """Return what follows for the differences of outputs, if the networks disagree on i and j.

    A bound on it is sharper than one on both.
    """
    return OutputInequality(_difference_of(j, i, shift), Fraction(0), strict=True)


def _difference_of(plus: int, minus: int, shift: int) -> Terms:
    signed = [(shift + plus, Fraction(1)), (shift + minus, Fraction(-1))]
    return tuple(sorted(signed))


def _same_output(network: Network, one: int, other: int) -> bool:
    """Return whether two outputs are written as the same function of the last hidden layer."""
    last = network.layers[-1]
    matrix: Any = last.matrix
    differing: Any = matrix[[one]] != matrix[[other]]  # the difference may overflow
    numbers = last.bias, last.lower, last.upper
    return not differing.sum() and all(of[one] == of[other] for of in numbers)
