"""``polyregions info``: what a network file holds."""

from __future__ import annotations

from polyregions.cli import options, report


def info(
    network: options.NetworkArgument,
    cube: options.CubeOption = None,
    box: options.BoxOption = None,
    box_file: options.BoxFileOption = None,
    whole_space: options.WholeSpaceOption = False,
    as_json: options.AsJson = False,
) -> int:
    """Describe a network and the bounds on its regions, without counting."""
    from polyregions.theory.comparison import compared_bounds

    task = options.read_task(
        network, cube=cube, box=box, box_file=box_file, whole_space=whole_space
    )
    loaded = task.network
    bounds = compared_bounds(loaded, task.dimension)
    if as_json:
        report.print_json(
            {
                "network": loaded.name,
                "input_dimension": loaded.input_dimension,
                "free_inputs": task.dimension,
                "output_dimension": loaded.output_dimension,
                "hidden_units": loaded.hidden_units,
                "widths": list(loaded.widths),
                "fingerprint": loaded.fingerprint,
                "domain": report.domain_value(task.domain),
                "bounds": {name: report.json_number(value) for name, value in bounds.items()},
            }
        )
    else:
        report.print_lines(
            f"{loaded.name}: {loaded.input_dimension} inputs, "
            f"{loaded.hidden_units} hidden units in layers of "
            f"{', '.join(map(str, loaded.widths))}, {loaded.output_dimension} outputs",
            f"on {report.domain_text(task.domain)}, {task.dimension} inputs free",
            *report.bounds_lines(bounds),
            f"fingerprint {loaded.fingerprint}",
        )
    return 0
