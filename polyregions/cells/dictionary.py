"""The dictionary: a polytope seen from one of its vertices, in floats.

The polytope is ``{u : rows[:m].T @ u + rows[m] >= 0}`` with unit normals, inside the
cube [-1, 1]^m. At a vertex with tight rows B (the *basis*), every other row is an
affine function of the slacks t of the basis rows, ``s_i = b_i + sum_k d_ik t_k``.
Pivoting moves to a neighbouring vertex.

Everything here only *proposes*. What an answer rests on is in `cells.proofs`.
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
    "Workspace",
    "blocking_row",
    "build_table",
    "invert_basis",
    "least_coefficients",
    "move_row",
    "pivot",
    "step_inside",
    "swap_rows",
    "vertex_from_point",
    "workspace",
]


HUGE = 1e300
# Hints for the float walk. None can change an answer: a wrong turn ends in
# "undecided", because the proofs do not use them.
PIVOT_HINT = 1e-11
SINGULAR_HINT = 1e-9
TIE_HINT = 1e-13
TIGHT_HINT = 1e-10


class Workspace(NamedTuple):
    """Work arrays of the dictionary for polytopes of up to `size` rows in m dimensions.

    ``table[k]`` for k < m is the column of slack k, ``table[m]`` the value at the
    vertex. Positions 0..m-1 are the coordinates of u, then the rows of unknown
    status, then the rows that are only needed; ``row_at`` names them.
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


def workspace(m: int, size: int) -> Workspace:
    """Allocate the work arrays of the dictionary."""
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
    )


@kernel
def invert_basis(rows, basis, m, inverse):
    """Invert the basis normals by Gauss-Jordan, in place; return False if nearly singular.

    The inverse is ``inverse[:, m:]``; the columns before are work.
    """
    chosen, entries = inverse[:, 0], inverse[:, m:]
    for r in range(m):
        for c in range(m):
            entries[r, c] = rows[c, basis[r]]
    for c in range(m):
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
        scale = 1.0 / entries[c, c]
        entries[c, c] = 1.0
        for k in range(m):
            entries[c, k] *= scale
        for r in range(m):
            if r != c:
                factor = entries[r, c]
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
def build_table(rows, m, size, work):
    """Write the dictionary of all rows at the vertex of ``work.basis``."""
    table, inverse, basis = work.table, work.inverse, work.basis
    for d in range(m):
        total = 0.0
        for k in range(m):
            table[k, d] = inverse[d, m + k]
            total -= inverse[d, m + k] * rows[m, basis[k]]
        table[m, d] = total
        work.row_at[d] = -1
    # slices start at zero, so the compiler sees that no index is negative and vectorises
    for k in range(m + 1):
        column = table[k, m : m + size]
        for i in range(size):
            column[i] = rows[m, i] if k == m else 0.0
        for d in range(m):
            factor = table[k, d]
            for i in range(size):
                column[i] += rows[d, i] * factor
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
    """Return the position of the first row that blocks edge `column`, or -1."""
    steps, values, ratios = table[column, m:end], table[m, m:end], ratio[m:end]
    nearest = HUGE
    for p in range(len(steps)):
        step = steps[p]
        value = -values[p] / step if step < -PIVOT_HINT else HUGE
        ratios[p] = value
        nearest = min(nearest, value)
    if nearest >= HUGE:
        return -1
    for p in range(len(ratios)):
        if ratios[p] == nearest:
            return m + p
    return -1


@kernel
def pivot(table, m, column, position, end):
    """Exchange slack `column` with the row at `position`."""
    scale = 1.0 / table[column, position]
    for p in range(end):
        table[column, p] *= scale
    for k in range(m + 1):
        if k != column:
            factor = table[k, position]
            for p in range(end):
                table[k, p] -= factor * table[column, p]
            table[k, position] = -factor * scale
    table[column, position] = scale


@kernel
def least_coefficients(table, m, start, end, out):
    """out[p] = the smallest coefficient of row p, for start <= p < end."""
    least_so_far, first = out[start:end], table[0, start:end]
    for p in range(len(first)):
        least_so_far[p] = first[p]
    for k in range(1, m):
        column = table[k, start:end]
        for p in range(len(column)):
            least_so_far[p] = min(least_so_far[p], column[p])


@kernel
def step_inside(rows, m, size, work):
    """Move ``work.point`` from a facet into the polytope, straight off the tight rows.

    Goes half of the way to the next row; a point already inside stays where it is.
    """
    point, direction, slack = work.point, work.direction, work.slack
    for d in range(m):
        direction[d] = 0.0
    for i in range(size):
        value = rows[m, i]
        for d in range(m):
            value += rows[d, i] * point[d]
        slack[i] = value
        if value < TIGHT_HINT:
            for d in range(m):
                direction[d] += rows[d, i]
    step = HUGE
    for i in range(size):
        if slack[i] >= TIGHT_HINT:
            rate = 0.0
            for d in range(m):
                rate += rows[d, i] * direction[d]
            if rate < 0.0:
                step = min(step, -slack[i] / rate)
    if step < HUGE:
        for d in range(m):
            point[d] += 0.5 * step * direction[d]


@entry
@kernel
def vertex_from_point(rows, m, size, work):
    """Walk from ``work.point``, inside the polytope, to a vertex; set ``work.basis``.

    Every step follows a coordinate direction that is still free to the first row
    that blocks it. Returns False if nothing blocks (the polytope is unbounded) or
    the point is not inside.
    """
    table, row_at, ratio = work.table, work.row_at, work.ratio
    for d in range(m):
        row_at[d] = -1
        table[m, d] = work.point[d]
        for k in range(m):
            table[k, d] = 1.0 if k == d else 0.0
    for k in range(m):
        for i in range(size):
            table[k, m + i] = rows[k, i]
    for i in range(size):
        row_at[m + i] = i
        value = rows[m, i]
        for d in range(m):
            value += rows[d, i] * work.point[d]
        table[m, m + i] = value
        if value < 0.0:
            return False
    end = m + size
    for k in range(m):
        up = blocking_row(table, m, k, end, ratio)
        for p in range(end):
            table[k, p] = -table[k, p]
        down = blocking_row(table, m, k, end, ratio)
        if up < 0 and down < 0:
            return False
        chosen = down
        if down < 0 or (up >= 0 and abs(table[k, up]) > abs(table[k, down])):
            chosen = up
            for p in range(end):
                table[k, p] = -table[k, p]
        pivot(table, m, k, chosen, end)
        work.basis[k] = row_at[chosen]
        move_row(table, row_at, m, end - 1, chosen)
        end -= 1
    return True
