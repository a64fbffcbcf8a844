"""Which rows matter inside a prefix region, decided once for all regions in it; compiled."""

from __future__ import annotations

import numpy as np

from polyregions.cells.dictionary import HUGE
from polyregions.cells.implied_rows import drop_constant_rows, drop_rows_off_polygon
from polyregions.cells.proofs import evaluate_rows
from polyregions.compiled import entry, exact_order_kernel
from polyregions.geometry.linear_forms import NOTHING, trace_sources
from polyregions.geometry.rows import LOST, region_rows
from polyregions.walk.prefixes import NONE, copy_list
from polyregions.walk.region_kernel import NO_BASIS, decide_simple, unpack_bits
from polyregions.walk.row_cache import keep_row

__all__ = ["settle", "settle_run"]


@exact_order_kernel
def drop_ties(flat, depth, machine, inner, stop):
    """Clear ``keep`` of rows ``inner..stop`` that vanish or coincide by the network's shape.

    A row coincides if it is a multiple of a row that stays: of the polytope, or asked
    about before it. Returns whether any row was dropped.
    """
    groups, ids, keep = machine.groups, machine.ids, machine.keep
    trace_sources(flat, depth, machine.bits, groups.sources)
    claimed = groups.claimed
    for u in range(len(claimed)):
        claimed[u] = False
    dropped = False
    for c in range(stop):
        if ids[c] >= flat.units or not keep[c]:
            continue
        source = groups.sources.source[flat.unit_of_row[ids[c]]]
        if c >= inner and (source == NOTHING or claimed[source]):
            keep[c] = 0
            dropped = True
        elif source != NOTHING:
            claimed[source] = True
    return dropped


@exact_order_kernel
def compact(machine, m, begin, end, target):
    """Move the kept columns ``begin..end`` of rows, errors and ids to `target` onwards."""
    for c in range(begin, end):
        if machine.keep[c]:
            for d in range(m + 1):
                machine.rows[d, target] = machine.rows[d, c]
            machine.errors[target] = machine.errors[c]
            machine.ids[target] = machine.ids[c]
            target += 1
    return target


@exact_order_kernel
def drop_one_sided(m, corners, machine, inner, stop):
    """Clear ``keep`` of columns ``inner..stop`` that keep their sign over the inner polytope.

    ``machine.bits`` become those at the witness. Columns that are kept may move together;
    returns the new `inner` and `stop`.
    """
    rows, errors, ids, keep = machine.rows, machine.errors, machine.ids, machine.keep
    work = machine.work
    evaluate_rows(rows, m, stop, machine.witness, work.slack)
    for c in range(inner, stop):
        if errors[c] == LOST:
            errors[c] = HUGE  # whatever is not known to keep its sign stays
        elif work.slack[c] < 0.0:
            machine.bits[ids[c]] = 1
            for d in range(m + 1):
                rows[d, c] = -rows[d, c]
    if m == 2:
        drop_rows_off_polygon(
            rows, errors, corners, machine.found, inner, stop, work.slack, work.ratio, keep
        )
        return inner, stop
    facets = compact(machine, m, 0, inner, 0)
    stop = compact(machine, m, inner, stop, facets)
    for c in range(stop):
        keep[c] = 1
    for d in range(m):
        work.point[d] = machine.witness[d]
    drop_constant_rows(rows, errors, m, facets, stop, work, keep)
    return facets, stop


@exact_order_kernel
def cache_columns(flat, machine, number, columns):
    """Keep the rows in some columns for the first region of a prefix."""
    cache = machine.cache
    if len(columns) > cache.rows.shape[2]:
        return
    slot = number % len(cache.numbers)
    cache.numbers[slot] = NONE
    for t in range(len(columns)):
        if not keep_row(flat, machine, slot, columns[t], t):
            return
    cache.counts[slot] = len(columns)
    cache.numbers[slot] = number


@exact_order_kernel
def settle(flat, prefixes, number, machine, out, begin):
    """Decide which rows matter inside a prefix region.

    Parameters
    ----------
    flat : FlatNetwork
    prefixes : Prefixes
        The prefix's parent must be settled. ``ties[number]`` is set.
    number : int
    machine : Machine
    out : int64 array, out
        The list is written from `begin` on.

    Returns
    -------
    int
        The end of the list.

    Notes
    -----
    *Algorithm.* Of the parent's list, the rows that carry a facet of the prefix region,
    by the same proven walks that decide a region. Of the next layer's units, those that
    do not keep their sign. If the walk is left undecided, all rows stay.
    """
    m = flat.dimension
    key = prefixes.keys[number]
    level = np.int64(key[len(key) - 1])
    depth = prefixes.depths[level]
    ids, keep = machine.ids, machine.keep
    unpack_bits(key, machine.bits)
    parent = prefixes.parents[number]
    inner = copy_list(flat, prefixes, parent, ids)
    stop = inner
    for row in range(flat.row_ends[depth - 1], flat.row_ends[depth]):
        ids[stop] = row
        stop += 1
    region_rows(
        flat,
        depth + 1,
        machine.bits,
        ids,
        stop,
        machine.rows,
        machine.errors,
        machine.scratch,
    )
    simple = True
    for c in range(inner):
        if machine.errors[c] == LOST:
            simple = False
    count = -1
    if simple:
        machine.start[0] = NO_BASIS
        count = decide_simple(m, inner, inner, prefixes.points[number], machine, 0.0, True)
    for c in range(stop):
        keep[c] = count < 0 or c >= inner
    for f in range(count):
        keep[machine.found.rows[f]] = 1
    tied = parent >= 0 and prefixes.ties[parent]
    if prefixes.shape_ties and drop_ties(flat, depth + 1, machine, inner, stop):
        tied = True
    prefixes.ties[number] = tied
    if count >= 0:
        inner, stop = drop_one_sided(m, count, machine, inner, stop)
    # units first, the domain's rows last
    end = begin
    for c in range(stop):
        if keep[c] and ids[c] < flat.units:
            out[end] = c
            end += 1
    for c in range(inner):
        if keep[c] and ids[c] >= flat.units:
            out[end] = c
            end += 1
    if count >= 0 and level == len(prefixes.depths) - 1:
        cache_columns(flat, machine, number, out[begin:end])
    for t in range(begin, end):
        out[t] = ids[out[t]]
    return end


@entry
@exact_order_kernel
def settle_run(flat, prefixes, numbers, machine, rows, stops):
    """Write the lists of some prefixes one after another; return how many there was room for."""
    end = 0
    for t in range(len(numbers)):
        if end + flat.size > len(rows):
            return t
        end = settle(flat, prefixes, numbers[t], machine, rows, end)
        stops[t] = end
    return len(numbers)
