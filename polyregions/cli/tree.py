"""One count by the tree, as the subcommands run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polyregions.cli.options import Task
from polyregions.cli.progress_lines import (
    announced_compilation,
    mentioning_estimate,
    shown_progress,
    tree_text,
)
from polyregions.cli.report import pace_line, tell

if TYPE_CHECKING:
    from polyregions.compiled import Times
    from polyregions.run.interrupt import OnInterrupt
    from polyregions.tree.subdivision import TreeCount

__all__ = ["count_by_tree", "tree_exit_code", "tree_lines"]


def count_by_tree(
    task: Task,
    *,
    threads: int,
    max_regions: int | None,
    time_limit: float | None,
    on_interrupt: OnInterrupt = "return",
) -> tuple[TreeCount, Times]:
    """Count with progress on stderr; return the result and the times it took."""
    with announced_compilation() as compiled, shown_progress(tree_text) as progress:
        from polyregions.compiled import Stopwatch
        from polyregions.tree.subdivision import count_tree

        watch = Stopwatch()
        count = count_tree(
            task.network,
            task.domain,
            threads=threads,
            max_regions=max_regions,
            time_limit=time_limit,
            progress=mentioning_estimate(progress, max_regions, time_limit, compiled=compiled),
            on_interrupt=on_interrupt,
        )
        return count, watch.times()


def tree_lines(count: TreeCount, times: Times) -> list[str]:
    """Return the sentences about a count."""
    at_least = "" if count.complete else "at least "
    state = "proven" if count.complete else "proven, partial"
    lines = [f"{at_least}{count.regions:,} regions ({state})"]
    if len(count.regions_per_layer) > 1:
        numbers = ", ".join(f"{number:,}" for number in count.regions_per_layer)
        lines.append(f"of the first layers: {at_least}{numbers}")
    lines.append(pace_line(count.regions, count.exact_decisions, times))
    return lines


def tree_exit_code(count: TreeCount) -> int:
    """Return 0 for a complete count; say that it is partial and return 3 otherwise."""
    if count.complete:
        return 0
    tell(f"polyregions: stopped early; these {count.regions:,} regions are not all")
    return 3
