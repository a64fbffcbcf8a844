"""Arrays: their types, and numbers that people give as floats, equal to them or refused."""

from __future__ import annotations

from fractions import Fraction
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.errors import NetworkError, PolyregionsError

__all__ = [
    "MAX_DENSE",
    "Arrays",
    "Bits",
    "Floats",
    "Indices",
    "Integers",
    "Point",
    "Records",
    "finite_floats",
    "floats",
    "integer_record",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Indices = NDArray[np.intp]
Bits = NDArray[np.uint8]  # one pattern, unpacked: a 1 for every active unit
Records = NDArray[np.void]  # of an `integer_record`
Arrays = dict[str, NDArray[Any]]
Point = tuple[Fraction, ...]  # exact coordinates

# entries that a sparse layer may have when it is asked for as one dense matrix (1 GiB)
MAX_DENSE = 2**27

_REFUSED_KINDS = {
    "c": "complex numbers",
    "O": "objects",
    "S": "text",
    "U": "text",
    "m": "durations",
}
# types that numpy does not have itself; every finite number of theirs is a float64
_SMALL_TYPES = ("bfloat16", "float8_e4m3fn", "float8_e5m2", "int4", "uint4")
_EXACT = 2.0**53  # every integer below is a float; 2^53 + 1 is not


def floats(values: ArrayLike, what: str, error: type[PolyregionsError] = NetworkError) -> Floats:
    """Return real numbers as an array of float64, equal to what was given.

    Parameters
    ----------
    values : array_like
        Numbers of any real type; fractions and large integers if they are floats.
    what : str
        How a message names them, in the plural.
    error : type of PolyregionsError
        What is raised.

    Raises
    ------
    PolyregionsError
        If they form no array, are no real numbers (text that looks like a number is
        none), or a float cannot hold one of them.

    Examples
    --------
    >>> floats([1, 0.5], "points")
    array([1. , 0.5])
    >>> floats(["1", "2"], "points")
    Traceback (most recent call last):
        ...
    polyregions.errors.NetworkError: points must be real numbers, not text
    """
    try:
        array = np.asarray(values)
    # what calls itself an array may fail in its own way: a tensor that needs its gradient
    except (TypeError, ValueError, RuntimeError) as problem:
        raise error(f"{what} must be an array of real numbers ({problem})") from None
    if np.ma.is_masked(values):
        raise error(f"{what} have masked entries; fill them in or leave them out")
    if array.dtype.kind == "O" and all(isinstance(entry, Real) for entry in array.flat):
        return _from_objects(array, what, error)
    if array.dtype.kind not in "biuf" and array.dtype.name not in _SMALL_TYPES:
        kind = _REFUSED_KINDS.get(array.dtype.kind, array.dtype.name)
        raise error(f"{what} must be real numbers, not {kind}")
    converted = array.astype(np.float64, copy=False)
    if array.dtype.kind in "iu":
        exact = bool((np.abs(converted) < _EXACT).all())
    else:
        exact = array.dtype.itemsize <= 8 or np.array_equal(
            converted.astype(array.dtype), array, equal_nan=True
        )
    if not exact:
        raise error(_rounded_message(what))
    return converted


def finite_floats(
    values: ArrayLike, what: str, error: type[PolyregionsError] = NetworkError
) -> Floats:
    """Return real numbers as :func:`floats` does, and refuse NaN and infinity.

    Examples
    --------
    >>> finite_floats([1.0, float("nan")], "points")
    Traceback (most recent call last):
        ...
    polyregions.errors.NetworkError: points must be finite numbers; remove NaN and infinity
    """
    array = floats(values, what, error)
    if not np.isfinite(array).all():
        raise error(f"{what} must be finite numbers; remove NaN and infinity")
    return array


def _from_objects(array: NDArray[Any], what: str, error: type[PolyregionsError]) -> Floats:
    converted = np.empty(array.shape)
    for place, entry in enumerate(array.flat):
        try:
            value = float(entry)
        except OverflowError:
            raise error(_rounded_message(what)) from None
        if isfinite(value) and Fraction(entry) != Fraction(value):
            raise error(_rounded_message(what))
        converted.flat[place] = value
    return converted


def _rounded_message(what: str) -> str:
    return (
        f"{what} must be numbers, but have entries that no float64 holds exactly; round them first"
    )


def integer_record(*names: str) -> np.dtype[np.void]:
    """Return the type of records of named integers, as kernels count in them.

    Examples
    --------
    >>> counters = np.zeros(1, dtype=integer_record("found", "left"))
    >>> counters[0]["left"] = 3
    >>> counters[0].item()
    (0, 3)
    """
    return np.dtype([(name, np.int64) for name in names], align=True)
