"""``polyregions count``, ``linear`` and ``estimate``: how many regions, by every definition."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.enumerate_ import enumerated
from polyregions.cli.options import Task
from polyregions.cli.report import announced_compilation, shown_run
from polyregions.errors import PolyregionsError
from polyregions.regions import Regions
from polyregions.run.progress import shown_steps, tree_text

if TYPE_CHECKING:
    from polyregions.run.progress import OnInterrupt
    from polyregions.scale.forecast import Cost
    from polyregions.tree.estimation import Estimate
    from polyregions.tree.subdivision import TreeCount

__all__ = ["Method", "count", "count_by_tree", "estimate", "linear_command"]

_EXAMPLE = "digits2"

_TITLES = {
    "R1": "activation patterns, lower-dimensional ones included",
    "R2": "activation regions",
    "R3": "convex affine pieces",
    "R4": "open connected affine pieces",
    "R5": "closed connected affine pieces",
    "R6": "affine maps",
}

# how long the tree may try first; the probes of a question that is too large take as long
_TREE_SECONDS = 15.0


def count_by_tree(
    task: Task,
    effort: options.WalkEffort,
    *,
    checkpoint: Path | None = None,
    resume: bool = False,
    on_interrupt: OnInterrupt = "return",
) -> tuple[TreeCount, report.RunTimes]:
    """Count with progress on stderr; return the result and the times it took."""
    with shown_run(tree_text, effort.limits.values()) as run:
        how = {**vars(effort), **run.options(), "on_interrupt": on_interrupt}
        if checkpoint is None:
            from polyregions.tree.subdivision import count_tree

            return count_tree(task.network, task.domain, **how), run.times()
        from polyregions.scale.saved_runs import count_with_checkpoint

        how |= {"resume": resume, "interval": storage.checkpoint_seconds()}
        return count_with_checkpoint(task.network, task.domain, checkpoint, **how), run.times()


def count_by_cluster(
    task: Task, address: str, effort: options.WalkEffort
) -> tuple[TreeCount, report.RunTimes]:
    """Count with progress on stderr; return the result and the times it took."""
    with shown_run(tree_text) as run:
        from polyregions.scale.cluster import connected, count_on_cluster

        with connected(address, effort.threads) as client:
            how = {**effort.limits, **run.options()}
            return count_on_cluster(task.network, task.domain, client, **how), run.times()


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
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint",
            metavar="FILE",
            help="Keep an unfinished count by tree in FILE, which --resume goes on from.",
        ),
    ] = None,
    resume: storage.ResumeOption = False,
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
    if resume and checkpoint is None:
        raise PolyregionsError("--resume goes on from a file; name it with --checkpoint FILE")
    if checkpoint is not None and (method is not Method.TREE or dask is not None):
        raise PolyregionsError(
            "--checkpoint keeps a count by the tree of this process; add --method tree and leave "
            "--dask out, or keep a walk with polyregions enumerate -o"
        )
    if checkpoint is not None:
        inputs = [network, *where.files]
        storage.check_output(checkpoint, [checkpoint.suffix.lower()], inputs)
    task = options.read_task(network, where)
    found: Regions | TreeCount
    if dask is not None:
        if method is not Method.TREE:
            raise PolyregionsError("--dask counts by the tree only; add --method tree")
        found, times = count_by_cluster(task, dask, effort)
    elif method is Method.TREE:
        found, times = count_by_tree(task, effort, checkpoint=checkpoint, resume=resume)
        if checkpoint is not None and not found.complete:
            report.tell(
                f"the count is kept in {checkpoint.name}: the same command with --resume goes on"
            )
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


@options.grouped
def linear_command(
    where: options.Where,
    effort: options.WalkEffort,
    network: options.NetworkArgument,
    all_patterns: Annotated[
        bool,
        typer.Option(
            "--all-patterns", help="Also count R1, for small networks: slow, without a time limit."
        ),
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
    code = 0
    if all_patterns:
        try:
            counts["R1"] = count_all_patterns(task.network, task.domain)
        except KeyboardInterrupt:
            report.tell("polyregions: stopped by Ctrl-C; R1 is not counted")
            code = 3
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
    return code if holds else report.complain("the chain R6 <= R5 <= R4 <= R2 is broken", code=1)


@options.grouped
def estimate(
    where: options.Where,
    network: options.NetworkArgument,
    probes: Annotated[
        int, typer.Option("--probes", metavar="K", help="Random probes of the tree, 2 or more.")
    ] = 16,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Of the probes.")] = 0,
    as_json: options.AsJson = False,
) -> int:
    """Estimate the number of regions, and the time, memory and disk of an exact run.

    The tree counts first, for some seconds; if it comes to its end, the number is exact.
    """
    from polyregions.tree.estimation import check_probes

    check_probes(probes, seed)
    task = options.read_task(network, where)
    first = options.WalkEffort(time_limit=_TREE_SECONDS)
    counted, took = count_by_tree(task, first, on_interrupt="raise")
    with announced_compilation(), shown_steps(True, "probes", "made") as progress:
        from polyregions.compiled import Stopwatch, only_compiled
        from polyregions.scale.forecast import cost_per_region
        from polyregions.tree.estimation import Estimate, estimate_regions

        watch = Stopwatch()
        if counted.complete:
            number = counted.regions
            made = Estimate(
                regions=number,
                standard_error=0.0,
                interval=(number, number),
                confidence=1.0,
                lower_bound=number,
                exact=True,
                probes=0,
                complete=True,
            )
        else:
            made = estimate_regions(
                task.network,
                task.domain,
                probes=probes,
                seed=seed,
                progress=progress,
                on_interrupt="return",
            )
        with only_compiled(not made.exact):  # what is foretold is the speed of compiled kernels
            cost = cost_per_region(task.network, task.domain, on_interrupt="return")
        seconds = took.seconds + watch.seconds
    lower = max(counted.regions, made.lower_bound, cost.lower_bound)
    made = replace(made, regions=max(made.regions, lower))  # proven, where probes found fewer
    low, high = (max(end, lower) for end in made.interval)
    entries = {
        **made.summary(),
        "interval": [low, high],
        "lower_bound": lower,
        "seconds": seconds,
        "predicted": {
            "tree_seconds": made.regions * cost.tree_seconds,
            "walk_seconds": made.regions * cost.walk_seconds,
            "walk_memory_bytes": made.regions * cost.memory_bytes,
            "walk_disk_bytes": made.regions * cost.disk_bytes,
        },
    }
    lines = [
        *_estimate_lines(made, lower, low, high, seconds),
        *_cost_lines(made.regions, cost),
    ]
    report.print_answer(task, entries, lines, as_json)
    if made.complete:
        return 0
    report.tell(f"polyregions: stopped early, after {made.probes} of {probes} probes")
    return 3


def _estimate_lines(
    made: Estimate, lower: int, low: float, high: float, seconds: float
) -> list[str]:
    if made.exact:
        return [
            f"{round(made.regions):,} regions (proven): so few that they were counted, "
            f"in {seconds:.1f} s"
        ]
    return [
        f"about {_rounded_count(made.regions)} regions; {made.confidence:.0%} interval "
        f"{_rounded_count(low)} to {_rounded_count(high)}, from {made.probes} probes in "
        f"{seconds:.1f} s",
        f"at least {lower:,} (proven)",
    ]


def _cost_lines(regions: float, cost: Cost) -> list[str]:
    return [
        f"count --method tree: about {_duration(regions * cost.tree_seconds)} in one thread",
        f"count, enumerate: about {_duration(regions * cost.walk_seconds)} in one thread, "
        f"{_size_text(regions * cost.memory_bytes)} of memory; "
        f"{_size_text(regions * cost.disk_bytes)} on disk in Parquet",
    ]


def _rounded_count(value: float) -> str:
    return f"{value:,.0f}" if value < 1e6 else f"{value:.3g}"


def _duration(seconds: float) -> str:
    for unit, size in (("years", 31_557_600), ("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"


def _size_text(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:,.0f} PB"
