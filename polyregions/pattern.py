"""Activation patterns as packed bits.

A pattern has one bit per unit that bends: 1 iff the unit's pre-activation is positive
on the region. Bits run layer by layer, unit by unit, and are packed
little-endian in ``uint64`` words: bit ``k`` of a pattern is bit ``k % 64`` of
word ``k // 64``. A pattern is the identity of a region.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.errors import NetworkError

__all__ = ["Words", "check_pattern", "n_words", "order", "pack", "places", "to_text", "unpack"]

Words = NDArray[np.uint64]


def n_words(n_bits: int) -> int:
    """Return the number of 64-bit words that hold `n_bits` bits (at least one).

    Examples
    --------
    >>> n_words(0), n_words(64), n_words(65)
    (1, 1, 2)
    """
    return max(1, -(-n_bits // 64))


def check_pattern(pattern: object, n_bits: int) -> Words:
    """Return one packed pattern as it is, or refuse what is none.

    Raises
    ------
    NetworkError
        If it is no array of ``n_words(n_bits)`` words of type uint64.

    Examples
    --------
    >>> check_pattern(pack([1, 0, 1]), 3)
    array([5], dtype=uint64)
    """
    size = n_words(n_bits)
    if (
        not isinstance(pattern, np.ndarray)
        or pattern.dtype != np.uint64
        or pattern.shape != (size,)
    ):
        given = type(pattern).__name__
        if isinstance(pattern, np.ndarray):
            given = f"an array of shape {pattern.shape} and type {pattern.dtype}"
        raise NetworkError(
            f"a packed pattern is an array of shape ({size},) and type uint64, as net.pattern(x) "
            f"returns it for a point x, not {given}"
        )
    return pattern


def pack(bits: ArrayLike) -> Words:
    """Pack bits into little-endian 64-bit words.

    Parameters
    ----------
    bits : array_like of bool or int, shape (..., N)
        One entry per unit that bends; non-zero means active.

    Returns
    -------
    numpy.ndarray of uint64, shape (..., n_words(N))

    Examples
    --------
    >>> pack([1, 0, 1])
    array([5], dtype=uint64)
    """
    array = np.asarray(bits) != 0
    padded = np.zeros((*array.shape[:-1], 64 * n_words(array.shape[-1])), dtype=np.uint8)
    padded[..., : array.shape[-1]] = array
    packed = np.packbits(padded, axis=-1, bitorder="little")
    return np.ascontiguousarray(packed).view("<u8").astype(np.uint64, copy=False)


def unpack(words: Words, n_bits: int) -> NDArray[np.uint8]:
    """Unpack words into bits; the inverse of :func:`pack`.

    Parameters
    ----------
    words : numpy.ndarray of uint64, shape (..., W)
    n_bits : int
        Number of bits N to return.

    Returns
    -------
    numpy.ndarray of uint8, shape (..., N)

    Examples
    --------
    >>> unpack(pack([1, 0, 1]), 3)
    array([1, 0, 1], dtype=uint8)
    """
    as_bytes = np.ascontiguousarray(words, dtype="<u8").view(np.uint8)
    return np.unpackbits(as_bytes, axis=-1, count=n_bits, bitorder="little")


def order(patterns: Words) -> NDArray[np.intp]:
    """Return the permutation that sorts patterns, word 0 first.

    This is the order of every result, whatever the order of discovery.

    Examples
    --------
    >>> order(np.array([[2, 0], [1, 9], [1, 3]], dtype=np.uint64))
    array([2, 1, 0])
    """
    if patterns.shape[1] == 1:
        return np.argsort(patterns[:, 0], kind="stable")
    return np.lexsort(patterns.T[::-1])


def places(patterns: Words, wanted: Words) -> NDArray[np.int64]:
    """Return where some patterns stand among sorted ones, -1 for those that do not.

    Parameters
    ----------
    patterns : numpy.ndarray of uint64, shape (R, W)
        Distinct, in the order of :func:`order`.
    wanted : numpy.ndarray of uint64, shape (k, W)

    Returns
    -------
    numpy.ndarray of int64, shape (k,)

    Notes
    -----
    *Algorithm.* Binary search for all at once, word by word; no copy of `patterns` is made.

    Examples
    --------
    >>> places(np.array([[1, 3], [1, 9], [2, 0]], dtype=np.uint64), np.uint64([[1, 9], [2, 1]]))
    array([ 1, -1])
    """
    low = np.zeros(len(wanted), dtype=np.int64)
    high = np.full(len(wanted), len(patterns))
    each = np.arange(len(wanted))
    while (open_ := low < high).any():
        middle = np.where(open_, (low + high) // 2, 0)
        there = patterns[middle]
        first = (there != wanted).argmax(axis=1)  # where they differ, or 0 if they do not
        above = open_ & (there[each, first] < wanted[each, first])
        low, high = np.where(above, middle + 1, low), np.where(open_ & ~above, middle, high)
    found = np.full(len(wanted), -1)
    inside = np.flatnonzero(low < len(patterns))
    same = (patterns[low[inside]] == wanted[inside]).all(axis=1)
    found[inside[same]] = low[inside[same]]
    return found


def to_text(words: Words) -> str:
    """Write one pattern as a hexadecimal string, word 0 first.

    Examples
    --------
    >>> to_text(pack([1, 0, 1]))
    '0000000000000005'
    """
    return "".join(f"{int(word):016x}" for word in words)
