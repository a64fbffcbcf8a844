"""Linear expressions in text, and what an assertion of VNN-LIB says of the inputs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TypeAlias

from polyregions.errors import FormatError

__all__ = [
    "INPUT_OR_OUTPUT",
    "MAX_DEPTH",
    "Direction",
    "Inequality",
    "Term",
    "inequalities_of",
    "letters",
    "terms",
    "written",
]

Term: TypeAlias = "str | tuple[Term, ...]"

# what reads terms by recursion relies on it
MAX_DEPTH = 100
_MAX_LENGTH = 200

_TOKEN = re.compile(r'\s+|;[^\n]*|(?P<token>[()]|\|[^|]*\||"[^"]*"|[^\s();"|]+)')


def terms(text: str) -> Iterator[Term]:
    """Yield the top-level terms: tokens, and tuples for parentheses.

    Raises
    ------
    FormatError
        If a parenthesis or quote is not closed, or parentheses are nested too deep.

    Notes
    -----
    *Algorithm*: a stack of open lists, so that depth costs no recursion.

    Examples
    --------
    >>> list(terms("(<= X_0 0.5) ; a bound"))
    [('<=', 'X_0', '0.5')]
    """
    stack: list[list[Term]] = []
    for token in _tokens(text):
        if token == "(":
            stack.append([])
            if len(stack) > MAX_DEPTH:
                raise FormatError(f"parentheses are nested deeper than {MAX_DEPTH}")
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


def written(term: Term) -> str:
    """Write a term, shortened to 200 characters.

    Examples
    --------
    >>> written(("<=", "Y_0", ("-", "1")))
    '(<= Y_0 (- 1))'
    """
    pieces: list[str] = []
    length = 0
    pending: list[Term] = [term]
    while pending and length <= _MAX_LENGTH:
        current = pending.pop()
        if isinstance(current, str):
            pieces.append(current)
            length += len(current) + 1
        else:
            pieces.append("(")
            pending.append(")")
            # what lies beyond the shortened text need not be visited
            pending.extend(reversed(current[:_MAX_LENGTH]))
    text = " ".join(pieces).replace("( ", "(").replace(" )", ")")
    return text if len(text) <= _MAX_LENGTH else text[: _MAX_LENGTH - 1] + "…"


Direction = tuple[tuple[int, Fraction], ...]

INPUT_OR_OUTPUT = re.compile(r"([XY])_(0|[1-9]\d{0,8})\Z", re.ASCII)
_NUMERAL = re.compile(r"[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,6})?\Z", re.ASCII)
_RELATIONS = {"<=": (1,), "<": (1,), ">=": (-1,), ">": (-1,), "=": (1, -1)}
# binary digits that a sum or product of the file's numbers may have
_MAX_BITS = 10_000


@dataclass(frozen=True)
class Inequality:
    """The inequality: sum of coefficient * X_i over `coefficients` is at most `bound`.

    Parameters
    ----------
    coefficients : tuple of (int, Fraction)
        By increasing input, at least one, none of them zero.
    bound : Fraction
    """

    coefficients: Direction
    bound: Fraction

    @cached_property
    def scaled(self) -> tuple[Direction, Fraction]:
        """The coefficients and the bound, divided by the size of the first coefficient."""
        lead = abs(self.coefficients[0][1])
        if lead == 1:
            return self.coefficients, self.bound
        return tuple((index, c / lead) for index, c in self.coefficients), self.bound / lead


@dataclass
class _Sum:
    """A linear expression that is being added up."""

    coefficients: dict[int, Fraction]
    constant: Fraction


def letters(term: Term) -> frozenset[str]:
    """Return which of the letters X (inputs) and Y (outputs) stand in a term.

    Examples
    --------
    >>> sorted(letters(("<=", "X_0", ("+", "Y_1", "X_2"))))
    ['X', 'Y']
    """
    found: set[str] = set()
    pending = [term]
    while pending:
        current = pending.pop()
        if isinstance(current, tuple):
            pending.extend(current)
        elif match := INPUT_OR_OUTPUT.match(current):
            found.add(match[1])
    return frozenset(found)


def inequalities_of(term: Term) -> tuple[Inequality, ...]:
    """Return the inequalities that a comparison of linear expressions says: one, or two for =.

    Numbers are the exact values of the decimals; those too small for a float are zero.

    Raises
    ------
    FormatError
        If it is another term, has an output, or all inputs cancel.

    Examples
    --------
    >>> (row,) = inequalities_of(("<=", ("*", "0.5", "X_1"), ("+", "X_0", "1")))
    >>> [(index, str(c)) for index, c in row.coefficients], str(row.bound)
    ([(0, '-1'), (1, '1/2')], '1')
    """
    signs = _RELATIONS.get(term[0], ()) if len(term) == 3 and isinstance(term[0], str) else ()
    total = _Sum({}, Fraction(0))
    linear = bool(signs) and all(
        _is_added(side, Fraction(sign), total) for side, sign in zip(term[1:], (1, -1), strict=True)
    )
    kept = sorted((index, c) for index, c in total.coefficients.items() if c)
    if not linear or not kept:
        raise FormatError(
            f"the assertion {written(term)} is no linear inequality of inputs, "
            f"so the inputs do not form a box or polytope"
        )
    return tuple(
        Inequality(tuple((index, sign * c) for index, c in kept), -sign * total.constant)
        for sign in signs
    )


def _is_added(term: Term, factor: Fraction, total: _Sum) -> bool:
    """Add factor * term to a sum; False if the term is no linear expression of inputs."""
    if isinstance(term, str):
        match = INPUT_OR_OUTPUT.match(term)
        if match is None:
            value = _numeral_value(term)
            if value is None:
                return False
            total.constant = _checked_length(total.constant + factor * value)
        elif match[1] == "X":
            index = int(match[2])
            total.coefficients[index] = _checked_length(total.coefficients.get(index, 0) + factor)
        else:
            return False
        return True
    if len(term) < 2:
        return False
    head, operands = term[0], term[1:]
    if head == "+":
        return all(_is_added(operand, factor, total) for operand in operands)
    if head == "-":
        first = -factor if len(operands) == 1 else factor
        rest = all(_is_added(operand, -factor, total) for operand in operands[1:])
        return rest and _is_added(operands[0], first, total)
    if head == "*":
        return _added_product(operands, factor, total)
    if head == "/" and len(operands) == 2:
        divisor = _constant(operands[1])
        if divisor is None or divisor == 0:
            return False
        return _is_added(operands[0], _checked_length(factor / divisor), total)
    return False


def _added_product(operands: tuple[Term, ...], factor: Fraction, total: _Sum) -> bool:
    """Add factor * product; all factors but one must be numbers."""
    variable: Term | None = None
    for operand in operands:
        value = _constant(operand)
        if value is not None:
            factor = _checked_length(factor * value)
        elif variable is None:
            variable = operand
        else:
            return False
    return _is_added("1" if variable is None else variable, factor, total)


def _constant(term: Term) -> Fraction | None:
    """Return the value of an expression without variables, or None."""
    if letters(term):
        return None
    value = _Sum({}, Fraction(0))
    return value.constant if _is_added(term, Fraction(1), value) else None


def _checked_length(value: Fraction) -> Fraction:
    if value.numerator.bit_length() + value.denominator.bit_length() > _MAX_BITS:
        raise FormatError("a sum or product of numbers is too long; write its value")
    return value


def _numeral_value(token: str) -> Fraction | None:
    """Return the value of a numeral or decimal."""
    if not _NUMERAL.match(token):
        return None
    nearest = float(token)
    if not math.isfinite(nearest):
        raise FormatError(f"the number {token[:40]} is too large")
    return Fraction(token) if nearest else Fraction(0)
