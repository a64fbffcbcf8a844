"""One walk, as the subcommands run it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyregions.cli.options import Task
from polyregions.cli.progress_lines import (
    announced_compilation,
    mentioning_estimate,
    shown_progress,
)
from polyregions.regions import Regions

if TYPE_CHECKING:
    from polyregions.compiled import Times
    from polyregions.scale.saved_walk import Written

__all__ = ["saved_walk", "walk"]


def walk(
    task: Task,
    *,
    threads: int,
    max_regions: int | None,
    time_limit: float | None,
    memory: int | None = None,
    compile_first: bool = False,
) -> tuple[Regions, Times]:
    """Enumerate with progress on stderr; return the result and the times it took."""
    with announced_compilation() as compiled, shown_progress() as progress:
        from polyregions.compiled import Stopwatch
        from polyregions.walk.breadth_first import enumerate_regions

        watch = Stopwatch()
        regions = enumerate_regions(
            task.network,
            task.domain,
            threads=threads,
            max_regions=max_regions,
            time_limit=time_limit,
            memory=memory,
            compile_first=compile_first,
            progress=mentioning_estimate(
                progress, max_regions, time_limit, memory, compiled=compiled
            ),
            on_interrupt="return",
        )
        return regions, watch.times()


def saved_walk(task: Task, output: Path, **options: Any) -> tuple[Written, Times]:
    """Enumerate into a file, likewise; see :func:`polyregions.scale.enumerate_to_file`."""
    with announced_compilation(), shown_progress() as progress:
        from polyregions.compiled import Stopwatch
        from polyregions.scale.saved_walk import enumerate_to_file

        watch = Stopwatch()
        written = enumerate_to_file(
            task.network,
            task.domain,
            output,
            progress=progress,
            on_interrupt="return",
            **options,
        )
        return written, watch.times()
