"""Every pre-activation is within its bounds, exactly, at corners and random points."""

from fractions import Fraction

import numpy as np
import pytest

import polyregions as pr
from polyregions.network.backward_bounds import (
    ROUND_SIDES,
    Boxes,
    backward_bounds,
    least_values,
    no_bounds,
    planes_below,
)
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


def bounds_over(network, box):
    """Bounds on all layers over one box, which is looked at together with its lower half."""
    boxes = Boxes(np.array([box.lower, box.lower]), np.array([box.upper, box.upper]))
    boxes.upper[1] = box.lower / 2 + box.upper / 2
    found, _ = backward_bounds(network, boxes, no_bounds(network, 2), ROUND_SIDES)
    return [(low[0], high[0]) for low, high in found]


@pytest.mark.parametrize("scale", [1.0, 1e-120, 1e40])
@pytest.mark.parametrize("seed", range(8))
def test_units_are_within_their_bounds(seed, scale):
    network, rng = drawn(seed, scale), np.random.default_rng(seed)
    n = network.input_dimension
    box = pr.Box(rng.uniform(-2, 0, n), rng.uniform(0, 2, n))
    found = bounds_over(network, box)
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
    _, (low, high), _ = bounds_over(network, point)
    assert (high - low < 1e-12).all()
    _, values = exact_values(network, [0.0, 0.0])
    for value, least, most in zip(values, low, high, strict=True):
        assert Fraction(float(least)) <= value <= Fraction(float(most))


def test_what_cannot_be_negative_is_not_by_a_rounding():
    """relu(x) + relu(-x) - 0 touches zero: sums of terms of one sign are not rounded."""
    network = pr.Network.from_arrays([([[1], [-1]], [0, 0]), ([[3, 0.1]], [0]), ([[1]], [0])])
    _, (low, high), _ = bounds_over(network, pr.Box.cube(1, 1.0))
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
    _, (low, high), _ = bounds_over(network, box)
    assert low[0] <= 2000 * 2.0**-54 <= high[0]


@pytest.mark.parametrize("scale", [1.0, 1e-120, 1e40])
@pytest.mark.parametrize("seed", range(8))
def test_planes_are_below_the_outputs(seed, scale):
    network, rng = drawn(seed, scale), np.random.default_rng(seed)
    n = network.input_dimension
    centre, half = rng.normal(size=(3, n)), rng.uniform(0, 0.5, (3, n))
    boxes = Boxes(centre - half, centre + half)
    bounds, _ = backward_bounds(network, boxes, no_bounds(network, 3))
    planes = planes_below(network, boxes, bounds, np.array([[1.0], [-2.0]]), np.array([0.0, 0.5]))
    least = least_values(planes, boxes)
    for k in range(3):
        for point in rng.uniform(boxes.lower[k], boxes.upper[k], (10, n)):
            x = list(map(Fraction, point.tolist()))
            (output,) = exact_outputs(network, point)
            for r, value in enumerate((output, Fraction(1, 2) - 2 * output)):
                if np.isfinite(planes.offsets[k, r]):
                    normal = planes.normals[k, r].tolist()
                    terms = [Fraction(a) * b for a, b in zip(normal, x, strict=True)]
                    assert sum(terms, Fraction(planes.offsets[k, r].item())) <= value
                if least[k, r] > -np.inf:
                    assert Fraction(least[k, r].item()) <= value


TINY_SLOPES = pr.Network(
    (pr.Layer.with_slopes([[1e150]], [0.0], 1e-200, 1.0), pr.Layer.affine([[1e-200]], [0.0]))
)
# a tiny input, taken times what is huge only in the end
HUGE_LATER = pr.Network.from_arrays(
    [
        ([[1.1e-160]], [0.0]),
        ([[0.7e-165], [0.7e-165 * 1.1 / 1.3]], [0.0, 0.0]),
        ([[1.1e300, -1.3e300]], [0.0]),
    ]
)


@pytest.mark.parametrize(
    ("network", "low", "high"), [(TINY_SLOPES, -1e150, -1e149), (HUGE_LATER, 0.5, 1.0)]
)
def test_coefficients_that_underflow(network, low, high):
    boxes = Boxes(np.array([[low]]), np.array([[high]]))
    bounds, _ = backward_bounds(network, boxes, no_bounds(network, 1))
    for sign in (1, -1):
        planes = planes_below(network, boxes, bounds, np.array([[1.0 * sign]]), np.array([0.0]))
        least = least_values(planes, boxes).item()
        for x in (low, high):
            (output,) = exact_outputs(network, [x])
            assert Fraction(least) <= sign * output


def exact_outputs(network, point):
    *_, last = network.layers
    before = exact_values(network, point)[-1]
    below = network.layers[-2]
    slopes = zip(below.lower.tolist(), below.upper.tolist(), strict=True)
    outputs = [Fraction(b if z > 0 else a) * z for z, (a, b) in zip(before, slopes, strict=True)]
    rows = zip(last.weight.tolist(), last.bias.tolist(), strict=True)
    return [
        sum((Fraction(w) * y for w, y in zip(ws, outputs, strict=True)), Fraction(b))
        for ws, b in rows
    ]
