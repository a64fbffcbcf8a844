"""ONNX operators that move values or make constants of shapes; they compute nothing.

A function of a table takes the inputs of a node, in order, and its attributes by name; an
attribute that it does not name is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, TypedDict, Unpack

import numpy as np

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import algebra, rearranging
from polyregions.io.algebra import Constant, Operand, Value
from polyregions.io.comparisons import Switch
from polyregions.io.signals import MAX_VALUES

__all__ = ["ONNX_SHAPES", "integers_of"]

Integers = Operand | Sequence[int]

# by such a scale a coordinate is halfway between two places exactly, or far from it, so that
# runtimes that round to float32 find the same places
_LARGEST_DENOMINATOR = 2**8


def integers_of(given: Integers | int | None, what: str = "a shape or a list") -> tuple[int, ...]:
    """Return integers that an input or an attribute lists."""
    array = np.asarray(algebra.constant_of(given, what))
    if array.size and (array.dtype.kind not in "iu" or array.ndim > 1):
        raise FormatError("a shape or a list of axes must be integers")
    return tuple(int(entry) for entry in array.reshape(-1))


def _dropout(
    data: Operand,
    /,
    ratio: Operand | float = 0.5,
    training_mode: Operand | bool = False,
    *,
    seed: int = 0,
) -> Value:
    if training_mode is not None and algebra.constant_of(training_mode).any():
        raise UnsupportedOperatorError("it is in training mode; export the model in eval mode")
    return algebra.value_of(data)


def _cast(data: Operand, /, *, to: int = 0) -> Operand:
    from onnx import TensorProto, helper

    if not isinstance(data, np.ndarray):
        # a change of precision, which the rational function does not know; a comparison
        # becomes 0 or 1, or stays what it is
        kinds = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16
        if to not in kinds and not (to == TensorProto.BOOL and isinstance(data, Switch)):
            raise UnsupportedOperatorError(
                "it casts a value that depends on the input to other than real numbers"
            )
        return data
    dtype = helper.tensor_dtype_to_np_dtype(to)
    if dtype.kind not in "fiub":
        raise UnsupportedOperatorError(
            "only casts to float, double, float16, integers and bool are supported"
        )
    with np.errstate(all="ignore"):
        cast = data.astype(dtype)
        same = np.array_equal(cast.astype(data.dtype), data) and np.array_equal(cast, data)
    if not same or data.dtype.kind not in "fiub":
        raise UnsupportedOperatorError("it rounds a constant; store the constant as rounded")
    return cast


# --- shapes ------------------------------------------------------------------


def _flatten(data: Operand, /, *, axis: int = 1) -> Value:
    value = algebra.value_of(data)
    shape = value.shape
    if not -len(shape) <= axis <= len(shape):
        raise FormatError(f"axis {axis} does not exist in shape {shape}")
    axis = axis + len(shape) if axis < 0 else axis
    return rearranging.reshaped(value, (math.prod(shape[:axis]), math.prod(shape[axis:])))


def _reshape(data: Operand, shape: Operand | None = None, /, *, allowzero: int = 0) -> Value:
    value = algebra.value_of(data)
    if shape is None:
        raise FormatError("the shape is missing")
    target = [
        value.shape[place] if extent == 0 and not allowzero else extent
        for place, extent in enumerate(integers_of(shape))
    ]
    return rearranging.reshaped(value, rearranging.resolved(value.shape, target))


def _squeeze(data: Operand, /, axes: Integers | None = None) -> Value:
    return rearranging.squeezed(algebra.value_of(data), None if axes is None else integers_of(axes))


def _transpose(data: Operand, /, *, perm: Sequence[int] | None = None) -> Value:
    return rearranging.rearranged(algebra.value_of(data), lambda array: np.transpose(array, perm))


def _tile(data: Operand, repeats: Operand, /) -> Value:
    value, times = algebra.value_of(data), integers_of(repeats)
    if len(times) != len(value.shape):
        raise FormatError(f"its repeats do not fit {value.shape}")
    return rearranging.tiled(value, times)


# --- parts -------------------------------------------------------------------


def _index(index: Operand) -> Constant:
    array = algebra.constant_of(index, "its index")
    if array.dtype.kind not in "iu":
        raise FormatError("its index is not of integers")
    return array


def _gather(data: Operand, index: Operand, /, *, axis: int = 0) -> Value:
    value, places = algebra.value_of(data), _index(index)
    axis = rearranging.axis_in(value.shape, axis)
    if math.prod(value.shape) // value.shape[axis] * places.size > MAX_VALUES:
        raise FormatError("its inputs are missing or too large")
    return rearranging.rearranged(value, lambda array: np.take(array, places, axis=axis))


def _gather_nd(data: Operand, index: Operand, /, *, batch_dims: int = 0) -> Value:
    value, places = algebra.value_of(data), _index(index)
    if batch_dims:
        raise UnsupportedOperatorError("only batch_dims = 0 is supported")
    count, axes = math.prod(places.shape[:-1]), places.shape[-1]
    if axes > len(value.shape) or count * math.prod(value.shape[axes:]) > MAX_VALUES:
        raise FormatError("its index does not fit its input, or its result is too large")
    where = tuple(np.moveaxis(places, -1, 0))
    return rearranging.rearranged(value, lambda array: array[where])


def _split(
    data: Operand, /, split: Integers | None = None, *, axis: int = 0, num_outputs: int = 1
) -> tuple[Value, ...]:
    value = algebra.value_of(data)
    axis = rearranging.axis_in(value.shape, axis)
    if split is not None:
        return rearranging.parts_along(value, axis, integers_of(split))
    # only the last part may be smaller
    extent = value.shape[axis]
    size = -(-extent // num_outputs)
    lengths = (*[size] * (num_outputs - 1), extent - size * (num_outputs - 1))
    return rearranging.parts_along(value, axis, lengths)


def _slice(
    data: Operand,
    /,
    starts: Integers,
    ends: Integers,
    axes: Integers | None = None,
    steps: Operand | None = None,
) -> Value:
    value, first = algebra.value_of(data), integers_of(starts)
    along = range(len(first)) if axes is None else integers_of(axes)
    strides = (1,) * len(first) if steps is None else integers_of(steps)
    where = [slice(None)] * len(value.shape)
    for start, end, axis, step in zip(first, integers_of(ends), along, strides, strict=True):
        place = rearranging.axis_in(value.shape, axis)
        # backwards, the end -extent - 1 or below means "up to the first one, included"
        stop = None if step < 0 and end < -value.shape[place] else end
        where[place] = slice(start, stop, step)
    return rearranging.rearranged(value, lambda array: array[tuple(where)])


def _pad(
    data: Operand,
    /,
    pads: Integers,
    value: Operand | float | None = None,
    axes: Operand | None = None,
    *,
    mode: str = "constant",
) -> Value:
    if mode != "constant":
        raise UnsupportedOperatorError(f"the mode {mode[:40]!r} is not supported, only 'constant'")
    given, flat = algebra.value_of(data), integers_of(pads)
    along = range(len(given.shape)) if axes is None else integers_of(axes)
    if len(flat) != 2 * len(along):
        raise FormatError(f"pads {flat} do not fit {given.shape}")
    pairs = [(0, 0)] * len(given.shape)
    for axis, before, after in zip(along, flat[: len(along)], flat[len(along) :], strict=True):
        pairs[rearranging.axis_in(given.shape, axis)] = (before, after)
    fill = 0.0 if value is None else float(algebra.numbers_of(value, "its value").reshape(()))
    return rearranging.padded(given, pairs, fill)


# --- constants ---------------------------------------------------------------


def _shape(data: Operand, /, *, start: int = 0, end: int | None = None) -> Constant:
    return np.array(algebra.value_of(data).shape[start:end], dtype=np.int64)


def _constant(
    *,
    value: Constant | None = None,
    value_float: float | None = None,
    value_floats: Sequence[float] | None = None,
    value_int: int | None = None,
    value_ints: Sequence[int] | None = None,
) -> Constant:
    given = [
        np.asarray(entry, dtype)
        for entry, dtype in (
            (value, None),
            (value_float, np.float32),
            (value_floats, np.float32),
            (value_int, np.int64),
            (value_ints, np.int64),
        )
        if entry is not None
    ]
    if len(given) != 1:
        raise FormatError("a constant needs exactly one value")
    return given[0]


def _constant_of_shape(shape: Operand, /, *, value: Constant | None = None) -> Constant:
    extents = integers_of(shape)
    fill = np.zeros(1, np.float32) if value is None else np.asarray(value)
    if fill.size != 1 or min(extents, default=0) < 0:
        raise FormatError("its shape is negative or its value is not a single number")
    algebra.require_moderate(math.prod(extents), fill)
    return np.full(extents, fill.reshape(())[()])


def _range(start: Operand, limit: Operand, delta: Operand, /) -> Constant:
    numbers = [algebra.constant_of(number) for number in (start, limit, delta)]
    if any(number.size != 1 or number.dtype.kind not in "iu" for number in numbers):
        raise UnsupportedOperatorError("only ranges of integers are supported")
    entries = range(*(int(number.reshape(())) for number in numbers))
    algebra.require_moderate(len(entries), *numbers)
    return np.array(entries, dtype=np.result_type(*numbers))


# --- pixels ------------------------------------------------------------------


def _depth_to_space(data: Operand, /, *, blocksize: int, mode: str = "DCR") -> Value:
    if mode not in ("DCR", "CRD"):
        raise UnsupportedOperatorError(f"the mode {mode[:40]!r} is not supported")
    return rearranging.depth_to_space(algebra.value_of(data), blocksize, block_first=mode == "DCR")


class OtherModes(TypedDict, total=False):
    """Attributes of resizing in other modes, which change nothing here."""

    antialias: int
    cubic_coeff_a: float
    exclude_outside: int
    extrapolation_value: float


def _resize(
    data: Operand,
    /,
    *given: Operand | None,
    axes: Sequence[int] | None = None,
    coordinate_transformation_mode: str | None = None,
    keep_aspect_ratio_policy: str = "stretch",
    mode: str = "nearest",
    nearest_mode: str | None = None,
    **others: Unpack[OtherModes],
) -> Value:
    """Repeat or drop values."""
    value = algebra.value_of(data)
    # operator set 10 and Upsample have no region of interest, and coordinates of their own
    old = len(given) == 1
    # none of it, the scales, the sizes
    _, scales, sizes = (None, *given, None) if old else (*given, *[None] * (3 - len(given)))
    for key, text, only in (
        ("mode", mode, "nearest"),
        ("keep_aspect_ratio_policy", keep_aspect_ratio_policy, "stretch"),
    ):
        if text != only:
            raise UnsupportedOperatorError(
                f"the {key} {text[:40]!r} is not supported, only {only!r}"
            )
    along = range(len(value.shape)) if axes is None else axes
    places = [rearranging.axis_in(value.shape, axis) for axis in along]
    extents = [value.shape[axis] for axis in places]
    factors = (
        [] if scales is None else [Fraction(float(s)) for s in algebra.constant_of(scales).flat]
    )
    if factors:
        new = [math.floor(e * factor) for e, factor in zip(extents, factors, strict=True)]
        if any(
            factor.denominator > _LARGEST_DENOMINATOR or (factor != 1 and size == extent)
            for extent, size, factor in zip(extents, new, factors, strict=True)
        ):
            raise UnsupportedOperatorError(
                f"its scales {[float(factor) for factor in factors]} leave the places to rounding, "
                f"which runtimes do differently; export it with sizes, or scales such as 2 or 0.5"
            )
    else:
        new = list(integers_of(sizes, "its sizes"))
        factors = [Fraction(size, extent) for size, extent in zip(new, extents, strict=True)]
    shape = list(value.shape)
    for axis, size in zip(places, new, strict=True):
        shape[axis] = size
    if math.prod(shape) > MAX_VALUES or min(new) < 1:
        raise NetworkError(f"it resizes {value.shape} to {tuple(shape)}")
    if old and min(factors) < 1:
        raise UnsupportedOperatorError("operator set 10 does not say how it makes a value smaller")
    coordinate = coordinate_transformation_mode or ("asymmetric" if old else "half_pixel")
    rounding = nearest_mode or ("floor" if old else "round_prefer_floor")
    for axis, extent, size, factor in zip(places, extents, new, factors, strict=True):
        index = rearranging.nearest_samples(extent, size, factor, coordinate, rounding)
        value = rearranging.part_along(value, axis, index)
    return value


ONNX_SHAPES: dict[str, Callable[..., Any]] = {
    "Cast": _cast,
    "Concat": lambda *parts, axis: algebra.joined(parts, axis),
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "DepthToSpace": _depth_to_space,
    "Dropout": _dropout,
    "Expand": lambda data, shape, /: rearranging.broadcast_to(
        algebra.value_of(data), integers_of(shape)
    ),
    "Flatten": _flatten,
    "Gather": _gather,
    "GatherND": _gather_nd,
    "Identity": lambda data, /: algebra.value_of(data),
    "Pad": _pad,
    "Range": _range,
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": _shape,
    "Size": lambda data, /: np.array(math.prod(algebra.value_of(data).shape), dtype=np.int64),
    "Slice": _slice,
    "SpaceToDepth": lambda data, /, *, blocksize: rearranging.space_to_depth(
        algebra.value_of(data), blocksize, block_first=True
    ),
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": lambda data, /, axes: rearranging.unsqueezed(
        algebra.value_of(data), integers_of(axes)
    ),
    "Upsample": lambda data, /, scales, *, mode="nearest": _resize(data, scales, mode=mode),
}
