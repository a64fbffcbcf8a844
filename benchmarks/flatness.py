"""Does a region cost the same in a large result as in a small one? One network, stopped early.

    python benchmarks/flatness.py                      5-44-44, up to 10^7 regions
    python benchmarks/flatness.py --most 1000000       up to 10^6
    python benchmarks/flatness.py 4 64 64              another network

Processor time of one thread, warm; the walk finds edges as well and keeps everything. A tree
that is stopped has seen one corner of the domain, and corners differ: so its rate is the median
of several random orders of units, each with a corner of its own (and slower, all of them, than
the order that the tree chooses when it is free to).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median

from families import he_normal, text

from polyregions import Box, Network, enumerate_regions
from polyregions.tree.subdivision import count_tree


def best_rate(run: Callable[[], int], seconds: float) -> float:
    """Return regions per second, the best of several short runs."""
    rate, begin = 0.0, time.process_time()
    while rate == 0.0 or time.process_time() - begin < seconds:
        start = time.process_time()
        regions = run()
        rate = max(rate, regions / (time.process_time() - start))
    return rate


def walk_rate(network: Network, box: Box, most: int) -> float:
    """Return the rate of the walk."""
    return best_rate(lambda: len(enumerate_regions(network, box, max_regions=most)), 2.0)


def tree_rate(network: Network, box: Box, most: int) -> float:
    """Return the median rate of the tree in several random orders of units."""
    orders = range(9 if most < 10**6 else 3)
    return median(
        best_rate(partial(_tree_regions, network, box, most, seed), 0.3) for seed in orders
    )


def _tree_regions(network: Network, box: Box, most: int, seed: int) -> int:
    return count_tree(network, box, max_regions=most, seed=seed).regions


def main() -> None:
    """Parse the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shape", type=int, nargs="*", default=[5, 44, 44], metavar="WIDTH")
    parser.add_argument("--most", type=int, default=10**7)
    options = parser.parse_args()
    shape = tuple(options.shape)
    network, box = he_normal(shape, 0), Box.cube(shape[0], 1.0)
    print(f"{text(shape)} in the unit cube\n")
    print("| regions | walk, regions/s | to the first | tree, regions/s | to the first |")
    print("|---|---|---|---|---|")
    first: dict[str, float] = {}
    most = 10**4
    for measure in (walk_rate, tree_rate):
        measure(network, box, 100)  # compile or load kernels
    while most <= options.most:
        cells = []
        for measure in (walk_rate, tree_rate):
            rate = measure(network, box, most)
            ratio = rate / first.setdefault(measure.__name__, rate)
            cells += [f"{rate:,.0f}", f"{ratio:.2f}"]
        print(f"| {most:,} | " + " | ".join(cells) + " |", flush=True)
        most *= 10


if __name__ == "__main__":
    main()
