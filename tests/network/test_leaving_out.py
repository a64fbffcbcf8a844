"""Constant units left out in one compiled call: as the slower way that knows all ties does it."""

from fractions import Fraction

import numpy as np
import pytest
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.domain.chart import chart_of, cone_chart
from polyregions.network.exact_network import exact_network
from polyregions.network.flat import first_map, flatten, stretched_rows
from polyregions.network.leaving_out import leave_out, left_of
from polyregions.network.stable_units import reduce_network, reduced, reduction_of
from polyregions.pattern import pack


def same(one, other):
    for name in one._fields:
        a, b = getattr(one, name), getattr(other, name)
        assert np.array_equal(a, b), name
        if isinstance(a, np.ndarray):
            assert (a.dtype, a.flags.c_contiguous) == (b.dtype, b.flags.c_contiguous), name


@pytest.mark.parametrize("family", FAMILIES)
def test_the_two_ways_agree(family):
    compiled = 0
    for seed in range(25):
        network, domain = random_case(family, seed, units=12)
        flat = flatten(network, chart_of(domain, network.input_dimension))
        reduction = reduction_of(flat)
        fast, found = reduced(flat)
        same(fast, reduce_network(flat, reduction))
        assert all(map(np.array_equal, found.live, reduction.live))
        assert len(found.live) == len(reduction.live)
        for name in ("kept", "bits", "leader"):
            a, b = getattr(found, name), getattr(reduction, name)
            assert np.array_equal(a, b), name
            assert a.dtype == b.dtype, name
        compiled += leave_out(flat, left_of(flat))
    if family == "generic":
        assert compiled == 25


@pytest.mark.parametrize("units", [12, 70])
@pytest.mark.parametrize("family", FAMILIES)
def test_packed_patterns_get_back_what_was_left_out(family, units):
    rng = np.random.default_rng(0)
    for seed in range(5):
        network, domain = random_case(family, seed, units=units)
        _, reduction = reduced(flatten(network, chart_of(domain, network.input_dimension)))
        bits = rng.integers(0, 2, size=(6, len(reduction.kept)), dtype=np.uint8)
        whole = pack(reduction.grow(bits))
        assert np.array_equal(reduction.grow_words(pack(bits)), whole)
        assert reduction.grow_words(pack(bits[:0])).shape == (0, whole.shape[1])


def pair_of_networks(second):
    """A first layer of three units, and a second one of given weights and biases."""
    first = [[1.0, 0.5], [-0.5, 1.0], [1.0, 1.0]], [0.1, 0.2, -0.3]
    return pr.Network.from_arrays([first, second, ([[1.0] * len(second[1])], [0.0])])


@pytest.mark.parametrize(
    ("second", "plain"),
    [
        (([[1.0, 2.0, 3.0], [1.0, 2.0, 4.0]], [0.0, 0.0]), True),
        (([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], [0.0, 0.5]), True),
        (([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], [0.0, -0.0]), False),
        (([[1.0, 2.0, 3.0], [0.0, -0.0, 0.0]], [0.0, 1.0]), False),
    ],
)
def test_units_that_are_the_same_or_constant_take_the_slower_way(second, plain):
    flat = flatten(pair_of_networks(second), chart_of(pr.Box.cube(2, 1.0), 2))
    assert leave_out(flat, left_of(flat)) == plain


def test_a_sparse_layer_of_few_weights_takes_the_slower_way():
    rng = np.random.default_rng(3)
    layers = [(rng.normal(size=(90, 2)), rng.normal(size=90)), (np.eye(90), np.zeros(90))]
    flat = flatten(pr.Network.from_arrays([*layers, (np.ones((1, 90)), [0.0])]), cone_chart(2))
    assert flat.skipped[1] >= 0
    assert len(flat.weights) == 90
    same(reduced(flat)[0], reduce_network(flat, reduction_of(flat)))


CHARTS = {
    **{f"cube {radius}": chart_of(pr.Box.cube(3, radius), 3) for radius in (1.0, 0.25, 3.0, 0.7)},
    **{f"cube {radius}": chart_of(pr.Box.cube(3, radius), 3) for radius in (1e-200, 1e150)},
    "least cube": chart_of(pr.Box.cube(3, 5e-324), 3),
    "whole space": chart_of(None, 3),
    "cones": cone_chart(3),
}


@pytest.mark.parametrize("name", CHARTS)
def test_stretched_rows_are_those_of_exact_integers(name):
    rng, chart = np.random.default_rng(0), CHARTS[name]
    weight = rng.normal(size=(6, 3)) * 10.0 ** rng.integers(-30, 30, size=(6, 3))
    weight[0] = [1.0, 2.0, -0.5]  # products with few bits are exact
    weight[1] = 0.0
    bias = rng.normal(size=6)
    network = pr.Network.from_arrays([(weight, bias), (np.ones((1, 6)), [0.0])])
    stretched = stretched_rows(weight, bias, chart)
    if stretched is None:
        assert name in ("cube 1e-200", "cube 1e+150", "least cube")  # left to exact integers
        return
    first, error = stretched
    table, scale = first_map(exact_network(network, chart, depth=1), 0)
    for i, row in enumerate(table):
        exact = [Fraction(int(entry), scale) for entry in row]
        assert first[:, i].tolist() == list(map(float, exact))
        off = sum(abs(a - Fraction(float(b))) for a, b in zip(exact, first[:, i], strict=True))
        assert off <= error[i]
        assert (off == 0) == (error[i] == 0)
    together = stretched_rows(np.stack([weight, 2 * weight]), np.stack([bias, bias]), chart)
    assert np.array_equal(together[0][0], first)
    assert np.array_equal(together[1][0], error)


@pytest.mark.parametrize("box", [pr.Box([0.0, 0.0], [1.0, 1.0]), pr.Box([-1.0, -2.0], [1.0, 2.0])])
def test_a_chart_that_moves_or_has_two_scales_is_left_to_exact_integers(box):
    assert stretched_rows(np.ones((1, 2)), np.ones(1), chart_of(box, 2)) is None
    fixed = chart_of(pr.Box([-1.0, 3.0], [1.0, 3.0]), 2)
    assert stretched_rows(np.ones((1, 2)), np.ones(1), fixed) is None
