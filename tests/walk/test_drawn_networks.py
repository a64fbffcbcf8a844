"""Whatever hypothesis draws: four ways to the same regions, and what any result obeys."""

import numpy as np
import pytest
from exact_walks import same_walk
from oracles import brute_force
from strategies import cases, few

pytest.importorskip("hypothesis", reason="hypothesis is not installed")
from hypothesis import given

import polyregions as pr
from polyregions.network import Layer, Network
from polyregions.network.prefix import contains, first_units
from polyregions.pattern import pack, unpack


@pytest.mark.slow
@few
@given(cases())
def test_walk_and_tree_agree_with_brute_force(case):
    network, domain = case
    regions = same_walk(network, domain)
    expected = brute_force(network, domain)
    np.testing.assert_array_equal(regions.patterns, expected.patterns)
    np.testing.assert_array_equal(regions.edges, expected.edges)
    assert pr.count_regions(network, domain) == len(expected.patterns)


@few
@given(cases(units=9))
def test_a_region_of_all_layers_lies_in_one_of_the_first(case):
    network, domain = case
    depth = next(k for k, layer in enumerate(network.layers, 1) if layer.bends.any())
    last = network.layers[depth - 1]
    short = Network((*network.layers[:depth], Layer.affine(np.ones((1, len(last.bias))), [0.0])))
    below = pr.enumerate_regions(short, domain)
    regions = pr.enumerate_regions(network, domain)
    bits = unpack(regions.patterns, network.hidden_units)
    first = pack(np.unique(bits[:, : short.hidden_units], axis=0))
    assert {words.tobytes() for words in first} == {words.tobytes() for words in below.patterns}
    prefixes = [first_units(short.hidden_units, row) for row in bits]
    assert all(contains(p, regions.patterns)[k] for k, p in enumerate(prefixes))


@few
@given(cases())
def test_a_witness_has_its_pattern_and_an_edge_its_facet(case):
    network, domain = case
    regions = pr.enumerate_regions(network, domain)
    inexact = [k for k in range(len(regions)) if k not in regions.exact_witnesses]
    np.testing.assert_array_equal(
        network.pattern(regions.witnesses[inexact]), regions.patterns[inexact]
    )
    low, high = regions.edges.T
    assert (low < high).all()
    assert (regions.patterns[low] != regions.patterns[high]).any(axis=1).all()
