"""Every unit is inside its enclosure: exactly, at points all over the domain."""

from fractions import Fraction

import numpy as np
import pytest

import polyregions as pr
from polyregions.domain.chart import chart_of
from polyregions.network import storage
from polyregions.network.bound_propagation import enclose, no_enclosure
from polyregions.network.flat import flatten


def enclosures(network, slopes=None):
    """The enclosures of all layers over the unit cube, before their outputs overwrite them."""
    n = network.input_dimension
    flat = flatten(network, chart_of(pr.Box.cube(n, 1.0), n))
    lower, upper = (flat.lower, flat.upper) if slopes is None else slopes
    found, base = [], 0
    source = no_enclosure(flat, 0)
    for layer, width in enumerate(flat.widths):
        enclosure = no_enclosure(flat, layer)
        enclose(flat, layer, base, lower, upper, source, enclosure)
        found.append([array.copy() for array in enclosure])
        source = enclosure
        base += width
    return found


def exact_values(network, point):
    """The slow twin: all pre-activations at a point, in rational arithmetic."""
    y, layers = [Fraction(float(u)) for u in point], []
    for layer in network.layers[:-1]:
        rows = zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
        z = [
            sum((Fraction(w) * v for w, v in zip(row, y, strict=True)), Fraction(b))
            for row, b in rows
        ]
        slopes = zip(layer.lower.tolist(), layer.upper.tolist(), strict=True)
        y = [v * Fraction(up if v > 0 else low) for v, (low, up) in zip(z, slopes, strict=True)]
        layers.append(z)
    return layers


def random_network(seed, scale=1.0, bias=0.5):
    rng = np.random.default_rng(seed)
    into = int(rng.integers(1, 4))
    layers = []
    for _ in range(3):
        weight = rng.normal(size=(5, into)) * scale * (rng.random((5, into)) < 0.8)
        lower = rng.choice([0.0, 0.0, 0.25, 1.0, -1.0], size=5)
        lower[0] = 0.0
        layers.append(pr.Layer.with_slopes(weight, rng.normal(size=5) * bias, lower, 1.0))
        into = 5
    return pr.Network((*layers, pr.Layer.affine(np.ones((1, 5)), [0.0])))


def assert_inside(network, seed, slopes=None):
    rng = np.random.default_rng(seed)
    n = network.input_dimension
    points = np.vstack([rng.uniform(-1, 1, size=(12, n)), rng.choice([-1.0, 0.0, 1.0], (12, n))])
    found = enclosures(network, slopes)
    for point in points:
        for z, (affine, radius, low, high) in zip(exact_values(network, point), found, strict=True):
            for i, value in enumerate(z):
                plane = sum(
                    (Fraction(a) * Fraction(u) for a, u in zip(affine[:n, i], point, strict=True)),
                    Fraction(affine[n, i]),
                )
                assert abs(value - plane) <= Fraction(radius[i])
                assert low[i] <= value <= high[i]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_units_are_inside(seed, sparse, monkeypatch):
    if sparse:
        monkeypatch.setattr(storage, "_SMALLEST_SPARSE", 1)
        monkeypatch.setattr(storage, "_SPARSE_DENSITY", 2.0)
    assert_inside(random_network(seed), seed)


@pytest.mark.parametrize("seed", range(4))
def test_rounding_is_inside_as_well(seed):
    """With biases that cancel all but the last digits, the radius is rounding alone."""
    rng = np.random.default_rng(seed)
    first = pr.Layer.relu(rng.normal(size=(4, 2)), 10.0 + rng.random(4))
    weight = rng.normal(size=(3, 4))
    second = pr.Layer.relu(weight, -(weight @ first.bias))
    network = pr.Network((first, second, pr.Layer.affine(np.ones((1, 3)), [0.0])))
    # all units below are active, and the map is known
    active = np.array([1.0] * 4 + [0.0] * 3), np.ones(7)
    assert_inside(network, seed, active)
    _, (affine, radius, _, _) = enclosures(network, active)
    assert (radius > 0).all()
    assert (radius < 1e-11).all()
    np.testing.assert_allclose(affine[:2].T, weight @ first.weight, atol=1e-11)


def test_a_unit_that_may_switch_takes_the_secant():
    network = pr.Network.from_arrays([([[1.0]], [0.5]), ([[2.0]], [0.0]), ([[1.0]], [0.0])])
    _, (affine, radius, low, high) = enclosures(network)
    # relu on [-0.5, 1.5] is within 3/16 of 3/4 (z + 1/4)
    np.testing.assert_allclose(affine[:, 0], [1.5, 1.5 * 0.5 + 2 * 3 / 16], atol=1e-3)
    np.testing.assert_allclose([radius[0], low[0], high[0]], [0.375, -0.75, 3.0], atol=2e-3)


def test_what_is_silent_is_left_out():
    network = pr.Network.from_arrays(
        [([[1.0], [1.0]], [3.0, 0.0]), ([[1.0, 5.0]], [0.0]), ([[1.0]], [0.0])]
    )
    slopes = np.array([1.0, 0.0, 0.0]), np.array([1.0, 0.0, 1.0])
    _, (affine, radius, _, _) = enclosures(network, slopes)
    np.testing.assert_array_equal(affine[:, 0], [1.0, 3.0])
    assert radius[0] < 1e-13


@pytest.mark.parametrize("scale", [1e120, 1e300])
def test_what_overflows_says_nothing(scale):
    network = random_network(1, scale=scale, bias=1e300)
    _, radius, low, high = enclosures(network)[-1]
    assert not np.isfinite(radius).any()
    assert not (low > 0).any()
    assert not (high < 0).any()
