"""ATen operators with windows: convolutions and pooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from polyregions.errors import NetworkError, UnsupportedOperatorError
from polyregions.io import signals, values, windows
from polyregions.io.exact_floats import Floats
from polyregions.io.signals import Shape, Signal
from polyregions.io.values import Operand

__all__ = ["TORCH_WINDOWS"]


def _on_planes(operand: Operand, spatial: int, operation: Callable[[Signal], Signal]) -> Signal:
    """Return what an operation on (batch, channels, spatial...) makes, without batch if need be."""
    signal = values.signal_of(operand)
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
    filters = values.floats_of(weight, "its weight")
    if filters.ndim != spatial + 2:
        raise NetworkError(f"filters of shape {filters.shape} do not have {spatial} spatial axes")
    return filters, None if bias is None else values.floats_of(bias, "its bias")


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
        extents, out = values.signal_of(self).shape[-spatial:], _per_axis(output_size, spatial)
        if min(out) < 1 or any(extent % size for extent, size in zip(extents, out, strict=True)):
            raise UnsupportedOperatorError(
                f"it makes windows of different sizes: {extents} to {out}"
            )
        kernel = [extent // size for extent, size in zip(extents, out, strict=True)]
        return _aten_pool(spatial, largest=largest)(self, kernel)

    return pooled


_RANKS = (1, 2, 3)

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
}
