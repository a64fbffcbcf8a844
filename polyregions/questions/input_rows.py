"""Inequalities of inputs: a network that passes inputs on beside its outputs makes them of outputs.

Nothing else has to learn of them: units that pass a value on do not bend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from scipy.sparse import csr_array

from polyregions.domain import Box, Polytope
from polyregions.domain.chart import check_dimension
from polyregions.errors import DomainError
from polyregions.network import Network
from polyregions.network.composition import linear, side_by_side
from polyregions.questions.property import Case, OutputInequality, OutputSet
from polyregions.run.given import DomainLike, domain_given

__all__ = ["beside_inputs", "bounded_domain", "case_in", "inequalities_of_inputs"]


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

    def moved(row: OutputInequality) -> OutputInequality:
        inputs = tuple((output[index], c) for index, c in row.inputs)
        return replace(row, coefficients=row.coefficients + inputs, inputs=())

    both = replace(side_by_side(network, linear(selected)), name=network.name)
    return both, tuple(tuple(map(moved, rows)) for rows in sets)
