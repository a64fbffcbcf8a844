"""The compiled answerer: floats with rounding bounds, "undecided" where they do not suffice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Integers
from polyregions.cells.many_polytopes import (
    Corners,
    Polytopes,
    corners_of,
    facets_of,
    scratch_of,
)
from polyregions.exact.simplex import Row
from polyregions.geometry.rows import Rows
from polyregions.rounding import ROUNDOFF

__all__ = ["proven_corners", "proven_facets", "scaled_rows"]

_CORNERS = 2**16  # room for them in one call; a polytope with more is left undecided
_POLYTOPES = 256  # per call of a kernel: Ctrl-C is seen between two


def scaled_rows(rows: Sequence[Row]) -> Rows:
    """Return exact rows as columns of unit normals, as far as floats go.

    Parameters
    ----------
    rows : sequence of rows of m + 1 integers

    Returns
    -------
    Rows
        A row that leaves the range of floats, or has no normal, has an infinite error: with it
        nothing is proven.
    """
    values = np.zeros((len(rows), len(rows[0])))
    for place, row in enumerate(rows):
        entries = list(map(int, row))
        scale = max(map(abs, entries[:-1]))
        # the offset may be far larger than the normal
        if scale > 0 and abs(entries[-1]) <= scale << 1000:
            values[place] = [entry / scale for entry in entries]
    lost = ~values.any(axis=1)
    values[lost, 0] = 1.0
    columns = np.ascontiguousarray((values / np.linalg.norm(values[:, :-1], axis=1)[:, None]).T)
    m = len(columns) - 1
    # one rounding each in quotient and division, m + 1 in an evaluation, and what underflows
    errors = 2 * (m + 8) * ROUNDOFF * np.abs(columns).sum(axis=0) + 2.0**-1000
    errors[lost] = np.inf
    return Rows(columns, errors)


def proven_facets(polytopes: Polytopes) -> NDArray[np.int8]:
    """Decide every row that float arithmetic with rounding bounds can decide.

    Returns
    -------
    numpy.ndarray of int8, shape (T,)
        1 for a row that alone carries a facet, 0 for one that carries none. Of a polytope with
        a tie that rounding cannot resolve (coincident or merely touching rows) all rows are -1:
        it is left to `exact.facets`.
    """
    scratch, total = scratch_of(polytopes), len(polytopes.points)
    carries = np.full(len(polytopes.places), -1, dtype=np.int8)
    for first in range(0, total, _POLYTOPES):
        facets_of(polytopes, first, min(first + _POLYTOPES, total), scratch, carries)
    return carries


def proven_corners(polytopes: Polytopes) -> tuple[Integers, Integers]:
    """List the corners of polytopes in which no more rows meet than must.

    Returns
    -------
    tight : numpy.ndarray of int64, shape (k, m)
        The rows that are tight in each corner, by number in their polytope, rising.
    counts : numpy.ndarray of int64, shape (P,)
        How many of the corners, in turn, are those of each polytope; -1 of one with a tie that
        rounding cannot resolve, or with very many.
    """
    scratch, (total, m) = scratch_of(polytopes), polytopes.points.shape
    corners = Corners(np.empty((_CORNERS, m), np.int64), np.empty(total, np.int64))
    parts = [np.empty((0, m), dtype=np.int64)]
    first = 0
    while first < total:
        last = min(first + _POLYTOPES, total)
        done = corners_of(polytopes, first, last, scratch, corners)
        if done == first:  # no room for one polytope's corners
            corners.counts[first] = -1
            done += 1
        used = int(np.maximum(corners.counts[first:done], 0).sum())
        parts.append(corners.tight[:used].copy())
        first = done
    return np.concatenate(parts), corners.counts
