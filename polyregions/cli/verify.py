"""``polyregions verify``: whether a property holds."""

from __future__ import annotations

from collections.abc import Iterator
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
    from polyregions.questions.property import Counterexample
    from polyregions.questions.verification import Verdict

__all__ = ["verify_command"]

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
    from polyregions.compiled import Stopwatch
    from polyregions.questions.property_files import load_property
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
    watch = Stopwatch()
    verdict = verify(loaded, asked, domain, certificate=certificate, **effort.watched)
    if as_json:
        report.print_json(_json_values(loaded, property_file, verdict, watch.times().seconds))
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
