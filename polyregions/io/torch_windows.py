"""ATen operators on pixels: convolutions, pooling, padding, resizing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import algebra, rearranging, signals, windows
from polyregions.io.algebra import Operand, Value
from polyregions.io.exact_floats import Floats
from polyregions.io.signals import Shape, Signal

__all__ = ["TORCH_WINDOWS"]

# numpy's names of torch's ways to repeat values beyond the border
_PAD_MODES: dict[str, Any] = {"circular": "wrap", "reflect": "reflect", "replicate": "edge"}

_RANKS = (1, 2, 3)


def _on_planes(operand: Operand, spatial: int, operation: Callable[[Signal], Signal]) -> Signal:
    """Return what an operation on (batch, channels, spatial...) makes, without batch if need be."""
    signal = algebra.signal_of(operand)
    if len(signal.shape) == spatial + 1:
        result = operation(signals.reshape(signal, (1, *signal.shape)))
        return signals.reshape(result, result.shape[1:])
    if len(signal.shape) != spatial + 2:
        raise NetworkError(f"shape {signal.shape} is not (batch, channels, {spatial} axes)")
    return operation(signal)


def _per_axis(value: Any, rank: int) -> Shape:
    numbers = tuple(int(entry) for entry in np.atleast_1d(value))
    return numbers * rank if len(numbers) == 1 else numbers


def _aten_sliding(spatial: int, stride: Any, padding: Any, dilation: Any, groups: int = 1) -> Any:
    strides, sizes, spacing = (_per_axis(n, spatial) for n in (stride, padding, dilation))
    return windows.Sliding(strides, tuple((size, size) for size in sizes), spacing, groups)


def _filters(weight: Any, bias: Any, spatial: int) -> tuple[Floats, Floats | None]:
    filters = algebra.numbers_of(weight, "its weight")
    if filters.ndim != spatial + 2:
        raise NetworkError(f"filters of shape {filters.shape} do not have {spatial} spatial axes")
    return filters, None if bias is None else algebra.numbers_of(bias, "its bias")


def _aten_convolution(spatial: int) -> Callable[..., Signal]:
    def convolved(
        input: Operand,
        weight: Any = None,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Signal:
        filters, shift = _filters(weight, bias, spatial)
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise UnsupportedOperatorError(f"the padding {padding[:40]!r} is not supported")
        sizes = 0 if isinstance(padding, str) else padding
        sliding = _aten_sliding(spatial, stride, sizes, dilation, groups)

        def result(signal: Signal) -> Signal:
            pads = sliding.pads
            if padding == "same":
                kernel = filters.shape[2:]
                pads = windows.same_padding(
                    signal.shape[2:], kernel, sliding.strides, sliding.dilations
                )
            return windows.convolve(signal, filters, shift, sliding._replace(pads=pads))

        return _on_planes(input, spatial, result)

    return convolved


def _transposed(spatial: int) -> Callable[..., Signal]:
    def spread(
        input: Operand,
        weight: Any = None,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Signal:
        filters, shift = _filters(weight, bias, spatial)
        sliding = _aten_sliding(spatial, stride, padding, dilation, groups)
        extra = _per_axis(output_padding, spatial)
        return _on_planes(
            input,
            spatial,
            lambda signal: windows.convolve_transposed(signal, filters, shift, sliding, extra),
        )

    return spread


def _aten_pool(spatial: int, *, largest: bool) -> Callable[..., Signal]:
    def pooled(
        self: Operand,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Signal:
        if divisor_override is not None:
            raise UnsupportedOperatorError("divisor_override is not supported")
        kernel = _per_axis(kernel_size, spatial)
        sliding = _aten_sliding(spatial, stride or kernel, padding, dilation)
        placed = windows.windows_with_ceil if ceil_mode else windows.windows

        def result(signal: Signal) -> Signal:
            seen = placed(signal.shape[2:], kernel, sliding)
            if largest:
                return windows.max_pool(signal, seen)
            return windows.average_pool(signal, seen, count_padding=count_include_pad)

        return _on_planes(self, spatial, result)

    return pooled


def _adaptive(spatial: int, *, largest: bool) -> Callable[..., Signal]:
    """Adaptive pooling where the extents are multiples of the result's."""

    def pooled(self: Operand, output_size: Any) -> Signal:
        extents, out = algebra.signal_of(self).shape[-spatial:], _per_axis(output_size, spatial)
        if min(out) < 1 or any(extent % size for extent, size in zip(extents, out, strict=True)):
            raise UnsupportedOperatorError(
                f"it makes windows of different sizes: {extents} to {out}"
            )
        kernel = [extent // size for extent, size in zip(extents, out, strict=True)]
        return _aten_pool(spatial, largest=largest)(self, kernel)

    return pooled


def _aten_pad(
    self: Operand, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Value:
    given, flat = algebra.value_of(self), [int(entry) for entry in pad]
    if len(flat) % 2 or len(flat) > 2 * len(given.shape):
        raise FormatError(f"pads {flat} do not fit {given.shape}")
    # torch starts with the last axis
    pairs = list(zip(flat[::2], flat[1::2], strict=True))[::-1]
    pads = [(0, 0)] * (len(given.shape) - len(pairs)) + pairs
    if mode == "constant":
        return rearranging.padded(given, pads, float(algebra.numbers_of(value or 0.0, "its value")))
    if mode not in _PAD_MODES or min(map(min, pads)) < 0:
        raise UnsupportedOperatorError(f"padding in the mode {mode[:40]!r} is not supported")
    signals.moderate_shape(tuple(n + sum(two) for n, two in zip(given.shape, pads, strict=True)))
    return rearranging.rearranged(given, lambda array: np.pad(array, pads, _PAD_MODES[mode]))


def _enlarging(spatial: int, *, centred: bool) -> Callable[..., Value]:
    """Repeat the nearest value; the indices are those of torch's own float32 arithmetic."""

    def enlarged(
        self: Operand | None = None,
        input: Operand | None = None,
        output_size: Sequence[int] | None = None,
        scale_factors: Sequence[float] | None = None,
    ) -> Value:
        value = algebra.value_of(input if self is None else self)
        extents = value.shape[-spatial:]
        factors: Sequence[float | None] = scale_factors or [None] * spatial
        sizes = output_size or [
            math.floor(extent * float(factor or 1))
            for extent, factor in zip(extents, factors, strict=True)
        ]
        often = [-(-int(size) // extent) for size, extent in zip(sizes, extents, strict=True)]
        rearranging.require_room(value, often)
        for axis, (size, factor) in enumerate(zip(sizes, factors, strict=True), -spatial):
            index = _nearest_places(extents[axis], int(size), factor, centred=centred)
            value = rearranging.part_along(value, axis, index)
        return value

    return enlarged


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


TORCH_WINDOWS: dict[str, Callable[..., Any]] = {
    **{f"adaptive_avg_pool{k}d.default": _adaptive(k, largest=False) for k in _RANKS},
    **{f"adaptive_max_pool{k}d.default": _adaptive(k, largest=True) for k in _RANKS},
    **{f"avg_pool{k}d.default": _aten_pool(k, largest=False) for k in _RANKS},
    **{f"conv{k}d.default": _aten_convolution(k) for k in _RANKS},
    **{f"conv{k}d.padding": _aten_convolution(k) for k in _RANKS},
    "conv_transpose1d.default": _transposed(1),
    "conv_transpose2d.input": _transposed(2),
    "conv_transpose3d.input": _transposed(3),
    **{f"max_pool{k}d.default": _aten_pool(k, largest=True) for k in _RANKS},
    **{f"max_pool{k}d_with_indices.default": _aten_pool(k, largest=True) for k in _RANKS},
    "constant_pad_nd.default": _aten_pad,
    "pad.default": _aten_pad,
    "pixel_shuffle.default": lambda self, upscale_factor: rearranging.depth_to_space(
        algebra.value_of(self), upscale_factor, block_first=False
    ),
    "pixel_unshuffle.default": lambda self, downscale_factor: rearranging.space_to_depth(
        algebra.value_of(self), downscale_factor, block_first=False
    ),
    **{
        f"{name}{k}d.{overload}": _enlarging(k, centred="exact" in name)
        for name in ("_upsample_nearest_exact", "upsample_nearest")
        for k in _RANKS
        for overload in ("default", "vec")
    },
}
