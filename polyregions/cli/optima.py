"""``polyregions maximum``, ``minimum``, ``lipschitz`` and ``nearest``: a value, and a bound of it.

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
from polyregions.errors import PolyregionsError

if TYPE_CHECKING:
    from polyregions.analysis.lipschitz import Lipschitz, Norm
    from polyregions.questions.nearest_input import Nearest
    from polyregions.questions.optimum import Optimum

__all__ = ["lipschitz_command", "maximum_command", "minimum_command", "nearest_command"]


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
