"""``polyregions equal``: whether two networks are the same function on a box."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyregions.cli import options, report

if TYPE_CHECKING:
    from polyregions.network import Network
    from polyregions.questions.equality import Comparison

__all__ = ["equal_command"]


@options.grouped
def equal_command(
    where: options.Where,
    network: options.NetworkArgument,
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="The network to compare with.")],
    threads: options.ThreadsOption = 1,
    time_limit: options.TimeLimitOption = None,
    as_json: options.AsJson = False,
) -> int:
    """Decide whether two networks are equal on a box, or find where they differ most.

    Exit codes: 0 equal, proven; 1 they differ, at a point that is printed; 3 unknown, because a
    limit was reached.
    """
    from polyregions.compiled import Stopwatch
    from polyregions.questions.equality import equal

    task = options.read_task(network, where)
    second = options.load_network(other, where.activation, where.network_output)
    if task.slice is not None:
        second = task.slice.restrict(second)
    watch = Stopwatch()
    found = equal(
        task.network,
        second,
        task.domain,
        threads=threads,
        time_limit=time_limit,
        progress=True,
        on_interrupt="return",
    )
    if as_json:
        report.print_json(_comparison_values(task, second, found, watch.times().seconds))
    else:
        report.print_lines(*_comparison_lines(task, second, found))
    return {True: 0, False: 1, None: 3}[found.equal]


def _comparison_lines(task: options.Task, second: Network, found: Comparison) -> Iterator[str]:
    yield from report.head_lines(task)
    name = report.name_of(second)
    if found.equal:
        yield f"{name}: equal on this box, proven"
    elif found.equal is None:
        yield f"{name}: unknown whether it is equal; {_bound_text(found)}"
    else:
        yield f"{name}: different"
        closed = "proven to be the largest" if found.proven else f"found; {_bound_text(found)}"
        yield f"largest difference: {report.decimal(found.value)}, {closed}"
        yield from report.value_lines("X", found.point)
        yield from report.value_lines("Y", found.first)
        yield from report.value_lines("other Y", found.second)
    yield report.search_line(found.boxes, found.cells)


def _bound_text(found: Comparison) -> str:
    if found.bound == inf:
        return "no bound on the difference yet"
    return f"no difference is beyond {report.decimal(found.bound)}"


def _comparison_values(
    task: options.Task, second: Network, found: Comparison, seconds: float
) -> dict[str, Any]:
    return {
        **report.values(task),
        "other": second.name,
        "equal": found.equal,
        "largest_difference": report.json_float(found.value),
        "exact_largest_difference": found.value,
        "proven": found.proven,
        # infinite: nothing is known yet
        "bound": report.json_float(found.bound),
        **report.exact_entries("point", found.point),
        **report.exact_entries("outputs", found.first),
        **report.exact_entries("other_outputs", found.second),
        "boxes": found.boxes,
        "cells": found.cells,
        "seconds": seconds,
    }
