"""Values moved, dropped or repeated: the same code for signals and constants.

Anything that numpy does to the places of an array's entries it does to an array of
their numbers; a signal is then rebuilt from the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io.exact_floats import MAX_ENTRIES
from polyregions.io.lowering import add
from polyregions.io.signals import MAX_VALUES, Shape, Signal, reshape, select

__all__ = [
    "COORDINATES",
    "ROUNDINGS",
    "Value",
    "axis_in",
    "broadcast_to",
    "depth_to_space",
    "joined_axes",
    "nearest_samples",
    "padded",
    "part_along",
    "parts_along",
    "rearranged",
    "require_room",
    "reshaped",
    "resolved",
    "space_to_depth",
    "squeezed",
    "tiled",
    "unsqueezed",
]

Array = NDArray[Any]
Value = Signal | Array

_HALF = Fraction(1, 2)


def rearranged(value: Value, move: Callable[[Array], Array]) -> Value:
    """Return a value whose entries were moved, dropped or repeated by a numpy function.

    Examples
    --------
    >>> rearranged(np.array([[1, 2]]), np.transpose)
    array([[1],
           [2]])
    """
    if not isinstance(value, Signal):
        return move(value)
    return select(value, move(value.places))


def reshaped(value: Value, shape: Shape) -> Value:
    """Return a value in another shape, in C order."""
    return reshape(value, shape) if isinstance(value, Signal) else value.reshape(shape)


def resolved(old: Shape, new: Sequence[int]) -> Shape:
    """Return the new shape of as many values with its one -1 replaced.

    Examples
    --------
    >>> resolved((2, 3), [3, -1])
    (3, 2)
    """
    known = math.prod(extent for extent in new if extent != -1)
    size = math.prod(old)
    if min(new, default=1) < -1 or list(new).count(-1) > 1 or (-1 in new and not known):
        raise FormatError(f"the shape {tuple(new)} is malformed")
    shape = tuple(size // known if extent == -1 else int(extent) for extent in new)
    if math.prod(shape) != size:
        raise NetworkError(f"{size} values of shape {old} cannot take the shape {tuple(new)}")
    return shape


def axis_in(shape: Shape, axis: int) -> int:
    """Return a non-negative axis of a shape.

    Raises
    ------
    FormatError
        If the shape has no such axis.
    """
    if not -len(shape) <= axis < len(shape):
        raise FormatError(f"axis {axis} does not exist in shape {shape}")
    return int(axis) % len(shape)


def joined_axes(value: Value, start: int, end: int) -> Value:
    """Return a value whose axes from start to end (included) are joined into one."""
    shape = value.shape
    first, last = axis_in(shape, start), axis_in(shape, end)
    if first > last:
        raise FormatError(f"dimensions {start} to {end} do not exist in shape {shape}")
    merged = math.prod(shape[first : last + 1])
    return reshaped(value, (*shape[:first], merged, *shape[last + 1 :]))


def squeezed(value: Value, axes: Sequence[int] | None) -> Value:
    """Return a value without the given axes of extent 1; None: without all of them."""
    shape = value.shape
    if axes is None:
        dropped = {place for place, extent in enumerate(shape) if extent == 1}
    else:
        dropped = {axis + len(shape) if axis < 0 else axis for axis in axes}
    if any(not 0 <= axis < len(shape) or shape[axis] != 1 for axis in dropped):
        raise FormatError(f"axes {axes} cannot be squeezed out of shape {shape}")
    return reshaped(value, tuple(e for place, e in enumerate(shape) if place not in dropped))


def unsqueezed(value: Value, axes: Sequence[int]) -> Value:
    """Return a value with axes of extent 1 at the given places of the result."""
    rank = len(value.shape) + len(axes)
    places = {axis + rank if axis < 0 else axis for axis in axes}
    if len(places) != len(axes) or any(not 0 <= place < rank for place in places):
        raise FormatError(f"axes {axes} cannot be added to shape {value.shape}")
    rest = iter(value.shape)
    return reshaped(value, tuple(1 if place in places else next(rest) for place in range(rank)))


def part_along(value: Value, axis: int, slices: slice | NDArray[np.intp]) -> Value:
    """Return the part of a value that a slice or indices of one axis pick."""
    where = (*[slice(None)] * axis_in(value.shape, axis), slices)
    return rearranged(value, lambda array: array[where])


def parts_along(value: Value, axis: int, lengths: Sequence[int]) -> tuple[Value, ...]:
    """Return a value cut along an axis into parts of the given lengths."""
    axis = axis_in(value.shape, axis)
    if sum(lengths) != value.shape[axis] or min(lengths, default=0) < 1 or len(lengths) > 10_000:
        raise FormatError(f"parts of {tuple(lengths)} do not make {value.shape[axis]} along {axis}")
    ends = np.cumsum(lengths).tolist()
    return tuple(
        part_along(value, axis, slice(end - length, end))
        for end, length in zip(ends, lengths, strict=True)
    )


def broadcast_to(value: Value, shape: Shape) -> Value:
    """Return a value broadcast with a shape."""
    limit = MAX_VALUES if isinstance(value, Signal) else MAX_ENTRIES
    try:
        target = np.broadcast_shapes(value.shape, shape)
    except ValueError:
        raise NetworkError(f"shape {value.shape} does not broadcast to {shape}") from None
    if math.prod(target) > limit:
        raise NetworkError(f"an array of shape {target} has more than {limit} values")
    return rearranged(value, lambda array: np.broadcast_to(array, target))


def require_room(value: Value, repeats: Sequence[int]) -> None:
    """Refuse to repeat a value more often than a signal may be large."""
    if min(repeats, default=1) < 1 or math.prod(value.shape) * math.prod(repeats) > MAX_VALUES:
        raise FormatError(f"repeating shape {value.shape} {tuple(repeats)} times is too large")


def tiled(value: Value, repeats: Sequence[int]) -> Value:
    """Return a value repeated along its axes, as numpy.tile does."""
    require_room(value, repeats)
    return rearranged(value, lambda array: np.tile(array, repeats))


def depth_to_space(value: Value, size: int, *, block_first: bool) -> Value:
    """Return a value (..., channels, height, width) with channels moved into squares of pixels.

    Parameters
    ----------
    block_first : bool
        Whether the places in a square come before the new channels among the old ones, or
        behind them.
    """
    channels, height, width = value.shape[-3:]
    depth = channels // size**2
    apart = (size, size, depth) if block_first else (depth, size, size)
    order = (2, 3, 0, 4, 1) if block_first else (0, 3, 1, 4, 2)
    return _turned(value, (*apart, height, width), order, (depth, height * size, width * size))


def space_to_depth(value: Value, size: int, *, block_first: bool) -> Value:
    """Return a value with squares of pixels moved into channels: :func:`depth_to_space` undone."""
    channels, height, width = value.shape[-3:]
    rows, columns = height // size, width // size
    order = (2, 4, 0, 1, 3) if block_first else (0, 2, 4, 1, 3)
    apart = (channels, rows, size, columns, size)
    return _turned(value, apart, order, (channels * size**2, rows, columns))


def _turned(value: Value, apart: Shape, order: Shape, result: Shape) -> Value:
    """Return a value whose last three axes are split into others, put in order, and joined."""
    batch = value.shape[:-3]
    axes = (*range(len(batch)), *(len(batch) + axis for axis in order))
    return rearranged(
        value, lambda array: array.reshape(*batch, *apart).transpose(axes).reshape(*batch, *result)
    )


def padded(value: Value, pads: Sequence[tuple[int, int]], constant: float) -> Value:
    """Return a value with constants around it; negative pads cut.

    Parameters
    ----------
    pads : sequence of (before, after), one per axis
    """
    if not isinstance(value, Signal):
        raise FormatError("it pads a constant; fold constants before the export")
    if len(pads) != len(value.shape):
        raise FormatError(f"{len(pads)} pairs of pads do not fit {value.shape}")
    shape = tuple(extent + sum(pad) for extent, pad in zip(value.shape, pads, strict=True))
    if min(shape) < 1 or math.prod(shape) > MAX_VALUES:
        raise NetworkError(f"padding makes the shape {shape}, which is empty or too large")
    cut = tuple(
        slice(max(0, -a), n - max(0, -b)) for n, (a, b) in zip(value.shape, pads, strict=True)
    )
    wide = [(max(0, before), max(0, after)) for before, after in pads]
    index = np.pad(value.places[cut], wide, constant_values=-1)
    result = select(value, index)
    return add(result, np.where(index < 0, constant, 0.0)) if constant else result


# ONNX's names; each from the new place, the scale, and the old and new extent
COORDINATES: dict[str, Callable[[int, Fraction, int, int], Fraction]] = {
    "align_corners": lambda x, scale, extent, size: Fraction(x * (extent - 1), max(1, size - 1)),
    "asymmetric": lambda x, scale, extent, size: x / scale,
    "half_pixel": lambda x, scale, extent, size: (x + _HALF) / scale - _HALF,
    "pytorch_half_pixel": lambda x, scale, extent, size: (
        (x + _HALF) / scale - _HALF if size > 1 else Fraction(0)
    ),
    "tf_half_pixel_for_nn": lambda x, scale, extent, size: (x + _HALF) / scale,
}

ROUNDINGS: dict[str, Callable[[Fraction], int]] = {
    "ceil": math.ceil,
    "floor": math.floor,
    "round_prefer_ceil": lambda place: math.floor(place + _HALF),
    "round_prefer_floor": lambda place: math.ceil(place - _HALF),
}


def nearest_samples(
    extent: int, size: int, scale: Fraction, coordinate: str, rounding: str
) -> NDArray[np.intp]:
    """Return, for each place of an axis of the new size, the place it copies.

    Parameters
    ----------
    coordinate, rounding : str
        Names in :data:`COORDINATES` and :data:`ROUNDINGS`.

    Raises
    ------
    UnsupportedOperatorError
        If a name is not there.

    Examples
    --------
    >>> nearest_samples(2, 4, Fraction(2), "half_pixel", "round_prefer_floor")
    array([0, 0, 1, 1])
    """
    for name, table in ((coordinate, COORDINATES), (rounding, ROUNDINGS)):
        if name not in table:
            raise UnsupportedOperatorError(
                f"{name[:40]!r} is not supported, only {', '.join(table)}"
            )
    place, rounded = COORDINATES[coordinate], ROUNDINGS[rounding]
    places = [rounded(place(x, scale, extent, size)) for x in range(size)]
    return np.clip(np.array(places, dtype=np.intp), 0, extent - 1)
