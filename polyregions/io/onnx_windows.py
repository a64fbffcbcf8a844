"""ONNX operators with windows: convolutions and pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypedDict, Unpack

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import algebra, windows
from polyregions.io.algebra import Operand
from polyregions.io.exact_floats import Floats
from polyregions.io.signals import Shape, Signal

__all__ = ["ONNX_WINDOWS"]

Pads = tuple[tuple[int, int], ...]
Numbers = Sequence[int] | None


def _planes(data: Operand) -> Signal:
    signal = algebra.signal_of(data)
    if not 3 <= len(signal.shape) <= 5:
        raise NetworkError(f"shape {signal.shape} is not (batch, channels, one to three axes)")
    return signal


class Window(TypedDict, total=False):
    """Attributes that operators with windows share."""

    auto_pad: str
    dilations: Sequence[int]
    kernel_shape: Sequence[int]
    pads: Sequence[int]
    strides: Sequence[int]


def _sliding(spatial: Shape, kernel: Shape, window: Window) -> windows.Sliding:
    """Return how windows of a kernel slide."""
    rank = len(spatial)
    ones, auto = [1] * rank, window.get("auto_pad", "NOTSET")
    steps, spacing = tuple(window.get("strides", ones)), tuple(window.get("dilations", ones))
    if len(kernel) != rank or len(steps) != rank or len(spacing) != rank:
        raise FormatError(f"its kernel, strides or dilations do not fit {spatial}")
    if min((*steps, *spacing, *kernel)) < 1:
        raise FormatError("a kernel, stride or dilation is not positive")
    flat = tuple(window.get("pads", [0] * 2 * rank))
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        at_the_end = auto == "SAME_UPPER"
        pairs = windows.same_padding(spatial, kernel, steps, spacing, at_the_end=at_the_end)
    elif auto == "VALID":
        pairs = ((0, 0),) * rank
    elif auto != "NOTSET":
        raise UnsupportedOperatorError(f"auto_pad = {auto[:40]!r} is not supported")
    elif len(flat) != 2 * rank:
        raise FormatError(f"pads {flat} do not fit {spatial}")
    else:
        pairs = tuple(zip(flat[:rank], flat[rank:], strict=True))
    return windows.Sliding(steps, pairs, spacing)


def _filtered(
    data: Operand, filters: Operand, bias: Operand | None, window: Window
) -> tuple[Signal, Floats, Floats | None]:
    """Return what a convolution reads: a signal, filters, and a bias."""
    weight = algebra.numbers_of(filters, "its filters")
    if tuple(window.get("kernel_shape", weight.shape[2:])) != weight.shape[2:]:
        raise FormatError(f"kernel_shape does not fit filters of shape {weight.shape}")
    return _planes(data), weight, None if bias is None else algebra.numbers_of(bias, "its bias")


def _conv(
    data: Operand,
    filters: Operand,
    bias: Operand | None = None,
    /,
    *,
    group: int = 1,
    **window: Unpack[Window],
) -> Signal:
    signal, weight, shift = _filtered(data, filters, bias, window)
    sliding = _sliding(signal.shape[2:], weight.shape[2:], window)
    return windows.convolve(signal, weight, shift, sliding._replace(groups=group))


def _conv_transpose(
    data: Operand,
    filters: Operand,
    bias: Operand | None = None,
    /,
    *,
    group: int = 1,
    output_padding: Numbers = None,
    output_shape: Numbers = None,
    **window: Unpack[Window],
) -> Signal:
    signal, weight, shift = _filtered(data, filters, bias, window)
    spatial, kernel = signal.shape[2:], weight.shape[2:]
    sliding, auto_pad = _sliding(spatial, kernel, window), window.get("auto_pad", "NOTSET")
    extra = tuple(output_padding or [0] * len(spatial))
    allowed = zip(extra, sliding.strides, sliding.dilations, strict=True)
    if not all(0 <= more < max(stride, dilation) for more, stride, dilation in allowed):
        raise FormatError(f"output_padding {extra} is not below strides {sliding.strides}")
    whole = windows.spread_shape(spatial, kernel, sliding, extra)
    target = output_shape
    if target is None and auto_pad.startswith("SAME"):
        target = tuple(e * stride for e, stride in zip(spatial, sliding.strides, strict=True))
        if any(size > extent for size, extent in zip(target, whole, strict=True)):
            raise UnsupportedOperatorError(
                f"a filter that is shorter than the stride leaves open whether auto_pad makes "
                f"{target} or {whole}; export it with output_shape"
            )
    if target is not None:
        sliding = sliding._replace(pads=_cut(whole, target, at_the_end=auto_pad == "SAME_UPPER"))
    return windows.convolve_transposed(signal, weight, shift, sliding._replace(groups=group), extra)


def _cut(whole: Shape, target: Sequence[int], *, at_the_end: bool) -> Pads:
    """Return what is cut off at both sides; what cannot be halved, at the end or the start.

    What is missing is added at the end, as a negative pad.
    """
    pads = []
    for extent, size in zip(whole, target, strict=True):
        if size > extent:
            pads.append((0, extent - size))
            continue
        small, large = (extent - size) // 2, -((size - extent) // 2)
        pads.append((small, large) if at_the_end else (large, small))
    return tuple(pads)


def _pool(
    data: Operand,
    /,
    *,
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    storage_order: int = 0,
    largest: bool,
    **window: Unpack[Window],
) -> Signal:
    if storage_order:
        raise UnsupportedOperatorError("storage_order = 1 is not supported")
    signal, kernel = _planes(data), tuple(window["kernel_shape"])
    spatial = signal.shape[2:]
    sliding = _sliding(spatial, kernel, window)
    if any(max(pair) >= taps for taps, pair in zip(kernel, sliding.pads, strict=True)):
        raise NetworkError(f"pads {sliding.pads} are not smaller than the window {kernel}")
    placed = windows.windows_with_ceil if ceil_mode else windows.windows
    seen = placed(spatial, kernel, sliding)
    if largest:
        return windows.max_pool(signal, seen)
    return windows.average_pool(signal, seen, count_padding=bool(count_include_pad))


def _global(data: Operand, /, *, largest: bool) -> Signal:
    return _pool(data, kernel_shape=_planes(data).shape[2:], largest=largest)


ONNX_WINDOWS: dict[str, Callable[..., Any]] = {
    "AveragePool": partial(_pool, largest=False),
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "GlobalAveragePool": partial(_global, largest=False),
    "GlobalMaxPool": partial(_global, largest=True),
    "MaxPool": partial(_pool, largest=True),
}
