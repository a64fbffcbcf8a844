"""Comparisons, each of them one ReLU unit: maxima, minima, clipping, and continuous choices.

``max(a, b) = b + relu(a - b)``: the unit's hyperplane is where a = b. The largest of
several values is found by a tournament: values 0 and 1, 2 and 3, ... are compared,
then the winners, and so on; the last one waits if their number is odd. Which regions
are linear does not depend on the order; the activation pattern does.

A truth value (`Switch`) jumps, so it is no value of a network. What it chooses between may still
meet where it changes: ``x > 0 ? x : 0.1 x`` does, ``x > 0 ? 1 : x`` does not. Whether
the two meet is decided on their linear forms, exactly; what is not seen to meet is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Indices
from polyregions.errors import NetworkError, UnsupportedOperatorError
from polyregions.io.blocks import Block
from polyregions.io.exact_floats import Floats, exact_product, exact_sum
from polyregions.io.exact_matrices import Sparse, exact_matrix_sum, mixed_rows, selection, sparse
from polyregions.io.lowering import add, add_signals, bend, concatenate, multiply
from polyregions.io.signals import (
    Shape,
    Signal,
    broadcast_shape,
    combine,
    reshape,
    select,
    spread,
    transformed,
)

__all__ = [
    "Switch",
    "clip",
    "greater",
    "largest",
    "largest_over",
    "lesser",
    "negated",
    "opposite",
    "ordered",
    "shrunk",
    "smallest_over",
    "switched",
    "where_positive",
]

# values along an axis that is sorted
MAX_SORTED = 1024

# bounds beyond the largest float32 are no bounds: exporters write them for "none"
_NO_BOUND = float(np.finfo(np.float32).max)


def negated(signal: Signal) -> Signal:
    """Return -signal."""
    return multiply(signal, np.array(-1.0))


def largest(signal: Signal, candidates: Indices) -> Signal:
    """Return the largest of the values at each row of flat indices.

    Parameters
    ----------
    candidates : numpy.ndarray of int, shape (outputs, k)
        Indices of the values to compare; -1 is no value. At least one in each row.

    Returns
    -------
    Signal
        Of shape (outputs,).

    Notes
    -----
    *Algorithm*: a tournament. Two values are compared once even where windows
    overlap, so that no unit appears twice.

    Examples
    --------
    >>> from polyregions.io.signals import source
    >>> [layer.weight.shape for layer in largest(source((3,)), np.array([[0, 1, 2]])).layers]
    [(3, 3), (2, 3), (1, 2)]
    """
    if not ((candidates >= 0).any(axis=1)).all():
        raise NetworkError("a window of a maximum holds no value at all; use less padding")
    # the values of a row first, so that no round compares with nothing before its end
    order = np.argsort(candidates < 0, axis=1, kind="stable")
    rows = np.take_along_axis(candidates, order, axis=1)
    flat = reshape(signal, (signal.size,))
    while rows.shape[1] > 1:
        if rows.shape[1] % 2:
            rows = np.pad(rows, ((0, 0), (0, 1)), constant_values=-1)
        pairs = rows.reshape(len(rows), -1, 2)
        games, place = np.unique(pairs.reshape(-1, 2), axis=0, return_inverse=True)
        place = place.reshape(pairs.shape[:2])
        empty = games[:, 0] < 0
        # np.unique sorts, so pairs without values come first
        flat = _round(flat, games[~empty])
        rows = np.where(empty[place], -1, place - int(empty.sum()))
        rows = rows[:, (rows >= 0).any(axis=0)]
    return select(flat, rows[:, 0])


def _round(values: Signal, games: Indices) -> Signal:
    """Return the winners; a game against -1 is won."""
    played = np.flatnonzero(games[:, 1] >= 0)
    survivor = np.where(games[:, 1] >= 0, games[:, 1], games[:, 0])
    shape = (len(games),)
    if not len(played):
        return select(values, survivor)
    first, second = (select(values, games[played, k]) for k in (0, 1))
    excess = bend(add_signals(first, second, -1.0), 0.0, 1.0)
    where = np.full(len(games), -1)
    where[played] = np.arange(len(played))
    return combine(
        [(values, selection(survivor, values.size)), (excess, selection(where, len(played)))], shape
    )


def largest_over(signal: Signal, axes: Sequence[int], *, keep: bool) -> Signal:
    """Return the maximum over the given axes, which stay with extent 1 if `keep`."""
    shape = signal.shape
    others = [axis for axis in range(len(shape)) if axis not in axes]
    index = signal.places.transpose([*others, *axes])
    rest = tuple(shape[axis] for axis in others)
    result = largest(signal, index.reshape(math.prod(rest), -1))
    ones = tuple(1 if axis in axes else extent for axis, extent in enumerate(shape))
    return reshape(result, ones if keep else rest)


def smallest_over(signal: Signal, axes: Sequence[int], *, keep: bool) -> Signal:
    """Return the minimum over the given axes, which stay with extent 1 if `keep`."""
    return negated(largest_over(negated(signal), axes, keep=keep))


def ordered(signal: Signal, axis: int) -> Signal:
    """Return the values sorted along an axis, the smallest first.

    Raises
    ------
    NetworkError
        If there are more than ``MAX_SORTED`` of them.

    Notes
    -----
    *Algorithm*: Batcher's merge exchange (Knuth, The Art of Computer Programming 3,
    5.2.2 M): rounds of comparisons that do not depend on the values. One ReLU unit
    gives both ends of a comparison: ``min = a - relu(a - b)``, ``max = b + relu(a - b)``.

    Examples
    --------
    >>> from polyregions.io.signals import source
    >>> [int(layer.bends.sum()) for layer in ordered(source((2,)), 0).layers]
    [1, 0]
    """
    places = np.moveaxis(signal.places, axis, 0)
    lines = places.reshape(len(places), -1)
    if len(lines) > MAX_SORTED:
        raise NetworkError(f"it sorts {len(lines)} values, more than the {MAX_SORTED} allowed")
    flat = reshape(signal, (signal.size,))
    everything = selection(np.arange(signal.size), signal.size)
    for pairs in _exchanges(len(lines)):
        low, high = (lines[[pair[end] for pair in pairs]].reshape(-1) for end in (0, 1))
        excess = bend(add_signals(select(flat, low), select(flat, high), -1.0), 0.0, 1.0)
        games = np.arange(len(low))
        where = np.concatenate([low, high]), np.concatenate([games, games])
        moved = sparse(*where, np.repeat([-1.0, 1.0], len(low)), (signal.size, len(low)))
        flat = combine([(flat, everything), (excess, moved)], (signal.size,))
    return reshape(flat, signal.shape)


def _exchanges(count: int) -> Iterator[list[tuple[int, int]]]:
    """Yield the rounds of a sorting network, each of disjoint pairs (i, j) with i < j."""
    top = 1 << max(0, (count - 1).bit_length() - 1)
    step = top
    while step:
        last, residue, gap = top, 0, step
        while True:
            pairs = [(i, i + gap) for i in range(count - gap) if i & step == residue]
            if pairs:
                yield pairs
            if last == step:
                break
            gap, last, residue = last - step, last // 2, step
        step //= 2


def lesser(parts: list[Signal | Floats]) -> Signal:
    """Return the entrywise minimum of signals and constants, broadcast."""
    return negated(greater([negated(p) if isinstance(p, Signal) else -p for p in parts]))


def greater(parts: list[Signal | Floats]) -> Signal:
    """Return the entrywise maximum of signals and constants, broadcast.

    Signals are compared first, in their order; then comes the largest constant.
    """
    shape = broadcast_shape(*(part.shape for part in parts))
    signals = [part for part in parts if isinstance(part, Signal)]
    constants = [part for part in parts if not isinstance(part, Signal)]
    joined = concatenate([reshape(spread(s, shape), (math.prod(shape),)) for s in signals], 0)
    winner = reshape(largest(joined, joined.places.reshape(len(signals), -1).T), shape)
    if constants:
        bound = np.broadcast_to(np.max(np.stack(np.broadcast_arrays(*constants)), axis=0), shape)
        winner = clip(winner, bound, None)
    return winner


def clip(signal: Signal, low: Floats | None, high: Floats | None) -> Signal:
    """Return the values moved into [low, high], with one or two ReLU units each.

    ``low + relu(z - low) - relu(z - high)``, or ``high - relu(high - z)`` where there is
    no lower bound. Bounds of the size of the largest float32 or more are none.

    Raises
    ------
    NetworkError
        If a lower bound is not below its upper bound or they do not broadcast.
    """
    bounds = [
        None if bound is None or bool((np.abs(bound) >= _NO_BOUND).all()) else bound
        for bound in (low, high)
    ]
    low, high = bounds
    if low is not None and high is not None:
        if not (low < high).all():
            raise NetworkError(f"it clips to [{low!s}, {high!s}], which leaves nothing to vary")
        both = select(signal, np.stack([signal.places, signal.places]))
        ends = np.stack([np.broadcast_to(bound, signal.shape) for bound in (low, high)])
        over = bend(add(both, -ends), 0.0, 1.0)
        above_low, above_high = (selection(half.reshape(-1), over.size) for half in over.places)
        matrix = above_low - above_high
        return add(transformed(over, matrix, signal.shape), low)
    if low is not None:
        return add(bend(add(signal, -low), 0.0, 1.0), low)
    if high is not None:
        return add(negated(bend(add(negated(signal), high), 0.0, 1.0)), high)
    return signal


def shrunk(signal: Signal, by: float) -> Signal:
    """Return the values moved towards zero by a number, and zero where they would pass it."""
    if by == 0:
        return signal
    return add_signals(signal, clip(signal, np.array(-by), np.array(by)), -1.0)


@dataclass(frozen=True, eq=False)
class Switch:
    """Which values of a signal are positive; at zero it may be either way.

    Parameters
    ----------
    signal : Signal
    """

    signal: Signal


@dataclass(frozen=True, eq=False)
class _Form:
    """A linear form of blocks: sum of matrix @ block + bias."""

    terms: dict[Block, Sparse]
    bias: Floats


def opposite(switch: Switch) -> Switch:
    """Return the switch that is on where another one is off."""
    return Switch(multiply(switch.signal, np.array(-1.0)))


def where_positive(switch: Switch, on: Signal | Floats, off: Signal | Floats) -> Signal:
    """Return `on` where the switch is on and `off` elsewhere, entry by entry, broadcast.

    Raises
    ------
    UnsupportedOperatorError
        If the two are not seen to be equal where the switch changes.
    NetworkError
        If the shapes do not broadcast.

    Notes
    -----
    *Algorithm*: let z be the switch's signal. If ``on = u z`` and ``off = l z`` for numbers
    u and l, the result is z bent with these slopes; if ``on - off = s z`` for a number s, it
    is ``off + s relu(z)``. The numbers are found, and the equations proven, on the linear
    forms of all three over the blocks that z reads, or over the block of z itself.

    Examples
    --------
    >>> from polyregions.io.signals import source
    >>> x = source((2,))
    >>> kinked = where_positive(Switch(x), x, multiply(x, np.array(0.5)))
    >>> kinked.layers[0].lower
    array([0.5, 0.5])
    """
    shape = broadcast_shape(switch.signal.shape, on.shape, off.shape)
    signal, upper, lower = (_spread(part, shape) for part in (switch.signal, on, off))
    assert isinstance(signal, Signal)
    block = signal.block
    for over in ({block}, {parent for parent, _ in block.terms}):
        z, above, below = (_form(part, over) for part in (signal, upper, lower))
        slopes = [_common_slopes(form, z) for form in (below, above)]
        if slopes[0] is not None and slopes[1] is not None:
            return bend(signal, slopes[0].reshape(shape), slopes[1].reshape(shape))
        step = _step(above, below, z)
        if step is not None:
            rise = multiply(bend(signal, 0.0, 1.0), step.reshape(shape))
            return add_signals(rise, lower) if isinstance(lower, Signal) else add(rise, lower)
    raise UnsupportedOperatorError(
        "the two values that it chooses between are not seen to be equal where the condition "
        "changes, so it may jump there; only a continuous choice such as x > 0 ? x : 0.1 x "
        "is supported"
    )


def _form(part: Signal | Floats, over: set[Block]) -> _Form:
    """Return a value as a form of the given blocks, or of those that it reads."""
    if not isinstance(part, Signal):
        return _Form({}, part.reshape(-1))
    block = part.block
    if block.affine and block not in over:
        return _Form({parent: matrix for parent, matrix in block.terms if matrix.nnz}, block.bias)
    identity = selection(np.arange(block.size), block.size)
    return _Form({block: identity}, np.zeros(block.size))


def _common_slopes(form: _Form, z: _Form) -> Floats | None:
    """Return the numbers s with form = s z, entry by entry, if they are floats for certain."""
    size = len(z.bias)
    slopes = np.zeros(size)
    known = np.zeros(size, dtype=bool)
    for parent, matrix in z.terms.items():
        # the first entry of each row gives the number; all entries are checked below
        rows = np.flatnonzero((np.diff(matrix.indptr) > 0) & ~known)
        first = matrix.indptr[rows]
        known[rows] = True
        if parent in form.terms:
            there = sparse(rows, matrix.indices[first], np.ones(len(rows)), matrix.shape)
            entries = form.terms[parent].multiply(there).sum(axis=1)
            with np.errstate(over="ignore"):
                slopes[rows] = entries[rows] / matrix.data[first]
    if not (known.all() and np.isfinite(slopes).all()) or form.terms.keys() - z.terms.keys():
        return None
    diagonal = sparse(np.arange(size), np.arange(size), slopes, (size, size))
    bias = exact_product(slopes, z.bias)
    if bias is None or not np.array_equal(bias, form.bias):
        return None
    for parent, matrix in z.terms.items():
        product = mixed_rows(diagonal, matrix)
        given = form.terms.get(parent, Sparse(matrix.shape))
        if product is None or (product - given).count_nonzero():
            return None
    return slopes


def _step(above: _Form, below: _Form, z: _Form) -> Floats | None:
    """Return the numbers s with above - below = s z, if they are floats for certain."""
    bias = exact_sum(above.bias, -below.bias)
    terms = dict(above.terms)
    for parent, matrix in below.terms.items():
        total = exact_matrix_sum(terms[parent], -matrix) if parent in terms else -matrix
        if total is None:
            return None
        terms[parent] = total
    if bias is None:
        return None
    return _common_slopes(_Form({p: m for p, m in terms.items() if m.nnz}, bias), z)


def switched(mask: NDArray[np.bool_], on: Signal | Floats, off: Signal | Floats) -> Signal | Floats:
    """Return `on` where a constant mask is true and `off` elsewhere, entry by entry, broadcast."""
    shape = broadcast_shape(mask.shape, on.shape, off.shape)
    chosen = np.broadcast_to(mask, shape)
    places = np.arange(chosen.size).reshape(shape)
    signals: list[Signal] = []
    constant = np.zeros(shape)
    for part, taken in ((_spread(on, shape), chosen), (_spread(off, shape), ~chosen)):
        if isinstance(part, Signal):
            signals.append(select(part, np.where(taken, places, -1)))
        else:
            constant[taken] = part[taken]
    if not signals:
        return constant
    return add(reduce(add_signals, signals), constant)


def _spread(part: Signal | Floats, shape: Shape) -> Signal | Floats:
    """Return a value broadcast to a shape."""
    return spread(part, shape) if isinstance(part, Signal) else np.broadcast_to(part, shape)
