"""What a network computes on the way, as a graph, and its layout in layers.

A :class:`Block` is a vector of units that read other blocks; the input is a block
without parents. :func:`layers_of` lays the blocks that a result depends on out as a
sequence of layers: a block stands in the first layer after all its parents, and
values that are read further up are carried there by pass-through units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack, vstack

from polyregions.arrays import Indices
from polyregions.errors import NetworkError
from polyregions.io.exact_floats import Floats
from polyregions.io.exact_matrices import Sparse, selection
from polyregions.network import Layer

__all__ = ["MAX_LAYERS", "MAX_UNITS", "MAX_WEIGHTS", "Block", "input_block", "layers_of"]


# what one network may hold: units of one layer, layers, weights that are not zero
MAX_UNITS = 2**17
MAX_LAYERS = 10_000
MAX_WEIGHTS = 2**27

# values of one block that are carried past one layer, counted over all blocks and layers
_MAX_CARRIED = 2**20

# A hint: matrices with more non-zero weights than one in ten, and small ones (of 32 kB, so that
# those of ten thousand layers fit into memory), are stored dense. Storage changes no answer.
_DENSE_ENTRIES = 2**12
_DENSE_SHARE = 0.1


@dataclass(frozen=True, eq=False, repr=False)
class Block:
    """Units that stand in one layer.

    Unit i computes ``z = sum over terms (parent, matrix) of matrix[i] @ parent + bias[i]``
    and returns ``upper[i] * z`` for z > 0, ``lower[i] * z`` otherwise.

    Parameters
    ----------
    terms : tuple of (Block, csr_array)
        No block twice; none for the input.
    bias, lower, upper : numpy.ndarray of float64, shape (size,)
    level : int
        The layer it stands in; 0 is the input.
    weights : int
        A lower bound on the weights of a network that ends with it: one per unit that a
        longest way from the input passes, and those that are not zero.
    """

    terms: tuple[tuple[Block, Sparse], ...]
    bias: Floats
    lower: Floats
    upper: Floats
    level: int
    weights: int

    @classmethod
    def of(
        cls,
        terms: tuple[tuple[Block, Sparse], ...],
        bias: Floats,
        lower: Floats | None = None,
        upper: Floats | None = None,
    ) -> Block:
        """Return a block above its parents; without slopes its units pass values on.

        Raises
        ------
        NetworkError
            If it would be larger than a network may be.
        """
        if len(bias) > MAX_UNITS:
            raise NetworkError(
                f"a layer of {len(bias)} units has more than the {MAX_UNITS} allowed"
            )
        own = len(bias) + sum(matrix.nnz for _, matrix in terms)
        weights = own + max(parent.weights for parent, _ in terms)
        if weights > MAX_WEIGHTS:
            # known while it grows, so that a short list of huge layers never fills memory
            raise NetworkError(
                f"the network has more than the {MAX_WEIGHTS} weights and units allowed"
            )
        level = 1 + max(parent.level for parent, _ in terms)
        if level > MAX_LAYERS:
            raise NetworkError(f"the network has more than {MAX_LAYERS} layers")
        one = np.ones(len(bias))
        low, high = (one if slope is None else slope for slope in (lower, upper))
        return cls(terms, bias, low, high, level, weights)

    @property
    def size(self) -> int:
        """Number of units."""
        return len(self.bias)

    @property
    def affine(self) -> bool:
        """Whether it is not the input and its units pass their values on."""
        return bool(self.terms) and bool((self.lower == 1).all() and (self.upper == 1).all())


def input_block(size: int) -> Block:
    """Return the block of a network's inputs."""
    zero = np.zeros(size)
    return Block((), zero, zero + 1, zero + 1, 0, 0)


