"""Terms of SMT-LIB 2 syntax, in which VNN-LIB is written: tokens and parentheses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from polyregions.errors import FormatError

__all__ = ["MAX_DEPTH", "Term", "terms", "written"]

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
