"""Choices by a sign: read where both sides meet for certain, refused otherwise."""

import numpy as np
import pytest

from polyregions.errors import UnsupportedOperatorError
from polyregions.io import lowering, signals
from polyregions.io.comparisons import Switch, opposite, switched, where_positive
from polyregions.io.exact_matrices import Sparse
from polyregions.io.signals import source, to_network


def affine(signal, weight, bias):
    return lowering.add(signals.transformed(signal, Sparse(weight), (len(bias),)), bias)


def parts(seed):
    """z = W x + b, numbers u and l, and a rest r; on = u z + r and off = l z + r meet at z = 0."""
    rng = np.random.default_rng(seed)
    weight, bias = rng.integers(-4, 5, size=(3, 2)) / 4, rng.integers(-4, 5, size=3) / 4
    weight[:, 0] += ~weight.any(axis=1)
    slopes = rng.integers(-3, 4, size=(2, 3)) / 2
    rest = np.zeros((3, 2)) if seed % 2 else rng.integers(-4, 5, size=(3, 2)) / 4
    shift = np.zeros(3) if seed % 2 else rng.integers(-4, 5, size=3) / 4
    return weight, bias, slopes, rest, shift


@pytest.mark.parametrize("seed", range(20))
def test_equals_the_choice_at_points(seed):
    weight, bias, slopes, rest, shift = parts(seed)
    x = source((2,))
    z = affine(x, weight, bias)
    on, off = (affine(x, s[:, None] * weight + rest, s * bias + shift) for s in slopes)
    points = np.random.default_rng(seed).normal(size=(50, 2))
    values = points @ weight.T + bias
    base = points @ rest.T + shift
    for switch, chosen in ((Switch(z), values > 0), (opposite(Switch(z)), values < 0)):
        # the sum of absolute values bends in any case, so that there is a network
        result = lowering.bend(where_positive(switch, on, off), -1.0, 1.0)
        expected = abs(np.where(chosen, slopes[0] * values, slopes[1] * values) + base)
        np.testing.assert_allclose(to_network(result, "").forward(points), expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_a_side_that_is_moved_a_little_is_refused(seed):
    weight, bias, slopes, rest, shift = parts(seed)
    x = source((2,))
    z = affine(x, weight, bias)
    matrix, vector = slopes[0][:, None] * weight + rest, slopes[0] * bias + shift
    off = affine(x, slopes[1][:, None] * weight + rest, slopes[1] * bias + shift)
    row, column = np.random.default_rng(seed).integers([3, 3])
    moved = np.column_stack([matrix, vector])
    moved[row, column] += 2.0**-20
    other = np.append(
        slopes[1][row] * weight[row] + rest[row], slopes[1][row] * bias[row] + shift[row]
    )
    if np.linalg.matrix_rank([moved[row] - other, np.append(weight[row], bias[row])], tol=0) < 2:
        pytest.skip("the moved side still meets the other one")
    with pytest.raises(UnsupportedOperatorError, match="may jump there"):
        where_positive(Switch(z), affine(x, moved[:, :2], moved[:, 2]), off)


def test_a_side_over_other_values_is_refused():
    x = source((2,))
    z = affine(x, np.eye(2), np.zeros(2))
    bent = lowering.bend(x, 0.0, 1.0)
    for on, off in [(bent, np.zeros(2)), (np.ones(2), np.zeros(2)), (x, bent)]:
        with pytest.raises(UnsupportedOperatorError, match="may jump there"):
            where_positive(Switch(z), on, off)


def test_a_mask_of_constants():
    x = source((3,))
    mask = np.array([True, False, True])
    points = np.random.default_rng(0).normal(size=(5, 3))
    result = switched(mask, x, np.array([5.0, 6.0, 7.0]))
    network = to_network(lowering.bend(result, -1.0, 1.0), "")
    expected = abs(np.where(mask, points, [5.0, 6.0, 7.0]))
    np.testing.assert_array_equal(network.forward(points), expected)
    assert switched(mask, np.ones(3), np.zeros(3)).tolist() == [1.0, 0.0, 1.0]
