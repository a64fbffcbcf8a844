"""The terms that VNN-LIB files of both versions are made of, and what they say of the inputs."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

from polyregions.errors import FormatError, MissingExtraError
from polyregions.files.reading import import_extra
from polyregions.io.signals import MAX_VALUES

__all__ = [
    "INPUT_OR_OUTPUT",
    "MAX_DEPTH",
    "ComparedTerms",
    "Direction",
    "Inequality",
    "Term",
    "Variable",
    "comparisons_of",
    "inequalities_of",
    "is_version_2",
    "letters",
    "terms",
    "terms_of_version_2",
    "written",
]

Term: TypeAlias = "str | tuple[Term, ...]"

# what reads terms by recursion relies on it
MAX_DEPTH = 100
_MAX_LENGTH = 200

_TOKEN = re.compile(r'\s+|;[^\n]*|(?P<token>[()]|\|[^|]*\||"[^"]*"|[^\s();"|]+)')

INPUT_OR_OUTPUT = re.compile(r"([XY])_(0|[1-9]\d{0,8})\Z", re.ASCII)
_NUMERAL = re.compile(r"[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,6})?\Z", re.ASCII)
_RELATIONS = {"<=": (1,), "<": (1,), ">=": (-1,), ">": (-1,), "=": (1, -1)}
# binary digits that a sum or product of the file's numbers may have
_MAX_BITS = 10_000

# numbers that take every value between two others
_REAL_SORTS = ("F16", "F32", "F64", "BF16", "Real")
_HEADS = {
    "And": "and",
    "Or": "or",
    "Equal": "=",
    "NotEqual": "!=",
    "LessThan": "<",
    "LessEqual": "<=",
    "GreaterThan": ">",
    "GreaterEqual": ">=",
    "Plus": "+",
    "Minus": "-",
    "Negate": "-",
    "Multiply": "*",
}


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


# --- linear inequalities ------------------------------------------------------

Direction = tuple[tuple[int, Fraction], ...]


@dataclass(frozen=True)
class Inequality:
    """The inequality: sum of coefficient * X_i (or Y_i) over `coefficients` is at most `bound`.

    Parameters
    ----------
    coefficients : tuple of (int, Fraction)
        By increasing variable, at least one, none of them zero.
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


# an input or output: its letter, X or Y, and its number
Variable: TypeAlias = tuple[str, int]

# a linear expression that is being added up: coefficients of variables; the constant under None
_Sum: TypeAlias = "dict[Variable | None, Fraction]"


class ComparedTerms(NamedTuple):
    """The sum of coefficient * variable is at most `bound`, or below it if `strict`.

    Attributes
    ----------
    coefficients : tuple of ((str, int), Fraction)
        In the order of the variables, at least one, none of them zero.
    bound : Fraction
    strict : bool
    """

    coefficients: tuple[tuple[Variable, Fraction], ...]
    bound: Fraction
    strict: bool


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
    """Return the inequalities of inputs that a linear comparison says: one, or two for =.

    Numbers are the exact values of the decimals; those too small for a float are zero.

    Raises
    ------
    FormatError
        If it is another term, has another variable, or all variables cancel.

    Examples
    --------
    >>> (row,) = inequalities_of(("<=", ("*", "0.5", "X_1"), ("+", "X_0", "1")))
    >>> [(index, str(c)) for index, c in row.coefficients], str(row.bound)
    ([(0, '-1'), (1, '1/2')], '1')
    """
    found = comparisons_of(term) if letters(term) <= {"X"} else ()
    if not found:
        raise FormatError(
            f"the assertion {written(term)} is no linear inequality of inputs, "
            f"so the inputs do not form a box or polytope"
        )
    return tuple(
        Inequality(tuple((index, c) for (_, index), c in row.coefficients), row.bound)
        for row in found
    )


def comparisons_of(term: Term) -> tuple[ComparedTerms, ...]:
    """Return what a comparison of linear expressions says: one inequality, or two for =.

    None at all if it is another term, or all variables cancel. Numbers are as for
    :func:`inequalities_of`.

    Raises
    ------
    FormatError
        If a number is too large or too long.

    Examples
    --------
    >>> (row,) = comparisons_of(("<", "Y_0", ("+", "X_1", "1")))
    >>> [(*variable, str(c)) for variable, c in row.coefficients], str(row.bound), row.strict
    ([('X', 1, '-1'), ('Y', 0, '1')], '1', True)
    """
    signs = _RELATIONS.get(term[0], ()) if len(term) == 3 and isinstance(term[0], str) else ()
    total: _Sum = {}
    linear = bool(signs) and all(
        _is_added(side, Fraction(sign), total) for side, sign in zip(term[1:], (1, -1), strict=True)
    )
    constant = total.pop(None, Fraction(0))
    kept = sorted((variable, c) for variable, c in total.items() if c and variable is not None)
    if not linear or not kept:
        return ()
    return tuple(
        ComparedTerms(
            tuple((variable, sign * c) for variable, c in kept),
            -sign * constant,
            term[0] in ("<", ">"),
        )
        for sign in signs
    )


