"""``polyregions certify`` and ``check``: proofs of what was found, written and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.count import Method
from polyregions.cli.enumerate_ import by_cluster, enumerated
from polyregions.cli.report import announced_compilation
from polyregions.domain import Box, Domain, Polytope
from polyregions.errors import PolyregionsError

if TYPE_CHECKING:
    from polyregions.proof.checker import Report
    from polyregions.proof.tree_checker import TreeReport

__all__ = ["certify_command", "check_command"]


@options.grouped
def certify_command(
    where: options.Where,
    network: options.NetworkArgument,
    output: Annotated[Path, options.output_option("CERT", "Where to save the certificate.")],
    threads: options.ThreadsOption = 1,
    dask: Annotated[
        str | None, options.dask_option("Work on a Dask cluster that shares the folder of CERT")
    ] = None,
    resume: storage.ResumeOption = False,
    method: Annotated[
        Method,
        typer.Option(
            "--method",
            help="bfs: regions and edges are proven; tree: their number, in a smaller file.",
        ),
    ] = Method.BFS,
    as_json: options.AsJson = False,
) -> int:
    """Find every region and save a proof; see ``polyregions check``."""
    from polyregions.proof.certification import certify as write_proof

    # a certificate may have any name
    storage.check_output(output, [output.suffix.lower()], [network, *where.files])
    if resume and dask is None:
        raise PolyregionsError(
            "--resume goes on with parts that a cluster wrote; add --dask, or leave it out"
        )
    if method is Method.TREE and dask is not None:
        raise PolyregionsError("a cluster proves by a walk; leave --method out, or --dask")
    task = options.read_task(network, where)
    if dask is not None:
        try:
            from polyregions.scale.cluster_proof import certify_on_cluster

            written, times = by_cluster(
                certify_on_cluster, task, dask, output, threads, resume=resume
            )
        except (KeyboardInterrupt, MemoryError, OSError) as error:
            return storage.ended_by(error, output)
        if written.complete:
            report.print_saved(task, asdict(written), times, output, as_json)
            return 0
        report.tell(
            f"polyregions: stopped with proofs of {written.regions:,} regions; there is no "
            f"certificate yet, and the same command with --resume goes on from here"
        )
        return 3
    regions, times = enumerated(task, options.WalkEffort(threads), compile_first=True)
    code = report.exit_code(regions)
    if code == 0:
        with announced_compilation():
            write_proof(regions, output, method=method.value, progress=True)
        report.print_saved(task, regions.summary(), times, output, as_json)
    return code


@options.grouped
def check_command(
    where: options.Where,
    network: options.NetworkArgument,
    certificate: Annotated[
        Path,
        typer.Argument(
            metavar="CERT", help="A file written by polyregions certify, verify, maximum, minimum."
        ),
    ],
    property_file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PROPERTY]", help="The property that the certificate has to be of: .vnnlib."
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> int:
    """Check a certificate of a network, without trusting the program that wrote it.

    The domain is the certificate's; a domain option says which one it has to be.
    """
    from polyregions.proof.certificate_file import Refused
    from polyregions.proof.certification import check

    if not certificate.is_file():
        raise PolyregionsError(f"there is no file {certificate}; give a certificate")
    task = options.read_task(network, where)
    try:
        proven = check(task.network, certificate, progress=True)
        domain = _certified_domain(proven)
        if where.names_a_domain and domain != task.domain:
            raise Refused(
                f"the certificate is about {report.domain_text(domain)}, "
                f"not {report.domain_text(task.domain)}"
            )
        if property_file is not None:
            _check_about(proven, property_file)
    except Refused as refusal:
        if as_json:
            refused = {"network": task.network.name, "certificate": str(certificate)}
            report.print_json({**refused, "proven": False, "reason": str(refusal)})
        return report.complain(f"{certificate.name}: {refusal}", code=1)
    task = replace(task, domain=domain)
    if as_json:
        what = {**report.values(task), "certificate": str(certificate), "proven": True}
        report.print_json({**what, **_proof_values(proven)})
    else:
        place = "" if _is_verdict(proven) else f" on {report.domain_text(domain)}"
        first, *others = _checked_lines(
            proven, property_file.name if property_file else "a property"
        )
        name = report.name_of(task.network)
        report.print_lines(f"{name}: {first}{place}: proven", *others)
    return 0


def _is_verdict(proven: Report | TreeReport) -> bool:
    return getattr(proven, "claim", "count") != "count"


def _check_about(proven: Report | TreeReport, path: Path) -> None:
    """Refuse a certificate of another property.

    Raises
    ------
    Refused
    """
    from polyregions.proof.certificate_file import Refused
    from polyregions.questions.certificates import is_about
    from polyregions.questions.property import load_property

    if not is_about(getattr(proven, "cases", ()), load_property(path)) or not _is_verdict(proven):
        raise Refused(f"the certificate is not about the property of {path.name}")


def _certified_domain(proven: Report | TreeReport) -> Domain | None:
    """Return the domain of a certificate; of a property the box, if it has one only.

    Raises
    ------
    Refused
        If its box is not that of its polytope.
    """
    from polyregions.proof.certificate_file import Refused

    if _is_verdict(proven):
        cases: tuple[Any, ...] = getattr(proven, "cases", ())
        whole = len(cases) == 1 and (cases[0].lower < cases[0].upper).any()
        return Box(cases[0].lower, cases[0].upper) if whole else None
    domain: Domain | None = Box(*proven.domain) if len(proven.domain) else None
    if len(proven.inequalities):
        domain = Polytope(proven.inequalities[:, :-1], proven.inequalities[:, -1])
        if domain.box != Box(*proven.domain):
            raise Refused("the box is not the polytope's")
    return domain


def _proof_values(proven: Report | TreeReport) -> dict[str, Any]:
    from polyregions.proof.checker import Report

    if isinstance(proven, Report):
        return {"regions": proven.regions, "edges": proven.edges, "exact_claims": proven.exact}
    values: dict[str, Any] = {"claim": proven.claim, "boxes": proven.boxes, "nodes": proven.units}
    if proven.claim == "count":
        values["regions"] = proven.regions
    if proven.point is not None and proven.outputs is not None:
        values |= report.exact_entries("input", proven.point)
        values |= report.exact_entries("output", proven.outputs)
    return values


def _checked_lines(proven: Report | TreeReport, asked: str) -> list[str]:
    from polyregions.proof.checker import Report

    if isinstance(proven, Report):
        return [
            f"{proven.regions:,} regions, {proven.edges:,} edges",
            f"{proven.exact:,} claims decided in exact arithmetic",
        ]
    if proven.claim == "count":
        lines = [f"{proven.regions:,} regions"]
    elif proven.claim == "extreme":
        ((row,),) = proven.cases[0].sets
        lines = [_extreme_text(*row)]
    else:
        lines = [f"{asked} {'holds' if proven.claim == 'holds' else 'is violated'}"]
    if proven.point is not None and proven.outputs is not None:
        lines += report.value_lines("X", proven.point)
        lines += report.value_lines("Y", proven.outputs)
    return [*lines, f"{proven.boxes:,} boxes, {proven.units:,} nodes of units checked"]


def _extreme_text(coefficients: Sequence[float], bound: Fraction) -> str:
    """Return what is extreme: no outputs have a sum below the bound."""
    terms = [(k, c) for k, c in enumerate(coefficients) if c]
    word = "smallest"
    if terms and terms[0][1] < 0:
        word, terms, bound = "largest", [(k, -c) for k, c in terms], -bound
    parts = [f"Y_{k}" if c == 1 else f"{c:g} Y_{k}" for k, c in terms]
    return f"{word} {' + '.join(parts)}: {report.decimal(bound)}"
