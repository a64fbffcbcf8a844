"""``polyregions equal``: whether two networks are the same function, or choose the same classes."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyregions.cli import options, report

if TYPE_CHECKING:
    from polyregions.arrays import Point
    from polyregions.network import Network
    from polyregions.questions.class_equality import ClassComparison
    from polyregions.questions.equality import Comparison

__all__ = ["equal_command"]


@options.grouped
def equal_command(
    where: options.Where,
    effort: options.Effort,
    network: options.NetworkArgument,
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="The network to compare with.")],
    classes: Annotated[
        bool,
        typer.Option(
            "--classes",
            help="Compare the classes that they choose: the first of the largest outputs.",
        ),
    ] = False,
    as_json: options.AsJson = False,
) -> int:
    """Decide whether two networks are equal on a domain, or find where they differ most.

    With --classes: whether they choose the same class everywhere.

    Exit codes: 0 equal, proven; 1 they differ, at a point that is printed; 3 unknown, because a
    limit was reached.
    """
    from polyregions.compiled import Stopwatch
    from polyregions.questions.class_equality import equal_classes
    from polyregions.questions.equality import equal

    task = options.read_task(network, where)
    second = options.load_network(other, where.activation, where.network_output)
    if task.slice is not None:
        second = task.slice.restrict(second)
    watch = Stopwatch()
    asked = task.network, second, task.domain
    found: ClassComparison | Comparison
    if classes:
        found = equal_classes(*asked, **effort.watched)
        lines, values = _class_lines(second, found), _class_values(found)
    else:
        found = equal(*asked, **effort.watched)
        lines, values = _compared_lines(second, found), _compared_values(found)
    entries = {
        "other": second.name,
        **values,
        **report.search_entries(found),
        "seconds": watch.times().seconds,
    }
    report.print_answer(task, entries, [*lines, report.search_line(found)], as_json)
    return {True: 0, False: 1, None: 3}[found.equal]


def _compared_lines(second: Network, found: Comparison) -> Iterator[str]:
    name = report.name_of(second)
    if found.equal:
        yield f"{name}: equal on this domain, proven"
    elif found.equal is None:
        yield f"{name}: unknown whether it is equal; {_bound_text(found)}"
    else:
        yield f"{name}: different"
        closed = "proven to be the largest" if found.proven else f"found; {_bound_text(found)}"
        yield f"largest difference: {report.decimal(found.value)}, {closed}"
        yield from _point_lines(found.point, found.first, found.second)


def _class_lines(second: Network, found: ClassComparison) -> Iterator[str]:
    name = report.name_of(second)
    if found.equal:
        yield f"{name}: chooses the same class everywhere in this domain, proven"
    elif found.point is None or found.classes is None:
        share = f"proven on {found.settled:.1%} of the domain's box"
        yield f"{name}: unknown whether it chooses the same classes; {share}"
    else:
        before, now = found.classes
        yield f"{name}: class {now} instead of class {before}"
        yield from _point_lines(found.point, found.first, found.second)


def _point_lines(point: Point, first: Point, second: Point) -> Iterator[str]:
    yield from report.value_lines("X", point)
    yield from report.value_lines("Y", first)
    yield from report.value_lines("other Y", second)


def _bound_text(found: Comparison) -> str:
    if found.bound == inf:
        return "no bound on the difference yet"
    return f"no difference is beyond {report.decimal(found.bound)}"


def _compared_values(found: Comparison) -> dict[str, Any]:
    return {
        "equal": found.equal,
        "largest_difference": report.json_float(found.value),
        "exact_largest_difference": found.value,
        "proven": found.proven,
        # infinite: nothing is known yet
        "bound": report.json_float(found.bound),
        **_point_values(found.point, found.first, found.second),
    }


def _class_values(found: ClassComparison) -> dict[str, Any]:
    point = {} if found.point is None else _point_values(found.point, found.first, found.second)
    return {
        "equal_classes": found.equal,
        "classes": found.classes,
        **point,
        "settled": found.settled,
    }


def _point_values(point: Point, first: Point, second: Point) -> dict[str, Any]:
    return {
        **report.exact_entries("point", point),
        **report.exact_entries("outputs", first),
        **report.exact_entries("other_outputs", second),
    }
