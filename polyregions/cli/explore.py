"""``polyregions explore``: the regions round a point."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from polyregions.arrays import Floats
from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.options import Task
from polyregions.cli.progress_lines import shown_run

if TYPE_CHECKING:
    from polyregions.compiled import Times
    from polyregions.walk.exploration import Exploration

__all__ = ["explore_command"]

_MOST_RINGS_SHOWN = 20
_STOPPED_BY = {"time": "at the limit of --time-limit", "interrupt": "by Ctrl-C"}


@dataclass(frozen=True)
class Reach:
    """How far to explore; a group of options."""

    regions: Annotated[
        int | None, typer.Option("--regions", metavar="K", help="Stop after the K nearest regions.")
    ] = None
    depth: Annotated[
        int | None,
        typer.Option("--depth", metavar="D", help="Cross at most D facets to come to a region."),
    ] = None
    radius: Annotated[
        float | None,
        typer.Option(
            "--radius", metavar="R", help="Stay where no input differs from X by more than R."
        ),
    ] = None


@options.grouped
def explore_command(
    where: options.Where,
    reach: Reach,
    effort: options.Effort,
    network: options.NetworkArgument,
    at: options.AtOption,
    output: Annotated[
        Path | None,
        options.output_option("OUT", "Where to save: regions .npz, graph .graphml, .gexf, .json."),
    ] = None,
    as_json: options.AsJson = False,
) -> int:
    """Find the regions round a point, those first to which the fewest facets lead."""
    storage.check_found_output(output, [network, *where.files])
    task = options.read_task(network, where)
    point = options.point_given(at, task)
    found, times = _exploration(task, point, **vars(reach), **vars(effort))
    storage.save_found(found.regions, output)
    rings = np.bincount(found.distances).tolist()
    lines = _ring_lines(found, rings, times)
    entries = {
        **report.run_values(found.regions.summary(), times),
        "start": found.start,
        "regions_by_distance": rings,
        "depth": found.depth,
        "stopped": found.stopped,
    }
    report.print_answer(task, entries, lines, as_json, output)
    if found.stopped in ("finished", "regions"):
        return 0
    report.tell(f"polyregions: stopped {_STOPPED_BY[found.stopped]}; there may be nearer regions")
    return 3


def _exploration(task: Task, point: Floats, **options: Any) -> tuple[Exploration, Times]:
    """Explore with progress on stderr; return the result and the times it took."""
    with shown_run() as run:
        from polyregions.walk.exploration import explore

        options |= run.options()
        return explore(task.network, point, domain=task.domain, **options), run.times()


def _ring_lines(found: Exploration, rings: list[int], times: Times) -> list[str]:
    by_distance = ", ".join(f"{count:,}" for count in rings[:_MOST_RINGS_SHOWN])
    more = ", ..." if len(rings) > _MOST_RINGS_SHOWN else ""
    whole = "none is whole" if found.depth < 0 else f"whole to {found.depth}"
    return [
        *report.summary_lines(found.regions.summary(), times),
        f"by facets to cross: {by_distance}{more} ({whole})",
    ]
