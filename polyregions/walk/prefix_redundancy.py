"""Which rows matter inside a prefix region, decided once for all regions in it; compiled."""

from __future__ import annotations

import numpy as np

from polyregions.cells.dictionary import HUGE
from polyregions.cells.implied_rows import drop_constant_rows, drop_rows_off_polygon
from polyregions.cells.proofs import evaluate_rows
from polyregions.compiled import entry, exact_order_kernel
from polyregions.geometry.linear_forms import NOTHING, trace_sources
from polyregions.geometry.rows import LOST, Rows, write_region_rows
from polyregions.walk.known_rows import remember
from polyregions.walk.prefixes import copy_list
from polyregions.walk.region_kernel import NO_BASIS, decide_simple, unpack_bits

__all__ = ["settle_prefix", "settle_run"]

# A hint: below so many prefixes in a row that floats leave undecided, none is tried.
MOST_TRIES = 2


@exact_order_kernel
def drop_ties(flat, depth, worker, inner, stop):
    """Clear ``keep`` of rows that vanish or coincide by the network's shape.

    A row coincides if it is a multiple of a row that stays: of the polytope, or asked
    about before it.

    Parameters
    ----------
    flat : FlatNetwork
    depth : int
        How many layers the listed rows are of.
    worker : Worker, out
    inner, stop : int
        Columns below `inner` are the polytope's rows, and stay; those up to `stop` are asked
        about.

    Returns
    -------
    bool
        Whether any row was dropped.

    Notes
    -----
    *Invariant.* ``claimed`` holds the sources of all rows that stay, up to the column at hand:
    for every row dropped, one that stays has the same hyperplane.
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
        # rows of the polytope itself stay: each was proven to carry a facet
        if c >= inner and (source == NOTHING or claimed[source]):
            keep[c] = 0
            dropped = True
        elif source != NOTHING:
            # the first row of a source stands for those that follow
            claimed[source] = True
    return dropped


@exact_order_kernel
def compact(worker, m, begin, end, target):
    """Move the kept columns ``begin..end`` of rows, errors and ids to `target` onwards.

    Parameters
    ----------
    worker : Worker, out
    m : int
    begin, end, target : int
        Columns; `target` is at most `begin`, so nothing is overwritten before it is moved.

    Returns
    -------
    int
        The column behind the last one.
    """
    for c in range(begin, end):
        if worker.keep[c]:
            for d in range(m + 1):
                worker.rows[d, target] = worker.rows[d, c]
            worker.errors[target] = worker.errors[c]
            worker.ids[target] = worker.ids[c]
            target += 1
    return target


@exact_order_kernel
def drop_by_simplex(simplex, m, worker, inner, stop):
    """Clear ``keep`` as `drop_one_sided` outside the plane; see `decide_by_simplex`."""
    if simplex is None:
        return inner, stop  # never: it gives the type
    rows, errors, work, keep = worker.rows, worker.errors, worker.work, worker.keep
    # only facets bound the polytope, and a shorter dictionary pivots faster; the walk that found
    # them ended at a vertex, whose rows are among them
    for k in range(m):
        column = 0
        for c in range(work.basis[k]):
            column += keep[c]
        work.basis[k] = column
    facets = compact(worker, m, 0, inner, 0)
    stop = compact(worker, m, inner, stop, facets)
    for c in range(stop):
        keep[c] = 1
    drop_constant_rows(Rows(rows, errors), facets, stop, work, keep)
    return facets, stop


@exact_order_kernel
def drop_one_sided(m, corners, worker, inner, stop):
    """Clear ``keep`` of columns that are proven to keep their sign over the inner polytope.

    Parameters
    ----------
    m : int
    corners : int
        In the plane, how many corners ``worker.found`` holds.
    worker : Worker, out
        ``bits`` become those at the witness. Columns that are kept may move together.
    inner, stop : int
        Columns below `inner` are the polytope's rows; those up to `stop` are asked about.

    Returns
    -------
    inner, stop : int
        The same of the columns that are left.
    """
    rows, errors, ids, keep = worker.rows, worker.errors, worker.ids, worker.keep
    work = worker.work
    # signed to be positive at a point inside, a row is one-sided iff it stays positive
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
    return drop_by_simplex(worker.simplex, m, worker, inner, stop)


@exact_order_kernel
def settle_prefix(flat, prefixes, number, worker, out, begin):
    """Decide which rows matter inside a prefix region.

    Parameters
    ----------
    flat : FlatNetwork
    prefixes : Prefixes
        The prefix's parent must be settled. ``ties`` and ``undecided`` of the prefix are set.
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
    do not keep their sign. If the walk is left undecided, all rows stay; in the plane, where
    integers decide what floats cannot, prefixes further down are not tried for ever.

    *Invariant.* A row left out carries no facet of any region inside, or coincides with one
    that is listed: docs/mathematics.md, part 8.
    """
    m = flat.dimension
    key = prefixes.keys[number]
    level = np.int64(key[len(key) - 1])
    depth = prefixes.depths[level]
    ids, keep = worker.ids, worker.keep
    parent = prefixes.parents[number]
    tries = 0 if parent < 0 else prefixes.undecided[parent]
    if m == 2 and tries >= MOST_TRIES:
        # what is too tied or too thin for floats is so mostly further down: no list at all
        prefixes.undecided[number] = tries
        return begin
    # the key begins with the prefix; the bits of deeper layers are 0 and have no say
    unpack_bits(key, worker.bits)
    inner = copy_list(flat, prefixes, parent, ids)
    # behind the polytope's rows those of the next layer, which are asked about
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
    # a lost row of the polytope leaves it undecided; one of the next layer merely stays
    simple = True
    for c in range(inner):
        if worker.errors[c] == LOST:
            simple = False
    count = -1
    if simple:
        worker.start[0] = NO_BASIS
        count = decide_simple(m, inner, inner, prefixes.points[number], worker, 0.0)
    prefixes.undecided[number] = 0 if count >= 0 else tries + 1
    # undecided (-1): every row stays, which is slower and as right
    for c in range(stop):
        keep[c] = count < 0 or c >= inner
    for f in range(count):
        keep[worker.found.rows[f]] = 1
    # a tie of a shorter prefix is one of all below it
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
    # where the worker is to stop, rows may be listed that would not be: another one begins anew
    if count >= 0 and level == len(prefixes.depths) - 1 and worker.work.stop[0] == 0:
        remember(flat, number, out[begin:end], worker)
    # columns were listed, because their rows were to be cached; now rows of the network
    for t in range(begin, end):
        out[t] = ids[out[t]]
    return end


@entry
@exact_order_kernel
def settle_run(flat, prefixes, numbers, worker, rows, stops):
    """Write the lists of some prefixes one after another.

    Parameters
    ----------
    flat : FlatNetwork
    prefixes : Prefixes
        The parents of these are settled.
    numbers : int64 array, shape (k,)
    worker : Worker
    rows : int64 array, out
        The lists.
    stops : int64 array, shape (k,), out
        Where each ends.

    Returns
    -------
    int
        How many lists there was room for, and time before the worker was to stop.
    """
    end = 0
    for t in range(len(numbers)):
        # a list is at most as long as all rows
        if end + flat.size > len(rows):
            return t
        end = settle_prefix(flat, prefixes, numbers[t], worker, rows, end)
        if worker.work.stop[0] != 0:
            return t
        stops[t] = end
    return len(numbers)
