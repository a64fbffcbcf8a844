"""What does an enumeration do? Counts that no noise touches, beside the times of speed.py.

    python benchmarks/counters.py            the table
    python benchmarks/counters.py --quick    the small networks only, as CSV
    python benchmarks/counters.py --write    also benchmarks/counters.csv, which a test compares

Kernels run uncompiled, as the plain Python that they are, and calls of some of them are
counted: nothing is added to the compiled ones. Without fused multiply-add and reordered sums
the counts are nearly the same on every machine; not quite, because numpy's products of
matrices, which some starting points come from, are rounded differently by different processors.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["NUMBA_DISABLE_JIT"] = "1"  # before numba is imported

import numpy as np
from families import SHAPES, duplicates, he_normal, integer

import polyregions.cells.degenerate
import polyregions.walk.degenerate_regions
from polyregions import Box, Network, enumerate_regions
from polyregions.cells import dictionary, polygon, vertices
from polyregions.geometry import rows
from polyregions.run.problem import problem_of
from polyregions.tree import polygons
from polyregions.tree.crew import explorer_of
from polyregions.tree.planar_subtree import PlanarSubtree
from polyregions.walk import prefix_redundancy as settle
from polyregions.walk import region_kernel as decide

STORE = Path(__file__).with_name("counters.csv")
FIRST = 300  # regions of the large networks


def calls(*arguments: Any) -> int:
    """Count a call."""
    return 1


# what is counted, the function whose calls tell, and how much a call counts for
COUNTED: tuple[tuple[str, Callable[..., Any], Callable[..., int]], ...] = (
    ("prefixes", settle.settle_prefix, calls),
    ("computed rows", rows.write_region_rows, lambda *a: int(a[4])),
    ("polytopes", decide.decide_simple, calls),
    ("decided rows", decide.decide_simple, lambda *a: int(a[2])),
    ("corners", polygon.look_along, calls),
    ("vertices", vertices.prove_basis_facets, calls),
    ("degenerate rows", polyregions.cells.degenerate.decide_row, calls),
    ("pivots", dictionary.pivot, calls),
    ("tree corners", polygons.place_corner, calls),
)
WALK = [name for name, _, _ in COUNTED if not name.startswith("tree")]
TREE = ["tree nodes", "tree pivots", "tree corners"]
COLUMNS = [
    *("network", "domain", "regions", "edges"),
    *WALK,
    "exact decisions",
    *TREE,
    "tree exact decisions",
]


def watch(counts: Counter[str]) -> None:
    """Let every module of the package call the counted functions through a counter."""
    for function in {id(function): function for _, function, _ in COUNTED}.values():
        told = [(name, amount) for name, f, amount in COUNTED if f is function]
        replace(function, counting(function, told, counts))


def counting(
    function: Callable[..., Any],
    told: list[tuple[str, Callable[..., int]]],
    counts: Counter[str],
) -> Callable[..., Any]:
    """Return the function, which counts its calls as well."""

    def counted(*arguments: Any) -> Any:
        for name, amount in told:
            counts[name] += amount(*arguments)
        return function(*arguments)

    return counted


def replace(function: Callable[..., Any], other: Callable[..., Any]) -> None:
    """Replace a function under every name that a module of the package has for it."""
    for module in [m for name, m in sys.modules.items() if name.startswith("polyregions")]:
        for name, value in list(vars(module).items()):
            if value is function:
                setattr(module, name, other)


def measure(network: Network, box: Box | None, first: int | None, counts: Counter[str]) -> dict:
    """Walk and tree of a network, up to so many regions."""
    counts.clear()
    found = enumerate_regions(network, box, max_regions=first)
    row: dict[str, object] = {
        "network": network.name,
        "domain": "whole space" if box is None else "cube",
        "regions": len(found),
        "edges": len(found.edges),
        **{name: counts[name] for name in WALK},
        "exact decisions": found.exact_decisions,
    }
    counts.clear()
    subtree = explorer_of(problem_of(network, box), None)
    limit = np.iinfo(np.int64).max
    while not subtree.finished and subtree.regions < (first or limit):
        subtree.advance(10**9, first or limit)
    if first is None and subtree.regions != len(found):
        raise SystemExit(f"{network.name}: walk and tree disagree")
    planar = isinstance(subtree, PlanarSubtree)  # polygons there, dictionaries elsewhere
    row["tree nodes"] = int(
        subtree.polygons.counters[0]["nodes"] if planar else subtree.tree.counters[0]["nodes"]
    )
    row["tree pivots"] = counts["pivots"]
    row["tree corners"] = counts["tree corners"]
    row["tree exact decisions"] = subtree.exact_decisions
    return row


def named(network: Network, name: str) -> Network:
    """Return the network with its family in its name."""
    return Network.from_arrays(
        [(layer.weight, layer.bias) for layer in network.layers], name=f"{network.name} {name}"
    )


def in_cube(network: Network) -> tuple[Network, Box | None]:
    """Return the network with its cube."""
    return network, Box.cube(network.input_dimension, 1.0)


def small() -> list[tuple[Network, Box | None]]:
    """Return the networks of the test: generic and degenerate, in a cube and beyond."""
    shapes = ((2, 8, 8), (3, 6, 6), (4, 5, 5), (2, 5, 5, 5), (3, 4, 4, 4))
    cases = [in_cube(he_normal(shape, 0)) for shape in shapes]
    for shape in ((2, 5, 5), (3, 4, 4)):
        cases.append((he_normal(shape, 0), None))
        cases.append(in_cube(named(he_normal(shape, 0, bias=0.0), "zero bias")))
        cases.append(in_cube(named(integer(shape, 0), "integer")))
        cases.append(in_cube(named(duplicates(shape, 0), "duplicates")))
    return cases


def large() -> list[tuple[Network, Box | None]]:
    """Return the networks of speed.py."""
    return [in_cube(he_normal(shape, 0)) for shape in SHAPES]


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the small networks only, as CSV")
    parser.add_argument("--write", action="store_true", help="write benchmarks/counters.csv")
    options = parser.parse_args()
    np.seterr(all="ignore")  # kernels wrap and divide on purpose, and say nothing compiled
    counts: Counter[str] = Counter()
    watch(counts)
    table = [measure(network, box, None, counts) for network, box in small()]
    if options.quick:
        write(table, sys.stdout)
        return
    if options.write:
        with STORE.open("w", encoding="utf-8", newline="") as file:
            write(table, file)
    print(f"The first {FIRST} regions of the networks of speed.py, per region:\n")
    report([measure(network, box, FIRST, counts) for network, box in large()])
    print("\nSmall networks, all regions, per region:\n")
    report(table)


def write(table: list[dict], file: Any) -> None:
    """Write the counts as CSV."""
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)


def report(table: list[dict]) -> None:
    """Print a table of counts per region; exact decisions are totals."""
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    for row in table:
        cells = [
            f"{row[name] / row['regions']:.3g}" if name in (*WALK, *TREE) else str(row[name])
            for name in COLUMNS
        ]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
