"""ATen operators that repeat, pick and reorder values; they compute nothing and are no views."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import FormatError, UnsupportedOperatorError
from polyregions.io import rearranging
from polyregions.io.exact_floats import MAX_ENTRIES, Floats
from polyregions.io.lowering import MAX_VALUES, Signal
from polyregions.io.torch_values import Arguments, TorchLowering, TorchValue, moved_of

__all__ = ["PICKS"]


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
