"""What commands print, on stdout and beside their progress, and the streams they print to."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TextIO, cast

from polyregions.domain import Box, Domain, Polytope
from polyregions.domain.domains import domain_lists
from polyregions.errors import shown
from polyregions.network import Network
from polyregions.network.slices import Slice
from polyregions.regions import Regions
from polyregions.run.progress import (
    Progress,
    number_text,
    pace_of,
    shown_lines,
    shown_progress,
    the_console,
    walk_text,
)

if TYPE_CHECKING:
    from polyregions.cli.options import Task
    from polyregions.tree.subdivision import TreeCount

__all__ = [
    "RunTimes",
    "ShownRun",
    "Stream",
    "announced_compilation",
    "assumed_lines",
    "bounds_lines",
    "complain",
    "decimal",
    "domain_text",
    "exact_entries",
    "exit_code",
    "head_lines",
    "json_float",
    "json_number",
    "lenient_streams",
    "mentioning_estimate",
    "name_of",
    "print_answer",
    "print_json",
    "print_lines",
    "print_saved",
    "run_values",
    "search_entries",
    "search_line",
    "shown_run",
    "sides_text",
    "summary_lines",
    "table_lines",
    "tell",
    "value_lines",
    "values",
]

_LONG_RUN = 10.0

_LONGEST_REMARK = 1200  # characters of a remark
_LONGEST_NAME_SHOWN = 80

_BOUND_TITLES = {
    "hanin_rolnick_scale": "scale N^n / n! of Hanin & Rolnick 2019",
    "zaslavsky": "at most, Zaslavsky 1975",
    "montufar_2017": "at most, Montúfar 2017",
    "serra_2018": "at most, Serra et al. 2018",
}

_SIDES_SHOWN = 10


class Stream:
    r"""A text stream on which writing always succeeds; it says how it failed, if it did.

    A character that the encoding does not have is written as its escape. After the first
    failure (the reader is gone, the disk is full, the stream was closed by the caller)
    nothing more is written.

    Parameters
    ----------
    target : text file or None
        None is a stream that the process was started without.

    Examples
    --------
    >>> from io import BytesIO, TextIOWrapper
    >>> ascii = TextIOWrapper(BytesIO(), "ascii")
    >>> stream = Stream(ascii)
    >>> stream.write("Montúfar")
    8
    >>> stream.flush()
    >>> ascii.buffer.getvalue()
    b'Mont\\xfafar'
    >>> ascii.close()
    >>> stream.write("more")
    4
    >>> stream.failure
    ValueError('I/O operation on closed file.')
    """

    def __init__(self, target: TextIO | None) -> None:
        self.target = target
        self.failure: Exception | None = None

    def write(self, text: str) -> int:
        """Write a text, or nothing after a failure."""
        if self.target is not None and self.failure is None:
            encoding = getattr(self.target, "encoding", None) or "utf-8"
            try:
                self.target.write(text.encode(encoding, "backslashreplace").decode(encoding))
            except (OSError, ValueError) as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Flush what was written."""
        if self.target is not None and self.failure is None:
            try:
                self.target.flush()
            except (OSError, ValueError) as error:
                self._give_up(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)

    def _give_up(self, error: Exception) -> None:
        self.failure = error
        # what waits in a buffer would fail again when the interpreter ends, with an exit
        # code of its own
        with suppress(OSError, ValueError, AttributeError):
            number = cast("TextIO", self.target).fileno()
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)


@contextmanager
def lenient_streams() -> Iterator[Stream]:
    """Take the place of stdout and stderr while the block runs; yield the former."""
    before = sys.stdout, sys.stderr
    out, err = Stream(before[0]), Stream(before[1])
    sys.stdout, sys.stderr = cast("TextIO", out), cast("TextIO", err)
    try:
        yield out
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before


