"""Facets of a polytope in which some hyperplanes nearly coincide: floats sort out, integers decide.

Where two rows are as good as one, no rounding bound tells which of them carries the facet. But
all that is far from a tie is proven in floats as ever, once one row alone stands for its like.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from polyregions.arrays import Floats, Integers
from polyregions.cells.many_polytopes import Polytopes, facets_of, scaled_rows, scratch_of
from polyregions.exact.facets import ExactFacets, exact_facets
from polyregions.exact.simplex import Row, column_of, evaluate
from polyregions.geometry.rows import Rows

__all__ = ["facets_near_ties"]

# Hint: rows that agree to 30 bits are as good as one.
_ALIKE = 2.0**30

_LARGE_ERROR = 1e-3  # Hint: rows with a larger error are left to integers


def facets_near_ties(
    rows: Sequence[Row], near: Floats, stop: Integers | None = None
) -> ExactFacets | None:
    """Return the facets of a polytope in the cube [-1, 1]^m, or None if its interior is empty.

    Parameters
    ----------
    rows : sequence of rows of m + 1 integers
    near : numpy.ndarray of float64, shape (m,)
        About a point inside, or of a facet; an inexact one makes no answer wrong.
    stop : numpy.ndarray of int64, shape (1,), optional
        Another thread that sets it to 1 ends what is done in floats.

    Returns
    -------
    ExactFacets or None
        As of :func:`~polyregions.exact.facets.exact_facets`, but rows that floats prove
        redundant have no support.

    Notes
    -----
    *Algorithm.* Of rows that are alike in floats the first stands for all, which makes the
    polytope no smaller. Its rows that are proven positive all over it are so over the given one:
    they carry no facet and touch none, and the others make the same polytope. These are asked
    about in integers (docs/mathematics.md, parts 6 and 7).

    Examples
    --------
    >>> import flint
    >>> square = [[1, 0, 1], [-1, 0, 1], [0, 1, 1], [0, -1, 1]]
    >>> thin = [[2**60, 1, 2**59], [2**60, 0, 2**59], [1, 1, 4]]
    >>> rows = [[flint.fmpz(entry) for entry in row] for row in square + thin]
    >>> facets_near_ties(rows, np.zeros(2)).groups
    ((1,), (2,), (3,), (4,), (5,))
    """
    tilted = [i for i, row in enumerate(rows) if any(row[:-1])]
    scaled = scaled_rows([rows[i] for i in tilted])
    places = _one_of_its_like(scaled)
    polytope = Polytopes(
        *scaled, places, np.ones(len(places)), np.array([0, len(places)]), near[None]
    )
    scratch, carries = scratch_of(polytope, stop), np.empty(len(places), dtype=np.int8)
    facets_of(polytope, 0, 1, scratch, carries)
    implied = {tilted[place] for place in places[carries == 0].tolist()}
    asked = [i for i in range(len(rows)) if i not in implied]
    # well inside the polytope of the floats, so mostly inside this one
    inside = [Fraction(value) for value in scratch.found.witness.tolist()]
    answer = exact_facets([rows[i] for i in asked], inside)
    if answer is None:
        return None
    point = column_of(answer.interior)
    if max(map(abs, answer.interior)) > 1 or any(evaluate(rows[i], point) <= 0 for i in implied):
        return exact_facets(rows)  # what is proven all over an empty polytope says nothing
    return ExactFacets(
        answer.interior,
        tuple(tuple(asked[i] for i in group) for group in answer.groups),
        answer.points,
        {asked[i]: tuple(asked[j] for j in basis) for i, basis in answer.supports.items()},
    )


def _one_of_its_like(rows: Rows) -> Integers:
    """Return the first of all rows that are alike; those that floats lost are left out."""
    usable = np.flatnonzero(rows.errors < _LARGE_ERROR)
    digits = np.round(rows.values[:, usable].T * _ALIKE) + 0.0  # no minus zero
    firsts: dict[bytes, int] = {}
    for i, row in zip(usable.tolist(), digits, strict=True):
        firsts.setdefault(row.tobytes(), i)
    return np.array(list(firsts.values()), dtype=np.int64)
