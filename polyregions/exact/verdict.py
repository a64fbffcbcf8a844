"""The answer to "which rows carry a facet?", as a value."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FacetVerdicts", "Verdict", "verdicts_of_groups"]


class Verdict(enum.IntEnum):
    """What is known of one row of a polytope.

    ``FACET``: the row's hyperplane meets the polytope in dimension n - 1; rows with
    the same hyperplane all carry the facet. ``REDUNDANT``: it does not; rows of zeros,
    constant rows and rows that merely touch are redundant. ``UNDECIDED``: the
    answerer's arithmetic cannot tell.
    """

    REDUNDANT = 0
    FACET = 1
    UNDECIDED = 2


@dataclass(frozen=True, eq=False)
class FacetVerdicts:
    """One verdict per row, and the rows of every facet.

    Attributes
    ----------
    verdicts : numpy.ndarray of int8, shape (m,)
        Members of :class:`Verdict`.
    groups : tuple of tuple of int
        One sorted tuple per facet, singletons included: the rows whose hyperplane
        carries it. Sorted by first row.
    """

    verdicts: NDArray[np.int8]
    groups: tuple[tuple[int, ...], ...]


def verdicts_of_groups(n_rows: int, groups: Iterable[Iterable[int]]) -> FacetVerdicts:
    """Return the decided answer whose facets are carried by `groups`.

    Examples
    --------
    >>> verdicts_of_groups(4, [(3,), (0, 2)])
    FacetVerdicts(verdicts=array([1, 0, 1, 1], dtype=int8), groups=((0, 2), (3,)))
    """
    ordered = tuple(sorted(tuple(sorted(group)) for group in groups))
    verdicts = np.full(n_rows, Verdict.REDUNDANT, dtype=np.int8)
    for group in ordered:
        verdicts[list(group)] = Verdict.FACET
    return FacetVerdicts(verdicts, ordered)
