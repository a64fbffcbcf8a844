"""``polyregions certify`` and ``polyregions check``: certificates, written and checked."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.count import Method
from polyregions.cli.enumerate_ import enumerated, on_cluster
from polyregions.cli.options import Task
from polyregions.cli.progress_lines import announced_compilation
from polyregions.domain import Box, Domain, Polytope
from polyregions.errors import PolyregionsError

if TYPE_CHECKING:
    from polyregions.compiled import Times
    from polyregions.proof.checker import Report
    from polyregions.proof.tree_checker import TreeReport
    from polyregions.scale.saved_walk import Written

__all__ = []


@options.grouped
def certify(
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
            written, times = certify_by_cluster(task, dask, output, threads=threads, resume=resume)
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
    regions, times = enumerated(
        task, threads=threads, max_regions=None, time_limit=None, compile_first=True
    )
    code = report.exit_code(regions)
    if code == 0:
        with announced_compilation():
            write_proof(regions, output, method=method.value, progress=True)
        report.print_saved(task, regions.summary(), times, output, as_json)
    return code


def certify_by_cluster(
    task: Task, address: str, output: Path, *, threads: int, resume: bool
) -> tuple[Written, Times]:
    """Write a certificate with progress on stderr; return what was written and the times."""
    with on_cluster(address, threads) as (client, callbacks):
        from polyregions.compiled import Stopwatch
        from polyregions.scale.cluster_proof import certify_on_cluster

        watch = Stopwatch()
        written = certify_on_cluster(
            task.network, task.domain, output, client, resume=resume, **callbacks
        )
        return written, watch.times()


@options.grouped
def check_command(
    where: options.Where,
    network: options.NetworkArgument,
    certificate: Annotated[
        Path, typer.Argument(metavar="CERT", help="A file written by polyregions certify.")
    ],
    as_json: options.AsJson = False,
) -> int:
    """Check a certificate of a network, without trusting the program that wrote it.

    The domain is the certificate's; a domain option says which one it has to be.
    """
    from polyregions.proof.certification import check
    from polyregions.proof.reading import Refused

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
    except Refused as refusal:
        if as_json:
            refused = {"network": task.network.name, "certificate": str(certificate)}
            report.print_json({**refused, "proven": False, "reason": str(refusal)})
        return report.complain(f"{certificate.name}: {refusal}", code=1)
    task = replace(task, domain=domain)
    if as_json:
        what = {**report.values(task), "certificate": str(certificate), "proven": True}
        report.print_json({**what, **_proven_values(proven)})
    else:
        on = f"{report.name_of(task.network)}: {{}} on {report.domain_text(domain)}: proven"
        report.print_lines(*_proven_lines(proven, on))
    return 0


def _proven_values(proven: Report | TreeReport) -> dict[str, Any]:
    from polyregions.proof.tree_checker import TreeReport

    if isinstance(proven, TreeReport):
        return {"regions": proven.regions, "nodes": proven.units}
    return {"regions": proven.regions, "edges": proven.edges, "exact_claims": proven.exact}


def _proven_lines(proven: Report | TreeReport, on: str) -> list[str]:
    from polyregions.proof.tree_checker import TreeReport

    if isinstance(proven, TreeReport):
        return [
            on.format(f"{proven.regions:,} regions"),
            f"{proven.units:,} nodes of a tree checked in exact arithmetic",
        ]
    return [
        on.format(f"{proven.regions:,} regions, {proven.edges:,} edges"),
        f"{proven.exact:,} claims decided in exact arithmetic",
    ]


def _certified_domain(proven: Report | TreeReport) -> Domain | None:
    """Return the domain of a certificate.

    Raises
    ------
    Refused
        If its box is not that of its polytope.
    """
    from polyregions.proof.reading import Refused

    domain: Domain | None = Box(*proven.domain) if len(proven.domain) else None
    if len(proven.inequalities):
        domain = Polytope(proven.inequalities[:, :-1], proven.inequalities[:, -1])
        if domain.box != Box(*proven.domain):
            raise Refused("the box is not the polytope's")
    return domain
