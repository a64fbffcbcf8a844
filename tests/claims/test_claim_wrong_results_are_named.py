"""assert_valid accepts right results and names what is wrong with others."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from random_nets import FAMILIES, random_case
from zoo import ZOO

import polyregions as pr
from polyregions import examples
from polyregions.testing import assert_valid


@pytest.mark.parametrize("family", FAMILIES)
def test_right_results(family):
    for seed in range(2):
        assert_valid(pr.enumerate_regions(*random_case(family, 60 + seed)))


@pytest.mark.parametrize("case", [c for c in ZOO if c.regions < 50], ids=lambda c: c.network.name)
def test_the_zoo(case):
    assert_valid(pr.enumerate_regions(case.network, case.domain))


@pytest.mark.slow
def test_a_real_network_by_sample():
    network = pr.load(examples.path("digits2"))
    assert_valid(pr.enumerate_regions(network, pr.Box.cube(2, 1.0)), sample=20)


def test_a_partial_result(three_lines):
    assert_valid(pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0), max_regions=3))


def changed(regions, **fields):
    return replace(regions, **{"exact_witnesses": {}, **fields})


@pytest.fixture
def regions(three_lines):
    return pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))


def without(regions, index):
    keep = np.arange(len(regions)) != index
    rank = np.cumsum(keep) - 1
    edges = rank[regions.edges[keep[regions.edges].all(axis=1)]]
    return changed(
        regions, patterns=regions.patterns[keep], witnesses=regions.witnesses[keep], edges=edges
    )


def test_a_missing_region(regions):
    with pytest.raises(AssertionError, match=r"a neighbour of region \d+ is missing"):
        assert_valid(without(regions, 3))


def test_a_missing_region_far_from_the_sample(regions):
    last = len(regions) - 1
    with pytest.raises(AssertionError, match=r"missing|volumes add up|falls into"):
        assert_valid(without(regions, last), sample=1)


def test_a_missing_edge(regions):
    with pytest.raises(AssertionError, match="a facet of region 0 has no edge"):
        assert_valid(changed(regions, edges=regions.edges[1:]))


def test_an_edge_too_many(regions):
    pairs = {tuple(edge) for edge in regions.edges.tolist()}
    extra = next((i, j) for i in range(7) for j in range(i + 1, 7) if (i, j) not in pairs)
    edges = np.array(sorted([*pairs, extra]))
    with pytest.raises(AssertionError, match="is no facet"):
        assert_valid(changed(regions, edges=edges))


def test_a_wrong_witness(regions):
    witnesses = regions.witnesses.copy()
    witnesses[2] = -witnesses[2]
    with pytest.raises(AssertionError, match="the witness of region 2 has another pattern"):
        assert_valid(changed(regions, witnesses=witnesses))


def test_a_witness_on_a_boundary(regions):
    off = regions.index(regions.network.pattern([-0.5, -0.5]))
    with pytest.raises(AssertionError, match="lies on its boundary"):
        assert_valid(changed(regions, exact_witnesses={off: (Fraction(0), Fraction(-1, 2))}))


def test_a_witness_outside(regions):
    witnesses = regions.witnesses * 4
    with pytest.raises(AssertionError, match="outside the open domain"):
        assert_valid(changed(regions, witnesses=witnesses))


def test_disorder(regions):
    with pytest.raises(AssertionError, match="patterns are not sorted"):
        assert_valid(changed(regions, patterns=regions.patterns[::-1]))
    with pytest.raises(AssertionError, match="edges are not sorted"):
        assert_valid(changed(regions, edges=regions.edges[::-1]))
    with pytest.raises(AssertionError, match="no region"):
        assert_valid(
            changed(regions, patterns=regions.patterns[:0], witnesses=regions.witnesses[:0])
        )


def test_a_region_that_is_none(regions):
    # x < 0, y < 0 and x + y > 1/2 at once
    patterns = regions.patterns.copy()
    assert regions.patterns.ravel().tolist() == [0, 1, 2, 3, 5, 6, 7]
    patterns[4] = 4
    with pytest.raises(AssertionError, match="the witness of region 4"):
        assert_valid(changed(regions, patterns=patterns))
