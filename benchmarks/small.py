"""What does one question about a small network cost, and what a draw of Theorem 5?

    python benchmarks/small.py                     the table
    python benchmarks/small.py --against FOLDER    and ratios to another checkout of the package

Processor time of one thread, warm, medians of five processes; with `--against` the two take turns.
What a question costs beside its regions is its set-up: the line through the means of two shapes,
at no regions.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any

RUNS = 5


def seconds(ask: Callable[[Any], object], items: Iterable[Any]) -> float:
    """Least processor time of one call in five rounds, after one that is not counted."""
    items = list(items)
    found = []
    for _ in range(6):
        start = time.process_time()
        for item in items:
            ask(item)
        found.append((time.process_time() - start) / len(items))
    return min(found[1:])


def measure() -> dict[str, float]:
    """Measure the package that is imported here."""
    from families import he_normal, text

    import polyregions as pr
    from polyregions.theory.draws import Settings, count_draws, draw_network
    from polyregions.theory.theorem5 import verify_theorem5

    law = Settings((2, 8, 8))
    square = law.domain
    drawn = [draw_network(law, index) for index in range(200)]
    plane = {shape: [he_normal(shape, s) for s in range(40)] for shape in ((2, 8, 8), (2, 16, 16))}
    sizes = {
        shape: [pr.count_regions(net, square) for net in nets] for shape, nets in plane.items()
    }
    walk, tree = pr.enumerate_regions, pr.count_regions
    rows = {
        "walk, a draw of 2-8-8, µs": seconds(lambda net: walk(net, square), drawn) * 1e6,
        "tree, a draw of 2-8-8, µs": seconds(lambda net: tree(net, square), drawn) * 1e6,
    }
    means = [sum(sizes[shape]) / len(nets) for shape, nets in plane.items()]
    for way, ask in (("walk", walk), ("tree", tree)):
        times = []
        for (shape, nets), mean in zip(plane.items(), means, strict=True):
            times.append(seconds(lambda net, ask=ask: ask(net, square), nets) * 1e6)
            rows[f"{way}, {text(shape)}, {mean:.0f} regions, µs"] = times[-1]
        slope = (times[1] - times[0]) / (means[1] - means[0])
        rows[f"{way}, set-up, µs"] = times[0] - slope * means[0]
    rows["count_draws, 400 of 2-8-8, ms"] = (
        seconds(lambda _: count_draws([law], 400, workers=1), range(1)) * 1e3
    )
    rows["verify_theorem5, the same, ms"] = (
        seconds(lambda _: verify_theorem5((2, 8, 8), draws=400, workers=1), range(1)) * 1e3
    )
    rows |= together(plane, sizes, square)
    return rows


def together(plane: dict[Any, Any], sizes: dict[Any, Any], square: Any) -> dict[str, float]:
    """Measure networks of one shape in one call, where there is one."""
    import numpy as np
    from families import text

    try:
        from polyregions.walk.alike import AlikeParameters, count_alike
    except ImportError:
        return {}
    rows = {}
    for shape, nets in plane.items():
        layers = list(zip(*(net.layers for net in nets), strict=True))
        parameters = AlikeParameters(
            tuple(np.stack([layer.weight for layer in some]) for some in layers),
            tuple(np.stack([layer.bias for layer in some]) for some in layers),
        )
        counts = count_alike(parameters, square)
        assert counts[:, 0].tolist() == sizes[shape]
        each = seconds(lambda _, p=parameters: count_alike(p, square), range(3)) / len(nets)
        mean = float(counts[:, 0].mean())
        rows[f"together, {text(shape)}, µs a network"] = each * 1e6
        rows[f"together, {text(shape)}, k regions/s"] = mean / each / 1e3
    return rows


def measured_in(folder: Path) -> dict[str, float]:
    """Measure the package of a checkout, in a process of its own."""
    own = {"PYTHONPATH": str(folder), "POLYREGIONS_COMPILE_FIRST": "1"}
    done = subprocess.run(
        [sys.executable, __file__, "--inside"],
        env={**os.environ, **own},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    rows: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return rows


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(measure()))
        return
    here = Path(__file__).parents[1]
    folders = [here, *([options.against.resolve()] if options.against else [])]
    runs: list[list[dict[str, float]]] = [[] for _ in folders]
    for _ in range(RUNS):
        for folder, found in zip(folders, runs, strict=True):
            found.append(measured_in(folder))
    tables = [{name: median(run[name] for run in found) for name in found[0]} for found in runs]
    print("| question | here |" + (" there | there / here |" if options.against else ""))
    print("|---|---|" + ("---|---|" if options.against else ""))
    for name, value in tables[0].items():
        line = f"| {name} | {value:,.1f} |"
        if options.against:
            other = tables[1].get(name)
            line += "  | |" if other is None else f" {other:,.1f} | {other / value:.2f} |"
        print(line, flush=True)


if __name__ == "__main__":
    main()
