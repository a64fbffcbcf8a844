"""One walk, as the subcommands run it."""

from __future__ import annotations

import time

from polyregions.cli.options import Task
from polyregions.cli.progress import announced_compilation, shown_progress
from polyregions.regions import Regions

__all__ = ["walk"]


def walk(
    task: Task, *, threads: int, max_regions: int | None, time_limit: float | None
) -> tuple[Regions, float]:
    """Enumerate with progress on stderr; return the result and the seconds it took."""
    with announced_compilation(), shown_progress() as progress:
        from polyregions.traversal.breadth_first import enumerate_regions

        begin = time.perf_counter()
        regions = enumerate_regions(
            task.network,
            task.domain,
            threads=threads,
            max_regions=max_regions,
            time_limit=time_limit,
            progress=progress,
        )
        return regions, time.perf_counter() - begin
