"""Is this checkout faster than another revision? Both measured in turn in one process tree.

    python benchmarks/against.py --baseline REVISION               the table
    python benchmarks/against.py --baseline REVISION --only walk   rows whose names begin so
    python benchmarks/against.py --baseline REVISION --folder F    keep its files and kernels in F

Processor time, warm; the medians of so many turns (``--repeat``), which each revision takes in a
process of its own. A ratio above 1 says that this checkout is faster. Under the table stand the
counters that each revision keeps of itself (counters.py): no noise touches those.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import small
from families import SHAPES, he_normal, lattice, slivers, text, ulp_twins
from revisions import (
    REPOSITORY,
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
from polyregions import Box, Network

REPEAT = 5
FIRST = 200  # regions of a walk among ties, which takes long
# what is not public in every revision: its places, the latest first
PLACES = {
    "count_tree": ("polyregions.tree.subdivision", "polyregions.traversal.subdivision"),
}


def found(name: str) -> Callable[..., Any]:
    """Return a function of the revision that is measured."""
    for place in PLACES[name]:
        try:
            function: Callable[..., Any] = getattr(import_module(place), name)
        except ImportError:
            continue
        return function
    raise SkippedError(f"has no {name}")


def walk(make: Callable[[], Network], first: int | None = None) -> Callable[[], Once]:
    """Measure a walk of a network in its cube, up to so many regions."""

    def ready() -> Once:
        network = make()
        box = Box.cube(network.input_dimension, 1.0)

        def once() -> Measured:
            seconds, regions = least_seconds(
                lambda: pr.enumerate_regions(network, box, max_regions=first)
            )
            counters = {
                "regions": len(regions),
                "edges": len(regions.edges),
                "exact decisions": regions.exact_decisions,
            }
            return Measured(seconds / len(regions) * 1e6, "µs a region", counters)

        return warm(once)

    return ready


def tree(make: Callable[[], Network], first: int | None = None) -> Callable[[], Once]:
    """Measure a count of a network in its cube, up to so many regions."""

    def ready() -> Once:
        network, count_tree = make(), found("count_tree")
        box = Box.cube(network.input_dimension, 1.0)

        def once() -> Measured:
            seconds, count = least_seconds(lambda: count_tree(network, box, max_regions=first))
            counters = {"regions": count.regions, "exact decisions": count.exact_decisions}
            return Measured(seconds / count.regions * 1e6, "µs a region", counters)

        return warm(once)

    return ready


def halfspaces() -> Once:
    """Measure the half-spaces of all regions of an example."""
    from polyregions import examples

    regions = pr.enumerate_regions(pr.load(examples.path("digits2")), Box.cube(2, 1.0))

    def once() -> Measured:
        if hasattr(regions, "halfspaces"):
            seconds, _ = least_seconds(regions.halfspaces)
        else:
            seconds, _ = least_seconds(lambda: [region.halfspaces() for region in regions])
        return Measured(seconds / len(regions) * 1e6, "µs a region", {"regions": len(regions)})

    return warm(once)


def warm(once: Once) -> Once:
    """Run it one time, so that kernels are compiled or read, and return it."""
    once()
    return once


def _measurements() -> Measurements:
    reached: dict[str, tuple[Callable[[], Network], int | None]] = {
        text(shape): (lambda shape=shape: he_normal(shape, 0), None) for shape in SHAPES
    }
    reached["zero bias, 2-16-16"] = lambda: he_normal((2, 16, 16), 0, bias=0.0), None
    reached["zero bias, 4-10-10"] = lambda: he_normal((4, 10, 10), 0, bias=0.0), None
    reached["slivers, 2-16-16"] = lambda: slivers((2, 16, 16), 0), FIRST
    reached["slivers, 3-12-12"] = lambda: slivers((3, 12, 12), 0), FIRST
    reached["ulp twins, 2-16-16"] = lambda: ulp_twins((2, 16, 16), 0), FIRST
    reached["rounded lattice, 4 of 16"] = lambda: lattice(2, 16, 4, 0, True), FIRST // 4
    reached["lattice, 16 of 16"] = lambda: lattice(2, 16, 16, 0, False), FIRST
    reached["lattice, 64 of 16"] = lambda: lattice(2, 16, 64, 0, False), FIRST // 2
    measurements = {f"walk {name}": walk(*of) for name, of in reached.items()}
    measurements |= {f"tree {name}": tree(*of) for name, of in reached.items()}
    for shape in ((2, 500), (2, 1000), (3, 100)):
        measurements[f"count one layer, {text(shape)}"] = tree(lambda s=shape: he_normal(s, 0))
    measurements["halfspaces of digits2"] = halfspaces
    return measurements | small.MEASUREMENTS


MEASUREMENTS = _measurements()


def counters(here: Path, there: Path) -> None:
    """Print the sums of the counters that two revisions store."""
    sums = []
    for folder in (here, there):
        file = folder / "benchmarks" / "counters.csv"
        with file.open(encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        sums.append({(row["network"], row["domain"]): row for row in rows})
    both = [key for key in sums[0] if key in sums[1]]
    columns = [name for name in sums[0][both[0]] if name not in ("network", "domain")]
    print(f"\n{len(both)} networks of counters.csv in all\n")
    print("| counted | here | there | there / here |\n|---|---|---|---|")
    for name in columns:
        if any(name not in some[key] for some in sums for key in both):
            continue
        a, b = (sum(int(some[key][name]) for key in both) for some in sums)
        print(f"| {name} | {a:,} | {b:,} | {b / a:.2f} |" if a else f"| {name} | 0 | {b:,} | |")


def main() -> None:
    """Parse the command line and print."""
    if sys.argv[1:] == [SERVE]:
        serve(MEASUREMENTS)
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--baseline", required=True, metavar="GIT-REVISION")
    parser.add_argument("--folder", type=Path, help="keep the other revision here; else temporary")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="how names of rows begin")
    parser.add_argument("--repeat", type=int, default=REPEAT, help=f"turns, {REPEAT} by default")
    options = parser.parse_args()
    begins = tuple(options.only or [""])
    names = [name for name in MEASUREMENTS if name.startswith(begins)]
    if not names or options.repeat < 1:
        parser.error("nothing is measured; names are\n" + "\n".join(MEASUREMENTS))
    with tempfile.TemporaryDirectory() as temporary:
        there = checkout(options.baseline, (options.folder or Path(temporary)).resolve())
        table(Path(__file__).resolve(), names, there, options.repeat)
        counters(REPOSITORY, there)


if __name__ == "__main__":
    main()
