"""The option ``--dask``, and a count on the cluster that it names."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from polyregions.cli.options import Task
from polyregions.cli.progress import announced_compilation, shown_progress, tree_text

if TYPE_CHECKING:
    from polyregions.traversal.subdivision import TreeCount

__all__ = ["DaskOption", "count_by_cluster"]

DaskOption = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="ADDRESS",
        help="Count by tree on a Dask cluster; local: --threads worker processes here.",
    ),
]


def count_by_cluster(
    task: Task, address: str, *, threads: int, max_regions: int | None, time_limit: float | None
) -> tuple[TreeCount, float]:
    """Count with progress on stderr; return the result and the seconds it took."""
    with announced_compilation(), shown_progress(tree_text) as progress:
        from polyregions.scale.cluster import connected, count_on_cluster

        with connected(address, threads) as client:
            begin = time.perf_counter()
            count = count_on_cluster(
                task.network,
                task.domain,
                client,
                max_regions=max_regions,
                time_limit=time_limit,
                progress=progress,
            )
            return count, time.perf_counter() - begin
