"""All regions that a walk knows, by number, and the hash table in which patterns are found.

The table holds numbers only; whole patterns are compared in the store, so a hash
collision can cost time but never merge two regions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Records, integer_record
from polyregions.cells.vertices import row_type
from polyregions.compiled import entry, exact_order_kernel
from polyregions.network.flat import FlatNetwork
from polyregions.pattern import Words, n_words
from polyregions.walk.known_rows import words_known

__all__ = [
    "EMPTY",
    "Frontier",
    "Store",
    "empty_store",
    "empty_table",
    "find_pattern",
    "fits",
    "grown",
    "insert",
    "pending_regions",
    "rebuild",
    "with_room",
    "without",
]

STORE_COUNTERS = integer_record("regions", "edges", "expanded", "round")
# a slot without a region; so numbers stay below 2^32 - 1
EMPTY = np.uint32(0xFFFFFFFF)


class Store(NamedTuple):
    """The regions known so far; a region's number is its place in the order of discovery.

    Attributes
    ----------
    patterns : uint64 array, shape (R, W)
    table : uint32 array
        Hash table of the patterns; see `find_pattern`.
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
    known, n_edges, expanded, _ = store.counters.item()
    # what is in use; no step reads the start of a region that was expanded
    used = {
        "patterns": slice(0, known),
        "bases": slice(expanded, known),
        "points": slice(released, known),
        "known": slice(expanded, known),
        "edges": slice(0, n_edges),
    }
    larger: dict[str, Any] = {}
    for name, at in used.items():
        array, needed = getattr(store, name), edges if name == "edges" else regions
        if needed > len(array):
            # void parts of new arrays are written before they are read
            size = max(needed, 2 * len(array)), array.shape[1]
            larger[name] = np.empty(size, dtype=array.dtype)
            larger[name][at] = array[at]
    if not fits(store.table, regions):
        larger["table"] = grown(store.patterns, known, regions)
    return store._replace(**larger) if larger else store


def without(store: Store, *names: str) -> Store:
    """Return the store without the rows of some arrays, whose memory is free then."""
    return store._replace(**{name: getattr(store, name)[:0].copy() for name in names})


def empty_table(slots: int) -> NDArray[np.uint32]:
    """Return a table of `slots` (a power of two) empty places."""
    return np.full(slots, EMPTY, dtype=np.uint32)


@exact_order_kernel
def hash_words(words):
    """Mix all words of a pattern into one 64-bit hash (splitmix64's finaliser).

    Parameters
    ----------
    words : uint64 array, shape (W,)

    Returns
    -------
    uint64
    """
    value = np.uint64(0x9E3779B97F4A7C15)
    for word in words:
        value ^= word
        value *= np.uint64(0xBF58476D1CE4E5B9)
        value ^= value >> np.uint64(27)
        value *= np.uint64(0x94D049BB133111EB)
        value ^= value >> np.uint64(31)
    return value


@exact_order_kernel
def locate(table, patterns, words):
    """Return the slot that holds a pattern, or the empty slot where it belongs.

    Parameters
    ----------
    table : uint32 array
        Its length is a power of two, and at least one slot is empty.
    patterns : uint64 array, shape (R, W)
        The store.
    words : uint64 array, shape (W,)

    Returns
    -------
    uint64

    Notes
    -----
    *Invariant.* No slot passed so far holds `words`, and none of them is empty. Numbers never
    leave the table, so a pattern that is in it lies before the first empty slot.
    """
    mask = np.uint64(len(table) - 1)
    slot = hash_words(words) & mask
    while True:
        number = table[slot]
        # a table is at most half full, so the loop ends
        if number == EMPTY:
            return slot
        # whole patterns are compared: two that share a hash stay two regions
        same = True
        for w in range(len(words)):
            if patterns[number, w] != words[w]:
                same = False
                break
        if same:
            return slot
        slot = (slot + np.uint64(1)) & mask


@exact_order_kernel
def find_pattern(table, patterns, words):
    """Return the number of the region with a pattern, or -1; see `locate` for the parameters."""
    number = table[locate(table, patterns, words)]
    return -1 if number == EMPTY else np.int64(number)


@exact_order_kernel
def insert(table, patterns, count, words):
    """Return the number of a pattern, storing it as number `count` if it is new.

    Parameters
    ----------
    table : uint32 array, out
        At most half full, with the first `count` patterns.
    patterns : uint64 array, shape (R, W), out
        With room for another one.
    count : int
    words : uint64 array, shape (W,)

    Returns
    -------
    int64
        `count` if it was new.
    """
    slot = locate(table, patterns, words)
    if table[slot] == EMPTY:
        table[slot] = np.uint32(count)
        for w in range(len(words)):
            patterns[count, w] = words[w]
    return np.int64(table[slot])


@entry
@exact_order_kernel
def rebuild(table, patterns, count):
    """Fill an empty table with the first `count` patterns, which are distinct.

    Parameters
    ----------
    table : uint32 array, out
        All EMPTY, with more than `count` slots.
    patterns : uint64 array, shape (R, W)
    count : int
    """
    mask = np.uint64(len(table) - 1)
    for number in range(count):
        # distinct patterns need no comparison, only the next empty slot
        slot = hash_words(patterns[number]) & mask
        while table[slot] != EMPTY:
            slot = (slot + np.uint64(1)) & mask
        table[slot] = np.uint32(number)


def fits(table: NDArray[np.uint32], count: int) -> bool:
    """Return whether `count` regions keep the table at most half full."""
    return 2 * count <= len(table)


def grown(patterns: Words, count: int, needed: int) -> NDArray[np.uint32]:
    """Return a table for `needed` regions that holds the first `count` patterns."""
    # a power of two, so that a mask takes the place of a division
    slots = 1 << max(10, int(2 * needed - 1).bit_length())
    table = empty_table(slots)
    if count:
        rebuild(table, patterns, count)
    return table
