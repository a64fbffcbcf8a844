"""Proofs with rounding bounds: a row is a facet, or it is not.

Row i is given in floats, and its error bounds, over the whole cube [-1, 1]^m, the
difference between its float value and the exact row's (`geometry.rows.Rows`). Proofs use fresh
sums over the rows, never the dictionary's own, drifting values.

* row j is a facet: a point where every other row is positive, close enough to row j
  for the exact hyperplane to pass nearby (`prove_facet_point`);
* row i is not: multipliers with which it stays positive over the whole polytope
  (`prove_redundant`).

A function returns False when it cannot prove; that says nothing about the row. Comparisons are
written ``if not proven > needed``, so that NaN, which overflow can make of any sum, proves
nothing. The proofs are part 6 of docs/mathematics.md, those with exact zeros part 7.
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
def evaluate_rows(values, m, size, point, out):
    """out[i] = row i at `point`, in fresh sums.

    Parameters
    ----------
    values : float64 array, shape (m + 1, at least size)
    m, size : int
    point : float64 array, shape (m,)
        In the cube, where errors bound the values.
    out : float64 array, shape (at least size,), out
    """
    for i in range(size):
        out[i] = values[m, i]
    # m products and m sums each: an error of `geometry.rows` counts them in
    for d in range(m):
        along = point[d]
        for i in range(size):
            out[i] += values[d, i] * along


@exact_order_kernel
def evaluate_row(values, m, row, point):
    """Return one row at `point`, as `evaluate_rows` does."""
    total = values[m, row]
    for d in range(m):
        total += values[d, row] * point[d]
    return total


@kernel
def least(values, count):
    """Return the smallest of `count` finite values, HUGE if there is none."""
    smallest = HUGE
    for i in range(count):
        smallest = min(smallest, values[i])
    return smallest


@exact_order_kernel
def lower_bounds(slack, errors, size):
    """slack[i] -= errors[i]: from values to proven lower bounds."""
    # the difference of two floats is rounded once, to a float of the right sign
    for i in range(size):
        slack[i] -= errors[i]


@exact_order_kernel
def prove_facet_point(rows, basis, facet, others, vertex, point):
    """Prove that the basis row number `facet` is a facet, with `point` near it.

    Parameters
    ----------
    rows : Rows
    basis : int64 array, shape (m,)
    facet : int
        The row is ``basis[facet]``.
    others : float
        A proven lower bound on all rows outside the basis at `vertex`.
    vertex, point : float64 arrays, shape (m,)

    Returns
    -------
    bool

    Notes
    -----
    Rows have length at most 1.01 (their errors are below 1e-3). If every row but j
    exceeds ``2 (|s_j| + 2 error_j)`` at the point, moving along row j by at most
    ``1.02 (|s_j| + error_j)`` reaches row j exactly, and every other exact row is
    still positive there: a point of the relative interior of facet j, around which
    only unit j changes sign (docs/mathematics.md, part 6, "A facet").

    **Invariant.** Before pass k the rows ``basis[:k]`` but j, and all outside the basis,
    are proven to exceed what is needed.
    """
    m = len(basis)
    distance = 0.0
    for d in range(m):
        distance += (point[d] - vertex[d]) ** 2
    # rows outside the basis fall by at most their length, 1.01, times the way from the vertex;
    # 1.02 covers the rounding of the distance as well
    distance = np.sqrt(distance) * 1.02
    row = basis[facet]
    # 2 > 1.01 * 1.02: what another row can fall on the way, and the rounding of this sum
    needed = 2.0 * (abs(evaluate_row(rows.values, m, row, point)) + 2.0 * rows.errors[row])
    if not others - distance > needed:
        return False
    for k in range(m):
        if k != facet:
            i = basis[k]
            if not evaluate_row(rows.values, m, i, point) - rows.errors[i] > needed:
                return False
    return True


@inlined_exact_order_kernel
def prove_one_sided(rows, dictionary, position, sign, residual):
    """Prove that ``sign`` times a row is positive on the whole polytope.

    Parameters
    ----------
    rows : Rows
        The polytope's, and the row asked about.
    dictionary : Dictionary
        Any coefficients will do: bad ones prove nothing.
    position : int
        Of the row in the dictionary.
    sign : float
        1 or -1.
    residual : float64 array, shape (m + 1,), out
        Work.

    Returns
    -------
    bool

    Notes
    -----
    With multipliers l = max(d, 0) and remainder r = a - sum l_k a_k on the cube,
    the row is at least ``beta - |r|_1`` where ``beta = c - sum l_k c_k``. Each row's
    error bound exceeds (m + 6) 2^-53 (|a|_1 + |c|), so twice the bounds also cover the
    rounding of r and beta (docs/mathematics.md, part 6, "Not a facet").

    **Invariant.** Before pass k, ``sign * row - residual`` is, as exact functions on the cube
    and up to `bound` twice, the combination of the rows ``basis[:k]`` with multipliers that
    are not negative. So at the end the row is non-negative where they are, if what is left is.
    """
    table, basis = dictionary.table, dictionary.basis
    m = len(basis)
    row = dictionary.row_at[position]
    for d in range(m + 1):
        residual[d] = sign * rows.values[d, row]
    bound = rows.errors[row]
    for k in range(m):
        multiplier = sign * table[k, position]
        # NaN is not positive: such a multiplier is left out, which is always allowed
        if multiplier > 0.0:
            i = basis[k]
            bound += multiplier * rows.errors[i]
            for d in range(m + 1):
                residual[d] -= multiplier * rows.values[d, i]
    # the least value of what is left on the cube: the offset minus the normal's 1-norm
    total = 0.0
    for d in range(m):
        total += abs(residual[d])
    # 1.0001 is above (1 + 2^-53)^m for every m that fits into memory
    return residual[m] - 1.0001 * total - 2.0 * bound > 0.0


@exact_order_kernel
def prove_redundant(rows, dictionary, position, residual):
    """Prove that a row is positive on the whole polytope; see `prove_one_sided`."""
    return prove_one_sided(rows, dictionary, position, 1.0, residual)


@inlined_exact_order_kernel
def multiplier_doubt(rows, dictionary, inverse, position, sign, residual):
    """Bound how far a row's exact multipliers are from those in the dictionary.

    Parameters
    ----------
    rows : Rows
    dictionary : Dictionary
    inverse : float64 array, shape (m, 2 m)
        Its right half is a float inverse of the basis rows' normals.
    position : int
    sign : float
        It is ``sign`` times the row at `position` that is written in the basis.
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
    ``|r B^-1| <= |r|_1 max_i |Y_i|_1 / (1 - |B Y - I|)`` (docs/mathematics.md, part 7).

    **Invariant.** Before pass k of the last loop over the basis, `size` bounds twice the errors
    of the row and of its multiples of ``basis[:k]``: the exact and the float remainder differ
    by no more.
    """
    values, errors, basis = rows.values, rows.errors, dictionary.basis
    m = len(basis)
    # how good the inverse is: the largest row sum of B Y - I, errors included
    defect = 0.0
    spread = 0.0
    worst = 0.0
    for k in range(m):
        total = 0.0
        for j in range(m):
            entry = -1.0 if j == k else 0.0
            for d in range(m):
                entry += values[d, basis[k]] * inverse[d, m + j]
            total += abs(entry)
        defect = max(defect, total)
        total = 0.0
        for j in range(m):
            total += abs(inverse[k, m + j])
        spread = max(spread, total)
        worst = max(worst, errors[basis[k]])
    # 2 m worst spread: the exact B is not the float one, and its product with Y is rounded
    if not defect + 2.0 * m * worst * spread < 0.1:
        return HUGE, HUGE
    row = dictionary.row_at[position]
    for d in range(m + 1):
        residual[d] = sign * values[d, row]
    size = 2.0 * errors[row]
    for k in range(m):
        multiplier = sign * dictionary.table[k, position]
        size += 2.0 * abs(multiplier) * errors[basis[k]]
        for d in range(m + 1):
            residual[d] -= multiplier * values[d, basis[k]]
    for d in range(m):
        size += 1.0001 * abs(residual[d])
    # 1.2 > 1 / (1 - 0.1), and room for the rounding of `spread`
    return 1.2 * spread * size, size
