"""The outputs of a program: which are read, and what is said about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from polyregions.errors import FormatError
from polyregions.io.lowering import JoinedOutputsWarning

__all__ = ["chosen_outputs", "joined_note", "listing"]

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
