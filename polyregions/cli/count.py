"""``polyregions count``: how many regions."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.enumerate_ import enumerated
from polyregions.cli.on_cluster import DaskOption, count_by_cluster
from polyregions.cli.options import Task
from polyregions.cli.progress_lines import (
    announced_compilation,
    mentioning_estimate,
    shown_progress,
    tree_text,
)
from polyregions.cli.report import pace_line, tell
from polyregions.errors import PolyregionsError

if TYPE_CHECKING:
    from polyregions.compiled import Times
    from polyregions.run.progress import OnInterrupt
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


_EXAMPLE = "digits2"


class Method(StrEnum):
    """How regions are counted."""

    BFS = "bfs"
    TREE = "tree"


@options.grouped
def count(
    where: options.Where,
    effort: options.Effort,
    network: Annotated[
        Path | None,
        typer.Argument(
            metavar="NETWORK",
            help="Network: .npz, .onnx, .pt2, .pth, .safetensors or .nnet. Default: an example.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        Method,
        typer.Option("--method", help="bfs also finds which regions touch; tree only counts."),
    ] = Method.BFS,
    memory: storage.MemoryOption = None,
    dask: DaskOption = None,
    as_json: options.AsJson = False,
) -> int:
    """Count the activation regions of a network in a box."""
    if network is None:
        from polyregions.examples import path

        network = path(_EXAMPLE)
        report.tell(
            "no NETWORK given: counting the shipped example "
            f"{network.name}, trained on pictures of digits reduced to two inputs"
        )
    if memory is not None and method is Method.TREE:
        raise PolyregionsError(
            "--memory is a budget for the regions that a walk keeps, and the tree keeps none; "
            "leave it out"
        )
    task = options.read_task(network, where)
    summary: dict[str, Any]
    if dask is not None:
        if method is not Method.TREE:
            raise PolyregionsError("--dask counts by the tree only; add --method tree")
        counted, times = count_by_cluster(task, dask, **vars(effort))
        summary, lines = counted.summary(), tree_lines(counted, times)
    elif method is Method.TREE:
        counted, times = count_by_tree(task, **vars(effort))
        summary, lines = counted.summary(), tree_lines(counted, times)
    else:
        regions, times = enumerated(task, memory=storage.bytes_of(memory), **vars(effort))
        summary, lines = regions.summary(), report.count_lines(regions, times)
    from polyregions.theory.bounds import compared_bounds

    bounds = compared_bounds(task.network, task.dimension)
    if as_json:
        report.print_json(
            {
                **report.values(task),
                "method": method.value,
                **report.run_values(summary, times),
                "bounds": {name: report.json_number(value) for name, value in bounds.items()},
            }
        )
    else:
        report.print_lines(
            *report.head_lines(task),
            *lines,
            *report.bounds_lines(bounds),
        )
    return tree_exit_code(counted) if method is Method.TREE else report.exit_code(regions)
