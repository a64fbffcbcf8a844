"""Facets of a degenerate polytope: ties decided exactly, everything else by bounds.

Zero biases, integer weights and duplicate units make rows coincide, vanish, or merely
touch the polytope. Floats still propose: one linear program per hyperplane, in which
the row in question may be violated. What they propose is then proven:

* *facet*: a point of it where every row outside its group is positive beyond its bound;
* *not a facet, at a distance*: multipliers, as in `cells.proofs`;
* *not a facet, touching*: the row is an exact non-negative combination of at least two
  other rows. Coefficients beyond their perturbation bound have a proven sign; those
  within it, and the offset, must be exactly zero, which is decided modulo primes
  (`network.residues`) or known from the network's shape.

Rows that seem to coincide or to vanish must do so exactly, decided the same way.
Whatever remains open is left to rational arithmetic.
"""

from __future__ import annotations

from polyregions.cells.degeneracy import NO_ROW, find_groups, prove_row_touches
from polyregions.cells.dictionary import (
    HUGE,
    PIVOT_HINT,
    blocking_row,
    build_table,
    invert_basis,
    move_row,
    pivot,
    step_inside,
    swap_rows,
    vertex_from_point,
)
from polyregions.cells.proofs import evaluate_row, evaluate_rows, prove_redundant
from polyregions.compiled import exact_order_kernel, kernel

__all__ = ["walk_degenerate"]

# Hints only: when a step counts as violating, when to stop.
VIOLATION_HINT = 1e-9
DANTZIG_STEPS = 30
MOST_STEPS = 400


@exact_order_kernel
def prove_group_point(rows, errors, m, size, row, leader, point, slack):
    """Prove that a hyperplane is a facet, with `point` near it (see `prove_facet_point`)."""
    evaluate_rows(rows, m, size, point, slack)
    needed = 2.0 * (abs(slack[row]) + 2.0 * errors[row])
    for i in range(size):
        outside = leader[i] != row and leader[i] != NO_ROW
        if outside and not slack[i] - errors[i] > needed:
            return False
    return True


@exact_order_kernel
def all_exceed(rows, errors, m, size, leader, point, room):
    """Return whether every row with a hyperplane exceeds its error by `room` at a point."""
    for i in range(size):
        value = evaluate_row(rows, m, i, point)
        if leader[i] != NO_ROW and not value - errors[i] > room:
            return False
    return True


@kernel
def facet_point(rows, m, row, inside, vertex, point):
    """Write the point where the segment from `inside` to `vertex` meets a row.

    `vertex` violates the row. A second, shorter correction along the row removes most
    of the rounding.
    """
    above = rows[m, row]
    below = rows[m, row]
    for d in range(m):
        above += rows[d, row] * inside[d]
        below += rows[d, row] * vertex[d]
    share = above / (above - below)
    value = rows[m, row]
    for d in range(m):
        point[d] = inside[d] + share * (vertex[d] - inside[d])
        value += rows[d, row] * point[d]
    for d in range(m):
        point[d] -= value * rows[d, row]


@kernel
def start_table(rows, m, size, work, leader):
    """Write the dictionary of all leaders at a vertex; return its end, or -1."""
    if not vertex_from_point(rows, m, size, work):
        return -1
    basis, row_at, table = work.basis, work.row_at, work.table
    for k in range(m):
        basis[k] = leader[basis[k]]
    if not invert_basis(rows, basis, m, work.inverse):
        return -1
    build_table(rows, m, size, work)
    live = m
    for i in range(size):
        wanted = leader[i] == i
        for k in range(m):
            if basis[k] == i:
                wanted = False
        if wanted:
            move_row(table, row_at, m, m + i, live)
            live += 1
    return live


@kernel
def entering_column(table, basis, m, position, bland):
    """Return the column to enter so that a row decreases, or -1 at its minimum."""
    best = -1
    for k in range(m):
        if table[k, position] < -PIVOT_HINT:
            if best < 0:
                best = k
            elif bland:
                if basis[k] < basis[best]:
                    best = k
            elif table[k, position] < table[best, position]:
                best = k
    return best


