"""ATen operators that slide windows: convolution, pooling, padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import lowering, rearranging, windows
from polyregions.io.lowering import Shape, Signal
from polyregions.io.torch_values import (
    Arguments,
    TorchLowering,
    TorchValue,
    number_of,
    optional_of,
    parameter_of,
    signal_of,
)

__all__ = ["TORCH_WINDOWS"]


def _with_batch(signal: Signal, spatial: int) -> tuple[Signal, bool]:
    """Return a signal with a batch axis, and whether it had none."""
    if len(signal.shape) == spatial + 1:
        return lowering.reshape(signal, (1, *signal.shape)), True
    if len(signal.shape) != spatial + 2:
        raise NetworkError(f"shape {signal.shape} is not (batch, channels, {spatial} axes)")
    return signal, False


def _per_axis(value: Any, rank: int) -> Shape:
    numbers = tuple(int(entry) for entry in np.atleast_1d(value))
    return numbers * rank if len(numbers) == 1 else numbers


def _torch_convolution(spatial: int) -> TorchLowering:
    def lower(arguments: Arguments) -> TorchValue:
        weight, bias = parameter_of(arguments, "weight"), optional_of(arguments, "bias")
        signal, bare = _with_batch(signal_of(arguments, "input"), spatial)
        if weight.ndim != spatial + 2:
            raise NetworkError(f"filters of shape {weight.shape} do not fit {signal.shape}")
        strides, dilations = (
            _per_axis(arguments.get(name, 1), spatial) for name in ("stride", "dilation")
        )
        padding = arguments.get("padding", 0)
        if padding == "same":
            pads = windows.same_padding(signal.shape[2:], weight.shape[2:], strides, dilations)
        elif isinstance(padding, str) and padding != "valid":
            raise UnsupportedOperatorError(f"the padding {padding[:40]!r} is not supported")
        else:
            sizes = _per_axis(0 if padding == "valid" else padding, spatial)
            pads = tuple((size, size) for size in sizes)
        groups = int(arguments.get("groups", 1))
        result = windows.convolve(signal, weight, bias, strides, pads, dilations, groups)
        return lowering.reshape(result, result.shape[1:]) if bare else result

    return lower


def _torch_transposed(spatial: int) -> TorchLowering:
    def lower(arguments: Arguments) -> TorchValue:
        weight, bias = parameter_of(arguments, "weight"), optional_of(arguments, "bias")
        signal, bare = _with_batch(signal_of(arguments, "input"), spatial)
        strides, padding, extra, dilations = (
            _per_axis(arguments.get(name, default), spatial)
            for name, default in (
                ("stride", 1),
                ("padding", 0),
                ("output_padding", 0),
                ("dilation", 1),
            )
        )
        pads = tuple((size, size) for size in padding)
        groups = int(arguments.get("groups", 1))
        result = windows.convolve_transposed(
            signal, weight, bias, strides, pads, dilations, groups, extra
        )
        return lowering.reshape(result, result.shape[1:]) if bare else result

    return lower


def _pool(spatial: int, *, largest: bool) -> TorchLowering:
    def lower(arguments: Arguments) -> TorchValue:
        signal, bare = _with_batch(signal_of(arguments), spatial)
        kernel = _per_axis(arguments["kernel_size"], spatial)
        strides = _per_axis(arguments.get("stride") or kernel, spatial)
        dilations = _per_axis(arguments.get("dilation", 1), spatial)
        pads = tuple((size, size) for size in _per_axis(arguments.get("padding", 0), spatial))
        if arguments.get("divisor_override") is not None:
            raise UnsupportedOperatorError("divisor_override is not supported")
        geometry = (signal.shape[2:], kernel, strides, pads, dilations)
        over = bool(arguments.get("ceil_mode", False))
        seen = (windows.windows_with_ceil if over else windows.windows)(*geometry)
        if largest:
            result = windows.max_pool(signal, seen)
        else:
            count = bool(arguments.get("count_include_pad", True))
            result = windows.average_pool(signal, seen, count_padding=count)
        return lowering.reshape(result, result.shape[1:]) if bare else result

    return lower


def _adaptive(spatial: int, *, largest: bool) -> TorchLowering:
    """Adaptive pooling where the extents are multiples of the result's."""

    def lower(arguments: Arguments) -> TorchValue:
        signal = signal_of(arguments)
        extents = signal.shape[-spatial:]
        out = _per_axis(arguments["output_size"], spatial)
        if min(out) < 1 or any(extent % size for extent, size in zip(extents, out, strict=True)):
            raise UnsupportedOperatorError(
                f"it makes windows of different sizes: {extents} to {out}"
            )
        kernel = [extent // size for extent, size in zip(extents, out, strict=True)]
        return _pool(spatial, largest=largest)({"self": signal, "kernel_size": kernel})  # type: ignore[return-value]

    return lower


def _torch_pad(arguments: Arguments) -> TorchValue:
    signal = signal_of(arguments)
    flat = [int(entry) for entry in arguments["pad"]]
    if len(flat) % 2 or len(flat) > 2 * len(signal.shape):
        raise FormatError(f"pads {flat} do not fit {signal.shape}")
    # torch starts with the last axis
    pairs = list(zip(flat[::2], flat[1::2], strict=True))[::-1]
    pads = [(0, 0)] * (len(signal.shape) - len(pairs)) + pairs
    mode = arguments.get("mode", "constant")
    if mode == "constant":
        return rearranging.padded(signal, pads, float(number_of(arguments.get("value") or 0.0)))
    if mode not in _PAD_MODES or min(map(min, pads)) < 0:
        raise UnsupportedOperatorError(f"padding in the mode {mode[:40]!r} is not supported")
    lowering.moderate_shape(tuple(n + sum(pad) for n, pad in zip(signal.shape, pads, strict=True)))
    return rearranging.rearranged(signal, lambda array: np.pad(array, pads, _PAD_MODES[mode]))


# numpy's names of torch's ways to repeat values beyond the border
_PAD_MODES: dict[str, Any] = {"circular": "wrap", "reflect": "reflect", "replicate": "edge"}


_RANKS = (1, 2, 3)

TORCH_WINDOWS: dict[str, TorchLowering] = {
    **{f"adaptive_avg_pool{k}d.default": _adaptive(k, largest=False) for k in _RANKS},
    **{f"adaptive_max_pool{k}d.default": _adaptive(k, largest=True) for k in _RANKS},
    **{f"avg_pool{k}d.default": _pool(k, largest=False) for k in _RANKS},
    **{f"conv{k}d.default": _torch_convolution(k) for k in _RANKS},
    **{f"conv{k}d.padding": _torch_convolution(k) for k in _RANKS},
    "conv_transpose1d.default": _torch_transposed(1),
    "conv_transpose2d.input": _torch_transposed(2),
    "conv_transpose3d.input": _torch_transposed(3),
    "constant_pad_nd.default": _torch_pad,
    **{f"max_pool{k}d.default": _pool(k, largest=True) for k in _RANKS},
    **{f"max_pool{k}d_with_indices.default": _pool(k, largest=True) for k in _RANKS},
    "pad.default": _torch_pad,
}
