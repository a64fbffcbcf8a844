"""Units said to be equal or constant are; networks full of them are walked right."""

from fractions import Fraction

import numpy as np
import pytest
from exact_walks import same_walk
from scipy.sparse import csr_array

import polyregions as pr
from polyregions.io import lowering, signals
from polyregions.io.windows import Sliding, convolve, max_pool, windows
from polyregions.network.value_numbering import numbers_of_layer, value_numbers
from polyregions.pattern import unpack
from polyregions.run.problem import problem_of


def functions(weight, biases, inputs, constants):
    """The slow twin: every unit as a map from input numbers to weights, and a constant."""
    found = []
    for unit, bias in enumerate(biases):
        total, terms = Fraction(float(bias)), {}
        for k, number in enumerate(inputs):
            w = Fraction(float(weight[k, unit]))
            if k in constants:
                total += w * constants[k]
            elif number >= 0:
                terms[number] = terms.get(number, Fraction(0)) + w
        found.append(({number: w for number, w in terms.items() if w}, total))
    return found


@pytest.mark.parametrize("form", [np.array, csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("seed", range(30))
def test_numbers_are_those_of_equal_functions(seed, form):
    rng = np.random.default_rng(seed)
    below, above = rng.integers(1, 5, size=2)
    weight = rng.integers(-1, 2, size=(below, 3 * above)) * rng.choice([1.0, 0.1])
    biases = rng.choice([-0.5, -0.0, 0.0], size=3 * above)
    inputs = np.arange(below) if seed % 2 else rng.integers(-1, below, size=below)
    inputs = np.where(inputs >= 0, value_numbers(inputs.tolist()), -1)
    constants = {}
    if seed % 3 == 0:
        constants = {int(k): Fraction(int(rng.integers(1, 4)), 2) for k in np.flatnonzero(inputs)}
    numbers, values = numbers_of_layer(form(weight), biases, inputs, constants)
    expected = functions(weight, biases, inputs, constants)
    assert values == {i: total for i, (terms, total) in enumerate(expected) if not terms}
    for i, number in enumerate(numbers.tolist()):
        assert number == next(j for j, other in enumerate(expected) if other == expected[i])


def with_copies(rng, weight, bias, share):
    """Overwrite some units by copies of others."""
    for i in range(1, len(bias)):
        if rng.random() < share:
            j = int(rng.integers(0, i))
            weight[i], bias[i] = weight[j], bias[j]


def layered(seed, *, n=None, depth=3, width=4, slopes=False, share=0.5, zeros=0.2):
    """A net with equal units in several layers, zero weights, and constant units."""
    rng = np.random.default_rng([seed, depth, width])
    into = n or int(rng.integers(1, 4))
    layers = []
    for _ in range(depth):
        weight = rng.normal(size=(width, into)) * (rng.random((width, into)) >= zeros)
        bias = rng.normal(size=width) * 0.4 * (rng.random(width) < 0.7)
        with_copies(rng, weight, bias, share)
        lower, upper = np.zeros(width), np.ones(width)
        if slopes:
            lower = rng.choice([0.0, 0.25, 1.0, -1.0], size=width)
            lower[0] = 0.0
        layers.append(pr.Layer.with_slopes(weight, bias, lower, upper))
        into = width
    return pr.Network((*layers, pr.Layer.affine(np.ones((1, width)), [0.0])))


def domain_of(network, seed):
    return None if seed % 4 == 3 else pr.Box.cube(network.input_dimension, 1.0)


CASES = {
    "relu": {},
    "slopes": {"slopes": True},
    "four layers": {"depth": 4, "width": 3},
    "zero weights": {"zeros": 0.6},
    "all the same": {"share": 1.0},
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", CASES)
def test_walk_of_networks_with_equal_units(kind, seed):
    network = layered(seed, **CASES[kind])
    same_walk(network, domain_of(network, seed))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", CASES)
def test_what_is_said_of_bits_holds_at_exact_points(kind, seed):
    network = layered(seed, n=2, **CASES[kind])
    reduction = problem_of(network, pr.Box.cube(2, 1.0)).reduction
    rng = np.random.default_rng(seed)
    # points of a lattice, where ties are common, and others; corners belong to the closure
    points = np.vstack([rng.integers(-2, 3, size=(60, 2)) / 2, rng.uniform(-1, 1, size=(60, 2))])
    bits = unpack(network.pattern(points), network.hidden_units)
    np.testing.assert_array_equal(reduction.grow(reduction.shrink(bits)), bits)


def test_copies_leave_the_problem():
    rng = np.random.default_rng(0)
    layers, into = [], 2
    for _ in range(3):
        weight, bias = rng.normal(size=(4, into)), rng.normal(size=4) * 0.3
        layers.append((np.repeat(weight, 3, axis=0), np.repeat(bias, 3)))
        into = 12
    network, box = pr.Network.from_arrays([*layers, (np.ones((1, 12)), [0.0])]), pr.Box.cube(2, 1.0)
    assert len(problem_of(network, box).reduction.kept) <= 12
    assert same_walk(network, box).exact_decisions == 0


def test_units_that_differ_in_the_last_bit_are_not_equal():
    """A sliver of the input lies between two units that differ by one rounding."""
    weight = [[1.0, 1.0], [1.0, np.nextafter(1.0, 2.0)], [1.0, 1.0]]
    network = pr.Network.from_arrays([(weight, [0.25, 0.25, 0.25]), ([[1.0, 1.0, 1.0]], [0.0])])
    kept = problem_of(network, pr.Box.cube(2, 1.0)).reduction.kept
    assert kept.tolist() == [0, 1]
    assert len(same_walk(network, pr.Box.cube(2, 1.0))) == 4


def test_copies_with_other_slopes_share_a_bit_but_not_an_output():
    weight = np.array([[1.0, 0.5]] * 4)
    first = pr.Layer.with_slopes(weight, [0.1] * 4, [0.0, 0.25, -1.0, 1.0], 1.0)
    # x -> relu(x), leaky(x), |x| and x: the sum bends where it should
    second = pr.Layer.relu([[1, -1, 0, 0], [1, 0, -1, 0], [0, 0, 1, -1], [0, 1, 0, 1]], [0.0] * 4)
    network = pr.Network((first, second, pr.Layer.affine(np.ones((1, 4)), [0.0])))
    regions = same_walk(network, pr.Box.cube(2, 1.0))
    assert unpack(regions.patterns, 7).tolist() == [[0, 0, 0, 1, 0, 1, 0], [1, 1, 1, 0, 0, 0, 1]]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_layer_of_constants(place, seed):
    """Whatever is above such a layer is constant, too; zero weights say so exactly."""
    rng = np.random.default_rng([place, seed])
    layers, into = [], 2
    for index in range(3):
        weight, bias = rng.normal(size=(4, into)), rng.normal(size=4)
        if index == place:
            weight[:] = 0.0
            bias = rng.choice([-1.0, 0.0, 1.0], size=4)
        layers.append((weight, bias))
        into = 4
    network = pr.Network.from_arrays([*layers, (np.ones((1, 4)), [0.0])])
    for domain in (pr.Box.cube(2, 1.0), None):
        regions = same_walk(network, domain)
        assert place or len(regions) == 1


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("stride", [1, 2])
def test_max_pooling_over_flat_patches(seed, stride):
    """A picture with equal pixels: the tournaments compare what is equal everywhere."""
    rng = np.random.default_rng(seed)
    signal = signals.source((1, 1, 4, 4))
    kernels = rng.normal(size=(1, 1, 2, 2))
    signal = convolve(
        signal, kernels, rng.normal(size=1) / 4, Sliding((1, 1), [(0, 0)] * 2, (1, 1))
    )
    pool = windows((3, 3), (2, 2), Sliding((stride, stride), [(0, 0)] * 2, (1, 1)))
    whole = signals.to_network(max_pool(lowering.bend(signal, 0.0, 1.0), pool), "pooled")
    # columns of the picture are flat in all directions of the plane, and so is a corner
    basis = np.repeat(rng.normal(size=(4, 2)), 4, axis=0)
    basis[:4] = rng.normal(size=(4, 2))
    network = whole.on_slice(np.repeat(rng.normal(size=4), 4), basis)
    box = pr.Box.cube(2, 1.0)
    problem = problem_of(network, box)
    assert len(problem.reduction.kept) < network.hidden_units
    same_walk(network, box)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_max_pooling_of_equal_values(n):
    """max(a, a, a, b): a comparison of equal units is zero everywhere, so its bit is 0."""
    rng = np.random.default_rng(n)
    weight = np.vstack([np.repeat(rng.normal(size=(1, n)), 3, axis=0), rng.normal(size=(1, n))])
    first = pr.Layer.relu(weight, [0.2, 0.2, 0.2, -0.1])
    keep = np.array([0.0, 1.0, 0.0, 1.0])  # relu(a - b), then b, twice
    compare = [[1, -1, 0, 0], [0, 1, 0, 0], [0, 0, 1, -1], [0, 0, 0, 1]]
    second = pr.Layer.with_slopes(compare, np.zeros(4), keep, 1.0)
    third = pr.Layer.with_slopes([[1, 1, -1, -1], [0, 0, 1, 1]], np.zeros(2), [0.0, 1.0], 1.0)
    network = pr.Network((first, second, third, pr.Layer.affine([[1.0, 1.0]], [0.0])))
    for domain in (pr.Box.cube(n, 1.0), None):
        regions = same_walk(network, domain)
        bits = unpack(regions.patterns, network.hidden_units)
        assert not bits[:, 4].any()  # a - a
        assert (bits[:, 0] == bits[:, 1]).all()
