"""The outputs of a program: which are read, and what is said about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from polyregions.errors import FormatError
from polyregions.io.lowering import DroppedOperatorWarning, JoinedOutputsWarning

__all__ = ["chosen_outputs", "end_note", "joined_note", "listing", "no_reals_note"]

# names in a message, and characters of one
_LISTED = 10
_LONGEST_LIST = 80


def chosen_outputs(names: Sequence[str], output: str | int | None) -> Sequence[int]:
    """Return the numbers of the outputs that are read: all, or the one that is named.

    Parameters
    ----------
    names : sequence of str
    output : str, int or None
        A name, or a number from 0, which may be written as text.

    Raises
    ------
    FormatError
        If there is no such output, or none at all.

    Examples
    --------
    >>> chosen_outputs(["action", "value"], "value")
    [1]
    """
    if not names:
        raise FormatError("the program has no output; export it again")
    if output is None:
        return range(len(names))
    number = names.index(output) if output in names else output
    if isinstance(number, str) and number.isascii() and number.isdigit():
        number = int(number[:9])
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(names):
        raise FormatError(
            f"the program has no output {_quoted(str(output))}; choose "
            f"{listing(map(_quoted, names), 'or')}, or a number below {len(names)}"
        )
    return [number]


def end_note(operators: Sequence[str], value: str | None = None) -> UserWarning:
    """Return the warning that the last operators are left out, after a value if it has a name."""
    one = len(operators) == 1
    return DroppedOperatorWarning(
        f"the last operator{' ' if one else 's '}{listing(operators)} {'is' if one else 'are'} "
        f"left out: regions are those of the values {'' if value is None else f'{value!r} '}"
        f"that {'it reads' if one else 'they read'}"
    )


def no_reals_note(name: str) -> UserWarning:
    """Return the warning that an output is left out because it holds no real numbers."""
    return DroppedOperatorWarning(
        f"the output {_quoted(name)} holds no real numbers and is left out"
    )


def joined_note(names: Sequence[str]) -> list[UserWarning]:
    """Return the warning that several outputs stand side by side, if there are several."""
    if len(names) < 2:
        return []
    return [
        JoinedOutputsWarning(
            f"the network has the outputs {listing(map(_quoted, names))} side by side; choose one "
            f"of them by its name with output="
        )
    ]


def listing(names: Iterable[str], last: str = "and") -> str:
    """Return names with commas between them; at most ten.

    Examples
    --------
    >>> listing(["action", "value", "label"], "or")
    'action, value or label'
    """
    names = list(names)
    if len(names) > _LISTED:
        names = [*names[:_LISTED], f"{len(names) - _LISTED} more"]
    *rest, end = names
    return f"{', '.join(rest)} {last} {end}" if rest else end


def _quoted(name: str) -> str:
    return repr(name[:_LONGEST_LIST])
