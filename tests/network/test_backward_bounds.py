"""Every pre-activation is within its bounds, exactly, at corners and random points."""

from fractions import Fraction

import numpy as np
import pytest

import polyregions as pr
from polyregions.network.backward_bounds import Range, backward_bounds
from tests.network.test_bound_propagation import exact_values


def drawn(seed, scale):
    rng = np.random.default_rng(seed)
    into, layers = int(rng.integers(1, 4)), []
    for _ in range(3):
        lower = rng.choice([0.0, 0.25, 1.0, -1.0, 2.0], size=5)
        upper = rng.choice([0.0, 1.0, 0.5, -0.5], size=5)
        lower[0], upper[0] = 0.0, 1.0
        weight = scale * rng.normal(size=(5, into)) * (rng.random((5, into)) < 0.8)
        layers.append(pr.Layer.with_slopes(weight, scale * rng.normal(size=5), lower, upper))
        into = 5
    return pr.Network((*layers, pr.Layer.affine(np.ones((1, 5)), [0.0])))


def nothing_known(network):
    sizes = [len(layer.bias) for layer in network.layers]
    return [Range(np.full(size, -np.inf), np.full(size, np.inf)) for size in sizes]


@pytest.mark.parametrize("scale", [1.0, 1e-120, 1e40])
@pytest.mark.parametrize("seed", range(8))
def test_units_are_within_their_bounds(seed, scale):
    network, rng = drawn(seed, scale), np.random.default_rng(seed)
    n = network.input_dimension
    box = pr.Box(rng.uniform(-2, 0, n), rng.uniform(0, 2, n))
    found = backward_bounds(network, box, nothing_known(network))
    points = [rng.uniform(box.lower, box.upper) for _ in range(20)]
    points += [np.where(rng.random(n) < 0.5, box.lower, box.upper) for _ in range(20)]
    for point in points:
        for values, (low, high) in zip(exact_values(network, point), found, strict=False):
            for value, least, most in zip(values, low.tolist(), high.tolist(), strict=True):
                assert least == -np.inf or Fraction(least) <= value
                assert most == np.inf or value <= Fraction(most)


def test_rounding_is_within_the_bounds():
    """Sums that cancel all but their last digits: bounds are rounding alone, and hold."""
    rng = np.random.default_rng(0)
    first = pr.Layer.relu(rng.normal(size=(4, 2)), 10.0 + rng.random(4))
    weight = rng.normal(size=(3, 4))
    second = pr.Layer.relu(weight, -(weight @ first.bias))
    network = pr.Network((first, second, pr.Layer.affine(np.ones((1, 3)), [0.0])))
    point = pr.Box([0.0, 0.0], [1e-300, 1e-300])
    _, (low, high), _ = backward_bounds(network, point, nothing_known(network))
    assert (high - low < 1e-12).all()
    _, values = exact_values(network, [0.0, 0.0])
    for value, least, most in zip(values, low, high, strict=True):
        assert Fraction(float(least)) <= value <= Fraction(float(most))


def test_what_cannot_be_negative_is_not_by_a_rounding():
    """relu(x) + relu(-x) - 0 touches zero: sums of terms of one sign are not rounded."""
    network = pr.Network.from_arrays([([[1], [-1]], [0, 0]), ([[3, 0.1]], [0]), ([[1]], [0])])
    _, (low, high), _ = backward_bounds(network, pr.Box.cube(1, 1.0), nothing_known(network))
    assert low[0] == 0.0
    assert 3.0 <= high[0] < 3.01 + 0.1


def test_products_of_layers_that_cancel_are_within_the_bounds():
    """Ones take all that is added to them with them, and cancel in the end, in every order."""
    ones, small = np.ones(16), np.full(2000, 2.0**-54)
    weight = np.concatenate([ones, small, ones])[:, None]
    signs = np.concatenate([ones, np.ones(2000), -ones])[None, :]
    first, second = pr.Layer.relu(weight, np.zeros(len(weight))), pr.Layer.relu(signs, [0.0])
    network = pr.Network((first, second, pr.Layer.affine([[1.0]], [0.0])))
    box = pr.Box([1.0], [1.0 + 2.0**-50])
    _, (low, high), _ = backward_bounds(network, box, nothing_known(network))
    assert low[0] <= 2000 * 2.0**-54 <= high[0]
