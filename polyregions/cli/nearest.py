"""``polyregions nearest``: the nearest input of another class."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING, Annotated, cast

import typer

from polyregions.cli import options, report

if TYPE_CHECKING:
    from polyregions.analysis.lipschitz import Norm
    from polyregions.questions.nearest_input import Nearest

__all__ = ["nearest_command"]


@options.grouped
def nearest_command(
    where: options.Where,
    effort: options.Effort,
    network: options.NetworkArgument,
    at: options.AtOption,
    norm: options.NormOption = "2",
    other: Annotated[
        int | None, typer.Option("--other", metavar="J", help="Look for this class only.")
    ] = None,
    level: Annotated[
        float, typer.Option("--level", metavar="C", help="With one output: what it crosses.")
    ] = 0.0,
    as_json: options.AsJson = False,
) -> int:
    """Find the input of another class that is nearest to a point, and a radius without any.

    Exit codes: 0 proven, 3 a limit was reached: an interval is printed.
    """
    from polyregions.compiled import Stopwatch
    from polyregions.questions.nearest_input import nearest

    task = options.read_task(network, where)
    point = options.point_given(at, task)
    watch = Stopwatch()
    asked = task.network, point, task.domain, cast("Norm", norm)
    found = nearest(*asked, other=other, level=level, **effort.watched)
    value, bound = (None if v == inf else v for v in (found.value, found.bound))
    entries = {
        "norm": found.norm,
        "class": found.classes[0],
        "other_class": found.classes[1],
        "distance": report.json_float(found.distance),
        "radius": report.json_float(found.radius),
        # squared in the norm 2; none is infinite
        "exact_value": value,
        "exact_bound": bound,
        "proven": found.proven,
        **report.exact_entries("point", found.point or ()),
        **report.exact_entries("outputs", found.outputs or ()),
        **report.search_entries(found),
        "seconds": watch.times().seconds,
    }
    report.print_answer(task, entries, _nearest_lines(found), as_json)
    return 0 if found.proven else 3


def _nearest_lines(found: Nearest) -> Iterator[str]:
    own, reached = found.classes
    if found.point is None:
        yield f"class {own}; no input of another class found"
    else:
        yield f"class {own}; an input of class {reached} at distance {found.distance!r}"
    if found.proven:
        yield "proven to be the nearest" if found.point else "proven: there is none in the box"
    else:
        yield f"proven: none within {found.radius!r}"
    yield from report.value_lines("X", found.point or ())
    yield from report.value_lines("Y", found.outputs or ())
    yield report.search_line(found)
