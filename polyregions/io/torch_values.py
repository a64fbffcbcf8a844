"""What the functions that lower ATen operators share: arguments and their kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from polyregions.errors import UnsupportedOperatorError
from polyregions.io.exact_floats import Floats, exact_floats
from polyregions.io.lowering import Signal

__all__ = [
    "Arguments",
    "Lower",
    "Value",
    "number_of",
    "optional_of",
    "parameter_of",
    "part_of",
    "signal_of",
]

Value = Signal | Floats | int
Arguments = Mapping[str, Any]
Lower = Callable[[Arguments], Value | tuple[Value, ...]]


def signal_of(arguments: Arguments, name: str = "self") -> Signal:
    """Return an argument that must depend on the network's input."""
    value = arguments[name]
    if not isinstance(value, Signal):
        raise UnsupportedOperatorError("it computes with parameters only; export folded weights")
    return value


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
    """Return a parameter or a number of the program as an array."""
    return exact_floats(np.asarray(value), "its constant")


def part_of(value: Any) -> Signal | Floats:
    """Return a signal as it is, and anything else as an array."""
    return value if isinstance(value, Signal) else number_of(value)
