"""Convolution and pooling in any number of spatial dimensions, as sparse matrices.

Signals have the shape (batch, channels, spatial...). A :class:`Windows` says which
positions each window reads; everything else follows from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Indices
from polyregions.errors import NetworkError
from polyregions.io.blocks import MAX_UNITS, MAX_WEIGHTS
from polyregions.io.comparisons import largest
from polyregions.io.exact_floats import Floats
from polyregions.io.exact_matrices import Sparse, sparse
from polyregions.io.lowering import add, divide
from polyregions.io.signals import Shape, Signal, reshape, transformed

__all__ = [
    "Sliding",
    "Windows",
    "average_pool",
    "convolve",
    "convolve_transposed",
    "max_pool",
    "same_padding",
    "spread_shape",
    "windows",
    "windows_with_ceil",
]


@dataclass(frozen=True, eq=False)
class Windows:
    """Which positions the windows of a convolution or pooling read.

    Parameters
    ----------
    shape : tuple of int
        Spatial shape of the result.
    index : numpy.ndarray of int, shape (windows, taps)
        Flat spatial positions, taps in C order; -1 is padding.
    sizes : numpy.ndarray of int, shape (windows,)
        How many taps of each window a mean counts that counts padding.
    """

    shape: Shape
    index: Indices
    sizes: Indices


class Sliding(NamedTuple):
    """How filters slide over an array, in each spatial dimension.

    Attributes
    ----------
    strides : sequence of int
    pads : sequence of (before, after)
        Zeros added around the array.
    dilations : sequence of int
    groups : int
        Into how many parts the channels fall that have filters of their own.
    """

    strides: Sequence[int]
    pads: Sequence[tuple[int, int]]
    dilations: Sequence[int]
    groups: int = 1


def same_padding(
    spatial: Shape, kernel: Shape, strides: Shape, dilations: Shape, *, at_the_end: bool = True
) -> tuple[tuple[int, int], ...]:
    """Return the padding that makes the result ceil(extent / stride) large.

    What cannot be halved goes to the end, or to the start.

    Examples
    --------
    >>> same_padding((5,), (2,), (1,), (1,))
    ((0, 1),)
    """
    pads = []
    for extent, taps, stride, dilation in zip(spatial, kernel, strides, dilations, strict=True):
        reach = (taps - 1) * dilation + 1
        total = max(0, (-(-extent // stride) - 1) * stride + reach - extent)
        small, large = total // 2, total - total // 2
        pads.append((small, large) if at_the_end else (large, small))
    return tuple(pads)


def windows(spatial: Shape, kernel: Sequence[int], sliding: Sliding) -> Windows:
    """Return the windows over an array of a spatial shape.

    Raises
    ------
    NetworkError
        If the numbers do not fit the array or there would be too many windows.

    Examples
    --------
    >>> windows((3,), [2], Sliding([1], [(0, 1)], [1])).index
    array([[ 0,  1],
           [ 1,  2],
           [ 2, -1]])
    """
    strides, pads, dilations, _ = sliding
    rank = len(spatial)
    if any(len(numbers) != rank for numbers in (kernel, strides, pads, dilations)):
        raise NetworkError(f"its kernel, strides, pads and dilations do not fit {spatial}")
    if min((*kernel, *strides, *dilations), default=0) < 1 or min(map(min, pads)) < 0:
        raise NetworkError("a kernel, stride or dilation is not positive, or a pad is negative")
    out = tuple(
        (extent + sum(pad) - (taps - 1) * dilation - 1) // stride + 1
        for extent, taps, stride, pad, dilation in zip(
            spatial, kernel, strides, pads, dilations, strict=True
        )
    )
    if min(out) < 1:
        raise NetworkError(f"a window of {tuple(kernel)} does not fit into {spatial}")
    return _placed_windows(out, spatial, kernel, sliding)


def windows_with_ceil(spatial: Shape, kernel: Sequence[int], sliding: Sliding) -> Windows:
    """Return the windows of a pooling in ceil mode: the last may reach over the end.

    What lies beyond the padding counts in no mean. A window that would start behind the
    array is left out.

    Examples
    --------
    >>> windows_with_ceil((4,), [3], Sliding([2], [(0, 0)], [1])).index
    array([[ 0,  1,  2],
           [ 2,  3, -1]])
    """
    strides, pads, dilations, _ = sliding
    over = []
    for extent, taps, stride, pad, dilation in zip(
        spatial, kernel, strides, pads, dilations, strict=True
    ):
        span = extent + sum(pad) - (taps - 1) * dilation - 1
        steps = min(-(-span // stride), (extent + pad[0] - 1) // stride)
        over.append(max(0, steps * stride - span))
    longer = [(before, after + more) for (before, after), more in zip(pads, over, strict=True)]
    padded = tuple(extent + sum(pad) for extent, pad in zip(spatial, pads, strict=True))
    within = windows(padded, kernel, sliding._replace(pads=[(0, more) for more in over]))
    seen = windows(spatial, kernel, sliding._replace(pads=longer))
    return replace(seen, sizes=(within.index >= 0).sum(axis=1))


def _placed_windows(out: Shape, spatial: Shape, kernel: Sequence[int], sliding: Sliding) -> Windows:
    """Return so many windows; the first starts before the array by the pads in front."""
    if math.prod(out) > MAX_UNITS or math.prod(out) * math.prod(kernel) > MAX_WEIGHTS // 4:
        raise NetworkError(f"{math.prod(out)} windows of {tuple(kernel)} are too many")
    flat = np.zeros((1, 1), dtype=np.intp)
    inside = np.ones((1, 1), dtype=bool)
    for axis, extent in enumerate(spatial):
        starts = np.arange(out[axis]) * sliding.strides[axis] - sliding.pads[axis][0]
        places = starts[:, None] + np.arange(kernel[axis]) * sliding.dilations[axis]
        flat = _crossed(flat * extent, places, np.add)
        inside = _crossed(inside, (places >= 0) & (places < extent), np.logical_and)
    return Windows(out, np.where(inside, flat, -1), np.full(len(flat), flat.shape[1]))


def _crossed(old: NDArray, new: NDArray, operation: np.ufunc) -> NDArray:  # type: ignore[type-arg]
    both = operation(old[:, None, :, None], new[None, :, None, :])
    return np.asarray(both.reshape(old.shape[0] * new.shape[0], -1))


def convolve(signal: Signal, weight: Floats, bias: Floats | None, sliding: Sliding) -> Signal:
    """Return the cross-correlation of a signal with filters, as networks define convolution.

    Parameters
    ----------
    signal : Signal
        Of shape (batch, channels, spatial...).
    weight : numpy.ndarray, shape (filters, channels / groups, kernel...)
    bias : numpy.ndarray, shape (filters,), optional
    sliding : Sliding

    Raises
    ------
    NetworkError
        If the shapes do not fit or the result is too large.
    """
    _check_filters(signal, weight)
    spatial, (filters, depth, *kernel) = signal.shape[2:], weight.shape
    if sliding.groups < 1 or filters % sliding.groups or signal.shape[1] != depth * sliding.groups:
        raise NetworkError(
            f"{filters} filters of {depth} channels in {sliding.groups} groups do not fit "
            f"{signal.shape[1]} channels"
        )
    seen = windows(spatial, kernel, sliding)
    shape = (signal.shape[0], filters, *seen.shape)
    _check_units(shape)
    matrix = _filter_matrix(signal.shape[0], weight, sliding.groups, seen, math.prod(spatial))
    return _filtered(signal, matrix, shape, bias)


def spread_shape(
    spatial: Shape, kernel: Sequence[int], sliding: Sliding, extra: Sequence[int]
) -> Shape:
    """Return the spatial shape of a transposed convolution before anything is cut off it."""
    return tuple(
        (extent - 1) * stride + (taps - 1) * dilation + 1 + more
        for extent, taps, stride, dilation, more in zip(
            spatial, kernel, sliding.strides, sliding.dilations, extra, strict=True
        )
    )


def convolve_transposed(
    signal: Signal, weight: Floats, bias: Floats | None, sliding: Sliding, extra: Sequence[int]
) -> Signal:
    """Return the transposed convolution: each value spreads a filter over the result.

    Parameters
    ----------
    signal : Signal
        Of shape (batch, channels, spatial...).
    weight : numpy.ndarray, shape (channels, filters / groups, kernel...)
    bias : numpy.ndarray, shape (filters,), optional
    sliding : Sliding
        Its pads are what is cut off the result; a negative number adds to it.
    extra : sequence of int
        What is added to the end of the result.

    Raises
    ------
    NetworkError
        If the shapes do not fit or the result is too large.

    Notes
    -----
    *Algorithm*: its matrix is the transpose of that of the convolution of the *result* whose
    windows are the places that the values of the signal spread over.
    """
    _check_filters(signal, weight)
    spatial, (channels, depth, *kernel) = signal.shape[2:], weight.shape
    if sliding.groups < 1 or channels % sliding.groups or channels != signal.shape[1]:
        raise NetworkError(
            f"{channels} filters in {sliding.groups} groups do not fit {signal.shape[1]} channels"
        )
    whole = spread_shape(spatial, kernel, sliding, extra)
    out = tuple(extent - sum(pad) for extent, pad in zip(whole, sliding.pads, strict=True))
    if min(out) < 1:
        raise NetworkError(f"its pads {tuple(sliding.pads)} leave nothing of the result")
    seen = _placed_windows(spatial, out, kernel, sliding)
    shape = (signal.shape[0], depth * sliding.groups, *out)
    _check_units(shape)
    matrix = _filter_matrix(signal.shape[0], weight, sliding.groups, seen, math.prod(out))
    return _filtered(signal, Sparse(matrix.T), shape, bias)


def _check_filters(signal: Signal, weight: Floats) -> None:
    if len(signal.shape) < 3 or weight.ndim != len(signal.shape):
        raise NetworkError(f"filters of shape {weight.shape} do not fit {signal.shape}")


def _check_units(shape: Shape) -> None:
    if math.prod(shape) > MAX_UNITS:
        raise NetworkError(f"it makes {math.prod(shape)} units, which are too many")


def _filter_matrix(batch: int, weight: Floats, groups: int, seen: Windows, area: int) -> Sparse:
    """Return the matrix of a convolution of `batch` arrays of so many places in each channel."""
    filters, depth = weight.shape[:2]
    count, taps = seen.index.shape
    if batch * filters * depth * count * taps > MAX_WEIGHTS:
        raise NetworkError(f"it makes {batch * filters * count} sums of {depth * taps}: too many")
    window, tap = np.nonzero(seen.index >= 0)
    # axes: image, filter, channel of the filter's group, valid (window, tap)
    n, f, c = np.ix_(np.arange(batch), np.arange(filters), np.arange(depth))
    values = weight.reshape(filters, depth, taps)[:, :, tap][None]
    rows = ((n * filters + f) * count)[..., None] + window
    channel = (n * groups + f // (filters // groups)) * depth + c
    columns = (channel * area)[..., None] + seen.index[window, tap]
    rows, columns, values = (a.reshape(-1) for a in np.broadcast_arrays(rows, columns, values))
    shape = (batch * filters * count, batch * groups * depth * area)
    return sparse(rows, columns, values, shape)


def _filtered(signal: Signal, matrix: Sparse, shape: Shape, bias: Floats | None) -> Signal:
    if bias is not None and bias.shape != shape[1:2]:
        raise NetworkError(f"a bias of shape {bias.shape} does not fit {shape[1]} filters")
    result = transformed(signal, matrix, shape)
    return result if bias is None else add(result, bias.reshape(-1, *[1] * (len(shape) - 2)))


def average_pool(signal: Signal, seen: Windows, *, count_padding: bool) -> Signal:
    """Return the mean of each window.

    Dividing by the number of values is exact where that is a power of two; otherwise
    see :func:`~polyregions.io.lowering.divide`.
    """
    index = _over_channels(signal, seen)
    rows, tap = np.nonzero(index >= 0)
    ones = np.ones(len(rows))
    matrix = sparse(rows, index[rows, tap], ones, (len(index), signal.size))
    shape = (*signal.shape[:2], *seen.shape)
    counted = seen.sizes if count_padding else (seen.index >= 0).sum(axis=1)
    divisor = np.tile(counted.astype(float), math.prod(signal.shape[:2]))
    if not divisor.all():
        raise NetworkError("a window lies in the padding altogether; use less padding")
    return divide(transformed(signal, matrix, shape), divisor.reshape(shape))


def max_pool(signal: Signal, seen: Windows) -> Signal:
    """Return the largest value of each window, see :mod:`~polyregions.io.comparisons`."""
    return reshape(largest(signal, _over_channels(signal, seen)), (*signal.shape[:2], *seen.shape))


def _over_channels(signal: Signal, seen: Windows) -> Indices:
    """Return the windows of every image and channel, as flat indices of the signal."""
    planes, area = math.prod(signal.shape[:2]), math.prod(signal.shape[2:])
    if planes * seen.index.size > MAX_WEIGHTS // 4 or planes * len(seen.index) > MAX_UNITS:
        raise NetworkError(f"{planes * len(seen.index)} windows are too many")
    index = seen.index[None] + (np.arange(planes) * area)[:, None, None]
    return np.where(seen.index[None] >= 0, index, -1).reshape(-1, seen.index.shape[1])
