"""What the functions that lower ATen operators share: arguments and their kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from polyregions.errors import FormatError, UnsupportedOperatorError
from polyregions.io.exact_floats import Floats, exact_floats, significant_bits
from polyregions.io.lowering import Signal
from polyregions.io.switches import Switch

__all__ = [
    "BFLOAT16",
    "FLOAT32",
    "REAL_TYPES",
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
