"""Float arithmetic that is either exact or refused.

The parameters of a network are floats and are never rounded. These functions
tell whether a sum, product or quotient of floats is a float again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, floats
from polyregions.errors import NetworkError

__all__ = [
    "MAX_ENTRIES",
    "MAX_REPEATED",
    "Floats",
    "exact_floats",
    "exact_matmul",
    "exact_product",
    "exact_quotient",
    "exact_sum",
    "exact_total",
    "significant_bits",
]


# what one array of parameters may hold (1 GiB of floats)
MAX_ENTRIES = 2**27
# what all arrays of a file may hold beyond one entry per byte: repeated or computed ones
MAX_REPEATED = 2**20

_SMALLEST_NORMAL = float(np.finfo(np.float64).tiny)
_MANTISSA_BITS = 53


def exact_floats(array: NDArray[Any], what: str) -> Floats:
    """Return the entries of an array as float64, or refuse where that would round.

    Parameters
    ----------
    array : numpy.ndarray of float16, bfloat16, float32, float64, integers, or smaller floats
    what : str
        How a message names the array.

    Raises
    ------
    NetworkError
        If entries are no real numbers, not finite, or have no float64 value.

    Examples
    --------
    >>> exact_floats(np.float32([0.5]), "W0")
    array([0.5])
    """
    # a file's booleans and objects are none
    if array.dtype.kind in "bO":
        raise NetworkError(f"{what} holds {array.dtype.name} entries; give real numbers")
    if array.size > MAX_ENTRIES:
        raise NetworkError(f"{what} has {array.size} entries, more than the {MAX_ENTRIES} allowed")
    converted = floats(array, what)
    if not np.isfinite(converted).all():
        raise NetworkError(
            f"{what} has an entry that is not a finite number; "
            "remove NaN and infinity from the network"
        )
    return np.array(converted)


def exact_sum(a: Floats, b: Floats) -> Floats | None:
    """Return a + b if no entry of it is rounded, else None.

    Notes
    -----
    *Algorithm*: the error of a floating-point sum is itself a float (Knuth's
    TwoSum); it must be zero.

    Examples
    --------
    >>> exact_sum(np.array([1.0]), np.array([0.5])), exact_sum(np.array([1.0]), np.array([1e-30]))
    (array([1.5]), None)
    """
    with np.errstate(over="ignore", invalid="ignore"):
        total: Floats = a + b
        part = total - a
        error = (a - (total - part)) + (b - part)
    return total if bool((np.isfinite(total) & (error == 0)).all()) else None


def exact_product(a: Floats, b: Floats) -> Floats | None:
    """Return a * b (broadcast) if it is certain that no entry is rounded, else None.

    Notes
    -----
    *Algorithm*: with p and q significant bits the product has at most p + q, or
    the larger of the two if the other factor is a power of two. At most 53 bits
    and a result in the range of normal floats make the product exact. Products
    of float32 numbers always pass unless they over- or underflow.

    Examples
    --------
    >>> exact_product(np.array([3.0]), np.array([0.1])) is None
    True
    >>> exact_product(np.array([3.0]), np.float64(np.float32([0.1]))) is None
    False
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        product: Floats = a * b
    p, q = significant_bits(a), significant_bits(b)
    fits = (p + q <= _MANTISSA_BITS) | (p <= 1) | (q <= 1)
    magnitude = np.abs(product)
    normal = (magnitude >= _SMALLEST_NORMAL) & np.isfinite(magnitude)
    zero = (p == 0) | (q == 0)
    return product if bool((zero | (fits & normal)).all()) else None


def exact_matmul(a: Floats, b: Floats) -> Floats | None:
    """Return a @ b, as numpy.matmul does, if it is certain that nothing is rounded, else None.

    Notes
    -----
    *Algorithm*: the products are added up one after the other, each exactly.

    Examples
    --------
    >>> exact_matmul(np.array([[1.0, 2.0]]), np.array([0.5, 0.25]))
    array([1.])
    """
    left = a if a.ndim > 1 else a[None, :]
    right = b if b.ndim > 1 else b[:, None]
    if left.shape[-1] != right.shape[-2]:
        raise NetworkError(f"shapes {a.shape} and {b.shape} do not chain in a matrix product")
    total = np.zeros(
        np.broadcast_shapes((*left.shape[:-1], 1), (*right.shape[:-2], 1, right.shape[-1]))
    )
    for k in range(left.shape[-1]):
        product = exact_product(left[..., k, None], right[..., None, k, :])
        more = None if product is None else exact_sum(total, product)
        if more is None:
            return None
        total = more
    total = total if a.ndim > 1 else total[..., 0, :]
    return total if b.ndim > 1 else total[..., 0]


def exact_quotient(a: Floats, b: Floats) -> Floats | None:
    """Return a / b (broadcast) if it is certain that no entry is rounded, else None."""
    with np.errstate(over="ignore", under="ignore"):
        quotient: Floats = a / b
    if not np.isfinite(quotient).all():
        return None
    product = exact_product(quotient, b)
    return quotient if product is not None and bool((product == a).all()) else None


def exact_total(a: Floats, axes: tuple[int, ...], *, keep: bool) -> Floats | None:
    """Return the sum over some axes if no partial sum is rounded, else None.

    Examples
    --------
    >>> exact_total(np.array([[1.0, 2.0], [3.0, 4.0]]), (0,), keep=False)
    array([4., 6.])
    """
    others = [axis for axis in range(a.ndim) if axis not in axes]
    rows = a.transpose([*axes, *others]).reshape(-1, *(a.shape[axis] for axis in others))
    while len(rows) > 1:
        half = len(rows) // 2
        total = exact_sum(rows[:half], rows[half : 2 * half])
        if total is None:
            return None
        rows = np.concatenate([total, rows[2 * half :]])
    return np.expand_dims(rows[0], axes) if keep else rows[0]


def significant_bits(x: Floats) -> NDArray[np.int64]:
    """Return the number of bits from the first to the last one bit; 0 for zero.

    Examples
    --------
    >>> significant_bits(np.array([0.0, 0.25, 3.0, 5.0]))
    array([0, 1, 2, 3])
    """
    mantissa, _ = np.frexp(x)
    whole = np.abs(np.ldexp(mantissa, _MANTISSA_BITS)).astype(np.int64)
    lowest_bit = whole & -whole
    _, position = np.frexp(lowest_bit.astype(np.float64))
    return np.where(whole == 0, 0, _MANTISSA_BITS + 1 - position.astype(np.int64))
