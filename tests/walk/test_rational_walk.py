"""The rational walk against brute force, which decides adjacency by the definition."""

import numpy as np
import pytest
from oracles import brute_force
from random_nets import FAMILIES, random_case

from polyregions.domain import Box
from polyregions.domain.chart import chart_of
from polyregions.network import Network
from polyregions.network.exact_network import exact_network, exact_rows
from polyregions.pattern import unpack
from polyregions.walk.rational_walk import exact_region, walk_exactly


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", FAMILIES)
def test_walk_equals_brute_force(family, seed):
    network, domain = random_case(family, seed, units=6)
    found, expected = walk_exactly(network, domain), brute_force(network, domain)
    np.testing.assert_array_equal(found.patterns, expected.patterns)
    np.testing.assert_array_equal(found.edges, expected.edges)


@pytest.mark.parametrize("family", FAMILIES)
def test_interiors_lie_in_their_regions(family):
    network, domain = random_case(family, 100)
    chart = chart_of(domain, network.input_dimension)
    found = walk_exactly(network, domain)
    for words, point in zip(found.patterns, found.interiors, strict=True):
        rows = exact_rows(exact_network(network, chart), unpack(words, network.hidden_units))
        column = [*point, 1]
        values = [sum(int(entry) * x for entry, x in zip(row, column, strict=True)) for row in rows]
        assert all(value > 0 or not any(row) for value, row in zip(values, rows, strict=True))


def test_one_differing_bit_is_not_adjacency():
    # j = x, i = x + 5, k = 2 relu(j) - relu(i) + 4
    network = Network.from_arrays([([[1], [1]], [0, 5]), ([[2, -1]], [4]), ([[1]], [0])])
    found = walk_exactly(network, Box.interval(1, -10.0, 10.0))
    on_bit = [list(unpack(words, 3)) for words in found.patterns]
    left, right = on_bit.index([0, 1, 1]), on_bit.index([1, 1, 1])
    assert [min(left, right), max(left, right)] not in found.edges.tolist()
    np.testing.assert_array_equal(
        found.edges, brute_force(network, Box.interval(1, -10.0, 10.0)).edges
    )


def test_a_pattern_that_is_no_region():
    network = Network.from_arrays([([[1.0], [0.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])])
    exact = exact_network(network, chart_of(Box.cube(1, 1.0), 1))
    assert exact_region(exact, [1, 0]) is not None
    assert exact_region(exact, [1, 1]) is None  # identically zero counts as inactive
    shifted = Network.from_arrays([([[1.0], [1.0]], [0.0, 2.0]), ([[1.0, 1.0]], [0.0])])
    assert exact_region(exact_network(shifted, exact.chart), [1, 0]) is None  # empty
