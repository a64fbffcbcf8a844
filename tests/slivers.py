"""Networks built to break floats: regions far thinner than any tolerance.

Each is a network and a box whose exact count rational brute force gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np
from numpy.typing import NDArray

from polyregions.domain import Box
from polyregions.network import Layer, Network
from polyregions.network.residues import _primes

__all__ = ["slivers"]

Floats = NDArray[np.float64]


def _single(weight: list[list[float]], bias: list[float]) -> Network:
    return Network.from_arrays([(weight, bias), (np.ones((1, len(bias))), [0.0])])


def _random(rng: np.random.Generator, widths: list[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [
        (rng.normal(size=(out, into)) * np.sqrt(2 / into), rng.normal(size=out) * 0.3)
        for into, out in zip(widths, [*widths[1:], 1], strict=True)
    ]


def slivers() -> Iterator[tuple[str, Network, Box]]:
    """Yield (name, network, box)."""
    square = Box.cube(2, 1.0)
    for exponent in (-6, -9, -10, -11, -12, -14, -16, -50, -150, -300):
        gap = 10.0**exponent
        # two nearly equal lines through the origin's neighbourhood, and one across
        yield f"parallel, {gap:g} apart", _single([[1, 2], [1, 2], [3, -1]], [0, gap, 0.25]), square
        yield f"wedge, {gap:g} off", _single([[1, 0], [1, gap], [0, 1]], [0, 0, 0.5]), square
        # a second layer whose unit bends `gap` beside the first layer's
        deep = [([[1, 0.5], [0.25, 1]], [0.1, -0.2]), ([[1, 0], [1, 1]], [-gap, 0.5])]
        yield f"second layer, {gap:g} beside", Network.from_arrays([*deep, ([[1, 1]], [0])]), square
    rng = np.random.default_rng(7)
    for factor in (1.7, 3.0, 1 / 3):
        for widths in ([2, 5], [2, 4, 4], [3, 4, 3]):
            layers = _random(rng, widths)
            for weight, bias in layers[:-1]:
                weight[1], bias[1] = weight[0] * factor, bias[0] * factor
                weight[2], bias[2] = -weight[0] * factor, -bias[0] * factor
            name = f"proportional units, factor {factor:.3g}, {widths}"
            yield name, Network.from_arrays(layers), Box.cube(widths[0], 1.0)
    # three lines that miss a common point by one unit in the last place, and do not
    for offset in (0.3, np.nextafter(0.3, 1), np.nextafter(0.3, 0)):
        lines = _single([[1, 0], [0, 1], [1, 1]], [-0.1, -0.2, -float(offset)])
        yield f"three lines, offset {offset!r}", lines, square
    for scale in (1e-150, 1e-100, 1e100, 1e150):
        layers = _random(rng, [2, 4, 3])
        layers[0] = (layers[0][0] * scale, layers[0][1] * scale)
        yield f"first layer times {scale:g}", Network.from_arrays(layers), square
        layers[1] = (layers[1][0] / scale, layers[1][1])
        yield f"first layer times {scale:g}, second divided", Network.from_arrays(layers), square
    for scale in (1e200, 1e-200):  # products of weights leave the range of floats
        layers = [(w * scale, b * scale) for w, b in _random(rng, [2, 3, 3, 2])]
        yield f"every layer times {scale:g}", Network.from_arrays(layers), square
    tiny = 2.0**-1074
    denormal = _single([[3 * tiny, tiny], [tiny, 3 * tiny], [5 * tiny, 0]], [tiny, -2 * tiny, tiny])
    yield "denormal weights", denormal, square
    mixed = _single([[3 * tiny, tiny], [1, 2], [1e150, -1e150]], [0, 0.25, 1e149])
    yield "denormal and huge weights", mixed, square
    single = [
        tuple(array.astype(np.float32).astype(float) for array in layer)
        for layer in _random(rng, [2, 5, 4])
    ]
    single[0][0][1] = np.float32(1.7) * single[0][0][0].astype(np.float32)
    single[0][1][1] = np.float32(1.7) * single[0][1][0].astype(np.float32)
    yield "float32 weights, proportional units", Network.from_arrays(single), square
    yield (
        "a box one unit in the last place wide",
        Network.from_arrays(_random(rng, [2, 4, 3])),
        Box([0.1, -1.0], [np.nextafter(0.1, 1), 1.0]),
    )
    yield (
        "a box far from the origin",
        _single([[1, 1], [1, -1], [2, 1]], [-2e8 - 1, 0.25, -3e8 - 1.5]),
        Box([1e8, 1e8], [1e8 + 1, 1e8 + 1]),
    )
    yield from _overflows()
    yield "a row that vanishes modulo many primes", _divisible(9), Box.cube(2, 2.0**-10)


def _bending(first: Floats, bias: list[float], weight: list[float], shift: float) -> Network:
    """One unit that bends, others that pass their values on, and a unit that reads all."""
    lower = np.array([0.0] + [1.0] * (len(bias) - 1))
    layers = (
        Layer.with_slopes(first, bias, lower, 1.0),
        Layer.relu([weight], [shift]),
        Layer.affine([[1.0]], [0.0]),
    )
    return Network(layers)


def _overflows() -> Iterator[tuple[str, Network, Box]]:
    """Sums whose parts leave the range of floats, and which do not."""
    square = Box.cube(2, 1.0)
    x, y, nothing = [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]
    # in the end it is 0.85e308 y
    weight = [0.0, 0.85e308, 1.7e308, 1.7e308, -1.7e308, -1.7e308]
    ones = np.array([x, y, nothing, nothing, nothing, nothing])
    yield "offset overflows", _bending(ones, [-0.25, 0, 1, 1, 1, 1], weight, 0.0), square
    weight = [0.0, 2e305, -1e305, -1e305, -1e305]
    yield "derivative overflows", _bending(np.array([y] * 5), [0] * 5, weight, 0.0), square
    # near y = -1 a little below zero: many small weights are lost in rounding
    most, last = float(np.finfo(float).max), 2.0**971
    weight = [0.0, 2 * last, most - 3 * last, 0.0] + [last / 9] * 80
    lines = np.array([x, x, y, nothing] + [y] * 80)
    yield "values overflow", _bending(lines, [-0.25] + [0] * 83, weight, most), square


def _divisible(count: int) -> Network:
    """A unit whose weights add up to a multiple of the first primes, on values that underflow."""
    rest = prod(_primes(count))
    weight = []
    while rest:
        low = max(0, rest.bit_length() - 53)
        weight.append(float(rest >> low << low))
        rest -= int(weight[-1])
    k, tiny = len(weight), 2.0**-1073
    first = np.array([[tiny, 0.0]] * k + [[0.0, tiny]] * k)
    both = [weight + [-w for w in weight]]
    return Network.from_arrays([(first, np.zeros(2 * k)), (both, [0.0]), ([[1.0]], [0.0])])
