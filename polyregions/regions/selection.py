"""Which regions of a result a slice, a mask or a list of numbers chooses."""

from __future__ import annotations

from typing import Any

import numpy as np

from polyregions.arrays import Integers
from polyregions.errors import PolyregionsError, kind_of

__all__ = ["selected_numbers"]


def selected_numbers(key: Any, size: int) -> Integers:
    """Return the numbers that a key chooses from 0 to size - 1, rising.

    Parameters
    ----------
    key : slice, or array_like of bool, shape (size,), or of int, shape (k,)
    size : int

    Raises
    ------
    PolyregionsError
        If it is none of these, a mask of another length, or the numbers do not rise.
    IndexError
        If a number is too large.

    Examples
    --------
    >>> selected_numbers(slice(1, None, 2), 5)
    array([1, 3])
    >>> selected_numbers([True, False, True], 3)
    array([0, 2])
    """
    if isinstance(key, slice):
        try:
            numbers = np.arange(size)[key]
        except (TypeError, ValueError):
            raise _refuse(key, size) from None
    else:
        try:
            array = np.asarray(key)
        except (TypeError, ValueError, RuntimeError):
            raise _refuse(key, size) from None
        if array.ndim == 1 and not array.size and not isinstance(key, np.ndarray | str | dict):
            array = array.astype(np.int64)  # an empty list is one of numbers
        if array.dtype == np.bool_:
            if array.shape != (size,):
                raise PolyregionsError(
                    f"a mask has one entry for each of the {size} regions, shape ({size},), "
                    f"not {array.shape}"
                )
            return np.flatnonzero(array)
        if array.dtype == np.uint64:
            raise PolyregionsError(
                "an array of type uint64 is a packed pattern, not numbers of regions; "
                "regions.index(pattern) is the number of its region"
            )
        if array.dtype.kind not in "iu" or array.ndim != 1:
            raise _refuse(key, size)
        wrong = array[(array < -size) | (array >= size)]
        if len(wrong):
            raise IndexError(
                f"there is no region {wrong[0]}: this result holds {size}, numbered from 0"
            )
        numbers = array.astype(np.int64)
        numbers[numbers < 0] += size
    if (np.diff(numbers) <= 0).any():
        raise PolyregionsError(
            "regions stay in the order of their patterns, so choose several by rising numbers, "
            "each once; for another order take them one by one"
        )
    return numbers


def _refuse(key: Any, size: int) -> PolyregionsError:
    return PolyregionsError(
        f"a region has a whole number, from 0 to {size - 1}, not {kind_of(key)}; several "
        f"are chosen by a slice, a mask or an array of numbers, that of a point is regions.find(x)"
    )