def layers_of(result: Block) -> tuple[Layer, ...]:
    """Return the layers from the input to a block, which is all of the last layer.

    Raises
    ------
    NetworkError
        If the network would have more weights than allowed.

    Notes
    -----
    *Algorithm*: blocks are ordered as a depth-first search finds them, parents first,
    so equal graphs give equal layers. The state of layer l holds its own blocks and,
    of each earlier block, the entries that some block above layer l reads; these are
    copied by pass-through units. Units that bend are never left out, read or not:
    they are units of the network. The work grows with the layers, and with the blocks
    times the layers that they are carried past.
    """
    blocks = _parents_first(result)
    _check_carried(blocks)
    needed = _needed_above(blocks)
    standing: list[list[Block]] = [[] for _ in range(result.level + 1)]
    for block in blocks:
        for level in (block.level, *needed[block]):
            standing[level].append(block)
    below: dict[Block, Indices] = {blocks[0]: np.arange(blocks[0].size)}
    width = blocks[0].size
    layers = []
    weights = 0
    for level in range(1, result.level + 1):
        parts: list[tuple[Sparse, Floats, Floats, Floats]] = []
        state: dict[Block, Indices] = {}
        height = 0
        for block in standing[level]:
            if block.level == level:
                kept = np.arange(block.size)
                parts.append(
                    (_placed_weights(block, below, width), block.bias, block.lower, block.upper)
                )
            else:
                kept = np.flatnonzero(needed[block][level])
                one = np.ones(len(kept))
                parts.append((selection(below[block][kept], width), 0 * one, one, one))
            state[block] = np.full(block.size, -1)
            state[block][kept] = height + np.arange(len(kept))
            height += len(kept)
        matrix = csr_array(vstack([part[0] for part in parts], format="csr"))
        weights += matrix.nnz
        if weights > MAX_WEIGHTS or height > MAX_UNITS:
            raise NetworkError(
                f"layer {level} with {height} units (values that are carried past it included) "
                f"makes the network too large: at most {MAX_UNITS} units in a layer and "
                f"{MAX_WEIGHTS} weights"
            )
        bias, lower, upper = (np.concatenate([part[k] for part in parts]) for k in (1, 2, 3))
        layers.append(Layer.with_slopes(_stored_weights(matrix), bias, lower, upper))
        below, width = state, height
    return tuple(layers)


def _parents_first(result: Block) -> list[Block]:
    """Return the blocks that the result depends on, parents first, the input at the start."""
    ordered: list[Block] = []
    seen: set[Block] = set()
    stack = [(result, False)]
    while stack:
        block, parents_done = stack.pop()
        if parents_done:
            ordered.append(block)
        elif block not in seen:
            seen.add(block)
            stack.append((block, True))
            stack.extend((parent, False) for parent, _ in reversed(block.terms))
    return ordered


def _check_carried(blocks: list[Block]) -> None:
    """Refuse a graph whose values would be carried past layers without end."""
    last = {block: block.level for block in blocks}
    for block in blocks:
        for parent, _ in block.terms:
            last[parent] = max(last[parent], block.level - 1)
    carried = sum(last[block] - block.level for block in blocks)
    if carried > _MAX_CARRIED:
        raise NetworkError(
            f"the network has skip connections over {carried} layers altogether, more than the "
            f"{_MAX_CARRIED} allowed; give a network with shorter ones"
        )


def _needed_above(blocks: list[Block]) -> dict[Block, dict[int, NDArray[np.bool_]]]:
    """Return, per block and layer above it, which entries some later layer reads."""
    read: dict[Block, dict[int, NDArray[np.bool_]]] = {block: {} for block in blocks}
    for block in blocks:
        for parent, matrix in block.terms:
            mask = np.zeros(parent.size, dtype=bool)
            mask[matrix.indices] = True
            at = read[parent].setdefault(block.level, np.zeros(parent.size, dtype=bool))
            at |= mask
    needed: dict[Block, dict[int, NDArray[np.bool_]]] = {block: {} for block in blocks}
    for block, readers in read.items():
        mask = np.zeros(block.size, dtype=bool)
        for level in range(max(readers, default=0) - 1, block.level, -1):
            mask = mask | readers.get(level + 1, False)
            if mask.any():
                needed[block][level] = mask
    return needed


def _placed_weights(block: Block, below: dict[Block, Indices], width: int) -> Sparse:
    """Return the block's weights on the state of the layer below."""
    parts = []
    columns = []
    for parent, matrix in block.terms:
        used = np.unique(matrix.indices)
        parts.append(matrix[:, used])
        # a parent of which nothing is read may not have been carried this far
        columns.append(below[parent][used] if len(used) else used)
    together = csr_array(hstack(parts, format="csr"))
    places = np.concatenate(columns)
    moved = csr_array(
        (together.data, places[together.indices], together.indptr), shape=(block.size, width)
    )
    moved.sort_indices()
    return moved


def _stored_weights(matrix: Sparse) -> Sparse | Floats:
    entries = matrix.shape[0] * matrix.shape[1]
    if entries <= _DENSE_ENTRIES or matrix.nnz > _DENSE_SHARE * entries:
        dense: Floats = matrix.toarray()
        return dense
    return matrix
