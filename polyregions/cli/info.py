"""``polyregions info``: what a network file holds."""

from __future__ import annotations

from polyregions.cli import options, report


@options.on_a_domain
def info(
    where: options.Where,
    network: options.NetworkArgument,
    as_json: options.AsJson = False,
) -> int:
    """Describe a network and the bounds on its regions, without counting."""
    from polyregions.io.comparison import largest_difference
    from polyregions.theory.comparison import compared_bounds

    task = options.read_task(network, where)
    loaded = task.network
    bounds = compared_bounds(loaded, task.dimension)
    difference = largest_difference(task.loaded, network, output=where.network_output)
    if as_json:
        report.print_json(
            {
                **report.network_entry(loaded),
                "input_dimension": loaded.input_dimension,
                "free_inputs": task.dimension,
                "output_dimension": loaded.output_dimension,
                "hidden_units": loaded.hidden_units,
                "widths": list(loaded.widths),
                "fingerprint": loaded.fingerprint,
                "domain": report.domain_value(task.domain),
                **report.slice_entry(task.slice),
                "largest_difference_from_source": "infinite"
                if difference == float("inf")
                else difference,
                "bounds": {name: report.json_number(value) for name, value in bounds.items()},
            }
        )
    else:
        report.print_lines(
            f"{loaded.name}: {loaded.input_dimension} inputs, "
            f"{loaded.hidden_units} hidden units in layers of "
            f"{', '.join(map(str, loaded.widths))}, {loaded.output_dimension} outputs",
            *report.assumed_lines(loaded),
            f"on {report.domain_text(task.domain)}, {task.dimension} inputs free",
            "not compared with its source, which cannot be run"
            if difference is None
            else f"largest difference from its source on random points: {difference:.3g}",
            *report.bounds_lines(bounds),
            f"fingerprint {loaded.fingerprint}",
        )
    return 0
