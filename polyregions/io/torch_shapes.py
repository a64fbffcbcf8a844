"""ATen operators that move values; they compute nothing."""

from __future__ import annotations

import numpy as np

from polyregions.errors import FormatError, UnsupportedOperatorError
from polyregions.io import lowering, rearranging
from polyregions.io.exact_floats import Floats
from polyregions.io.lowering import Signal
from polyregions.io.switches import Switch
from polyregions.io.torch_values import (
    REAL_TYPES,
    TRUTH,
    Arguments,
    TorchLowering,
    TorchValue,
    holds,
    moved_of,
    number_of,
    parameter_of,
    part_of,
)

__all__ = ["COPIES", "TORCH_SHAPES"]


def _same(arguments: Arguments) -> TorchValue:
    return moved_of(arguments, "self" if "self" in arguments else "input")


def _torch_dropout(arguments: Arguments) -> TorchValue:
    if arguments["train"] is not False:
        raise UnsupportedOperatorError("it is in training mode; call eval() before the export")
    return moved_of(arguments, "input")


def _torch_flatten(arguments: Arguments) -> TorchValue:
    start, end = arguments.get("start_dim", 0), arguments.get("end_dim", -1)
    return rearranging.joined_axes(moved_of(arguments), start, end)


def _torch_view(arguments: Arguments) -> TorchValue:
    value = moved_of(arguments)
    target = [int(extent) for extent in arguments.get("size", arguments.get("shape"))]
    return rearranging.reshaped(value, rearranging.resolved(value.shape, target))


def _unflatten(arguments: Arguments) -> TorchValue:
    value = moved_of(arguments)
    axis = rearranging.axis_in(value.shape, int(arguments["dim"]))
    sizes = [int(extent) for extent in arguments["sizes"]]
    inner = rearranging.resolved((value.shape[axis],), sizes)
    return rearranging.reshaped(value, (*value.shape[:axis], *inner, *value.shape[axis + 1 :]))


def _permute(arguments: Arguments) -> TorchValue:
    order = [int(axis) for axis in arguments["dims"]]
    return rearranging.rearranged(moved_of(arguments), lambda array: np.transpose(array, order))


def _swap(arguments: Arguments) -> TorchValue:
    first, second = (
        int(arguments[f"dim{k}"] if f"dim{k}" in arguments else arguments[f"axis{k}"])
        for k in (0, 1)
    )
    return rearranging.rearranged(
        moved_of(arguments), lambda array: np.swapaxes(array, first, second)
    )


def _swapped_last(arguments: Arguments) -> TorchValue:
    return rearranging.rearranged(moved_of(arguments), lambda array: np.swapaxes(array, -1, -2))


def _turned(arguments: Arguments) -> TorchValue:
    return rearranging.rearranged(moved_of(arguments), np.transpose)


def _torch_squeeze(arguments: Arguments) -> TorchValue:
    value = moved_of(arguments)
    given = arguments.get("dim")
    if given is None:
        return rearranging.squeezed(value, None)
    axes = [rearranging.axis_in(value.shape, axis) for axis in np.atleast_1d(given).tolist()]
    # torch leaves an axis of another extent as it is
    return rearranging.squeezed(value, [axis for axis in axes if value.shape[axis] == 1])


def _torch_unsqueeze(arguments: Arguments) -> TorchValue:
    return rearranging.unsqueezed(moved_of(arguments), [int(arguments["dim"])])


def _torch_slice(arguments: Arguments) -> TorchValue:
    start, end, step = (arguments.get(name) for name in ("start", "end", "step"))
    axis = int(arguments.get("dim", 0))
    return rearranging.part_along(moved_of(arguments), axis, slice(start, end, step))


def _torch_select(arguments: Arguments) -> TorchValue:
    axis, index = int(arguments["dim"]), int(arguments["index"])
    return rearranging.rearranged(moved_of(arguments), lambda a: np.take(a, index, axis=axis))


def _index_select(arguments: Arguments) -> TorchValue:
    axis, index = int(arguments["dim"]), parameter_of(arguments, "index").astype(np.intp)
    return rearranging.rearranged(moved_of(arguments), lambda a: np.take(a, index, axis=axis))


def _torch_split(arguments: Arguments) -> tuple[TorchValue, ...]:
    value = moved_of(arguments)
    axis = rearranging.axis_in(value.shape, int(arguments.get("dim", 0)))
    extent = value.shape[axis]
    sizes = arguments.get("split_sizes")
    if sizes is None:
        size = int(arguments["split_size"])
        if size < 1:
            raise FormatError(f"parts of {size} values are none")
        sizes = [min(size, extent - start) for start in range(0, extent, size)]
    return rearranging.parts_along(value, axis, [int(size) for size in sizes])


