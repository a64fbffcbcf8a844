"""The largest output with and without a list: python benchmarks/maximum.py NETWORK BOX [--share S].

BOX is a .vnnlib file, or a number R for [-R, R]^n. ``maximum`` beside listing all regions and
solving one exact linear program on each, over its facets: the median of --repeats runs of the
first, one of the second, and their ratio. --share looks at the middle of the box only, sides times
S. Listing that takes longer than --limit is stopped: its time is then a lower bound, and so is the
ratio. Exit code 1 if the values differ, as fractions.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from statistics import median
from time import perf_counter

import polyregions as pr
from polyregions.analysis.adjacency import facet_units
from polyregions.analysis.affine_maps import exact_maps, largest_value
from polyregions.domain.chart import chart_point
from polyregions.io import load_box


def largest_of_all(regions: pr.Regions, output: int, until: float) -> list[Fraction]:
    """Return the largest value on each listed region, on fewer of them if time is up."""
    maps = exact_maps(regions.network, regions.domain)
    found = []
    for region, units in zip(regions, facet_units(regions), strict=True):
        if perf_counter() > until:
            break
        rows, outputs, walls = maps.rows(region.pattern)
        polytope = [*(rows[unit] for unit in units), *walls]
        start = chart_point(regions.domain, region.exact_witness)
        found.append(largest_value(outputs[output], polytope, start)[0] / maps.scale)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", type=Path)
    parser.add_argument("box")
    parser.add_argument("--of", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--limit", type=float, default=600.0)
    given = parser.parse_args()
    network = pr.load(given.network)
    if given.box.endswith(".vnnlib"):
        box = load_box(given.box).box
    else:
        box = pr.Box.cube(network.input_dimension, float(given.box))
    middle, half = box.lower / 2 + box.upper / 2, box.upper / 2 - box.lower / 2
    if given.share != 1.0:
        box = pr.Box(middle - given.share * half, middle + given.share * half)
    pr.maximum(network, pr.Box(middle - half / 1024, middle + half / 1024), given.of)  # warm
    times = []
    for _ in range(given.repeats):
        start = perf_counter()
        best = pr.maximum(network, box, given.of)
        times.append(perf_counter() - start)
    pr.enumerate_regions(network, box, max_regions=10)  # warm
    start = perf_counter()
    regions = pr.enumerate_regions(network, box, time_limit=given.limit)
    listed = perf_counter()
    values = largest_of_all(regions, given.of, start + given.limit) if regions.complete else []
    seconds = perf_counter() - start
    whole = regions.complete and len(values) == len(regions)
    least = "" if whole else "> "
    right = best.proven and max(values, default=best.value) <= best.value
    said = (
        "unlike" if whole and max(values) != best.value else "equal as fractions" if whole else ""
    )
    print("| network | regions | maximum, s | listing, s | programs | s | ratio | value |")
    print("|---|---|---|---|---|---|---|---|")
    print(
        f"| {network.name} | {'' if regions.complete else '> '}{len(regions):,} "
        f"| {median(times):.3f} | {listed - start:.1f} | {len(values):,} "
        f"| {seconds - (listed - start):.1f} | {least}{seconds / median(times):,.0f} "
        f"| {float(best.value):.12g} {said} |"
    )
    return int(not right)


if __name__ == "__main__":
    raise SystemExit(main())
