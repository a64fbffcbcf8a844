"""Everything that can go wrong on purpose, under one name.

Each message is one sentence that says what is wrong and what to do. It may quote a name
or a word of a file, so that it passes through :func:`shown`, as all that is reported does.
"""

from __future__ import annotations

__all__ = [
    "CheckpointError",
    "DomainError",
    "FormatError",
    "MissingExtraError",
    "NetworkError",
    "PartialResultError",
    "PolyregionsError",
    "PolyregionsWarning",
    "UnsupportedOperatorError",
    "kind_of",
    "shown",
]

_LONGEST_MESSAGE = 1000  # characters of a message


def shown(text: str, most: int | None = None) -> str:
    r"""Return a text of any origin as one line that is safe to print.

    What is not printable (control characters, line breaks, marks that turn the direction
    of writing, halves of characters) is escaped as in a Python string; of a text longer
    than `most` characters the middle is left out.

    Examples
    --------
    >>> print(shown("two\nlines, \x1b[31mred"))
    two\nlines, \x1b[31mred
    >>> shown("a" * 100, 9)
    'aaa...aaa'
    """
    if not text.isprintable():
        text = "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
            for char in text
        )
    if most is None or len(text) <= most:
        return text
    kept = most - 3
    return f"{text[: kept - kept // 2]}...{text[len(text) - kept // 2 :]}"


def kind_of(value: object) -> str:
    """Return what a value is, with its article.

    Examples
    --------
    >>> kind_of(None), kind_of([1]), kind_of(int), kind_of(kind_of)
    ('None', 'a list', 'the class int', 'a function')
    """
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {shown(value.__name__, 80)}"
    name = "function" if hasattr(value, "__code__") else type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {shown(name, 80)}"


class _Shown(Exception):  # noqa: N818 - of errors and of warnings
    """What is told in one line that is safe to print."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(shown(a, _LONGEST_MESSAGE) if isinstance(a, str) else a for a in args))


class PolyregionsError(_Shown):
    """Base class of every error that polyregions raises on purpose."""


class PolyregionsWarning(_Shown, UserWarning):
    """Base class of what polyregions warns of when it reads a file."""


class NetworkError(PolyregionsError, ValueError):
    """The network cannot be used: shapes, non-finite weights, no hidden unit."""


class DomainError(PolyregionsError, ValueError):
    """The domain cannot be used: empty, wrong length, not a number."""


class FormatError(PolyregionsError, ValueError):
    """A file cannot be read: missing, truncated, or not of the expected format."""


class UnsupportedOperatorError(PolyregionsError, ValueError):
    """A network file uses an operator that has no exact piecewise-linear form here."""


class MissingExtraError(PolyregionsError, ImportError):
    """An optional dependency is not installed; the message names the extra."""


class CheckpointError(PolyregionsError, ValueError):
    """A saved result belongs to another network, domain or version."""


class PartialResultError(PolyregionsError, RuntimeError):
    """A complete result was required, but regions are missing from this one."""