def print_json(values: dict[str, Any]) -> None:
    """Print one JSON object, with integers of any size, and fractions as text."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        print(json.dumps(values, indent=2, allow_nan=False, default=_fraction_text))  # noqa: T201 - a result
    finally:
        sys.set_int_max_str_digits(limit)


def _fraction_text(value: object) -> str:
    if not isinstance(value, Fraction):
        raise TypeError(f"JSON holds no {type(value).__name__}")
    return str(value)


def print_lines(*lines: str) -> None:
    """Print a result as text."""
    for line in lines:
        print(shown(line))  # noqa: T201 - a result


def tell(message: str) -> None:
    """Say something that is not a result."""
    print(shown(message, _LONGEST_REMARK), file=sys.stderr, flush=True)  # noqa: T201 - a remark


def complain(message: str, code: int = 2) -> int:
    """Print one sentence about what is wrong and return the exit code."""
    tell(f"polyregions: {message}")
    return code


def exit_code(found: Regions | TreeCount) -> int:
    """Return 0 for a complete result; say that it is partial and return 3 otherwise."""
    if found.complete:
        return 0
    regions = found.summary()["regions"]
    tell(f"polyregions: stopped early; these {regions:,} regions are not all")
    return 3


def name_of(network: Network) -> str:
    """Return the name of a network as reports show it."""
    return shown(network.name, _LONGEST_NAME_SHOWN)


def head_lines(task: Task) -> list[str]:
    """Return what stands above a result."""
    units = task.network.hidden_units
    title = f"{name_of(task.network)}: {units} hidden units on {domain_text(task.domain)}"
    return [title, *assumed_lines(task.network)]


def decimal(value: Fraction | float) -> str:
    """Return the nearest float, marked where it is not the number itself."""
    nearest = number_text(value)
    return nearest if value == Fraction(nearest) else f"{nearest}, rounded"


def json_float(value: Fraction | float) -> float | None:
    """Return the nearest float, or None beyond all floats."""
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:
        return None


def value_lines(letter: str, values: Sequence[Fraction]) -> list[str]:
    """Return one line for each input or output, such as X_0 = 0.5."""
    return [f"{letter}_{index} = {decimal(value)}" for index, value in enumerate(values)]


def exact_entries(name: str, values: Sequence[Fraction]) -> dict[str, Any]:
    """Return what JSON says of inputs or outputs: floats, and fractions."""
    return {name: list(map(json_float, values)), f"exact_{name}": values}


class _Searched(Protocol):
    """The answer of a search over boxes."""

    @property
    def boxes(self) -> int: ...

    @property
    def cells(self) -> int: ...


def search_line(found: _Searched) -> str:
    """Return how much a search over boxes looked at."""
    return (
        f"{found.boxes:,} boxes looked at, and {found.cells:,} regions of those that resisted "
        f"bounds"
    )


def search_entries(found: _Searched) -> dict[str, Any]:
    """Return what JSON says of how much a search over boxes looked at."""
    return {"boxes": found.boxes, "cells": found.cells}


def assumed_lines(network: Network) -> list[str]:
    """Return what the file does not say about its network, if anything."""
    return [f"assumed: {network.assumed}"] if network.assumed else []


def values(task: Task) -> dict[str, Any]:
    """Return what JSON says about a network and where it is looked at."""
    assumed = task.network.assumed
    return {
        "network": task.network.name,
        **({"assumed": assumed} if assumed else {}),
        "input_dimension": task.network.input_dimension,
        "free_inputs": task.dimension,
        "hidden_units": task.network.hidden_units,
        "domain": domain_lists(task.domain),
        **_slice_entry(task.slice),
    }


def print_answer(
    task: Task,
    entries: Mapping[str, Any],
    lines: Iterable[str],
    as_json: bool,
    output: Path | None = None,
) -> None:
    """Print what was found about a network and where: as JSON, or in sentences.

    Also where it was saved, if it was.
    """
    _print_either(task, entries, [*head_lines(task), *lines], as_json, output)


def print_saved(
    task: Task, summary: Mapping[str, Any], times: RunTimes, output: Path, as_json: bool
) -> None:
    """Print what a walk found, and where it was saved."""
    lines = [*assumed_lines(task.network), *summary_lines(summary, times)]
    _print_either(task, run_values(summary, times), lines, as_json, output)


def _print_either(
    task: Task,
    entries: Mapping[str, Any],
    lines: Sequence[str],
    as_json: bool,
    output: Path | None,
) -> None:
    from polyregions.files.atomic import is_stream

    saved = [] if output is None else [f"saved to {output}"]
    if output is not None and is_stream(output):  # stdout, perhaps: nothing may come between
        for line in [*lines, *saved]:
            tell(line)
    elif as_json:
        end = {} if output is None else {"output": str(output)}
        print_json({**values(task), **entries, **end})
    else:
        print_lines(*lines, *saved)


def _slice_entry(place: Slice | None) -> dict[str, dict[str, list[Any]]]:
    """Return what JSON says about a slice: nothing where there is none."""
    if place is None:
        return {}
    return {"slice": {"origin": place.origin.tolist(), "basis": place.basis.T.tolist()}}


def domain_text(domain: Domain | None) -> str:
    """Return a domain in words."""
    if domain is None:
        return "the whole space"
    if isinstance(domain, Polytope):
        return f"a polytope of {len(domain.b)} inequalities in {domain.dimension} inputs"
    sides = list(zip(domain.lower.tolist(), domain.upper.tolist(), strict=True))
    if len(set(sides)) == 1:
        low, high = sides[0]
        return f"[{low:g}, {high:g}]^{len(sides)}"
    return f"a box with {len(domain.free)} of {domain.dimension} inputs free"


def sides_text(box: Box) -> str:
    """Return the intervals of a box, the first ones if there are many."""
    sides = list(zip(box.lower.tolist(), box.upper.tolist(), strict=True))
    shown = ", ".join(f"[{low:g}, {high:g}]" for low, high in sides[:_SIDES_SHOWN])
    more = len(sides) - _SIDES_SHOWN
    return shown if more <= 0 else f"{shown} and {more} more"


def json_number(value: int | Fraction | None) -> int | float | None:
    """Return a number that JSON can hold: an integer where it is one, or too large."""
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return value.numerator
        try:
            return float(value)
        except OverflowError:
            return int(value)
    return value


def summary_lines(summary: Mapping[str, Any], times: RunTimes) -> list[str]:
    """Return the sentences about a walk or a count from its summary, as ``Regions.summary``."""
    selection = summary.get("selection", False)  # a tree has none
    at_least = "" if summary["complete"] or selection else "at least "
    state = "proven" if summary["proven"] else "not proven"
    state += "" if summary["complete"] else ", a selection" if selection else ", partial"
    at_most = summary.get("at_most")  # only a tree has one
    limit = "" if at_most is None or summary["complete"] else f" and at most {at_most:,}"
    numbers = [f"{at_least}{summary['regions']:,}{limit} regions"]
    if summary["edges"] is not None:  # a tree knows none
        numbers.append(f"{at_least}{summary['edges']:,} edges")
    lines = [f"{', '.join(numbers)} ({state})"]
    layers = summary.get("regions_per_layer", ())
    if len(layers) > 1:
        counts = ", ".join(f"{count:,}" for count in layers)
        lines.append(f"of the first layers: {at_least}{counts}")
    # what would be 0.00 need not be said
    kernels = f"; {times.start_seconds:.2f} s for kernels" if times.start_seconds >= 0.005 else ""
    lines.append(
        f"{times.seconds:.2f} s, {times.pace(summary['regions']):,.0f} regions/s, "
        f"{summary['exact_decisions']:,} decided in exact arithmetic{kernels}"
    )
    return lines


def run_values(summary: Mapping[str, Any], times: RunTimes) -> dict[str, Any]:
    """Return what JSON says about a walk, a count or a result on disk."""
    counts = ("regions", "at_most", "regions_per_layer", "edges")
    names = (*counts, "complete", "proven", "exact_decisions")
    return {
        **{name: summary[name] for name in names if name in summary},
        "seconds": times.seconds,
        "start_seconds": times.start_seconds,
        "regions_per_second": times.pace(summary["regions"]),
    }


def table_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table, its columns to the right.

    Examples
    --------
    >>> table_lines([["n", "count"], ["10", "7"]])
    [' n  count', '10      7']
    """
    sizes = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.rjust(size) for cell, size in zip(row, sizes, strict=True)) for row in rows
    ]


