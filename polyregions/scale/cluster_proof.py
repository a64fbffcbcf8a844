"""A certificate from a Dask cluster: every part with its proofs, put together here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from polyregions.compiled import only_compiled
from polyregions.domain import Domain
from polyregions.errors import FormatError
from polyregions.files.archives import write_npz
from polyregions.files.atomic import atomic_write, is_stream, target_of
from polyregions.files.reading import import_extra
from polyregions.io.partitions import open_partitions
from polyregions.network import Network
from polyregions.proof.partial_certificate import certificate_of_pieces
from polyregions.regions import Regions
from polyregions.run.display import parts_text, shown_progress, shown_steps
from polyregions.run.limits import counting_limits
from polyregions.run.options import Watched, with_options
from polyregions.run.problem import identity_of, problem_of
from polyregions.run.progress import Interrupt, OnSteps
from polyregions.scale.assembly import assemble, places_of
from polyregions.scale.checkpoint import open_checkpoint, remove
from polyregions.scale.cluster_walk import BUDGET, files_of, walk_in_parts
from polyregions.scale.saved_walk import Written, kept_in
from polyregions.scale.task_pool import check_budget
from polyregions.scale.tasks import (
    Walked,
    beyond_of,
    proof_name,
    prove_piece,
    read_part,
    read_proof,
)

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["PROOFS_SUFFIX", "certify_on_cluster"]

PROOFS_SUFFIX = ".proofs"


@only_compiled()  # a certificate has the same bytes in every run
@with_options(Watched)
def certify_on_cluster(
    network: Network,
    domain: Domain | None,
    path: str | PathLike[str],
    client: Client,
    *,
    budget: int = BUDGET,
    resume: bool = False,
    assembling: OnSteps = None,
    **how: Unpack[Watched],
) -> Written:
    """Write a certificate of all regions, found and proven on a Dask cluster.

    Parameters
    ----------
    network : Network
    domain : Box, Polytope or None
    path : str or path-like
        The certificate, in a folder that all workers and this process see under the same
        name. Parts are kept beside it, in a folder with ``.proofs`` behind the name, until
        it is written.
    client : distributed.Client
        Of a cluster whose workers have this package in the same version.
    budget, resume, progress, assembling, on_interrupt
        As for :func:`polyregions.scale.cluster_walk.enumerate_on_cluster`.

    Returns
    -------
    Written
        After Ctrl-C that is to return, ``complete=False``: there is no certificate yet.

    Raises
    ------
    CheckpointError, DomainError, MissingExtraError, PolyregionsError
        As for `enumerate_on_cluster`.
    FormatError
        If `path` is a pipe or device, or the proofs of the parts do not fit together.
    PartialResultError
        If a part is missing.

    Notes
    -----
    *Algorithm.* A worker that has found all regions below a prefix expands them once more,
    as :func:`polyregions.proof.certificate.write_certificate` does, with the patterns beyond
    as further neighbours. The driver gives regions their final numbers and joins the pieces
    in memory, where a certificate must fit as it must where it is checked.

    Examples
    --------
    >>> import polyregions as pr
    >>> from distributed import Client  # doctest: +SKIP
    >>> with Client("tcp://scheduler:8786") as client:  # doctest: +SKIP
    ...     pr.certify_on_cluster(net, pr.Box.cube(3, 1.0), "shared/net.cert", client)
    """
    check_budget(budget)
    import_extra("pyarrow.parquet", "parquet", "putting parts together")
    target = target_of(path).resolve()
    if is_stream(target):
        raise FormatError(f"{target} is a pipe or device, beside which no parts fit; name a file")
    problem = problem_of(network, domain)
    folder = target.with_name(target.name + PROOFS_SUFFIX)
    with (
        Interrupt(how["on_interrupt"]) as interrupt,
        shown_progress(how["progress"], parts_text) as report,
        shown_steps(assembling, "files", "sorted") as sorting,
        open_checkpoint(folder, identity_of(problem), resume=resume) as checkpoint,
    ):
        parts, stopped = walk_in_parts(
            problem,
            checkpoint,
            client,
            prove_piece,
            budget=budget,
            interrupt=interrupt,
            limits=counting_limits(),
            progress=report,
        )
        decisions = sum(part.exact_decisions for part in parts)
        regions = sum(part.regions for part in parts)
        if stopped != "finished":
            return Written(target, regions, 0, decisions, False, True, stopped, folder)
        files, tables = files_of(checkpoint), folder / "regions.parquet"
        with kept_in(folder, target):
            shutil.rmtree(tables, ignore_errors=True)
            assemble(problem, files, parts, tables, folder, complete=True, progress=sorting)
            result = open_partitions(tables)
            arrays = certificate_of_pieces(result, _numbered_pieces(files, parts, result))
            with atomic_write(target) as stream:
                write_npz(stream, arrays)
        shutil.rmtree(tables, ignore_errors=True)
        shutil.rmtree(files, ignore_errors=True)
        remove(checkpoint)
    return Written(
        target, regions, len(result.edges), decisions, True, True, stopped, checkpoint=None
    )


def _numbered_pieces(
    files: Path, parts: Sequence[Walked], regions: Regions
) -> Iterator[tuple[dict[str, NDArray[Any]], NDArray[np.int64]]]:
    """Yield every piece, with the numbers of its regions and of those beyond."""
    for walked in parts:
        part = read_part(files / walked.name, walked.sizes)
        known = np.concatenate([part.patterns, beyond_of(part.children)])
        yield read_proof(files / proof_name(walked.name)), places_of(regions.patterns, known)
