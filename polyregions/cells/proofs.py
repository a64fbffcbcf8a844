"""Proofs with rounding bounds: a row is a facet, or it is not.

`rows` are given floats and ``errors[i]`` bounds, over the whole cube [-1, 1]^m, the
difference between row i's float value and the exact row's. Proofs use fresh sums over
the rows, never the dictionary's own, drifting values.

* row j is a facet: a point where every other row is positive, close enough to row j
  for the exact hyperplane to pass nearby (`prove_facet_point`);
* row i is not: multipliers with which it stays positive over the whole polytope
  (`prove_redundant`).

A function returns False when it cannot prove; that says nothing about the row.
"""

from __future__ import annotations

import numpy as np

from polyregions.cells.dictionary import HUGE
from polyregions.compiled import exact_order_kernel, inlined_exact_order_kernel, kernel

__all__ = [
    "evaluate_row",
    "evaluate_rows",
    "least",
    "lower_bounds",
    "multiplier_doubt",
    "prove_facet_point",
    "prove_one_sided",
    "prove_redundant",
]


@exact_order_kernel
def evaluate_rows(rows, m, size, point, out):
    """out[i] = row i at `point`, in fresh sums."""
    for i in range(size):
        out[i] = rows[m, i]
    for d in range(m):
        value = point[d]
        for i in range(size):
            out[i] += rows[d, i] * value


@exact_order_kernel
def evaluate_row(rows, m, row, point):
    """Return one row at `point`."""
    total = rows[m, row]
    for d in range(m):
        total += rows[d, row] * point[d]
    return total


@kernel
def least(values, count):
    """Return the smallest of finite values."""
    smallest = HUGE
    for i in range(count):
        smallest = min(smallest, values[i])
    return smallest


@exact_order_kernel
def prove_facet_point(rows, errors, m, basis, facet, others, vertex, point):
    """Prove that the basis row number `facet` is a facet, with `point` near it.

    `others` is a proven lower bound on all rows outside the basis at `vertex`.

    Notes
    -----
    Rows have length at most 1.01 (their errors are below 1e-3). If every row but j
    exceeds ``2 (|s_j| + 2 error_j)`` at the point, moving along row j by at most
    ``1.02 (|s_j| + error_j)`` reaches row j exactly, and every other exact row is
    still positive there: a point of the relative interior of facet j, around which
    only unit j changes sign.
    """
    distance = 0.0
    for d in range(m):
        distance += (point[d] - vertex[d]) ** 2
    distance = np.sqrt(distance) * 1.02
    row = basis[facet]
    needed = 2.0 * (abs(evaluate_row(rows, m, row, point)) + 2.0 * errors[row])
    if not others - distance > needed:
        return False
    for k in range(m):
        if k != facet:
            i = basis[k]
            if not evaluate_row(rows, m, i, point) - errors[i] > needed:
                return False
    return True


@inlined_exact_order_kernel
def prove_one_sided(rows, errors, m, basis, table, position, row, sign, residual):
    """Prove that ``sign`` times a row is positive on the whole polytope, from its dictionary row.

    Notes
    -----
    With multipliers l = max(d, 0) and remainder r = a - sum l_k a_k on the cube,
    the row is at least ``beta - |r|_1`` where ``beta = c - sum l_k c_k``. Each row's
    error bound exceeds (m + 6) 2^-53 (|a|_1 + |c|), so twice the bounds also cover the
    rounding of r and beta.
    """
    for d in range(m + 1):
        residual[d] = sign * rows[d, row]
    bound = errors[row]
    for k in range(m):
        multiplier = sign * table[k, position]
        if multiplier > 0.0:
            i = basis[k]
            bound += multiplier * errors[i]
            for d in range(m + 1):
                residual[d] -= multiplier * rows[d, i]
    total = 0.0
    for d in range(m):
        total += abs(residual[d])
    return residual[m] - 1.0001 * total - 2.0 * bound > 0.0


@exact_order_kernel
def prove_redundant(rows, errors, m, basis, table, position, row, residual):
    """Prove that a row is positive on the whole polytope; see `prove_one_sided`."""
    return prove_one_sided(rows, errors, m, basis, table, position, row, 1.0, residual)


@inlined_exact_order_kernel
def multiplier_doubt(rows, errors, m, basis, inverse, table, position, row, sign, residual):
    """Bound how far a row's exact multipliers are from those in the dictionary.

    Parameters
    ----------
    rows, errors, m, basis, table, position, row
        ``sign`` times the row, at `position` in the dictionary `table` of `basis`.
    inverse : float64 array, shape (m, 2 m)
        Its right half is a float inverse of the basis rows' normals.
    residual : float64 array, shape (m + 1,), out
        What is left of ``sign`` times the row.

    Returns
    -------
    bound : float
        On each multiplier.
    size : float
        On what is left of the normal, errors included. Both are HUGE, and `residual` is not
        written, if the basis is too nearly singular to tell.

    Notes
    -----
    With the float multipliers d, remainder r = a - d B and the float inverse Y of the
    basis normals B, the exact multipliers differ from d by r B^-1, and
    ``|r B^-1| <= |r|_1 max_i |Y_i|_1 / (1 - |B Y - I|)``.
    """
    # how good the inverse is: the largest row sum of B Y - I, errors included
    defect = 0.0
    spread = 0.0
    worst = 0.0
    for k in range(m):
        total = 0.0
        for j in range(m):
            entry = -1.0 if j == k else 0.0
            for d in range(m):
                entry += rows[d, basis[k]] * inverse[d, m + j]
            total += abs(entry)
        defect = max(defect, total)
        total = 0.0
        for j in range(m):
            total += abs(inverse[k, m + j])
        spread = max(spread, total)
        worst = max(worst, errors[basis[k]])
    if not defect + 2.0 * m * worst * spread < 0.1:
        return HUGE, HUGE
    for d in range(m + 1):
        residual[d] = sign * rows[d, row]
    size = 2.0 * errors[row]
    for k in range(m):
        multiplier = sign * table[k, position]
        size += 2.0 * abs(multiplier) * errors[basis[k]]
        for d in range(m + 1):
            residual[d] -= multiplier * rows[d, basis[k]]
    for d in range(m):
        size += 1.0001 * abs(residual[d])
    return 1.2 * spread * size, size


@exact_order_kernel
def lower_bounds(slack, errors, size):
    """slack[i] -= errors[i]: from values to proven lower bounds."""
    for i in range(size):
        slack[i] -= errors[i]
