"""How fast is the tree against the walk? Ratios measured in one run, both proven.

    python benchmarks/tree.py              generic networks, then degenerate ones
    python benchmarks/tree.py --quick      one seed
    python benchmarks/tree.py --large 8 14 14 [--threads 2]   one large network, tree only

Processor time of one thread, warm, medians over seeds. The walk also finds adjacency.
"""

from __future__ import annotations

import argparse
import resource
import time
from statistics import median

import numpy as np
from families import duplicates, he_normal, integer, text

from polyregions import Box, Network, enumerate_regions
from polyregions.tree.subdivision import TreeCount, count_tree

SHAPES = [
    (2, 16, 16),
    (2, 64, 64, 64),
    (3, 16, 16, 16),
    (4, 16, 16),
    (5, 12, 12),
    (6, 10, 10),
    (8, 10, 10),
    (10, 8, 8),
]
LARGEST = (8, 14, 14)


def best(run, least: int) -> tuple[float, object]:
    """Best processor time of at least so many runs and a fifth of a second."""
    seconds, runs = np.inf, 0
    begin = time.perf_counter()
    while runs < least or time.perf_counter() - begin < 0.2:
        start = time.process_time()
        result = run()
        seconds = min(seconds, time.process_time() - start)
        runs += 1
    return seconds, result


def compare(network: Network, box: Box | None, least: int = 3) -> tuple[float, float, TreeCount]:
    """Seconds of the walk and of the tree, which must agree."""
    walk, regions = best(lambda: enumerate_regions(network, box), least)
    tree, count = best(lambda: count_tree(network, box), least)
    assert count.regions == len(regions)
    assert count.proven
    return walk, tree, count


def line(name: str, rows: list[tuple[float, float, TreeCount]]) -> None:
    """Print one row of a table."""
    regions = median(count.regions for _, _, count in rows)
    walk, tree = (median(row[i] / row[2].regions for row in rows) for i in (0, 1))
    ratio = median(row[0] / row[1] for row in rows)
    exact = sum(count.exact_decisions for _, _, count in rows)
    print(
        f"| {name} | {regions:,.0f} | {walk * 1e6:.2f} µs | {tree * 1e6:.2f} µs "
        f"| {1 / tree:,.0f} | {ratio:.1f} | {exact:,} |",
        flush=True,
    )


def tables(seeds: int) -> None:
    """Print the tables of generic and degenerate networks."""
    head = (
        "regions | walk with edges | tree, count only | tree regions/s | ratio | exact decisions |"
    )
    compare(he_normal((2, 4, 4), 0), Box.cube(2, 1.0))  # compile or load kernels
    print(f"| shape | {head}\n|---|---|---|---|---|---|---|")
    for shape in [*SHAPES, LARGEST]:
        some, least = (1, 1) if shape == LARGEST else (seeds, 3)
        box = Box.cube(shape[0], 1.0)
        line(text(shape), [compare(he_normal(shape, s), box, least) for s in range(some)])
    print(f"\n| family, shape, domain | {head}\n|---|---|---|---|---|---|---|")
    families = {
        "zero bias": lambda shape, seed: he_normal(shape, seed, bias=0.0),
        "integer weights": integer,
        "duplicate units": duplicates,
        "generic": he_normal,
    }
    for family, make in families.items():
        for n in (2, 3, 4):
            for domain, box in (("cube", Box.cube(n, 1.0)), ("whole space", None)):
                if family != "generic" or box is None:
                    shape = (n, 16, 16)
                    rows = [compare(make(shape, seed), box, 1) for seed in range(seeds)]
                    line(f"{family}, {text(shape)}, {domain}", rows)


def large(shape: tuple[int, ...], threads: int, seed: int | None) -> None:
    """Count one large network; print time and peak memory."""
    count_tree(he_normal((2, 4, 4), 0), Box.cube(2, 1.0))
    network = he_normal(shape, 0)
    start = time.perf_counter()
    count = count_tree(network, Box.cube(shape[0], 1.0), threads=threads, seed=seed)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{text(shape)}: {count.regions:,} regions, by layer {count.regions_per_layer}, "
        f"{seconds:.1f} s in {threads} threads, {count.regions / seconds:,.0f} regions/s, "
        f"{count.exact_decisions:,} exact decisions, peak memory {peak:.0f} MB"
    )


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed")
    parser.add_argument("--large", type=int, nargs="+", metavar="WIDTH", help="one large network")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, help="of the order of units; default: as seems best")
    arguments = parser.parse_args()
    if arguments.large:
        large(tuple(arguments.large), arguments.threads, arguments.seed)
    else:
        tables(1 if arguments.quick else 3)


if __name__ == "__main__":
    main()
