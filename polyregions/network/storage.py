"""How a layer's weights are stored: densely, or only the entries that are not zero.

Convolutions and comparisons of max pooling have a handful of weights per unit; stored
densely, a layer of them would not fit into memory. Storage never changes an answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import flint
import numpy as np

from polyregions.arrays import MAX_DENSE, Floats

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["IntegerRows", "WeightMatrix", "is_small", "stored"]

WeightMatrix: TypeAlias = "Floats | csr_array[Any]"

# Hints only, they choose between two ways to the same numbers: a dense row is read about
# eight times as fast as one with as many entries at known places.
_SPARSE_DENSITY = 1 / 8
_SMALLEST_SPARSE = 2**12


def is_small(entries: int) -> bool:
    """Return whether a matrix with so many entries is stored densely, whatever they are."""
    return entries < _SMALLEST_SPARSE


def stored(matrix: WeightMatrix) -> WeightMatrix:
    """Return a matrix in the storage that is faster for it.

    Examples
    --------
    >>> type(stored(np.eye(100))).__name__, type(stored(np.eye(3))).__name__
    ('csr_array', 'ndarray')
    """
    size = matrix.shape[0] * matrix.shape[1]
    if not is_small(size):
        filled = np.count_nonzero(matrix) if isinstance(matrix, np.ndarray) else matrix.nnz
        if filled < _SPARSE_DENSITY * size or size > MAX_DENSE:
            from scipy.sparse import csr_array

            sparse = csr_array(matrix)
            sparse.eliminate_zeros()
            sparse.sort_indices()
            return sparse
    return matrix if isinstance(matrix, np.ndarray) else np.ascontiguousarray(matrix.toarray())


@dataclass(frozen=True, eq=False)
class IntegerRows:
    """A sparse integer matrix: for each row its (column, entry) pairs."""

    rows: tuple[tuple[tuple[int, int], ...], ...]
    columns: int

    def __mul__(self, values: flint.fmpz_mat) -> flint.fmpz_mat:
        table = values.tolist()
        nothing = [flint.fmpz(0)] * values.ncols()
        product = []
        for row in self.rows:
            total = nothing
            for column, weight in row:
                terms = table[column]
                if weight == 1:
                    total = [t + v for t, v in zip(total, terms, strict=True)]
                else:
                    total = [t + weight * v for t, v in zip(total, terms, strict=True)]
            product.append(total)
        return flint.fmpz_mat(product) if nothing else flint.fmpz_mat(len(product), 0)

    def nrows(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def ncols(self) -> int:
        """Return the number of columns."""
        return self.columns

    def tolist(self) -> Iterable[list[int]]:
        """Yield the rows in full."""
        for row in self.rows:
            full = [0] * self.columns
            for column, weight in row:
                full[column] = weight
            yield full
