"""Times to keep and to compare from commit to commit, with pytest-benchmark.

    python -m pytest benchmarks --benchmark-autosave                        keep a run
    python -m pytest benchmarks --benchmark-autosave --benchmark-compare    and compare it
    pytest-benchmark compare --group-by=name --columns=min,median           all runs kept

Nothing here asserts a time: what a run may cost is for its reader to say. What an
enumeration does is counted by counters.py, which the tests compare.
"""

import pytest

pytest.importorskip("pytest_benchmark")

from families import SHAPES, duplicates, he_normal, integer, text

from polyregions import Box, enumerate_regions
from polyregions.tree.subdivision import count_tree

DEGENERATE = {
    "zero-bias": lambda shape: he_normal(shape, 0, bias=0.0),
    "integer": lambda shape: integer(shape, 0),
    "duplicates": lambda shape: duplicates(shape, 0),
}


def keep(benchmark, run, network, box):
    """Time a run, compiled before; its regions are kept with the time."""
    found = run(network, box)
    assert found.complete
    assert found.proven
    benchmark.extra_info["regions"] = found.summary()["regions"]
    benchmark.extra_info["exact_decisions"] = found.exact_decisions
    benchmark(run, network, box)


@pytest.mark.parametrize("shape", SHAPES, ids=text)
def test_walk(benchmark, shape):
    keep(benchmark, enumerate_regions, he_normal(shape, 0), Box.cube(shape[0], 1.0))


@pytest.mark.parametrize("shape", SHAPES, ids=text)
def test_tree(benchmark, shape):
    keep(benchmark, count_tree, he_normal(shape, 0), Box.cube(shape[0], 1.0))


@pytest.mark.parametrize("shape", [(2, 16, 16), (3, 16, 16)], ids=text)
@pytest.mark.parametrize("family", DEGENERATE)
def test_degenerate_walk(benchmark, family, shape):
    keep(benchmark, enumerate_regions, DEGENERATE[family](shape), Box.cube(shape[0], 1.0))


@pytest.mark.parametrize("shape", [(2, 16, 16), (3, 16, 16)], ids=text)
def test_whole_space(benchmark, shape):
    keep(benchmark, enumerate_regions, he_normal(shape, 0), None)
