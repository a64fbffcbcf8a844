"""``polyregions info``: what a network file holds."""

from __future__ import annotations

from contextlib import suppress

from polyregions.cli import options, report
from polyregions.domain.domains import domain_lists
from polyregions.errors import DomainError


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
