"""Floats as dyadic rationals: integers over a power of two, exactly."""

from __future__ import annotations

import flint
import numpy as np
from numpy.typing import NDArray

__all__ = ["dyadic_exponent", "dyadic_matrix"]


def dyadic_matrix(values: NDArray[np.float64]) -> tuple[flint.fmpz_mat, int]:
    """Write a float matrix exactly as an integer matrix over a power of two.

    Returns
    -------
    integers : flint.fmpz_mat
    exponent : int
        ``values == integers / 2**exponent``, with the smallest exponent >= 0.

    Examples
    --------
    >>> dyadic_matrix(np.array([[0.5, 3.0]]))
    ([1, 6], 1)
    """
    integers, shifts = _mantissas(values)
    # the largest denominator is everybody's: shifts are not negative then
    exponent = _smallest_exponent(integers, shifts)
    moves = (shifts + exponent).ravel().tolist()
    entries = list(map(_shifted, integers.ravel().tolist(), moves))
    rows, columns = values.shape
    return flint.fmpz_mat(rows, columns, entries), exponent


def dyadic_exponent(values: NDArray[np.float64]) -> int:
    """Return the smallest exponent e >= 0 for which ``values * 2**e`` are integers.

    Examples
    --------
    >>> dyadic_exponent(np.array([0.75, 3.0]))
    2
    """
    return _smallest_exponent(*_mantissas(values))


def _mantissas(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Write floats as integers times powers of two."""
    mantissas, exponents = np.frexp(values)
    # 53 bits, so this product is an integer, exactly
    return (mantissas * 2.0**53).astype(np.int64), exponents.astype(np.int64) - 53


def _smallest_exponent(integers: NDArray[np.int64], shifts: NDArray[np.int64]) -> int:
    # without trailing zero bits, so that small integers stay small
    nonzero = integers != 0
    # the lowest bit that is set: a power of two, which a float holds
    _, bits = np.frexp((integers & -integers)[nonzero])
    return max(0, -int((shifts[nonzero] + (bits - 1)).min(initial=0)))


def _shifted(value: int, shift: int) -> int:
    return value << shift if shift >= 0 else value >> -shift
