"""Inequalities of inputs: a network that passes inputs on beside its outputs makes them of outputs.

Nothing else has to learn of them: units that pass a value on do not bend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from scipy.sparse import csr_array

from polyregions.domain import Box, Polytope
from polyregions.domain.chart import check_dimension
from polyregions.errors import DomainError
from polyregions.network import Network
from polyregions.network.composition import linear, side_by_side
from polyregions.network.slices import Slice
from polyregions.questions.property import Case, OutputInequality, OutputSet
from polyregions.run.given import DomainLike, domain_given

__all__ = [
    "beside_inputs",
    "bounded_domain",
    "box_given",
    "case_in",
    "inequalities_of_inputs",
    "on_slice",
]


def bounded_domain(domain: DomainLike, network: Network) -> Box | Polytope:
    """Return the box or polytope that a caller means, of the network's inputs.

    Raises
    ------
    DomainError
        If it is another domain, or has another number of inputs.
    """
    found = domain_given(domain, network.input_dimension)
    if found is None:
        raise DomainError(
            "this is asked in a box or polytope, not in the whole space: give one of them"
        )
    check_dimension(found, network.input_dimension)
    return found


def box_given(domain: DomainLike, network: Network, what: str) -> Box:
    """Return the box that a caller means, of the network's inputs.

    Parameters
    ----------
    domain : Box, or one (lower, upper) per input
    network : Network
    what : str
        What is done in the box, in the message of an error.

    Raises
    ------
    DomainError
        If it is another domain, or has another number of inputs.
    """
    box = domain_given(domain, network.input_dimension)
    if not isinstance(box, Box):
        kind = "the whole space" if box is None else "a polytope"
        raise DomainError(f"{what} in a box, not in {kind}: give a box")
    check_dimension(box, network.input_dimension)
    return box


def inequalities_of_inputs(domain: Box | Polytope) -> OutputSet:
    """Return what a closed domain says of inputs beyond its box.

    Examples
    --------
    >>> from polyregions import Polytope
    >>> (row,) = inequalities_of_inputs(Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1]))
    >>> [(index, str(c)) for index, c in row.inputs], str(row.bound)
    ([(0, '1'), (1, '1')], '1')
    """
    if isinstance(domain, Box):
        return ()
    rows = []
    sides = domain.box.lower.tolist(), domain.box.upper.tolist()
    for normal, bound in zip(domain.A.tolist(), domain.b.tolist(), strict=True):
        terms = tuple((index, Fraction(c)) for index, c in enumerate(normal) if c)
        if len(terms) == 1:
            ((index, c),) = terms
            if c * Fraction(sides[c > 0][index]) <= Fraction(bound):
                continue
        rows.append(OutputInequality((), Fraction(bound), inputs=terms))
    return tuple(rows)


def case_in(case: Case, domain: Box | Polytope) -> Case | None:
    """Return what a case says of the inputs in a closed domain, or None if there are none.

    Examples
    --------
    >>> case = Case(np.array([0.0]), np.array([2.0]), ())
    >>> case_in(case, Box([1.0], [3.0])).lower, case_in(case, Box([3.0], [4.0]))
    (array([1.]), None)
    """
    lower = np.maximum(case.lower, domain.box.lower)
    upper = np.minimum(case.upper, domain.box.upper)
    if (lower > upper).any():
        return None
    rows = inequalities_of_inputs(domain)
    return Case(lower, upper, tuple((*unsafe, *rows) for unsafe in case.unsafe))


def on_slice(
    network: Network, cases: Sequence[Case], place: Slice
) -> tuple[Network, tuple[Case, ...]]:
    """Return a network of a slice's coordinates, and what cases say of the inputs on the slice.

    Parameters
    ----------
    network : Network
    cases : sequence of Case
        Of the network's inputs.
    place : Slice
        With a bounded window.

    Returns
    -------
    Network
        Its outputs on the slice, then all its inputs there.
    cases : tuple of Case

    Raises
    ------
    DomainError
        If the slice has no window.
    NetworkError
        If it is one of other inputs.

    Examples
    --------
    >>> from polyregions import Line
    >>> net = Network.from_arrays([([[2.0, 1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> line = Line.through([0.0, 0.0], [0.0, 4.0], margin=1.0)
    >>> both, (case,) = on_slice(net, [Case(np.zeros(2), np.full(2, 3.0), ((),))], line)
    >>> both.forward([1.0]), case.lower, len(case.unsafe[0])
    (array([3., 0., 3.]), array([-2.]), 4)
    """
    outputs = network.output_dimension
    output = {i: outputs + i for i in range(network.input_dimension)}
    both = side_by_side(place.restrict(network), linear(place.basis, place.origin))
    window = bounded_domain(place.domain, both)
    found = []
    for case in cases:
        sides = [
            OutputInequality(((place, Fraction(sign)),), sign * Fraction(float(side[i])))
            for sign, side in ((1, case.upper), (-1, case.lower))
            for i, place in output.items()
        ]
        unsafe = tuple(
            (*(_of_outputs(row, output) for row in rows), *sides) for rows in case.unsafe
        )
        one = case_in(Case(window.box.lower, window.box.upper, unsafe), window)
        assert one is not None
        found.append(one)
    return both, tuple(found)


def beside_inputs(
    network: Network, sets: Sequence[OutputSet]
) -> tuple[Network, tuple[OutputSet, ...]]:
    """Return a network and sets of its outputs that say what sets of outputs and inputs do.

    Parameters
    ----------
    network : Network
    sets : sequence of OutputSet

    Returns
    -------
    Network
        Its outputs, then the inputs that the sets name; the network itself if they name none.
    sets : tuple of OutputSet

    Examples
    --------
    >>> net = Network.from_arrays([([[2.0, 1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> below = OutputInequality(((0, Fraction(1)),), Fraction(0), inputs=((1, Fraction(-1)),))
    >>> both, ((row,),) = beside_inputs(net, [(below,)])
    >>> both.forward([3.0, 4.0]), row.inputs, [index for index, _ in row.coefficients]
    (array([10.,  4.]), (), [0, 1])
    """
    named = sorted({index for rows in sets for row in rows for index, _ in row.inputs})
    if not named:
        return network, tuple(sets)
    places = np.arange(len(named))
    shape = len(named), network.input_dimension
    selected = csr_array((np.ones(len(named)), (places, named)), shape=shape)
    output = {index: network.output_dimension + place for place, index in enumerate(named)}
    both = replace(side_by_side(network, linear(selected)), name=network.name)
    return both, tuple(tuple(_of_outputs(row, output) for row in rows) for rows in sets)


def _of_outputs(row: OutputInequality, output: Mapping[int, int]) -> OutputInequality:
    """Return an inequality of outputs, some of which are the inputs that it names."""
    inputs = tuple((output[index], c) for index, c in row.inputs)
    return replace(row, coefficients=row.coefficients + inputs, inputs=())
