"""ATen operators that slide windows: convolution, pooling, padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import lowering, rearranging, windows
from polyregions.io.lowering import Shape, Signal
from polyregions.io.torch_values import (
    Arguments,
    Lower,
    Value,
    optional_of,
    parameter_of,
    signal_of,
)

__all__ = ["WINDOWS"]


def _with_batch(signal: Signal, spatial: int) -> tuple[Signal, bool]:
    """Return a signal with a batch axis, and whether it had none."""
    if len(signal.shape) == spatial + 1:
        return lowering.reshape(signal, (1, *signal.shape)), True
    if len(signal.shape) != spatial + 2:
        raise NetworkError(f"shape {signal.shape} is not (batch, channels, {spatial} axes)")
    return signal, False


def _numbers(value: Any, rank: int) -> Shape:
    numbers = tuple(int(entry) for entry in np.atleast_1d(value))
    return numbers * rank if len(numbers) == 1 else numbers


def _convolution(spatial: int) -> Lower:
    def lower(arguments: Arguments) -> Value:
        weight, bias = parameter_of(arguments, "weight"), optional_of(arguments, "bias")
        signal, bare = _with_batch(signal_of(arguments, "input"), spatial)
        if weight.ndim != spatial + 2:
            raise NetworkError(f"filters of shape {weight.shape} do not fit {signal.shape}")
        strides, dilations = (
            _numbers(arguments.get(name, 1), spatial) for name in ("stride", "dilation")
        )
        padding = arguments.get("padding", 0)
        if padding == "same":
            pads = windows.same_padding(signal.shape[2:], weight.shape[2:], strides, dilations)
        elif isinstance(padding, str) and padding != "valid":
            raise UnsupportedOperatorError(f"the padding {padding[:40]!r} is not supported")
        else:
            sizes = _numbers(0 if padding == "valid" else padding, spatial)
            pads = tuple((size, size) for size in sizes)
        groups = int(arguments.get("groups", 1))
        result = windows.convolve(signal, weight, bias, strides, pads, dilations, groups)
        return lowering.reshape(result, result.shape[1:]) if bare else result

    return lower


def _pool(spatial: int, *, largest: bool) -> Lower:
    def lower(arguments: Arguments) -> Value:
        signal, bare = _with_batch(signal_of(arguments), spatial)
        kernel = _numbers(arguments["kernel_size"], spatial)
        strides = _numbers(arguments.get("stride") or kernel, spatial)
        dilations = _numbers(arguments.get("dilation", 1), spatial)
        pads = tuple((size, size) for size in _numbers(arguments.get("padding", 0), spatial))
        if arguments.get("ceil_mode", False):
            raise UnsupportedOperatorError("ceil_mode is not supported; pad instead")
        if arguments.get("divisor_override") is not None:
            raise UnsupportedOperatorError("divisor_override is not supported")
        seen = windows.windows(signal.shape[2:], kernel, strides, pads, dilations)
        if largest:
            result = windows.max_pool(signal, seen)
        else:
            count = bool(arguments.get("count_include_pad", True))
            result = windows.average_pool(signal, seen, count_padding=count)
        return lowering.reshape(result, result.shape[1:]) if bare else result

    return lower


def _adaptive(spatial: int, *, largest: bool) -> Lower:
    """Adaptive pooling where the extents are multiples of the result's."""

    def lower(arguments: Arguments) -> Value:
        signal = signal_of(arguments)
        extents = signal.shape[-spatial:]
        out = _numbers(arguments["output_size"], spatial)
        if min(out) < 1 or any(extent % size for extent, size in zip(extents, out, strict=True)):
            raise UnsupportedOperatorError(
                f"it makes windows of different sizes: {extents} to {out}"
            )
        kernel = [extent // size for extent, size in zip(extents, out, strict=True)]
        return _pool(spatial, largest=largest)({"self": signal, "kernel_size": kernel})  # type: ignore[return-value]

    return lower


def _pad(arguments: Arguments) -> Value:
    signal = signal_of(arguments)
    if arguments.get("mode", "constant") != "constant":
        raise UnsupportedOperatorError("only padding with a constant is supported")
    flat = [int(entry) for entry in arguments["pad"]]
    if len(flat) % 2 or len(flat) > 2 * len(signal.shape):
        raise FormatError(f"pads {flat} do not fit {signal.shape}")
    # torch starts with the last axis
    pairs = list(zip(flat[::2], flat[1::2], strict=True))[::-1]
    pads = [(0, 0)] * (len(signal.shape) - len(pairs)) + pairs
    return rearranging.padded(signal, pads, float(arguments.get("value") or 0.0))


WINDOWS: dict[str, Lower] = {
    "adaptive_avg_pool1d.default": _adaptive(1, largest=False),
    "adaptive_avg_pool2d.default": _adaptive(2, largest=False),
    "avg_pool1d.default": _pool(1, largest=False),
    "avg_pool2d.default": _pool(2, largest=False),
    "conv1d.default": _convolution(1),
    "conv1d.padding": _convolution(1),
    "conv2d.default": _convolution(2),
    "conv2d.padding": _convolution(2),
    "max_pool1d.default": _pool(1, largest=True),
    "max_pool2d.default": _pool(2, largest=True),
    "pad.default": _pad,
}
