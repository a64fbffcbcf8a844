"""Does a row cut a polytope? One row against a prefix polytope, from vertex to vertex.

The dictionary is that of the polytope with every row moved inwards by a small *gap* of
its own. So its vertices lie strictly inside the true polytope, which makes each a
witness; no two rows meet in a tie, however degenerate the network; and multipliers
that prove a row one-sided hold for the true rows all the same.

* *cut*: two vertices where every row of the polytope exceeds its rounding error, with
  the row proven positive at one and negative at the other (`proven_inside`);
* *not cut*: multipliers with which the row stays positive on the whole polytope
  (`cells.proofs.prove_one_sided`), or with which it is an exact non-negative combination of its
  rows (`prove_touching_side`): then it is non-negative, and positive inside;
* anything else is undecided.
"""

from __future__ import annotations

from polyregions.cells.dictionary import HUGE, PIVOT_HINT, invert_basis
from polyregions.cells.proofs import evaluate_rows, least, lower_bounds, multiplier_doubt
from polyregions.compiled import entry, exact_order_kernel, inlined_exact_order_kernel, kernel
from polyregions.network.residues import combination_zeros

__all__ = [
    "falling_slack",
    "inward_gap",
    "one_sided_bounds",
    "prove_touching_side",
    "proven_inside",
    "side_margins",
    "write_dictionary",
]

# Hint: the size of the gaps, far above the rounding of the dictionary, below most regions.
GAP_HINT = 1e-9
# Hint: offsets that are left of an exact combination are not larger, beyond their bound.
TIED_HINT = 1e-12


@entry
@inlined_exact_order_kernel
def inward_gap(column, error, room):
    """Return the gap of a row whose value at a witness is `room`; different for each row."""
    # multiples of an irrational number, modulo 1
    spread = column * 0.6180339887498949
    gap = (1.0 + spread - int(spread)) * (GAP_HINT + 8.0 * error)
    return min(gap, 0.5 * room)


@kernel
def side_margins(table, m, start, end, out):
    """out[p] >= 0 (about) where the row at p has its least absolute value at this vertex."""
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
    best = 0
    for k in range(1, m):
        if sign * table[k, position] < sign * table[best, position]:
            best = k
    return best if sign * table[best, position] < -PIVOT_HINT else -1


@entry
@inlined_exact_order_kernel
def proven_inside(rows, guards, m, columns, point, slack):
    """Return whether every row of the polytope exceeds its error at a point.

    ``guards`` are the rows' errors; columns that are no rows of the polytope have
    -HUGE. The point must lie in the cube, where the errors hold.
    """
    for d in range(m):
        if not abs(point[d]) <= 1.0:
            return False
    evaluate_rows(rows, m, columns, point, slack)
    lower_bounds(slack, guards, columns)
    return least(slack, columns) > 0.0


@exact_order_kernel
def one_sided_bounds(rows, errors, m, basis, table, row_at, start, end, residuals, bounds):
    """Write proven lower bounds of the candidates' absolute values over the polytope.

    The arithmetic of `cells.proofs.prove_one_sided` for all positions from `start` to `end`
    at once: ``bounds[p] > 0`` proves that the candidate has the sign of its value at the vertex.
    """
    # slices start at zero, so the compiler sees that no index is negative and vectorises
    values, doubts, places = table[m, start:end], bounds[start:end], row_at[start:end]
    for p in range(len(values)):
        doubts[p] = errors[places[p]]
    for d in range(m + 1):
        residual = residuals[d, start:end]
        for p in range(len(values)):
            entry = rows[d, places[p]]
            residual[p] = entry if values[p] > 0.0 else -entry
    for k in range(m):
        error, column = errors[basis[k]], table[k, start:end]
        for p in range(len(values)):
            multiplier = column[p] if values[p] > 0.0 else -column[p]
            doubts[p] += max(multiplier, 0.0) * error
        for d in range(m + 1):
            residual, entry = residuals[d, start:end], rows[d, basis[k]]
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
    for p in range(len(values)):
        doubts[p] = last[p] - 1.0001 * total[p] - 2.0 * doubts[p]


@exact_order_kernel
def prove_touching_side(
    flat, modular, ids, rows, errors, m, basis, table, position, column, sign, work
):
    """Prove that ``sign`` times a row is an exact non-negative combination of basis rows.

    ``ids`` are the numbers of the columns' rows in the network; ``work.residues_ready``
    says whether ``modular.unit_rows`` holds them.

    Returns
    -------
    int
        1 if proven by the network's shape, 2 if by residues, 0 if not proven, -1 if
        residues are needed to tell.

    Notes
    -----
    Multipliers within their doubt (`cells.proofs.multiplier_doubt`), and the offset that is
    left, must be exactly zero.
    """
    inverse, residual = work.inverse, work.residual
    if not invert_basis(rows, basis, m, inverse):
        return 0
    bound, size = multiplier_doubt(
        rows, errors, m, basis, inverse, table, position, column, sign, residual
    )
    if bound >= HUGE:
        return 0
    # hint: far from zero there is nothing to tie, the offset is negative or plainly positive
    if not abs(residual[m]) <= 4.0 * (m + 1) * (bound + size) + TIED_HINT:
        return 0
    flat_rows = flat.zero_offsets
    known = rows[m, column] == 0.0 and (ids[column] >= flat.units or flat_rows)
    unsure = False
    for k in range(m):
        multiplier = sign * table[k, position]
        i = basis[k]
        if multiplier > bound:
            if not (rows[m, i] == 0.0 and (ids[i] >= flat.units or flat_rows)):
                known = False
        elif multiplier < -bound:
            return 0
        else:
            unsure = True
    if known and not unsure:
        return 1
    if work.state[0] == 0:
        return -1
    for k in range(m):
        work.basis_ids[k] = ids[basis[k]]
    if not combination_zeros(modular, m, work.basis_ids, ids[column], work.is_zero):
        return 0
    for k in range(m):
        if sign * table[k, position] <= bound and not work.is_zero[k]:
            return 0
    return 2 if known or work.is_zero[m] else 0


@entry
@kernel
def write_dictionary(rows, gaps, m, basis, row_at, moved, end, inverse, table):
    """Write the dictionary afresh at the vertex of `basis`; False if nearly singular.

    Positions before `moved` hold rows of the polytope, those after it other rows, which
    have no gap.
    """
    if not invert_basis(rows, basis, m, inverse):
        return False
    for d in range(m):
        total = 0.0
        for k in range(m):
            table[k, d] = inverse[d, m + k]
            total += inverse[d, m + k] * (gaps[basis[k]] - rows[m, basis[k]])
        table[m, d] = total
    for p in range(m, end):
        column = row_at[p]
        for k in range(m + 1):
            total = rows[m, column] if k == m else 0.0
            for d in range(m):
                total += rows[d, column] * table[k, d]
            table[k, p] = total
        if p < moved:
            table[m, p] -= gaps[column]
    return True
