"""Deciding every row by walking over vertices: the certified dictionary simplex.

Floats walk and propose (`cells.dictionary`); every answer is proven (`cells.proofs`) or the
whole polytope is reported as undecided. See docs/mathematics.md, part 6, "A vertex settles
several rows".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers
from polyregions.cells.dictionary import (
    HUGE,
    PIVOT_HINT,
    TIE_HINT,
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
from polyregions.cells.proofs import (
    evaluate_rows,
    least,
    lower_bounds,
    prove_facet_point,
    prove_redundant,
)
from polyregions.compiled import exact_order_kernel, inlined_exact_order_kernel

__all__ = ["FacetBuffer", "facet_buffer", "row_type", "walk_vertices"]


# what is known of a row, in ``Workspace.status``
UNDECIDED_ROW, FACET, REDUNDANT = 0, 1, 2

# Pivots per row before the walk is given up as cycling: a hint, the answer is then "undecided".
PASSES_HINT = 50


class FacetBuffer(NamedTuple):
    """What is found of a polytope: its facets, what proves the others, and a point inside.

    Attributes
    ----------
    rows : int64 array, shape (capacity,)
        The rows that are facets.
    bases : integer array, shape (capacity, m)
        The basis of a vertex on each of them.
    points : float64 array, shape (capacity, m)
        A point of the relative interior of each, up to rounding.
    supports : integer array, shape (capacity, m)
        By row: those whose combination proves it redundant; -1 first for rows that are no
        such case.
    witness : float64 array, shape (m,)
        A point where every row exceeds its error.
    """

    rows: Integers
    bases: NDArray[np.signedinteger[Any]]
    points: Floats
    supports: NDArray[np.signedinteger[Any]]
    witness: Floats


def row_type(size: int) -> type[np.int16] | type[np.int32]:
    """Return the integers that number `size` rows: the short ones wherever they suffice."""
    return np.int16 if size < 2**15 else np.int32


def facet_buffer(m: int, capacity: int) -> FacetBuffer:
    """Allocate room for `capacity` candidate rows, all of which may be facets."""
    return FacetBuffer(
        np.zeros(capacity, dtype=np.int64),
        np.zeros((capacity, m), dtype=row_type(capacity)),
        np.zeros((capacity, m)),
        np.zeros((capacity, m), dtype=row_type(capacity)),
        np.zeros(m),
    )


@inlined_exact_order_kernel
def append_facet(found, count, row, basis, point):
    """Append a facet with the basis of a vertex on it and a point of it; return the new count."""
    found.rows[count] = row
    for k in range(len(basis)):
        found.bases[count, k] = basis[k]
        found.points[count, k] = point[k]
    return count + 1


@exact_order_kernel
def prove_basis_facets(rows, size, work, found, count):
    """Prove that each basis row of unknown status is a facet of a simple vertex.

    Parameters
    ----------
    rows : Rows
        Of the whole polytope: the first `size` columns.
    size : int
    work : Workspace
        The dictionary of the vertex; ``status`` is brought up to date.
    found : FacetBuffer, out
        Facets are appended: rows, bases, points.
    count : int
        How many it holds.

    Returns
    -------
    int
        How many it holds now, or -1 if some row cannot be proven.

    Notes
    -----
    *Algorithm.* At a vertex where no other row is tight every basis row is a facet.
    The point for row j is the vertex plus a short step along all edges but the one
    that leaves j, short enough for every other row to stay positive.

    **Invariant.** Before each pass every row in `found` is proven, by the rows themselves, to
    carry a facet; `others` is a proven bound on every row outside the basis at the vertex.
    Nothing rests on the dictionary: a vertex that has drifted makes a proof fail.
    """
    basis, table, status, point = work.basis, work.table, work.status, work.point
    vertex, m = work.vertex, len(work.basis)
    # the coordinates are the first rows of the dictionary
    for d in range(m):
        vertex[d] = table[m, d]
    evaluate_rows(rows.values, m, size, vertex, work.slack)
    lower_bounds(work.slack, rows.errors, size)
    # basis rows are about zero here; each is looked at on its own
    for k in range(m):
        work.slack[basis[k]] = HUGE
    others = least(work.slack, size)
    if not others > 0.0:
        return -1  # a tie, or too close to tell: the vertex is not known to be simple
    reach = 0.0
    direction = work.direction
    for d in range(m):
        direction[d] = 0.0
    for k in range(m):
        square = 0.0
        for d in range(m):
            square += table[k, d] * table[k, d]
            direction[d] += table[k, d]
        reach += np.sqrt(square)
    # half of what the nearest other row allows, were it to fall along every edge at full rate
    step = 0.5 * others / reach
    for facet in range(m):
        row = basis[facet]
        if status[row] != UNDECIDED_ROW:
            continue
        for d in range(m):
            # without the edge along which this row's own slack grows
            point[d] = vertex[d] + step * (direction[d] - table[facet, d])
        if not prove_facet_point(rows, basis, facet, others, vertex, point):
            return -1
        status[row] = FACET
        count = append_facet(found, count, row, basis, point)
    return count


@exact_order_kernel
def prove_end_facet(rows, size, column, position, work, found, count):
    """Prove the facet that blocks edge `column` of the first vertex at its far end.

    Parameters
    ----------
    rows, size, work, found, count
        See `prove_basis_facets`. The dictionary stays that of the first vertex.
    column, position : int
        The edge, and the position of the row that blocks it.

    Returns
    -------
    int
        The new count; unchanged if the row could not be proven here, which leaves it open.
    """
    basis, point, direction, vertex = work.basis, work.point, work.direction, work.vertex
    table, m = work.table, len(work.basis)
    row = work.row_at[position]
    element = table[column, position]
    length = -table[m, position] / element
    for d in range(m):
        vertex[d] = table[m, d] + length * table[column, d]
    slack = work.slack
    evaluate_rows(rows.values, m, size, vertex, slack)
    lower_bounds(slack, rows.errors, size)
    for k in range(m):
        if k != column:
            slack[basis[k]] = HUGE
    # tight at the far end are the row itself and the basis but for the slack that grew
    slack[row] = HUGE
    others = least(slack, size)
    if not others > 0.0:
        return count
    # edges of the far vertex inside facet `row`: those of the other basis rows
    reach = 0.0
    for d in range(m):
        direction[d] = 0.0
    for k in range(m):
        if k != column:
            factor = table[k, position] / element
            square = 0.0
            for d in range(m):
                along = table[k, d] - factor * table[column, d]
                direction[d] += along
                square += along * along
            reach += np.sqrt(square)
    step = 0.5 * others / reach if reach > 0.0 else 0.0
    for d in range(m):
        point[d] = vertex[d] + step * direction[d]
    # the far vertex's basis, for this proof only
    leaving = basis[column]
    basis[column] = row
    if prove_facet_point(rows, basis, column, others, vertex, point):
        work.status[row] = FACET
        count = append_facet(found, count, row, basis, point)
    basis[column] = leaving
    return count


@inlined_exact_order_kernel
def leave_basis_out(work, live, unknown):
    """Take the basis rows out of the dictionary that `build_table` wrote.

    Returns the new ends of the rows it holds and of those of unknown status among them.
    """
    table, row_at, basis = work.table, work.row_at, work.basis
    m = len(basis)
    for k in range(m):
        i = basis[k]
        # rows move when others leave; until then row i is at m + i
        position = m + i
        if position >= live or row_at[position] != i:
            position = m
            while row_at[position] != i:
                position += 1
        if position < unknown:
            unknown -= 1
            move_row(table, row_at, m, unknown, position)
            position = unknown
        live -= 1
        move_row(table, row_at, m, live, position)
    return live, unknown


@exact_order_kernel
def walk_vertices(rows, size, candidates, work, found, room):
    """Decide every candidate row, starting at the vertex of ``work.basis``.

    Parameters
    ----------
    rows : Rows
        The polytope's: the first `size` columns.
    size, candidates : int
        Rows below `candidates` are asked about; the others only bound the polytope.
    work : Workspace
    found : FacetBuffer, out
        ``witness`` is a point where every row exceeds its error by more than `room`.
    room : float

    Returns
    -------
    int
        Number of facets in `found`, or -1 if anything could not be proven, or ``work.stop`` is
        set.

    Notes
    -----
    *Algorithm.* Walk over vertices, minimising one unknown row at a time; every vertex
    visited settles more rows: its basis rows are facets, and rows with no negative
    coefficient are redundant and leave the dictionary. Minimising s_i needs no
    objective row: its reduced costs are row i of the dictionary, and because row i
    takes part in the ratio test its LP ends as soon as it is tight.

    **Invariant.** Before each pass of the last loop the positions m … unknown - 1 hold exactly
    the candidates without a proven answer, and unknown … live - 1 other rows of the polytope;
    `found` holds the proven facets, and every candidate in neither has a proven support. The
    loop ends with a count only when nothing is unknown: then every candidate is proven to
    carry a facet or not to. Rows proven redundant leave the dictionary, which changes no
    polytope; proofs go on to use all `size` rows.
    """
    table, row_at, basis, status = work.table, work.row_at, work.basis, work.status
    m, witness = len(basis), found.witness
    for i in range(size):
        status[i] = UNDECIDED_ROW if i < candidates else REDUNDANT
    for i in range(candidates):
        found.supports[i, 0] = -1
    if not invert_basis(rows.values, basis, m, work.inverse):
        return -1
    build_table(rows.values, m, size, work)
    live, unknown = leave_basis_out(work, m + size, m + candidates)
    count = prove_basis_facets(rows, size, work, found, 0)
    if count < 0:
        return -1

    # the far ends of the first vertex's edges: new facets, and a witness well inside
    for d in range(m):
        witness[d] = table[m, d]
    for k in range(m):
        position = blocking_row(table, m, k, live, work.ratio)
        if position < 0 or work.stop[0] != 0:
            return -1
        length = -table[m, position] / table[k, position]
        # the mean of the vertex and the far ends of its m edges
        for d in range(m):
            witness[d] += length * table[k, d] / (m + 1)
        if status[row_at[position]] == UNDECIDED_ROW:
            before = count
            count = prove_end_facet(rows, size, k, position, work, found, count)
            if count > before and position < unknown:
                unknown -= 1
                swap_rows(table, row_at, m, position, unknown)
    evaluate_rows(rows.values, m, size, witness, work.slack)
    lower_bounds(work.slack, rows.errors, size)
    if not least(work.slack, size) > room:
        return -1

    objective = -1
    dictionary = Dictionary(table, row_at, basis)
    passes = PASSES_HINT * (candidates + m)
    while True:
        # rows that are least at this vertex are redundant: no simple vertex has them tight
        least_coefficients(table, m, m, unknown, work.ratio)
        p = m
        while p < unknown:
            if work.ratio[p] >= -PIVOT_HINT:
                row = row_at[p]
                if not prove_redundant(rows, dictionary, p, work.residual):
                    return -1  # it touches the polytope, or nearly so
                status[row] = REDUNDANT
                for k in range(m):
                    found.supports[row, k] = basis[k]
                unknown -= 1
                live -= 1
                move_row(table, row_at, m, unknown, p)
                work.ratio[p] = work.ratio[unknown]
                move_row(table, row_at, m, live, unknown)
            else:
                p += 1
        if unknown == m:
            return count
        if work.stop[0] != 0:
            return -1
        # keep the current objective until it is settled, else take the nearest row
        target = -1
        if objective >= 0 and status[objective] == UNDECIDED_ROW:
            for p in range(m, unknown):
                if row_at[p] == objective:
                    target = p
        if target < 0:
            target = m + least_index(table[m, m:unknown])
            objective = row_at[target]
        # the slack along which it falls fastest
        column = least_index(table[:m, target])
        position = blocking_row(table, m, column, live, work.ratio)
        passes -= 1
        # unbounded, cycling, or no longer inside: the floats have lost their way
        if position < 0 or passes < 0 or table[m, position] < -TIE_HINT:
            return -1
        pivot(table, m, column, position, live)
        # names follow the pivot
        entered = row_at[position]
        row_at[position] = basis[column]
        basis[column] = entered
        if position < unknown:
            # the row that left the basis is no longer a question
            unknown -= 1
            swap_rows(table, row_at, m, position, unknown)
        if status[entered] == UNDECIDED_ROW:
            count = prove_basis_facets(rows, size, work, found, count)
            if count < 0:
                return -1
