"""The compiled answerer: floats with rounding bounds, "undecided" where they do not suffice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from polyregions.arrays import Floats
from polyregions.cells.dictionary import vertex_from_point, workspace
from polyregions.cells.vertices import facet_buffer, walk_vertices
from polyregions.exact.verdict import FacetVerdicts, Verdict
from polyregions.rounding import ROUNDOFF

__all__ = ["Prepared", "facets", "prepare", "prepare_exact"]


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
            reach = max(reach, abs(float(solution["fun"])))
    scale = 2.0 ** np.ceil(np.log2(2.0 * reach))
    lengths = np.linalg.norm(a, axis=1)
    safe = np.where(lengths > 0, lengths, 1.0)
    rows = np.ascontiguousarray(np.vstack([a.T, c / scale]) / safe)
    errors = (m + 8) * ROUNDOFF * np.abs(rows).sum(axis=0) * 2
    # deepest point, only a place to start from
    cost = np.append(np.zeros(m), -1.0)
    centre = linprog(
        cost,
        A_ub=np.column_stack([-rows[:m].T, np.ones(len(c))]),
        b_ub=rows[m],
        bounds=[(None, None)] * m + [(None, 1.0)],
    )
    return Prepared(rows, errors, np.asarray(centre["x"])[:m])


def prepare_exact(rows: Sequence[Sequence[int]], start: Sequence[float]) -> Prepared | None:
    """Prepare a polytope inside the cube [-1, 1]^m that is given by exact rows.

    Parameters
    ----------
    rows : sequence of rows of m + 1 integers
        None has normal zero.
    start : sequence of m floats
        A point inside; an inexact one makes no answer wrong.

    Returns
    -------
    Prepared or None
        None where a row leaves the range of floats.
    """
    table = []
    for row in rows:
        scale = max(map(abs, row[:-1]))
        if abs(row[-1]) > scale << 1000:
            return None
        # quotients of integers are rounded once
        values = np.array([entry / scale for entry in row])
        table.append(values / np.linalg.norm(values[:-1]))
    columns = np.ascontiguousarray(np.array(table).T)
    m = len(start)
    # one rounding each in quotient and division, m + 1 in an evaluation, and what underflows
    errors = 2 * (m + 8) * ROUNDOFF * np.abs(columns).sum(axis=0) + 2.0**-1000
    return Prepared(columns, errors, np.array(start, dtype=np.float64))


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
