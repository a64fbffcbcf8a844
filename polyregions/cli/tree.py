"""One count by the tree, as the subcommands run it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from polyregions.cli.options import Task
from polyregions.cli.progress import (
    announced_compilation,
    mentioning_estimate,
    shown_progress,
    tree_text,
)
from polyregions.cli.report import tell

if TYPE_CHECKING:
    from polyregions.traversal.subdivision import TreeCount

__all__ = ["count_by_tree", "tree_exit_code", "tree_lines"]


def count_by_tree(
    task: Task, *, threads: int, max_regions: int | None, time_limit: float | None
) -> tuple[TreeCount, float]:
    """Count with progress on stderr; return the result and the seconds it took."""
    with announced_compilation() as compiled, shown_progress(tree_text) as progress:
        from polyregions.traversal.subdivision import count_tree

        begin = time.perf_counter()
        count = count_tree(
            task.network,
            task.domain,
            threads=threads,
            max_regions=max_regions,
            time_limit=time_limit,
            progress=mentioning_estimate(progress, max_regions, time_limit, compiled=compiled),
            on_interrupt="return",
        )
        return count, time.perf_counter() - begin


def tree_lines(count: TreeCount, seconds: float) -> list[str]:
    """Return the sentences about a count."""
    at_least = "" if count.complete else "at least "
    state = "proven" if count.complete else "proven, partial"
    lines = [f"{at_least}{count.regions:,} regions ({state})"]
    if len(count.regions_per_layer) > 1:
        numbers = ", ".join(f"{number:,}" for number in count.regions_per_layer)
        lines.append(f"of the first layers: {at_least}{numbers}")
    lines.append(
        f"{seconds:.2f} s, {count.regions / max(seconds, 1e-9):,.0f} regions/s, "
        f"{count.exact_decisions:,} decided in exact arithmetic"
    )
    return lines


def tree_exit_code(count: TreeCount) -> int:
    """Return 0 for a complete count; say that it is partial and return 3 otherwise."""
    if count.complete:
        return 0
    tell(f"polyregions: stopped early; these {count.regions:,} regions are not all")
    return 3
