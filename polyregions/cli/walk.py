"""One walk, as the subcommands run it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyregions.cli.options import Task
from polyregions.cli.progress import announced_compilation, mentioning_estimate, shown_progress
from polyregions.regions import Regions

if TYPE_CHECKING:
    from polyregions.scale.saved_walk import Written

__all__ = ["saved_walk", "walk"]


def walk(
    task: Task,
    *,
    threads: int,
    max_regions: int | None,
    time_limit: float | None,
    memory: int | None = None,
) -> tuple[Regions, float]:
    """Enumerate with progress on stderr; return the result and the seconds it took."""
    with announced_compilation() as compiled, shown_progress() as progress:
        from polyregions.traversal.breadth_first import enumerate_regions

        begin = time.perf_counter()
        regions = enumerate_regions(
            task.network,
            task.domain,
            threads=threads,
            max_regions=max_regions,
            time_limit=time_limit,
            memory=memory,
            progress=mentioning_estimate(
                progress, max_regions, time_limit, memory, compiled=compiled
            ),
            on_interrupt="return",
        )
        return regions, time.perf_counter() - begin


def saved_walk(task: Task, output: Path, **options: Any) -> tuple[Written, float]:
    """Enumerate into a file, likewise; see :func:`polyregions.scale.enumerate_to_file`."""
    with announced_compilation(), shown_progress() as progress:
        from polyregions.scale.saved_walk import enumerate_to_file

        begin = time.perf_counter()
        written = enumerate_to_file(
            task.network,
            task.domain,
            output,
            progress=progress,
            on_interrupt="return",
            **options,
        )
        return written, time.perf_counter() - begin
