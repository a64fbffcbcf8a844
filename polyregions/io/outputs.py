"""The outputs of a program: which are read, what at their end is left out, what is said of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from polyregions.errors import FormatError
from polyregions.io import lowering, rearranging
from polyregions.io.algebra import entries_of
from polyregions.io.comparisons import Switch
from polyregions.io.lowering import DroppedOperatorWarning, JoinedOutputsWarning
from polyregions.io.signals import Signal

__all__ = ["Maker", "Output", "chosen_outputs", "joined_outputs", "kept_outputs", "listing"]

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


class Output(NamedTuple):
    """An output: its name for users, and that of its value, if it is an array of numbers.

    Attributes
    ----------
    name : str
    value : str or None
    """

    name: str
    value: str | None


class Maker(NamedTuple):
    """What makes a value at the end of a program.

    Attributes
    ----------
    operator : str
    reads : tuple of str
        The values that it moves, or reads if it is left out.
    left_out : bool
        Whether it is a softmax or the like, which keeps the regions of what it reads.
    """

    operator: str
    reads: tuple[str, ...]
    left_out: bool


def kept_outputs(
    outputs: Sequence[Output],
    maker_of: Callable[[str], Maker | None],
    holds_reals: Callable[[str], bool],
) -> tuple[tuple[str, ...], list[UserWarning]]:
    """Return the names of the values that are read as the network's output, and what to say.

    Parameters
    ----------
    outputs : sequence of Output
        Those that are chosen.
    maker_of : callable
        What makes a value, None for anything that cannot stand at the end.
    holds_reals : callable
        Whether a value holds real numbers.

    Returns
    -------
    tuple of str
    list of Warning
        What is left out, and that several outputs stand side by side.

    Raises
    ------
    FormatError
        If no output holds real numbers.

    Notes
    -----
    *Algorithm*: an output gives way to the value that a softmax or the like reads, if that
    is all that the output depends on. So labels and probabilities of a classifier end in the
    same value, which is read once.
    """
    kept: dict[str, str] = {}
    left_out: dict[str, list[str]] = {}
    notes: list[UserWarning] = []
    for name, made in outputs:
        value, dropped = ("", []) if made is None else _before_the_end(maker_of, made)
        if dropped:
            known = left_out.setdefault(value, [])
            known += [operator for operator in dropped if operator not in known]
        elif made is None or not holds_reals(value):
            notes.append(
                DroppedOperatorWarning(
                    f"the output {_quoted(name)} holds no real numbers and is left out"
                )
            )
            continue
        kept.setdefault(value, name)
    if not kept:
        names = listing(_quoted(output.name) for output in outputs)
        raise FormatError(f"its output ({names}) holds no real numbers; export one that does")
    notes += [_end_note(operators, value) for value, operators in left_out.items()]
    if len(kept) > 1:
        notes.append(
            JoinedOutputsWarning(
                f"the network has the outputs {listing(map(_quoted, kept.values()))} side by side; "
                f"choose one of them by its name with output="
            )
        )
    return tuple(kept), notes


def _before_the_end(maker_of: Callable[[str], Maker | None], output: str) -> tuple[str, list[str]]:
    """Return the name of the value before a softmax and the like, and these."""
    dropped: list[str] = []
    seen = {output}
    while True:
        ends, operators = _dropped_from(maker_of, output)
        if len(ends) != 1 or not ends.isdisjoint(seen):
            return output, dropped
        (output,) = ends
        seen.add(output)
        dropped = [*(name for name in operators if name not in dropped), *dropped]


def _dropped_from(
    maker_of: Callable[[str], Maker | None], output: str
) -> tuple[set[str], list[str]]:
    """Return what the softmaxes read that an output is a function of; nothing if of more."""
    ends: set[str] = set()
    operators: list[str] = []
    stack, seen = [output], {output}
    while stack:
        maker = maker_of(stack.pop())
        if maker is None:
            return set(), []
        if maker.left_out:
            operators.append(maker.operator)
            ends.update(maker.reads)
        else:
            read = [name for name in maker.reads if name not in seen]
            seen.update(read)
            stack.extend(read)
    return ends, operators


def _end_note(operators: Sequence[str], value: str) -> UserWarning:
    """Return the warning that the last operators are left out, after a value."""
    one = len(operators) == 1
    return DroppedOperatorWarning(
        f"the last operator{' ' if one else 's '}{listing(operators)} {'is' if one else 'are'} "
        f"left out: regions are those of the values {value!r} that "
        f"{'it reads' if one else 'they read'}"
    )


def joined_outputs(results: Mapping[str, Any]) -> Signal:
    """Return the outputs, by their names, one after the other; a single one as it is.

    Raises
    ------
    FormatError
        If one is no real number, or none depends on the input.
    """
    if not any(isinstance(result, Signal) for result in results.values()):
        raise FormatError(
            f"the output {next(iter(results))!r} does not depend on the input; export it again"
        )
    parts = []
    for name, result in results.items():
        if result is None or isinstance(result, Switch):
            raise FormatError(f"the output {name!r} is no real number that an operator computes")
        part = entries_of(result, f"output {name!r}")
        if isinstance(part, Signal) and len(results) == 1:
            return part
        parts.append(rearranging.reshaped(part, (math.prod(part.shape),)))
    return lowering.concatenate(parts, 0)


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
