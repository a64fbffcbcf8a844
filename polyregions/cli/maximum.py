"""``polyregions maximum`` and ``minimum``: how large, how small an output can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.errors import PolyregionsError, shown

if TYPE_CHECKING:
    from polyregions.questions.optimum import Optimum

__all__ = ["maximum_command", "minimum_command"]

_OfOption = Annotated[
    str,
    typer.Option(
        "--of",
        metavar="OUTPUTS",
        help="Which output, counted from 0; or a coefficient for each: 1,-1.",
    ),
]


@options.grouped
def maximum_command(
    where: options.Where,
    network: options.NetworkArgument,
    of: _OfOption = "0",
    threads: options.ThreadsOption = 1,
    time_limit: options.TimeLimitOption = None,
    certificate: options.CertificateOption = None,
    as_json: options.AsJson = False,
) -> int:
    """Find the largest value of an output in a box, exactly, without listing regions.

    Exit codes: 0 proven, 3 a limit was reached: an interval is printed.
    """
    from polyregions.questions.optimum import maximum

    _check_certificate(certificate, network, where)
    task = options.read_task(network, where)
    how = {"threads": threads, "time_limit": time_limit, "certificate": certificate}
    return _answer(maximum, "largest", task, of, how, as_json)


@options.grouped
def minimum_command(
    where: options.Where,
    network: options.NetworkArgument,
    of: _OfOption = "0",
    threads: options.ThreadsOption = 1,
    time_limit: options.TimeLimitOption = None,
    certificate: options.CertificateOption = None,
    as_json: options.AsJson = False,
) -> int:
    """Find the smallest value of an output in a box, exactly, without listing regions.

    Exit codes: 0 proven, 3 a limit was reached: an interval is printed.
    """
    from polyregions.questions.optimum import minimum

    _check_certificate(certificate, network, where)
    task = options.read_task(network, where)
    how = {"threads": threads, "time_limit": time_limit, "certificate": certificate}
    return _answer(minimum, "smallest", task, of, how, as_json)


def _check_certificate(certificate: Path | None, network: Path, where: options.Where) -> None:
    if certificate is not None:
        storage.check_output(certificate, [certificate.suffix.lower()], [network, *where.files])


def _answer(
    extreme: Callable[..., Optimum],
    word: str,
    task: options.Task,
    of: str,
    how: dict[str, Any],
    as_json: bool,
) -> int:
    from polyregions.compiled import Stopwatch

    output, named = _sum_of(of)
    watch = Stopwatch()
    best = extreme(
        task.network,
        task.domain,
        output,
        progress=True,
        on_interrupt="return",
        **how,
    )
    if as_json:
        report.print_json(_optimum_values(task, of, best, watch.times().seconds))
    else:
        report.print_lines(*_optimum_lines(task, f"{word} {named}", best))
    return 0 if best.proven else 3


def _sum_of(of: str) -> tuple[int | list[float], str]:
    """Return what ``--of`` says, and how it is called."""
    try:
        if "," not in of:
            return int(of), f"Y_{int(of)}"
        return [float(part) for part in of.split(",")], f"sum ({of}) of outputs"
    except ValueError:
        raise PolyregionsError(
            f"--of takes the number of an output or a coefficient for each, such as 1,-1; "
            f"not {shown(of)}"
        ) from None


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
