"""``polyregions maximum`` and ``minimum``: how large, how small an output can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.errors import PolyregionsError

if TYPE_CHECKING:
    from polyregions.questions.optimum import Optimum

__all__ = ["maximum_command", "minimum_command"]

_MarginOption = Annotated[
    int | None,
    typer.Option(
        "--margin",
        metavar="K",
        help="Instead, the margin of class K: output K less the largest of the others.",
    ),
]


@options.grouped
def maximum_command(
    where: options.Where,
    effort: options.Effort,
    network: options.NetworkArgument,
    of: options.OfOption = None,
    margin: _MarginOption = None,
    certificate: options.CertificateOption = None,
    as_json: options.AsJson = False,
) -> int:
    """Find the largest value of an output or a margin in a box, exactly, without listing regions.

    Exit codes: 0 proven, 3 a limit was reached: an interval is printed.
    """
    from polyregions.questions.optimum import maximum

    _check_certificate(certificate, network, where)
    task = options.read_task(network, where)
    how = {**effort.watched, "certificate": certificate}
    return _answer(maximum, "largest", task, _Sought(of, margin), how, as_json)


@options.grouped
def minimum_command(
    where: options.Where,
    effort: options.Effort,
    network: options.NetworkArgument,
    of: options.OfOption = None,
    margin: _MarginOption = None,
    certificate: options.CertificateOption = None,
    as_json: options.AsJson = False,
) -> int:
    """Find the smallest value of an output or a margin in a box, exactly, without listing regions.

    Exit codes: 0 proven, 3 a limit was reached: an interval is printed.
    """
    from polyregions.questions.optimum import minimum

    _check_certificate(certificate, network, where)
    task = options.read_task(network, where)
    how = {**effort.watched, "certificate": certificate}
    return _answer(minimum, "smallest", task, _Sought(of, margin), how, as_json)


@dataclass(frozen=True)
class _Sought:
    """What an extreme value is sought of: outputs, or a margin."""

    of: str | None
    margin: int | None


def _check_certificate(certificate: Path | None, network: Path, where: options.Where) -> None:
    if certificate is not None:
        storage.check_output(certificate, [certificate.suffix.lower()], [network, *where.files])


def _answer(
    extreme: Callable[..., Optimum],
    word: str,
    task: options.Task,
    sought: _Sought,
    how: dict[str, Any],
    as_json: bool,
) -> int:
    from polyregions.analysis.affine_maps import exact_maps
    from polyregions.compiled import Stopwatch
    from polyregions.questions.margins import margin
    from polyregions.questions.output_search import exact_outputs

    network = task.network
    if sought.margin is None:
        output, named = options.sum_of(sought.of)
    elif sought.of is None:
        if how["certificate"] is not None:
            raise PolyregionsError(
                "a certificate is of a network's own outputs; ask for the margin without one"
            )
        network, output = margin(network, sought.margin), 0
        named = f"margin of Y_{sought.margin % task.network.output_dimension}"
    else:
        raise PolyregionsError("--of and --margin name different values; give one of them")
    watch = Stopwatch()
    best = extreme(network, task.domain, output, **how)
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
        **report.search_entries(best),
        "seconds": watch.times().seconds,
    }
    report.print_answer(task, entries, _optimum_lines(f"{word} {named}", best), as_json)
    return 0 if best.proven else 3


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
    yield report.search_line(best)
