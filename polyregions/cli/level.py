"""``polyregions level`` and ``boundary``: where an output has a value, where the class changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage

if TYPE_CHECKING:
    from polyregions.questions.level_sets import LevelSet

__all__ = ["boundary_command", "level_command"]

_OutOption = Annotated[
    Path | None,
    options.output_option("OUT", "Save the regions that are met: .npz, or a graph of them."),
]
_MOST_PAIRS_SHOWN = 20


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

    def find(**how: Any) -> LevelSet:
        return level(task.network, task.domain, at, chosen, **how)

    title, entries = f"{named} = {at!r}", {"of": of or "0", "value": at}
    return _level_answer(find, task, _Said(title, entries, by_class=False), effort, output, as_json)


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

    def find(**how: Any) -> LevelSet:
        return boundary(task.network, task.domain, **how)

    said = _Said("class boundary", {}, by_class=True)
    return _level_answer(find, task, said, effort, output, as_json)


@dataclass(frozen=True)
class _Said:
    """What is said of an answer.

    Attributes
    ----------
    title : str
    entries : dict
        More entries of JSON.
    by_class : bool
        Whether there are classes, between which the pieces lie.
    """

    title: str
    entries: dict[str, Any]
    by_class: bool


def _level_answer(
    find: Callable[..., LevelSet],
    task: options.Task,
    said: _Said,
    effort: options.Effort,
    output: Path | None,
    as_json: bool,
) -> int:
    from polyregions.compiled import Stopwatch

    watch = Stopwatch()
    found = find(**effort.watched)
    seconds = watch.times().seconds
    storage.save_found(found.regions, output)
    pairs = sorted(Counter(map(tuple, found.pairs().tolist())).items()) if said.by_class else []
    more = len(pairs) - _MOST_PAIRS_SHOWN
    lines = [
        f"{said.title}: {len(found):,} pieces, {len(found.regions):,} regions met",
        *(f"classes {a} and {b}: {count:,} pieces" for (a, b), count in pairs[:_MOST_PAIRS_SHOWN]),
        *([f"and {more:,} more pairs of classes"] if more > 0 else []),
        report.listing_line(found),
    ]
    values = {
        **said.entries,
        "pieces": len(found),
        "regions": len(found.regions),
        **(
            {"pairs": [{"classes": pair, "pieces": n} for pair, n in pairs]}
            if said.by_class
            else {}
        ),
        **report.listing_entries(found),
        "seconds": seconds,
    }
    report.print_answer(task, values, lines, as_json, output)
    return report.listing_exit_code(found)
