"""``polyregions lipschitz``: how fast outputs can change."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING, cast

from polyregions.cli import options, report

if TYPE_CHECKING:
    from polyregions.analysis.lipschitz import Lipschitz, Norm

__all__ = ["lipschitz_command"]


@options.grouped
def lipschitz_command(
    where: options.Where,
    effort: options.Effort,
    network: options.NetworkArgument,
    norm: options.NormOption = "2",
    as_json: options.AsJson = False,
) -> int:
    """Find the largest norm of a gradient in a box, without a list of all regions.

    Exit codes: 0 proven, 3 a limit was reached: an interval is printed.
    """
    from polyregions.compiled import Stopwatch
    from polyregions.questions.steepest import lipschitz

    task = options.read_task(network, where)
    watch = Stopwatch()
    found = lipschitz(task.network, task.domain, cast("Norm", norm), **effort.watched)
    entries = {
        "norm": found.norm,
        "lower": report.json_float(found.lower),
        "exact_lower": found.lower,
        # infinite: nothing is known yet
        "upper": report.json_float(found.upper),
        "exact_upper": None if found.upper == inf else found.upper,
        "proven": found.proven,
        **report.exact_entries("point", found.point),
        **report.search_entries(found),
        "seconds": watch.times().seconds,
    }
    report.print_answer(task, entries, _lipschitz_lines(found), as_json)
    return 0 if found.proven else 3


def _lipschitz_lines(found: Lipschitz) -> Iterator[str]:
    lower = report.decimal(found.lower)
    if found.proven:
        yield f"Lipschitz constant in norm {found.norm}: {lower}, proven"
    else:
        known = found.upper != inf
        limit = f"it is at most {report.decimal(found.upper)}" if known else "no bound yet"
        yield f"Lipschitz constant in norm {found.norm}: at least {lower}; {limit}"
    yield from report.value_lines("X", found.point)
    yield report.search_line(found)