def _is_added(term: Term, factor: Fraction, total: _Sum) -> bool:
    """Add factor * term to a sum; False if the term is no linear expression of the variables."""
    if isinstance(term, str):
        match = INPUT_OR_OUTPUT.match(term)
        value = Fraction(1) if match else _numeral_value(term)
        if value is None:
            return False
        variable = (match[1], int(match[2])) if match else None
        total[variable] = _checked_length(total.get(variable, Fraction(0)) + factor * value)
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
    value: _Sum = {}
    return value.get(None, Fraction(0)) if _is_added(term, Fraction(1), value) else None


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


# --- version 2, through the package vnnlib ------------------------------------


def is_version_2(text: str) -> bool:
    """Return whether a text begins as a VNN-LIB file of version 2 does.

    Raises
    ------
    FormatError
        If its first term is not closed, or names a later version.

    Examples
    --------
    >>> is_version_2("(vnnlib-version <2.0>)"), is_version_2("(declare-const X_0 Real)")
    (True, False)
    """
    first = next(terms(text), None)
    if not isinstance(first, tuple) or first[:1] != ("vnnlib-version",):
        return False
    version = written(first[1:]).strip("()<>")
    if version.partition(".")[0] != "2":
        raise FormatError(f"it is of VNN-LIB version {version}; 1.0 and 2.0 are read")
    return True


def terms_of_version_2(text: str) -> Iterator[Term]:
    """Yield the declarations and assertions of a file of version 2.0 as those of version 1.0.

    Entry k, in C order, of the network's one input is ``X_k``; those of its outputs, one
    after the other, are ``Y_0, Y_1, …``.

    Raises
    ------
    MissingExtraError
        If the package ``vnnlib`` is not installed, or too old.
    FormatError
        If it refuses the text, or the file has several networks or inputs, hidden nodes,
        or an input of integers or of an absurd size.
    """
    vnnlib = import_extra("vnnlib", "vnnlib", "reading VNN-LIB 2.0")
    if not hasattr(vnnlib, "parse_query_string"):
        raise MissingExtraError(
            'reading VNN-LIB 2.0 needs a newer package: pip install -U "polyregions[vnnlib]"'
        )
    for _ in terms(text):
        # the package recurses, and must not be given what is nested without end
        pass
    try:
        query = vnnlib.parse_query_string(text)
    except vnnlib.VNNLibException as error:
        raise FormatError(
            f"it is no VNN-LIB 2.0 ({_first_error(str(error))}); correct it"
        ) from None
    if len(query.networks) != 1:
        raise FormatError(
            f"it speaks of {len(query.networks)} networks; give a file about one network"
        )
    (network,) = query.networks
    if len(network.inputs) != 1 or network.hidden:
        raise FormatError("its network has several inputs or hidden nodes; declare one input only")
    (given,) = network.inputs
    if given.dtype.name not in _REAL_SORTS:
        raise FormatError(f"its input holds {given.dtype.name} numbers; declare it as float32")
    size = math.prod(given.shape)
    if not 1 <= size <= MAX_VALUES:
        raise FormatError(f"its input has {size} entries; 1 to {MAX_VALUES} are read")
    first = {str(given.name): ("X", 0)}
    outputs = 0
    for output in network.outputs:
        first[str(output.name)] = ("Y", outputs)
        outputs += math.prod(output.shape)
    for index in range(size):
        yield ("declare-const", f"X_{index}", "Real")
    for assertion in query.assertions:
        yield ("assert", _term(assertion.expr, first))


def _term(node: Any, first: dict[str, tuple[str, int]]) -> Term:
    """Return a node as a term; `first` says where the entries of an array begin."""
    kind = type(node).__name__
    if kind == "Var":
        letter, start = first[str(node.name)]
        place = 0
        for index, extent in zip(node.indices, node.shape, strict=True):
            place = place * extent + index
        return f"{letter}_{start + place}"
    if kind not in _HEADS:
        # a number
        return str(getattr(node, "lexeme", kind))
    operands = (node.head, *node.rest) if kind == "Minus" else node.children()
    return (_HEADS[kind], *(_term(operand, first) for operand in operands))


def _first_error(text: str) -> str:
    """Return the first error of a message that may be JSON."""
    try:
        error = json.loads(text)["errors"][0]
        text = f"line {error['line']}: {error['message']}"
    except (ValueError, LookupError, TypeError):
        pass
    return ascii(" ".join(text.split())[:120])[1:-1]
