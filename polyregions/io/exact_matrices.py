"""Sparse matrices of floats, computed exactly or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from polyregions.io.exact_floats import Floats, exact_product, exact_quotient

__all__ = [
    "Sparse",
    "divided_rows",
    "exact_matrix_sum",
    "is_row_monomial",
    "mixed_columns",
    "mixed_rows",
    "selection",
    "sparse",
]

Sparse = csr_array[Any]
Integers = NDArray[Any]


def sparse(rows: Integers, columns: Integers, values: Floats, shape: tuple[int, int]) -> Sparse:
    """Return the matrix with the given entries, zeros left out; no place may repeat."""
    kept = values != 0
    entries = (values[kept], (rows[kept], columns[kept]))
    return csr_array(coo_array(entries, shape=shape))


def selection(index: Integers, width: int) -> Sparse:
    """Return the matrix whose row i picks entry ``index[i]`` of `width`, or zero for -1.

    Examples
    --------
    >>> selection(np.array([1, -1]), 2).toarray()
    array([[0., 1.],
           [0., 0.]])
    """
    rows = np.flatnonzero(index >= 0)
    return sparse(rows, index[rows], np.ones(len(rows)), (len(index), width))


def is_row_monomial(matrix: Sparse) -> bool:
    """Whether every row has at most one entry."""
    return bool((np.diff(matrix.indptr) <= 1).all())


def exact_matrix_sum(a: Sparse, b: Sparse) -> Sparse | None:
    """Return a + b if no entry of it is rounded, else None; see :func:`exact_sum`."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = a + b
        part = total - a
        error = (a - (total - part)) + (b - part)
    # where a sum overflows, the error is no number
    return None if error.count_nonzero() else Sparse(total)


def mixed_rows(factors: Sparse, matrix: Sparse) -> Sparse | None:
    """Return factors @ matrix for a row-monomial left factor, if it is certainly exact."""
    chosen, scale = _single_entries(factors)
    picked = matrix[chosen]
    data = exact_product(picked.data, np.repeat(scale, np.diff(picked.indptr)))
    return None if data is None else _without_zeros(data, picked.indices, picked)


def mixed_columns(matrix: Sparse, factors: Sparse) -> Sparse | None:
    """Return matrix @ factors for a row-monomial right factor, if it is certainly exact.

    None also where two columns of the matrix would be added up.
    """
    target, scale = _single_entries(factors)
    data = exact_product(matrix.data, scale[matrix.indices])
    if data is None:
        return None
    moved = _without_zeros(data, target[matrix.indices], matrix, factors.shape[1])
    entries = moved.nnz
    moved.sum_duplicates()
    return moved if moved.nnz == entries else None


def divided_rows(matrix: Sparse, divisors: Floats) -> Sparse | None:
    """Return the matrix with row i divided by ``divisors[i]``, if it is certainly exact."""
    data = exact_quotient(matrix.data, np.repeat(divisors, np.diff(matrix.indptr)))
    return None if data is None else _without_zeros(data, matrix.indices, matrix)


def _single_entries(matrix: Sparse) -> tuple[Integers, Floats]:
    """Return the column and the value of each row's one entry; zero, and zero, for none."""
    present = np.diff(matrix.indptr) > 0
    columns, values = np.zeros(len(present), dtype=np.intp), np.zeros(len(present))
    columns[present], values[present] = matrix.indices, matrix.data
    return columns, values


def _without_zeros(
    data: Floats, columns: Integers, like: Sparse, width: int | None = None
) -> Sparse:
    """Return a matrix with as many entries in each row as another one, zeros left out."""
    shape = (like.shape[0], like.shape[1] if width is None else width)
    result = Sparse((data, columns, like.indptr), shape=shape, copy=True)
    result.eliminate_zeros()
    return result