def bounds_lines(bounds: dict[str, int | Fraction | None]) -> list[str]:
    """Return one line per bound that applies."""
    return [
        f"{_BOUND_TITLES[name]}: {_short_count(value)}"
        for name, value in bounds.items()
        if value is not None
    ]


def _short_count(value: int | Fraction) -> str:
    if value < 10**15:
        return f"{int(value):,}" if value == int(value) else f"{float(value):,.1f}"
    exponent = int((int(value).bit_length() - 1) * 0.30103)  # for reading only
    return f"about 10^{exponent}"


def mentioning_estimate(
    progress: Callable[[Progress], None] | None,
    *limits: float | None,
    compiled: Callable[[], bool] = lambda: False,
) -> Callable[[Progress], None]:
    """Return the callback; if there is no limit and the run is long, it names `estimate` once.

    A run that `compiled` kernels is long for another reason, and gets no such advice.
    """
    mentioned = any(limit is not None for limit in limits)

    def call(state: Progress) -> None:
        nonlocal mentioned
        if not mentioned and state.seconds > _LONG_RUN and not compiled():
            mentioned = True
            tell("polyregions: this takes long; polyregions estimate foretells count and time")
        if progress is not None:
            progress(state)

    return call


def _kernels_text(done: int, total: int) -> str:
    return f"{done:,} of {total:,} kernels compiled"


