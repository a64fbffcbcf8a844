"""Which rows carry a facet? A compiled dictionary simplex that proves its answers.

The polytope is ``{u : rows[:m].T @ u + rows[m] >= 0}`` with unit normals, inside the
cube [-1, 1]^m. At a vertex with tight rows B (the *basis*), every other row is an
affine function of the slacks t of the basis rows, ``s_i = b_i + sum_k d_ik t_k``:
the *dictionary*. Floats walk over vertices and propose; every answer is then
proven by fresh sums over the given rows, with the given bound on their error:

* row j is a facet: a point of it where every other row is positive
  (`prove_basis_facets`);
* row i is not: multipliers with which it stays positive over the whole polytope
  (`prove_redundant`).

What cannot be proven this way is reported as undecided, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.compiled import exact_order_kernel, kernel
from polyregions.lp.verdict import FacetVerdicts, Verdict

__all__ = ["Prepared", "facets", "prepare"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DECIDED = 0
UNDECIDED = 1

UNKNOWN, FACET, REDUNDANT = 0, 1, 2

HUGE = 1e300
# Hints for the float walk. None can change an answer: a wrong turn ends in
# "undecided", because the proofs do not use them.
PIVOT_HINT = 1e-11
SINGULAR_HINT = 1e-9
TIE_HINT = 1e-13
TIGHT_HINT = 1e-10
PASSES_HINT = 50


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


# --------------------------------------------------------------------------- proposals


@kernel
def invert_basis(rows, basis, m, inverse):  # type: ignore[no-untyped-def]
    """Invert the basis normals by Gauss-Jordan; return False if nearly singular."""
    for r in range(m):
        for c in range(m):
            inverse[r, c] = rows[c, basis[r]]
            inverse[r, m + c] = 0.0
        inverse[r, m + r] = 1.0
    for c in range(m):
        best = c
        for r in range(c + 1, m):
            if abs(inverse[r, c]) > abs(inverse[best, c]):
                best = r
        if abs(inverse[best, c]) < SINGULAR_HINT:
            return False
        if best != c:
            for k in range(2 * m):
                swap = inverse[c, k]
                inverse[c, k] = inverse[best, k]
                inverse[best, k] = swap
        scale = 1.0 / inverse[c, c]
        for k in range(2 * m):
            inverse[c, k] *= scale
        for r in range(m):
            if r != c:
                factor = inverse[r, c]
                if factor != 0.0:
                    for k in range(2 * m):
                        inverse[r, k] -= factor * inverse[c, k]
    return True


@kernel
def build_table(rows, m, size, work):  # type: ignore[no-untyped-def]
    """Write the dictionary of all rows at the vertex of ``work.basis``."""
    table, inverse, basis = work.table, work.inverse, work.basis
    for d in range(m):
        total = 0.0
        for k in range(m):
            table[k, d] = inverse[d, m + k]
            total -= inverse[d, m + k] * rows[m, basis[k]]
        table[m, d] = total
        work.row_at[d] = -1
    for k in range(m):
        for i in range(size):
            table[k, m + i] = 0.0
        for d in range(m):
            factor = table[k, d]
            for i in range(size):
                table[k, m + i] += rows[d, i] * factor
    for i in range(size):
        table[m, m + i] = rows[m, i]
        work.row_at[m + i] = i
    for d in range(m):
        value = table[m, d]
        for i in range(size):
            table[m, m + i] += rows[d, i] * value


@kernel
def move_row(table, row_at, m, source, target):  # type: ignore[no-untyped-def]
    """Copy the dictionary row at position `source` to position `target`."""
    for k in range(m + 1):
        table[k, target] = table[k, source]
    row_at[target] = row_at[source]


@kernel
def swap_rows(table, row_at, m, first, second):  # type: ignore[no-untyped-def]
    """Exchange two dictionary rows."""
    for k in range(m + 1):
        value = table[k, first]
        table[k, first] = table[k, second]
        table[k, second] = value
    row = row_at[first]
    row_at[first] = row_at[second]
    row_at[second] = row


@kernel
def blocking_row(table, m, column, end, ratio):  # type: ignore[no-untyped-def]
    """Return the position of the first row that blocks edge `column`, or -1."""
    # slices start at zero, so the compiler sees that no index is negative and vectorises
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
def pivot(table, m, column, position, end):  # type: ignore[no-untyped-def]
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
def least_coefficients(table, m, start, end, out):  # type: ignore[no-untyped-def]
    """out[p] = the smallest coefficient of row p, for start <= p < end."""
    least_so_far, first = out[start:end], table[0, start:end]
    for p in range(len(first)):
        least_so_far[p] = first[p]
    for k in range(1, m):
        column = table[k, start:end]
        for p in range(len(column)):
            least_so_far[p] = min(least_so_far[p], column[p])


@kernel
def step_inside(rows, m, size, work):  # type: ignore[no-untyped-def]
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


@kernel
def vertex_from_point(rows, m, size, work):  # type: ignore[no-untyped-def]
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


# ------------------------------------------------------------------------------ proofs


@exact_order_kernel
def evaluate_rows(rows, m, size, point, out):  # type: ignore[no-untyped-def]
    """out[i] = row i at `point`, in fresh sums."""
    for i in range(size):
        out[i] = rows[m, i]
    for d in range(m):
        value = point[d]
        for i in range(size):
            out[i] += rows[d, i] * value


@exact_order_kernel
def evaluate_row(rows, m, row, point):  # type: ignore[no-untyped-def]
    """Return one row at `point`."""
    total = rows[m, row]
    for d in range(m):
        total += rows[d, row] * point[d]
    return total


@kernel
def least(values, count):  # type: ignore[no-untyped-def]
    """Return the smallest of finite values."""
    smallest = HUGE
    for i in range(count):
        smallest = min(smallest, values[i])
    return smallest


@exact_order_kernel
def prove_facet_point(rows, errors, m, basis, facet, others, vertex, point):  # type: ignore[no-untyped-def]
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


@exact_order_kernel
def prove_redundant(rows, errors, m, basis, table, position, row, residual):  # type: ignore[no-untyped-def]
    """Prove that a row is positive on the whole polytope, from its dictionary row.

    Notes
    -----
    With multipliers l = max(d, 0) and remainder r = a - sum l_k a_k on the cube,
    the row is at least ``beta - |r|_1`` where ``beta = c - sum l_k c_k``. Each row's
    error bound exceeds (m + 6) 2^-53 (|a|_1 + |c|), so twice the bounds also cover the
    rounding of r and beta.
    """
    for d in range(m + 1):
        residual[d] = rows[d, row]
    bound = errors[row]
    for k in range(m):
        multiplier = table[k, position]
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
def lower_bounds(slack, errors, size):  # type: ignore[no-untyped-def]
    """slack[i] -= errors[i]: from values to proven lower bounds."""
    for i in range(size):
        slack[i] -= errors[i]


@exact_order_kernel
def prove_basis_facets(rows, errors, m, size, live, work, out, count, proofs):  # type: ignore[no-untyped-def]
    """Prove that each basis row of unknown status is a facet of a simple vertex.

    Facets found are appended to `out` (rows, bases, points); returns the new count,
    or -1 if some row cannot be proven.

    Notes
    -----
    *Algorithm.* At a vertex where no other row is tight every basis row is a facet.
    The point for row j is the vertex plus a short step along all edges but the one
    that leaves j, short enough for every other row to stay positive.
    """
    basis, table, status, point = work.basis, work.table, work.status, work.point
    fresh = False
    for k in range(m):
        if status[basis[k]] == UNKNOWN:
            fresh = True
    if not fresh:
        return count
    vertex = work.vertex
    for d in range(m):
        vertex[d] = table[m, d]
    if proofs:
        evaluate_rows(rows, m, size, vertex, work.slack)
        lower_bounds(work.slack, errors, size)
        for k in range(m):
            work.slack[basis[k]] = HUGE
        others = least(work.slack, size)
    else:
        others = least(table[m, m:live], live - m) - TIE_HINT
    if not others > 0.0:
        return -1
    reach = 0.0
    for k in range(m):
        square = 0.0
        for d in range(m):
            square += table[k, d] * table[k, d]
        reach += np.sqrt(square)
    step = 0.5 * others / reach
    for facet in range(m):
        row = basis[facet]
        if status[row] != UNKNOWN:
            continue
        for d in range(m):
            total = 0.0
            for k in range(m):
                if k != facet:
                    total += table[k, d]
            point[d] = vertex[d] + step * total
        if proofs and not prove_facet_point(
            rows, errors, m, basis, facet, others, vertex, point
        ):
            return -1
        status[row] = FACET
        out.rows[count] = row
        for k in range(m):
            out.bases[count, k] = basis[k]
        for d in range(m):
            out.points[count, d] = point[d]
        count += 1
    return count


@exact_order_kernel
def prove_end_facet(rows, errors, m, size, column, position, work, out, count, proofs):  # type: ignore[no-untyped-def]
    """Prove the facet that blocks edge `column` of the first vertex at its far end.

    Returns the new count; unchanged if the row could not be proven here.
    """
    basis, point, direction, vertex = work.basis, work.point, work.direction, work.vertex
    table = work.table
    row = work.row_at[position]
    element = table[column, position]
    length = -table[m, position] / element
    for d in range(m):
        vertex[d] = table[m, d] + length * table[column, d]
    slack = work.slack
    evaluate_rows(rows, m, size, vertex, slack)
    lower_bounds(slack, errors, size)
    for k in range(m):
        if k != column:
            slack[basis[k]] = HUGE
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
    leaving = basis[column]
    basis[column] = row
    proven = not proofs or prove_facet_point(
        rows, errors, m, basis, column, others, vertex, point
    )
    if proven:
        work.status[row] = FACET
        out.rows[count] = row
        for k in range(m):
            out.bases[count, k] = basis[k]
        for d in range(m):
            out.points[count, d] = point[d]
        count += 1
    basis[column] = leaving
    return count


# ---------------------------------------------------------------------------- the walk


class FacetBuffer(NamedTuple):
    """Facets found: row, the basis of a vertex on it, a point of its relative interior.

    ``supports[i]`` are the rows whose combination proves row i redundant; -1 first for
    rows that are no such case.
    """

    rows: Integers
    bases: NDArray[np.int16]
    points: Floats
    supports: NDArray[np.int16]


def facet_buffer(m: int, capacity: int) -> FacetBuffer:
    """Allocate room for `capacity` candidate rows, all of which may be facets."""
    return FacetBuffer(
        np.zeros(capacity, dtype=np.int64),
        np.zeros((capacity, m), dtype=np.int16),
        np.zeros((capacity, m)),
        np.zeros((capacity, m), dtype=np.int16),
    )


@exact_order_kernel
def walk_vertices(rows, errors, m, size, candidates, work, out, witness, room, proofs):  # type: ignore[no-untyped-def]
    """Decide every candidate row, starting at the vertex of ``work.basis``.

    Parameters
    ----------
    rows, errors : float64 arrays, shapes (m + 1, size) and (size,)
    m, size, candidates : int
        Rows below `candidates` are asked about; the others only bound the polytope.
    work : Workspace
    out : FacetBuffer
    witness : float64 array, shape (m,), out
        A point where every row exceeds its error by more than `room`.
    room : float
    proofs : bool
        False leaves the proofs out: the answers are then what floats suggest.

    Returns
    -------
    int
        Number of facets in `out`, or -1 if anything could not be proven.

    Notes
    -----
    *Algorithm.* Walk over vertices, minimising one unknown row at a time; every vertex
    visited settles more rows: its basis rows are facets, and rows with no negative
    coefficient are redundant and leave the dictionary. Minimising s_i needs no
    objective row: its reduced costs are row i of the dictionary, and because row i
    takes part in the ratio test its LP ends as soon as it is tight.
    """
    table, row_at, basis, status = work.table, work.row_at, work.basis, work.status
    for i in range(size):
        status[i] = UNKNOWN if i < candidates else REDUNDANT
    for i in range(candidates):
        out.supports[i, 0] = -1
    if not invert_basis(rows, basis, m, work.inverse):
        return -1
    build_table(rows, m, size, work)
    live = m + size
    unknown = m + candidates
    for k in range(m):
        i = basis[k]
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
    count = prove_basis_facets(rows, errors, m, size, live, work, out, 0, proofs)
    if count < 0:
        return -1

    # the far ends of the first vertex's edges: new facets, and a witness well inside
    for d in range(m):
        witness[d] = table[m, d]
    for k in range(m):
        position = blocking_row(table, m, k, live, work.ratio)
        if position < 0:
            return -1
        length = -table[m, position] / table[k, position]
        for d in range(m):
            witness[d] += length * table[k, d] / (m + 1)
        if status[row_at[position]] == UNKNOWN:
            before = count
            count = prove_end_facet(
                rows, errors, m, size, k, position, work, out, count, proofs
            )
            if count > before and position < unknown:
                unknown -= 1
                swap_rows(table, row_at, m, position, unknown)
    if proofs:
        evaluate_rows(rows, m, size, witness, work.slack)
        lower_bounds(work.slack, errors, size)
        if not least(work.slack, size) > room:
            return -1

    objective = -1
    passes = PASSES_HINT * (candidates + m)
    while True:
        least_coefficients(table, m, m, unknown, work.ratio)
        p = m
        while p < unknown:
            if work.ratio[p] >= -PIVOT_HINT:
                row = row_at[p]
                if proofs and not prove_redundant(
                    rows, errors, m, basis, table, p, row, work.residual
                ):
                    return -1
                status[row] = REDUNDANT
                for k in range(m):
                    out.supports[row, k] = basis[k]
                unknown -= 1
                live -= 1
                move_row(table, row_at, m, unknown, p)
                work.ratio[p] = work.ratio[unknown]
                move_row(table, row_at, m, live, unknown)
            else:
                p += 1
        if unknown == m:
            return count
        # keep the current objective until it is settled, else take the nearest row
        target = -1
        if objective >= 0 and status[objective] == UNKNOWN:
            for p in range(m, unknown):
                if row_at[p] == objective:
                    target = p
        if target < 0:
            target = m
            for p in range(m + 1, unknown):
                if table[m, p] < table[m, target]:
                    target = p
            objective = row_at[target]
        column = 0
        for k in range(1, m):
            if table[k, target] < table[column, target]:
                column = k
        position = blocking_row(table, m, column, live, work.ratio)
        passes -= 1
        if position < 0 or passes < 0 or table[m, position] < -TIE_HINT:
            return -1
        pivot(table, m, column, position, live)
        entered = row_at[position]
        row_at[position] = basis[column]
        basis[column] = entered
        if position < unknown:
            # the row that left the basis is no longer a question
            unknown -= 1
            swap_rows(table, row_at, m, position, unknown)
        count = prove_basis_facets(rows, errors, m, size, live, work, out, count, proofs)
        if count < 0:
            return -1


# -------------------------------------------------------------------------- the answerer


@dataclass(frozen=True, eq=False)
class Prepared:
    """A polytope ready for `facets`: rows scaled to unit normals inside the unit cube."""

    rows: Floats
    errors: Floats
    start: Floats


def prepare(normals: ArrayLike, offsets: ArrayLike) -> Prepared:
    """Prepare the bounded polytope {x : normals @ x + offsets >= 0}.

    Parameters
    ----------
    normals : array_like, shape (r, m)
    offsets : array_like, shape (r,)
    """
    from scipy.optimize import linprog

    a = np.asarray(normals, dtype=np.float64)
    c = np.asarray(offsets, dtype=np.float64)
    m = a.shape[1]
    # a power of two large enough for the polytope to fit into the unit cube: exact
    reach = 1.0
    for d in range(m):
        for sign in (1.0, -1.0):
            cost = np.zeros(m)
            cost[d] = sign
            solution = linprog(cost, A_ub=-a, b_ub=c, bounds=[(None, None)] * m)
            reach = max(reach, abs(float(solution.fun)))
    scale = 2.0 ** np.ceil(np.log2(2.0 * reach))
    lengths = np.linalg.norm(a, axis=1)
    safe = np.where(lengths > 0, lengths, 1.0)
    rows = np.ascontiguousarray(np.vstack([a.T, c / scale]) / safe)
    errors = (m + 8) * 2.0**-53 * np.abs(rows).sum(axis=0) * 2
    # deepest point, only a place to start from
    cost = np.append(np.zeros(m), -1.0)
    centre = linprog(
        cost,
        A_ub=np.column_stack([-rows[:m].T, np.ones(len(c))]),
        b_ub=rows[m],
        bounds=[(None, None)] * m + [(None, 1.0)],
    )
    return Prepared(rows, errors, np.asarray(centre.x[:m]))


def facets(prepared: Prepared) -> FacetVerdicts:
    """Decide every row that float arithmetic with rounding bounds can decide.

    Returns
    -------
    FacetVerdicts
        All rows decided, or all ``UNDECIDED``: a polytope with a tie that rounding
        cannot resolve (coincident or merely touching rows) is left to `rational`.
    """
    rows, errors = prepared.rows, prepared.errors
    m, size = rows.shape[0] - 1, rows.shape[1]
    work = workspace(m, size)
    out = facet_buffer(m, size)
    work.point[:] = prepared.start
    undecided = FacetVerdicts(np.full(size, Verdict.UNDECIDED, dtype=np.int8), ())
    if not vertex_from_point(rows, m, size, work):
        return undecided
    count = walk_vertices(rows, errors, m, size, size, work, out, np.zeros(m), 0.0, True)
    if count < 0:
        return undecided
    verdicts = np.full(size, Verdict.REDUNDANT, dtype=np.int8)
    found = np.sort(out.rows[:count])
    verdicts[found] = Verdict.FACET
    return FacetVerdicts(verdicts, tuple((int(row),) for row in found))
