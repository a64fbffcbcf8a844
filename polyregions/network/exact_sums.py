"""Exact sums of products of floats, and the floats that add up to them again."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.network.flat import quotient

__all__ = [
    "ExactTable",
    "exact_matrix_product",
    "exact_table",
    "float_pieces",
    "table_floats",
    "with_added",
]

_MOST_PIECES = 16  # a hint: what takes more saves nothing


class ExactTable(NamedTuple):
    """Exact numbers: integers over a power of two."""

    entries: NDArray[np.object_]
    exponent: int


def exact_table(matrix: Floats) -> ExactTable:
    """Return a matrix of floats as it is."""
    integers, exponent = dyadic_matrix(matrix)
    entries = np.array([int(entry) for entry in integers.entries()], dtype=object)
    return ExactTable(entries.reshape(matrix.shape), exponent)


def exact_matrix_product(one: ExactTable, other: ExactTable) -> ExactTable:
    """Return the product of two matrices.

    Examples
    --------
    >>> one = exact_table(np.array([[0.1, 1.0]]))
    >>> product = exact_matrix_product(one, exact_table(np.array([[0.1], [1.0]])))
    >>> [piece.tolist() for piece in float_pieces(product.entries[:, 0], product.exponent)]
    [[1.01], [-7.771561172376097e-18], [7.703719777548943e-34]]
    """
    left, right = (flint.fmpz_mat(table.entries.tolist()) for table in (one, other))
    entries = np.array([int(entry) for entry in (left * right).entries()], dtype=object)
    shape = len(one.entries), other.entries.shape[1]
    return ExactTable(entries.reshape(shape), one.exponent + other.exponent)


def table_floats(table: ExactTable) -> Floats | None:
    """Return exact numbers as floats, or None if one of them is no float.

    Examples
    --------
    >>> tenth = exact_table(np.array([[0.1]]))
    >>> table_floats(tenth), table_floats(exact_matrix_product(tenth, tenth))
    (array([[0.1]]), None)
    """
    scale, numbers = 2**table.exponent, table.entries.ravel().tolist()
    values = np.array([quotient(number, scale) for number in numbers])
    if not np.isfinite(values).all():
        return None
    if any(Fraction(v) * scale != n for v, n in zip(values.tolist(), numbers, strict=True)):
        return None
    return values.reshape(table.entries.shape)


def float_pieces(numbers: NDArray[np.object_], exponent: int) -> list[Floats] | None:
    """Return arrays of floats that add up to some exact numbers, or None if none do.

    Parameters
    ----------
    numbers : numpy.ndarray of int, shape (k,)
        Divided by 2**exponent.

    Returns
    -------
    list of numpy.ndarray of float64, shape (k,) each, or None
        The first one is nearest, and so on; none if all numbers are zero. None where a number
        leaves the range of floats on either side.
    """
    found: list[Floats] = []
    while any(numbers):
        floats = np.array([quotient(number, 2**exponent) for number in numbers])
        if not np.isfinite(floats).all() or len(found) == _MOST_PIECES:
            return None
        parts = [Fraction(value) * 2**exponent for value in floats.tolist()]
        if any(part.denominator > 1 for part in parts):  # below the smallest float
            return None
        numbers = numbers - np.array([int(part) for part in parts], dtype=object)
        found.append(floats)
    return found


def with_added(table: ExactTable, bias: Floats) -> ExactTable:
    """Add biases to the last column."""
    more = exact_table(bias[:, None])
    exponent = max(table.exponent, more.exponent)
    entries = table.entries << (exponent - table.exponent)
    entries[:, -1] += more.entries[:, 0] << (exponent - more.exponent)
    return ExactTable(entries, exponent)