@contextmanager
def announced_compilation() -> Iterator[Callable[[], bool]]:
    """Show that kernels are compiled, if they are; yield whether that was said."""
    from polyregions.compiled import watched

    console = the_console()
    log = logging.getLogger("polyregions")

    class Announcer(logging.Handler):
        told = False

        def emit(self, record: logging.LogRecord) -> None:
            self.told = True
            console.print(record.getMessage(), soft_wrap=True)

    announcer, level = Announcer(), log.level
    log.addHandler(announcer)
    log.propagate = False
    log.setLevel(logging.INFO)
    try:
        with shown_lines(_kernels_text) as line, watched(line):
            yield lambda: announcer.told
    finally:
        log.setLevel(level)
        log.propagate = True
        log.removeHandler(announcer)


class RunTimes(NamedTuple):
    """What a run took, and how many regions were done before it, where it was resumed."""

    seconds: float
    start_seconds: float
    before: int

    def pace(self, regions: int) -> float:
        """Return how many regions a second were found, of so many that are known now."""
        return pace_of(regions - self.before, self.seconds)


class ShownRun:
    """A run that shows its progress and keeps a part on Ctrl-C; loading its code is not timed."""

    def __init__(self, progress: Callable[[Progress], None] | None) -> None:
        self._progress = progress
        self._before = 0

    def options(self) -> dict[str, Any]:
        """Return the options of a long function for such a run, which begins now."""
        from polyregions.compiled import Stopwatch

        self._watch = Stopwatch()
        return {"progress": self._show, "on_interrupt": "return"}

    def _show(self, state: Progress) -> None:
        self._before = state.before
        if self._progress is not None:
            self._progress(state)

    def times(self) -> RunTimes:
        """Return the times that the run took."""
        return RunTimes(*self._watch.times(), self._before)


@contextmanager
def shown_run(
    text: Callable[[Progress], str] = walk_text, limits: Iterable[float | None] | None = None
) -> Iterator[ShownRun]:
    """Show the progress of a run and what is compiled; with `limits`, also advice where none is."""
    with announced_compilation() as compiled, shown_progress(True, text) as progress:
        if limits is not None:
            progress = mentioning_estimate(progress, *limits, compiled=compiled)
        yield ShownRun(progress)
