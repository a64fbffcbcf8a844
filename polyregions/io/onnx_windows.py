"""ONNX operators that slide windows: convolution and pooling."""

from __future__ import annotations

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import windows
from polyregions.io.lowering import Shape, Signal
from polyregions.io.onnx_values import Inputs, Node, OnnxValue, Operator, floats_at, signal_at

__all__ = ["ONNX_WINDOWS"]

Pads = tuple[tuple[int, int], ...]


def _planes(inputs: Inputs) -> Signal:
    signal = signal_at(inputs, 0)
    if not 3 <= len(signal.shape) <= 5:
        raise NetworkError(f"shape {signal.shape} is not (batch, channels, one to three axes)")
    return signal


def _geometry(node: Node, signal: Signal, kernel: Shape) -> tuple[Shape, Pads, Shape]:
    """Return strides, pads and dilations."""
    spatial = signal.shape[2:]
    rank = len(spatial)
    strides = node.integers("strides", [1] * rank)
    dilations = node.integers("dilations", [1] * rank)
    if len(kernel) != rank or len(strides) != rank or len(dilations) != rank:
        raise FormatError(f"its kernel, strides or dilations do not fit {signal.shape}")
    if min((*strides, *dilations, *kernel)) < 1:
        raise FormatError("a kernel, stride or dilation is not positive")
    mode = _auto_pad(node)
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        at_the_end = mode == "SAME_UPPER"
        pads = windows.same_padding(spatial, kernel, strides, dilations, at_the_end=at_the_end)
    elif mode == "VALID":
        pads = tuple([(0, 0)] * rank)
    elif mode == "NOTSET":
        flat = node.integers("pads", [0] * 2 * rank)
        if len(flat) != 2 * rank:
            raise FormatError(f"pads {flat} do not fit {signal.shape}")
        pads = tuple(zip(flat[:rank], flat[rank:], strict=True))
    else:
        raise UnsupportedOperatorError(f"auto_pad = {mode[:40]!r} is not supported")
    return strides, pads, dilations


def _auto_pad(node: Node) -> str:
    auto = node.attributes.get("auto_pad", b"NOTSET")
    return auto.decode("ascii", "replace") if isinstance(auto, bytes) else str(auto)


def _conv(node: Node, inputs: Inputs) -> OnnxValue:
    signal, weight = _planes(inputs), floats_at(inputs, 1, "its filters")
    kernel = tuple(weight.shape[2:])
    if node.integers("kernel_shape", kernel) != kernel:
        raise FormatError(f"kernel_shape does not fit filters of shape {weight.shape}")
    strides, pads, dilations = _geometry(node, signal, kernel)
    bias = floats_at(inputs, 2, "its bias") if len(inputs) > 2 and inputs[2] is not None else None
    groups = node.integer("group", 1)
    return windows.convolve(signal, weight, bias, strides, pads, dilations, groups)


def _conv_transpose(node: Node, inputs: Inputs) -> OnnxValue:
    signal, weight = _planes(inputs), floats_at(inputs, 1, "its filters")
    kernel, spatial = tuple(weight.shape[2:]), signal.shape[2:]
    if node.integers("kernel_shape", kernel) != kernel:
        raise FormatError(f"kernel_shape does not fit filters of shape {weight.shape}")
    strides, pads, dilations = _geometry(node, signal, kernel)
    extra = node.integers("output_padding", [0] * len(spatial))
    allowed = zip(extra, strides, dilations, strict=True)
    if not all(0 <= more < max(stride, dilation) for more, stride, dilation in allowed):
        raise FormatError(f"output_padding {extra} is not below strides {strides}")
    whole = windows.spread_shape(spatial, kernel, strides, dilations, extra)
    at_the_end = _auto_pad(node) == "SAME_UPPER"
    if "output_shape" in node.attributes:
        pads = _cut(whole, node.integers("output_shape", ()), at_the_end=at_the_end)
    elif _auto_pad(node).startswith("SAME"):
        target = tuple(e * stride for e, stride in zip(spatial, strides, strict=True))
        if any(size > extent for size, extent in zip(target, whole, strict=True)):
            raise UnsupportedOperatorError(
                f"a filter that is shorter than the stride leaves open whether auto_pad makes "
                f"{target} or {whole}; export it with output_shape"
            )
        pads = _cut(whole, target, at_the_end=at_the_end)
    bias = floats_at(inputs, 2, "its bias") if len(inputs) > 2 and inputs[2] is not None else None
    groups = node.integer("group", 1)
    return windows.convolve_transposed(
        signal, weight, bias, strides, pads, dilations, groups, extra
    )


def _cut(whole: Shape, target: Shape, *, at_the_end: bool) -> Pads:
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


def _seen(node: Node, signal: Signal) -> windows.Windows:
    kernel = node.integers("kernel_shape", ())
    strides, pads, dilations = _geometry(node, signal, kernel)
    if any(
        before >= taps or after >= taps for taps, (before, after) in zip(kernel, pads, strict=True)
    ):
        raise NetworkError(f"pads {pads} are not smaller than the window {kernel}")
    placed = windows.windows_with_ceil if node.integer("ceil_mode", 0) else windows.windows
    return placed(signal.shape[2:], kernel, strides, pads, dilations)


def _onnx_max_pool(node: Node, inputs: Inputs) -> OnnxValue:
    if node.integer("storage_order", 0):
        raise UnsupportedOperatorError("storage_order = 1 is not supported")
    signal = _planes(inputs)
    return windows.max_pool(signal, _seen(node, signal))


def _onnx_average_pool(node: Node, inputs: Inputs) -> OnnxValue:
    signal = _planes(inputs)
    count_padding = bool(node.integer("count_include_pad", 0))
    return windows.average_pool(signal, _seen(node, signal), count_padding=count_padding)


def _everything(signal: Signal) -> windows.Windows:
    spatial = signal.shape[2:]
    rank = len(spatial)
    return windows.windows(spatial, spatial, [1] * rank, [(0, 0)] * rank, [1] * rank)


def _global_average_pool(node: Node, inputs: Inputs) -> OnnxValue:
    signal = _planes(inputs)
    return windows.average_pool(signal, _everything(signal), count_padding=True)


def _global_max_pool(node: Node, inputs: Inputs) -> OnnxValue:
    signal = _planes(inputs)
    return windows.max_pool(signal, _everything(signal))


_SLIDING = frozenset({"auto_pad", "dilations", "kernel_shape", "pads", "strides"})

ONNX_WINDOWS: dict[str, Operator] = {
    "AveragePool": Operator(_onnx_average_pool, _SLIDING | {"ceil_mode", "count_include_pad"}),
    "Conv": Operator(_conv, _SLIDING | {"group"}),
    "ConvTranspose": Operator(
        _conv_transpose, _SLIDING | {"group", "output_padding", "output_shape"}
    ),
    "GlobalAveragePool": Operator(_global_average_pool),
    "GlobalMaxPool": Operator(_global_max_pool),
    "MaxPool": Operator(_onnx_max_pool, _SLIDING | {"ceil_mode", "storage_order"}),
}
