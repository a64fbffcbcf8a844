"""A walk that stays below some prefixes, and notes every facet that leads out.

The regions below one prefix fill a convex set, so that a walk from any of them reaches all
without leaving it. What lies across the fence belongs to another walk; the two see each
edge between them once from either side.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from polyregions.pattern import Words
from polyregions.walk.neighbors import Expansions

__all__ = ["Fence"]


@dataclass(eq=False)
class Fence:
    """The bits that all regions of a walk share, and the facets that led out so far.

    Attributes
    ----------
    mask : numpy.ndarray of uint64, shape (W,)
    values : numpy.ndarray of uint64, shape (k, W)
        Of prefixes that decide the same units (:class:`~polyregions.network.prefix.Prefix`). A
        region is inside iff it is below one of them.
    parents : list of numpy.ndarray of int64
        Numbers of the regions inside, one per facet, piece by piece.
    children : list of numpy.ndarray of uint64
        The patterns beyond.
    """

    mask: Words
    values: Words
    parents: list[NDArray[np.int64]] = field(default_factory=list)
    children: list[Words] = field(default_factory=list)

    def leading_out(self) -> tuple[NDArray[np.int64], Words]:
        """Return parents (k,) and patterns beyond (k, W) of all facets that led out."""
        none = np.zeros((0, len(self.mask)), dtype=np.uint64)
        return (
            np.concatenate([np.zeros(0, dtype=np.int64), *self.parents]),
            np.concatenate([none, *self.children]),
        )

    def inner(
        self, first: int, begin: int, ends: NDArray[np.int64], result: Expansions
    ) -> tuple[NDArray[np.int64], Expansions]:
        """Take the facets that lead out of a batch; return what is left, beginning at 0.

        Parameters
        ----------
        first, begin, ends, result
            As for :func:`polyregions.walk.walk_state.merge_batch`.
        """
        stop = int(ends[-1])
        children = result.children[begin:stop]
        inside = np.isin(_as_one_value(children & self.mask), _as_one_value(self.values))
        if not inside.all():
            # the owner of facet f is the first region whose end is beyond f
            out = np.flatnonzero(~inside)
            self.parents.append(first + np.searchsorted(ends, begin + out, side="right"))
            self.children.append(children[out])
        # how many facets are left before each
        left = np.concatenate([[0], np.cumsum(inside)])
        kept = begin + np.flatnonzero(inside)
        names = ("children", "bases", "points", "known")
        return left[ends - begin], result._replace(
            **{name: getattr(result, name)[kept] for name in names}
        )


def _as_one_value(words: Words) -> NDArray[np.void]:
    """Return each row as one value that compares by its bytes, shape (k,)."""
    rows = np.ascontiguousarray(words)
    return rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
