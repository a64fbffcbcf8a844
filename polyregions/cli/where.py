"""``polyregions where``: the regions on which a condition on the outputs holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.errors import PolyregionsError, shown

if TYPE_CHECKING:
    from polyregions.questions.property import OutputSet

__all__ = ["where_command"]


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
    from polyregions.compiled import Stopwatch
    from polyregions.questions.conditions import where as find

    file = condition.file
    read = [] if file is None else [file]
    storage.check_found_output(output, [network, *where.files, *read])
    task = options.read_task(network, where)
    chosen, named = options.sum_of(condition.of)
    sets = None
    if file is not None:
        sets, named = _condition(file), shown(file.name)
    watch = Stopwatch()
    found = find(
        task.network, task.domain, chosen, condition=sets, **condition.ends, **effort.watched
    )
    seconds = watch.times().seconds
    storage.save_found(found.regions, output)
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
        report.listing_line(found),
    ]
    values = {
        **(
            {"of": condition.of or "0", **condition.ends}
            if file is None
            else {"condition": str(file)}
        ),
        "regions": len(found),
        "everywhere": everywhere,
        "touching": touching,
        **report.listing_entries(found),
        "seconds": seconds,
    }
    report.print_answer(task, values, lines, as_json, output)
    return report.listing_exit_code(found)


def _condition(file: Path) -> tuple[OutputSet, ...]:
    """Return the sets of outputs that a file describes."""
    from polyregions.questions.property_files import load_property

    stated = {case.unsafe for case in load_property(file).cases}
    if len(stated) != 1:
        what = "different things of the outputs in several boxes" if stated else "no input at all"
        raise PolyregionsError(f"{file.name} describes {what}; give a file with one condition")
    return stated.pop()
