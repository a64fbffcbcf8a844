"""Units that are constant over the domain, found and left out, and their bits put back; compiled.

What `network.stable_units` does, for networks that are small and of which no two units are the
same: then nothing but bounds is needed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers
from polyregions.compiled import entry, exact_order_kernel
from polyregions.network.bound_propagation import Enclosure, enclose
from polyregions.network.flat import FlatNetwork

__all__ = ["Left", "leave_out", "left_of", "spread_bits"]


class Left(NamedTuple):
    """What `leave_out` writes.

    Attributes
    ----------
    flat : FlatNetwork
        With more room than is used, which `sizes` says: layers, units, bits, weights. The rows
        of ``first`` follow one another in one dimension.
    sizes : int64 array, shape (4,)
    live : int64 array, shape (units,)
        By number in their layer, the units that are not constantly zero after their slope.
    live_ends : int64 array, shape (layers,)
        Where those of each layer end.
    leader : int64 array, shape (N,)
        Of a bit that varies itself, else -1.
    bits : uint8 array, shape (N,)
        The constant bits.
    below, above : float64 arrays, shape (units,)
        The slopes below and above zero; equal where they are known.
    source, target : Enclosure
        Work.
    """

    flat: FlatNetwork
    sizes: Integers
    live: Integers
    live_ends: Integers
    leader: Integers
    bits: NDArray[np.uint8]
    below: Floats
    above: Floats
    source: Enclosure
    target: Enclosure


def left_of(flat: FlatNetwork) -> Left:
    """Allocate what `leave_out` writes."""
    m, width, units = flat.dimension, int(flat.widths.max()), len(flat.bit)
    spare = flat._replace(
        widths=np.empty(len(flat.widths), dtype=np.int64),
        weights=np.empty(len(flat.weights)),
        biases=np.empty(units),
        lower=np.empty(units),
        upper=np.empty(units),
        bit=np.empty(units, dtype=np.int64),
        unit_of_row=np.empty(flat.units, dtype=np.int64),
        row_ends=np.empty(len(flat.widths), dtype=np.int64),
        first=np.empty(flat.first.size),
        first_error=np.empty(len(flat.first_error)),
    )
    source, target = (
        Enclosure(np.empty((m + 1, width)), np.empty(width), np.empty(width), np.empty(width))
        for _ in range(2)
    )
    return Left(
        spare,
        sizes=np.empty(4, dtype=np.int64),
        live=np.empty(units, dtype=np.int64),
        live_ends=np.empty(len(flat.widths), dtype=np.int64),
        leader=np.arange(flat.units),
        bits=np.zeros(flat.units, dtype=np.uint8),
        below=flat.lower.copy(),
        above=flat.upper.copy(),
        source=source,
        target=target,
    )


@exact_order_kernel
def all_different(flat, layer, base, live, count):
    """Return whether the units of a layer read something, and no two of them the same.

    Parameters
    ----------
    flat : FlatNetwork
        Its weights are stored densely.
    layer, base : int
    live : int64 array
        The units of the layer below that are not constantly zero, all different themselves.
    count : int
        How many these are.
    """
    width = flat.widths[layer]
    # a weight is at a place, its unit to be added: the table (inputs, width), row by row
    for i in range(width):
        empty = True
        if layer == 0:
            empty = flat.first_error[i] == 0.0
            for d in range(flat.dimension + 1):
                empty &= d == flat.bias_column or flat.first[d, i] == 0.0
        else:
            under = base - flat.widths[layer - 1]
            for c in range(count):
                empty &= flat.weights[flat.outgoing[under + live[c]] + i] == 0.0
        if empty:
            return False
        # a number is that of the first unit with the same row
        if layer == 0 and flat.first_numbers[i] != i:
            return False
        for j in range(i if layer > 0 else 0):
            same = flat.biases[base + i] == flat.biases[base + j]
            under = base - flat.widths[layer - 1]
            c = 0
            while same and c < count:
                start = flat.outgoing[under + live[c]]
                same = flat.weights[start + i] == flat.weights[start + j]
                c += 1
            if same:
                return False
    return True


@exact_order_kernel
def find_constant(flat, left):
    """Find the units that are proven to have one sign on the domain's cube.

    Parameters
    ----------
    flat : FlatNetwork
    left : Left, in and out
        ``leader``, ``bits``, ``live``, ``live_ends``, ``below`` and ``above`` are written.

    Returns
    -------
    bool
        False if two units are the same, or one reads nothing: more than bounds is needed.
    """
    below, above = left.below, left.above
    source, target = left.source, left.target
    base, begin, end = 0, 0, 0
    for layer in range(len(flat.widths)):
        if not all_different(flat, layer, base, left.live[begin:end], end - begin):
            return False
        enclose(flat, layer, base, below, above, source, target)
        begin = end
        for i in range(flat.widths[layer]):
            unit = base + i
            bit = flat.bit[unit]
            if bit >= 0 and (target.low[i] > 0.0 or target.high[i] < 0.0):
                on = target.low[i] > 0.0
                left.leader[bit] = -1
                left.bits[bit] = 1 if on else 0
                slope = above[unit] if on else below[unit]
                below[unit] = slope
                above[unit] = slope
            if below[unit] != 0.0 or above[unit] != 0.0:
                left.live[end] = i
                end += 1
        left.live_ends[layer] = end
        source, target = target, source
        base += flat.widths[layer]
    return True


@entry
@exact_order_kernel
def leave_out(flat, left):
    """Write the flat network of the units that vary over the domain's cube.

    Parameters
    ----------
    flat : FlatNetwork
        Its weights are stored densely.
    left : Left, in and out
        As `left_of` returns it.

    Returns
    -------
    bool
        False if it takes more than bounds to say which units vary; nothing is written then.

    Notes
    -----
    *Invariant.* Before each layer the units of those below that are not constantly zero are
    written, in order, with their slopes and weights: they compute the same function.
    """
    if not find_constant(flat, left):
        return False
    out = left.flat
    # layers after the last unit that varies say nothing about patterns
    depth, base = 1, 0
    for layer in range(len(flat.widths)):
        for unit in range(base, base + flat.widths[layer]):
            if flat.bit[unit] >= 0 and left.leader[flat.bit[unit]] >= 0:
                depth = layer + 1
        base += flat.widths[layer]
    base, bits, weights = 0, 0, 0
    begin = 0
    for layer in range(depth):
        end = left.live_ends[layer]
        out.widths[layer] = end - begin
        for c in range(begin, end):
            unit = base + left.live[c]
            out.biases[c] = flat.biases[unit]
            out.lower[c] = left.below[unit]
            out.upper[c] = left.above[unit]
            out.bit[c] = -1
            if flat.bit[unit] >= 0 and left.leader[flat.bit[unit]] >= 0:
                out.bit[c] = bits
                out.unit_of_row[bits] = c
                bits += 1
            if layer == 0:
                out.first_error[c] = flat.first_error[unit]
                for d in range(flat.dimension + 1):
                    out.first[d * end + c] = flat.first[d, unit]
            if layer + 1 < depth:
                start = flat.outgoing[unit]
                for t in range(end, left.live_ends[layer + 1]):
                    out.weights[weights] = flat.weights[start + left.live[t]]
                    weights += 1
        out.row_ends[layer] = bits
        base += flat.widths[layer]
        begin = end
    sizes = left.sizes
    sizes[0] = depth
    sizes[1] = begin
    sizes[2] = bits
    sizes[3] = weights
    return True


@entry
@exact_order_kernel
def spread_bits(words, sources, bits, grown):
    """Write packed patterns whose bits come from bits of others, or are constant.

    Parameters
    ----------
    words : uint64 array, shape (R, W)
    sources : int64 array, shape (N,)
        For each bit the one of `words` that it is, or -1.
    bits : uint8 array, shape (N,)
        What it is where it has no source.
    grown : uint64 array, shape (R, W'), out
    """
    for r in range(len(words)):
        for w in range(grown.shape[1]):
            grown[r, w] = np.uint64(0)
        for i in range(len(sources)):
            bit = np.uint64(bits[i])
            if sources[i] >= 0:
                bit = (words[r, sources[i] >> 6] >> np.uint64(sources[i] & 63)) & np.uint64(1)
            grown[r, i >> 6] |= bit << np.uint64(i & 63)
