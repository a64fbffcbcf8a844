"""Fewer units for the same function, exactly: sums of what equal and linear units add up to.

Nothing is rounded. What the layer above reads is an integer matrix over a power of two; a number
of it that no float holds is the sum of several floats, its *pieces*, and a unit that is read
with such a number is there several times. Units are replaced where that makes them fewer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array, hstack, vstack

from polyregions.arrays import Floats, Indices, Integers
from polyregions.network.layer import Layer
from polyregions.network.layer_sequences import (
    ExactTable,
    exact_matrix_product,
    exact_table,
    float_pieces,
    table_floats,
    with_added,
)
from polyregions.network.value_numbering import numbers_of_layer, value_numbers

__all__ = ["Condensed", "condense", "used_units"]

_MOST_ENTRIES = 2**22  # of a matrix of integers that is worth its time


@dataclass(frozen=True, eq=False)
class Condensed:
    """Layers that compute what those of a network do.

    Attributes
    ----------
    layers : tuple of Layer
        At least one unit bends; the last one is affine.
    origins : tuple of numpy.ndarray of int64
        For each hidden layer and unit the unit it was, all units of the given layers counted
        from 0; -1 for a unit that only carries a value, or the number 1, to the layer above.
    places : tuple of int
        Which of the given layers each hidden layer was.
    """

    layers: tuple[Layer, ...]
    origins: tuple[Integers, ...]
    places: tuple[int, ...]


def condense(layers: Sequence[Layer], constants: Mapping[int, Fraction]) -> Condensed:
    """Return layers with fewer units that compute the same.

    Parameters
    ----------
    layers : sequence of Layer
        Of a network. A unit that never bends where it matters has equal slopes.
    constants : mapping of int to Fraction
        The values of inputs that are constant where it matters.

    Notes
    -----
    *Algorithm.* What no output depends on goes. Units of a layer whose rows are proportional are
    one unit, as far as floats hold the sums of the numbers that they are read with. Units that
    do not bend are written as functions of the layer below, whose units are then carried through
    the layer, if these are fewer; a layer without a unit that bends is left out where floats hold
    its product with the one above. Again, until nothing changes.

    Examples
    --------
    2 relu(x) + relu(2 x) is 4 relu(x):

    >>> layers = [Layer.relu([[1.0], [2.0]], [0.0, 0.0]), Layer.affine([[2.0, 1.0]], [0.0])]
    >>> [layer.weight.tolist() for layer in condense(layers, {}).layers]
    [[[1.0]], [[4.0]]]
    """
    widths = [len(layer.bias) for layer in layers[:-1]]
    starts = np.cumsum([0, *widths])
    origins = tuple(
        np.arange(start, start + width) for start, width in zip(starts, widths, strict=False)
    )
    now = Condensed(tuple(layers), origins, tuple(range(len(widths))))
    while True:
        after = _pass(now, constants)
        if [len(x.bias) for x in after.layers] == [len(x.bias) for x in now.layers]:
            return _with_a_bend(after)
        now = after


def _with_a_bend(given: Condensed) -> Condensed:
    """Add a unit that bends where there is none, as a network needs one."""
    *hidden, top, last = given.layers
    if any(layer.bends.any() for layer in given.layers):
        return given
    units = _both_units(
        _Units(top.matrix, top.bias, top.lower, top.upper, given.origins[-1]),
        _idle(top.matrix.shape[1]),
    )
    read = _with_columns(_Read(last.matrix, last.bias), np.zeros((len(last.bias), 1)))
    layers = (*hidden, Layer.with_slopes(*units[:-1]), Layer.with_slopes(*read, 1.0, 1.0))
    return Condensed(layers, (*given.origins[:-1], units.origin), given.places)


def _pass(given: Condensed, constants: Mapping[int, Fraction]) -> Condensed:
    """Condense layer by layer, from the inputs up.

    Notes
    -----
    **Invariant.** Before each turn `read` holds what the used units of the layer at hand make of
    the new layers below, exactly.
    """
    layers = given.layers
    used = used_units(layers)
    new: list[Layer] = []
    origins: list[Integers] = []
    places: list[int] = []
    numbers = np.arange(layers[0].matrix.shape[1])
    read = _Read(layers[0].matrix[used[0]], layers[0].bias[used[0]])
    for place, layer in enumerate(layers[:-1]):
        above, here = layers[place + 1], used[place]
        units = _Units(
            read.weight, read.bias, layer.lower[here], layer.upper[here], given.origins[place][here]
        )
        reader = _Read(above.matrix[used[place + 1]][:, here], above.bias[used[place + 1]])
        source = _Source(numbers, constants if not new else {})
        composed = None
        if new or place + 2 < len(layers):  # a hidden layer is left
            composed = _left_out(units, reader, source)
        if composed is not None:
            read = composed
            continue
        units, read = _merged(*_folded_units(units, reader, source), source)
        if not len(units.bias):
            # a layer has a unit: one that is constantly zero
            units = _idle(len(numbers))
            read = _with_columns(read, np.zeros((len(read.bias), 1)))
        new.append(Layer.with_slopes(*units[:-1]))
        origins.append(units.origin)
        places.append(given.places[place])
        numbers = _source_numbers(units, source)
    new.append(Layer.with_slopes(*read, 1.0, 1.0))
    return Condensed(tuple(new), tuple(origins), tuple(places))


class _Read(NamedTuple):
    """The affine function that a layer makes of the one below."""

    weight: Any  # dense or sparse: both are sliced alike
    bias: Floats


class _Units(NamedTuple):
    """The units of a layer."""

    weight: Any  # dense or sparse: both are sliced alike
    bias: Floats
    lower: Floats
    upper: Floats
    origin: Integers


class _Source(NamedTuple):
    """What a layer reads: equal numbers for equal values, and values that are constant."""

    numbers: Integers
    constants: Mapping[int, Fraction]


def used_units(layers: Sequence[Layer]) -> list[Indices]:
    """Return the units of each layer that are not constantly zero and that an output depends on.

    Examples
    --------
    >>> layers = [Layer.relu([[1.0], [0.0], [2.0]], np.zeros(3)), Layer.affine([[1, 1, 0]], [0])]
    >>> used_units(layers)[0]
    array([0])
    """
    used = [np.arange(len(layers[-1].bias))]
    for layer, above in zip(reversed(layers[:-1]), reversed(layers[1:]), strict=True):
        weight: Any = above.matrix[used[0]]
        is_read = np.asarray((weight != 0).sum(axis=0)) > 0
        row: Any = layer.matrix
        speaks = (np.asarray((row != 0).sum(axis=1)) > 0) | (layer.bias != 0)
        used.insert(0, np.flatnonzero(is_read & speaks & ((layer.lower != 0) | (layer.upper != 0))))
    return used


def _source_numbers(units: _Units, source: _Source) -> Integers:
    """Return equal numbers for units that compute the same."""
    weight: Any = units.weight
    below = weight.T if isinstance(weight, np.ndarray) else csr_array(weight.T)
    rows, _ = numbers_of_layer(below, units.bias, source.numbers, {})
    columns = (rows.tolist(), units.lower.tolist(), units.upper.tolist())
    return value_numbers(zip(*columns, strict=True))


def _dense(matrix: Any) -> Floats:
    dense: Floats = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    return dense


def _integer_rows(units: _Units, chosen: Indices, source: _Source) -> ExactTable:
    """Return what some units compute before they bend: a column for each value, the last for 1."""
    matrix = np.column_stack([_dense(units.weight[chosen]), units.bias[chosen]])
    table = exact_table(matrix)
    size = len(source.numbers)
    shift = max((v.denominator.bit_length() - 1 for v in source.constants.values()), default=0)
    rows = np.zeros((len(chosen), size + 1), dtype=object)
    for column, entries in enumerate(table.entries.T[:-1]):
        if column in source.constants:
            rows[:, size] += entries * int(source.constants[column] * 2**shift)
        else:
            rows[:, source.numbers[column]] += entries << shift
    rows[:, size] += table.entries[:, -1] << shift
    return ExactTable(rows, table.exponent + shift)


def _carried_through(
    units: _Units, chosen: Indices, read: _Read, source: _Source
) -> ExactTable | None:
    """Return what linear units add to what reads them, in values of the layer below, and 1."""
    sizes = [len(chosen) * units.weight.shape[1], len(chosen) * len(read.bias)]
    if max(sizes) > _MOST_ENTRIES:
        return None
    rows = _integer_rows(units, chosen, source)
    slopes = exact_table(units.upper[chosen][:, None])
    scaled = ExactTable(rows.entries * slopes.entries, rows.exponent + slopes.exponent)
    return exact_matrix_product(exact_table(_dense(read.weight[:, chosen])), scaled)


def _left_out(units: _Units, read: _Read, source: _Source) -> _Read | None:
    """Return what reads a layer as a function of the one below, if linear and in one piece."""
    if (units.lower != units.upper).any():
        return None
    if not len(units.bias):
        return _Read(np.zeros((len(read.bias), len(source.numbers))), read.bias)
    product = _carried_through(units, np.arange(len(units.bias)), read, source)
    if product is None:
        return None
    numbers = table_floats(with_added(product, read.bias))
    return None if numbers is None else _Read(numbers[:, :-1], numbers[:, -1])


def _folded_units(units: _Units, read: _Read, source: _Source) -> tuple[_Units, _Read]:
    """Carry what the linear units read through the layer in their stead, if that is less."""
    linear = np.flatnonzero(units.lower == units.upper)
    touched: Any = units.weight[linear] != 0
    reads = np.unique(source.numbers[np.asarray(touched.sum(axis=0)) > 0])
    if not len(linear) or len(reads) - len(source.constants) >= len(linear):
        return units, read
    product = _carried_through(units, linear, read, source)
    if product is None:
        return units, read
    table = with_added(product, read.bias)
    split = [float_pieces(numbers, table.exponent) for numbers in table.entries.T]
    known = [pieces for pieces in split if pieces is not None]
    # the first piece of the last column is the bias
    size = sum(map(len, known)) - bool(known and known[-1])
    if len(known) < len(split) or size >= len(linear):
        return units, read
    bias = known[-1].pop(0) if known[-1] else np.zeros(len(read.bias))
    carried = np.repeat(np.arange(len(split)), [len(pieces) for pieces in known])
    rows = np.eye(len(split))[carried]
    carriers = _Units(
        rows[:, :-1], rows[:, -1], np.ones(size), np.ones(size), np.full(size, -1, dtype=np.int64)
    )
    columns = np.array([piece for pieces in known for piece in pieces]).reshape(size, len(bias)).T
    others = np.setdiff1d(np.arange(len(units.bias)), linear)
    kept = _Read(read.weight[:, others], bias)
    return _both_units(_some_units(units, others), carriers), _with_columns(kept, columns)


def _merged(units: _Units, read: _Read, source: _Source) -> tuple[_Units, _Read]:
    """Let one unit stand for several with proportional rows, in as few copies as will do."""
    linear = units.lower == units.upper
    kept: list[int] = []
    copies: list[int] = []
    columns: list[Floats] = []
    for group in _proportional_rows(units, source):
        pieces = None
        if len(group) > 1 or (linear[group[0][0]] and units.upper[group[0][0]] != 1.0):
            slopes = [(i, f * (Fraction(units.upper[i]) if linear[i] else 1)) for i, f in group]
            pieces = _summed(read, slopes)
        if pieces is None or len(pieces) > max(1, len(group) - 1):
            kept += [unit for unit, _ in group]
        else:
            copies += [group[0][0]] * len(pieces)
            columns += pieces
    if not len(copies) and len(kept) == len(units.bias):
        return units, read
    kept.sort()
    copied = _some_units(units, np.array(copies, dtype=np.intp))
    straight = copied.lower == copied.upper  # their slopes are in the columns now
    copied = copied._replace(
        lower=np.where(straight, 1.0, copied.lower), upper=np.where(straight, 1.0, copied.upper)
    )
    more = np.array(columns).reshape(len(copies), len(read.bias)).T
    rest = _Read(read.weight[:, kept], read.bias)
    return _both_units(_some_units(units, np.array(kept, dtype=np.intp)), copied), _with_columns(
        rest, more
    )


def _summed(read: _Read, factors: Sequence[tuple[int, Fraction]]) -> list[Floats] | None:
    """Return the pieces of a sum of columns, each times a factor with a power of two below."""
    table = exact_table(_dense(read.weight[:, [unit for unit, _ in factors]]))
    scale = max(factor.denominator for _, factor in factors)
    whole = np.array([int(factor * scale) for _, factor in factors], dtype=object)
    return float_pieces(table.entries @ whole, table.exponent + scale.bit_length() - 1)


def _proportional_rows(units: _Units, source: _Source) -> list[list[tuple[int, Fraction]]]:
    """Return groups of units that are multiples of their first one, with the factors."""
    classes: dict[Any, list[int]] = {}
    for unit, signs in enumerate(_signatures(units, source)):
        classes.setdefault(signs, []).append(unit)
    groups = []
    for members in classes.values():
        if len(members) == 1:
            groups.append([(members[0], Fraction(1))])
            continue
        rows = _integer_rows(units, np.array(members), source).entries
        families: dict[tuple[int, ...], list[tuple[int, int]]] = {}
        for unit, row in zip(members, rows.tolist(), strict=True):
            size = gcd(*row) or 1
            if units.lower[unit] == units.upper[unit]:  # then the factor may be negative
                size *= -1 if next((entry for entry in row if entry), 1) < 0 else 1
            families.setdefault(tuple(x // size for x in row), []).append((unit, size))
        for family in families.values():
            groups += _led(family)
    return groups


def _led(family: Sequence[tuple[int, int]]) -> list[list[tuple[int, Fraction]]]:
    """Split multiples of one row so that each is a float's multiple of the first of its group."""
    waiting = sorted(family, key=lambda member: (abs(_odd(member[1])), member[0]))
    groups = []
    while waiting:
        lead = waiting[0][1]
        ratios = [(unit, Fraction(size, lead)) for unit, size in waiting]
        group = [(unit, ratio) for unit, ratio in ratios if _odd(ratio.denominator) == 1]
        taken = {unit for unit, _ in group}
        waiting = [member for member in waiting if member[0] not in taken]
        groups.append(group)
    return groups


