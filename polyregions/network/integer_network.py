"""The network in integers of any size, for kernels, and its affine maps and derivatives; compiled.

Floats are dyadic rationals, so on a chart every pre-activation times a power of two is an affine
function with integer coefficients, and a number of digits that is known beforehand holds them. What
`network.exact_network` is for Python's integers, for a flat network. On an `IntegerNetwork` a map
is a column of carried digits (`exact.digits`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers
from polyregions.compiled import exact_order_kernel
from polyregions.domain.chart import Chart
from polyregions.exact.digits import (
    DIGIT_BITS,
    PRODUCTS_IN_A_SUM,
    add_product,
    carry,
    carry_all,
    digits_needed,
    floats_as_digits,
    integers_as_digits,
    length_of,
)
from polyregions.exact.dyadic import dyadic_exponent
from polyregions.network.exact_network import exact_network
from polyregions.network.flat import FlatNetwork, first_map, layer_matrix, quotient
from polyregions.network.network import Network

__all__ = [
    "NO_INTEGERS",
    "IntegerNetwork",
    "integer_germ",
    "integer_maps",
    "integer_network",
    "with_own_work",
]

# Hint: where rows take more digits, Python's integers do as well.
_MOST_DIGITS = 32
_DIRECTION_BITS = 14.0  # room for a sum of m products with integers of `DIRECTION_SCALE`
_LEAST_BOUND = 2.0**-1000  # bounds are kept above this, so that none underflows


@exact_order_kernel
def integer_layer(flat, integers, layer, base, bits, source, out):
    """Push columns of integers through one layer; units below are signed by bits.

    Parameters
    ----------
    flat, integers
    layer, base : int
        The layer, not the first, and the number of its first unit.
    bits : uint8 array, shape (N,)
        Read for the units of the layer below only.
    source : int64 array, shape (columns, digits, at least width)
        The carried pre-activations of the layer below.
    out : int64 array, shape (columns, digits, at least width), out
        This layer's, without biases.

    Notes
    -----
    **Invariant.** Before each input all sums are below the layer's bound, exact, and have taken
    at most `pending` inputs since they were carried: ``PRODUCTS_IN_A_SUM`` products. Where the
    digits i and j of a weight and a value are not zero, their product is below the bound, so
    i + j is below the layer's `digits` (`digits_needed`); elsewhere nothing but zeros is added.
    """
    columns, width, below = len(out), flat.widths[layer], flat.widths[layer - 1]
    under = base - below
    length, highest = integers.digits[layer - 1], integers.digits[layer]
    slope_length, weight_length = integers.slope_digits[layer - 1], integers.weight_digits[layer]
    value, product, weights = integers.value, integers.product, integers.weights
    most = PRODUCTS_IN_A_SUM // min(weight_length, length + slope_length)
    skipped = flat.skipped[layer]
    pending = 0
    for d in range(columns):
        for j in range(highest):
            for i in range(width):
                out[d, j, i] = 0
    for k in range(below):
        row = flat.bit[under + k]
        slope = integers.upper[:, under + k]
        if row >= 0 and bits[row] == 0:
            slope = integers.lower[:, under + k]
        slope_used = length_of(slope, slope_length)
        if slope_used == 0:
            continue
        first, last = flat.outgoing[under + k], flat.outgoing[under + k + 1]
        for d in range(columns):
            used = length_of(source[d, :, k], length)
            if used == 0:
                continue
            if slope_used == 1 and slope[0] == 1:
                for j in range(used):
                    value[j] = source[d, j, k]
            else:
                for j in range(used + slope_used):
                    product[j] = 0
                add_product(slope, slope_used, source[d, :, k], used, 1, product)
                carry(product, used + slope_used)
                used = length_of(product, used + slope_used)
                for j in range(used):
                    value[j] = product[j]
            for a in range(weight_length):
                for b in range(used):
                    # numbers of 32 bits, so that four of their products are one instruction
                    digit = np.int64(value[b])
                    total = out[d, a + b]
                    if digit != 0 and skipped < 0:
                        into = weights[a, first:last]
                        for i in range(width):
                            total[i] += np.int64(into[i]) * digit
                    elif digit != 0:
                        for t in range(first, last):
                            total[flat.targets[t - skipped]] += np.int64(weights[a, t]) * digit
        pending += 1
        if pending == most:
            for d in range(columns):
                carry_all(out[d], highest, width)
            pending = 0
    for d in range(columns):
        carry_all(out[d], highest, width)


@exact_order_kernel
def integer_maps(flat, integers, bits, layers):
    """Write the maps of the units of the first layers on a pattern, exactly, not signed by it.

    Parameters
    ----------
    flat : FlatNetwork
    integers : IntegerNetwork, in and out
    bits : uint8 array, shape (N,)
        Read for the units below these layers only.
    layers : int
        How many.

    Notes
    -----
    **Invariant.** ``maps[:known[0]]`` are those of ``integers.bits``, and before each layer these
    are `bits` in all layers below it. Layers up to the first whose bits differ from those of
    the call before are kept from there: they do not read more.
    """
    known, before, maps = integers.known, integers.bits, integers.maps
    row, base = 0, 0
    for layer in range(layers):
        width = flat.widths[layer]
        if layer >= known[0]:
            out = maps[layer]
            if layer == 0:
                for d in range(flat.dimension + 1):
                    for j in range(integers.digits[0]):
                        for i in range(width):
                            out[d, j, i] = integers.first[d, j, i]
            else:
                integer_layer(flat, integers, layer, base, bits, maps[layer - 1], out)
                total = out[flat.bias_column]
                for j in range(integers.digits[layer]):
                    for i in range(width):
                        total[j, i] += integers.biases[j, base + i]
                carry_all(total, integers.digits[layer], width)
            known[0] = layer + 1
        if layer + 1 < layers:
            while row < flat.row_ends[layer]:
                if before[row] != bits[row]:
                    before[row] = bits[row]
                    # the layers above read it
                    known[0] = layer + 1
                row += 1
        base += width


@exact_order_kernel
def integer_germ(flat, integers, touched, direction, bits, beyond):
    """Write the pattern beyond a facet; the twin of `geometry.facet_crossing.bits_beyond_group`.

    Parameters
    ----------
    flat : FlatNetwork
    integers : IntegerNetwork
        With the maps of `bits`.
    touched : bool array, shape (N,)
        The units that are zero on the facet.
    direction : int64 array, shape (m,)
        Leaves the region through the facet; of size at most DIRECTION_SCALE.
    bits, beyond : uint8 arrays, shape (N,)
        The region's pattern, and the neighbour's (out).

    Notes
    -----
    *Algorithm.* Up to the first layer with a touched unit the neighbour has the region's maps.

    **Invariant.** Before each layer the bits beyond of all units below are the neighbour's, and
    behind the first one `source` holds the derivatives of the layer below on it, exactly.
    """
    m, base = flat.dimension, 0
    source, out = integers.change[0], integers.change[1]
    left = 0
    for i in range(flat.units):
        beyond[i] = bits[i]
        left += touched[i]
    most, begun = left, False
    begin = 0
    for layer in range(len(flat.widths)):
        width, length = flat.widths[layer], integers.digits[layer]
        for row in range(begin, flat.row_ends[layer]):
            left -= touched[row]
        begin = flat.row_ends[layer]
        if left == most:
            base += width
            continue
        if not begun:
            begun = True
            maps = integers.maps[layer]
            for j in range(length):
                for i in range(width):
                    total = np.int64(0)
                    for d in range(m):
                        total += maps[d, j, i] * direction[d]
                    out[0, j, i] = total
        else:
            integer_layer(flat, integers, layer, base, beyond, source, out)
            if flat.bias_column < m:
                # on the whole space biases multiply the last chart coordinate
                for j in range(length):
                    for i in range(width):
                        out[0, j, i] += integers.biases[j, base + i] * direction[flat.bias_column]
        carry_all(out[0], length, width)
        for i in range(width):
            row = flat.bit[base + i]
            # what is not zero on the facet keeps its sign, whatever its derivative
            if row >= 0 and touched[row]:
                used = length_of(out[0, :, i], length)
                beyond[row] = 1 if used > 0 and out[0, used - 1, i] > 0 else 0
        if left == 0:
            return
        source, out = out, source
        base += width


class IntegerNetwork(NamedTuple):
    """A flat network in carried digits (`exact.digits`), and work arrays.

    The maps of a layer are integers, times a power of two that all its units share.

    Attributes
    ----------
    digits : int64 array, shape (layers,)
        How many digits the maps of each layer have.
    weight_digits, slope_digits : int64 arrays, shape (layers,)
        The same of the weights into a layer, and of the slopes of its units.
    first : int64 array, shape (m + 1, digits, h_0)
        The maps of the first layer.
    weights : int32 array, shape (digits, weights)
        Numbered as in `FlatNetwork`.
    biases, lower, upper : int64 arrays, shapes (digits, units)
        Each bias with the power of two of its layer's maps; slopes below and above zero.
    domain : int64 array, shape (m + 1, digits, q)
        The domain's rows.
    maps : int64 array, shape (layers, m + 1, digits, width)
        Work: the maps of the first ``known[0]`` layers on the pattern `bits`.
    bits : uint8 array, shape (N,)
    known : int64 array, shape (1,)
    change : int64 array, shape (2, 1, digits, width)
        Work: derivatives.
    value : int32 array, shape (digits,)
        Work: one number that flows into a layer.
    product : int64 array, shape (digits,)
        Work.
    """

    digits: Integers
    weight_digits: Integers
    slope_digits: Integers
    first: Integers
    weights: NDArray[np.int32]
    biases: Integers
    lower: Integers
    upper: Integers
    domain: Integers
    maps: Integers
    bits: NDArray[np.uint8]
    known: Integers
    change: Integers
    value: NDArray[np.int32]
    product: Integers


class _Scales(NamedTuple):
    """The powers of two that make a flat network's layers integers, and the bits these take.

    Attributes
    ----------
    weights, slopes : list of int
        Exponents, by layer: of the weights into it, and of its units' slopes.
    maps : list of int
        Of its maps; and so of its biases.
    bits : list of float
        Of the largest coefficient of a map, and of every sum on the way to it.
    """

    weights: list[int]
    slopes: list[int]
    maps: list[int]
    bits: list[float]


def _scales(flat: FlatNetwork, table: list[list[int]], scale: int) -> _Scales:
    """Bound layer by layer the sums of the sizes of all products; infinite where floats end."""
    exponent = (scale - 1).bit_length()  # of a power of two its own
    size = np.maximum([quotient(max(map(abs, row)), scale) for row in table], _LEAST_BOUND)
    found = _Scales([0], [], [exponent], [_bits(size) + exponent])
    ends = np.cumsum(flat.widths).tolist()
    slopes = np.stack([flat.lower, flat.upper])
    for layer in range(1, len(ends)):
        below, end = slice(ends[layer - 1] - len(size), ends[layer - 1]), ends[layer]
        biases, matrix = flat.biases[below.stop : end], layer_matrix(flat, layer)
        entries = matrix.ravel() if isinstance(matrix, np.ndarray) else matrix.data
        found.slopes.append(dyadic_exponent(slopes[:, below]))
        found.weights.append(dyadic_exponent(np.concatenate([entries, biases])))
        exponent += found.slopes[-1] + found.weights[-1]
        found.maps.append(exponent)
        with np.errstate(over="ignore", invalid="ignore"):
            reach = np.maximum(abs(slopes[:, below]).max(axis=0) * size, _LEAST_BOUND)
            size = np.maximum((reach @ abs(matrix) + abs(biases)) * 1.01, _LEAST_BOUND)
            found.bits.append(_bits(size) + exponent)
    found.slopes.append(0)
    return found


def _bits(size: Floats) -> float:
    """Return the bits of the largest number; a layer may have no unit that varies."""
    return float(np.log2(size.max(initial=_LEAST_BOUND)))


def integer_network(
    network: Network, chart: Chart, flat: FlatNetwork, live: NDArray[np.intp]
) -> IntegerNetwork | None:
    """Return a flat network in integers, or None where these take too many digits.

    `live` are the units of the first bending layer that `flat` has.
    """
    start = next(i for i, layer in enumerate(network.layers) if layer.bends.any())
    whole_table, scale = first_map(exact_network(network, chart, depth=start + 1), start)
    table = [list(map(int, whole_table[i])) for i in live.tolist()]
    if not table:
        return None  # no unit of the first layer varies: rare, and nothing to gain
    if scale & (scale - 1) and len(flat.widths) > 1:
        return None  # biases times this are not dyadic: the chart of a section, as rare
    walls = [list(map(int, row)) for row in chart.rows.tolist()]
    scales = _scales(flat, table, scale)
    wall_digits = digits_needed(float(max(abs(e) for row in walls for e in row).bit_length()))
    if not max(scales.bits) + _DIRECTION_BITS < DIGIT_BITS * (_MOST_DIGITS - 1):
        return None
    layers, columns, width = len(flat.widths), flat.dimension + 1, int(flat.widths.max())
    digits = [digits_needed(bits + _DIRECTION_BITS) for bits in scales.bits]
    units = np.repeat(np.arange(layers), flat.widths)
    into = np.repeat(units + 1, np.diff(flat.outgoing))
    weights, weight_digits = _parts_as_digits(flat.weights, into, scales.weights)
    # as many as the maps that they are added to
    biases, _ = _parts_as_digits(flat.biases, units, scales.maps, max(digits))
    slopes, slope_digits = _parts_as_digits(
        np.concatenate([flat.lower, flat.upper]), np.tile(units, 2), scales.slopes
    )
    lower, upper = np.split(slopes, 2, axis=1)
    if max(wall_digits, int(weight_digits.max()), int(slope_digits.max())) > _MOST_DIGITS:
        return None
    # what flows into a layer, and the highest place that a product of it can be added to
    most = int(max(digits) + slope_digits.max() + weight_digits.max())
    return IntegerNetwork(
        digits=np.array(digits, dtype=np.int64),
        weight_digits=weight_digits,
        slope_digits=slope_digits,
        first=_columns_as_digits(table, digits[0]),
        weights=weights.astype(np.int32),
        biases=biases,
        lower=np.ascontiguousarray(lower),
        upper=np.ascontiguousarray(upper),
        domain=_columns_as_digits(walls, wall_digits),
        maps=np.zeros((layers, columns, most, width), dtype=np.int64),
        bits=np.zeros(flat.units, dtype=np.uint8),
        known=np.zeros(1, dtype=np.int64),
        change=np.zeros((2, 1, most, width), dtype=np.int64),
        value=np.zeros(most, dtype=np.int32),
        product=np.zeros(most, dtype=np.int64),
    )


def _no_integers() -> IntegerNetwork:
    vector, table, tables, stacks = (np.zeros((0,) * ndim, dtype=np.int64) for ndim in range(1, 5))
    return IntegerNetwork(
        digits=vector,
        weight_digits=vector,
        slope_digits=vector,
        first=tables,
        weights=table.astype(np.int32),
        biases=table,
        lower=table,
        upper=table,
        domain=tables,
        maps=stacks,
        bits=vector.astype(np.uint8),
        known=vector,
        change=stacks,
        value=vector.astype(np.int32),
        product=vector,
    )


# what stands for integers where there are none: a network without layers
NO_INTEGERS = _no_integers()


def with_own_work(integers: IntegerNetwork) -> IntegerNetwork:
    """Return the same network with work arrays of its own, for another thread."""
    work = ("maps", "bits", "known", "change", "value", "product")
    return integers._replace(**{name: getattr(integers, name).copy() for name in work})


def _columns_as_digits(rows: list[list[int]], digits: int) -> Integers:
    """Return rows of m + 1 integers as columns of digits, shape (m + 1, digits, rows)."""
    return np.stack([integers_as_digits(column, digits) for column in zip(*rows, strict=True)])


def _parts_as_digits(
    values: Floats, layer: Integers, exponents: list[int], least: int = 0
) -> tuple[Integers, Integers]:
    """Return floats times powers of two that depend on their layer, and how many digits these take.

    Returns
    -------
    digits : numpy.ndarray of int64, shape (digits, len(values))
        `least` at least.
    lengths : numpy.ndarray of int64, shape (layers,)
        1 at least.
    """
    scale = np.array(exponents, dtype=np.int64)
    sizes = np.zeros(len(scale), dtype=np.int64)
    np.maximum.at(sizes, layer, np.frexp(values)[1] + scale[layer])
    lengths = [digits_needed(float(size)) for size in sizes.tolist()]
    table = floats_as_digits(values, scale[layer], max(least, *lengths))
    return table, np.array(lengths, dtype=np.int64)
