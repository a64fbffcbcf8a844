"""The networks that benchmarks measure: a reference family and its degenerate cousins."""

from __future__ import annotations

import os

import numpy as np

from polyregions import Layer, Network

# what is measured are compiled kernels
os.environ["POLYREGIONS_COMPILE_FIRST"] = "1"

SHAPES = [
    (2, 16, 16),
    (2, 64, 64, 64),
    (3, 16, 16, 16),
    (4, 16, 16),
    (5, 12, 12),
    (6, 10, 10),
    (8, 10, 10),
    (10, 8, 8),
]


def he_normal(shape: tuple[int, ...], seed: int, bias: float = 0.3) -> Network:
    """Weights N(0, 2 / fan-in), biases N(0, bias²), one linear output."""
    rng = np.random.default_rng([*shape, seed])
    layers = []
    for into, out in zip(shape, [*shape[1:], 1], strict=True):
        layers.append((rng.normal(size=(out, into)) * np.sqrt(2 / into), rng.normal(size=out)))
    return Network.from_arrays([(w, bias * b) for w, b in layers], name=text(shape))


def integer(shape: tuple[int, ...], seed: int) -> Network:
    """Weights in -3..3 and biases in -2..2."""
    rng = np.random.default_rng([*shape, seed, 1])
    layers = []
    for into, out in zip(shape, [*shape[1:], 1], strict=True):
        weight = rng.integers(-3, 4, size=(out, into)).astype(float)
        layers.append((weight, rng.integers(-2, 3, size=out).astype(float)))
    return Network.from_arrays(layers, name=text(shape))


def duplicates(shape: tuple[int, ...], seed: int) -> Network:
    """The reference family with a copy and a negative multiple of a unit in every layer."""
    layers = [(w.weight.copy(), w.bias.copy()) for w in he_normal(shape, seed).layers]
    for weight, bias in layers[:-1]:
        weight[1], bias[1] = weight[0], bias[0]
        weight[2], bias[2] = -2 * weight[0], -2 * bias[0]
    return Network.from_arrays(layers, name=text(shape))


def ulp_twins(shape: tuple[int, ...], seed: int) -> Network:
    """The reference family, each unit of the first layer twice, one ulp apart.

    The second layer reads them as if they were one unit, cut in two.
    """
    layers = [(w.weight.copy(), w.bias.copy()) for w in he_normal(shape, seed).layers]
    (first, bias), (second, shift) = layers[:2]
    layers[0] = (np.repeat(first, 2, axis=0), np.repeat(bias, 2))
    layers[0][1][1::2] = np.nextafter(bias, np.inf)
    layers[1] = (np.repeat(second, 2, axis=1) / 2, shift)
    return Network.from_arrays(layers, name=text(shape))


def slivers(shape: tuple[int, ...], seed: int) -> Network:
    """The reference family with multiples of a unit in every layer, as floats round them."""
    layers = [(w.weight.copy(), w.bias.copy()) for w in he_normal(shape, seed).layers]
    for weight, bias in layers[:-1]:
        weight[1], bias[1] = 1.7 * weight[0], 1.7 * bias[0]
        weight[2], bias[2] = -3 * weight[0], -3 * bias[0]
    return Network.from_arrays(layers, name=text(shape))


def lattice(dimension: int, pieces: int, groups: int, seed: int, rounded: bool) -> Network:
    """The largest of `groups` minima of affine functions, as units b + relu(a - b).

    Each group takes some of the functions, one of them again and again until it has as many as
    there are: ``groups * pieces - 1`` units, many of them equal, opposite or zero. With `rounded`
    the differences of the first layer are rounded; else they are exact.
    """
    rng = np.random.default_rng([dimension, pieces, groups, seed])
    weight, bias = rng.normal(size=(pieces, dimension)), 0.3 * rng.normal(size=pieces)
    if not rounded:
        weight, bias = np.round(weight * 256) / 256, np.round(bias * 256) / 256
    chosen = np.empty((groups, pieces), dtype=np.int64)
    for row in chosen:
        some = rng.permutation(pieces)[: rng.integers(pieces // 2, pieces + 1)]
        row[:] = some[0]
        row[: len(some)] = some
    values, shift = weight[chosen.ravel()], bias[chosen.ravel()]
    layers = []
    for size, side in ((pieces, -1.0), (groups, 1.0)):
        while size > 1:
            layer, values, shift = _rounds(values, shift, size, side)
            layers.append(layer)
            size = (size + 1) // 2
    layers.append(Layer.affine(values, shift))
    return Network(tuple(layers), name=f"lattice of {groups} x {pieces}")


def _rounds(
    values: np.ndarray, shift: np.ndarray, size: int, side: float
) -> tuple[Layer, np.ndarray, np.ndarray]:
    """One round of the tournaments of consecutive values, `size` each: a layer, the winners.

    Winners are affine functions of the layer's outputs: ``b + side relu(side (a - b))``.
    """
    rows, biases, lower, winners = [], [], [], []
    for start in range(0, len(values), size):
        for i in range(start, start + size, 2):
            last = min(i + 1, start + size - 1)
            if last > i:
                rows.append(side * (values[i] - values[last]))
                biases.append(side * (shift[i] - shift[last]))
                lower.append(0.0)
            # the value of b is passed on
            rows.append(values[last])
            biases.append(shift[last])
            lower.append(1.0)
            winners.append((len(rows) - 1, len(rows) - 2 if last > i else None))
    outputs = np.zeros((len(winners), len(rows)))
    for row, (passed, unit) in zip(outputs, winners, strict=True):
        row[passed] = 1.0
        if unit is not None:
            row[unit] = side
    layer = Layer.with_slopes(np.array(rows), np.array(biases), np.array(lower), 1.0)
    return layer, outputs, np.zeros(len(winners))


def text(shape: tuple[int, ...]) -> str:
    """2-16-16 for (2, 16, 16)."""
    return "-".join(map(str, shape))
