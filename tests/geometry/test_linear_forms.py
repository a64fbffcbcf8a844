"""Ties by shape are ties of the exact rows; networks full of them are walked right."""

from itertools import pairwise

import numpy as np
import pytest

from polyregions import Box, Layer, Network, enumerate_regions
from polyregions.geometry.linear_forms import NOTHING, sources_of, trace_sources
from polyregions.run.problem import whole_problem
from polyregions.walk.rational_walk import walk_exactly


def sparse_network(seed):
    """A deep net with few weights and biases, pass-through units among its units."""
    rng = np.random.default_rng(seed)
    sizes = [int(rng.integers(1, 4)), *rng.integers(3, 6, size=3).tolist()]
    layers = []
    for into, out in pairwise(sizes):
        weight = rng.normal(size=(out, into)) * (rng.random((out, into)) < 0.45)
        bias = rng.normal(size=out) * (rng.random(out) < 0.3)
        lower = np.where(rng.random(out) < 0.25, 1.0, 0.0)
        layers.append(Layer.with_slopes(weight, bias, lower, 1.0))
    if not any(layer.bends.any() for layer in layers):
        return sparse_network(seed + 1000)
    return Network((*layers, Layer.affine(np.ones((1, sizes[-1])), [0.0])))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_ties_by_shape_are_ties_of_exact_rows(seed):
    network = sparse_network(seed)
    domain = Box.cube(network.input_dimension, 1.0) if seed % 2 else None
    problem = whole_problem(network, domain)
    flat = problem.flat
    rng = np.random.default_rng(seed)
    sources = sources_of(flat)
    source = sources.source
    from polyregions.network.exact_network import exact_rows

    for _ in range(5):
        bits = rng.integers(0, 2, flat.units).astype(np.uint8)
        trace_sources(flat, len(flat.widths), bits, sources)
        rows = exact_rows(problem.exact, bits)
        first = {}
        for unit, row in enumerate(flat.bit.tolist()):
            if row < 0:
                continue
            if source[unit] == NOTHING:
                assert not any(rows[row])
                continue
            other = rows[first.setdefault(int(source[unit]), row)]
            for a in range(len(other)):
                for b in range(len(other)):
                    assert rows[row][a] * other[b] == rows[row][b] * other[a]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_walk_of_sparse_networks(seed):
    network = sparse_network(seed)
    domain = Box.cube(network.input_dimension, 1.0) if seed % 2 else None
    regions, expected = enumerate_regions(network, domain), walk_exactly(network, domain)
    np.testing.assert_array_equal(regions.patterns, expected.patterns)
    np.testing.assert_array_equal(regions.edges, expected.edges)
    assert regions.proven


def test_max_pooling_after_relu_needs_little_exact_arithmetic():
    # max(relu(a), relu(b)) = relu(b) + relu(relu(a) - relu(b)), four times
    rng = np.random.default_rng(3)
    below = Layer.relu(rng.normal(size=(8, 2)), rng.normal(size=8) * 0.3)
    compare = np.zeros((8, 8))
    for pair in range(4):
        compare[pair, [2 * pair, 2 * pair + 1]] = [1.0, -1.0]
        compare[4 + pair, 2 * pair + 1] = 1.0
    slopes = np.array([0.0] * 4 + [1.0] * 4)
    pooled = Layer.with_slopes(compare, np.zeros(8), slopes, 1.0)
    network = Network((below, pooled, Layer.affine(np.ones((1, 8)), [0.0])))
    box = Box.cube(2, 1.0)
    regions, expected = enumerate_regions(network, box), walk_exactly(network, box)
    np.testing.assert_array_equal(regions.patterns, expected.patterns)
    assert regions.exact_decisions < len(regions)
