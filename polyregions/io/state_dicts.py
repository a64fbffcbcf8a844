"""Layers of a state dict: what its names say, and the activations between them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import lowering, signals
from polyregions.io.comparisons import clip
from polyregions.io.exact_floats import Floats
from polyregions.io.lowering import bend
from polyregions.io.signals import Signal
from polyregions.network import Network

__all__ = ["Activation", "after_layers", "is_parameter", "network_of_state", "parse_activations"]

_SLOPE = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
_MAX_TEXT = 100_000

_PARAMETER = re.compile(r"(?P<prefix>.*?)(?P<index>\d{1,6})\.(?P<kind>weight|bias)\Z", re.ASCII)
_INSTEAD = "save the module itself, or export it to .pt2 or ONNX"


def _limited_to(low: float, high: float) -> Callable[[Signal], Signal]:
    return lambda signal: clip(signal, np.array(low), np.array(high))


# name: the numbers that belong to it, and what they make of a signal
_KNOWN: dict[str, tuple[tuple[str, ...], Callable[..., Callable[[Signal], Signal]]]] = {
    "abs": ((), lambda: lambda signal: bend(signal, -1.0, 1.0)),
    "hardtanh": (("LOW", "HIGH"), _limited_to),
    "leaky_relu": (("SLOPE",), lambda slope: lambda signal: bend(signal, slope, 1.0)),
    "none": ((), lambda: lambda signal: signal),
    "relu": ((), lambda: lambda signal: bend(signal, 0.0, 1.0)),
    "relu6": ((), lambda: _limited_to(0.0, 6.0)),
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
    if {len(numbers), len(values)} != {len(wanted)} or not all(map(math.isfinite, values)):
        raise NetworkError(
            f"the activation {text[:40]!r} does not have the form {':'.join((name, *wanted))}"
            + (", with numbers for the words in capitals" if wanted else "; write the name alone")
        )
    return Activation(name, values)


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


def is_parameter(key: object) -> bool:
    """Whether a key names the weight or the bias of a numbered layer."""
    return isinstance(key, str) and _PARAMETER.match(key) is not None


def network_of_state(
    state: Mapping[str, Floats | None], activation: str | None, name: str
) -> Network:
    """Return the network of Linear layers with the given weights and activations.

    Parameters
    ----------
    state : mapping from str to numpy.ndarray
        ``0.weight``, ``0.bias``, ``2.weight``, ... or ``fc1.weight``, ... with any
        prefix that all share; None for what is no array of real numbers.
    activation : str, optional
        What stands after the layers, see :func:`parse_activations`. It is
        needed: without it this function only refuses, by name.
    name : str

    Raises
    ------
    FormatError
        If the names do not say the order of the layers, or no activation is given.
    UnsupportedOperatorError
        If a layer is not Linear.
    NetworkError
        If the activations do not fit the layers, or the parameters make no network.

    Notes
    -----
    A number that is missing between two layers is that of a module without
    parameters. One is the activation; all others are taken to pass their values on
    (as Dropout does), which ``Network.assumed`` says. Two layers of a Sequential
    whose numbers follow each other have nothing between them.
    """
    prefix, layers = _numbered_layers(state)
    indices = sorted(layers)
    if activation is None:
        places = ", ".join(map(str, indices))
        raise FormatError(
            f"it is a state dict, which does not say what stands between its layers {places}: say "
            f'it with activation="relu" (--activation relu; or leaky_relu:0.1, none, ...; or one '
            f"for each place, relu,none), or {_INSTEAD}"
        )
    units = after_layers(parse_activations(activation), len(indices))
    _check_numbers(prefix, indices, units)
    signal = None
    for index, unit in zip(indices, units, strict=True):
        weight, bias = layers[index]
        signal = signals.source((weight.shape[1],)) if signal is None else signal
        try:
            signal = lowering.linear_layer(signal, weight, bias)
        except NetworkError as error:
            raise NetworkError(f"layer {index}: {error}") from None
        signal = unit(signal)
    assert signal is not None
    return signals.to_network(signal, name, assumed=_assumption(activation, indices))


def _numbered_layers(
    state: Mapping[str, Floats | None],
) -> tuple[str, dict[int, tuple[Floats, Floats | None]]]:
    """Return what all names begin with, and weight and bias of each layer by its number."""
    found: dict[int, dict[str, Floats]] = {}
    prefixes = set()
    for key, array in state.items():
        match = _PARAMETER.match(key)
        if match is None or array is None:
            raise FormatError(
                f"the entry {key[:80]!r} is not the weight or bias of a numbered layer such as "
                f"'0.weight', so a state dict does not say what it is for; {_INSTEAD}"
            )
        prefixes.add(match["prefix"])
        found.setdefault(int(match["index"]), {})[match["kind"]] = array
    if len(prefixes) != 1:
        names = ", ".join(repr(prefix[:40]) for prefix in sorted(prefixes)[:5]) or "none"
        raise FormatError(
            f"its entries are not those of one Sequential (their names begin with {names}), so "
            f"the order of the layers is unknown; {_INSTEAD}"
        )
    for index, parameters in found.items():
        weight = parameters.get("weight")
        if weight is None or weight.ndim != 2:
            raise UnsupportedOperatorError(
                f"layer {index} is not Linear, and a state dict does not say how anything else "
                f"computes (strides, padding, epsilon, ...); {_INSTEAD}"
            )
    layers = {index: (parts["weight"], parts.get("bias")) for index, parts in found.items()}
    return prefixes.pop(), layers


def _check_numbers(prefix: str, indices: list[int], units: tuple[Activation, ...]) -> None:
    """Refuse activations between layers whose numbers leave no place for one."""
    steps = {above - below for below, above in pairwise(indices)}
    if prefix and steps == {1}:
        # a list of layers or attributes (fc1, fc2, ...): the code says what is between them
        return
    for (below, above), unit in zip(pairwise(indices), units, strict=False):
        if above == below + 1 and unit.name != "none":
            raise NetworkError(
                f"layers {below} and {above} have no number between them for {unit}; "
                f"give one activation for each place, with none there, or {_INSTEAD}"
            )


def _assumption(activation: str, indices: list[int]) -> str:
    """Return what the file does not say, in words."""
    text = f"activation {activation} (told, the file does not name it)"
    steps = [above - below for below, above in pairwise(indices)]
    if max(steps, default=1) > 2:
        kept = sum(step - 2 for step in steps if step > 2)
        text += f"; {kept} more modules between the layers pass their values on"
    return text
