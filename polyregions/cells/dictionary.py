"""The dictionary: a polytope seen from one of its vertices, in floats.

The polytope is ``{u : values[:m].T @ u + values[m] >= 0}`` with unit normals, inside the
cube [-1, 1]^m. At a vertex with tight rows B (the *basis*), every other row is an
affine function of the slacks t of the basis rows, ``s_i = b_i + sum_k d_ik t_k``.
Pivoting moves to a neighbouring vertex.

Everything here only *proposes*. What an answer rests on is in `cells.proofs`. So no rounding is
bounded here, and loops may be reordered: they are of the kind that only proposes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from polyregions.arrays import Floats, Integers
from polyregions.compiled import entry, kernel

__all__ = [
    "HUGE",
    "PIVOT_HINT",
    "TIE_HINT",
    "TIGHT_HINT",
    "Dictionary",
    "Workspace",
    "blocking_row",
    "build_table",
    "invert_basis",
    "least_coefficients",
    "least_index",
    "move_row",
    "pivot",
    "step_inside",
    "swap_rows",
    "vertex_from_point",
    "workspace",
]


# Stands for "no bound": finite, because the kernels that propose know no infinity.
HUGE = 1e300
# Hints for the float walk. None can change an answer: a wrong turn ends in
# "undecided", because the proofs do not use them.
PIVOT_HINT = 1e-11  # smaller coefficients count as zero: dividing by them would blow up a table
SINGULAR_HINT = 1e-9  # smaller pivots make an inverse too inexact for a proof to succeed
TIE_HINT = 1e-13  # a vertex that far outside a row of length 1 is still the right one
NOTHING_LEFT = 1e-200  # a row of value zero, or below it by rounding, blocks at once
TIGHT_HINT = 1e-10  # rows nearer than this to a point on a facet may be the facet's


class Dictionary(NamedTuple):
    """The rows of a polytope over the slacks of one vertex.

    Attributes
    ----------
    table : float64 array, shape (m + 1, positions)
        ``table[k, p]`` for k < m is the coefficient of slack k in the row at position p,
        ``table[m, p]`` that row's value at the vertex.
    row_at : int64 array, shape (positions,)
        The row at each position; -1 for the m coordinates of u, which come first.
    basis : int64 array, shape (m,)
        The rows that are tight: slack k is that of row ``basis[k]``.
    """

    table: Floats
    row_at: Integers
    basis: Integers


class Workspace(NamedTuple):
    """Work arrays of the dictionary for polytopes of up to `size` rows in m dimensions.

    ``table[k]`` for k < m is the column of slack k, ``table[m]`` the value at the
    vertex. Positions 0..m-1 are the coordinates of u, then the rows of unknown
    status, then the rows that are only needed; ``row_at`` names them. (`cells.in_cube` has uses of
    its own for them, and for `names` and `sides`.) ``stop[0]`` is not 0 where nobody waits for the
    answer any more: long loops look at it and give up, undecided.
    """

    table: Floats
    row_at: Integers
    ratio: Floats
    slack: Floats
    basis: Integers
    status: Integers
    inverse: Floats
    vertex: Floats
    point: Floats
    direction: Floats
    residual: Floats
    names: Integers
    sides: Integers
    stop: Integers


def workspace(m: int, size: int, stop: Integers | None = None) -> Workspace:
    """Allocate the work arrays of the dictionary; `stop` is shared by all that stop together."""
    return Workspace(
        table=np.zeros((m + 1, m + size)),
        row_at=np.zeros(m + size, dtype=np.int64),
        ratio=np.zeros(m + size),
        slack=np.zeros(size),
        basis=np.zeros(m, dtype=np.int64),
        status=np.zeros(size, dtype=np.int64),
        inverse=np.zeros((m, 2 * m)),
        vertex=np.zeros(m),
        point=np.zeros(m),
        direction=np.zeros(m),
        residual=np.zeros(m + 1),
        names=np.zeros(m, dtype=np.int64),
        sides=np.zeros((m, 2), dtype=np.int64),
        stop=np.zeros(1, dtype=np.int64) if stop is None else stop,
    )


@kernel
def invert_basis(values, basis, m, inverse):
    """Invert the basis normals by Gauss-Jordan, in place; return False if nearly singular.

    Parameters
    ----------
    values : float64 array, shape (m + 1, rows)
        Rows as columns, the normal above the offset.
    basis : int64 array, shape (m,)
    m : int
    inverse : float64 array, shape (m, 2 m), out
        ``inverse[:, m:]`` becomes the inverse; ``inverse[:, 0]`` holds the rows exchanged.

    Notes
    -----
    **Invariant.** Before column c, the columns before it hold the inverse's and the others the
    matrix's, of the same sequence of row operations applied to the identity and to the basis.
    What the inverse is worth is bounded afterwards (`cells.proofs.multiplier_doubt`).
    """
    chosen, entries = inverse[:, 0], inverse[:, m:]
    for r in range(m):
        for c in range(m):
            entries[r, c] = values[c, basis[r]]
    for c in range(m):
        # the largest entry of the column: factors stay below 1, and rounding with them
        best = c
        for r in range(c + 1, m):
            if abs(entries[r, c]) > abs(entries[best, c]):
                best = r
        if abs(entries[best, c]) < SINGULAR_HINT:
            return False
        chosen[c] = best
        if best != c:
            for k in range(m):
                swap = entries[c, k]
                entries[c, k] = entries[best, k]
                entries[best, k] = swap
        # in place: column c of the identity takes the place of the matrix's, which is done with
        scale = 1.0 / entries[c, c]
        entries[c, c] = 1.0
        for k in range(m):
            entries[c, k] *= scale
        for r in range(m):
            if r != c:
                factor = entries[r, c]
                # basis rows of the domain are mostly zeros
                if factor != 0.0:
                    entries[r, c] = 0.0
                    for k in range(m):
                        entries[r, k] -= factor * entries[c, k]
    # rows exchanged on the way are columns of the inverse, to be exchanged back
    for c in range(m - 1, -1, -1):
        best = int(chosen[c])
        if best != c:
            for r in range(m):
                swap = entries[r, c]
                entries[r, c] = entries[r, best]
                entries[r, best] = swap
    return True


@kernel
def build_table(values, m, size, work):
    """Write the dictionary of all rows at the vertex of ``work.basis``.

    Parameters
    ----------
    values : float64 array, shape (m + 1, at least size)
    m, size : int
    work : Workspace, in and out
        ``basis`` and its ``inverse`` are read, ``table`` and ``row_at`` written: row i is at
        position m + i, the basis rows included.
    """
    table, inverse, basis = work.table, work.inverse, work.basis
    # the coordinates: u = inverse @ (slacks - offsets)
    for d in range(m):
        total = 0.0
        for k in range(m):
            table[k, d] = inverse[d, m + k]
            total -= inverse[d, m + k] * values[m, basis[k]]
        table[m, d] = total
        work.row_at[d] = -1
    # slices start at zero, so the compiler sees that no index is negative and vectorises
    for k in range(m + 1):
        column = table[k, m : m + size]
        for i in range(size):
            column[i] = values[m, i] if k == m else 0.0
        for d in range(m):
            factor = table[k, d]
            for i in range(size):
                column[i] += values[d, i] * factor
    for i in range(size):
        work.row_at[m + i] = i


@kernel
def move_row(table, row_at, m, source, target):
    """Copy the dictionary row at position `source` to position `target`."""
    for k in range(m + 1):
        table[k, target] = table[k, source]
    row_at[target] = row_at[source]


@kernel
def swap_rows(table, row_at, m, first, second):
    """Exchange two dictionary rows."""
    for k in range(m + 1):
        value = table[k, first]
        table[k, first] = table[k, second]
        table[k, second] = value
    row = row_at[first]
    row_at[first] = row_at[second]
    row_at[second] = row


@kernel
def blocking_row(table, m, column, end, ratio):
    """Return the position of the first row that blocks edge `column`, or -1.

    Parameters
    ----------
    table : float64 array, shape (m + 1, at least end)
    m, column, end : int
        The slack that grows, and the end of the positions that may block.
    ratio : float64 array, shape (at least end,), out
        How soon each row blocks: one over the length of the edge up to it, 0 for rows that do not.
    """
    steps, values, ratios = table[column, m:end], table[m, m:end], ratio[m:end]
    soonest = 0.0
    # not the lengths: a quotient that only some rows have makes a branch of each row, which
    # takes longer, mispredicted, than all the arithmetic
    for p in range(len(steps)):
        fall = -steps[p] if steps[p] < -PIVOT_HINT else 0.0
        ratios[p] = fall / max(values[p], NOTHING_LEFT)
        soonest = max(soonest, ratios[p])
    if soonest == 0.0:
        return -1
    # its place in a second pass: a loop that keeps both is not vectorised
    last = len(ratios) - 1
    position = last
    for p in range(len(ratios)):
        position = min(position, p if ratios[p] == soonest else last)
    return m + position


@kernel
def least_index(values):
    """Return the index of the least of some finite values, one at least."""
    least = HUGE
    for p in range(len(values)):
        least = min(least, values[p])
    # no branches, which would be mispredicted
    last = len(values) - 1
    index = last
    for p in range(len(values)):
        index = min(index, p if values[p] == least else last)
    return index


@kernel
def pivot(table, m, column, position, end):
    """Exchange slack `column` with the row at `position`.

    Parameters
    ----------
    table : float64 array, shape (m + 1, at least end), in and out
    m, column, position, end : int
        Positions from `end` on are not kept up to date. The caller exchanges the names in
        ``row_at`` and ``basis``.

    Notes
    -----
    The row ``s = b + sum_k d_k t_k`` is solved for ``t_column``, and that is put into every
    other row. Errors add up from pivot to pivot, which only costs a refused proof.
    """
    # slices start at zero, so the compiler sees that no index is negative and vectorises
    scale, leaving = 1.0 / table[column, position], table[column, :end]
    for p in range(len(leaving)):
        leaving[p] *= scale
    for k in range(m + 1):
        if k != column:
            factor, entries = table[k, position], table[k, :end]
            for p in range(len(entries)):
                entries[p] -= factor * leaving[p]
            # what the loop left there is rounding: this is the new coefficient
            table[k, position] = -factor * scale
    table[column, position] = scale


@kernel
def least_coefficients(table, m, start, end, out):
    """out[p] = the smallest coefficient of row p, for start <= p < end.

    A row for which it is not negative has its minimum over the polytope at this vertex.
    """
    least_so_far, first = out[start:end], table[0, start:end]
    for p in range(len(first)):
        least_so_far[p] = first[p]
    for k in range(1, m):
        column = table[k, start:end]
        for p in range(len(column)):
            least_so_far[p] = min(least_so_far[p], column[p])


@kernel
def step_inside(values, m, size, work):
    """Move ``work.point`` from a facet into the polytope, straight off the tight rows.

    Goes half of the way to the next row; a point already inside stays where it is.

    Parameters
    ----------
    values : float64 array, shape (m + 1, at least size)
    m, size : int
    work : Workspace, in and out
    """
    point, direction, slack = work.point, work.direction, work.slack
    for d in range(m):
        direction[d] = 0.0
    for i in range(size):
        value = values[m, i]
        for d in range(m):
            value += values[d, i] * point[d]
        slack[i] = value
        if value < TIGHT_HINT:
            # the sum of the inner normals: it enters all of them unless they are opposite
            for d in range(m):
                direction[d] += values[d, i]
    # nothing blocks: the point stays, and what needs one inside fails
    step = HUGE
    for i in range(size):
        if slack[i] >= TIGHT_HINT:
            rate = 0.0
            for d in range(m):
                rate += values[d, i] * direction[d]
            if rate < 0.0:
                step = min(step, -slack[i] / rate)
    if step < HUGE:
        for d in range(m):
            point[d] += 0.5 * step * direction[d]


@entry
@kernel
def vertex_from_point(values, m, size, work):
    """Walk from ``work.point``, inside the polytope, to a vertex; set ``work.basis``.

    Parameters
    ----------
    values : float64 array, shape (m + 1, at least size)
    m, size : int
    work : Workspace, in and out

    Returns
    -------
    bool
        False if nothing blocks (the polytope is unbounded), the point is not inside, or
        ``work.stop`` is set.

    Notes
    -----
    *Algorithm.* The dictionary at a point that is no vertex: its slacks are the displacements
    along the coordinates. Every step follows one that is still free to the first row that
    blocks it.

    **Invariant.** Before step k the rows ``basis[:k]`` are tight with independent normals,
    and every row of the table is non-negative, up to rounding.
    """
    table, row_at, ratio = work.table, work.row_at, work.ratio
    for d in range(m):
        row_at[d] = -1
        table[m, d] = work.point[d]
        for k in range(m):
            table[k, d] = 1.0 if k == d else 0.0
    for k in range(m):
        for i in range(size):
            table[k, m + i] = values[k, i]
    for i in range(size):
        row_at[m + i] = i
        value = values[m, i]
        for d in range(m):
            value += values[d, i] * work.point[d]
        table[m, m + i] = value
        if value < 0.0:
            return False
    end = m + size
    for k in range(m):
        # both ways are open; the larger coefficient is the safer one to divide by
        up = blocking_row(table, m, k, end, ratio)
        for p in range(end):
            table[k, p] = -table[k, p]
        down = blocking_row(table, m, k, end, ratio)
        if (up < 0 and down < 0) or work.stop[0] != 0:
            return False
        chosen = down
        if down < 0 or (up >= 0 and abs(table[k, up]) > abs(table[k, down])):
            chosen = up
            for p in range(end):
                table[k, p] = -table[k, p]
        pivot(table, m, k, chosen, end)
        work.basis[k] = row_at[chosen]
        # the displacement that was swapped out has no row: its position is given up
        move_row(table, row_at, m, end - 1, chosen)
        end -= 1
    return True
