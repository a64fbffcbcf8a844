"""``polyregions estimate``: about how many regions, and what an exact run will take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from polyregions.cli import options, report
from polyregions.cli.count import count_by_tree
from polyregions.cli.progress_lines import announced_compilation
from polyregions.run.display import shown_steps

if TYPE_CHECKING:
    from polyregions.scale.forecast import Cost
    from polyregions.tree.estimation import Estimate

# how long the tree may try first; the probes of a question that is too large take as long
_TREE_SECONDS = 15.0


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
        *_cost_lines(max(made.regions, lower), cost),
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
