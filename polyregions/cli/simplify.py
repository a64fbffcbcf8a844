"""``polyregions info`` and ``simplify``: what a network file holds, and a smaller equal network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.enumerate_ import enumerated
from polyregions.domain.domains import domain_lists
from polyregions.errors import DomainError, PolyregionsError

if TYPE_CHECKING:
    from polyregions.analysis.simplification import LayerCount, Simplification
    from polyregions.analysis.units import Bounds

__all__ = ["info", "simplify_command"]

_TABLE_HEADS = {
    "layer": "layer",
    "units": "units",
    "always_on": "always on",
    "always_off": "always off",
    "unread": "unread",
    "merged": "merged",
    "left": "left",
    "linear_left": "linear left",
}


@options.grouped
def info(
    where: options.Where,
    network: options.NetworkArgument,
    as_json: options.AsJson = False,
) -> int:
    """Describe a network and the bounds on its regions, without counting."""
    from polyregions.io.comparison import largest_difference
    from polyregions.io.networks import input_box
    from polyregions.theory.bounds import compared_bounds

    task = options.read_task(network, where)
    loaded = task.network
    bounds = compared_bounds(loaded, task.dimension)
    difference = largest_difference(task.loaded, network, output=where.network_output)
    ranges = None
    with suppress(DomainError):  # ranges that make no box are refused where they are used
        ranges = input_box(network)
    if as_json:
        report.print_json(
            {
                **report.values(task),
                "output_dimension": loaded.output_dimension,
                "widths": list(loaded.widths),
                "fingerprint": loaded.fingerprint,
                "input_ranges": None if ranges is None else domain_lists(ranges),
                "largest_difference_from_source": "infinite"
                if difference == float("inf")
                else difference,
                "bounds": {name: report.json_number(value) for name, value in bounds.items()},
            }
        )
    else:
        report.print_lines(
            f"{report.name_of(loaded)}: {loaded.input_dimension} inputs, "
            f"{loaded.hidden_units} hidden units in layers of "
            f"{', '.join(map(str, loaded.widths))}, {loaded.output_dimension} outputs",
            *report.assumed_lines(loaded),
            f"on {report.domain_text(task.domain)}, {task.dimension} inputs free",
            *([] if ranges is None else [f"input ranges of the file: {report.sides_text(ranges)}"]),
            "not compared with its source, which cannot be run"
            if difference is None
            else f"largest difference from its source on random points: {difference:.3g}",
            *report.bounds_lines(bounds),
            f"fingerprint {loaded.fingerprint}",
        )
    return 0


@options.grouped
def simplify_command(
    where: options.Where,
    effort: options.WalkEffort,
    network: options.NetworkArgument,
    output: Annotated[
        Path | None,
        options.output_option("OUT", "Where to save the network: .onnx or .npz. Default: nowhere."),
    ] = None,
    bounds: Annotated[
        Path | None,
        typer.Option(
            "--bounds",
            metavar="FILE",
            help="Save proven bounds of every unit: .csv, .npz or .parquet.",
        ),
    ] = None,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact", help="Enumerate all regions first: what never switches is known exactly."
        ),
    ] = False,
    as_json: options.AsJson = False,
) -> int:
    """Write the smaller network that is proven equal on the domain.

    Units that never switch there no longer bend, equal ones become one, dead ones go.
    """
    from polyregions.analysis.simplification import simplify
    from polyregions.io.tables import TABLE_SUFFIXES, write_table

    inputs = [network, *where.files]
    if output is not None:
        storage.check_output(output, [".onnx", ".npz"], inputs)
    if bounds is not None:
        storage.check_output(bounds, TABLE_SUFFIXES, inputs)
        if output is not None and bounds.resolve() == output.resolve():
            raise PolyregionsError("--bounds and -o name one file; give two")
    task = options.read_task(network, where)
    regions, code = None, 0
    if exact:
        regions, _ = enumerated(task, effort)
        code = report.exit_code(regions)
        if code:
            report.tell("polyregions: what follows is proven without them")
            regions = None
    found = simplify(task.network, task.domain, regions=regions, progress=regions is not None)
    if bounds is not None:
        write_table(found.bounds_table(), bounds)
    saved = []
    if output is not None:
        found.save(output)
        saved.append(output)
    if bounds is not None:
        saved.append(bounds)
    entries = {
        **found.summary(),
        "bounds": _bounds_entry(found.bounds.units),
        "output_bounds": _bounds_entry(found.bounds.outputs),
        "kept_units": found.units.tolist(),
        "output": None if output is None else str(output),
    }
    lines = [*_reduction_lines(found), *(f"saved to {path}" for path in saved)]
    report.print_answer(task, entries, lines, as_json)
    return code


def _bounds_entry(bounds: Bounds) -> dict[str, Any]:
    """Return bounds for JSON; null is infinite."""
    lower, upper = (
        [value if math.isfinite(value) else None for value in side.tolist()]
        for side in (bounds.lower, bounds.upper)
    )
    return {
        "lower": lower,
        "upper": upper,
        "exact_lower": bounds.exact_lower.tolist(),
        "exact_upper": bounds.exact_upper.tolist(),
    }


def _reduction_lines(found: Simplification) -> list[str]:
    sizes = found.summary()
    before, after = sizes["before"], sizes["after"]
    return [
        f"{after['bends']:,} of {before['bends']:,} units still bend; equal on the closed domain "
        f"(proven)",
        f"before: {_sizes_text(before)}",
        f"after:  {_sizes_text(after)}",
        *_layer_lines(found.table),
    ]


def _sizes_text(size: dict[str, int]) -> str:
    return f"{size['units']:,} units in {size['layers'] - 1} layers, {size['weights']:,} weights"


def _layer_lines(table: Sequence[LayerCount]) -> list[str]:
    rows = [list(_TABLE_HEADS.values())]
    rows += [[f"{getattr(row, name):,}" for name in _TABLE_HEADS] for row in table]
    return report.table_lines(rows)
