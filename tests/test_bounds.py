"""The table of closed forms in the literature."""

from fractions import Fraction
from math import comb

import histograms
import numpy as np
import pytest

import polyregions as pr
from polyregions.pattern import unpack
from polyregions.theory import bounds
from polyregions.theory.bounds import compared_bounds

# n_0, widths: 2^N, Montúfar 17, Serra 18, Pascanu 13, Montúfar 14, Serra 18 lower
TABLE = [
    (1, (4, 4, 4), 4096, 125, 125, 80, 80, 125),
    (2, (4, 4), 256, 121, 121, 22, 44, None),
    (2, (8, 8), 65536, 1369, 1369, 148, 592, 925),
    (3, (9, 9), 262144, 16900, 16900, 390, 3510, 8320),
    (10, (8, 8), 65536, 65536, 39203, None, None, None),
    (784, (12, 10), 2**22, 4194304, 3096514, None, None, None),
]


@pytest.mark.parametrize("line", TABLE, ids=lambda line: f"{line[0]}-{line[1]}")
def test_table(line):
    n, widths, *expected = line
    functions = (
        bounds.montufar_2014,
        bounds.montufar_2017,
        bounds.serra_2018,
        bounds.pascanu_2013_lower,
        bounds.montufar_2014_lower,
        bounds.serra_2018_lower,
    )
    assert [function(n, widths) for function in functions] == expected


@pytest.mark.parametrize("n", range(1, 6))
@pytest.mark.parametrize("widths", [(3,), (5, 4), (6, 2, 6), (15, 15, 15)])
def test_bounds_are_in_order(n, widths):
    upper = [bounds.serra_2018(n, widths), bounds.montufar_2017(n, widths)]
    assert upper == sorted(upper)
    assert upper[-1] <= bounds.montufar_2014(n, widths)
    lower = [bounds.pascanu_2013_lower(n, widths), bounds.montufar_2014_lower(n, widths)]
    lower.append(bounds.serra_2018_lower(n, widths))
    known = [bound for bound in lower if bound is not None]
    assert known == sorted(known)
    assert all(bound <= upper[0] for bound in known)


def by_definition(n, widths):
    """The recursion of Serra et al., and Zaslavsky's sum, as they are written down."""
    if not widths:
        return 1
    width = widths[0]
    return sum(
        comb(width, j) * by_definition(min(n, width - j), widths[1:])
        for j in range(min(width, n) + 1)
    )


@pytest.mark.parametrize("seed", range(60))
def test_serra_is_its_recursion(seed):
    rng = np.random.default_rng(seed)
    widths = tuple(rng.integers(1, 8, size=rng.integers(1, 5)).tolist())
    for n in (1, 2, int(rng.integers(3, 12)), 20):
        assert bounds.serra_2018(n, widths) == by_definition(n, widths)
        assert bounds.zaslavsky(widths[0], n) == sum(comb(widths[0], j) for j in range(n + 1))


def test_deep_networks_have_bounds():
    # a layer of two units on a line, and on a plane
    line = plane = 1
    for _ in range(5_000):
        line, plane = 3 * line, plane + 2 * line + 1
    assert bounds.serra_2018(1, (2,) * 5_000) == line
    assert bounds.serra_2018(2, (2,) * 5_000) == plane
    assert bounds.montufar_2017(2, (2,) * 5_000) == 4**5_000


def test_a_bound_that_takes_minutes_is_left_out():
    layer = pr.Layer.relu(np.eye(300), np.zeros(300))
    last = pr.Layer.affine(np.ones((1, 300)), [0.0])
    assert compared_bounds(pr.Network((layer, last)), 300)["serra_2018"] == 2**300
    found = compared_bounds(pr.Network((*[layer] * 300, last)), 300)
    assert found["serra_2018"] is None
    assert found["montufar_2017"] == 2 ** (300 * 300)


def test_one_hidden_layer_is_zaslavsky():
    for m in range(8):
        for n in range(1, 6):
            assert bounds.zaslavsky(m, n) == bounds.serra_2018(n, (m,))
    assert bounds.zaslavsky(5, 7) == 2**5


def test_recursions_of_arrangements():
    for m in range(2, 9):
        for n in range(1, 6):
            # adding a hyperplane adds the regions of its trace
            before, trace = bounds.zaslavsky(m - 1, n), bounds.zaslavsky(m - 1, n - 1)
            assert bounds.zaslavsky(m, n) == before + trace
            assert bounds.central_regions(m, n) == 2 * bounds.zaslavsky(m - 1, n - 1)
            # a hyperplane cuts off as many bounded regions as its trace has, and opens none
            if m > 2 and n > 1:
                bounded = bounds.zaslavsky_bounded(m - 1, n)
                assert bounds.zaslavsky_bounded(m, n) == bounded + bounds.zaslavsky_bounded(
                    m - 1, n - 1
                )


def test_further_upper_bounds_are_in_order():
    for n in range(1, 6):
        for widths in [(3,), (5, 4), (6, 2, 6), (15, 15, 15)]:
            raghu = bounds.raghu_2017(n, widths)
            assert bounds.montufar_2017(n, widths) <= raghu <= bounds.montufar_2014(n, widths)
            assert bounds.zero_bias_cones(n, widths) <= bounds.montufar_2017(n, widths)
    for m in range(1, 8):
        assert bounds.zero_bias_cones(3, (m,)) == bounds.central_regions(m, 3)
        assert bounds.raghu_2017(3, (m, m)) == bounds.zaslavsky(m, 3) ** 2


@pytest.mark.parametrize("line", TABLE, ids=lambda line: f"{line[0]}-{line[1]}")
def test_histograms_give_the_older_bounds(line):
    n, widths, patterns, montufar, serra, *_ = line
    chosen = (histograms.every_pattern, histograms.one_bar, histograms.binomial)
    found = [histograms.hinz_van_de_geer_2019(n, widths, choice) for choice in chosen]
    assert found == [patterns, montufar, serra]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_histograms_of_actual_layers_are_dominated(seed):
    n, width = 3, 7
    rng = np.random.default_rng(seed)
    layer = [(rng.normal(size=(width, n)), rng.normal(size=width)), (np.ones((1, width)), [0.0])]
    regions = pr.enumerate_regions(pr.Network.from_arrays(layer), None)
    active = unpack(regions.patterns, width).sum(axis=1)
    counts = np.bincount(active, minlength=width + 1).tolist()
    assert histograms.dominates(histograms.binomial(n, width), counts)
    assert not histograms.dominates(counts, histograms.binomial(n, width))


def test_scale_is_exact():
    assert bounds.hanin_rolnick_scale(7, 3) == Fraction(343, 6)
    assert bounds.hanin_rolnick_scale(10**6, 20).denominator > 1
