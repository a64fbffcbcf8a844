"""``polyregions count``: how many regions."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.cluster import DaskOption, count_by_cluster
from polyregions.cli.tree import count_by_tree, tree_exit_code, tree_lines
from polyregions.cli.walk import walk
from polyregions.errors import PolyregionsError

_EXAMPLE = "digits2"


class Method(StrEnum):
    """How regions are counted."""

    BFS = "bfs"
    TREE = "tree"


@options.on_a_domain
def count(
    where: options.Where,
    network: Annotated[
        Path | None,
        typer.Argument(
            metavar="NETWORK",
            help="Network: .npz, .onnx, .pt2, .pth, .safetensors or .nnet. Default: an example.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        Method,
        typer.Option("--method", help="bfs also finds which regions touch; tree only counts."),
    ] = Method.BFS,
    threads: options.ThreadsOption = 1,
    max_regions: options.MaxRegionsOption = None,
    time_limit: options.TimeLimitOption = None,
    memory: storage.MemoryOption = None,
    dask: DaskOption = None,
    as_json: options.AsJson = False,
) -> int:
    """Count the activation regions of a network in a box."""
    if network is None:
        from polyregions.examples import path

        network = path(_EXAMPLE)
        report.tell(
            "no NETWORK given: counting the shipped example "
            f"{network.name}, trained on pictures of digits reduced to two inputs"
        )
    if memory is not None and method is Method.TREE:
        raise PolyregionsError(
            "--memory is a budget for the regions that a walk keeps, and the tree keeps none; "
            "leave it out"
        )
    task = options.read_task(network, where)
    summary: dict[str, Any]
    if dask is not None:
        if method is not Method.TREE:
            raise PolyregionsError("--dask counts by the tree only; add --method tree")
        counted, times = count_by_cluster(
            task, dask, threads=threads, max_regions=max_regions, time_limit=time_limit
        )
        summary, lines = counted.summary(), tree_lines(counted, times)
    elif method is Method.TREE:
        counted, times = count_by_tree(
            task, threads=threads, max_regions=max_regions, time_limit=time_limit
        )
        summary, lines = counted.summary(), tree_lines(counted, times)
    else:
        regions, times = walk(
            task,
            threads=threads,
            max_regions=max_regions,
            time_limit=time_limit,
            memory=storage.bytes_of(memory),
        )
        summary, lines = regions.summary(), report.count_lines(regions, times)
    from polyregions.theory.bounds import compared_bounds

    bounds = compared_bounds(task.network, task.dimension)
    if as_json:
        report.print_json(
            {
                **report.values(task),
                "method": method.value,
                **report.run_values(summary, times),
                "bounds": {name: report.json_number(value) for name, value in bounds.items()},
            }
        )
    else:
        report.print_lines(
            *report.head_lines(task),
            *lines,
            *report.bounds_lines(bounds),
        )
    return tree_exit_code(counted) if method is Method.TREE else report.exit_code(regions)
