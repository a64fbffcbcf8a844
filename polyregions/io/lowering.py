"""Exact lowering: operators of a network file to units with two slopes.

Readers of every format speak to this module, and to its neighbours
:mod:`~polyregions.io.windows` (convolution, pooling) and
:mod:`~polyregions.io.comparisons` (max, min, clipping); those of programs, whose values may be
constants as well, through :mod:`~polyregions.io.algebra`. What a signal is and how linear
maps merge is in :mod:`~polyregions.io.signals`.

Nothing is rounded here. An operator is merged into the block it reads where the
merged parameters are floats again, and otherwise becomes pass-through units. Two
operators have no exact form: the division by a number that is no power of two
(:func:`divide`), which warns, and batch normalisation (:func:`batch_norm`), whose
own definition has a square root.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import eye_array, kron

from polyregions.errors import NetworkError, PolyregionsWarning
from polyregions.io.blocks import MAX_WEIGHTS, Block
from polyregions.io.exact_floats import Floats, exact_quotient, exact_sum, significant_bits
from polyregions.io.exact_matrices import Sparse, divided_rows, selection, sparse
from polyregions.io.signals import (
    Shape,
    Signal,
    broadcast_shape,
    combine,
    copied,
    moderate_shape,
    reshape,
    spread,
    transformed,
)

__all__ = [
    "DroppedOperatorWarning",
    "JoinedOutputsWarning",
    "RoundedDivisionWarning",
    "add",
    "add_signals",
    "batch_norm",
    "bend",
    "concatenate",
    "divide",
    "linear_layer",
    "matmul_left",
    "matmul_right",
    "multiply",
    "sum_over",
]


class RoundedDivisionWarning(PolyregionsWarning):
    """A reciprocal had to be rounded to become a parameter of the network."""


class DroppedOperatorWarning(PolyregionsWarning):
    """The last operator is no piecewise-linear function and was left out."""


class JoinedOutputsWarning(PolyregionsWarning):
    """Several outputs stand side by side in the network."""


def add(signal: Signal, constant: Floats) -> Signal:
    """Return signal + constant, broadcast.

    Raises
    ------
    NetworkError
        If the shapes do not broadcast.

    Examples
    --------
    >>> from polyregions.io.signals import source
    >>> moved = add(source((1, 2)), np.array([1.0, 2.0]))
    >>> [layer.bias.tolist() for layer in moved.layers]
    [[1.0, 2.0]]
    """
    signal, shift = _broadcast(signal, constant)
    if not shift.any():
        return signal
    block = signal.block
    if block.affine:
        total = exact_sum(block.bias, shift)
        if total is not None:
            return Signal(signal.shape, Block.of(block.terms, total))
    return Signal(signal.shape, replace(copied(block), bias=shift))


def add_signals(a: Signal, b: Signal, sign: float = 1.0) -> Signal:
    """Return a + sign * b for two signals, broadcast; the sign is 1 or -1.

    Examples
    --------
    >>> from polyregions.io.signals import source
    >>> x = source((2,))
    >>> add_signals(x, bend(x, 0.0, 1.0), -1.0).layers[-1].weight
    array([[ 1.,  0., -1.,  0.],
           [ 0.,  1.,  0., -1.]])
    """
    shape = broadcast_shape(a.shape, b.shape)
    parts = []
    for signal, factor in ((a, 1.0), (b, sign)):
        index = np.broadcast_to(signal.places, shape).reshape(-1)
        parts.append((signal, selection(index, signal.size) * factor))
    return combine(parts, shape)


def concatenate(parts: Sequence[Signal | Floats], axis: int) -> Signal:
    """Return signals and constants joined along an axis, as numpy.concatenate does.

    Raises
    ------
    NetworkError
        If the shapes do not fit.
    """
    shapes = [part.shape for part in parts]
    starts = np.cumsum([0, *(math.prod(shape) for shape in shapes)])
    try:
        joined = np.concatenate(
            [
                np.arange(start, start + math.prod(shape)).reshape(shape)
                for start, shape in zip(starts, shapes, strict=False)
            ],
            axis=axis,
        )
    except ValueError:
        raise NetworkError(
            f"shapes {', '.join(map(str, shapes))} cannot be joined along axis {axis}"
        ) from None
    flat = joined.reshape(-1)
    shift = np.zeros(len(flat))
    signals = []
    for part, start in zip(parts, starts, strict=False):
        index = np.where((flat >= start) & (flat < start + math.prod(part.shape)), flat - start, -1)
        if isinstance(part, Signal):
            signals.append((part, selection(index, part.size)))
        else:
            shift[index >= 0] = part.reshape(-1)[index[index >= 0]]
    return add(combine(signals, joined.shape), shift.reshape(joined.shape))


def multiply(signal: Signal, constant: Floats) -> Signal:
    """Return signal * constant, broadcast, entry by entry.

    Raises
    ------
    NetworkError
        If the shapes do not broadcast.
    """
    signal, factor = _broadcast(signal, constant)
    if (factor == 1).all():
        return signal
    places = np.arange(signal.size)
    return transformed(signal, sparse(places, places, factor, (signal.size,) * 2), signal.shape)


def divide(signal: Signal, constant: Floats) -> Signal:
    """Return signal / constant, broadcast, entry by entry.

    Powers of two, and divisions that the parameters below allow, are exact.
    Otherwise 1 / constant is no float: the double nearest to it becomes the
    parameter of the network, and a warning says so.

    Raises
    ------
    NetworkError
        If the constant has a zero or the shapes do not broadcast.

    Warns
    -----
    RoundedDivisionWarning
        If a reciprocal had to be rounded.

    Examples
    --------
    >>> from polyregions.io.signals import source
    >>> half = divide(source((1,)), np.array(2.0))
    >>> half.layers[0].weight
    array([[0.5]])
    """
    signal, divisor = _broadcast(signal, constant)
    if not divisor.all():
        raise NetworkError("it divides by a constant that has a zero")
    block = signal.block
    if block.affine:
        bias = exact_quotient(block.bias, divisor)
        matrices = [divided_rows(matrix, divisor) for _, matrix in block.terms]
        if bias is not None and all(matrix is not None for matrix in matrices):
            parents = (parent for parent, _ in block.terms)
            terms = tuple(
                (p, matrix)
                for p, matrix in zip(parents, matrices, strict=True)
                if matrix is not None
            )
            return Signal(signal.shape, Block.of(terms, bias))
    with np.errstate(over="ignore"):
        reciprocal = 1.0 / divisor
    if not np.isfinite(reciprocal).all():
        raise NetworkError("it divides by a constant so small that its reciprocal is no float")
    # 1/d is a float only for powers of two
    rounded = reciprocal[significant_bits(divisor) > 1]
    if rounded.size:
        warnings.warn(
            f"division by a constant that is no power of two: the network is read with "
            f"{rounded.size} reciprocals rounded to doubles (the first is {rounded[0]!s}); "
            f"multiply by floats in the network file to avoid this",
            RoundedDivisionWarning,
            stacklevel=2,
        )
    return multiply(signal, reciprocal.reshape(signal.shape))


def batch_norm(
    signal: Signal, scale: Floats, shift: Floats, mean: Floats, variance: Floats, epsilon: float
) -> Signal:
    """Return a signal normalised by stored statistics, channel by channel (axis 1).

    The factor ``scale / sqrt(variance + epsilon)`` and the constant
    ``shift - mean * factor`` are no floats in general. Their doubles, computed once
    here, *are* the parameters of the network; the program that runs the file rounds
    in the same place.

    Raises
    ------
    NetworkError
        If the statistics do not fit the signal or a variance is not positive.
    """
    channels = signal.shape[1] if len(signal.shape) > 1 else 0
    if any(array.shape != (channels,) for array in (scale, shift, mean, variance)):
        raise NetworkError(
            f"statistics of shape {scale.shape}, {shift.shape}, {mean.shape} and "
            f"{variance.shape} do not fit {signal.shape}"
        )
    if not (variance + epsilon > 0).all():
        raise NetworkError("a variance plus epsilon is not positive")
    with np.errstate(over="ignore", invalid="ignore"):
        factor = scale / np.sqrt(variance + epsilon)
        constant = shift - mean * factor
    if not (np.isfinite(factor).all() and np.isfinite(constant).all()):
        raise NetworkError("its statistics make a factor that is not a finite number")
    along = (channels, *[1] * (len(signal.shape) - 2))
    return add(multiply(signal, factor.reshape(along)), constant.reshape(along))


def sum_over(signal: Signal, axes: Sequence[int], *, keep: bool) -> Signal:
    """Return the sum over the given axes, which stay with extent 1 if `keep`."""
    shape = tuple(1 if axis in axes else extent for axis, extent in enumerate(signal.shape))
    target = np.broadcast_to(np.arange(math.prod(shape)).reshape(shape), signal.shape)
    columns = np.arange(signal.size)
    ones = np.ones(signal.size)
    matrix = sparse(target.reshape(-1), columns, ones, (math.prod(shape), signal.size))
    result = transformed(signal, matrix, shape)
    if keep:
        return result
    rest = tuple(extent for axis, extent in enumerate(shape) if axis not in axes)
    return reshape(result, rest)


def matmul_right(signal: Signal, matrix: Floats) -> Signal:
    """Return signal @ matrix for a constant matrix, as numpy.matmul does.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (k, m) or (k,)
        The signal has shape (..., k).

    Raises
    ------
    NetworkError
        If the shapes do not chain.
    """
    if matrix.ndim == 1:
        product = matmul_right(signal, matrix[:, None])
        return reshape(product, product.shape[:-1])
    if matrix.ndim != 2 or not signal.shape or signal.shape[-1] != matrix.shape[0]:
        raise _no_product(signal.shape, matrix.shape)
    shape = moderate_shape((*signal.shape[:-1], matrix.shape[1]))
    # C order: one block of the matrix for each row of the signal
    return transformed(signal, _kron(math.prod(signal.shape[:-1]), matrix.T, 1), shape)


def matmul_left(matrix: Floats, signal: Signal) -> Signal:
    """Return matrix @ signal for a constant matrix, as numpy.matmul does.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (m, k) or (k,)
        The signal has shape (k,) or (..., k, p).

    Raises
    ------
    NetworkError
        If the shapes do not chain.
    """
    if matrix.ndim == 1:
        product = matmul_left(matrix[None, :], signal)
        row = 0 if len(product.shape) == 1 else len(product.shape) - 2
        return reshape(product, product.shape[:row] + product.shape[row + 1 :])
    if len(signal.shape) == 1:
        product = matmul_left(matrix, reshape(signal, (*signal.shape, 1)))
        return reshape(product, product.shape[:-1])
    if matrix.ndim != 2 or len(signal.shape) < 2 or signal.shape[-2] != matrix.shape[1]:
        raise _no_product(matrix.shape, signal.shape)
    blocks, columns = math.prod(signal.shape[:-2]), signal.shape[-1]
    shape = moderate_shape((*signal.shape[:-2], matrix.shape[0], columns))
    return transformed(signal, _kron(blocks, matrix, columns), shape)


def linear_layer(signal: Signal, weight: Floats, bias: Floats | None) -> Signal:
    """Return signal @ weight.T + bias, for weights of shape (units, inputs).

    Raises
    ------
    NetworkError
        If the shapes do not fit.
    """
    result = matmul_right(signal, weight.T)
    if bias is None:
        return result
    if bias.shape != result.shape[-1:]:
        raise NetworkError(f"{len(weight)} units have a bias of shape {bias.shape}")
    return add(result, bias)


def bend(signal: Signal, lower: ArrayLike, upper: ArrayLike) -> Signal:
    """Return ``upper * z`` for z > 0 and ``lower * z`` otherwise, entry by entry.

    Units below that pass values on take the slopes; otherwise (directly on the
    input, or after another bend) copies of the values do.

    Parameters
    ----------
    lower, upper : array_like
        Slopes, broadcast to the signal.

    Examples
    --------
    >>> from polyregions.io.signals import source
    >>> [layer.bends.tolist() for layer in bend(source((2,)), 0.0, 1.0).layers]
    [[True, True]]
    """
    block = signal.block if signal.block.affine else copied(signal.block)
    slopes = [
        np.broadcast_to(np.asarray(slope, dtype=np.float64), signal.shape).reshape(-1)
        for slope in (lower, upper)
    ]
    return Signal(signal.shape, replace(block, lower=slopes[0], upper=slopes[1]))


def _broadcast(signal: Signal, constant: Floats) -> tuple[Signal, Floats]:
    shape = broadcast_shape(signal.shape, constant.shape)
    values = np.broadcast_to(constant, shape).reshape(-1)
    return spread(signal, shape), values


def _kron(blocks: int, matrix: Floats, columns: int) -> Sparse:
    """Kronecker product identity(blocks) x matrix x identity(columns)."""
    if blocks * matrix.size * columns > MAX_WEIGHTS:
        raise NetworkError(
            f"a layer of {blocks} x {columns} products with {matrix.size} weights has more than "
            f"the {MAX_WEIGHTS} weights allowed"
        )
    inner = kron(Sparse(matrix), eye_array(columns), format="csr") if columns > 1 else matrix
    return Sparse(kron(eye_array(blocks), inner, format="csr") if blocks > 1 else inner)


def _no_product(left: Shape, right: Shape) -> NetworkError:
    return NetworkError(
        f"shapes {left} and {right} do not chain in a matrix product; transpose the weights"
    )
