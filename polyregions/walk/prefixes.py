"""Prefix regions: what the first layers alone decide is decided once.

The signs of the first layers' units cut the domain into *prefix regions*; all regions
with the same signs lie in one of them. A row of the first layers that is redundant for
a prefix region, or a row of the next layer that keeps its sign over it, is redundant for
every region inside, and is never looked at again there. So each prefix region has a list
of rows that matter, made from the list of the shorter prefix (`walk.prefix_redundancy`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Integers, Records, integer_record
from polyregions.cells.in_cube import MANY_COORDINATES_HINT
from polyregions.compiled import entry, exact_order_kernel
from polyregions.network.flat import FlatNetwork
from polyregions.pattern import Words, n_words, pack
from polyregions.walk.visited import empty_table, find_pattern, fits, grown, insert

__all__ = [
    "NONE",
    "Prefixes",
    "copy_list",
    "empty_prefixes",
    "prefix_of",
    "register",
    "roomy",
    "with_more_prefixes",
]


# no prefix: the whole domain
NONE = -1
PREFIX_TOTALS = integer_record("registered", "settled", "used")

_FIRST_PREFIXES = 1024  # prefixes for which there is room at first


class Prefixes(NamedTuple):
    """The prefix regions known so far, by number; a shorter prefix has a lower number.

    Attributes
    ----------
    depths : numpy.ndarray of int64, shape (K,)
        How many layers the prefixes of each level have.
    masks : numpy.ndarray of uint64, shape (K, W)
        Which units the prefixes of each level decide.
    keys : numpy.ndarray of uint64, shape (P, W + 1)
        The value of each prefix (:class:`~polyregions.network.prefix.Prefix`), and its level.
    table : numpy.ndarray of uint32
        Hash table of the keys.
    parents : numpy.ndarray of int64, shape (P,)
        The prefix without its last layer, or NONE.
    points : numpy.ndarray of float64, shape (P, m)
        A point of the closure, from which the rows are decided.
    starts, stops : numpy.ndarray of int64, shape (P,)
        Where its list is in `rows`; an empty one stands for all rows.
    ties : numpy.ndarray of bool, shape (P,)
        Whether the network's shape makes some rows vanish or coincide with listed ones.
    undecided : numpy.ndarray of uint8, shape (P,)
        How many prefixes in a row, this one the last, are too tied or too thin for floats.
    rows : numpy.ndarray of int64
        Lists of rows: units in ascending order, then the domain's.
    totals : PREFIX_TOTALS array, shape (1,)
        How many are registered; how many are settled, the first ones: their lists are in
        `rows`, of which so much is used.
    key : numpy.ndarray of uint64, shape (W + 1,)
        Work of `register`.
    shape_ties : bool
        Whether the network's shape can make any tie at all.
    """

    depths: Integers
    masks: Words
    keys: Words
    table: NDArray[np.uint32]
    parents: Integers
    points: NDArray[np.float64]
    starts: Integers
    stops: Integers
    ties: NDArray[np.bool_]
    undecided: NDArray[np.uint8]
    rows: Integers
    totals: Records
    key: Words
    shape_ties: bool


def empty_prefixes(flat: FlatNetwork) -> Prefixes:
    """Return the prefixes of a walk that has not begun; there is no room for any."""
    # with many inputs the cube's sides are no rows to be left out, and a prefix costs a region
    ends = flat.row_ends if flat.dimension < MANY_COORDINATES_HINT else flat.row_ends[-1:]
    depths, masks = _levels(tuple(ends.tolist()), flat.units)
    return Prefixes(
        depths=depths,
        masks=masks,
        keys=np.zeros((0, n_words(flat.units) + 1), dtype=np.uint64),
        table=empty_table(1),
        parents=np.zeros(0, dtype=np.int64),
        points=np.zeros((0, flat.dimension)),
        starts=np.zeros(0, dtype=np.int64),
        stops=np.zeros(0, dtype=np.int64),
        ties=np.zeros(0, dtype=np.bool_),
        undecided=np.zeros(0, dtype=np.uint8),
        rows=np.zeros(0, dtype=np.int64),
        totals=np.zeros(1, dtype=PREFIX_TOTALS),
        key=np.zeros(n_words(flat.units) + 1, dtype=np.uint64),
        shape_ties=bool((flat.biases[flat.widths[0] :] == 0).any()),
    )


@lru_cache(maxsize=64)
def _levels(ends: tuple[int, ...], units: int) -> tuple[Integers, Words]:
    """Return the depths of the levels, and which units they decide; see `Prefixes`."""
    # layers without units that vary make no prefixes of their own
    bends = [layer for layer, end in enumerate(ends) if end > (ends[layer - 1] if layer else 0)]
    # the prefixes of a level decide all layers below the one that asks about them
    level_ends = np.array([ends[depth - 1] for depth in bends[1:]], dtype=np.int64)[:, None]
    return np.array(bends[1:], dtype=np.int64), pack(np.arange(units) < level_ends)


def with_more_prefixes(
    flat: FlatNetwork, prefixes: Prefixes, regions: int, rows: int = 0
) -> Prefixes:
    """Return the prefixes with room for those of so many new regions, and for their lists.

    `rows` is the length of lists that are to be stored at once. Returns the same arrays
    where they are large enough.
    """
    registered, settled, used = prefixes.totals[0].item()
    needed = registered + regions * len(prefixes.depths)
    longer: dict[str, Any] = {}
    if needed > len(prefixes.keys):
        # twice as many each time, so that copying costs a constant for each prefix
        size = max(needed, 2 * len(prefixes.keys), _FIRST_PREFIXES)
        names = ("keys", "parents", "points", "starts", "stops", "ties", "undecided")
        longer = {name: _longer(getattr(prefixes, name), size) for name in names}
    if not fits(prefixes.table, needed):
        longer["table"] = grown(prefixes.keys, registered, needed)
    # lists are far shorter than this unless nothing can be dropped
    wanted = used + max(rows, flat.size, 32 * (registered - settled))
    if wanted > len(prefixes.rows):
        size = max(wanted, 2 * used, 8 * _FIRST_PREFIXES)
        longer["rows"] = np.empty(size, dtype=np.int64)  # what lies behind the lists is void
        longer["rows"][:used] = prefixes.rows[:used]
    return prefixes._replace(**longer) if longer else prefixes


def _longer(array: Any, size: int) -> Any:
    larger = np.zeros((size, *array.shape[1:]), dtype=array.dtype)
    if len(array):
        larger[: len(array)] = array
    return larger


@exact_order_kernel
def roomy(prefixes, regions):
    """Return whether the prefixes of so many new regions can be registered, at every level."""
    needed = prefixes.totals[0]["registered"] + regions * len(prefixes.depths)
    return needed <= len(prefixes.keys) and 2 * needed <= len(prefixes.table)


@exact_order_kernel
def write_key(prefixes, level, words, key):
    """Write the key of a pattern's prefix: its value, and the level.

    Parameters
    ----------
    prefixes : Prefixes
    level : int
        Index in ``prefixes.depths``.
    words : uint64 array, shape (W,)
        The pattern.
    key : uint64 array, shape (W + 1,), out
    """
    for w in range(len(words)):
        key[w] = words[w] & prefixes.masks[level, w]
    key[len(words)] = np.uint64(level)


@entry
@exact_order_kernel
def register(prefixes, words, point):
    """Enter all prefixes of a new region's pattern that are not known yet.

    Parameters
    ----------
    prefixes : Prefixes, out
        With room for all levels.
    words : uint64 array, shape (W,)
        The pattern.
    point : float64 array, shape (m,)
        A point of the region's closure, and so of the closure of each of its prefix regions.

    Notes
    -----
    *Invariant.* If a prefix is registered, all shorter ones of it are, with lower numbers. So
    the upward search may stop at the first that is known.
    """
    levels, key = len(prefixes.depths), prefixes.key
    level = levels
    parent = np.int64(NONE)
    # from the longest prefix upwards: that of a neighbour is mostly known
    while level > 0:
        write_key(prefixes, level - 1, words, key)
        parent = find_pattern(prefixes.table, prefixes.keys, key)
        if parent >= 0:
            break
        level -= 1
    # then downwards, so that parents come before their children
    while level < levels:
        write_key(prefixes, level, words, key)
        number = prefixes.totals[0]["registered"]
        insert(prefixes.table, prefixes.keys, number, key)
        prefixes.totals[0]["registered"] = number + 1
        prefixes.parents[number] = parent
        for d in range(len(point)):
            prefixes.points[number, d] = point[d]
        parent = number
        level += 1


@exact_order_kernel
def copy_list(flat, prefixes, number, ids):
    """Write the rows that matter inside a prefix region.

    Parameters
    ----------
    flat : FlatNetwork
    prefixes : Prefixes
    number : int
        Settled; or NONE for the domain, where all units of the first layer matter.
    ids : int64 array, shape (N + q,), out
        Units in ascending order, then the domain's rows.

    Returns
    -------
    int
        How many.
    """
    if number < 0 or prefixes.starts[number] == prefixes.stops[number]:
        # with one layer that bends there are no prefixes, and all units are asked about
        count = flat.units
        if number < 0 and len(prefixes.depths) > 0:
            count = flat.row_ends[prefixes.depths[0] - 1]
        for i in range(count):
            ids[i] = i
        for i in range(flat.units, flat.size):
            ids[count] = i
            count += 1
        return count
    count = 0
    for t in range(prefixes.starts[number], prefixes.stops[number]):
        ids[count] = prefixes.rows[t]
        count += 1
    return count


@exact_order_kernel
def prefix_of(prefixes, words, key):
    """Return the number of a region's longest prefix.

    Parameters
    ----------
    prefixes : Prefixes
    words : uint64 array, shape (W,)
        The region's pattern.
    key : uint64 array, shape (W + 1,)
        Work, of the caller: threads look up prefixes at the same time.

    Returns
    -------
    int64
        NONE if only one layer bends, or if the prefix is not registered.
    """
    level = len(prefixes.depths) - 1
    if level < 0:
        return np.int64(NONE)
    write_key(prefixes, level, words, key)
    return find_pattern(prefixes.table, prefixes.keys, key)
