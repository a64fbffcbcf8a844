"""Sequences of layers one after the other, and side by side, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_diag, csr_array, eye_array, vstack

from polyregions.arrays import Floats
from polyregions.errors import NetworkError
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.network.flat import quotient
from polyregions.network.layer import Layer
from polyregions.network.storage import stored

if TYPE_CHECKING:
    from polyregions.network.storage import WeightMatrix

__all__ = [
    "ExactTable",
    "LayerSequence",
    "chained",
    "exact_matrix_product",
    "exact_table",
    "float_pieces",
    "stacked",
    "table_floats",
    "with_added",
]

_MOST_PIECES = 16  # a hint: what takes more saves nothing
LayerSequence = tuple[Layer, ...]

_MOST_PRODUCTS = 2**22  # of integers that a layer less is worth; a hint


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


def chained(sequences: Sequence[LayerSequence]) -> LayerSequence:
    """Return the layers that compute one sequence after the other.

    Raises
    ------
    NetworkError
        If one reads another number of values than the one before it gives.

    Notes
    -----
    *Algorithm.* Where two sequences meet, a layer without a unit that bends is multiplied
    into the one above it, in integers, if all entries of the product are floats and no more of
    them are not zero than before. Otherwise it stays: its units pass their values on.

    Examples
    --------
    >>> half, third = (Layer.affine([[number]], [0.0]) for number in (0.5, 1 / 3))
    >>> [layer.weight.tolist() for layer in chained([(half,), (third,)])]
    [[[0.16666666666666666]]]
    >>> [layer.weight.tolist() for layer in chained([(third,), (third,)])]
    [[[0.3333333333333333]], [[0.3333333333333333]]]
    """
    layers = list(sequences[0])
    for following in sequences[1:]:
        given, read = layers[-1].matrix.shape[0], following[0].matrix.shape[1]
        if given != read:
            raise NetworkError(
                f"what comes next reads {read} values, but {given} are given to it; "
                f"a matrix has one column for each value that it reads"
            )
        product = _as_one(layers.pop(), following[0])
        layers += [*product, *following[1:]]
    return tuple(layers)


def stacked(sequences: Sequence[LayerSequence]) -> LayerSequence:
    """Return the layers that compute several sequences of the same inputs, side by side.

    Units of a layer stand in the order of the sequences; the values of a shorter one are passed
    on by units that do not bend.

    Raises
    ------
    NetworkError
        If they read different numbers of inputs.

    Examples
    --------
    >>> short = (Layer.affine([[5.0]], [0.0]),)
    >>> long = (Layer.relu([[1.0], [-1.0]], [0.0, 0.0]), Layer.affine([[1.0, 1.0]], [0.0]))
    >>> [layer.weight.tolist() for layer in stacked([short, long])]
    [[[5.0], [1.0], [-1.0]], [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]]
    """
    read = [layers[0].matrix.shape[1] for layers in sequences]
    if len(set(read)) > 1:
        raise NetworkError(
            f"what stands side by side reads the same inputs, but these read "
            f"{', '.join(map(str, read))} values; compose each with an affine map of the inputs "
            f"that they share"
        )
    depth = max(map(len, sequences))
    lengthened = [
        (*layers, *[_identity(len(layers[-1].bias))] * (depth - len(layers)))
        for layers in sequences
    ]
    bottom, *above = zip(*lengthened, strict=True)
    return (
        _beside(bottom, vstack(_matrices(bottom), format="csr")),
        *(_beside(level, block_diag(_matrices(level), format="csr")) for level in above),
    )


def _as_one(below: Layer, above: Layer) -> LayerSequence:
    """Return two layers as one, if that is exact and no larger, else as they are."""
    two = (below, above)
    out, width = above.matrix.shape[0], below.matrix.shape[1]
    if below.bends.any() or out * len(below.bias) * width > _MOST_PRODUCTS:
        return two
    rows = exact_table(np.column_stack([below.weight, below.bias]))
    slopes = exact_table(below.upper[:, None])
    scaled = ExactTable(rows.entries * slopes.entries, rows.exponent + slopes.exponent)
    numbers = table_floats(
        with_added(exact_matrix_product(exact_table(above.weight), scaled), above.bias)
    )
    if numbers is None:
        return two
    weight = numbers[:, :-1]
    if np.count_nonzero(weight) > sum(np.count_nonzero(layer.weight) for layer in two):
        return two
    return (Layer.with_slopes(stored(weight), numbers[:, -1], above.lower, above.upper),)


def _identity(size: int) -> Layer:
    return Layer.affine(stored(eye_array(size, format="csr")), np.zeros(size))


def _matrices(level: Sequence[Layer]) -> list[csr_array[Any]]:
    return [csr_array(layer.matrix) for layer in level]


def _beside(level: Sequence[Layer], matrix: WeightMatrix) -> Layer:
    """Return the units of several layers as those of one, with the given weights."""
    numbers: Any = ((layer.bias, layer.lower, layer.upper) for layer in level)
    bias, lower, upper = map(np.concatenate, zip(*numbers, strict=True))
    return Layer.with_slopes(stored(matrix), bias, lower, upper)
