"""Pivots, rows, vertices, nodes: what `benchmarks/counters.py` counts stays what it was.

A change that makes the walk or the tree do more is seen here without a clock. A wanted change
is stored with `python benchmarks/counters.py --write`.
"""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
# products of matrices, which starting points come from, are rounded differently by different
# processors and versions of numpy: few counts move by that, and by little
RELATIVE, ABSOLUTE = 0.05, 3
EXACT = ("network", "domain", "regions", "edges")


@pytest.fixture(scope="module")
def counted():
    # a process of its own: kernels are run uncompiled there
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "counters.py"), "--quick"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(done.stdout.splitlines()))


@pytest.fixture(scope="module")
def stored():
    with (BENCHMARKS / "counters.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def moved(before, now):
    """Return whether a count changed by more than rounding explains."""
    return abs(now - before) > max(ABSOLUTE, RELATIVE * before)


@pytest.mark.slow
def test_the_counts_are_those_that_are_stored(counted, stored):
    assert [list(row) for row in counted] == [list(row) for row in stored]
    changes = []
    for row, old in zip(counted, stored, strict=True):
        assert [row[name] for name in EXACT] == [old[name] for name in EXACT]
        changes += [
            f"{row['network']} in the {row['domain']}: {name} {old[name]}, now {row[name]}"
            for name in row
            if name not in EXACT and moved(int(old[name]), int(row[name]))
        ]
    assert not changes, "\n".join(changes)


@pytest.mark.slow
def test_every_counter_counts_somewhere(stored):
    for name in stored[0]:
        if name not in ("network", "domain"):
            assert any(int(row[name]) for row in stored), name


def test_a_moved_count_is_seen():
    assert moved(1000, 1060)
    assert moved(1000, 940)
    assert not moved(1000, 1040)
    assert not moved(0, 3)
    assert moved(0, 4)


def test_the_networks_have_so_many_regions_when_compiled(stored):
    sys.path.insert(0, str(BENCHMARKS))
    try:
        from families import he_normal
    finally:
        sys.path.remove(str(BENCHMARKS))
    from polyregions import Box, enumerate_regions

    regions = enumerate_regions(he_normal((2, 8, 8), 0), Box.cube(2, 1.0))
    assert stored[0]["network"] == "2-8-8"
    assert (len(regions), len(regions.edges)) == (
        int(stored[0]["regions"]),
        int(stored[0]["edges"]),
    )
