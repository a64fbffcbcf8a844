"""The set of visited patterns: an open-addressing hash table of region numbers.

The table holds numbers only; whole patterns are compared in the store, so a hash
collision can cost time but never merge two regions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from polyregions.compiled import entry, exact_order_kernel
from polyregions.pattern import Words

__all__ = ["EMPTY", "empty_table", "find_pattern", "fits", "grown", "insert", "rebuild"]

# a slot without a region; so numbers stay below 2^32 - 1
EMPTY = np.uint32(0xFFFFFFFF)


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