def _torch_chunk(arguments: Arguments) -> tuple[TorchValue, ...]:
    value = moved_of(arguments)
    axis = rearranging.axis_in(value.shape, int(arguments.get("dim", 0)))
    size = -(-value.shape[axis] // max(1, int(arguments["chunks"])))
    return _torch_split({"self": value, "split_size": size, "dim": axis})


def _torch_concatenate(arguments: Arguments) -> TorchValue:
    parts = [part_of(part) for part in arguments["tensors"]]
    axis = int(arguments.get("dim", 0))
    constants = [part for part in parts if not isinstance(part, Signal)]
    if len(constants) == len(parts):
        return np.concatenate(constants, axis=axis)
    return lowering.concatenate(parts, axis)


def _stacked(arguments: Arguments) -> TorchValue:
    axis = int(arguments.get("dim", 0))
    parts = [rearranging.unsqueezed(part_of(part), [axis]) for part in arguments["tensors"]]
    return _torch_concatenate({"tensors": parts, "dim": axis})


def _torch_expand(arguments: Arguments) -> TorchValue:
    value = moved_of(arguments)
    size = [int(extent) for extent in arguments["size"]]
    lead = len(size) - len(value.shape)
    if lead < 0:
        raise FormatError(f"shape {value.shape} does not expand to {size}")
    old = (1,) * lead + value.shape
    target = tuple(o if s == -1 else s for o, s in zip(old, size, strict=True))
    return rearranging.broadcast_to(value, target)


def _expanded_as(arguments: Arguments) -> TorchValue:
    return rearranging.broadcast_to(moved_of(arguments), arguments["other"].shape)


def _viewed_as(arguments: Arguments) -> TorchValue:
    return rearranging.reshaped(moved_of(arguments), arguments["other"].shape)


def _torch_size(arguments: Arguments) -> TorchValue:
    return int(moved_of(arguments).shape[arguments["dim"]])


def _moved(arguments: Arguments) -> TorchValue:
    source, target = (np.atleast_1d(arguments[name]).tolist() for name in ("source", "destination"))
    return rearranging.rearranged(
        moved_of(arguments), lambda array: np.moveaxis(array, source, target)
    )


def _unbound(arguments: Arguments) -> tuple[TorchValue, ...]:
    value = moved_of(arguments)
    axis = rearranging.axis_in(value.shape, int(arguments.get("dim", 0)))
    parts = rearranging.parts_along(value, axis, [1] * value.shape[axis])
    return tuple(rearranging.squeezed(part, [axis]) for part in parts)


def _narrowed(arguments: Arguments) -> TorchValue:
    start = int(arguments["start"])
    part = slice(start, start + int(arguments["length"]))
    return rearranging.part_along(moved_of(arguments), int(arguments["dim"]), part)


def _converted(arguments: Arguments) -> TorchValue:
    """Change the type of numbers, which the rational function does not know."""
    value: TorchValue = arguments["self"]
    target = arguments.get("dtype")
    if target is None or isinstance(value, Switch):
        return value
    if isinstance(value, Signal):
        if target not in REAL_TYPES:
            raise UnsupportedOperatorError("it makes integers of a value that depends on the input")
        return value
    constant = number_of(value)
    if target == TRUTH:
        truth: Floats = constant != 0
        return truth
    if not holds(target, constant):
        raise UnsupportedOperatorError("it rounds a constant; store the constant as rounded")
    return constant


# whose result is memory of its own
COPIES: dict[str, TorchLowering] = {
    "_to_copy.default": _converted,
    "cat.default": _torch_concatenate,
    "clone.default": _same,
    "concat.default": _torch_concatenate,
    "lift_fresh_copy.default": _same,
    "stack.default": _stacked,
}

TORCH_SHAPES: dict[str, TorchLowering] = {
    "_unsafe_view.default": _torch_view,
    "alias.default": _same,
    "broadcast_to.default": _torch_expand,
    "chunk.default": _torch_chunk,
    "contiguous.default": _same,
    "detach.default": _same,
    "detach_.default": _same,
    "dropout.default": _torch_dropout,
    "expand.default": _torch_expand,
    "expand_as.default": _expanded_as,
    "feature_dropout.default": _torch_dropout,
    "flatten.using_ints": _torch_flatten,
    "index_select.default": _index_select,
    "mT.default": _swapped_last,
    "matrix_H.default": _turned,
    "movedim.int": _moved,
    "movedim.intlist": _moved,
    "narrow.default": _narrowed,
    "numpy_T.default": _turned,
    "permute.default": _permute,
    "reshape.default": _torch_view,
    "reshape_as.default": _viewed_as,
    "select.int": _torch_select,
    "slice.Tensor": _torch_slice,
    "split.Tensor": _torch_split,
    "split_with_sizes.default": _torch_split,
    "squeeze.default": _torch_squeeze,
    "squeeze.dim": _torch_squeeze,
    "squeeze.dims": _torch_squeeze,
    "swapaxes.default": _swap,
    "sym_size.int": _torch_size,
    "t.default": _turned,
    "to.dtype": _converted,
    "to.dtype_layout": _converted,
    "transpose.int": _swap,
    "unbind.int": _unbound,
    "unflatten.int": _unflatten,
    "unsqueeze.default": _torch_unsqueeze,
    "view.default": _torch_view,
    "view_as.default": _viewed_as,
}
