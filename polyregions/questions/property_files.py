"""Properties of VNN-LIB files: all that is said of inputs and outputs, in disjunctive form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import isfinite
from pathlib import Path

import numpy as np

from polyregions.arrays import Floats
from polyregions.errors import FormatError
from polyregions.files.reading import file_path, naming
from polyregions.geometry.witness import nearest_float
from polyregions.io.linear_terms import Inequality, Term, comparisons_of, letters, written
from polyregions.io.vnnlib import read_text, statements
from polyregions.questions.property import Case, OutputInequality, Property

__all__ = ["load_property", "read_property"]

# what all assertions together may be multiplied out to
_MOST_CLAUSES = 20_000

# one alternative: bounds of inputs, and other inequalities, that hold together
_Clause = tuple[tuple[Inequality, ...], tuple[OutputInequality, ...]]
_TRUE: _Clause = ((), ())


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
    clauses = [_TRUE]
    for term in said.assertions:
        clauses = _products(clauses, _clauses(term), term)
    inputs = len(said.inputs)
    unsafe: dict[
        tuple[bytes, bytes], tuple[Floats, Floats, list[tuple[OutputInequality, ...]]]
    ] = {}
    for bounds, rows in clauses:
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


def _clauses(term: Term) -> list[_Clause]:
    """Return the alternatives of a term."""
    head = term[0] if isinstance(term, tuple) and term else term
    if head == "or":
        return [clause for operand in term[1:] for clause in _clauses(operand)]
    if head == "and":
        clauses = [_TRUE]
        for operand in term[1:]:
            clauses = _products(clauses, _clauses(operand), operand)
        return clauses
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
