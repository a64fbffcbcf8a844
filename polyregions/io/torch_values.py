"""What the functions that lower ATen operators share: arguments and their kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from polyregions.errors import FormatError, UnsupportedOperatorError
from polyregions.io.exact_floats import Floats, exact_floats
from polyregions.io.lowering import Signal
from polyregions.io.switches import Switch

__all__ = [
    "Arguments",
    "Lower",
    "Value",
    "folded",
    "is_constant",
    "moved_of",
    "number_of",
    "optional_of",
    "parameter_of",
    "part_of",
    "signal_of",
]

Value = Signal | Switch | Floats | int
Arguments = Mapping[str, Any]
Lower = Callable[[Arguments], Value | tuple[Value, ...]]


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
