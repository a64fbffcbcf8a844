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

EMPTY = np.uint32(0xFFFFFFFF)


def empty_table(slots: int) -> NDArray[np.uint32]:
    """Return a table of `slots` (a power of two) empty places."""
    return np.full(slots, EMPTY, dtype=np.uint32)


@exact_order_kernel
def hash_words(words):
    """Mix all words of a pattern into one 64-bit hash (splitmix64's finaliser)."""
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
    """Return the slot that holds `words`, or the empty slot where they belong."""
    mask = np.uint64(len(table) - 1)
    slot = hash_words(words) & mask
    while True:
        number = table[slot]
        if number == EMPTY:
            return slot
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
    """Return the number of the region with pattern `words`, or -1."""
    number = table[locate(table, patterns, words)]
    return -1 if number == EMPTY else np.int64(number)


@exact_order_kernel
def insert(table, patterns, count, words):
    """Return the number of `words`, storing them as number `count` if they are new."""
    slot = locate(table, patterns, words)
    if table[slot] == EMPTY:
        table[slot] = np.uint32(count)
        for w in range(len(words)):
            patterns[count, w] = words[w]
    return np.int64(table[slot])


@entry
@exact_order_kernel
def rebuild(table, patterns, count):
    """Fill an empty table with the first `count` patterns, which are distinct."""
    mask = np.uint64(len(table) - 1)
    for number in range(count):
        slot = hash_words(patterns[number]) & mask
        while table[slot] != EMPTY:
            slot = (slot + np.uint64(1)) & mask
        table[slot] = np.uint32(number)


def fits(table: NDArray[np.uint32], count: int) -> bool:
    """Return whether `count` regions keep the table at most half full."""
    return 2 * count <= len(table)


def grown(patterns: Words, count: int, needed: int) -> NDArray[np.uint32]:
    """Return a table for `needed` regions that holds the first `count` patterns."""
    slots = 1 << max(10, int(2 * needed - 1).bit_length())
    table = empty_table(slots)
    rebuild(table, patterns, count)
    return table
