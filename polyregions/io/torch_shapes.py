"""ATen operators that move, pick or repeat values or make constants; they compute nothing.

A function of a table has the parameters of its operator, by the names that ATen gives them; what
an operator is given beside these changes no value.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import FormatError, UnsupportedOperatorError
from polyregions.io import algebra, rearranging
from polyregions.io.algebra import Operand, Value
from polyregions.io.comparisons import Switch
from polyregions.io.exact_floats import MAX_ENTRIES, MAX_REPEATED, Floats
from polyregions.io.rearranging import axis_in, rearranged, reshaped, resolved
from polyregions.io.signals import Shape, Signal
from polyregions.io.torch_archive import FLOAT32, REAL_TYPES, TRUTH, holds

__all__ = ["TORCH_COPIES", "TORCH_VIEWS"]


# --- views -------------------------------------------------------------------


def _same(self: Operand | None = None, input: Operand | None = None) -> Value:
    return algebra.value_of(input if self is None else self)


def _aten_dropout(input: Operand, train: bool) -> Value:
    if train is not False:
        raise UnsupportedOperatorError("it is in training mode; call eval() before the export")
    return algebra.value_of(input)


def _view(
    self: Operand, size: Sequence[int] | None = None, shape: Sequence[int] | None = None
) -> Value:
    value, target = algebra.value_of(self), shape if size is None else size
    assert target is not None
    return reshaped(value, resolved(value.shape, [int(extent) for extent in target]))


def _aten_flatten(self: Operand, start_dim: int = 0, end_dim: int = -1) -> Value:
    return rearranging.joined_axes(algebra.value_of(self), start_dim, end_dim)


def _unflatten(self: Operand, dim: int, sizes: Sequence[int]) -> Value:
    value = algebra.value_of(self)
    axis = axis_in(value.shape, dim)
    inner = resolved((value.shape[axis],), [int(extent) for extent in sizes])
    return reshaped(value, (*value.shape[:axis], *inner, *value.shape[axis + 1 :]))


def _moved(move: Callable[..., NDArray[Any]], self: Operand, *axes: Any) -> Value:
    """Move entries as a function of an array and axes does."""
    return rearranged(algebra.value_of(self), lambda array: move(array, *axes))


def _aten_transpose(self: Operand, dim0: int, dim1: int) -> Value:
    return _moved(np.swapaxes, self, dim0, dim1)


def _move(self: Operand, source: Any, destination: Any) -> Value:
    return _moved(np.moveaxis, self, source, destination)


def _turn(self: Operand, dims: Sequence[int] | None = None) -> Value:
    return _moved(np.transpose, self, dims)


def _aten_squeeze(self: Operand, dim: int | Sequence[int] | None = None) -> Value:
    value = algebra.value_of(self)
    if dim is None:
        return rearranging.squeezed(value, None)
    axes = [axis_in(value.shape, axis) for axis in np.atleast_1d(dim).tolist()]
    # torch leaves an axis of another extent as it is
    return rearranging.squeezed(value, [axis for axis in axes if value.shape[axis] == 1])


def _aten_slice(
    self: Operand,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int | None = None,
) -> Value:
    return rearranging.part_along(algebra.value_of(self), dim, slice(start, end, step))


def _aten_narrow(self: Operand, dim: int, start: int, length: int) -> Value:
    return _aten_slice(self, dim, start, start + length)


def _aten_select(self: Operand, dim: int, index: Any) -> Value:
    places = np.asarray(algebra.constant_of(index), dtype=np.intp)
    return rearranged(algebra.value_of(self), lambda array: np.take(array, places, axis=dim))


def _aten_split(
    self: Operand,
    split_size: int | None = None,
    split_sizes: Sequence[int] | None = None,
    dim: int = 0,
) -> tuple[Value, ...]:
    value = algebra.value_of(self)
    axis = axis_in(value.shape, dim)
    extent = value.shape[axis]
    if split_sizes is None:
        if split_size is None or split_size < 1:
            raise FormatError(f"parts of {split_size} values are none")
        starts = range(0, extent, split_size)
        split_sizes = [min(split_size, extent - start) for start in starts]
    return rearranging.parts_along(value, axis, [int(size) for size in split_sizes])


def _aten_chunk(self: Operand, chunks: int, dim: int = 0) -> tuple[Value, ...]:
    shape = algebra.value_of(self).shape
    extent = shape[axis_in(shape, dim)]
    return _aten_split(self, -(-extent // max(1, chunks)), dim=dim)


def _unbind(self: Operand, dim: int = 0) -> tuple[Value, ...]:
    axis = axis_in(algebra.value_of(self).shape, dim)
    return tuple(rearranging.squeezed(part, [axis]) for part in _aten_split(self, 1, dim=axis))


def _aten_expand(self: Operand, size: Sequence[int]) -> Value:
    value = algebra.value_of(self)
    lead = len(size) - len(value.shape)
    if lead < 0:
        raise FormatError(f"shape {value.shape} does not expand to {list(size)}")
    old = (1,) * lead + value.shape
    target = tuple(o if s == -1 else int(s) for o, s in zip(old, size, strict=True))
    return rearranging.broadcast_to(value, target)


def _converted(self: Operand, dtype: int | None = None) -> Operand:
    """Change the type of numbers, which the rational function does not know."""
    if dtype is None or isinstance(self, Switch):
        return self
    constant = algebra.entries_of(self)
    if isinstance(constant, Signal):
        if dtype not in REAL_TYPES:
            raise UnsupportedOperatorError("it makes integers of a value that depends on the input")
        return constant
    if dtype == TRUTH:
        return np.asarray(constant != 0)
    if not holds(dtype, constant):
        raise UnsupportedOperatorError("it rounds a constant; store the constant as rounded")
    return constant


TORCH_VIEWS: dict[str, Callable[..., Any]] = {
    "_unsafe_view.default": _view,
    "alias.default": _same,
    "broadcast_to.default": _aten_expand,
    "chunk.default": _aten_chunk,
    "contiguous.default": _same,
    "detach.default": _same,
    "detach_.default": _same,
    "dropout.default": _aten_dropout,
    "expand.default": _aten_expand,
    "expand_as.default": lambda self, other: _aten_expand(self, other.shape),
    "feature_dropout.default": _aten_dropout,
    "flatten.using_ints": _aten_flatten,
    "index_select.default": _aten_select,
    "mT.default": lambda self: _aten_transpose(self, -1, -2),
    "matrix_H.default": _turn,
    "movedim.int": _move,
    "movedim.intlist": _move,
    "narrow.default": _aten_narrow,
    "numpy_T.default": _turn,
    "permute.default": _turn,
    "reshape.default": _view,
    "reshape_as.default": lambda self, other: _view(self, other.shape),
    "select.int": _aten_select,
    "slice.Tensor": _aten_slice,
    "split.Tensor": _aten_split,
    "split_with_sizes.default": _aten_split,
    "squeeze.default": _aten_squeeze,
    "squeeze.dim": _aten_squeeze,
    "squeeze.dims": _aten_squeeze,
    "swapaxes.default": lambda self, axis0, axis1: _moved(np.swapaxes, self, axis0, axis1),
    "sym_size.int": lambda self, dim: int(algebra.value_of(self).shape[dim]),
    "t.default": _turn,
    "to.dtype": _converted,
    "to.dtype_layout": _converted,
    "transpose.int": _aten_transpose,
    "unbind.int": _unbind,
    "unflatten.int": _unflatten,
    "unsqueeze.default": lambda self, dim: rearranging.unsqueezed(algebra.value_of(self), [dim]),
    "view.default": _view,
    "view_as.default": lambda self, other: _view(self, other.shape),
}


# --- copies ------------------------------------------------------------------


def _cat(tensors: Sequence[Operand], dim: int = 0) -> Value:
    return algebra.joined([algebra.entries_of(tensor) for tensor in tensors], dim)


def _stack(tensors: Sequence[Operand], dim: int = 0) -> Value:
    return _cat(
        [rearranging.unsqueezed(algebra.value_of(tensor), [dim]) for tensor in tensors], dim
    )


def _aten_tile(
    self: Operand, repeats: Sequence[int] | None = None, dims: Sequence[int] | None = None
) -> Value:
    return rearranging.tiled(algebra.value_of(self), [int(n) for n in repeats or dims or ()])


def _repeat(self: Operand, repeats: int, dim: int | None = None) -> Value:
    value = algebra.value_of(self)
    rearranging.require_room(value, [repeats])
    return rearranged(value, lambda array: np.repeat(array, repeats, axis=dim))


def _roll(self: Operand, shifts: Sequence[int], dims: Sequence[int] = ()) -> Value:
    shift, axes = (shifts, dims) if dims else (shifts[0], None)
    return rearranged(algebra.value_of(self), lambda array: np.roll(array, shift, axes))


def _aten_index(self: Operand, indices: Sequence[Operand | None]) -> Value:
    """Index by constants, one for each axis or none."""
    value, size = algebra.value_of(self), 1
    where: list[Any] = []
    for index in indices:
        if index is None:
            where.append(slice(None))
            continue
        if not isinstance(index, np.ndarray):
            raise UnsupportedOperatorError("it picks what depends on the input")
        where.append(index if index.dtype.kind == "b" else index.astype(np.intp))
        size = max(size, index.size)
    if math.prod(value.shape) * size > MAX_ENTRIES:
        raise FormatError("it picks too many values")
    return rearranged(value, lambda array: array[tuple(where)])


# --- constants ---------------------------------------------------------------


def _allowed(shape: Shape) -> Shape:
    if min(shape, default=1) < 0 or math.prod(shape) > MAX_REPEATED:
        raise FormatError(f"it makes an array of shape {shape}, empty or too large")
    return shape


def _full(
    fill_value: Operand | float,
    size: Sequence[int] = (),
    self: Operand | None = None,
    dtype: int | None = None,
) -> Floats:
    """Return an array of one number, if the type of the array does not change it."""
    fill = algebra.numbers_of(fill_value, "its number")
    # without a type of its own, an array has that of another one, which may be integers
    known = dtype is not None or self is None or isinstance(self, Signal)
    if not (known or bool((fill == np.floor(fill)).all())) or not holds(dtype or FLOAT32, fill):
        raise UnsupportedOperatorError(
            f"the type of its array may round the number {float(fill)!r}; store it as a parameter"
        )
    # a view takes no memory
    return np.broadcast_to(fill.reshape(()), _allowed(tuple(int(extent) for extent in size)))


def _aten_range(end: float, start: float = 0, step: float = 1) -> Floats:
    numbers = [float(algebra.numbers_of(number, "its end")) for number in (start, end, step)]
    if not all(number.is_integer() for number in numbers) or not numbers[2]:
        raise UnsupportedOperatorError("only ranges of integers are supported")
    entries = range(*map(int, numbers))
    _allowed((len(entries),))
    return np.array(entries, dtype=np.float64)


def _eye(n: int, m: int | None = None) -> Floats:
    rows, columns = _allowed((n, n if m is None else m))
    return np.eye(rows, columns)


def _part_of_matrix(of: Callable[[Floats, int], Floats]) -> Callable[..., Floats]:
    """Read a part of a constant: a triangle, the diagonal."""

    def part(self: Operand, diagonal: int = 0) -> Floats:
        value = algebra.numbers_of(self, "its matrix")
        if value.ndim == 1:
            _allowed(value.shape * 2)
        return of(value, diagonal)

    return part


def _of_extents(of: Callable[[int, int], int]) -> Callable[[Any, Any], int]:
    """Compute with the extents of a value."""

    def computed(a: Any, b: Any) -> int:
        if type(a) is not int or type(b) is not int:
            raise UnsupportedOperatorError("only integers are supported")
        return of(a, b)

    return computed


def _like(self: Operand, fill_value: float, dtype: int | None = None) -> Floats:
    return _full(fill_value, algebra.value_of(self).shape, self, dtype)


# whose result is memory of its own
TORCH_COPIES: dict[str, Callable[..., Any]] = {
    "_operator.add": _of_extents(operator.add),
    "_operator.floordiv": _of_extents(operator.floordiv),
    "_operator.mul": _of_extents(operator.mul),
    "_operator.sub": _of_extents(operator.sub),
    "_to_copy.default": _converted,
    "arange.default": _aten_range,
    "arange.start": _aten_range,
    "arange.start_step": _aten_range,
    "cat.default": _cat,
    "clone.default": _same,
    "concat.default": _cat,
    "diag.default": _part_of_matrix(np.diag),
    "eye.default": _eye,
    "eye.m": _eye,
    "flip.default": lambda self, dims: rearranged(
        algebra.value_of(self), lambda a: np.flip(a, dims)
    ),
    "full.default": _full,
    "full_like.default": _like,
    "index.Tensor": _aten_index,
    "lift_fresh_copy.default": _same,
    "new_full.default": _full,
    "new_ones.default": lambda size: _full(1.0, size),
    "new_zeros.default": lambda size: _full(0.0, size),
    "ones.default": lambda size: _full(1.0, size),
    "ones_like.default": lambda self: _like(self, 1.0),
    "repeat.default": _aten_tile,
    "repeat_interleave.self_int": _repeat,
    "roll.default": _roll,
    "scalar_tensor.default": lambda s, dtype=None: _full(s, dtype=dtype),
    "stack.default": _stack,
    "tile.default": _aten_tile,
    "tril.default": _part_of_matrix(np.tril),
    "triu.default": _part_of_matrix(np.triu),
    "zeros.default": lambda size: _full(0.0, size),
    "zeros_like.default": lambda self: _like(self, 0.0),
}
