"""ATen operators that make constants, of nothing or of the shape of a value."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import numpy as np

from polyregions.errors import FormatError, UnsupportedOperatorError
from polyregions.io.exact_floats import MAX_REPEATED, Floats
from polyregions.io.lowering import Shape, Signal
from polyregions.io.torch_values import (
    FLOAT32,
    Arguments,
    TorchLowering,
    TorchValue,
    holds,
    number_of,
)

__all__ = ["TORCH_CONSTANTS"]


def _allowed(shape: Shape) -> Shape:
    if min(shape, default=1) < 0 or math.prod(shape) > MAX_REPEATED:
        raise FormatError(f"it makes an array of shape {shape}, empty or too large")
    return shape


def _filled_array(number: float | None, *, like: bool) -> TorchLowering:
    """Make an array of one number, which `fill_value` says if None."""

    def lower(arguments: Arguments) -> TorchValue:
        size = arguments["self"].shape if like else [int(extent) for extent in arguments["size"]]
        fill = np.array(number) if number is not None else _fill_value(arguments)
        return np.broadcast_to(fill.reshape(()), _allowed(tuple(size)))

    return lower


def _fill_value(arguments: Arguments) -> Floats:
    """Return the number that fills an array, if the type of the array does not change it."""
    fill = number_of(arguments.get("fill_value", arguments.get("s")))
    like, dtype = arguments.get("self"), arguments.get("dtype")
    # without a type of its own, an array has that of another one, which may be integers
    known = dtype is not None or like is None or isinstance(like, Signal)
    if not (known or bool((fill == np.floor(fill)).all())) or not holds(dtype or FLOAT32, fill):
        raise UnsupportedOperatorError(
            f"the type of its array may round the number {float(fill)!r}; store it as a parameter"
        )
    return fill


def _scalar(arguments: Arguments) -> TorchValue:
    return _fill_value(arguments)


def _torch_range(arguments: Arguments) -> TorchValue:
    start, end, step = (
        float(number_of(arguments.get(name, default)))
        for name, default in (("start", 0), ("end", None), ("step", 1))
    )
    if not all(number.is_integer() for number in (start, end, step)) or not step:
        raise UnsupportedOperatorError("only ranges of integers are supported")
    numbers = range(int(start), int(end), int(step))
    _allowed((len(numbers),))
    return number_of(np.array(numbers, dtype=np.int64))


def _identity_matrix(arguments: Arguments) -> TorchValue:
    rows = int(arguments["n"])
    columns = int(arguments.get("m", rows))
    _allowed((rows, columns))
    return np.eye(rows, columns)


def _matrix(of: Callable[[Floats, int], Floats]) -> TorchLowering:
    """Read a part of a constant: a triangle, the diagonal."""

    def lower(arguments: Arguments) -> TorchValue:
        if isinstance(arguments["self"], Signal):
            raise UnsupportedOperatorError("only constants are supported")
        value = number_of(arguments["self"])
        if value.ndim == 1:
            _allowed(value.shape * 2)
        return of(value, int(arguments.get("diagonal", 0)))

    return lower


def _extents(of: Callable[[int, int], int]) -> TorchLowering:
    """Compute with the extents of a value."""

    def lower(arguments: Arguments) -> TorchValue:
        pair = list(arguments.values())
        if len(pair) != 2 or not all(type(number) is int for number in pair):
            raise UnsupportedOperatorError("only integers are supported")
        return of(*pair)

    return lower


_NUMBERS: dict[str, float | None] = {"full": None, "ones": 1.0, "zeros": 0.0}

TORCH_CONSTANTS: dict[str, TorchLowering] = {
    "_operator.add": _extents(operator.add),
    "_operator.floordiv": _extents(operator.floordiv),
    "_operator.mul": _extents(operator.mul),
    "_operator.sub": _extents(operator.sub),
    "arange.default": _torch_range,
    "arange.start": _torch_range,
    "arange.start_step": _torch_range,
    "diag.default": _matrix(np.diag),
    "eye.default": _identity_matrix,
    "eye.m": _identity_matrix,
    **{f"{name}.default": _filled_array(number, like=False) for name, number in _NUMBERS.items()},
    **{
        f"{name}_like.default": _filled_array(number, like=True)
        for name, number in _NUMBERS.items()
    },
    **{
        f"new_{name}.default": _filled_array(number, like=False)
        for name, number in _NUMBERS.items()
    },
    "scalar_tensor.default": _scalar,
    "tril.default": _matrix(np.tril),
    "triu.default": _matrix(np.triu),
}
