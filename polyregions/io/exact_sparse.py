"""Sparse matrices of floats whose sums and products are exact or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from polyregions.io.exact_floats import Floats, exact_product, exact_quotient, exact_sum

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
    """Return a + b if no entry of it is rounded, else None.

    Notes
    -----
    *Algorithm*: only places that both matrices have are added; there the error of
    each sum is computed, see :func:`~polyregions.io.exact_floats.exact_sum`.
    """
    width = a.shape[1]
    places, values = [], []
    for matrix in (a, b):
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        places.append(rows * width + matrix.indices)
        values.append(matrix.data)
    common, in_a, in_b = np.intersect1d(
        places[0], places[1], assume_unique=True, return_indices=True
    )
    total = exact_sum(values[0][in_a], values[1][in_b])
    if total is None:
        return None
    everywhere = np.concatenate([np.delete(places[0], in_a), np.delete(places[1], in_b), common])
    data = np.concatenate([np.delete(values[0], in_a), np.delete(values[1], in_b), total])
    rows, columns = np.divmod(everywhere, width)
    return sparse(rows, columns, data, a.shape)


def mixed_rows(factors: Sparse, matrix: Sparse) -> Sparse | None:
    """Return factors @ matrix for a row-monomial left factor, if it is certainly exact."""
    counts = np.diff(factors.indptr)
    chosen = np.zeros(len(counts), dtype=np.intp)
    scale = np.ones(len(counts))
    chosen[counts > 0] = factors.indices
    scale[counts > 0] = factors.data
    picked = matrix[chosen]
    lengths = np.where(counts > 0, np.diff(picked.indptr), 0)
    rows = np.repeat(np.arange(len(counts)), np.diff(picked.indptr))
    kept = (counts > 0)[rows]
    data = exact_product(picked.data[kept], np.repeat(scale, lengths))
    if data is None:
        return None
    return sparse(rows[kept], picked.indices[kept], data, (len(counts), matrix.shape[1]))


def mixed_columns(matrix: Sparse, factors: Sparse) -> Sparse | None:
    """Return matrix @ factors for a row-monomial right factor, if it is certainly exact.

    None also where two columns of the matrix would be added up.
    """
    counts = np.diff(factors.indptr)
    target = np.full(len(counts), -1, dtype=np.intp)
    scale = np.zeros(len(counts))
    target[counts > 0] = factors.indices
    scale[counts > 0] = factors.data
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    kept = target[matrix.indices] >= 0
    rows, places = rows[kept], matrix.indices[kept]
    columns = target[places]
    data = exact_product(matrix.data[kept], scale[places])
    width = factors.shape[1]
    flat = rows * width + columns
    if data is None or len(np.unique(flat)) != len(flat):
        return None
    return sparse(rows, columns, data, (matrix.shape[0], width))


def divided_rows(matrix: Sparse, divisors: Floats) -> Sparse | None:
    """Return the matrix with row i divided by ``divisors[i]``, if it is certainly exact."""
    data = exact_quotient(matrix.data, np.repeat(divisors, np.diff(matrix.indptr)))
    if data is None:
        return None
    return csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