@exact_order_kernel
def decide_row(flat, modular, bits, rows, errors, row, live, work, groups):
    """Decide one leader: 1 facet (its point in ``work.point``), 0 not a facet, -1 open.

    Notes
    -----
    *Algorithm.* Minimise the row over the others. The vertex stays feasible for every
    row, also for this one: the step that would violate it is not taken, its far end
    gives the facet's point instead.
    """
    m, size = flat.dimension, flat.size
    table, row_at, basis = work.table, work.row_at, work.basis
    steps = 0
    while steps < MOST_STEPS:
        steps += 1
        slot = -1
        for k in range(m):
            if basis[k] == row:
                slot = k
        if slot >= 0:
            # the row is tight: let its slack go below zero
            for p in range(live):
                table[slot, p] = -table[slot, p]
            position = blocking_row(table, m, slot, live, work.ratio)
            length = HUGE
            if position >= 0:
                length = -table[m, position] / table[slot, position]
            for d in range(m):
                work.vertex[d] = table[m, d] + length * table[slot, d]
            for p in range(live):
                table[slot, p] = -table[slot, p]
            if position < 0:
                return -1
            if length > VIOLATION_HINT:
                facet_point(rows, m, row, groups.inside, work.vertex, work.point)
                if prove_group_point(
                    rows, errors, m, size, row, groups.leader, work.point, work.slack
                ):
                    return 1
                return -1
            pivot(table, m, slot, position, live)
            entered = row_at[position]
            row_at[position] = row
            basis[slot] = entered
            continue
        target = m
        while row_at[target] != row:
            target += 1
        last = live - 1
        if target != last:
            swap_rows(table, row_at, m, target, last)
        column = entering_column(table, basis, m, last, steps > DANTZIG_STEPS)
        if column < 0:
            if prove_redundant(rows, errors, m, basis, table, last, row, work.residual):
                return 0
            if not invert_basis(rows, basis, m, work.inverse):
                return -1
            if prove_row_touches(
                flat,
                modular,
                bits,
                rows,
                errors,
                basis,
                table,
                work.inverse,
                last,
                row,
                work.residual,
                groups,
            ):
                return 0
            return -1
        position = blocking_row(table, m, column, last, work.ratio)
        if position < 0:
            return -1
        length = -table[m, position] / table[column, position]
        if table[m, last] + length * table[column, last] < -VIOLATION_HINT:
            for d in range(m):
                work.vertex[d] = table[m, d] + length * table[column, d]
            facet_point(rows, m, row, groups.inside, work.vertex, work.point)
            if prove_group_point(rows, errors, m, size, row, groups.leader, work.point, work.slack):
                return 1
            return -1
        pivot(table, m, column, position, live)
        entered = row_at[position]
        row_at[position] = basis[column]
        basis[column] = entered
    return -1


@exact_order_kernel
def walk_degenerate(flat, modular, bits, rows, errors, work, out, witness, room, groups):
    """Decide every hyperplane of a degenerate region, starting at ``work.point``.

    Parameters
    ----------
    flat, modular
        The network in floats and modulo primes.
    bits : uint8 array, shape (N,)
    rows, errors
        The region's rows as `region_rows` wrote them.
    work : Workspace
        ``work.point`` is a point of the region or of a facet of it.
    out : FacetBuffer
        Leaders of the facets, points, and supports of the others; bases are not written.
    witness, room
        See `walk_vertices`.
    groups : GroupScratch
        ``exact[0]`` counts the decisions that exact arithmetic took.

    Returns
    -------
    int
        Number of facets in `out`, or -1 if anything could not be proven.
    """
    m, size = flat.dimension, flat.size
    groups.exact[0] = 0
    groups.exact[1] = 0
    if not find_groups(flat, modular, bits, rows, errors, groups):
        return -1
    leader, inside, slack = groups.leader, groups.inside, work.slack
    step_inside(rows, m, size, work)
    for d in range(m):
        inside[d] = work.point[d]
        witness[d] = work.point[d]
    evaluate_rows(rows, m, size, inside, slack)
    for i in range(size):
        if not slack[i] - errors[i] > 0.0:
            return -1
    live = start_table(rows, m, size, work, leader)
    if live < 0:
        return -1
    count = 0
    for row in range(flat.units):
        out.supports[row, 0] = -1
        if leader[row] != row or groups.walled[row]:
            continue
        verdict = decide_row(flat, modular, bits, rows, errors, row, live, work, groups)
        if verdict < 0:
            return -1
        if verdict == 0:
            for k in range(m):
                out.supports[row, k] = work.basis[k]
        if verdict == 1:
            out.rows[count] = row
            for d in range(m):
                out.points[count, d] = work.point[d]
                witness[d] += work.point[d]
            count += 1
    # the mean of the inner point and one point per facet lies well inside
    for d in range(m):
        witness[d] /= count + 1.0
    if all_exceed(rows, errors, m, size, leader, witness, room):
        return count
    for d in range(m):
        witness[d] = inside[d]
    return count if all_exceed(rows, errors, m, size, leader, witness, room) else -1
