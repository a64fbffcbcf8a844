"""Sums of products of a signal with a constant over common axes, as ``einsum`` writes them."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence

import numpy as np

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io.blocks import MAX_WEIGHTS
from polyregions.io.exact_floats import Floats
from polyregions.io.exact_sparse import sparse
from polyregions.io.signals import Shape, Signal, checked, linear, select

__all__ = ["contract", "einsum", "stacked_product"]


def contract(
    signal: Signal, constant: Floats, read: Sequence[str], given: Sequence[str], out: Sequence[str]
) -> Signal:
    """Return the sum of signal * constant over the axes that the result does not have.

    Parameters
    ----------
    read, given, out : sequence of str
        Names of the axes of the signal, the constant and the result; no name twice in one.
        An axis of the constant alone must be one of the result.

    Raises
    ------
    NetworkError
        If axes of one name have different extents, or the result is too large.

    Notes
    -----
    *Algorithm*: one weight for each combination of indices; as every axis belongs to the
    signal or to the result, no weight is a sum.

    Examples
    --------
    >>> from polyregions.io.signals import source
    >>> outer = contract(source((2,)), np.array([1.0, 3.0]), "i", "j", "ij")
    >>> outer.shape, outer.layers[0].weight.tolist()
    ((2, 2), [[1.0, 0.0], [3.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    """
    extents: dict[str, int] = {}
    for names, shape in ((read, signal.shape), (given, constant.shape)):
        if len(names) != len(shape) or len(set(names)) != len(names):
            raise NetworkError(f"the axes {''.join(names)} do not fit the shape {shape}")
        for name, extent in zip(names, shape, strict=True):
            if extents.setdefault(name, extent) != extent:
                raise NetworkError(f"axes of {extents[name]} and {extent} values do not chain")
    if not set(out) <= extents.keys() or len(set(out)) != len(out):
        raise FormatError(f"the axes {''.join(out)} of the result are malformed")
    if not set(given) <= set(read) | set(out):
        raise UnsupportedOperatorError("it adds up a constant alone; fold it before the export")
    if math.prod(extents.values()) > MAX_WEIGHTS:
        raise NetworkError(f"it makes more than the {MAX_WEIGHTS} weights allowed")
    grid = dict(zip(extents, np.ix_(*map(np.arange, extents.values())), strict=True))
    shape = checked(tuple(extents[name] for name in out))
    rows, columns, values = np.broadcast_arrays(
        _flat(out, extents, grid),
        _flat(read, extents, grid),
        constant[tuple(grid[name] for name in given)],
    )
    matrix = sparse(
        rows.reshape(-1), columns.reshape(-1), values.reshape(-1), (math.prod(shape), signal.size)
    )
    return linear(signal, matrix, shape)


def _flat(names: Sequence[str], extents: dict[str, int], grid: dict[str, np.ndarray]) -> np.ndarray:
    """Return the index in C order of an array with the named axes, over the grid."""
    index = np.zeros((1,) * len(extents), dtype=np.intp)
    for name in names:
        index = index * extents[name] + grid[name]
    return index


def einsum(equation: str, operands: Sequence[Signal | Floats]) -> Signal:
    """Return what ``einsum`` computes of a signal, alone or with one constant.

    Raises
    ------
    UnsupportedOperatorError
        If there are other operands, or an axis is repeated within one.

    Examples
    --------
    >>> from polyregions.io.signals import source
    >>> einsum("ij -> j", [source((2, 3))]).shape
    (3,)
    """
    signals = [k for k, operand in enumerate(operands) if isinstance(operand, Signal)]
    if len(signals) != 1 or len(operands) > 2:
        raise UnsupportedOperatorError("only one value and one constant are supported")
    inputs, out = _axes(equation, [len(operand.shape) for operand in operands])
    if any(len(set(names)) != len(names) for names in inputs):
        raise UnsupportedOperatorError(f"an axis is repeated in {equation[:80]!r}")
    place = signals[0]
    signal = operands[place]
    assert isinstance(signal, Signal)
    if len(operands) == 1:
        return contract(signal, np.array(1.0), inputs[0], "", out)
    constant = operands[1 - place]
    assert not isinstance(constant, Signal)
    return contract(signal, constant, inputs[place], inputs[1 - place], out)


def _axes(equation: str, ranks: Sequence[int]) -> tuple[list[list[str]], list[str]]:
    """Return the names of the axes of the operands and of the result; ``...`` has its own."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise FormatError(f"{equation[:80]!r} does not have {len(ranks)} operands")
    inputs = []
    wide = 0
    for term, rank in zip(terms, ranks, strict=True):
        before, dots, after = term.partition("...")
        hidden = rank - len(before) - len(after)
        if not all(letter in string.ascii_letters for letter in before + after) or (
            hidden < 0 if dots else hidden != 0
        ):
            raise FormatError(f"{equation[:80]!r} does not fit {rank} axes")
        wide = max(wide, hidden)
        inputs.append([*before, *(f"{k}" for k in range(-hidden, 0)), *after])
    if not arrow:
        letters = sorted(letter for letter in set(left) if letter.isalpha())
        right = "..." + "".join(letter for letter in letters if left.count(letter) == 1)
    before, dots, after = right.partition("...")
    middle = [f"{k}" for k in range(-wide, 0)] if dots else []
    return inputs, [*before, *middle, *after]


def stacked_product(signal: Signal, stack: Floats, *, signal_first: bool) -> Signal:
    """Return the product of a signal with a stack of matrices, as numpy.matmul does.

    Parameters
    ----------
    stack : numpy.ndarray, shape (..., k, m)
    signal_first : bool
        Whether the signal is the left factor.

    Raises
    ------
    NetworkError
        If the shapes do not chain.

    Examples
    --------
    >>> from polyregions.io.signals import source
    >>> stacked_product(source((4, 2, 3)), np.ones((4, 3, 5)), signal_first=True).shape
    (4, 2, 5)
    """
    if len(signal.shape) == 1:
        column = signal.shape if signal_first else (*signal.shape, 1)
        as_matrix = Signal((1, *column) if signal_first else column, signal.block)
        product = stacked_product(as_matrix, stack, signal_first=signal_first)
        shape = product.shape
        return Signal((*shape[:-2], shape[-1]) if signal_first else shape[:-1], product.block)
    try:
        batch = np.broadcast_shapes(signal.shape[:-2], stack.shape[:-2])
    except ValueError:
        raise NetworkError(
            f"shapes {signal.shape} and {stack.shape} do not chain in a matrix product"
        ) from None
    wide: Shape = (*batch, *signal.shape[-2:])
    checked(wide)
    if math.prod(batch) * math.prod(stack.shape[-2:]) > MAX_WEIGHTS:
        raise NetworkError(f"it makes more than the {MAX_WEIGHTS} weights allowed")
    index = np.arange(signal.size).reshape(signal.shape)
    spread = select(signal, np.broadcast_to(index, wide))
    stack = np.broadcast_to(stack, (*batch, *stack.shape[-2:]))
    names = [f"{k}" for k in range(len(batch))]
    out = [*names, "i", "j"]
    read, given = (["i", "k"], ["k", "j"]) if signal_first else (["k", "j"], ["i", "k"])
    return contract(spread, stack, [*names, *read], [*names, *given], out)
