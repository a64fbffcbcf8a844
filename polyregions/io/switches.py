"""Choices between two values by the sign of a third, where the choice is continuous.

A comparison jumps, so it is no value of a network. What it chooses between may still
meet where it changes: ``x > 0 ? x : 0.1 x`` does, ``x > 0 ? 1 : x`` does not. Whether
the two meet is decided on their linear forms, exactly; what is not seen to meet is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import UnsupportedOperatorError
from polyregions.io.blocks import Block
from polyregions.io.exact_floats import Floats, exact_product, exact_sum
from polyregions.io.exact_matrices import Sparse, exact_matrix_sum, mixed_rows, selection, sparse
from polyregions.io.lowering import add, add_signals, bend, multiply
from polyregions.io.signals import Shape, Signal, broadcast_shape, select, spread

__all__ = ["Switch", "opposite", "switched", "where_positive"]


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
