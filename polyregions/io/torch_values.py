"""Values of an exported program: what operators are given, and constants that they make."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from polyregions.errors import FormatError, UnsupportedOperatorError
from polyregions.io.exact_floats import MAX_REPEATED, Floats, exact_floats, significant_bits
from polyregions.io.lowering import Shape, Signal
from polyregions.io.switches import Switch

__all__ = [
    "BFLOAT16",
    "FLOAT32",
    "REAL_TYPES",
    "TORCH_CONSTANTS",
    "TRUTH",
    "TYPES",
    "Arguments",
    "TorchLowering",
    "TorchValue",
    "folded",
    "holds",
    "is_constant",
    "moved_of",
    "number_of",
    "optional_of",
    "parameter_of",
    "part_of",
    "signal_of",
]

# numbers of torch's serialized ScalarType, and numpy's types that store them
BFLOAT16, TRUTH, FLOAT32 = 13, 12, 7
TYPES: dict[int, Any] = {
    1: np.uint8,
    2: np.int8,
    3: np.int16,
    4: np.int32,
    5: np.int64,
    6: np.float16,
    FLOAT32: np.float32,
    8: np.float64,
    TRUTH: np.bool_,
    BFLOAT16: np.uint16,
}
REAL_TYPES = (6, FLOAT32, 8, BFLOAT16)
_BFLOAT16_BITS = 8

TorchValue = Signal | Switch | Floats | int
Arguments = Mapping[str, Any]
TorchLowering = Callable[[Arguments], TorchValue | tuple[TorchValue, ...]]


def signal_of(arguments: Arguments, name: str = "self") -> Signal:
    """Return an argument that must depend on the network's input."""
    value = arguments[name]
    if isinstance(value, Switch):
        raise UnsupportedOperatorError(
            "it computes with a comparison, which may only choose, as in where(x > 0, a, b)"
        )
    if not isinstance(value, Signal):
        raise UnsupportedOperatorError("it computes with parameters only; export folded weights")
    return value


def moved_of(arguments: Arguments, name: str = "self") -> Signal | Floats:
    """Return an argument whose entries are moved: a signal or a constant."""
    value = arguments[name]
    if not isinstance(value, Signal | np.ndarray):
        raise FormatError("it moves what is no tensor of numbers")
    return value


def is_constant(value: Any) -> bool:
    """Whether a value depends on no input."""
    return not isinstance(value, Signal | Switch)


def holds(dtype: int, numbers: Floats) -> bool:
    """Whether a type of torch, by its number, holds numbers without rounding them."""
    if dtype == BFLOAT16:
        return bool((significant_bits(numbers) <= _BFLOAT16_BITS).all())
    if dtype not in TYPES:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool((numbers.astype(TYPES[dtype]).astype(np.float64) == numbers).all())


def folded(result: Floats | None) -> Floats:
    """Return what was computed of constants, or refuse what was rounded on the way."""
    if result is None or not np.isfinite(result).all():
        raise UnsupportedOperatorError(
            "it computes with parameters only, and rounds; export folded weights"
        )
    return result


def parameter_of(arguments: Arguments, name: str) -> Floats:
    """Return an argument that must be a parameter."""
    value = arguments.get(name)
    if not isinstance(value, np.ndarray):
        raise UnsupportedOperatorError(f"its {name} must be a parameter")
    return value


def optional_of(arguments: Arguments, name: str) -> Floats | None:
    """Return an argument that must be a parameter or left out."""
    return None if arguments.get(name) is None else parameter_of(arguments, name)


def number_of(value: Any) -> Floats:
    """Return a parameter or a number of the program as an array; true counts as 1."""
    array = np.asarray(value)
    return exact_floats(array.astype(np.int8) if array.dtype.kind == "b" else array, "its constant")


def part_of(value: Any) -> Signal | Floats:
    """Return a signal as it is, and any constant as an array."""
    if isinstance(value, Switch):
        return signal_of({"self": value})  # which refuses
    return value if isinstance(value, Signal) else number_of(value)


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
