"""Units that compute the same function, and units that compute a constant.

Two units are the same if they read the same units with the same weights. Convolutions
over flat parts of a picture, max pooling of equal values and duplicated neurons have
many; a comparison of equal units is zero everywhere. This is the value numbering of
compilers, in exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Integers
from polyregions.network.storage import WeightMatrix

__all__ = ["numbers_of_layer", "value_numbers"]

Number = float | Fraction


def value_numbers(keys: Iterable[Hashable]) -> Integers:
    """Return equal numbers for equal keys: the index of the first one.

    Examples
    --------
    >>> value_numbers("abac").tolist()
    [0, 1, 0, 3]
    """
    first: dict[Hashable, int] = {}
    return np.array([first.setdefault(key, i) for i, key in enumerate(keys)], dtype=np.int64)


def numbers_of_layer(
    weight: WeightMatrix,
    biases: NDArray[np.float64],
    inputs: Integers,
    constants: Mapping[int, Fraction],
) -> tuple[Integers, dict[int, Fraction]]:
    """Return equal numbers for units of a layer that compute the same before they bend.

    Parameters
    ----------
    weight : matrix, shape (below, above)
    biases : numpy.ndarray, shape (above,)
    inputs : numpy.ndarray of int64, shape (below,)
        Equal numbers for equal outputs of the layer below, -1 where it is zero.
    constants : mapping
        The outputs of the layer below that are constant (and not zero), by unit.

    Returns
    -------
    numbers : numpy.ndarray of int64, shape (above,)
        Equal numbers only for units that compute the same function.
    values : dict
        The values of the units that are constant, by unit; zero for a unit whose
        inputs cancel.

    Examples
    --------
    >>> weight = np.array([[1.0, 2.0, 1.0], [-1.0, 0.0, -1.0]])
    >>> numbers_of_layer(weight, np.array([0.5, 0.0, 0.5]), np.array([0, 0]), {})
    (array([0, 1, 0]), {0: Fraction(1, 2), 2: Fraction(1, 2)})
    """
    read = inputs.tolist()
    live = [k for k, number in enumerate(read) if number >= 0]
    if not constants and len({read[k] for k in live}) == len(live) > 0:
        return _numbers_of_distinct(weight if len(live) == len(read) else weight[live], biases)
    from scipy.sparse import csr_array

    rows = csr_array(weight.T)
    keys: list[Hashable] = []
    values = {}
    spans = list(pairwise(rows.indptr.tolist()))
    for bias, (unit, (start, stop)) in zip(biases.tolist(), enumerate(spans), strict=True):
        # a sum is a fraction, a number alone stays a float: they compare and hash exactly
        total: Number = bias
        terms: dict[int, Number] = {}
        data = rows.data[start:stop].tolist()
        for k, w in zip(rows.indices[start:stop].tolist(), data, strict=True):
            number = read[k]
            if k in constants:
                total = Fraction(total) + Fraction(w) * constants[k]
            elif number in terms:
                terms[number] = Fraction(terms[number]) + Fraction(w)
            elif number >= 0:
                terms[number] = w
        left = frozenset((number, w) for number, w in terms.items() if w)
        if not left:
            values[unit] = Fraction(total)
        keys.append((left, total))
    return value_numbers(keys), values


def _numbers_of_distinct(
    weight: WeightMatrix, biases: NDArray[np.float64]
) -> tuple[Integers, dict[int, Fraction]]:
    """Return the numbers of units whose inputs are all different: by their weights."""
    keys: list[Hashable]
    if isinstance(weight, np.ndarray):
        # adding zero makes -0.0 and 0.0 the same bytes
        table = np.ascontiguousarray(weight.T) + 0.0
        keys = [row.tobytes() for row in table]
        empty = np.flatnonzero(~table.any(axis=1)).tolist()
    else:
        rows = weight.T.tocsr()
        rows.sort_indices()
        keys = [
            (rows.indices[i:j].tobytes(), rows.data[i:j].tobytes())
            for i, j in pairwise(rows.indptr.tolist())
        ]
        empty = np.flatnonzero(np.diff(rows.indptr) == 0).tolist()
    values = {i: Fraction(float(biases[i])) for i in empty}
    return value_numbers(zip(keys, biases.tolist(), strict=True)), values
