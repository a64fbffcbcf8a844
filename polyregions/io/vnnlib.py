"""Input domains of VNN-LIB files.

VNN-LIB is written in SMT-LIB 2 syntax: parenthesised terms over inputs X_0,
X_1, … and outputs Y_0, Y_1, …. Only what is said of the inputs is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from polyregions.domain import Box, Domain, Polytope
from polyregions.errors import DomainError, FormatError
from polyregions.files.reading import file_path, naming, read_bytes, unpacked
from polyregions.io.linear_terms import (
    INPUT_OR_OUTPUT,
    Direction,
    Inequality,
    Term,
    inequalities_of,
    is_version_2,
    letters,
    terms,
    terms_of_version_2,
    written,
)

__all__ = [
    "BoxFile",
    "DomainFile",
    "Statements",
    "load_box",
    "load_domain",
    "read_text",
    "statements",
]

_MAX_BYTES = 2**26
_MAX_NOTES = 20
# the box of a polytope takes time that grows with the cube of its inputs: here some 15 s
_MAX_POLYTOPE_INPUTS = 128
# commands that say nothing about the inputs
_IGNORED_COMMANDS = frozenset(
    {"set-logic", "set-info", "set-option", "check-sat", "get-model", "exit"}
)

# the tightest inequality of each direction
_Sides = dict[Direction, Inequality]


@dataclass(frozen=True)
class DomainFile:
    """The input domain of a file, and what else the file asked for.

    Parameters
    ----------
    domain : Box or Polytope
    notes : tuple of str
        One sentence for each ignored constraint on the outputs, at most 21.
    """

    domain: Domain
    notes: tuple[str, ...]


@dataclass(frozen=True)
class BoxFile:
    """The input box of a file, and what else the file asked for.

    Parameters
    ----------
    box : Box
    notes : tuple of str
        One sentence for each ignored constraint on the outputs, at most 21.
    """

    box: Box
    notes: tuple[str, ...]


def load_box(path: str | Path) -> BoxFile:
    """Read the input box of a VNN-LIB file; see :func:`load_domain`.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    BoxFile
        Its ``box`` and ``notes``.

    Raises
    ------
    FormatError
        If the file is missing or malformed, an input lacks a bound, or the inputs
        are described by anything but one domain.
    DomainError
        If the bounds contradict each other or fix every input, or if the domain is a
        polytope and no box.

    Examples
    --------
    >>> import tempfile
    >>> text = "(declare-const X_0 Real) (assert (and (>= X_0 0) (<= X_0 0.5))) ; a box"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "box.vnnlib"
    ...     _ = file.write_text(text)
    ...     load_box(file).box
    Box.interval(1, 0.0, 0.5)
    """
    found = load_domain(path)
    if not isinstance(found.domain, Box):
        raise DomainError(f"{path}: the inputs form a polytope and no box; use load_domain")
    return BoxFile(found.domain, found.notes)


def load_domain(path: str | Path) -> DomainFile:
    """Read the input domain of a VNN-LIB file.

    Parameters
    ----------
    path : str or Path
        Of version 1.0: declares inputs ``X_0, X_1, …`` and asserts linear inequalities
        such as ``(<= X_0 0.5)`` or ``(<= (+ X_0 (* 2 X_1)) 1)``, also inside ``and``.
        Files of version 2.0 are read through the package ``vnnlib``; the entries of
        their one input, in C order, are then the inputs. A file that starts with the
        gzip mark is unpacked.

    Returns
    -------
    DomainFile
        A box where each inequality bounds one input, else a polytope; and a note for
        each constraint on outputs, which is ignored.

    Raises
    ------
    FormatError
        If the file is missing or malformed, an input of a box lacks a bound, or the
        inputs are described by anything but one box or polytope.
    DomainError
        If the inequalities contradict each other, fix every input, or make a polytope
        that :class:`~polyregions.domain.Polytope` refuses.
    MissingExtraError
        If a file of version 2.0 is given and the package ``vnnlib`` is not installed.

    Notes
    -----
    Numbers are added and multiplied as the decimals that they are, and each number of
    the domain is the double nearest to the result. Of several bounds the tightest
    counts. Strict and weak inequalities give the same domain, because regions are
    counted in the open one. A disjunction is accepted if all its cases say the same of
    the inputs, for then it only concerns the outputs.

    Examples
    --------
    >>> import tempfile
    >>> text = (
    ...     "(declare-const X_0 Real) (declare-const X_1 Real)"
    ...     "(assert (>= X_0 0)) (assert (>= X_1 0)) (assert (<= (+ X_0 X_1) 1))"
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "triangle.vnnlib"
    ...     _ = file.write_text(text)
    ...     load_domain(file).domain
    Polytope([[-1.0, 0.0], [0.0, -1.0], [1.0, 1.0]], [0.0, 0.0, 1.0])
    """
    file = file_path(path)
    text = read_text(file)
    with naming(file):
        return _domain_of_statements(statements(text))


def read_text(file: Path) -> str:
    """Return the text of a file, unpacked where it starts with the gzip mark."""
    data = unpacked(read_bytes(file, _MAX_BYTES), str(file), _MAX_BYTES)
    with naming(file):
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise FormatError("it is not a text file; give a VNN-LIB file") from None


class Statements(NamedTuple):
    """What a file says: the variables that it declares, and its assertions.

    Attributes
    ----------
    inputs, outputs : frozenset of int
        Outputs are declared in files of version 1.0 only.
    assertions : tuple of Term
    """

    inputs: frozenset[int]
    outputs: frozenset[int]
    assertions: tuple[Term, ...]


def statements(text: str) -> Statements:
    """Return the declarations and assertions of a file of either version.

    Raises
    ------
    FormatError
        If it is malformed, or has other commands.

    Examples
    --------
    >>> statements("(declare-const X_0 Real) (assert (<= X_0 1))").assertions
    (('<=', 'X_0', '1'),)
    """
    declared: set[tuple[str, int]] = set()
    assertions: list[Term] = []
    for term in terms_of_version_2(text) if is_version_2(text) else terms(text):
        command = term[0] if isinstance(term, tuple) and term else term
        if command in ("declare-const", "declare-fun"):
            declared.add(_declared_variable(term))
        elif command == "assert" and len(term) == 2:
            assertions.append(term[1])
        elif command not in _IGNORED_COMMANDS:
            raise FormatError(
                f"{written(term)} is not a command of VNN-LIB 1.0; "
                f"use declare-const and assert only"
            )
    of = {letter: frozenset(i for name, i in declared if name == letter) for letter in "XY"}
    _check_inputs(of["X"])
    return Statements(of["X"], of["Y"], tuple(assertions))


def _check_inputs(inputs: frozenset[int]) -> None:
    if not inputs:
        raise FormatError("no input is declared; declare X_0, X_1, … with declare-const")
    for index in range(len(inputs)):
        if index not in inputs:
            raise FormatError(f"input X_{index} is not declared, though X_{max(inputs)} is")


def _domain_of_statements(said: Statements) -> DomainFile:
    found: _Sides = {}
    notes: list[str] = []
    ignored = 0
    for term in said.assertions:
        _note_bounds(term, found)
        outputs = _output_constraints(term)
        ignored += len(outputs)
        notes += [f"ignored the output constraint {written(t)}" for t in outputs[:_MAX_NOTES]]
    if ignored > _MAX_NOTES:
        notes[_MAX_NOTES:] = [f"ignored {ignored - _MAX_NOTES} further output constraints"]
    return DomainFile(_domain_of_bounds(said.inputs, found), tuple(notes))


def _declared_variable(term: Term) -> tuple[str, int]:
    well_formed = (
        isinstance(term, tuple)
        and len(term) == (3 if term[0] == "declare-const" else 4)
        and term[-1] == "Real"
        and (len(term) == 3 or term[2] == ())
    )
    match = INPUT_OR_OUTPUT.match(term[1]) if well_formed and isinstance(term[1], str) else None
    if match is None:
        raise FormatError(f"{written(term)} does not declare a Real named X_i or Y_i")
    return match[1], int(match[2])


# --- what is asserted ---------------------------------------------------------


def _note_bounds(term: Term, found: _Sides) -> None:
    """Tighten what is known by what an asserted term says of the inputs."""
    named = letters(term)
    if named == {"Y"}:
        return
    if not isinstance(term, tuple) or not term or not named:
        raise FormatError(f"the assertion {written(term)} is no linear inequality of inputs")
    head, operands = term[0], term[1:]
    if head == "and":
        for operand in operands:
            _note_bounds(operand, found)
    elif head == "or":
        cases: list[_Sides] = []
        for operand in operands:
            case: _Sides = {}
            _note_bounds(operand, case)
            cases.append(case)
        if any(_bounds(case) != _bounds(cases[0]) for case in cases):
            raise FormatError(
                f"a disjunction of {len(cases)} cases describes several input domains; "
                "put each of them in a file of its own"
            )
        _tighten(found, cases[0].values())
    else:
        _tighten(found, inequalities_of(term))


def _tighten(found: _Sides, rows: Iterable[Inequality]) -> None:
    for row in rows:
        direction, bound = row.scaled
        if direction not in found or bound < found[direction].scaled[1]:
            found[direction] = row


def _bounds(found: _Sides) -> dict[Direction, Fraction]:
    return {direction: row.scaled[1] for direction, row in found.items()}


def _output_constraints(term: Term) -> list[Term]:
    """Return the parts of an asserted term that constrain outputs."""
    named = letters(term)
    if "Y" not in named:
        return []
    if named == {"Y"} or not isinstance(term, tuple) or term[0] not in ("and", "or"):
        return [term]
    parts = [_output_constraints(operand) for operand in term[1:]]
    if term[0] == "and":
        return [part for found in parts for part in found]
    # what a case says of the inputs has been used; one that says no more is true
    if not all(parts):
        return []
    return [("or", *(part[0] if len(part) == 1 else ("and", *part) for part in parts))]


# --- the domain ---------------------------------------------------------------


def _domain_of_bounds(inputs: frozenset[int], found: _Sides) -> Domain:
    undeclared = {index for direction in found for index, _ in direction} - inputs
    if undeclared:
        raise FormatError(f"input X_{min(undeclared)} is bounded but not declared")
    _check_bounds(found)
    if all(len(direction) == 1 for direction in found):
        return _box_of_bounds(len(inputs), found)
    return _polytope(len(inputs), found)


def _check_bounds(found: _Sides) -> None:
    """Refuse bounds of one input that contradict each other."""
    for direction, row in found.items():
        opposite = found.get(tuple((index, -c) for index, c in direction))
        if len(direction) == 1 and opposite is not None and direction[0][1] > 0:
            low, high = -opposite.scaled[1], row.scaled[1]
            if low > high:
                raise DomainError(
                    f"the bounds of X_{direction[0][0]} contradict each other: at least "
                    f"{_float(low)!s} and at most {_float(high)!s}"
                )


def _box_of_bounds(count: int, found: _Sides) -> Box:
    sides = []
    for sign, side in ((-1, "lower"), (1, "upper")):
        rows = [found.get(((index, Fraction(sign)),)) for index in range(count)]
        missing = [index for index, row in enumerate(rows) if row is None]
        if missing:
            also = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise FormatError(
                f"input X_{missing[0]}{also} has no {side} bound; assert one for a bounded box"
            )
        sides.append([_float(sign * row.scaled[1]) for row in rows if row is not None])
    return Box(*sides)


def _polytope(count: int, found: _Sides) -> Polytope:
    if count > _MAX_POLYTOPE_INPUTS:
        raise DomainError(
            f"a polytope of {count} inputs is too large, at most {_MAX_POLYTOPE_INPUTS} are "
            f"allowed; bound each input by numbers, or look at a slice of the network"
        )
    for direction, row in found.items():
        opposite = found.get(tuple((index, -c) for index, c in direction))
        if opposite is not None and opposite.scaled[1] == -row.scaled[1]:
            names = ", ".join(f"X_{index}" for index, _ in direction[:5])
            raise DomainError(
                f"an equality of {names} leaves a polytope without interior; fix inputs of the "
                f"network (--fix) or look at a slice of it, and leave them out of the polytope"
            )
    matrix = np.zeros((len(found), count))
    for place, row in enumerate(found.values()):
        for index, coefficient in row.coefficients:
            matrix[place, index] = _float(coefficient)
    return Polytope(matrix, [_float(row.bound) for row in found.values()])


def _float(number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        raise FormatError("a number is too large for a float; scale its inequality") from None
