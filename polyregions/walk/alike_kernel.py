"""Networks of one shape walked one after the other, in one call; compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Records, integer_record
from polyregions.compiled import entry, exact_order_kernel
from polyregions.network.flat import FlatNetwork
from polyregions.walk.visited import EMPTY
from polyregions.walk.walk_kernel import advance, enter_first

__all__ = ["ALIKE_COUNTERS", "LEFT_OPEN", "Alike", "advance_alike"]

ALIKE_COUNTERS = integer_record("done", "begun", "expanded")

# the number of regions of a network that floats alone could not decide
LEFT_OPEN = -1


class Alike(NamedTuple):
    """Networks of one shape on one chart, and what is known of them.

    Attributes
    ----------
    flat : FlatNetwork
        Of their shape: the one that is under way is copied into it.
    first, first_errors : float64 arrays, shapes (K, m + 1, h_0) and (K, h_0)
    weights, biases : float64 arrays, shapes (K, weights) and (K, units)
        As a `FlatNetwork` has them, network by network.
    starts : float64 array, shape (T, m)
        Points of the domain, one of which a network's first region is sought at.
    found : int64 array, shape (K, 2)
        Regions and edges of the networks that are done; LEFT_OPEN where floats did not decide.
    counters : ALIKE_COUNTERS array, shape (1,)
        How many networks are done, whether the next one has begun, and how many regions were
        expanded in all.
    """

    flat: FlatNetwork
    first: Floats
    first_errors: Floats
    weights: Floats
    biases: Floats
    starts: Floats
    found: NDArray[np.int64]
    counters: Records


@exact_order_kernel
def load_alike(alike, number):
    """Copy the numbers of a network into the flat one of its shape.

    Parameters
    ----------
    alike : Alike, in and out
    number : int
    """
    flat = alike.flat
    for d in range(flat.dimension + 1):
        for i in range(flat.widths[0]):
            flat.first[d, i] = alike.first[number, d, i]
    for i in range(flat.widths[0]):
        flat.first_error[i] = alike.first_errors[number, i]
    for t in range(len(flat.weights)):
        flat.weights[t] = alike.weights[number, t]
    for i in range(len(flat.biases)):
        flat.biases[i] = alike.biases[number, i]


@exact_order_kernel
def begin(flat, starts, prefixes, store, worker):
    """Forget the last network's regions, and enter the first one of this network.

    Parameters
    ----------
    flat : FlatNetwork
    starts : float64 array, shape (T, m)
        See `Alike`.
    prefixes : Prefixes, out
    store : Store, out
    worker : Worker, out

    Returns
    -------
    bool
        False if no region is proven at any of these points.
    """
    # rows that are kept belong to prefixes of the last network
    slots = worker.cache.numbers
    for number in range(min(prefixes.totals[0]["registered"], len(slots))):
        slots[number] = 0
    for slot in range(len(store.table)):
        store.table[slot] = EMPTY
    for slot in range(len(prefixes.table)):
        prefixes.table[slot] = EMPTY
    totals, counters = prefixes.totals[0], store.counters[0]
    totals["registered"] = 0
    totals["settled"] = 0
    totals["used"] = 0
    counters["regions"] = 0
    counters["edges"] = 0
    counters["expanded"] = 0
    counters["round"] = 0
    return enter_first(flat, starts, prefixes, store, worker.bits, worker.scratch)


@entry
@exact_order_kernel
def advance_alike(alike, prefixes, store, budget, room, worker, result, open_numbers):
    """Count the regions and edges of one network after the other.

    Parameters
    ----------
    alike : Alike, in and out
    prefixes, store, room, worker, result, open_numbers
        See `advance`.
    budget : int
        Stop after about this many regions.

    Returns
    -------
    bool
        Whether all networks are done. Otherwise the budget is used up, a store is too small
        (the caller makes room and calls again), or the worker is to stop.

    Notes
    -----
    *Invariant.* The networks below ``counters["done"]`` have their counts; store and prefixes
    hold what is known of the next one, if it has begun, and of no other. A network with a
    region that `advance` leaves open is undecided.
    """
    flat, counters, known = alike.flat, alike.counters[0], store.counters[0]
    end = counters["expanded"] + budget
    while counters["done"] < len(alike.found):
        number = counters["done"]
        found = alike.found[number]
        if counters["begun"] == 0:
            load_alike(alike, number)
            if not begin(flat, alike.starts, prefixes, store, worker):
                found[0] = LEFT_OPEN
                counters["done"] = number + 1
                continue
            counters["begun"] = 1
        before = known["expanded"]
        left = min(end - counters["expanded"], len(open_numbers))
        n_open = advance(flat, prefixes, store, left, room, worker, result, open_numbers)
        counters["expanded"] += known["expanded"] - before
        if n_open > 0:
            found[0] = LEFT_OPEN
        elif known["expanded"] < known["regions"]:
            return False
        else:
            found[0] = known["regions"]
            found[1] = known["edges"]
        counters["begun"] = 0
        counters["done"] = number + 1
        if counters["expanded"] >= end:
            return counters["done"] == len(alike.found)
    return True
