"""Signals: values of a network as they are lowered, and linear maps of them.

A :class:`Signal` is an array whose entries, in C order, are the units of a block.
Signals never change, so any number of branches may grow from the same one. A linear
map is merged into the block it reads where the merged parameters are floats again;
otherwise it becomes pass-through units. Nothing is rounded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from polyregions.arrays import Indices
from polyregions.errors import NetworkError
from polyregions.io.blocks import Block, input_block, layers_of
from polyregions.io.exact_floats import Floats, exact_sum
from polyregions.io.exact_matrices import (
    Sparse,
    exact_matrix_sum,
    is_row_monomial,
    mixed_columns,
    mixed_rows,
    selection,
)
from polyregions.network import Layer, Network

__all__ = [
    "MAX_VALUES",
    "Shape",
    "Signal",
    "broadcast_shape",
    "combine",
    "copied",
    "moderate_shape",
    "reshape",
    "select",
    "source",
    "spread",
    "to_network",
    "transformed",
]

Shape = tuple[int, ...]

# what one array of values may hold
MAX_VALUES = 2**20


@dataclass(frozen=True, eq=False)
class Signal:
    """Values that a network computes on the way.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array; its entries in C order are the units of the block.
    block : Block
    """

    shape: Shape
    block: Block

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def places(self) -> Indices:
        """The flat index of each value, in the signal's shape."""
        return np.arange(self.size).reshape(self.shape)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that compute the values from the flat input; none for the input."""
        return layers_of(self.block)


def source(shape: Shape) -> Signal:
    """Return the input of a network, an array of the given shape.

    Raises
    ------
    NetworkError
        If the array has no entry or an absurd number of them.
    """
    return Signal(moderate_shape(shape), input_block(math.prod(shape)))


def to_network(signal: Signal, name: str, *, assumed: str = "") -> Network:
    """Return the network that computes a signal from the flat input.

    Raises
    ------
    NetworkError
        If no unit bends.
    """
    block = signal.block
    # the last layer of a network is affine
    layers = layers_of(block if block.affine else copied(block))
    return Network(layers, name=name, assumed=assumed)


def reshape(signal: Signal, shape: Shape) -> Signal:
    """Return the same values in another shape, in C order.

    Raises
    ------
    NetworkError
        If the shapes hold different numbers of values.
    """
    if math.prod(shape) != signal.size:
        raise NetworkError(
            f"{signal.size} values of shape {signal.shape} cannot take the shape {shape}"
        )
    return replace(signal, shape=shape)


def select(signal: Signal, index: Indices) -> Signal:
    """Return the values at the given flat indices; an index may repeat, and -1 is zero.

    Parameters
    ----------
    index : numpy.ndarray of int, any shape
        The shape of the result.
    """
    shape = moderate_shape(index.shape)
    flat = index.reshape(-1)
    if len(flat) == signal.size and bool((flat == np.arange(signal.size)).all()):
        return replace(signal, shape=shape)
    return transformed(signal, selection(flat, signal.size), shape)


def spread(signal: Signal, shape: Shape) -> Signal:
    """Return a signal broadcast to a shape."""
    return select(signal, np.broadcast_to(signal.places, shape))


def transformed(signal: Signal, matrix: Sparse, shape: Shape) -> Signal:
    """Return matrix @ (flat signal), merged with what is below where that is exact.

    Merged are a matrix that only scales and moves values, and one that reads values
    that were only scaled and moved.
    """
    shape, block = moderate_shape(shape), signal.block
    if block.affine:
        merged = _scaled_block(matrix, block)
        if merged is None and not block.bias.any():
            merged = _through_scaling(matrix, block)
        if merged is not None:
            return Signal(shape, merged)
    return Signal(shape, Block.of(((block, matrix),), np.zeros(matrix.shape[0])))


def combine(parts: Sequence[tuple[Signal, Sparse]], shape: Shape) -> Signal:
    """Return the sum of matrix @ (flat signal), where a row of a matrix is 0, e_k or -e_k.

    Notes
    -----
    *Algorithm*: an affine signal is replaced by what it reads, unless that would
    carry more values past a layer than the signal has, or rounds.
    """
    shape = moderate_shape(shape)
    blocks = [signal.block for signal, _ in parts]
    level = 1 + max(
        max(parent.level for parent, _ in block.terms) if block.affine else block.level
        for block in blocks
    )
    bias: Floats | None = np.zeros(math.prod(shape))
    terms: list[tuple[Block, Sparse]] = []
    for block, (_, matrix) in zip(blocks, parts, strict=True):
        merged = None
        if block.affine:
            block, matrix = _without_unread(block, matrix)
            merged = _scaled_block(matrix, block) if _merges(block, level) else None
        terms += merged.terms if merged is not None else [(block, matrix)]
        if merged is not None and bias is not None:
            bias = exact_sum(bias, merged.bias)
    collected = _sums_by_parent(terms)
    if bias is None or collected is None:
        # sums of 0, 1 and -1 are always exact
        bias = np.zeros(math.prod(shape))
        collected = _sums_by_parent(
            [(block, m) for block, (_, m) in zip(blocks, parts, strict=True)]
        )
        assert collected is not None
    return Signal(shape, Block.of(collected, bias))


def moderate_shape(shape: Shape) -> Shape:
    """Return a shape, or refuse one that holds no value or too many."""
    if not 1 <= math.prod(shape) <= MAX_VALUES:
        raise NetworkError(
            f"an array of shape {shape} is empty or has more than {MAX_VALUES} values"
        )
    return shape


def broadcast_shape(*shapes: Shape) -> Shape:
    """Return the common shape of arrays that broadcast."""
    try:
        return moderate_shape(np.broadcast_shapes(*shapes))
    except ValueError as error:
        if isinstance(error, NetworkError):
            raise
        names = " and ".join(map(str, shapes))
        raise NetworkError(f"shapes {names} do not broadcast") from None


def copied(block: Block) -> Block:
    """Return a block that passes the values of another one on."""
    identity = selection(np.arange(block.size), block.size)
    return Block.of(((block, identity),), np.zeros(block.size))


def _scaled_block(matrix: Sparse, block: Block) -> Block | None:
    """Return an affine block that computes matrix @ block, if the matrix only scales and moves."""
    if not is_row_monomial(matrix):
        return None
    column = Sparse(block.bias[:, None])
    bias = mixed_rows(matrix, column)
    terms = [(parent, mixed_rows(matrix, below)) for parent, below in block.terms]
    if bias is None:
        return None
    kept = tuple((parent, product) for parent, product in terms if product is not None)
    if len(kept) < len(terms):
        return None
    return Block.of(kept, bias.toarray()[:, 0])


def _through_scaling(matrix: Sparse, block: Block) -> Block | None:
    """Return an affine block that computes matrix @ block, if the block only scales and moves."""
    if len(block.terms) != 1 or not is_row_monomial(block.terms[0][1]):
        return None
    ((parent, below),) = block.terms
    product = mixed_columns(matrix, below)
    return None if product is None else Block.of(((parent, product),), np.zeros(matrix.shape[0]))


def _without_unread(block: Block, matrix: Sparse) -> tuple[Block, Sparse]:
    """Return an affine block with only the units that the matrix reads, and the matrix for it."""
    used = np.unique(matrix.indices)
    if not 0 < len(used) < block.size:
        return block, matrix
    smaller = _scaled_block(selection(used, block.size), block)
    assert smaller is not None  # nothing is added up or multiplied
    return smaller, Sparse(matrix[:, used])


def _merges(block: Block, level: int) -> bool:
    """Whether to read what an affine block reads, rather than the block, at a level."""
    if level <= block.level:
        return True
    carried = sum(len(np.unique(matrix.indices)) for _, matrix in block.terms)
    return carried <= block.size


def _sums_by_parent(
    terms: Sequence[tuple[Block, Sparse]],
) -> tuple[tuple[Block, Sparse], ...] | None:
    """Add up the terms of each parent, if that is exact."""
    totals: dict[Block, Sparse] = {}
    for parent, matrix in terms:
        total = exact_matrix_sum(totals[parent], matrix) if parent in totals else matrix
        if total is None:
            return None
        totals[parent] = total
    return tuple(totals.items())
