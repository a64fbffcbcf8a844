"""ATen operators that move values; they compute nothing."""

from __future__ import annotations

import numpy as np

from polyregions.errors import FormatError, UnsupportedOperatorError
from polyregions.io import lowering, rearranging
from polyregions.io.exact_floats import Floats
from polyregions.io.lowering import Signal
from polyregions.io.torch_values import Arguments, Lower, Value, parameter_of, part_of, signal_of

__all__ = ["SHAPES"]


def _value(arguments: Arguments, name: str = "self") -> Signal | Floats:
    value = arguments[name]
    if not isinstance(value, Signal | np.ndarray):
        raise FormatError("it moves what is no tensor")
    return value


def _same(arguments: Arguments) -> Value:
    return _value(arguments, "self" if "self" in arguments else "input")


def _dropout(arguments: Arguments) -> Value:
    if arguments["train"] is not False:
        raise UnsupportedOperatorError("it is in training mode; call eval() before the export")
    return _value(arguments, "input")


def _flatten(arguments: Arguments) -> Value:
    start, end = arguments.get("start_dim", 0), arguments.get("end_dim", -1)
    return rearranging.joined_axes(_value(arguments), start, end)


def _view(arguments: Arguments) -> Value:
    value = _value(arguments)
    target = [int(extent) for extent in arguments.get("size", arguments.get("shape"))]
    return rearranging.reshaped(value, rearranging.resolved(value.shape, target))


def _unflatten(arguments: Arguments) -> Value:
    value = _value(arguments)
    axis = rearranging.axis_in(value.shape, int(arguments["dim"]))
    sizes = [int(extent) for extent in arguments["sizes"]]
    inner = rearranging.resolved((value.shape[axis],), sizes)
    return rearranging.reshaped(value, (*value.shape[:axis], *inner, *value.shape[axis + 1 :]))


def _permute(arguments: Arguments) -> Value:
    order = [int(axis) for axis in arguments["dims"]]
    return rearranging.rearranged(_value(arguments), lambda array: np.transpose(array, order))


def _swap(arguments: Arguments) -> Value:
    first, second = int(arguments["dim0"]), int(arguments["dim1"])
    return rearranging.rearranged(
        _value(arguments), lambda array: np.swapaxes(array, first, second)
    )


def _turned(arguments: Arguments) -> Value:
    return rearranging.rearranged(_value(arguments), np.transpose)


def _squeeze(arguments: Arguments) -> Value:
    value = _value(arguments)
    given = arguments.get("dim")
    if given is None:
        return rearranging.squeezed(value, None)
    axes = [rearranging.axis_in(value.shape, axis) for axis in np.atleast_1d(given).tolist()]
    # torch leaves an axis of another extent as it is
    return rearranging.squeezed(value, [axis for axis in axes if value.shape[axis] == 1])


def _unsqueeze(arguments: Arguments) -> Value:
    return rearranging.unsqueezed(_value(arguments), [int(arguments["dim"])])


def _slice(arguments: Arguments) -> Value:
    start, end, step = (arguments.get(name) for name in ("start", "end", "step"))
    axis = int(arguments.get("dim", 0))
    return rearranging.pieces(_value(arguments), axis, slice(start, end, step))


def _select(arguments: Arguments) -> Value:
    axis, index = int(arguments["dim"]), int(arguments["index"])
    return rearranging.rearranged(_value(arguments), lambda a: np.take(a, index, axis=axis))


def _index_select(arguments: Arguments) -> Value:
    axis, index = int(arguments["dim"]), parameter_of(arguments, "index").astype(np.intp)
    return rearranging.rearranged(_value(arguments), lambda a: np.take(a, index, axis=axis))


def _split(arguments: Arguments) -> tuple[Value, ...]:
    value = _value(arguments)
    axis = rearranging.axis_in(value.shape, int(arguments.get("dim", 0)))
    extent = value.shape[axis]
    sizes = arguments.get("split_sizes")
    if sizes is None:
        size = int(arguments["split_size"])
        if size < 1:
            raise FormatError(f"parts of {size} values are none")
        sizes = [min(size, extent - start) for start in range(0, extent, size)]
    return rearranging.parts_along(value, axis, [int(size) for size in sizes])


def _chunk(arguments: Arguments) -> tuple[Value, ...]:
    value = _value(arguments)
    axis = rearranging.axis_in(value.shape, int(arguments.get("dim", 0)))
    size = -(-value.shape[axis] // max(1, int(arguments["chunks"])))
    return _split({"self": value, "split_size": size, "dim": axis})


def _joined(arguments: Arguments) -> Value:
    parts = [part_of(part) for part in arguments["tensors"]]
    if not any(isinstance(part, Signal) for part in parts):
        raise UnsupportedOperatorError("it joins parameters only; export folded weights")
    return lowering.concatenate(parts, int(arguments.get("dim", 0)))


def _stacked(arguments: Arguments) -> Value:
    axis = int(arguments.get("dim", 0))
    parts = [rearranging.unsqueezed(part_of(part), [axis]) for part in arguments["tensors"]]
    return _joined({"tensors": parts, "dim": axis})


def _expand(arguments: Arguments) -> Value:
    value = _value(arguments)
    size = [int(extent) for extent in arguments["size"]]
    lead = len(size) - len(value.shape)
    if lead < 0:
        raise FormatError(f"shape {value.shape} does not expand to {size}")
    old = (1,) * lead + value.shape
    target = tuple(o if s == -1 else s for o, s in zip(old, size, strict=True))
    return rearranging.broadcast_to(value, target)


def _size(arguments: Arguments) -> Value:
    return int(signal_of(arguments).shape[arguments["dim"]])


SHAPES: dict[str, Lower] = {
    "_unsafe_view.default": _view,
    "alias.default": _same,
    "cat.default": _joined,
    "chunk.default": _chunk,
    "clone.default": _same,
    "contiguous.default": _same,
    "detach.default": _same,
    "dropout.default": _dropout,
    "expand.default": _expand,
    "flatten.using_ints": _flatten,
    "index_select.default": _index_select,
    "permute.default": _permute,
    "reshape.default": _view,
    "select.int": _select,
    "slice.Tensor": _slice,
    "split.Tensor": _split,
    "split_with_sizes.default": _split,
    "squeeze.default": _squeeze,
    "squeeze.dim": _squeeze,
    "squeeze.dims": _squeeze,
    "stack.default": _stacked,
    "sym_size.int": _size,
    "t.default": _turned,
    "transpose.int": _swap,
    "unflatten.int": _unflatten,
    "unsqueeze.default": _unsqueeze,
    "view.default": _view,
}
