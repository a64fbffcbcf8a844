"""ATen operators with windows, and those that pick or repeat values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import lowering, rearranging, windows
from polyregions.io.exact_floats import MAX_ENTRIES, Floats
from polyregions.io.lowering import MAX_VALUES, Shape, Signal
from polyregions.io.torch_values import (
    Arguments,
    TorchLowering,
    TorchValue,
    moved_of,
    number_of,
    optional_of,
    parameter_of,
    signal_of,
)

__all__ = ["PICKS", "TORCH_WINDOWS"]


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
        sliding = windows.Sliding(strides, pads, dilations, int(arguments.get("groups", 1)))
        result = windows.convolve(signal, weight, bias, sliding)
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
        sliding = windows.Sliding(strides, pads, dilations, int(arguments.get("groups", 1)))
        result = windows.convolve_transposed(signal, weight, bias, sliding, extra)
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


def _tiled(arguments: Arguments) -> TorchValue:
    value = moved_of(arguments)
    repeats = [int(count) for count in arguments.get("repeats", arguments.get("dims"))]
    _require_room(value, repeats)
    return rearranging.rearranged(value, lambda array: np.tile(array, repeats))


def _repeated(arguments: Arguments) -> TorchValue:
    value, count = moved_of(arguments), int(arguments["repeats"])
    _require_room(value, [count])
    axis = arguments.get("dim")
    return rearranging.rearranged(value, lambda array: np.repeat(array, count, axis=axis))


def _require_room(value: Signal | Floats, repeats: Sequence[int]) -> None:
    if min(repeats, default=1) < 1 or math.prod(value.shape) * math.prod(repeats) > MAX_VALUES:
        raise FormatError(f"repeating shape {value.shape} {tuple(repeats)} times is too large")


def _flipped(arguments: Arguments) -> TorchValue:
    axes = tuple(int(axis) for axis in arguments["dims"])
    return rearranging.rearranged(moved_of(arguments), lambda array: np.flip(array, axes))


def _rolled(arguments: Arguments) -> TorchValue:
    shifts = [int(shift) for shift in arguments["shifts"]]
    axes = [int(axis) for axis in arguments.get("dims", [])]
    return rearranging.rearranged(
        moved_of(arguments),
        lambda array: np.roll(array, shifts, axes) if axes else np.roll(array, shifts[0]),
    )


def _picked(arguments: Arguments) -> TorchValue:
    """Index by constants, one for each axis or none."""
    value = moved_of(arguments)
    where: list[Any] = []
    for index in arguments["indices"]:
        if index is None:
            where.append(slice(None))
        elif not isinstance(index, np.ndarray):
            raise UnsupportedOperatorError("it picks what depends on the input")
        else:
            where.append(index if index.dtype.kind == "b" else index.astype(np.intp))
    sizes = [index.size for index in where if not isinstance(index, slice)]
    if math.prod(value.shape) * max(sizes, default=1) > MAX_ENTRIES:
        raise FormatError("it picks too many values")
    return rearranging.rearranged(value, lambda array: array[tuple(where)])


def _with_axes_apart(value: Signal | Floats, shape: Sequence[int]) -> Signal | Floats:
    return rearranging.reshaped(value, rearranging.resolved(value.shape, shape))


def _shuffled(arguments: Arguments) -> TorchValue:
    """Move blocks of channels into the plane, factor by factor."""
    value, factor = moved_of(arguments), int(arguments["upscale_factor"])
    *batch, channels, height, width = value.shape
    inner = (channels // max(1, factor) ** 2, factor, factor, height, width)
    lead = len(batch)
    order = [*range(lead), *(lead + axis for axis in (0, 3, 1, 4, 2))]
    apart = _with_axes_apart(value, (*batch, *inner))
    turned = rearranging.rearranged(apart, lambda array: np.transpose(array, order))
    return rearranging.reshaped(turned, (*batch, inner[0], height * factor, width * factor))


def _unshuffled(arguments: Arguments) -> TorchValue:
    """Move the places of small squares into channels, the inverse of :func:`_shuffled`."""
    value, factor = moved_of(arguments), int(arguments["downscale_factor"])
    *batch, channels, height, width = value.shape
    rows, columns = height // max(1, factor), width // max(1, factor)
    lead = len(batch)
    order = [*range(lead), *(lead + axis for axis in (0, 2, 4, 1, 3))]
    apart = _with_axes_apart(value, (*batch, channels, rows, factor, columns, factor))
    turned = rearranging.rearranged(apart, lambda array: np.transpose(array, order))
    return rearranging.reshaped(turned, (*batch, channels * factor**2, rows, columns))


def _enlarged(spatial: int, *, centred: bool) -> TorchLowering:
    """Repeat the nearest value; the indices are those of torch's own float32 arithmetic."""

    def lower(arguments: Arguments) -> TorchValue:
        value = moved_of(arguments, "input" if "input" in arguments else "self")
        shape = value.shape[-spatial:]
        factors = arguments.get("scale_factors") or [None] * spatial
        sizes = arguments.get("output_size") or [
            math.floor(extent * float(factor or 1))
            for extent, factor in zip(shape, factors, strict=True)
        ]
        sizes = [int(size) for size in sizes]
        _require_room(
            value, [-(-size // extent) for size, extent in zip(sizes, shape, strict=True)]
        )
        for axis, (size, factor) in enumerate(zip(sizes, factors, strict=True), -spatial):
            index = _nearest_places(shape[axis], size, factor, centred=centred)
            value = rearranging.part_along(value, axis, index)
        return value

    return lower


def _nearest_places(
    extent: int, size: int, factor: float | None, *, centred: bool
) -> NDArray[np.intp]:
    """Return which of `extent` values is nearest to each of `size` places, or their centres."""
    if size in (extent, 2 * extent) and not centred:
        return np.arange(size) // (size // extent)
    scale = np.float32(1.0 / factor if factor else extent / size)
    places = np.arange(size, dtype=np.float32) + np.float32(0.5 if centred else 0.0)
    index = np.floor(places * scale)
    nearest: NDArray[np.intp] = np.minimum(index, extent - 1).astype(np.intp)
    return nearest


PICKS: dict[str, TorchLowering] = {
    "flip.default": _flipped,
    "index.Tensor": _picked,
    "pixel_shuffle.default": _shuffled,
    "pixel_unshuffle.default": _unshuffled,
    "repeat.default": _tiled,
    "repeat_interleave.self_int": _repeated,
    "roll.default": _rolled,
    "tile.default": _tiled,
    **{
        f"{name}{k}d.{overload}": _enlarged(k, centred="exact" in name)
        for name in ("_upsample_nearest_exact", "upsample_nearest")
        for k in (1, 2, 3)
        for overload in ("default", "vec")
    },
}
