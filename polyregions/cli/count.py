"""``polyregions count`` and ``polyregions linear``: how many regions, by every definition."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.enumerate_ import enumerated
from polyregions.cli.options import Task
from polyregions.cli.progress_lines import shown_run
from polyregions.errors import PolyregionsError
from polyregions.regions import Regions
from polyregions.run.display import tree_text

if TYPE_CHECKING:
    from polyregions.compiled import Times
    from polyregions.run.progress import OnInterrupt
    from polyregions.tree.subdivision import TreeCount

__all__ = ["Method", "count_by_tree"]


def count_by_tree(
    task: Task, effort: options.WalkEffort, *, on_interrupt: OnInterrupt = "return"
) -> tuple[TreeCount, Times]:
    """Count with progress on stderr; return the result and the times it took."""
    with shown_run(tree_text, effort.limits.values()) as run:
        from polyregions.tree.subdivision import count_tree

        how = {**vars(effort), **run.options(), "on_interrupt": on_interrupt}
        return count_tree(task.network, task.domain, **how), run.times()


def count_by_cluster(
    task: Task, address: str, effort: options.WalkEffort
) -> tuple[TreeCount, Times]:
    """Count with progress on stderr; return the result and the times it took."""
    with shown_run(tree_text) as run:
        from polyregions.scale.cluster import connected, count_on_cluster

        with connected(address, effort.threads) as client:
            how = {**effort.limits, **run.options()}
            return count_on_cluster(task.network, task.domain, client, **how), run.times()


_EXAMPLE = "digits2"


class Method(StrEnum):
    """How regions are counted."""

    BFS = "bfs"
    TREE = "tree"


@options.grouped
def count(
    where: options.Where,
    effort: options.WalkEffort,
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
    dask: Annotated[str | None, options.dask_option("Count by tree on a Dask cluster")] = None,
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
    found: Regions | TreeCount
    if dask is not None:
        if method is not Method.TREE:
            raise PolyregionsError("--dask counts by the tree only; add --method tree")
        found, times = count_by_cluster(task, dask, effort)
    elif method is Method.TREE:
        found, times = count_by_tree(task, effort)
    else:
        found, times = enumerated(task, effort, memory=storage.bytes_of(memory))
    from polyregions.theory.bounds import compared_bounds

    summary, bounds = found.summary(), compared_bounds(task.network, task.dimension)
    entries = {
        "method": method.value,
        **report.run_values(summary, times),
        "bounds": {name: report.json_number(value) for name, value in bounds.items()},
    }
    lines = [*report.summary_lines(summary, times), *report.bounds_lines(bounds)]
    report.print_answer(task, entries, lines, as_json)
    return report.exit_code(found)


_TITLES = {
    "R1": "activation patterns, lower-dimensional ones included",
    "R2": "activation regions",
    "R3": "convex affine pieces",
    "R4": "open connected affine pieces",
    "R5": "closed connected affine pieces",
    "R6": "affine maps",
}


@options.grouped
def linear_command(
    where: options.Where,
    effort: options.WalkEffort,
    network: options.NetworkArgument,
    all_patterns: Annotated[
        bool,
        typer.Option("--all-patterns", help="Also count R1, for small networks: it is slow."),
    ] = False,
    as_json: options.AsJson = False,
) -> int:
    """Count linear regions: activation regions merged where the network is one affine map."""
    from polyregions.analysis.linear_regions import (
        R3_NOT_COMPUTED,
        count_all_patterns,
        linear_regions,
    )

    task = options.read_task(network, where)
    regions, times = enumerated(task, effort)
    if not regions.complete:
        # a linear region may go on beyond what was seen, so not even a bound is known
        return report.exit_code(regions)
    merged = linear_regions(regions)
    counts: dict[str, int | None] = {"R1": None, "R3": None, **merged.counts}
    if all_patterns:
        counts["R1"] = count_all_patterns(task.network, task.domain)
    counts = {name: counts[name] for name in _TITLES}
    holds = merged.chain_holds
    entries = {
        **counts,
        "R3_note": R3_NOT_COMPUTED,
        "chain_holds": holds,
        "complete": regions.complete,
        "proven": regions.proven,
    }
    shown = {name: f"{count:,}" for name, count in counts.items() if count is not None}
    shown["R3"] = R3_NOT_COMPUTED
    lines = [
        *report.summary_lines(regions.summary(), times),
        *(f"{name}  {_TITLES[name]}: {shown[name]}" for name in _TITLES if name in shown),
        f"R6 <= R5 <= R4 <= R2 {'holds' if holds else 'DOES NOT HOLD'}",
    ]
    report.print_answer(task, entries, lines, as_json)
    return 0 if holds else report.complain("the chain R6 <= R5 <= R4 <= R2 is broken", code=1)
