"""Input boxes of VNN-LIB 1.0 files.

VNN-LIB is written in SMT-LIB 2 syntax: parenthesised terms over inputs X_0,
X_1, … and outputs Y_0, Y_1, …. Only the bounds of the inputs are used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from polyregions.domain import Box
from polyregions.errors import DomainError, FormatError
from polyregions.io.files import read_bytes

__all__ = ["BoxFile", "load_box"]

Term: TypeAlias = "str | tuple[Term, ...]"

_MAX_BYTES = 2**26
_MAX_DEPTH = 100
_MAX_NOTES = 20
_MAX_NOTE_LENGTH = 200

_TOKEN = re.compile(r'\s+|;[^\n]*|(?P<token>[()]|\|[^|]*\||"[^"]*"|[^\s();"|]+)')
_NUMBER = re.compile(r"[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,6})?\Z", re.ASCII)
_VARIABLE = re.compile(r"([XY])_(0|[1-9]\d{0,8})\Z", re.ASCII)
# commands that say nothing about the box
_IGNORED = frozenset({"set-logic", "set-info", "set-option", "check-sat", "get-model", "exit"})


@dataclass(frozen=True)
class BoxFile:
    """The box of a file, and what else the file asked for.

    Parameters
    ----------
    box : Box
    notes : tuple of str
        One sentence for each ignored constraint on the outputs, at most 21.
    """

    box: Box
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Bounds:
    """Bounds by input index; a missing one is infinite."""

    lower: Mapping[int, float]
    upper: Mapping[int, float]

    def tightened(self, other: _Bounds) -> _Bounds:
        lower, upper = dict(self.lower), dict(self.upper)
        for index, value in other.lower.items():
            lower[index] = max(value, lower.get(index, -math.inf))
        for index, value in other.upper.items():
            upper[index] = min(value, upper.get(index, math.inf))
        return _Bounds(lower, upper)


_FREE = _Bounds({}, {})


def load_box(path: str | Path) -> BoxFile:
    """Read the input box of a VNN-LIB 1.0 file.

    Parameters
    ----------
    path : str or Path
        Declares inputs ``X_0, X_1, …`` and asserts bounds such as
        ``(<= X_0 0.5)``, also inside ``and``. Of several bounds the tightest
        counts. A decimal number means the double nearest to it.

    Returns
    -------
    BoxFile
        The box, and a note for each constraint on outputs, which is ignored.

    Raises
    ------
    FormatError
        If the file is missing or malformed, an input lacks a bound, or the
        inputs are described by anything but one box.
    DomainError
        If the bounds contradict each other or fix every input.

    Notes
    -----
    Strict and weak inequalities give the same box, because regions are counted
    in the open box. A disjunction is accepted if all its cases bound the inputs
    alike, for then it only concerns the outputs.

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
    file = Path(path)
    data = read_bytes(file, _MAX_BYTES)
    try:
        return _read(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise FormatError(f"{file} is not a text file; give a VNN-LIB 1.0 file") from None
    except (FormatError, DomainError) as error:
        raise type(error)(f"{file}: {error}") from None


def _read(text: str) -> BoxFile:
    inputs: set[int] = set()
    bounds = _FREE
    notes: list[str] = []
    ignored = 0
    for term in _terms(text):
        command = term[0] if isinstance(term, tuple) and term else term
        if command in ("declare-const", "declare-fun"):
            index = _declared_input(term)
            if index is not None:
                inputs.add(index)
        elif command == "assert" and len(term) == 2:
            found = _bounds(term[1])
            bounds = bounds.tightened(found)
            outputs = _output_constraints(term[1])
            ignored += len(outputs)
            notes += [f"ignored the output constraint {_text(t)}" for t in outputs[:_MAX_NOTES]]
        elif command not in _IGNORED:
            raise FormatError(
                f"{_text(term)} is not a command of VNN-LIB 1.0; use declare-const and assert only"
            )
    if ignored > _MAX_NOTES:
        notes[_MAX_NOTES:] = [f"ignored {ignored - _MAX_NOTES} further output constraints"]
    return BoxFile(_box(inputs, bounds), tuple(notes))


def _box(inputs: set[int], bounds: _Bounds) -> Box:
    if not inputs:
        raise FormatError("no input is declared; declare X_0, X_1, … with declare-const")
    for index in range(len(inputs)):
        if index not in inputs:
            raise FormatError(f"input X_{index} is not declared, though X_{max(inputs)} is")
    for side, given in (("lower", bounds.lower), ("upper", bounds.upper)):
        undeclared = given.keys() - inputs
        if undeclared:
            raise FormatError(f"input X_{min(undeclared)} is bounded but not declared")
        missing = sorted(inputs - given.keys())
        if missing:
            also = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise FormatError(
                f"input X_{missing[0]}{also} has no {side} bound; assert one for a bounded box"
            )
    for index in sorted(inputs):
        if bounds.lower[index] > bounds.upper[index]:
            raise DomainError(
                f"the bounds of X_{index} contradict each other: at least {bounds.lower[index]!s} "
                f"and at most {bounds.upper[index]!s}"
            )
    order = range(len(inputs))
    return Box([bounds.lower[i] for i in order], [bounds.upper[i] for i in order])


# --- syntax ------------------------------------------------------------------


def _terms(text: str) -> Iterator[Term]:
    """Yield the top-level terms: tokens, and tuples for parentheses.

    *Algorithm*: a stack of open lists, so that depth costs no recursion.
    """
    stack: list[list[Term]] = []
    for token in _tokens(text):
        if token == "(":
            stack.append([])
            if len(stack) > _MAX_DEPTH:
                raise FormatError(f"parentheses are nested deeper than {_MAX_DEPTH}")
            continue
        if token == ")" and not stack:
            raise FormatError("there is a closing parenthesis too many")
        term: Term = tuple(stack.pop()) if token == ")" else token
        if stack:
            stack[-1].append(term)
        else:
            yield term
    if stack:
        raise FormatError("a parenthesis is not closed; the file may be truncated")


def _tokens(text: str) -> Iterator[str]:
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise FormatError(f"the quote at character {place} is not closed")
        if match["token"]:
            yield match["token"]
        place = match.end()


def _text(term: Term) -> str:
    """Write a term, shortened."""
    pieces: list[str] = []
    length = 0
    pending: list[Term] = [term]
    while pending and length <= _MAX_NOTE_LENGTH:
        current = pending.pop()
        if isinstance(current, str):
            pieces.append(current)
            length += len(current) + 1
        else:
            pieces.append("(")
            pending.append(")")
            # what lies beyond the shortened text need not be visited
            pending.extend(reversed(current[:_MAX_NOTE_LENGTH]))
    text = " ".join(pieces).replace("( ", "(").replace(" )", ")")
    return text if len(text) <= _MAX_NOTE_LENGTH else text[: _MAX_NOTE_LENGTH - 1] + "…"


# --- meaning -----------------------------------------------------------------


def _declared_input(term: Term) -> int | None:
    well_formed = (
        isinstance(term, tuple)
        and len(term) == (3 if term[0] == "declare-const" else 4)
        and term[-1] == "Real"
        and (len(term) == 3 or term[2] == ())
    )
    match = _VARIABLE.match(term[1]) if well_formed and isinstance(term[1], str) else None
    if match is None:
        raise FormatError(f"{_text(term)} does not declare a Real named X_i or Y_i")
    return int(match[2]) if match[1] == "X" else None


def _letters(term: Term) -> frozenset[str]:
    """Return which of the letters X and Y stand in a term."""
    found: set[str] = set()
    pending = [term]
    while pending:
        current = pending.pop()
        if isinstance(current, tuple):
            pending.extend(current)
        elif match := _VARIABLE.match(current):
            found.add(match[1])
    return frozenset(found)


def _bounds(term: Term) -> _Bounds:
    """Return the bounds of inputs that an asserted term implies."""
    letters = _letters(term)
    if letters == {"Y"}:
        return _FREE
    if not isinstance(term, tuple) or not term or not letters:
        raise FormatError(f"the assertion {_text(term)} is not a bound of an input")
    head, operands = term[0], term[1:]
    if head == "and":
        bounds = _FREE
        for operand in operands:
            bounds = bounds.tightened(_bounds(operand))
        return bounds
    if head == "or":
        cases = [_bounds(operand) for operand in operands]
        if any(case != cases[0] for case in cases):
            raise FormatError(
                f"a disjunction of {len(cases)} cases describes several input boxes; "
                "put each box in a file of its own"
            )
        return cases[0]
    return _comparison(term)


def _output_constraints(term: Term) -> list[Term]:
    """Return the parts of an asserted term that constrain outputs."""
    letters = _letters(term)
    if "Y" not in letters:
        return []
    if letters == {"Y"} or not isinstance(term, tuple) or term[0] != "and":
        return [term]
    return [part for operand in term[1:] for part in _output_constraints(operand)]


def _comparison(term: tuple[Term, ...]) -> _Bounds:
    if len(term) == 3 and term[0] in ("<=", ">=", "<", ">", "="):
        left, right = term[1], term[2]
        relation = str(term[0]).rstrip("=") or "="
        if _number(left) is not None:
            left, right = right, left
            relation = {"<": ">", ">": "<", "=": "="}[relation]
        value = _number(right)
        match = _VARIABLE.match(left) if isinstance(left, str) else None
        if value is not None and match is not None:
            bound = {int(match[2]): value}
            return _Bounds(bound if relation in ">=" else {}, bound if relation in "<=" else {})
    raise FormatError(
        f"the assertion {_text(term)} is not a bound of one input by a number, "
        "so the inputs do not form a box"
    )


def _number(term: Term) -> float | None:
    """Return the value of a numeral, a decimal, or (- number)."""
    if isinstance(term, tuple):
        negated = _number(term[1]) if len(term) == 2 and term[0] == "-" else None
        return None if negated is None else -negated
    if not _NUMBER.match(term):
        return None
    value = float(term)
    if not math.isfinite(value):
        raise FormatError(f"the number {term[:40]} is too large")
    return value
