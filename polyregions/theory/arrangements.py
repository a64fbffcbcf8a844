"""The number of regions of any hyperplane arrangement, exactly.

One hidden layer of ReLU units on the whole space is an arrangement, so this is a count
that shares nothing with the walk.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from math import comb

from polyregions.errors import PolyregionsError

__all__ = ["arrangement_regions", "convolution_regions"]

# normal entries, then the offset; the first non-zero entry of the normal is 1
Hyperplane = tuple[Fraction, ...]


def arrangement_regions(
    normals: Sequence[Sequence[float | Fraction]], offsets: Sequence[float | Fraction]
) -> int:
    """Return how many regions hyperplanes cut R^n into, whatever their position.

    Parameters
    ----------
    normals : sequence of m sequences of n numbers
        Floats are taken as the rationals they are.
    offsets : sequence of m numbers
        Hyperplane i is ``normals[i] @ x + offsets[i] == 0``; rows with a zero normal
        are no hyperplanes and are left out.

    Returns
    -------
    int

    Raises
    ------
    PolyregionsError
        If the numbers of normals and offsets differ.

    Notes
    -----
    *Algorithm.* Deletion and restriction (Zaslavsky 1975): a further hyperplane adds
    as many regions as the others cut it into. The work grows like the number of regions.

    Examples
    --------
    The braid arrangement of R^3, and five lines of which three meet and two are parallel:

    >>> arrangement_regions([[1, -1, 0], [1, 0, -1], [0, 1, -1]], [0, 0, 0])
    6
    >>> arrangement_regions([[1, 0], [0, 1], [1, 1], [1, 2], [1, 2]], [0, 0, 0, -1, -2])
    14
    """
    if len(normals) != len(offsets):
        raise PolyregionsError(
            f"give one offset per hyperplane: there are {len(normals)} normals "
            f"and {len(offsets)} offsets"
        )
    rows = [
        (*(Fraction(entry) for entry in normal), Fraction(offset))
        for normal, offset in zip(normals, offsets, strict=True)
    ]
    return _regions(_distinct_hyperplanes(rows))


def _regions(hyperplanes: Sequence[Hyperplane]) -> int:
    if hyperplanes and len(hyperplanes[0]) == 2:
        return len(hyperplanes) + 1
    return 1 + sum(
        _regions(_distinct_hyperplanes(_restricted(hyperplanes[:i], last)))
        for i, last in enumerate(hyperplanes)
    )


def _restricted(hyperplanes: Sequence[Hyperplane], last: Hyperplane) -> list[Hyperplane]:
    """Return the traces on `last`, with its first used coordinate eliminated."""
    pivot = next(k for k, entry in enumerate(last[:-1]) if entry)
    return [
        tuple(
            entry - row[pivot] * other
            for k, (entry, other) in enumerate(zip(row, last, strict=True))
            if k != pivot
        )
        for row in hyperplanes
    ]


def _distinct_hyperplanes(rows: Sequence[Hyperplane]) -> list[Hyperplane]:
    """Return each hyperplane once; rows with a zero normal are empty or everything."""
    found: dict[Hyperplane, None] = {}
    for row in rows:
        lead = next((entry for entry in row[:-1] if entry), None)
        if lead is not None:
            found[tuple(entry / lead for entry in row)] = None
    return list(found)


def convolution_regions(
    shape: tuple[int, int],
    window: tuple[int, int],
    filters: int,
    *,
    channels: int = 1,
    stride: int = 1,
) -> int:
    """Return the largest number of regions of one convolutional ReLU layer.

    Parameters
    ----------
    shape, window : pair of int
        Heights and widths of the input and of the filters; no padding.
    filters : int
        Number d of filters.
    channels : int
        Channels of the input, all of which a filter reads.
    stride : int

    Returns
    -------
    int
        Almost all weights and biases reach it (Xiong et al. 2020, arXiv 2006.00978).

    Raises
    ------
    PolyregionsError
        If a size is not positive or the window is larger than the input.

    Notes
    -----
    *Algorithm.* The sum of prod_i C(d, t_i) over all t with, for every set J of window
    positions, sum_{i in J} t_i <= (number of inputs that some window of J reads): sets
    of hyperplanes with independent normals. By Hall's theorem t is allowed iff its
    t_i copies of each window can be matched with different inputs; partial tuples are
    extended together with such a matching.

    Examples
    --------
    >>> sizes = [((1, 3), 2), ((1, 3), 3), ((1, 4), 2), ((2, 2), 2), ((1, 4), 3)]
    >>> [convolution_regions(shape, (1, 2), filters) for shape, filters in sizes]
    [15, 40, 55, 16, 217]
    """
    if min(*shape, *window, filters, channels, stride) < 1:
        raise PolyregionsError("the sizes of a convolution must be positive")
    if window[0] > shape[0] or window[1] > shape[1]:
        raise PolyregionsError(
            f"the window {window} must fit into the input {shape}; give a larger input"
        )
    return _sum_from(0, _window_inputs(shape, window, channels, stride), filters, {})


def _window_inputs(
    shape: tuple[int, int], window: tuple[int, int], channels: int, stride: int
) -> list[tuple[int, ...]]:
    """Return the inputs that each window position reads."""
    corners = product(
        range(0, shape[0] - window[0] + 1, stride), range(0, shape[1] - window[1] + 1, stride)
    )
    return [
        tuple(
            (c * shape[0] + i + a) * shape[1] + j + b
            for c, a, b in product(range(channels), range(window[0]), range(window[1]))
        )
        for i, j in corners
    ]


def _sum_from(
    position: int, windows: list[tuple[int, ...]], filters: int, reader: dict[int, int]
) -> int:
    """Sum over the copies of the windows from `position` on.

    ``reader[i]`` is the window that input i is matched with; earlier copies have theirs.
    """
    if position == len(windows):
        return 1
    reader = dict(reader)
    total = _sum_from(position + 1, windows, filters, reader)
    for copies in range(1, filters + 1):
        if not _matched(position, windows, reader, set()):
            break
        total += comb(filters, copies) * _sum_from(position + 1, windows, filters, reader)
    return total


def _matched(
    position: int, windows: list[tuple[int, ...]], reader: dict[int, int], seen: set[int]
) -> bool:
    """Give one more input to a window, moving others along an augmenting path."""
    for entry in windows[position]:
        if entry in seen:
            continue
        seen.add(entry)
        if entry not in reader or _matched(reader[entry], windows, reader, seen):
            reader[entry] = position
            return True
    return False
