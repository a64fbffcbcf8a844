"""``polyregions maximum`` and ``minimum``: how large, how small an output can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import TYPE_CHECKING, Any

from polyregions.cli import options, report

if TYPE_CHECKING:
    from polyregions.questions.optimum import Optimum

__all__ = ["maximum_command", "minimum_command"]


@options.grouped
def maximum_command(
    where: options.Where,
    network: options.NetworkArgument,
    of: options.OfOption = "0",
    threads: options.ThreadsOption = 1,
    time_limit: options.TimeLimitOption = None,
    as_json: options.AsJson = False,
) -> int:
    """Find the largest value of an output in a box, exactly, without listing regions.

    Exit codes: 0 proven, 3 a limit was reached: an interval is printed.
    """
    from polyregions.questions.optimum import maximum

    task = options.read_task(network, where)
    return _answer(maximum, "largest", task, of, threads, time_limit, as_json)


@options.grouped
def minimum_command(
    where: options.Where,
    network: options.NetworkArgument,
    of: options.OfOption = "0",
    threads: options.ThreadsOption = 1,
    time_limit: options.TimeLimitOption = None,
    as_json: options.AsJson = False,
) -> int:
    """Find the smallest value of an output in a box, exactly, without listing regions.

    Exit codes: 0 proven, 3 a limit was reached: an interval is printed.
    """
    from polyregions.questions.optimum import minimum

    task = options.read_task(network, where)
    return _answer(minimum, "smallest", task, of, threads, time_limit, as_json)


def _answer(
    extreme: Callable[..., Optimum],
    word: str,
    task: options.Task,
    of: str,
    threads: int,
    time_limit: float | None,
    as_json: bool,
) -> int:
    from polyregions.compiled import Stopwatch

    output, named = options.sum_of(of)
    watch = Stopwatch()
    best = extreme(
        task.network,
        task.domain,
        output,
        threads=threads,
        time_limit=time_limit,
        progress=True,
        on_interrupt="return",
    )
    if as_json:
        report.print_json(_optimum_values(task, of, best, watch.times().seconds))
    else:
        report.print_lines(*_optimum_lines(task, f"{word} {named}", best))
    return 0 if best.proven else 3


def _optimum_lines(task: options.Task, what: str, best: Optimum) -> Iterator[str]:
    yield from report.head_lines(task)
    exact = report.decimal(best.value)
    if best.proven:
        yield f"{what}: {exact}, proven"
    else:
        known = best.bound not in (-inf, inf)
        limit = f"no input goes beyond {report.decimal(best.bound)}" if known else "no bound yet"
        yield f"{what}: {exact} found; {limit}"
    yield from report.value_lines("X", best.point)
    yield from report.value_lines("Y", best.outputs)
    yield report.search_line(best.boxes, best.cells)


def _optimum_values(task: options.Task, of: str, best: Optimum, seconds: float) -> dict[str, Any]:
    return {
        **report.values(task),
        "of": of,
        "value": report.json_float(best.value),
        "exact_value": best.value,
        "proven": best.proven,
        # infinite: nothing is known yet
        "bound": report.json_float(best.bound),
        **report.exact_entries("point", best.point),
        **report.exact_entries("outputs", best.outputs),
        "boxes": best.boxes,
        "cells": best.cells,
        "seconds": seconds,
    }
