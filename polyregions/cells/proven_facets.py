"""The compiled answerer: floats with rounding bounds, "undecided" where they do not suffice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from polyregions.arrays import Floats
from polyregions.cells.dictionary import vertex_from_point, workspace
from polyregions.cells.vertices import facet_buffer, walk_vertices
from polyregions.exact.verdict import FacetVerdicts, Verdict
from polyregions.geometry.rows import Rows
from polyregions.rounding import ROUNDOFF

__all__ = ["ScaledRows", "proven_facets", "scaled_rows"]


@dataclass(frozen=True, eq=False)
class ScaledRows:
    """A polytope ready for `proven_facets`: rows scaled to unit normals inside the unit cube."""

    rows: Floats
    errors: Floats
    start: Floats


def scaled_rows(rows: Sequence[Sequence[int]], start: Sequence[float]) -> ScaledRows | None:
    """Scale the rows of a polytope inside the cube [-1, 1]^m that is given by exact rows.

    Parameters
    ----------
    rows : sequence of rows of m + 1 integers
        None has normal zero.
    start : sequence of m floats
        A point inside; an inexact one makes no answer wrong.

    Returns
    -------
    ScaledRows or None
        None where a row leaves the range of floats.
    """
    table = []
    for row in rows:
        scale = max(map(abs, row[:-1]))
        if abs(row[-1]) > scale << 1000:
            return None
        # quotients of integers are rounded once; the offset may be far larger than the normal
        values = np.array([entry / scale for entry in row])
        table.append(values / np.linalg.norm(values[:-1]))
    columns = np.ascontiguousarray(np.array(table).T)
    m = len(start)
    # one rounding each in quotient and division, m + 1 in an evaluation, and what underflows
    errors = 2 * (m + 8) * ROUNDOFF * np.abs(columns).sum(axis=0) + 2.0**-1000
    return ScaledRows(columns, errors, np.array(start, dtype=np.float64))


def proven_facets(scaled: ScaledRows) -> FacetVerdicts:
    """Decide every row that float arithmetic with rounding bounds can decide.

    Returns
    -------
    FacetVerdicts
        All rows decided, or all ``UNDECIDED``: a polytope with a tie that rounding
        cannot resolve (coincident or merely touching rows) is left to `exact.facets`.
    """
    rows = Rows(scaled.rows, scaled.errors)
    m, size = scaled.rows.shape[0] - 1, scaled.rows.shape[1]
    work = workspace(m, size)
    found = facet_buffer(m, size)
    work.point[:] = scaled.start
    undecided = FacetVerdicts(np.full(size, Verdict.UNDECIDED, dtype=np.int8), ())
    if not vertex_from_point(rows.values, m, size, work):
        return undecided
    count = walk_vertices(rows, size, size, work, found, 0.0)
    if count < 0:
        return undecided
    verdicts = np.full(size, Verdict.REDUNDANT, dtype=np.int8)
    facets = np.sort(found.rows[:count])
    verdicts[facets] = Verdict.FACET
    return FacetVerdicts(verdicts, tuple((int(row),) for row in facets))
