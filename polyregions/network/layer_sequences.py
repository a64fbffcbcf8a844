"""Sequences of layers one after the other, and side by side, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import block_diag, csr_array, eye_array, vstack

from polyregions.errors import NetworkError
from polyregions.network.exact_sums import (
    ExactTable,
    exact_matrix_product,
    exact_table,
    table_floats,
    with_added,
)
from polyregions.network.layer import Layer
from polyregions.network.storage import stored

if TYPE_CHECKING:
    from polyregions.network.storage import WeightMatrix

__all__ = ["LayerSequence", "chained", "stacked"]

LayerSequence = tuple[Layer, ...]

_MOST_PRODUCTS = 2**22  # of integers that a layer less is worth; a hint


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
