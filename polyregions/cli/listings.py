"""``polyregions level``, ``boundary``, ``where`` and ``explore``: some of the regions, listed.

Where an output has a value, where the class changes, where a condition on the outputs holds; and
those round a point.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from polyregions.arrays import Floats
from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.options import Task
from polyregions.cli.report import shown_run
from polyregions.errors import PolyregionsError, shown

if TYPE_CHECKING:
    from polyregions.questions.conditions import Whereabouts
    from polyregions.questions.level_sets import LevelSet
    from polyregions.questions.property import OutputSet
    from polyregions.walk.breadth_first import Exploration

__all__ = ["boundary_command", "explore_command", "level_command", "where_command"]


_OutOption = Annotated[
    Path | None,
    options.output_option("OUT", "Save the regions that are met: .npz, or a graph of them."),
]
_MOST_PAIRS_SHOWN = 20

_MOST_RINGS_SHOWN = 20
_STOPPED_BY = {"time": "at the limit of --time-limit", "interrupt": "by Ctrl-C"}


@options.grouped
def level_command(
    where: options.Where,
    effort: options.Effort,
    network: options.NetworkArgument,
    at: Annotated[float, typer.Option("--at", metavar="VALUE", help="Of the output.")] = 0.0,
    of: options.OfOption = None,
    output: _OutOption = None,
    as_json: options.AsJson = False,
) -> int:
    """Find all regions where an output has some value, without listing the others.

    Exit codes: 0 all, 3 a limit was reached: those of a part of the box.
    """
    from polyregions.questions.level_sets import level

    storage.check_found_output(output, [network, *where.files])
    task = options.read_task(network, where)
    chosen, named = options.sum_of(of)
    found, seconds = effort.timed(level, task.network, task.domain, at, chosen)
    entries = {"of": of or "0", "value": at, **_met_entries(found)}
    lines = [_met_line(f"{named} = {at!r}", found)]
    return _listed_regions(task, found, lines, entries, seconds, output, as_json)


@options.grouped
def boundary_command(
    where: options.Where,
    effort: options.Effort,
    network: options.NetworkArgument,
    output: _OutOption = None,
    as_json: options.AsJson = False,
) -> int:
    """Find all regions where the class changes, without listing the others.

    Exit codes: 0 all, 3 a limit was reached: those of a part of the box.
    """
    from polyregions.questions.level_sets import boundary

    storage.check_found_output(output, [network, *where.files])
    task = options.read_task(network, where)
    found, seconds = effort.timed(boundary, task.network, task.domain)
    pairs = sorted(Counter(map(tuple, found.pairs().tolist())).items())
    more = len(pairs) - _MOST_PAIRS_SHOWN
    lines = [
        _met_line("class boundary", found),
        *(f"classes {a} and {b}: {count:,} pieces" for (a, b), count in pairs[:_MOST_PAIRS_SHOWN]),
        *([f"and {more:,} more pairs of classes"] if more > 0 else []),
    ]
    entries = {
        **_met_entries(found),
        "pairs": [{"classes": pair, "pieces": count} for pair, count in pairs],
    }
    return _listed_regions(task, found, lines, entries, seconds, output, as_json)


def _met_line(what: str, found: LevelSet) -> str:
    return f"{what}: {len(found):,} pieces, {len(found.regions):,} regions met"


def _met_entries(found: LevelSet) -> dict[str, Any]:
    return {"pieces": len(found), "regions": len(found.regions)}


@dataclass(frozen=True)
class Condition:
    """What is asked of the outputs; a group of options."""

    of: options.OfOption = None
    above: Annotated[
        float | None, typer.Option("--above", metavar="A", help="The output is at least A.")
    ] = None
    below: Annotated[
        float | None, typer.Option("--below", metavar="B", help="The output is at most B.")
    ] = None
    file: Annotated[
        Path | None,
        typer.Option(
            "--condition",
            metavar="FILE",
            help="What a .vnnlib file asserts of the outputs; its box is for --box-file.",
        ),
    ] = None

    @property
    def ends(self) -> dict[str, Any]:
        """What the output is at least, and at most."""
        return {"above": self.above, "below": self.below}


@options.grouped
def where_command(
    where: options.Where,
    condition: Condition,
    effort: options.Effort,
    network: options.NetworkArgument,
    output: Annotated[
        Path | None, options.output_option("OUT", "Save the regions: .npz, or a graph of them.")
    ] = None,
    as_json: options.AsJson = False,
) -> int:
    """Find the regions on which a condition on the outputs holds, somewhere or everywhere.

    Exit codes: 0 all, 3 a limit was reached: those of a part of the box.
    """
    from polyregions.questions.conditions import where as find

    file = condition.file
    read = [] if file is None else [file]
    storage.check_found_output(output, [network, *where.files, *read])
    task = options.read_task(network, where)
    chosen, named = options.sum_of(condition.of)
    sets = None
    if file is not None:
        sets, named = _condition(file), shown(file.name)
    asked = task.network, task.domain, chosen
    found, seconds = effort.timed(find, *asked, condition=sets, **condition.ends)
    bounds = [
        f"{sign} {end!r}"
        for sign, end in zip((">=", "<="), condition.ends.values(), strict=True)
        if end is not None
    ]
    everywhere, touching = int(found.everywhere.sum()), int(found.touching.sum())
    lines = [
        f"{' and '.join([f'{named} {bound}' for bound in bounds] or [named])} somewhere: "
        f"{len(found):,} regions",
        f"everywhere: {everywhere:,} of them; only touched: {touching:,}",
    ]
    entries = {
        **(
            {"of": condition.of or "0", **condition.ends}
            if file is None
            else {"condition": str(file)}
        ),
        "regions": len(found),
        "everywhere": everywhere,
        "touching": touching,
    }
    return _listed_regions(task, found, lines, entries, seconds, output, as_json)


def _listed_regions(
    task: options.Task,
    found: LevelSet | Whereabouts,
    lines: list[str],
    entries: dict[str, Any],
    seconds: float,
    output: Path | None,
    as_json: bool,
) -> int:
    """Save and print what was found, and how far the search came; return the exit code."""
    storage.save_found(found.regions, output)
    entries |= {
        "finished": found.finished,
        "settled": found.settled,
        "boxes": found.boxes,
        "visited": found.visited,
        "seconds": seconds,
    }
    lines += [f"{found.boxes:,} boxes and {found.visited:,} regions looked at"]
    report.print_answer(task, entries, lines, as_json, output)
    if found.finished:
        return 0
    report.tell(f"polyregions: stopped early; {found.settled:.1%} of the box is settled")
    return 3


def _condition(file: Path) -> tuple[OutputSet, ...]:
    """Return the sets of outputs that a file describes."""
    from polyregions.questions.property import load_property

    stated = {case.unsafe for case in load_property(file).cases}
    if len(stated) != 1:
        what = "different things of the outputs in several boxes" if stated else "no input at all"
        raise PolyregionsError(f"{file.name} describes {what}; give a file with one condition")
    return stated.pop()


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


def _exploration(task: Task, point: Floats, **options: Any) -> tuple[Exploration, report.RunTimes]:
    """Explore with progress on stderr; return the result and the times it took."""
    with shown_run() as run:
        from polyregions.walk.breadth_first import explore

        options |= run.options()
        return explore(task.network, point, domain=task.domain, **options), run.times()


def _ring_lines(found: Exploration, rings: list[int], times: report.RunTimes) -> list[str]:
    by_distance = ", ".join(f"{count:,}" for count in rings[:_MOST_RINGS_SHOWN])
    more = ", ..." if len(rings) > _MOST_RINGS_SHOWN else ""
    whole = "none is whole" if found.depth < 0 else f"whole to {found.depth}"
    return [
        *report.summary_lines(found.regions.summary(), times),
        f"by facets to cross: {by_distance}{more} ({whole})",
    ]
