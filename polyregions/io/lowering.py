"""Exact lowering: operators of a network file to affine layers with two slopes.

Readers of every format speak to this module only. A :class:`Signal` is a value
of the graph: an array whose entries, in C order, are the outputs of a chain of
layers. Signals never change, so two branches may grow from the same one.

Nothing is rounded here. An operator is merged into the last layer where the
merged parameters are floats again, and otherwise becomes a pass-through layer
of its own. The one operator without an exact form is the division by a number
that is no power of two (:func:`divide`), which warns.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import NetworkError
from polyregions.io.exact_floats import (
    MAX_ENTRIES,
    Floats,
    exact_product,
    exact_quotient,
    exact_sum,
    significant_bits,
)
from polyregions.network import Layer, Network

__all__ = [
    "RoundedDivisionWarning",
    "Signal",
    "add",
    "bend",
    "divide",
    "matmul_left",
    "matmul_right",
    "multiply",
    "reshape",
    "select",
    "source",
    "to_network",
]

Shape = tuple[int, ...]

# what one array of values, and one network, may hold
MAX_VALUES = 2**24
MAX_LAYERS = 10_000


class RoundedDivisionWarning(UserWarning):
    """A reciprocal had to be rounded to become a parameter of the network."""


@dataclass(frozen=True, eq=False)
class Signal:
    """Values that a network computes on the way, as a chain of layers.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array; its entries in C order are the outputs of the chain.
    layers : tuple of Layer
        The layers from the flat input; empty for the input itself.
    """

    shape: Shape
    layers: tuple[Layer, ...] = ()

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def pending(self) -> Layer | None:
        """The last layer if its units pass their values on, so that it may still grow."""
        if not self.layers:
            return None
        last = self.layers[-1]
        return last if bool((last.lower == 1).all() and (last.upper == 1).all()) else None


def source(shape: Shape) -> Signal:
    """Return the input of a network, an array of the given shape.

    Raises
    ------
    NetworkError
        If the array has no entry or an absurd number of them.
    """
    return Signal(_checked(shape))


def to_network(signal: Signal, name: str) -> Network:
    """Return the network that computes a signal from the flat input.

    Raises
    ------
    NetworkError
        If no unit bends.
    """
    layers = signal.layers
    if signal.pending is None:
        # the last layer of a network is affine
        layers = (*layers, Layer.affine(_identity(signal.size), np.zeros(signal.size)))
    return Network(layers, name=name)


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


def select(signal: Signal, index: NDArray[np.intp]) -> Signal:
    """Return the values at the given flat indices; an index may repeat.

    Parameters
    ----------
    index : numpy.ndarray of int, any shape
        The shape of the result.
    """
    shape = _checked(index.shape)
    flat = index.reshape(-1)
    last = signal.pending
    if last is not None:
        _check_entries(len(flat), last.weight.shape[1])
        return _grown(signal, Layer.affine(last.weight[flat], last.bias[flat]), shape, merge=True)
    _check_entries(len(flat), signal.size)
    weight = np.zeros((len(flat), signal.size))
    weight[np.arange(len(flat)), flat] = 1.0
    return _grown(signal, Layer.affine(weight, np.zeros(len(flat))), shape)


def add(signal: Signal, constant: Floats) -> Signal:
    """Return signal + constant, broadcast.

    Raises
    ------
    NetworkError
        If the shapes do not broadcast.

    Examples
    --------
    >>> moved = add(source((1, 2)), np.array([1.0, 2.0]))
    >>> [layer.bias.tolist() for layer in moved.layers]
    [[1.0, 2.0]]
    """
    signal, shift = _broadcast(signal, constant)
    if not shift.any():
        return signal
    last = signal.pending
    if last is not None:
        total = exact_sum(last.bias, shift)
        if total is not None:
            return _grown(signal, Layer.affine(last.weight, total), signal.shape, merge=True)
    return _grown(signal, Layer.affine(_identity(signal.size), shift), signal.shape)


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
    last = signal.pending
    if last is not None:
        weight = exact_product(factor[:, None], last.weight)
        bias = exact_product(factor, last.bias)
        if weight is not None and bias is not None:
            return _grown(signal, Layer.affine(weight, bias), signal.shape, merge=True)
    diagonal = _identity(signal.size)
    np.fill_diagonal(diagonal, factor)
    return _grown(signal, Layer.affine(diagonal, np.zeros(signal.size)), signal.shape)


def divide(signal: Signal, constant: Floats) -> Signal:
    """Return signal / constant, broadcast, entry by entry.

    Powers of two, and divisions that the last layer's parameters allow, are
    exact. Otherwise 1 / constant is no float: the double nearest to it becomes
    the parameter of the network, and a warning says so.

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
    >>> half = divide(source((1,)), np.array(2.0))
    >>> half.layers[0].weight
    array([[0.5]])
    """
    signal, divisor = _broadcast(signal, constant)
    if not divisor.all():
        raise NetworkError("it divides by a constant that has a zero")
    last = signal.pending
    if last is not None:
        weight = exact_quotient(last.weight, divisor[:, None])
        bias = exact_quotient(last.bias, divisor)
        if weight is not None and bias is not None:
            return _grown(signal, Layer.affine(weight, bias), signal.shape, merge=True)
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
    return multiply(signal, reciprocal)


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
    shape = _checked((*signal.shape[:-1], matrix.shape[1]))
    # C order: one block of the matrix for each row of the signal
    return _linear(signal, _kron(math.prod(signal.shape[:-1]), matrix.T, 1), shape)


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
    shape = _checked((*signal.shape[:-2], matrix.shape[0], columns))
    return _linear(signal, _kron(blocks, matrix, columns), shape)


def bend(signal: Signal, lower: float, upper: float) -> Signal:
    """Return ``upper * z`` for z > 0 and ``lower * z`` otherwise, entry by entry.

    The last layer takes the slopes if it has none yet; otherwise (directly on
    the input, or after another bend) an identity layer does.

    Examples
    --------
    >>> [layer.bends.tolist() for layer in bend(source((2,)), 0.0, 1.0).layers]
    [[True, True]]
    """
    last = signal.pending
    if last is not None:
        layer = Layer.with_slopes(last.weight, last.bias, lower, upper)
        return _grown(signal, layer, signal.shape, merge=True)
    layer = Layer.with_slopes(_identity(signal.size), np.zeros(signal.size), lower, upper)
    return _grown(signal, layer, signal.shape)


def _linear(signal: Signal, weight: Floats, shape: Shape) -> Signal:
    last = signal.pending
    zero = np.zeros(len(weight))
    if last is not None and not last.bias.any() and _is_diagonal(last.weight):
        # scaled inputs, such as pixels / 256: scale the columns instead where that is exact
        product = exact_product(weight, np.diagonal(last.weight)[None, :])
        if product is not None:
            return _grown(signal, Layer.affine(product, zero), shape, merge=True)
    return _grown(signal, Layer.affine(weight, zero), shape)


def _grown(signal: Signal, layer: Layer, shape: Shape, *, merge: bool = False) -> Signal:
    kept = signal.layers[:-1] if merge else signal.layers
    if sum(other.weight.size for other in kept) + layer.weight.size > 2 * MAX_ENTRIES:
        raise NetworkError(f"the network has more than {2 * MAX_ENTRIES} weights")
    if len(kept) >= MAX_LAYERS:
        raise NetworkError(f"the network has more than {MAX_LAYERS} layers")
    return Signal(shape, (*kept, layer))


def _broadcast(signal: Signal, constant: Floats) -> tuple[Signal, Floats]:
    try:
        shape = np.broadcast_shapes(signal.shape, constant.shape)
    except ValueError:
        raise NetworkError(f"shapes {signal.shape} and {constant.shape} do not broadcast") from None
    _checked(shape)
    values = np.broadcast_to(constant, shape).reshape(-1)
    if math.prod(shape) == signal.size:
        return replace(signal, shape=shape), values
    index = np.arange(signal.size).reshape(signal.shape)
    return select(signal, np.broadcast_to(index, shape)), values


def _is_diagonal(matrix: Floats) -> bool:
    if matrix.shape[0] != matrix.shape[1]:
        return False
    return int(np.count_nonzero(matrix)) == int(np.count_nonzero(np.diagonal(matrix)))


def _kron(blocks: int, matrix: Floats, columns: int) -> Floats:
    """Kronecker product identity(blocks) x matrix x identity(columns)."""
    rows = blocks * matrix.shape[0] * columns
    _check_entries(rows, blocks * matrix.shape[1] * columns)
    if blocks == columns == 1:
        return matrix
    product: Floats = np.kron(np.eye(blocks), np.kron(matrix, np.eye(columns)))
    return product


def _identity(size: int) -> Floats:
    _check_entries(size, size)
    return np.eye(size)


def _checked(shape: Shape) -> Shape:
    if not 1 <= math.prod(shape) <= MAX_VALUES:
        raise NetworkError(
            f"an array of shape {shape} is empty or has more than {MAX_VALUES} values"
        )
    return shape


def _check_entries(rows: int, columns: int) -> None:
    if rows * columns > MAX_ENTRIES:
        raise NetworkError(
            f"a dense layer of {rows} x {columns} weights has more than the {MAX_ENTRIES} allowed"
        )


def _no_product(left: Shape, right: Shape) -> NetworkError:
    return NetworkError(
        f"shapes {left} and {right} do not chain in a matrix product; transpose the weights"
    )
