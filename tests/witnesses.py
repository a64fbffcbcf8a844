"""Witnesses replayed in rational arithmetic, by an evaluation of their own."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from polyregions.network import Network
from polyregions.regions import Regions

__all__ = ["check_witnesses", "exact_pattern"]


def exact_pattern(network: Network, x: tuple[Fraction, ...]) -> tuple[list[int], list[Fraction]]:
    """Bits and pre-activations of the bent units at an exact input."""
    values = list(x)
    bits, preactivations = [], []
    for layer in network.layers:
        z = [
            sum(
                (Fraction(w) * v for w, v in zip(row.tolist(), values, strict=True) if w),
                Fraction(float(shift)),
            )
            for row, shift in zip(layer.weight, layer.bias, strict=True)
        ]
        values = []
        for entry, low, high, bends in zip(
            z, layer.lower.tolist(), layer.upper.tolist(), layer.bends, strict=True
        ):
            values.append(entry * Fraction(high if entry > 0 else low))
            if bends:
                bits.append(int(entry > 0))
                preactivations.append(entry)
    return bits, preactivations


def check_witnesses(regions: Regions, most: int = 200) -> None:
    """Assert that witnesses have exactly their region's pattern, inside the open domain."""
    step = max(1, len(regions) // most)
    for index in range(0, len(regions), step):
        region = regions[index]
        bits, _ = exact_pattern(regions.network, region.exact_witness)
        assert bits == region.bits.tolist(), index
        if regions.domain is not None:
            for value, low, high in zip(
                region.exact_witness, regions.domain.lower, regions.domain.upper, strict=True
            ):
                low, high = Fraction(float(low)), Fraction(float(high))
                assert low < value < high or low == value == high
        if index not in regions.exact_witnesses:
            np.testing.assert_array_equal(regions.network.pattern(region.witness), region.pattern)
