"""Which rows keep their sign over a whole polytope: they cut nothing off it.

A row that is proven positive everywhere on a polytope is no facet of any part of it.
Rows whose sign is not proven are kept: that costs time, never an answer. Why they may go is
part 8 of docs/mathematics.md.
"""

from __future__ import annotations

from polyregions.cells.dictionary import (
    PIVOT_HINT,
    Dictionary,
    blocking_row,
    build_table,
    invert_basis,
    least_coefficients,
    least_index,
    move_row,
    pivot,
    swap_rows,
)
from polyregions.cells.polygon import corner_doubt, lines_meet
from polyregions.cells.proofs import prove_redundant
from polyregions.compiled import exact_order_kernel

__all__ = ["drop_constant_rows", "drop_rows_off_polygon"]

# Hint only: after so many pivots per row the remaining rows are kept.
PIVOTS_PER_ROW = 2


@exact_order_kernel
def drop_rows_off_polygon(rows, corners, found, first, stop, doubts, work, keep):
    """Clear ``keep[i]`` of rows ``first..stop`` proven positive on a polygon.

    Parameters
    ----------
    rows : Rows
        In the plane: ``values`` has shape (3, at least stop).
    corners : int
        How many the polygon has.
    found : FacetBuffer
        What `walk_polygon` found: ``supports`` holds the rows that meet in each corner.
        ``points`` is overwritten.
    first, stop : int
    doubts, work : float64 arrays, shapes (at least corners,) and (at least stop,)
        Work.
    keep : uint8 array, in and out

    Notes
    -----
    A row is positive on a polygon if it is at every corner. The exact corner is within
    its doubt of the computed one, and rows have length at most 1.01.

    **Invariant.** Before each pass of the last loop over corners, ``above[i]`` counts the
    corners so far at which row i is proven positive; rows with all of them go.
    """
    pairs, points = found.supports, found.points
    for c in range(corners):
        e, f = pairs[c, 0], pairs[c, 1]
        _, x, y = lines_meet(rows.values, e, f)
        points[c, 0] = x
        points[c, 1] = y
        doubts[c] = corner_doubt(rows, e, f, x, y)
        # never so for corners that the walk has proven: they passed the same test there
        if doubts[c] < 0.0:
            return
    values = rows.values
    # slices start at zero, so the compiler sees that no index is negative and vectorises
    across, along, offset = values[0, first:stop], values[1, first:stop], values[2, first:stop]
    bounds, above, kept = rows.errors[first:stop], work[first:stop], keep[first:stop]
    for i in range(len(above)):
        above[i] = 0.0
    for c in range(corners):
        # 1.02: rows have length at most 1.01, and the sums below are rounded
        x, y, doubt = points[c, 0], points[c, 1], 1.02 * doubts[c]
        for i in range(len(above)):
            margin = offset[i] + across[i] * x + along[i] * y - bounds[i] - doubt
            # counted in floats, which vectorises; a margin that is NaN is no proof
            above[i] += 1.0 if margin > 0.0 else 0.0
    for i in range(len(above)):
        if above[i] == corners:
            kept[i] = 0


@exact_order_kernel
def drop_constant_rows(rows, size, stop, work, keep):
    """Clear ``keep[i]`` of rows ``size..stop`` proven positive on a polytope.

    Parameters
    ----------
    rows : Rows
        The first `size` rows are the polytope; the others are positive at some point inside.
    size, stop : int
    work : Workspace
        ``basis`` is that of a vertex of the polytope.
    keep : uint8 array, in and out

    Notes
    -----
    *Algorithm.* Minimise one row after the other over the polytope. The rows asked about
    take no part in the ratio test, but their dictionary rows are kept up to date: at every
    vertex visited, a row without a negative coefficient has its minimum there.

    **Invariant.** Before each pass the positions m … live - 1 hold the polytope's rows that are
    not tight, and live … end - 1 the rows still asked about; of the others those with
    ``keep`` 0, and no more, are proven positive by multipliers over the polytope's rows alone.
    """
    m = len(work.basis)
    table, row_at, basis = work.table, work.row_at, work.basis
    dictionary = Dictionary(table, row_at, basis)
    if not invert_basis(rows.values, basis, m, work.inverse):
        return
    build_table(rows.values, m, stop, work)
    # positions: coordinates, the polytope's rows that are not tight, the rows asked about
    live = m
    for i in range(size):
        tight = False
        for k in range(m):
            if basis[k] == i:
                tight = True
        if not tight:
            move_row(table, row_at, m, m + i, live)
            live += 1
    end = live
    for i in range(size, stop):
        move_row(table, row_at, m, m + i, end)
        end += 1
    pivots = PIVOTS_PER_ROW * (stop - size) + m
    while end > live:
        least_coefficients(table, m, live, end, work.ratio)
        p = live
        while p < end:
            row = row_at[p]
            # not positive at a vertex of the polytope: it cuts or touches, and stays
            settled = table[m, p] <= 0.0
            if not settled and work.ratio[p] >= -PIVOT_HINT:
                # least at this vertex: proven, or kept because the bound is too coarse
                settled = True
                if prove_redundant(rows, dictionary, p, work.residual):
                    keep[row] = 0
            if settled:
                end -= 1
                move_row(table, row_at, m, end, p)
                work.ratio[p] = work.ratio[end]
            else:
                p += 1
        if end == live or pivots == 0:
            return
        pivots -= 1
        # the row nearest to zero is settled first; it moves next to the polytope's rows
        target = live + least_index(table[m, live:end])
        if target != live:
            swap_rows(table, row_at, m, live, target)
        column = least_index(table[:m, live])
        position = blocking_row(table, m, column, live, work.ratio)
        if position < 0:
            return
        pivot(table, m, column, position, end)
        entered = row_at[position]
        row_at[position] = basis[column]
        basis[column] = entered
