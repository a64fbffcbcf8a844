"""Resizing to the nearest value: which entry of an axis each entry of a new one copies.

Coordinates are computed in rational arithmetic from the file's numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import UnsupportedOperatorError

__all__ = ["COORDINATES", "ROUNDINGS", "nearest"]

_HALF = Fraction(1, 2)


# ONNX's names; each from the new place, the scale, and the old and new extent
COORDINATES: dict[str, Callable[[int, Fraction, int, int], Fraction]] = {
    "align_corners": lambda x, scale, extent, size: Fraction(x * (extent - 1), max(1, size - 1)),
    "asymmetric": lambda x, scale, extent, size: x / scale,
    "half_pixel": lambda x, scale, extent, size: (x + _HALF) / scale - _HALF,
    "pytorch_half_pixel": lambda x, scale, extent, size: (
        (x + _HALF) / scale - _HALF if size > 1 else Fraction(0)
    ),
    "tf_half_pixel_for_nn": lambda x, scale, extent, size: (x + _HALF) / scale,
}

ROUNDINGS: dict[str, Callable[[Fraction], int]] = {
    "ceil": math.ceil,
    "floor": math.floor,
    "round_prefer_ceil": lambda place: math.floor(place + _HALF),
    "round_prefer_floor": lambda place: math.ceil(place - _HALF),
}


def nearest(
    extent: int, size: int, scale: Fraction, coordinate: str, rounding: str
) -> NDArray[np.intp]:
    """Return, for each place of an axis of the new size, the place it copies.

    Parameters
    ----------
    coordinate, rounding : str
        Names in :data:`COORDINATES` and :data:`ROUNDINGS`.

    Raises
    ------
    UnsupportedOperatorError
        If a name is not there.

    Examples
    --------
    >>> nearest(2, 4, Fraction(2), "half_pixel", "round_prefer_floor")
    array([0, 0, 1, 1])
    """
    for name, table in ((coordinate, COORDINATES), (rounding, ROUNDINGS)):
        if name not in table:
            raise UnsupportedOperatorError(
                f"{name[:40]!r} is not supported, only {', '.join(table)}"
            )
    place, rounded = COORDINATES[coordinate], ROUNDINGS[rounding]
    places = [rounded(place(x, scale, extent, size)) for x in range(size)]
    return np.clip(np.array(places, dtype=np.intp), 0, extent - 1)