def _odd(number: int) -> int:
    """Return an integer without its factors 2."""
    return number // (number & -number)


def _signatures(units: _Units, source: _Source) -> list[Any]:
    """Return, for each unit, what it has in common with all units that are multiples of it."""
    weight, bends = units.weight, units.lower != units.upper
    found: list[Any] = []
    slopes = zip(units.lower.tolist(), units.upper.tolist(), strict=True)
    for unit, ends in enumerate(slopes):
        if isinstance(weight, np.ndarray):
            signs = np.sign(weight[unit]).astype(np.int8)
            signs[list(source.constants)] = 0
            places = b""
        else:
            start, stop = weight.indptr[unit : unit + 2]
            signs = np.sign(weight.data[start:stop]).astype(np.int8)
            places = weight.indices[start:stop].tobytes()
        if not bends[unit]:
            signs *= signs[np.flatnonzero(signs)[:1]].sum()
        found.append((ends if bends[unit] else (), places, signs.tobytes()))
    return found


def _some_units(units: _Units, chosen: Indices) -> _Units:
    columns: Any = (column[chosen] for column in units)
    return _Units(*columns)


def _both_units(one: _Units, other: _Units) -> _Units:
    """Return the units of both."""
    weights: Any = one.weight, other.weight
    weight = np.vstack(weights) if _all_dense(weights) else csr_array(vstack(weights))
    rest = (np.concatenate(pair) for pair in zip(one[1:], other[1:], strict=True))
    return _Units(weight, *rest)


def _with_columns(read: _Read, columns: Floats) -> _Read:
    """Return what reads some units, and more with these numbers."""
    weights: Any = read.weight, columns
    weight = np.hstack(weights) if _all_dense(weights) else csr_array(hstack(weights))
    return _Read(weight, read.bias)


def _all_dense(matrices: Sequence[Any]) -> bool:
    return all(isinstance(matrix, np.ndarray) for matrix in matrices)


def _idle(inputs: int) -> _Units:
    """Return a unit that bends and is constantly zero."""
    nothing = np.zeros(1)
    return _Units(np.zeros((1, inputs)), nothing, nothing, np.ones(1), np.full(1, -1))
