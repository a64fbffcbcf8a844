"""The checker's bounds over boxes, against the network in fractions."""

from fractions import Fraction

import numpy as np
import pytest
from io_helpers import exact_forward
from oracles import layers_of

import polyregions as pr
from polyregions.proof.tree_bounds import (
    bounds_on_boxes,
    clipped_by_planes,
    least_of_planes,
    planes_of_inputs,
)


def cancelling_network(seed):
    """Layers whose sums nearly cancel, slopes that are no powers of two: rounding shows."""
    rng = np.random.default_rng(seed)
    near = rng.normal(size=(1, 2)) + rng.normal(size=(6, 2)) * 1e-9
    mixed = rng.normal(size=(6, 6))
    mixed -= mixed.mean(axis=1, keepdims=True)
    return pr.Network(
        (
            pr.Layer.affine(near, rng.normal(size=6) * 1e-10),
            pr.Layer.with_slopes(mixed, rng.normal(size=6) * 1e-10, 0.3, [1.1, 0.1] * 3),
            pr.Layer.relu(rng.normal(size=(5, 6)), rng.normal(size=5) * 1e-10),
            pr.Layer.affine(rng.normal(size=(2, 5)), rng.normal(size=2)),
        )
    )


def pre_activations(layers, point):
    """The pre-activations of each layer, in fractions."""
    values, found = list(point), []
    for weight, bias, low, up in layers:
        pre = [
            sum((Fraction(a) * v for a, v in zip(row, values, strict=True)), Fraction(shift))
            for row, shift in zip(weight.tolist(), bias.tolist(), strict=True)
        ]
        found.append(pre)
        values = [Fraction(u if z > 0 else d) * z for z, d, u in zip(pre, low, up, strict=True)]
    return found


@pytest.mark.parametrize("seed", range(4))
def test_bounds_hold_and_are_not_trivial(seed):
    network = cancelling_network(seed)
    layers, rng = layers_of(network), np.random.default_rng(seed)
    centre = rng.uniform(-1, 1, (12, 2))
    half = rng.choice([0.0, 1e-12, 1e-3, 0.5], (12, 2))
    half[0] = 0.0
    lower, upper = centre - half, centre + half
    unknown = [np.full((12, len(layer[1])), np.inf) for layer in layers[:-1]]
    matrix, offsets = rng.normal(size=(3, 2)), rng.normal(size=3)
    with np.errstate(all="ignore"):
        bounds, steps = bounds_on_boxes(layers, lower, upper, [(-v, v) for v in unknown])
        normals, shifts = planes_of_inputs(steps, matrix, offsets, 12)
        least = least_of_planes(normals, shifts, lower, upper)
    tight = 0
    for k in range(12):
        shares = [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0), *rng.random((4, 2))]
        points = np.clip(lower[k] + shares * (upper[k] - lower[k]), lower[k], upper[k])
        for x in points.tolist():
            point = list(map(Fraction, x))
            *hidden, outputs = pre_activations(layers, point)
            assert outputs == exact_forward(network, point)
            for (low, high), values in zip(bounds, hidden, strict=True):
                ends = zip(low[k].tolist(), values, high[k].tolist(), strict=True)
                assert all(Fraction(a) <= z <= Fraction(b) for a, z, b in ends)
            for r in range(3):
                c = zip(matrix[r].tolist(), outputs, strict=True)
                value = sum((Fraction(a) * y for a, y in c), Fraction(offsets[r]))
                terms = zip(normals[k, r].tolist(), point, strict=True)
                plane = sum((Fraction(a) * v for a, v in terms), Fraction(shifts[k, r]))
                assert Fraction(least[k, r]) <= plane <= value
                tight += k == 0 and value - Fraction(least[k, r]) < 1e-10
    assert tight


def test_clipped_boxes_keep_what_no_plane_excludes():
    rng = np.random.default_rng(5)
    k, n = 200, 3
    centre, half = rng.normal(size=(k, n)), rng.uniform(0, 1, (k, n))
    lower, upper = centre - half, centre + half
    normals = rng.normal(size=(k, 1, n))
    inside = lower + rng.random((k, n)) * (upper - lower)
    offsets = -(normals * inside[:, None]).sum(axis=2)
    low, high = clipped_by_planes(lower, upper, normals, offsets)
    moved = 0
    for i in range(k):
        normal = list(map(Fraction, normals[i, 0].tolist()))
        ends = [list(map(Fraction, side[i].tolist())) for side in (lower, upper)]
        least = [min(a * x, a * y) for a, x, y in zip(normal, *ends, strict=True)]
        for d, a in enumerate(normal):
            end = -(sum(least) - least[d] + Fraction(offsets[i, 0].item())) / a
            if a > 0 and end < ends[1][d]:
                assert Fraction(high[i, d].item()) >= end
                moved += 1
            if a < 0 and end > ends[0][d]:
                assert Fraction(low[i, d].item()) <= end
                moved += 1
    assert moved > k // 2


def test_what_overflows_proves_nothing():
    layers = [
        (np.full((2, 1), 1e308), np.zeros(2), np.zeros(2), np.ones(2)),
        (np.full((1, 2), 1e308), np.zeros(1), np.ones(1), np.ones(1)),
    ]
    lower, upper = np.array([[-1e308]]), np.array([[1e308]])
    unknown = np.full((1, 2), np.inf)
    with np.errstate(all="ignore"):
        bounds, steps = bounds_on_boxes(layers, lower, upper, [(-unknown, unknown)])
        for sign in (1.0, -1.0):
            planes = planes_of_inputs(steps, np.array([[sign]]), np.zeros(1), 1)
            assert not (least_of_planes(*planes, lower, upper) > 0).any()
            low, high = clipped_by_planes(lower, upper, *planes)
            assert (low <= high).all()
    assert all(not (low > 0).any() and not (high < 0).any() for low, high in bounds)
