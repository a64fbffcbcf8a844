"""A certificate from a Dask cluster: every part with its proofs, put together here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from os import PathLike
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
from polyregions.proof.certificate import certificate_of_pieces
from polyregions.regions import Regions
from polyregions.run.limits import Watched, options_given, with_options
from polyregions.run.problem import problem_of
from polyregions.run.progress import OnSteps, shown_steps
from polyregions.scale.assembly import places_of
from polyregions.scale.cluster_walk import BUDGET, PartsWritten, parts_on_cluster
from polyregions.scale.saved_runs import Written, kept_in
from polyregions.scale.task_pool import check_budget
from polyregions.scale.tasks import beyond_of, proof_name, prove_piece, read_part, read_proof

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
    options = options_given(Watched, how)
    check_budget(budget)
    import_extra("pyarrow.parquet", "parquet", "putting parts together")
    target = target_of(path).resolve()
    if is_stream(target):
        raise FormatError(f"{target} is a pipe or device, beside which no parts fit; name a file")
    problem = problem_of(network, domain)
    folder = target.with_name(target.name + PROOFS_SUFFIX)
    with (
        shown_steps(assembling, "files", "sorted") as sorting,
        parts_on_cluster(
            problem,
            folder,
            client,
            prove_piece,
            options.limits,
            options,
            budget=budget,
            resume=resume,
        ) as found,
    ):
        decisions = found.exact_decisions
        if found.stopped != "finished":
            regions = sum(part.regions for part in found.parts)
            return Written(target, regions, 0, decisions, False, True, found.stopped, folder)
        tables = folder / "regions.parquet"
        with kept_in(folder, target):
            shutil.rmtree(tables, ignore_errors=True)
            regions, edges = found.assembled(problem, tables, folder, sorting)
            result = open_partitions(tables)
            arrays = certificate_of_pieces(result, _numbered_pieces(found, result))
            with atomic_write(target) as stream:
                write_npz(stream, arrays)
        shutil.rmtree(tables, ignore_errors=True)
    return Written(target, regions, edges, decisions, True, True, found.stopped, checkpoint=None)


def _numbered_pieces(
    found: PartsWritten, regions: Regions
) -> Iterator[tuple[dict[str, NDArray[Any]], NDArray[np.int64]]]:
    """Yield every piece, with the numbers of its regions and of those beyond."""
    for walked in found.parts:
        part = read_part(found.files / walked.name, walked.sizes)
        known = np.concatenate([part.patterns, beyond_of(part.children)])
        yield read_proof(found.files / proof_name(walked.name)), places_of(regions.patterns, known)
