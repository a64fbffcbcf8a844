"""``polyregions check``: replay a certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polyregions.cli import options, report
from polyregions.cli.progress import shown_steps
from polyregions.domain import Box, Domain, Polytope
from polyregions.errors import PolyregionsError


@options.on_a_domain
def check(
    where: options.Where,
    network: options.NetworkArgument,
    certificate: Annotated[
        Path, typer.Argument(metavar="CERT", help="A file written by polyregions certify.")
    ],
) -> int:
    """Check a certificate of a network, without trusting the program that wrote it.

    The domain is the certificate's; a domain option says which one it has to be.
    """
    from polyregions.proof.checker import Refused
    from polyregions.proof.checker import check as replay

    if not certificate.is_file():
        raise PolyregionsError(f"there is no file {certificate}; give a certificate")
    task = options.read_task(network, where)
    layers = [(part.weight, part.bias, part.lower, part.upper) for part in task.network.layers]
    try:
        with shown_steps("checked") as progress:
            proven = replay(layers, certificate, progress)
    except Refused as refusal:
        return report.complain(f"{certificate.name}: {refusal}", code=1)
    domain: Domain | None = Box(*proven.domain) if len(proven.domain) else None
    if len(proven.inequalities):
        domain = Polytope(proven.inequalities[:, :-1], proven.inequalities[:, -1])
        if domain.box != Box(*proven.domain):
            return report.complain(f"{certificate.name}: the box is not the polytope's", code=1)
    if where.names_a_domain and domain != task.domain:
        return report.complain(
            f"{certificate.name} is about {report.domain_text(domain)}, "
            f"not {report.domain_text(task.domain)}",
            code=1,
        )
    report.print_lines(
        f"{task.network.name}: {proven.regions:,} regions, {proven.edges:,} edges "
        f"on {report.domain_text(domain)}: proven",
        f"{proven.exact:,} claims decided in exact arithmetic",
    )
    return 0
