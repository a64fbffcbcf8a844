"""The options ``--dask``, and counts and walks on the cluster that they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyregions.cli.options import Task
from polyregions.cli.progress_lines import (
    announced_compilation,
    parts_text,
    shown_progress,
    shown_steps,
    tree_text,
)

if TYPE_CHECKING:
    from distributed import Client

    from polyregions.compiled import Times
    from polyregions.scale.saved_walk import Written
    from polyregions.tree.subdivision import TreeCount

__all__ = [
    "DaskOption",
    "DaskProofOption",
    "DaskWalkOption",
    "certify_by_cluster",
    "count_by_cluster",
    "walk_by_cluster",
]

DaskOption = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="ADDRESS",
        help="Count by tree on a Dask cluster; local: --threads worker processes here.",
    ),
]

DaskWalkOption = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="ADDRESS",
        help="Walk on a Dask cluster that shares the folder of OUT, a folder .parquet; "
        "local: --threads worker processes here.",
    ),
]

DaskProofOption = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="ADDRESS",
        help="Work on a Dask cluster that shares the folder of CERT; "
        "local: --threads worker processes here.",
    ),
]


def count_by_cluster(
    task: Task, address: str, *, threads: int, max_regions: int | None, time_limit: float | None
) -> tuple[TreeCount, Times]:
    """Count with progress on stderr; return the result and the times it took."""
    with announced_compilation(), shown_progress(tree_text) as progress:
        from polyregions.compiled import Stopwatch
        from polyregions.scale.cluster import connected, count_on_cluster

        with connected(address, threads) as client:
            watch = Stopwatch()
            count = count_on_cluster(
                task.network,
                task.domain,
                client,
                max_regions=max_regions,
                time_limit=time_limit,
                progress=progress,
                on_interrupt="return",
            )
            return count, watch.times()


def walk_by_cluster(
    task: Task,
    address: str,
    output: Path,
    *,
    threads: int,
    resume: bool,
    max_regions: int | None,
    time_limit: float | None,
) -> tuple[Written, Times]:
    """Enumerate into a folder, likewise."""
    with _walking(address, threads) as (client, callbacks):
        from polyregions.compiled import Stopwatch
        from polyregions.scale.cluster_walk import enumerate_on_cluster

        watch = Stopwatch()
        written = enumerate_on_cluster(
            task.network,
            task.domain,
            output,
            client,
            resume=resume,
            max_regions=max_regions,
            time_limit=time_limit,
            **callbacks,
        )
        return written, watch.times()


def certify_by_cluster(
    task: Task, address: str, output: Path, *, threads: int, resume: bool
) -> tuple[Written, Times]:
    """Write a certificate, likewise."""
    with _walking(address, threads) as (client, callbacks):
        from polyregions.compiled import Stopwatch
        from polyregions.scale.cluster_proof import certify_on_cluster

        watch = Stopwatch()
        written = certify_on_cluster(
            task.network, task.domain, output, client, resume=resume, **callbacks
        )
        return written, watch.times()


@contextmanager
def _walking(address: str, threads: int) -> Iterator[tuple[Client, dict[str, Any]]]:
    """Yield a cluster, and what shows the progress of a walk on it and keeps a part."""
    with (
        announced_compilation(),
        shown_steps("sorted", "files") as assembling,
        shown_progress(parts_text) as progress,
    ):
        from polyregions.scale.cluster import connected

        with connected(address, threads) as client:
            yield (
                client,
                {"progress": progress, "assembling": assembling, "on_interrupt": "return"},
            )
