"""``polyregions certify`` and ``polyregions check``: certificates, written and checked."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.enumerate_ import enumerated, on_cluster
from polyregions.cli.options import Task
from polyregions.cli.progress_lines import announced_compilation
from polyregions.domain import Box, Domain, Polytope
from polyregions.errors import PolyregionsError
from polyregions.run.display import shown_steps

if TYPE_CHECKING:
    from polyregions.compiled import Times
    from polyregions.proof.checker import Report
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
    as_json: options.AsJson = False,
) -> int:
    """Find every region and save a proof; see ``polyregions check``."""
    from polyregions.proof.certificate import write_certificate

    # a certificate may have any name
    storage.check_output(output, [output.suffix.lower()], [network, *where.files])
    if resume and dask is None:
        raise PolyregionsError(
            "--resume goes on with parts that a cluster wrote; add --dask, or leave it out"
        )
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
        with announced_compilation(), shown_steps(True, "regions", "written") as progress:
            write_certificate(regions, output, progress=progress)
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
    from polyregions.proof.checker import Refused
    from polyregions.proof.checker import check as replay

    if not certificate.is_file():
        raise PolyregionsError(f"there is no file {certificate}; give a certificate")
    task = options.read_task(network, where)
    try:
        with shown_steps(True, "regions", "checked") as progress:
            proven = replay(task.network, certificate, progress)
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
        report.print_json(
            {
                **report.values(task),
                "certificate": str(certificate),
                "regions": proven.regions,
                "edges": proven.edges,
                "proven": True,
                "exact_claims": proven.exact,
            }
        )
    else:
        report.print_lines(
            f"{report.name_of(task.network)}: {proven.regions:,} regions, {proven.edges:,} edges "
            f"on {report.domain_text(domain)}: proven",
            f"{proven.exact:,} claims decided in exact arithmetic",
        )
    return 0


def _certified_domain(proven: Report) -> Domain | None:
    """Return the domain of a certificate.

    Raises
    ------
    Refused
        If its box is not that of its polytope.
    """
    from polyregions.proof.checker import Refused

    domain: Domain | None = Box(*proven.domain) if len(proven.domain) else None
    if len(proven.inequalities):
        domain = Polytope(proven.inequalities[:, :-1], proven.inequalities[:, -1])
        if domain.box != Box(*proven.domain):
            raise Refused("the box is not the polytope's")
    return domain
