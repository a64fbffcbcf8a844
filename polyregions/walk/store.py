"""All regions that a walk knows, by number: arrays that grow, and how many are in use."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Records, integer_record
from polyregions.cells.vertices import row_type
from polyregions.network.flat import FlatNetwork
from polyregions.pattern import Words, n_words
from polyregions.walk.known_rows import words_known
from polyregions.walk.visited import empty_table, fits, grown

__all__ = ["Frontier", "Store", "empty_store", "pending_regions", "with_room", "without"]

STORE_COUNTERS = integer_record("regions", "edges", "expanded", "round")


class Store(NamedTuple):
    """The regions known so far; a region's number is its place in the order of discovery.

    Attributes
    ----------
    patterns : uint64 array, shape (R, W)
    table : uint32 array
        Hash table of the patterns; see `walk.visited`.
    bases : int16 or int32 array, shape (R, m)
        Of regions not expanded: a basis on the facet each was entered through (in the
        plane: its row), or NO_BASIS first.
    points : float64 array, shape (R, m)
        Chart points: of regions not expanded a point of that facet, of the others a witness.
    known : uint64 array, shape (R, K)
        Of regions not expanded, what neighbours have proven of their rows; see
        `walk.known_rows`.
    edges : int32 array, shape (E, 2)
        Pairs of numbers of adjacent regions, each once.
    counters : STORE_COUNTERS array, shape (1,)
        How many rows of `patterns` and `edges` are in use, and how many regions are expanded:
        the first ones, because they are expanded in the order of their numbers. The number where
        the round under way ends: see `walk.walk_kernel.end_of_round`.
    """

    patterns: Words
    table: NDArray[np.uint32]
    bases: NDArray[np.signedinteger[Any]]
    points: Floats
    known: Words
    edges: NDArray[np.int32]
    counters: Records


class Frontier(NamedTuple):
    """Regions that are to be expanded, one in each row; the arrays are as in `Store`."""

    patterns: Words
    bases: NDArray[np.signedinteger[Any]]
    points: Floats
    known: Words


def pending_regions(regions: Store | Frontier, at: slice) -> Frontier:
    """Return what is to be expanded of some regions."""
    return Frontier(*(getattr(regions, name)[at] for name in Frontier._fields))


def empty_store(flat: FlatNetwork) -> Store:
    """Return a store without regions, and with room for some."""
    m = flat.dimension
    return Store(
        patterns=np.empty((1024, n_words(flat.units)), dtype=np.uint64),
        table=empty_table(4096),
        bases=np.empty((1024, m), dtype=row_type(flat.size)),
        points=np.empty((1024, m)),
        known=np.empty((1024, words_known(flat)), dtype=np.uint64),
        edges=np.empty((4096, 2), dtype=np.int32),
        counters=np.zeros(1, dtype=STORE_COUNTERS),
    )


def with_room(store: Store, regions: int, edges: int, released: int = 0) -> Store:
    """Return the store with room for so many regions and edges in all.

    `points` before number `released` are void and are not copied. Returns the same arrays
    where they are large enough.
    """
    arrays = (store.patterns, store.bases, store.points, store.known)
    table = store.table
    if regions <= min(map(len, arrays)) and edges <= len(store.edges) and fits(table, regions):
        return store
    # void parts of new arrays are written before they are read
    known, n_edges, expanded, _ = store.counters[0].item()
    return store._replace(
        patterns=_at_least(store.patterns, slice(0, known), regions),
        table=table if fits(table, regions) else grown(store.patterns, known, regions),
        # no step reads the start of a region that was expanded
        bases=_at_least(store.bases, slice(expanded, known), regions),
        points=_at_least(store.points, slice(released, known), regions),
        known=_at_least(store.known, slice(expanded, known), regions),
        edges=_at_least(store.edges, slice(0, n_edges), edges),
    )


def without(store: Store, *names: str) -> Store:
    """Return the store without the rows of some arrays, whose memory is free then."""
    return store._replace(**{name: getattr(store, name)[:0].copy() for name in names})


def _at_least(array: Any, used: slice, needed: int) -> Any:
    """Return `array`, or a copy of its rows in use with room for `needed` and more."""
    if needed <= len(array):
        return array
    larger = np.empty((max(needed, 2 * len(array)), array.shape[1]), dtype=array.dtype)
    larger[used] = array[used]
    return larger
