"""What is asked of a network: never to map an input of a box into an unsafe set.

An unsafe set is a polyhedron of outputs, or of outputs and inputs. VNN-LIB files say all of that,
which is read in disjunctive form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, isfinite, lcm
from pathlib import Path
from typing import TypeAlias

import numpy as np

from polyregions.arrays import Floats, Point
from polyregions.errors import FormatError, PolyregionsError
from polyregions.files.reading import file_path, naming
from polyregions.geometry.witness import nearest_float
from polyregions.io.linear_terms import Inequality, Term, comparisons_of, letters, written
from polyregions.io.vnnlib import read_text, statements
from polyregions.network import Network

__all__ = [
    "Case",
    "Counterexample",
    "OutputInequality",
    "OutputSet",
    "Property",
    "Terms",
    "check_outputs",
    "check_property",
    "load_property",
    "read_property",
    "whole_factor",
]


# variables by their numbers, and what they are multiplied with
Terms: TypeAlias = tuple[tuple[int, Fraction], ...]

# what all assertions together may be multiplied out to
_MOST_CLAUSES = 20_000

_TRUE: _Clause = ((), ())


@dataclass(frozen=True)
class OutputInequality:
    """A sum of outputs, and perhaps of inputs, is at most `bound`, or below it if `strict`.

    Attributes
    ----------
    coefficients : tuple of (int, Fraction)
        Outputs and what they are multiplied with: by increasing output, none of them zero.
    bound : Fraction
    strict : bool
    inputs : tuple of (int, Fraction)
        Likewise of inputs. At least one coefficient stands here or there.
    """

    coefficients: Terms
    bound: Fraction
    strict: bool = False
    inputs: Terms = ()

    def excess(self, outputs: Sequence[Fraction], point: Sequence[Fraction] = ()) -> Fraction:
        """Return by how much the sum is more than the bound.

        Examples
        --------
        >>> OutputInequality(((0, Fraction(1)), (1, Fraction(-1))), Fraction(0)).excess([3, 1])
        Fraction(2, 1)
        """
        total = sum((c * outputs[index] for index, c in self.coefficients), Fraction(0))
        return sum((c * point[index] for index, c in self.inputs), total) - self.bound

    def holds(self, outputs: Sequence[Fraction], point: Sequence[Fraction] = ()) -> bool:
        """Return whether outputs, and the input that has them, satisfy the inequality.

        Examples
        --------
        >>> below = OutputInequality(((0, Fraction(1)),), Fraction(2), strict=True)
        >>> below.holds([1]), below.holds([2])
        (True, False)
        """
        excess = self.excess(outputs, point)
        return excess < 0 or (excess == 0 and not self.strict)


def whole_factor(numbers: Iterable[Fraction]) -> Fraction:
    """Return what makes numbers, not all of them zero, whole numbers without a common factor."""
    numbers = list(numbers)
    common = lcm(*(c.denominator for c in numbers))
    return Fraction(common, gcd(*(int(c * common) for c in numbers)))


# the outputs that satisfy all of some inequalities, with their inputs where these are named
OutputSet: TypeAlias = tuple[OutputInequality, ...]


@dataclass(frozen=True, eq=False)
class Case:
    """A closed box of inputs, and the unsafe sets that none of them may be mapped into.

    Attributes
    ----------
    lower, upper : numpy.ndarray of float64, shape (n,)
        A side may have no length.
    unsafe : tuple of OutputSet
    """

    lower: Floats
    upper: Floats
    unsafe: tuple[OutputSet, ...]


@dataclass(frozen=True, eq=False)
class Property:
    """A property holds if no input of any case is mapped into an unsafe set of that case.

    Attributes
    ----------
    cases : tuple of Case
        None at all if no input is described: then the property holds.
    inputs : int
    """

    cases: tuple[Case, ...]
    inputs: int


@dataclass(frozen=True)
class Counterexample:
    """An input that a property forbids, and what the network makes of it, exactly.

    Attributes
    ----------
    point : tuple of Fraction, length n
    outputs : tuple of Fraction
    """

    point: Point
    outputs: tuple[Fraction, ...]

    def __repr__(self) -> str:
        # fractions of hundreds of digits are nothing to look at
        point, outputs = (
            [nearest_float(x) for x in values] for values in (self.point, self.outputs)
        )
        return f"<Counterexample: {point}, with outputs {outputs}; exact in .point, .outputs>"


def check_property(property_: Property, network: Network) -> None:
    """Refuse a property that is not about the network.

    Raises
    ------
    PolyregionsError
        If it has another number of inputs, names an input or output that there is not, or has a
        case without sets or a set without inequalities.
    """
    if property_.inputs != network.input_dimension:
        raise PolyregionsError(
            f"the property declares {property_.inputs} inputs, the network has "
            f"{network.input_dimension}; give the property of this network"
        )
    sets = [unsafe for case in property_.cases for unsafe in case.unsafe]
    if not all(sets) or not all(case.unsafe for case in property_.cases):
        raise PolyregionsError(
            "a case of the property forbids no outputs, or all; give it at least one set of at "
            "least one inequality"
        )
    inputs = {index for rows in sets for row in rows for index, _ in row.inputs}
    if inputs and max(inputs) >= network.input_dimension:
        raise PolyregionsError(
            f"the property names the input X_{max(inputs)}, but the network reads "
            f"{network.input_dimension}, X_0 to X_{network.input_dimension - 1}"
        )
    check_outputs(sets, network)


def check_outputs(sets: Sequence[OutputSet], network: Network) -> None:
    """Refuse sets of outputs that a network does not have.

    Raises
    ------
    PolyregionsError
    """
    named = {index for rows in sets for row in rows for index, _ in row.coefficients}
    if named and max(named) >= network.output_dimension:
        raise PolyregionsError(
            f"the property names the output Y_{max(named)}, but the network has "
            f"{network.output_dimension} outputs, Y_0 to Y_{network.output_dimension - 1}"
        )


# one alternative: bounds of inputs, and other inequalities, that hold together
_Clause = tuple[tuple[Inequality, ...], tuple[OutputInequality, ...]]


def load_property(path: str | Path) -> Property:
    """Read a property from a VNN-LIB file.

    Parameters
    ----------
    path : str or Path
        Of version 1.0, or of 2.0 where the package ``vnnlib`` is installed. What it asserts is
        what a counterexample satisfies. Assertions are linear inequalities of inputs and
        outputs, strict or not, with ``and`` and ``or`` of any depth; each input is bounded by
        numbers.

    Returns
    -------
    Property

    Raises
    ------
    FormatError
        If the file is missing or malformed, names variables that it does not declare, leaves
        an input unbounded, has terms that are not linear, or says nothing of outputs.
    MissingExtraError
        If a file of version 2.0 is given and the package ``vnnlib`` is not installed.

    Examples
    --------
    >>> import tempfile
    >>> text = "(declare-const X_0 Real) (declare-const Y_0 Real)"
    >>> text += "(assert (>= X_0 0)) (assert (<= X_0 1)) (assert (or (>= Y_0 2) (<= Y_0 -2)))"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "bounded.vnnlib"
    ...     _ = file.write_text(text)
    ...     (case,) = load_property(file).cases
    >>> case.lower, case.upper, len(case.unsafe)
    (array([0.]), array([1.]), 2)
    """
    file = file_path(path)
    text = read_text(file)
    with naming(file):
        return read_property(text)


def read_property(text: str) -> Property:
    """Return the property that a text in VNN-LIB states; see :func:`load_property`.

    Notes
    -----
    Sides of boxes are the doubles nearest to the decimals; all other inequalities are exact.
    """
    said = statements(text)
    inputs = len(said.inputs)
    unsafe: dict[
        tuple[bytes, bytes], tuple[Floats, Floats, list[tuple[OutputInequality, ...]]]
    ] = {}
    for bounds, rows in _all_of(said.assertions):
        if not any(row.coefficients for row in rows):
            raise FormatError(
                "nothing is asserted of the outputs for some inputs; assert what a "
                "counterexample's outputs satisfy, such as (>= Y_0 1)"
            )
        if said.outputs:  # files of version 2 were checked where they were read
            _check_declared({i for row in rows for i, _ in row.coefficients}, said.outputs, "Y")
        inputs_named = [row.coefficients for row in bounds] + [row.inputs for row in rows]
        _check_declared({i for of in inputs_named for i, _ in of}, said.inputs, "X")
        box = _box(inputs, bounds)
        if box is not None:
            lower, upper = box
            key = lower.tobytes(), upper.tobytes()
            unsafe.setdefault(key, (lower, upper, []))[2].append(rows)
    cases = tuple(Case(lower, upper, tuple(sets)) for lower, upper, sets in unsafe.values())
    return Property(cases, inputs)


def _all_of(terms: Iterable[Term]) -> list[_Clause]:
    """Return the alternatives of terms that hold together."""
    clauses: list[_Clause] = [_TRUE]
    bounds: list[Inequality] = []
    rows: list[OutputInequality] = []
    for term in terms:
        found = _clauses(term)
        if len(found) == 1:  # holds in every alternative: written there once, at the end
            bounds += found[0][0]
            rows += found[0][1]
        else:
            clauses = _products(clauses, found, term)
    return [(a + tuple(bounds), b + tuple(rows)) for a, b in clauses]


def _clauses(term: Term) -> list[_Clause]:
    """Return the alternatives of a term."""
    head = term[0] if isinstance(term, tuple) and term else term
    if head == "or":
        return [clause for operand in term[1:] for clause in _clauses(operand)]
    if head == "and":
        return _all_of(term[1:])
    found = comparisons_of(term)
    if not found:
        of = {"X": "inputs", "XY": "inputs and outputs"}.get("".join(sorted(letters(term))))
        raise FormatError(
            f"the assertion {written(term)} is no linear inequality of {of or 'outputs'}"
        )
    bounds: list[Inequality] = []
    rows: list[OutputInequality] = []
    for row in found:
        inputs, outputs = (
            tuple((index, c) for (name, index), c in row.coefficients if name == letter)
            for letter in "XY"
        )
        bound = row.bound
        if len(inputs) == 1 and not outputs:
            bounds.append(Inequality(inputs, bound))
            if not row.strict:
                continue
            # beyond the side of the box, which is a double
            ((_, c),) = inputs
            side = nearest_float(bound / c)
            bound = c * Fraction(side) if isfinite(side) else bound
        rows.append(OutputInequality(outputs, bound, row.strict, inputs))
    return [(tuple(bounds), tuple(rows))]


def _products(left: list[_Clause], right: list[_Clause], term: Term) -> list[_Clause]:
    if len(left) * len(right) > _MOST_CLAUSES:
        raise FormatError(
            f"the assertions have more than {_MOST_CLAUSES:,} alternatives, at {written(term)}; "
            f"split the property"
        )
    return [(a + c, b + d) for a, b in left for c, d in right]


def _check_declared(named: set[int], declared: Iterable[int], letter: str) -> None:
    missing = named.difference(declared)
    if missing:
        raise FormatError(f"{letter}_{min(missing)} is used but not declared")


def _box(inputs: int, bounds: Iterable[Inequality]) -> tuple[Floats, Floats] | None:
    """Return the sides of a box, or None if no point satisfies the bounds."""
    lower: list[Fraction | None] = [None] * inputs
    upper: list[Fraction | None] = [None] * inputs
    for row in bounds:
        ((index, sign),), bound = row.scaled
        side, value, sharper = (upper, bound, min) if sign > 0 else (lower, -bound, max)
        known = side[index]
        side[index] = value if known is None else sharper(known, value)
    low = list(_side_floats(lower, "lower"))
    high = list(_side_floats(upper, "upper"))
    # compared as they are written: two sides that differ may have one float
    ends = zip(lower, upper, strict=True)
    if any(a is not None and b is not None and a > b for a, b in ends):
        return None
    return np.array(low), np.array(high)


def _side_floats(side: list[Fraction | None], name: str) -> Iterator[float]:
    for index, value in enumerate(side):
        if value is None:
            raise FormatError(
                f"input X_{index} has no {name} bound; assert one, properties are about boxes"
            )
        try:
            yield float(value)
        except OverflowError:
            raise FormatError(f"the {name} bound of X_{index} is too large for a float") from None
