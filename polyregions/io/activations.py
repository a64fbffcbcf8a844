"""What a caller says about the units of a file that does not name them.

A state dict holds weights and nothing about what stands between them, so it is read
only with an *activation*: ``relu``, ``leaky_relu:0.1``, ``abs``, ``relu6``,
``hardtanh:-1:1`` or ``none``. One stands after every layer but the last; several,
separated by commas, stand after the layers in their order.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from polyregions.errors import NetworkError
from polyregions.io.extremes import clip
from polyregions.io.lowering import Signal, bend

__all__ = ["Activation", "after_layers", "parse_activations"]

_SLOPE = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
_MAX_TEXT = 100_000


def _clipped(low: float, high: float) -> Callable[[Signal], Signal]:
    return lambda signal: clip(signal, np.array(low), np.array(high))


# name: the numbers that belong to it, and what they make of a signal
_KNOWN: dict[str, tuple[tuple[str, ...], Callable[..., Callable[[Signal], Signal]]]] = {
    "abs": ((), lambda: lambda signal: bend(signal, -1.0, 1.0)),
    "hardtanh": (("LOW", "HIGH"), _clipped),
    "leaky_relu": (("SLOPE",), lambda slope: lambda signal: bend(signal, slope, 1.0)),
    "none": ((), lambda: lambda signal: signal),
    "relu": ((), lambda: lambda signal: bend(signal, 0.0, 1.0)),
    "relu6": ((), lambda: _clipped(0.0, 6.0)),
}
_GRAMMAR = ", ".join(":".join((name, *numbers)) for name, (numbers, _) in _KNOWN.items())


@dataclass(frozen=True)
class Activation:
    """A function of one number with its parameters, such as ``leaky_relu:0.1``."""

    name: str
    numbers: tuple[float, ...] = ()

    def __str__(self) -> str:
        return ":".join((self.name, *(f"{number!r}" for number in self.numbers)))

    def __call__(self, signal: Signal) -> Signal:
        """Return the function of each entry of a signal."""
        return _KNOWN[self.name][1](*self.numbers)(signal)


def parse_activations(text: str) -> tuple[Activation, ...]:
    """Read one activation or several with commas between them.

    Raises
    ------
    NetworkError
        If a name is not known or its numbers are not those that it needs.

    Examples
    --------
    >>> [str(one) for one in parse_activations("relu,leaky_relu:.1")]
    ['relu', 'leaky_relu:0.1']
    """
    if not isinstance(text, str) or len(text) > _MAX_TEXT:
        raise NetworkError(f"an activation is a text such as 'relu', not {type(text).__name__}")
    return tuple(_parsed(part.strip()) for part in text.split(","))


def _parsed(text: str) -> Activation:
    name, *numbers = text.split(":")
    if name not in _KNOWN:
        raise NetworkError(
            f"the activation {text[:40]!r} is not known here; known are {_GRAMMAR}, and a network "
            f"with anything else has no exact piecewise-linear form"
        )
    wanted = _KNOWN[name][0]
    values = tuple(float(number) for number in numbers if _SLOPE.match(number))
    if len(numbers) != len(wanted) or len(values) != len(wanted) or not all(map(_finite, values)):
        raise NetworkError(
            f"the activation {text[:40]!r} does not have the form {':'.join((name, *wanted))}"
            + (", with numbers for the words in capitals" if wanted else "; write the name alone")
        )
    return Activation(name, values)


def _finite(number: float) -> bool:
    return math.isfinite(number)


def after_layers(activations: Sequence[Activation], count: int) -> tuple[Activation, ...]:
    """Return what stands after each of `count` layers.

    Parameters
    ----------
    activations : sequence of Activation
        One for all layers but the last; or one for each of them; or one for each layer.

    Raises
    ------
    NetworkError
        If there are as many activations as neither.
    """
    nothing = Activation("none")
    if len(activations) == 1:
        return (*[activations[0]] * (count - 1), nothing)
    if len(activations) == count - 1:
        return (*activations, nothing)
    if len(activations) == count:
        return tuple(activations)
    raise NetworkError(
        f"{len(activations)} activations do not fit {count} layers; give one for all, or "
        f"{count - 1} to stand between them"
    )
