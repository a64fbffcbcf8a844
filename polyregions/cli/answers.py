"""``polyregions verify``, ``equal``, ``maximum``, ``minimum``, ``lipschitz`` and ``nearest``.

Whether a property holds; whether two networks are the same function, or choose the same classes.

How large, how small an output can be; how fast outputs can change; how near another class is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.domain import Domain
from polyregions.errors import PolyregionsError
from polyregions.network import Network
from polyregions.network.slices import Slice
from polyregions.run.progress import number_text

if TYPE_CHECKING:
    from polyregions.analysis.lipschitz import Lipschitz, Norm
    from polyregions.arrays import Point
    from polyregions.questions.equality import ClassComparison, Comparison
    from polyregions.questions.nearest_input import Nearest
    from polyregions.questions.optimum import Optimum
    from polyregions.questions.property import Counterexample
    from polyregions.questions.verification import Verdict

__all__ = [
    "equal_command",
    "lipschitz_command",
    "maximum_command",
    "minimum_command",
    "nearest_command",
    "verify_command",
]

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


@dataclass(frozen=True)
class Sought:
    """What an extreme value is sought of, and whether with a proof; a group of options."""

    of: options.OfOption = None
    margin: Annotated[
        int | None,
        typer.Option(
            "--margin",
            metavar="K",
            help="Instead, the margin of class K: output K less the largest of the others.",
        ),
    ] = None
    certificate: options.CertificateOption = None


@options.grouped
def maximum_command(
    where: options.Where,
    sought: Sought,
    effort: options.Effort,
    network: options.NetworkArgument,
    as_json: options.AsJson = False,
) -> int:
    """Find the largest value of an output or a margin in a box, exactly, without listing regions.

    Exit codes: 0 proven, 3 a limit was reached: an interval is printed.
    """
    from polyregions.questions.optimum import maximum

    return _sought_extreme(maximum, "largest", network, where, sought, effort, as_json)


@options.grouped
def minimum_command(
    where: options.Where,
    sought: Sought,
    effort: options.Effort,
    network: options.NetworkArgument,
    as_json: options.AsJson = False,
) -> int:
    """Find the smallest value of an output or a margin in a box, exactly, without listing regions.

    Exit codes: 0 proven, 3 a limit was reached: an interval is printed.
    """
    from polyregions.questions.optimum import minimum

    return _sought_extreme(minimum, "smallest", network, where, sought, effort, as_json)


def _sought_extreme(
    extreme: Callable[..., Optimum],
    word: str,
    file: Path,
    where: options.Where,
    sought: Sought,
    effort: options.Effort,
    as_json: bool,
) -> int:
    from polyregions.analysis.affine_maps import exact_maps
    from polyregions.questions.margins import margin
    from polyregions.questions.output_search import exact_outputs

    certificate = sought.certificate
    if certificate is not None:
        storage.check_output(certificate, [certificate.suffix.lower()], [file, *where.files])
    task = options.read_task(file, where)
    network = task.network
    if sought.margin is None:
        output, named = options.sum_of(sought.of)
    elif sought.of is None:
        if certificate is not None:
            raise PolyregionsError(
                "a certificate is of a network's own outputs; ask for the margin without one"
            )
        network, output = margin(network, sought.margin), 0
        named = f"margin of Y_{sought.margin % task.network.output_dimension}"
    else:
        raise PolyregionsError("--of and --margin name different values; give one of them")
    asked = network, task.domain, output
    best, seconds = effort.timed(extreme, *asked, certificate=certificate)
    if network is not task.network:
        # a margin's own output says no more than its value
        outputs = exact_outputs(exact_maps(task.network, None), best.point)
        best = replace(best, outputs=outputs)
    entries = {
        "of": "0" if sought.margin is None and sought.of is None else sought.of,
        "margin": None if sought.margin is None else sought.margin % task.network.output_dimension,
        "value": report.json_float(best.value),
        "exact_value": best.value,
        "proven": best.proven,
        # infinite: nothing is known yet
        "bound": report.json_float(best.bound),
        **report.exact_entries("point", best.point),
        **report.exact_entries("outputs", best.outputs),
    }
    return _found_extreme(
        task, best, _optimum_lines(f"{word} {named}", best), entries, seconds, as_json
    )


def _optimum_lines(what: str, best: Optimum) -> Iterator[str]:
    exact = report.decimal(best.value)
    if best.proven:
        yield f"{what}: {exact}, proven"
    else:
        known = best.bound not in (-inf, inf)
        limit = f"no input goes beyond {report.decimal(best.bound)}" if known else "no bound yet"
        yield f"{what}: {exact} found; {limit}"
    yield from report.value_lines("X", best.point)
    yield from report.value_lines("Y", best.outputs)


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
    from polyregions.questions.nearest_input import nearest

    task = options.read_task(network, where)
    point = options.point_given(at, task)
    asked = task.network, point, task.domain, cast("Norm", norm)
    found, seconds = effort.timed(nearest, *asked, other=other, level=level)
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
    }
    return _found_extreme(task, found, _nearest_lines(found), entries, seconds, as_json)


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
    from polyregions.questions.steepest import lipschitz

    task = options.read_task(network, where)
    found, seconds = effort.timed(lipschitz, task.network, task.domain, cast("Norm", norm))
    entries = {
        "norm": found.norm,
        "lower": report.json_float(found.lower),
        "exact_lower": found.lower,
        # infinite: nothing is known yet
        "upper": report.json_float(found.upper),
        "exact_upper": None if found.upper == inf else found.upper,
        "proven": found.proven,
        **report.exact_entries("point", found.point),
    }
    return _found_extreme(task, found, _lipschitz_lines(found), entries, seconds, as_json)


def _lipschitz_lines(found: Lipschitz) -> Iterator[str]:
    lower = report.decimal(found.lower)
    if found.proven:
        yield f"Lipschitz constant in norm {found.norm}: {lower}, proven"
    else:
        known = found.upper != inf
        limit = f"it is at most {report.decimal(found.upper)}" if known else "no bound yet"
        yield f"Lipschitz constant in norm {found.norm}: at least {lower}; {limit}"
    yield from report.value_lines("X", found.point)


def _found_extreme(
    task: options.Task,
    found: Optimum | Nearest | Lipschitz,
    lines: Iterator[str],
    entries: dict[str, Any],
    seconds: float,
    as_json: bool,
) -> int:
    """Print what was found, and how much was looked at for it; return the exit code."""
    entries |= {**report.search_entries(found), "seconds": seconds}
    report.print_answer(task, entries, [*lines, report.search_line(found)], as_json)
    return 0 if found.proven else 3
