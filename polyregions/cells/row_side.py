"""Does a row cut a polytope? One row against a prefix polytope, from vertex to vertex.

The dictionary is that of the polytope with every row moved inwards by a small *gap* of
its own. So its vertices lie strictly inside the true polytope, which makes each a
witness; no two rows meet in a tie, however degenerate the network; and multipliers
that prove a row one-sided hold for the true rows all the same.

* *cut*: two vertices where every row of the polytope exceeds its rounding error, with
  the row proven positive at one and negative at the other (`proven_inside`);
* *not cut*: multipliers with which the row stays positive on the whole polytope
  (`cells.proofs.prove_one_sided`), or with which it is an exact non-negative combination of its
  rows (`cells.degeneracy.prove_exact_combination`): then it is non-negative, and positive inside;
* anything else is undecided.

Why a gap does no harm is part 9 of docs/mathematics.md.
"""

from __future__ import annotations

from polyregions.cells.dictionary import HUGE, PIVOT_HINT, invert_basis
from polyregions.cells.proofs import evaluate_rows, least, lower_bounds
from polyregions.compiled import entry, exact_order_kernel, inlined_exact_order_kernel, kernel

__all__ = [
    "falling_slack",
    "inward_gap",
    "one_sided_bounds",
    "proven_inside",
    "side_margins",
    "write_dictionary",
]

# Hint: the size of the gaps, far above the rounding of the dictionary, below most regions.
GAP_HINT = 1e-9


@entry
@inlined_exact_order_kernel
def inward_gap(column, error, room):
    """Return the gap of a row whose value at a witness is `room`; different for each row."""
    # multiples of an irrational number, modulo 1: no two rows have gaps that fit together
    spread = column * 0.6180339887498949
    # beyond the error, so that a vertex of the moved rows is proven to be inside
    gap = (1.0 + spread - int(spread)) * (GAP_HINT + 8.0 * error)
    # and no more than half of what there is, so that the moved polytope is not empty
    return min(gap, 0.5 * room)


@kernel
def side_margins(table, m, start, end, out):
    """out[p] >= 0 (about) where the row at p has its least absolute value at this vertex.

    Parameters
    ----------
    table : float64 array, shape (m + 1, at least end)
    m, start, end : int
    out : float64 array, shape (at least end,), out
    """
    values, margins = table[m, start:end], out[start:end]
    for p in range(len(values)):
        margins[p] = HUGE
    for k in range(m):
        column = table[k, start:end]
        for p in range(len(values)):
            along = column[p] if values[p] > 0.0 else -column[p]
            margins[p] = min(margins[p], along)


@kernel
def falling_slack(table, m, position, sign):
    """Return the slack along which ``sign`` times a row falls fastest, or -1."""
    least = 0.0
    for k in range(m):
        least = min(least, sign * table[k, position])
    # no branches, which would be mispredicted
    best = m - 1
    for k in range(m):
        best = min(best, k if sign * table[k, position] == least else m - 1)
    return best if least < -PIVOT_HINT else -1


@entry
@inlined_exact_order_kernel
def proven_inside(values, guards, m, columns, point, slack):
    """Return whether every row of the polytope exceeds its error at a point.

    Parameters
    ----------
    values : float64 array, shape (m + 1, at least columns)
    guards : float64 array, shape (at least columns,)
        The rows' errors; columns that are no rows of the polytope have -HUGE.
    m, columns : int
    point : float64 array, shape (m,)
        Refused unless it lies in the cube, where the errors hold.
    slack : float64 array, shape (at least columns,), out
        Work.
    """
    # NaN is in no cube
    for d in range(m):
        if not abs(point[d]) <= 1.0:
            return False
    evaluate_rows(values, m, columns, point, slack)
    lower_bounds(slack, guards, columns)
    return least(slack, columns) > 0.0


@exact_order_kernel
def one_sided_bounds(rows, dictionary, start, end, residuals, bounds):
    """Write proven lower bounds of the candidates' absolute values over the polytope.

    The arithmetic of `cells.proofs.prove_one_sided` for all positions from `start` to `end`
    at once: ``bounds[p] > 0`` proves that the candidate has the sign of its value at the vertex.

    Parameters
    ----------
    rows : Rows
        The polytope's and the candidates.
    dictionary : Dictionary
    start, end : int
    residuals : float64 array, shape (m + 1, at least end)
        Work: what is left of each candidate.
    bounds : float64 array, shape (at least end,), out

    Notes
    -----
    **Invariant.** Before pass k of the loop over the basis, each candidate (signed) minus its
    residual is, up to twice its `doubts`, a combination of the rows ``basis[:k]`` with
    multipliers that are not negative. A multiplier that is NaN makes its bound NaN, no proof.
    """
    table, basis, errors = dictionary.table, dictionary.basis, rows.errors
    m = len(basis)
    # slices start at zero, so the compiler sees that no index is negative and vectorises
    values, doubts, places = table[m, start:end], bounds[start:end], dictionary.row_at[start:end]
    for p in range(len(values)):
        doubts[p] = errors[places[p]]
    for d in range(m + 1):
        residual = residuals[d, start:end]
        for p in range(len(values)):
            entry = rows.values[d, places[p]]
            residual[p] = entry if values[p] > 0.0 else -entry
    for k in range(m):
        error, column = errors[basis[k]], table[k, start:end]
        for p in range(len(values)):
            multiplier = column[p] if values[p] > 0.0 else -column[p]
            doubts[p] += max(multiplier, 0.0) * error
        for d in range(m + 1):
            residual, entry = residuals[d, start:end], rows.values[d, basis[k]]
            for p in range(len(values)):
                multiplier = column[p] if values[p] > 0.0 else -column[p]
                residual[p] -= max(multiplier, 0.0) * entry
    total, last = residuals[0, start:end], residuals[m, start:end]
    for p in range(len(values)):
        total[p] = abs(total[p])
    for d in range(1, m):
        residual = residuals[d, start:end]
        for p in range(len(values)):
            total[p] += abs(residual[p])
    # as in `prove_one_sided`: the last residual is the offset's
    for p in range(len(values)):
        doubts[p] = last[p] - 1.0001 * total[p] - 2.0 * doubts[p]


@entry
@kernel
def write_dictionary(values, gaps, dictionary, moved, end, inverse):
    """Write the dictionary afresh at the vertex of its basis; False if nearly singular.

    Parameters
    ----------
    values : float64 array, shape (m + 1, columns)
    gaps : float64 array, shape (columns,)
        How far each row of the polytope is moved inwards.
    dictionary : Dictionary, in and out
        ``basis`` and ``row_at`` are read, ``table`` is written.
    moved, end : int
        Positions m … moved - 1 hold rows of the polytope, those up to `end` other rows, which
        have no gap.
    inverse : float64 array, shape (m, 2 m)
        Work.
    """
    table, basis, row_at = dictionary.table, dictionary.basis, dictionary.row_at
    m = len(basis)
    if not invert_basis(values, basis, m, inverse):
        return False
    for d in range(m):
        total = 0.0
        for k in range(m):
            table[k, d] = inverse[d, m + k]
            total += inverse[d, m + k] * (gaps[basis[k]] - values[m, basis[k]])
        table[m, d] = total
    for p in range(m, end):
        column = row_at[p]
        # the row as a function of the slacks: its normal times the inverse, its value there
        for k in range(m + 1):
            total = values[m, column] if k == m else 0.0
            for d in range(m):
                total += values[d, column] * table[k, d]
            table[k, p] = total
        if p < moved:
            table[m, p] -= gaps[column]
    return True
