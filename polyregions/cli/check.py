"""``polyregions check``: replay a certificate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polyregions.cli import options, report
from polyregions.cli.progress_lines import shown_steps
from polyregions.domain import Box, Domain, Polytope
from polyregions.errors import PolyregionsError

if TYPE_CHECKING:
    from polyregions.proof.checker import Report


@options.on_a_domain
def check(
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
        with shown_steps("checked") as progress:
            proven = replay(task.network, certificate, progress)
        domain = _domain(proven)
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


def _domain(proven: Report) -> Domain | None:
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
