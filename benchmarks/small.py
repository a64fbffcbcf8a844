"""What does one question about a small network cost, and what a draw of Theorem 5?

    python benchmarks/small.py                      the table
    python benchmarks/small.py --against REVISION   and ratios to another revision

Processor time of one thread, warm, medians of five turns; with `--against` two processes take
them. What a question costs beside its regions is its set-up: the line through the means of two
shapes, at no regions. The rows are part of against.py, too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from families import he_normal, text
from revisions import (
    SERVE,
    Measured,
    Measurements,
    Once,
    SkippedError,
    checkout,
    least_seconds,
    serve,
    table,
)

import polyregions as pr

RUNS = 5
SHAPES = ((2, 8, 8), (2, 16, 16))
DRAWS = 400


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


def drawn() -> Once:
    """Measure the walk of draws of Theorem 5, one by one."""
    from polyregions.theory.draws import Settings, draw_network

    law = Settings((2, 8, 8))
    networks = [draw_network(law, index) for index in range(200)]
    ask = partial(pr.enumerate_regions, domain=law.domain)
    return lambda: Measured(seconds(ask, networks) * 1e6, "µs")


def set_up(way: str) -> Once:
    """Measure what a question costs beside its regions: by walk or tree."""
    square = pr.Box.cube(2, 1.0)
    networks = [[he_normal(shape, s) for s in range(40)] for shape in SHAPES]
    sizes = [sum(pr.count_regions(net, square) for net in nets) / 40 for nets in networks]
    ask = partial(
        {"walk": pr.enumerate_regions, "tree": pr.count_regions}[way],
        domain=square,
    )

    def once() -> Measured:
        few, many = (seconds(ask, nets) for nets in networks)
        slope = (many - few) / (sizes[1] - sizes[0])
        return Measured((few - slope * sizes[0]) * 1e6, "µs")

    return once


def question(way: str, shape: tuple[int, ...]) -> Once:
    """Measure one question about a network of a shape."""
    square = pr.Box.cube(2, 1.0)
    networks = [he_normal(shape, s) for s in range(40)]
    regions = sum(pr.count_regions(net, square) for net in networks)
    ask = {"walk": pr.enumerate_regions, "tree": pr.count_regions}[way]
    counters = {"regions of 40": regions}
    return lambda: Measured(seconds(lambda net: ask(net, square), networks) * 1e6, "µs", counters)


def theorem5() -> Once:
    """Measure `verify_theorem5`."""
    from polyregions.theory.theorem5 import verify_theorem5

    def once() -> Measured:
        least, _ = least_seconds(lambda: verify_theorem5((2, 8, 8), draws=DRAWS, workers=1))
        return Measured(least * 1e3, "ms")

    once()
    return once


def together(shape: tuple[int, ...]) -> Once:
    """Measure networks of one shape in one call."""
    import numpy as np

    try:
        from polyregions.walk.alike import AlikeParameters, count_alike
    except ImportError:
        raise SkippedError("has no call for many networks") from None
    square = pr.Box.cube(2, 1.0)
    networks = [he_normal(shape, s) for s in range(40)]
    layers = list(zip(*(net.layers for net in networks), strict=True))
    parameters = AlikeParameters(
        tuple(np.stack([layer.weight for layer in some]) for some in layers),
        tuple(np.stack([layer.bias for layer in some]) for some in layers),
    )
    counts = count_alike(parameters, square)[:, 0].tolist()
    assert counts == [pr.count_regions(net, square) for net in networks]

    def once() -> Measured:
        each = seconds(lambda _: count_alike(parameters, square), range(3))
        return Measured(each / len(networks) * 1e6, "µs a network", {"regions of 40": sum(counts)})

    return once


MEASUREMENTS: Measurements = {
    "walk, a draw of 2-8-8": drawn,
    **{
        f"{way}, {text(shape)}": partial(question, way, shape)
        for way in ("walk", "tree")
        for shape in SHAPES
    },
    **{f"{way}, set-up": partial(set_up, way) for way in ("walk", "tree")},
    f"verify_theorem5, {DRAWS} of 2-8-8": theorem5,
    **{f"together, {text(shape)}": partial(together, shape) for shape in SHAPES},
}


def main() -> None:
    """Parse the command line and print."""
    if sys.argv[1:] == [SERVE]:
        serve(MEASUREMENTS)
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", metavar="REVISION", help="a commit or a tag")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        other = checkout(options.against, Path(folder)) if options.against else None
        table(Path(__file__).resolve(), MEASUREMENTS, other, RUNS)


if __name__ == "__main__":
    main()
