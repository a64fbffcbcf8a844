"""The points where as many hyperplanes meet as there are dimensions, exactly and many at once."""

from __future__ import annotations

from itertools import combinations
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Integers
from polyregions.geometry.double_description import IntegerColumn

__all__ = ["meeting_points"]

_MINORS = 2**20  # integers held at a time, about


def meeting_points(rows: NDArray[np.object_], tight: Integers) -> list[IntegerColumn]:
    """Return the points in which given rows are zero.

    Parameters
    ----------
    rows : numpy.ndarray of int, shape (K, m + 1)
        Normal and offset of each hyperplane, whole numbers of any size.
    tight : numpy.ndarray of int64, shape (V, m)
        The rows that meet in each point. Their normals are independent.

    Returns
    -------
    list of V columns of m + 1 int
        Homogeneous, (x, s) with s > 0, in lowest terms.

    Notes
    -----
    *Algorithm.* Cramer's rule: the column is orthogonal to m rows, so its entries are their
    m x m minors with alternating signs. Minors of the first k + 1 rows follow from those of the
    first k, by expansion along the new row.

    Examples
    --------
    >>> rows = np.array([[2, 0, -1], [0, -3, 1], [1, 1, 0]], dtype=object)
    >>> meeting_points(rows, np.array([[0, 1], [1, 2]]))
    [(3, 2, 6), (-1, 1, 3)]
    """
    size = rows.shape[1]
    step = max(1, _MINORS >> size)
    found: list[IntegerColumn] = []
    for start in range(0, len(tight), step):
        matrices = rows[tight[start : start + step]]
        # Python's integers in arrays: of any size, and one loop for all points
        minors: dict[tuple[int, ...], Any] = {(): np.full(len(matrices), 1, dtype=object)}
        for k in range(size - 1):
            minors = {
                columns: sum(
                    (-1) ** (k + place)
                    * matrices[:, k, column]
                    * minors[columns[:place] + columns[place + 1 :]]
                    for place, column in enumerate(columns)
                )
                for columns in combinations(range(size), k + 1)
            }
        # without each column in turn: the last combination lacks the first
        cofactors = [
            (-1) ** column * minor for column, minor in enumerate(reversed(minors.values()))
        ]
        for column in zip(*cofactors, strict=True):
            # independent normals: the last minor is not zero
            divisor = gcd(*column) * (1 if column[-1] > 0 else -1)
            found.append(tuple(entry // divisor for entry in column))
    return found
