"""``polyregions verify`` and ``equal``: whether something holds on a whole domain.

Whether a property holds; whether two networks are the same function, or choose the same classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.domain import Domain
from polyregions.network import Network
from polyregions.network.slices import Slice
from polyregions.run.display import number_text

if TYPE_CHECKING:
    from polyregions.arrays import Point
    from polyregions.network import Network
    from polyregions.questions.equality import ClassComparison, Comparison
    from polyregions.questions.property import Counterexample
    from polyregions.questions.verification import Verdict

__all__ = ["equal_command", "verify_command"]


_EXIT_CODES = {"holds": 0, "violated": 1, "unknown": 3}
_WORDS = {"holds": "unsat", "violated": "sat", "unknown": "unknown"}


@options.grouped
def verify_command(
    where: options.Where,
    effort: options.Effort,
    network: options.NetworkArgument,
    property_file: Annotated[
        Path, typer.Argument(metavar="PROPERTY", help="What a counterexample satisfies: .vnnlib.")
    ],
    certificate: options.CertificateOption = None,
    vnncomp: Annotated[
        bool,
        typer.Option(
            "--vnncomp", help="Answer as the competition does: unsat, sat and a point, unknown."
        ),
    ] = False,
    as_json: options.AsJson = False,
) -> int:
    """Decide whether a network has a property: proven, or an exact counterexample.

    Options of the domain leave out inputs beyond it; the counterexample is an input of the network.

    Exit codes: 0 it holds, 1 it is violated, 3 unknown, because a limit was reached.
    """
    from polyregions.questions.property import load_property
    from polyregions.questions.verification import verify

    if certificate is not None:
        storage.check_output(certificate, [certificate.suffix.lower()], [network, property_file])
    asked = load_property(property_file)
    domain: Domain | Slice | None = None
    if where.names_a_domain:
        task = options.read_task(network, where)
        loaded, domain = task.loaded, task.slice or task.domain
    else:
        loaded = options.load_network(network, where.activation, where.network_output)
    verdict, seconds = effort.timed(verify, loaded, asked, domain, certificate=certificate)
    if as_json:
        report.print_json(_json_values(loaded, property_file, verdict, seconds))
    elif vnncomp:
        report.print_lines(_WORDS[verdict.answer], *_competition_lines(verdict.counterexample))
    else:
        report.print_lines(*_verdict_lines(loaded, property_file, verdict))
    return _EXIT_CODES[verdict.answer]


def _verdict_lines(network: Network, property_file: Path, verdict: Verdict) -> Iterator[str]:
    name = report.name_of(network)
    if verdict.answer == "holds":
        yield f"{name}: {property_file.name} holds, proven"
    elif verdict.answer == "violated":
        yield f"{name}: {property_file.name} is violated, by a counterexample checked exactly"
    else:
        yield (
            f"{name}: unknown whether {property_file.name} holds; proven on "
            f"{verdict.settled:.1%} of its inputs"
        )
    if verdict.counterexample is not None:
        yield from report.value_lines("X", verdict.counterexample.point)
        yield from report.value_lines("Y", verdict.counterexample.outputs)
    yield report.search_line(verdict)


def _competition_lines(found: Counterexample | None) -> list[str]:
    if found is None:
        return []
    named = [(f"X_{index}", value) for index, value in enumerate(found.point)]
    named += [(f"Y_{index}", value) for index, value in enumerate(found.outputs)]
    lines = [f" ({name} {number_text(value)})" for name, value in named]
    return ["(" + lines[0][1:], *lines[1:-1], lines[-1] + ")"]


def _json_values(
    network: Network, property_file: Path, verdict: Verdict, seconds: float
) -> dict[str, Any]:
    found = verdict.counterexample
    return {
        "network": network.name,
        "property": str(property_file),
        "answer": verdict.answer,
        "vnncomp": _WORDS[verdict.answer],
        "counterexample": None
        if found is None
        else {
            **report.exact_entries("input", found.point),
            **report.exact_entries("output", found.outputs),
        },
        "settled": verdict.settled,
        **report.search_entries(verdict),
        "seconds": seconds,
    }


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
    from polyregions.questions.equality import equal, equal_classes

    task = options.read_task(network, where)
    second = options.load_network(other, where.activation, where.network_output)
    if task.slice is not None:
        second = task.slice.restrict(second)
    asked = task.network, second, task.domain
    found: ClassComparison | Comparison
    if classes:
        chosen, seconds = effort.timed(equal_classes, *asked)
        found, lines, values = chosen, _class_lines(second, chosen), _class_values(chosen)
    else:
        apart, seconds = effort.timed(equal, *asked)
        found, lines, values = apart, _compared_lines(second, apart), _compared_values(apart)
    entries = {
        "other": second.name,
        **values,
        **report.search_entries(found),
        "seconds": seconds,
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
