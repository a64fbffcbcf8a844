"""``polyregions linear``: how many linear regions, by every definition."""

from __future__ import annotations

from typing import Annotated

import typer

from polyregions.cli import options, report
from polyregions.cli.enumerate_ import enumerated

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
    effort: options.Effort,
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
    regions, times = enumerated(task, **vars(effort))
    if not regions.complete:
        # a linear region may go on beyond what was seen, so not even a bound is known
        return report.exit_code(regions)
    merged = linear_regions(regions)
    counts: dict[str, int | None] = {"R1": None, "R3": None, **merged.counts}
    if all_patterns:
        counts["R1"] = count_all_patterns(task.network, task.domain)
    counts = {name: counts[name] for name in _TITLES}
    holds = merged.chain_holds
    if as_json:
        report.print_json(
            {
                **report.values(task),
                **counts,
                "R3_note": R3_NOT_COMPUTED,
                "chain_holds": holds,
                "complete": regions.complete,
                "proven": regions.proven,
            }
        )
    else:
        shown = {name: f"{count:,}" for name, count in counts.items() if count is not None}
        shown["R3"] = R3_NOT_COMPUTED
        report.print_lines(
            *report.head_lines(task),
            *report.count_lines(regions, times),
            *(f"{name}  {_TITLES[name]}: {shown[name]}" for name in _TITLES if name in shown),
            f"R6 <= R5 <= R4 <= R2 {'holds' if holds else 'DOES NOT HOLD'}",
        )
    return 0 if holds else report.complain("the chain R6 <= R5 <= R4 <= R2 is broken", code=1)
