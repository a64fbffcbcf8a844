"""Does a region cost the same in a large result as in a small one? One network, stopped early.

    python benchmarks/flatness.py                      5-44-44, up to 10^7 regions
    python benchmarks/flatness.py --most 1000000       up to 10^6
    python benchmarks/flatness.py 4 64 64              another network

Processor time of one thread, warm; the walk finds edges as well and keeps everything.
"""

from __future__ import annotations

import argparse
import time

from families import he_normal, text

from polyregions import Box, enumerate_regions
from polyregions.traversal.subdivision import count_tree


def main() -> None:
    """Parse the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shape", type=int, nargs="*", default=[5, 44, 44], metavar="WIDTH")
    parser.add_argument("--most", type=int, default=10**7)
    options = parser.parse_args()
    shape = tuple(options.shape)
    network, box = he_normal(shape, 0), Box.cube(shape[0], 1.0)
    runs = {
        "walk": lambda most: len(enumerate_regions(network, box, max_regions=most)),
        "tree": lambda most: count_tree(network, box, max_regions=most).regions,
    }
    print(f"{text(shape)} in the unit cube\n")
    print("| regions | walk, regions/s | to the first | tree, regions/s | to the first |")
    print("|---|---|---|---|---|")
    for run in runs.values():
        run(100)  # compile or load kernels
    first: dict[str, float] = {}
    most = 10**4
    while most <= options.most:
        cells = []
        for name, run in runs.items():
            rate, begin = 0.0, time.process_time()
            while time.process_time() - begin < 2.0:  # the best of several short runs
                start = time.process_time()
                regions = run(most)
                rate = max(rate, regions / (time.process_time() - start))
            first.setdefault(name, rate)
            cells += [f"{rate:,.0f}", f"{rate / first[name]:.2f}"]
        print(f"| {regions:,} | " + " | ".join(cells) + " |", flush=True)
        most *= 10


if __name__ == "__main__":
    main()
