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
Whatever remains open is left to rational arithmetic. The proofs are part 7 of
docs/mathematics.md.
"""

from __future__ import annotations

from polyregions.cells.degeneracy import NO_ROW, find_groups, prove_row_touches
from polyregions.cells.dictionary import (
    HUGE,
    PIVOT_HINT,
    Dictionary,
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
from polyregions.compiled import exact_order_kernel, inlined_exact_order_kernel, kernel

__all__ = ["prove_group_point", "walk_degenerate"]

# Hints only: when a step counts as violating, when to stop.
VIOLATION_HINT = 1e-9
DANTZIG_STEPS = 30  # the steepest slack is the better guess, but may cycle: then Bland's rule
MOST_STEPS = 400


@exact_order_kernel
def prove_group_point(rows, size, row, leader, point, slack, room):
    """Prove that a hyperplane is a facet, with `point` near it (see `prove_facet_point`).

    Parameters
    ----------
    rows : Rows
        All of the region: the first `size` columns.
    size, row : int
        The row is the leader of its group.
    leader : int64 array, shape (at least size,)
        See `GroupScratch`.
    point : float64 array, shape (m,)
    slack : float64 array, shape (at least size,), out
        Work.
    room : float
        The point proves the same after rounding that moves it so far.

    Returns
    -------
    bool

    Notes
    -----
    Rows of the group are zero wherever the leader is, exactly, so they need not be positive;
    rows without a hyperplane are constants, or vanish. Every row, this one included, changes
    by at most 1.01 `room` when the point moves.
    """
    evaluate_rows(rows.values, rows.values.shape[0] - 1, size, point, slack)
    needed = 2.0 * (abs(slack[row]) + 2.0 * rows.errors[row] + 2.0 * room) + room
    for i in range(size):
        outside = leader[i] != row and leader[i] != NO_ROW
        if outside and not slack[i] - rows.errors[i] > needed:
            return False
    return True


@exact_order_kernel
def all_exceed(rows, size, leader, point, room):
    """Return whether every row with a hyperplane exceeds its error by `room` at a point."""
    m = len(point)
    for i in range(size):
        value = evaluate_row(rows.values, m, i, point)
        if leader[i] != NO_ROW and not value - rows.errors[i] > room:
            return False
    return True


@kernel
def facet_point(values, m, row, inside, vertex, point):
    """Write the point where the segment from `inside` to `vertex` meets a row.

    `vertex` violates the row. A second, shorter correction along the row removes most
    of the rounding.

    Parameters
    ----------
    values : float64 array, shape (m + 1, rows)
    m, row : int
    inside, vertex : float64 arrays, shape (m,)
    point : float64 array, shape (m,), out
    """
    above = values[m, row]
    below = values[m, row]
    for d in range(m):
        above += values[d, row] * inside[d]
        below += values[d, row] * vertex[d]
    # above is positive and below is not, so there is no division by zero
    share = above / (above - below)
    value = values[m, row]
    for d in range(m):
        point[d] = inside[d] + share * (vertex[d] - inside[d])
        value += values[d, row] * point[d]
    # along the normal, of length 1, the value is the distance
    for d in range(m):
        point[d] -= value * values[d, row]


@kernel
def start_table(values, m, size, work, leader):
    """Write the dictionary of all leaders at a vertex; return its end, or -1.

    Parameters
    ----------
    values : float64 array, shape (m + 1, at least size)
    m, size : int
    work : Workspace, in and out
        ``point`` is inside the polytope.
    leader : int64 array, shape (at least size,)
    """
    if not vertex_from_point(values, m, size, work):
        return -1
    basis, row_at, table = work.basis, work.row_at, work.table
    # one row for each hyperplane: copies of a row would tie with it at every vertex
    for k in range(m):
        basis[k] = leader[basis[k]]
    if not invert_basis(values, basis, m, work.inverse):
        return -1
    build_table(values, m, size, work)
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
    """Return the slack to grow so that a row decreases, or -1 at its minimum.

    It is the steepest one, or by Bland's rule that of the first basis row.
    """
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


@inlined_exact_order_kernel
def decide_row(flat, modular, bits, rows, row, live, work, groups):
    """Decide one leader.

    Parameters
    ----------
    flat, modular, bits, rows, work, groups
        See `walk_degenerate`.
    row : int
        The leader.
    live : int
        The end of the dictionary's positions.

    Returns
    -------
    int
        1 facet (its point in ``work.point``), 0 not a facet (its support is ``work.basis``),
        -1 open.

    Notes
    -----
    *Algorithm.* Minimise the row over the others. The vertex stays feasible for every
    row, also for this one: the step that would violate it is not taken, its far end
    gives the facet's point instead.

    **Invariant.** Before each step the dictionary is that of a vertex that satisfies all
    leaders, up to rounding. The answers do not rest on that: 1 is proven by a point
    (`prove_group_point`), 0 by multipliers (`prove_redundant`, `prove_row_touches`), both from
    the rows themselves.
    """
    m, size = flat.dimension, flat.size
    table, row_at, basis = work.table, work.row_at, work.basis
    dictionary = Dictionary(table, row_at, basis)
    steps = 0
    while steps < MOST_STEPS and work.stop[0] == 0:
        steps += 1
        column = -1
        for k in range(m):
            if basis[k] == row:
                column = k
        if column >= 0:
            # the row is tight: let its slack go below zero
            # (edges go where slacks grow, so the column is turned for a moment)
            for p in range(live):
                table[column, p] = -table[column, p]
            position = blocking_row(table, m, column, live, work.ratio)
            length = HUGE
            if position >= 0:
                length = -table[m, position] / table[column, position]
            for d in range(m):
                work.vertex[d] = table[m, d] + length * table[column, d]
            for p in range(live):
                table[column, p] = -table[column, p]
            if position < 0:
                return -1
            # else another row is tight as well, and takes this one's place in the basis
            violated = length > VIOLATION_HINT
        else:
            target = m
            while row_at[target] != row:
                target += 1
            # at the last position it takes no part in the ratio test: it may be violated
            last = live - 1
            if target != last:
                swap_rows(table, row_at, m, target, last)
            column = entering_column(table, basis, m, last, steps > DANTZIG_STEPS)
            if column < 0:
                # its minimum: positive, or exactly zero
                if prove_redundant(rows, dictionary, last, work.residual):
                    return 0
                if prove_row_touches(flat, modular, bits, rows, dictionary, last, groups):
                    return 0
                return -1
            position = blocking_row(table, m, column, last, work.ratio)
            if position < 0:
                return -1
            length = -table[m, position] / table[column, position]
            for d in range(m):
                work.vertex[d] = table[m, d] + length * table[column, d]
            violated = table[m, last] + length * table[column, last] < -VIOLATION_HINT
        if violated:
            facet_point(rows.values, m, row, groups.inside, work.vertex, work.point)
            if prove_group_point(rows, size, row, groups.leader, work.point, work.slack, 0.0):
                return 1
            return -1
        pivot(table, m, column, position, live)
        entered = row_at[position]
        row_at[position] = basis[column]
        basis[column] = entered
    return -1


@exact_order_kernel
def walk_degenerate(flat, modular, bits, rows, work, found, room, groups):
    """Decide every hyperplane of a degenerate region, starting at ``work.point``.

    Parameters
    ----------
    flat, modular
        The network in floats and modulo primes.
    bits : uint8 array, shape (N,)
    rows : Rows, in and out
        All rows of the region as `write_region_rows` wrote them; see `find_groups`.
    work : Workspace
        ``work.point`` is a point of the region or of a facet of it.
    found : FacetBuffer, out
        Leaders of the facets, points, and supports of the others; bases are not written.
    room : float
        At ``found.witness`` every row exceeds its error by more.
    groups : GroupScratch, out
        ``exact[0]`` counts the decisions that exact arithmetic took.

    Returns
    -------
    int
        Number of facets in `found`, or -1 if anything could not be proven.

    Notes
    -----
    **Invariant.** Before each pass every leader below `row` is proven to carry a facet, and is
    in `found`, or not to; leaders on the domain's boundary are no question.
    """
    m, size = flat.dimension, flat.size
    groups.exact[0] = 0
    groups.ties.state[0] = 0
    if not find_groups(flat, modular, bits, rows, groups):
        return -1
    leader, inside, slack = groups.leader, groups.inside, work.slack
    witness = found.witness
    step_inside(rows.values, m, size, work)
    for d in range(m):
        inside[d] = work.point[d]
        witness[d] = work.point[d]
    # the segments to the facets start here, and the witness is this one or a mean with it
    evaluate_rows(rows.values, m, size, inside, slack)
    for i in range(size):
        if not slack[i] - rows.errors[i] > 0.0:
            return -1
    live = start_table(rows.values, m, size, work, leader)
    if live < 0:
        return -1
    count = 0
    for row in range(flat.units):
        found.supports[row, 0] = -1
        # the others have no hyperplane, or that of their leader; a wall is no facet inside
        if leader[row] != row or groups.walled[row]:
            continue
        verdict = decide_row(flat, modular, bits, rows, row, live, work, groups)
        if verdict < 0:
            return -1
        if verdict == 0:
            # the basis at which it is least: what a certificate combines it from
            for k in range(m):
                found.supports[row, k] = work.basis[k]
        if verdict == 1:
            found.rows[count] = row
            for d in range(m):
                found.points[count, d] = work.point[d]
                witness[d] += work.point[d]
            count += 1
    # the mean of the inner point and one point per facet lies well inside
    for d in range(m):
        witness[d] /= count + 1.0
    if all_exceed(rows, size, leader, witness, room):
        return count
    # rounding may have led the mean astray
    for d in range(m):
        witness[d] = inside[d]
    return count if all_exceed(rows, size, leader, witness, room) else -1
