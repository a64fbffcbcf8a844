"""Which rows matter inside a prefix region, decided once for all regions in it; compiled."""

from __future__ import annotations

import numpy as np

from polyregions.cells.dictionary import HUGE
from polyregions.cells.implied_rows import drop_constant_rows, drop_rows_off_polygon
from polyregions.cells.proofs import evaluate_rows
from polyregions.compiled import entry, exact_order_kernel
from polyregions.geometry.linear_forms import NOTHING, trace_sources
from polyregions.geometry.rows import LOST, Rows, write_region_rows
from polyregions.walk.prefixes import NONE, copy_list
from polyregions.walk.region_kernel import NO_BASIS, decide_simple, unpack_bits
from polyregions.walk.row_cache import keep_row

__all__ = ["settle_prefix", "settle_run"]


@exact_order_kernel
def drop_ties(flat, depth, worker, inner, stop):
    """Clear ``keep`` of rows ``inner..stop`` that vanish or coincide by the network's shape.

    A row coincides if it is a multiple of a row that stays: of the polytope, or asked
    about before it. Returns whether any row was dropped.
    """
    groups, ids, keep = worker.groups, worker.ids, worker.keep
    trace_sources(flat, depth, worker.bits, groups.sources)
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
def compact(worker, m, begin, end, target):
    """Move the kept columns ``begin..end`` of rows, errors and ids to `target` onwards."""
    for c in range(begin, end):
        if worker.keep[c]:
            for d in range(m + 1):
                worker.rows[d, target] = worker.rows[d, c]
            worker.errors[target] = worker.errors[c]
            worker.ids[target] = worker.ids[c]
            target += 1
    return target


@exact_order_kernel
def drop_one_sided(m, corners, worker, inner, stop):
    """Clear ``keep`` of columns ``inner..stop`` that keep their sign over the inner polytope.

    ``worker.bits`` become those at the witness. Columns that are kept may move together;
    returns the new `inner` and `stop`.
    """
    rows, errors, ids, keep = worker.rows, worker.errors, worker.ids, worker.keep
    work = worker.work
    evaluate_rows(rows, m, stop, worker.found.witness, work.slack)
    for c in range(inner, stop):
        if errors[c] == LOST:
            errors[c] = HUGE  # whatever is not known to keep its sign stays
        elif work.slack[c] < 0.0:
            worker.bits[ids[c]] = 1
            for d in range(m + 1):
                rows[d, c] = -rows[d, c]
    if m == 2:
        drop_rows_off_polygon(
            Rows(rows, errors), corners, worker.found, inner, stop, work.slack, work.ratio, keep
        )
        return inner, stop
    facets = compact(worker, m, 0, inner, 0)
    stop = compact(worker, m, inner, stop, facets)
    for c in range(stop):
        keep[c] = 1
    for d in range(m):
        work.point[d] = worker.found.witness[d]
    drop_constant_rows(Rows(rows, errors), facets, stop, work, keep)
    return facets, stop


@exact_order_kernel
def cache_columns(flat, worker, number, columns):
    """Keep the rows in some columns for the first region of a prefix."""
    cache = worker.cache
    if len(columns) > cache.rows.shape[2]:
        return
    slot = number % len(cache.numbers)
    cache.numbers[slot] = NONE
    for t in range(len(columns)):
        if not keep_row(flat, worker, slot, columns[t], t):
            return
    cache.counts[slot] = len(columns)
    cache.numbers[slot] = number


@exact_order_kernel
def settle_prefix(flat, prefixes, number, worker, out, begin):
    """Decide which rows matter inside a prefix region.

    Parameters
    ----------
    flat : FlatNetwork
    prefixes : Prefixes
        The prefix's parent must be settled. ``ties[number]`` is set.
    number : int
    worker : Worker
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
    ids, keep = worker.ids, worker.keep
    unpack_bits(key, worker.bits)
    parent = prefixes.parents[number]
    inner = copy_list(flat, prefixes, parent, ids)
    stop = inner
    for row in range(flat.row_ends[depth - 1], flat.row_ends[depth]):
        ids[stop] = row
        stop += 1
    write_region_rows(
        flat,
        depth + 1,
        worker.bits,
        ids,
        stop,
        Rows(worker.rows, worker.errors),
        worker.scratch,
    )
    simple = True
    for c in range(inner):
        if worker.errors[c] == LOST:
            simple = False
    count = -1
    if simple:
        worker.start[0] = NO_BASIS
        count = decide_simple(m, inner, inner, prefixes.points[number], worker, 0.0)
    for c in range(stop):
        keep[c] = count < 0 or c >= inner
    for f in range(count):
        keep[worker.found.rows[f]] = 1
    tied = parent >= 0 and prefixes.ties[parent]
    if prefixes.shape_ties and drop_ties(flat, depth + 1, worker, inner, stop):
        tied = True
    prefixes.ties[number] = tied
    if count >= 0:
        inner, stop = drop_one_sided(m, count, worker, inner, stop)
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
        cache_columns(flat, worker, number, out[begin:end])
    for t in range(begin, end):
        out[t] = ids[out[t]]
    return end


@entry
@exact_order_kernel
def settle_run(flat, prefixes, numbers, worker, rows, stops):
    """Write the lists of some prefixes one after another; return how many there was room for."""
    end = 0
    for t in range(len(numbers)):
        if end + flat.size > len(rows):
            return t
        end = settle_prefix(flat, prefixes, numbers[t], worker, rows, end)
        stops[t] = end
    return len(numbers)
