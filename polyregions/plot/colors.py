"""Colours that are the same in every picture and can be told apart by everyone.

Patterns get pastel colours of many lightnesses between blue and yellow, the axis that
the common colour-vision deficiencies leave intact. Classes and layers get the palette
of Okabe & Ito (2008).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.pattern import Words

__all__ = ["CLASS_COLORS", "LAYER_COLORS", "pattern_colors", "to_hex"]


CLASS_COLORS = (
    "#56b4e9",
    "#e69f00",
    "#009e73",
    "#f0e442",
    "#0072b2",
    "#d55e00",
    "#cc79a7",
    "#999999",
    "#7fd0c0",
    "#5a4a8a",
)

LAYER_COLORS = ("#1b1b1b", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

_ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def pattern_colors(patterns: Words) -> Floats:
    """Return a colour for each pattern that depends on nothing but the pattern.

    Parameters
    ----------
    patterns : numpy.ndarray of uint64, shape (R, W)

    Returns
    -------
    numpy.ndarray of float64 in [0, 1], shape (R, 3)
        sRGB.

    Examples
    --------
    >>> to_hex(pattern_colors(np.array([[5], [6]], dtype=np.uint64)))
    ['#9cb4b7', '#dbeaea']
    """
    mixed = np.zeros(len(patterns), dtype=np.uint64)
    for column in np.asarray(patterns, dtype=np.uint64).T:
        mixed = _mix(mixed * np.uint64(0x9E3779B97F4A7C15) + column + np.uint64(1))
    parts = [(mixed >> np.uint64(shift) & np.uint64(0xFFFF)) / 65535.0 for shift in (0, 16, 32)]
    lightness = 0.70 + 0.26 * parts[0]
    # along the blue-yellow axis first, and a little across it
    return _srgb(lightness, 0.05 * (parts[2] - 0.5), 0.20 * (parts[1] - 0.5))


def to_hex(colors: Floats) -> list[str]:
    """Return colours in [0, 1] as #rrggbb."""
    whole = np.rint(np.clip(colors, 0, 1) * 255).astype(int)
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in whole.tolist()]


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix bits (the finaliser of SplitMix64, Steele et al. 2014)."""
    for shift, factor in _ROUNDS:
        values = (values ^ (values >> np.uint64(shift))) * np.uint64(factor)
    return values ^ (values >> np.uint64(31))


def _srgb(lightness: Floats, a: Floats, b: Floats) -> Floats:
    """Convert from the perceptual space OKLab (Ottosson 2020)."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = np.stack(
        [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ],
        axis=1,
    )
    linear = np.clip(linear, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
