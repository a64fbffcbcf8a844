"""The networks that benchmarks measure: a reference family and its degenerate cousins."""

from __future__ import annotations

import os

import numpy as np

from polyregions import Network

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


def text(shape: tuple[int, ...]) -> str:
    """2-16-16 for (2, 16, 16)."""
    return "-".join(map(str, shape))
