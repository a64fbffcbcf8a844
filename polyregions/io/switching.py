"""Choices by a comparison, ``where(x > 0, a, b)``, where they are continuous.

A choice between two values is piecewise linear and continuous if both agree where the
condition switches. That is decided here from the exact parameters: as affine functions of
the same values, the two sides are ``p * z + s`` and ``q * z + s`` of the number z that is
compared with zero, or differ by a multiple of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from polyregions.errors import UnsupportedOperatorError
from polyregions.io.blocks import Block
from polyregions.io.exact_floats import Floats, exact_product, exact_sum
from polyregions.io.exact_sparse import Sparse, mixed_rows, selection, sparse
from polyregions.io.lowering import (
    Signal,
    add,
    add_signals,
    bend,
    broadcast_shape,
    multiply,
    select,
)

__all__ = ["Condition", "chosen", "greater", "opposite"]

# values as affine functions of the units of other blocks
_Form = tuple[dict[Block, Sparse], Floats]


@dataclass(frozen=True, eq=False)
class Condition:
    """Holds where ``excess`` is positive; at zero, both sides of a choice agree."""

    excess: Signal

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array of truth values."""
        return self.excess.shape


def greater(a: Signal | Floats, b: Signal | Floats) -> Condition:
    """Return the condition a > b, broadcast; one of the two is a signal.

    Examples
    --------
    >>> from polyregions.io.lowering import source
    >>> greater(source((2,)), np.array(1.0)).excess.layers[-1].bias
    array([-1., -1.])
    """
    if isinstance(a, Signal):
        return Condition(add_signals(a, b, -1.0) if isinstance(b, Signal) else add(a, -b))
    assert isinstance(b, Signal)
    return Condition(add(multiply(b, np.array(-1.0)), a))


def opposite(condition: Condition) -> Condition:
    """Return the condition that holds where another one does not."""
    return Condition(multiply(condition.excess, np.array(-1.0)))


def chosen(condition: Condition, a: Signal | Floats, b: Signal | Floats) -> Signal:
    """Return a where the condition holds and b elsewhere, broadcast.

    Raises
    ------
    UnsupportedOperatorError
        If the two sides do not agree, or are not known to agree, where it switches.

    Examples
    --------
    >>> from polyregions.io.lowering import source
    >>> x = source((2,))
    >>> kept = chosen(greater(x, np.array(0.0)), x, np.array(0.0))
    >>> kept.layers[0].lower, kept.layers[0].upper
    (array([0., 0.]), array([1., 1.]))
    """
    shape = broadcast_shape(condition.shape, a.shape, b.shape)
    z = _spread(condition.excess, shape)
    sides = [_spread(side, shape) for side in (a, b)]
    upper, lower = (_in_terms_of(side, z) for side in sides)
    if upper is not None and lower is not None:
        if not (upper[1] == lower[1]).all():
            raise UnsupportedOperatorError(
                "its result jumps where its condition switches, so the network is not continuous"
            )
        bent = bend(z, lower[0].reshape(shape), upper[0].reshape(shape))
        return add(bent, upper[1].reshape(shape))
    gap = _in_terms_of(_difference(*sides), z)
    if gap is None or gap[1].any():
        raise UnsupportedOperatorError(
            "its two sides are not known to agree where its condition switches; "
            "only continuous choices such as where(x > 0, x, 0.1 * x) are supported"
        )
    bent = multiply(bend(z, 0.0, 1.0), gap[0].reshape(shape))
    other = sides[1]
    return add_signals(bent, other) if isinstance(other, Signal) else add(bent, other)


def _spread(value: Signal | Floats, shape: tuple[int, ...]) -> Signal | Floats:
    if not isinstance(value, Signal):
        return np.broadcast_to(value, shape)
    index = np.arange(value.size).reshape(value.shape)
    return select(value, np.broadcast_to(index, shape))


def _difference(a: Signal | Floats, b: Signal | Floats) -> Signal | Floats:
    if isinstance(a, Signal):
        return add_signals(a, b, -1.0) if isinstance(b, Signal) else add(a, -b)
    assert isinstance(b, Signal)  # two constants are in terms of anything
    return add(multiply(b, np.array(-1.0)), a)


def _in_terms_of(value: Signal | Floats, z: Signal) -> tuple[Floats, Floats] | None:
    """Return p and s with value = p * z + s entry by entry, if such floats are found."""
    if not isinstance(value, Signal):
        return np.zeros(z.size), value.reshape(-1)
    for form in _forms(value):
        for base in _forms(z):
            if form[0].keys() == base[0].keys() and (found := _ratio(form, base)) is not None:
                return found
    return None


def _forms(signal: Signal) -> Iterator[_Form]:
    """Yield a signal as a function of its own block, and of those that this one adds up."""
    block = signal.block
    yield {block: selection(np.arange(block.size), block.size)}, np.zeros(block.size)
    if block.affine:
        yield dict(block.terms), block.bias


def _ratio(form: _Form, base: _Form) -> tuple[Floats, Floats] | None:
    """Return p and s with form = p * base + s, row by row, if they are floats."""
    factor = np.zeros(len(form[1]))
    for block, matrix in base[0].items():
        rows = np.flatnonzero((np.diff(matrix.indptr) > 0) & (factor == 0))
        first = matrix.indptr[rows]
        other = np.asarray(form[0][block][rows, matrix.indices[first]]).reshape(-1)
        with np.errstate(over="ignore", under="ignore"):
            factor[rows] = other / matrix.data[first]
    if not np.isfinite(factor).all():
        return None
    places = np.arange(len(factor))
    scaling = sparse(places, places, factor, (len(factor),) * 2)
    for block, matrix in base[0].items():
        # the quotient may have been rounded: only the product decides
        product = mixed_rows(scaling, matrix)
        if product is None or (product - form[0][block]).count_nonzero():
            return None
    shift = exact_product(base[1], factor)
    rest = None if shift is None else exact_sum(form[1], -shift)
    return None if rest is None else (factor, rest)
