"""How fast is the walk? Ratios measured in one run.

    python benchmarks/speed.py              the tables of the README
    python benchmarks/speed.py --quick      one seed, fewer samples
    python benchmarks/speed.py --memory     bytes a region, some five million regions

For every shape: the proven walk with edges, and the naive way, one
`scipy.optimize.linprog` call (HiGHS) per row of a region's polytope, timed on a sample of
regions. Processor time of one thread, warm, medians over seeds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from statistics import median

import numpy as np
from families import SHAPES, duplicates, he_normal, integer, text
from scipy.optimize import linprog

from polyregions import Box, Network, enumerate_regions
from polyregions.geometry.region_polytope import region_halfspaces


def seconds_per_region(network: Network, box: Box | None) -> tuple[float, int]:
    """Best of at least three runs and a fifth of a second, with the number of regions."""
    best = np.inf
    count = runs = 0
    begin = time.perf_counter()
    while runs < 3 or time.perf_counter() - begin < 0.2:
        start = time.process_time()
        count = len(enumerate_regions(network, box))
        best = min(best, time.process_time() - start)
        runs += 1
    return best / count, count


def naive_seconds_per_region(network: Network, box: Box, sample: int) -> float:
    """One linear program per unit: can its row be violated when the others hold?"""
    regions = enumerate_regions(network, box)
    chosen = np.random.default_rng(0).choice(len(regions), min(sample, len(regions)), False)
    start = time.process_time()
    for index in chosen:
        rows = region_halfspaces(network, box, regions.patterns[index])
        a, b = -rows.normals, rows.offsets
        for unit in range(network.hidden_units):
            relaxed = b.copy()
            relaxed[unit] += 1.0
            linprog(-a[unit], A_ub=a, b_ub=relaxed, bounds=(None, None), method="highs")
    return (time.process_time() - start) / len(chosen)


def speed_table(seeds: int, sample: int) -> None:
    """Print the table of generic networks."""
    enumerate_regions(he_normal((2, 4, 4), 0), Box.cube(2, 1.0))  # compile or load kernels
    print(
        "| shape | regions | proven, with edges | regions/s |"
        " one linprog per row | ratio | exact decisions |"
    )
    print("|---|---|---|---|---|---|---|")
    for shape in SHAPES:
        box = Box.cube(shape[0], 1.0)
        rows = []
        for seed in range(seeds):
            network = he_normal(shape, seed)
            proven, count = seconds_per_region(network, box)
            naive = naive_seconds_per_region(network, box, sample)
            exact = enumerate_regions(network, box).exact_decisions
            rows.append((count, proven, naive, exact))
        count, proven, naive, exact = (median(column) for column in zip(*rows, strict=True))
        print(
            f"| {text(shape)} | {count:,.0f} | {proven * 1e6:.1f} µs | {1 / proven:,.0f} "
            f"| {naive * 1e6:,.0f} µs | {median(r[2] / r[1] for r in rows):,.0f} "
            f"| {sum(r[3] for r in rows)} |",
            flush=True,
        )


def degenerate_table(seeds: int) -> None:
    """Print the table of degenerate networks and whole spaces."""
    print("\n| family | shape | domain | regions | proven regions/s | exact decisions |")
    print("|---|---|---|---|---|---|")
    families = {
        "zero bias": lambda shape, seed: he_normal(shape, seed, bias=0.0),
        "integer weights": integer,
        "duplicate units": duplicates,
        "generic": he_normal,
    }
    for family, make in families.items():
        for n in (2, 3, 4):
            shape = (n, 16, 16)
            for domain, box in (("cube", Box.cube(n, 1.0)), ("whole space", None)):
                if family == "generic" and box is not None:
                    continue
                rows = []
                for seed in range(seeds):
                    network = make(shape, seed)
                    each, count = seconds_per_region(network, box)
                    exact = enumerate_regions(network, box).exact_decisions
                    rows.append((count, 1 / each, exact))
                count, rate, exact = (median(column) for column in zip(*rows, strict=True))
                print(
                    f"| {family} | {text(shape)} | {domain} | {count:,.0f} | {rate:,.0f} "
                    f"| {exact:,.0f} |",
                    flush=True,
                )


def memory() -> None:
    """Print the peak memory of a million regions with edges, beyond the interpreter."""
    for radius in (0.01, 1.0):
        code = (
            "import json, resource, sys; sys.path.insert(0, sys.argv[1])\n"
            "from families import he_normal\n"
            "from polyregions import Box, enumerate_regions\n"
            "r = enumerate_regions(he_normal((4, 64, 64), 0), Box.cube(4, float(sys.argv[2])))\n"
            "print(json.dumps([len(r), len(r.edges), "
            "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))"
        )
        output = subprocess.run(
            [sys.executable, "-c", code, str(__file__).rsplit("/", 1)[0], str(radius)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        regions, edges, peak = json.loads(output.splitlines()[-1])
        if radius < 1:
            base = peak
        else:
            print(
                f"{regions:,} regions and {edges:,} edges of 4-64-64 in the unit cube: "
                f"{(peak - base) / regions:.0f} bytes a region at the peak beyond a tiny run"
            )


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed, small samples")
    parser.add_argument("--memory", action="store_true", help="measure memory instead of time")
    parser.add_argument("--degenerate", action="store_true", help="only the degenerate table")
    arguments = parser.parse_args()
    if arguments.memory:
        memory()
        return
    seeds, sample = (1, 3) if arguments.quick else (3, 12)
    if not arguments.degenerate:
        speed_table(seeds, sample)
    degenerate_table(seeds)


if __name__ == "__main__":
    main()
