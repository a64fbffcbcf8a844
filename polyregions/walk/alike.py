"""Networks of one shape on one domain, walked one after the other in one call of compiled code.

A small network is walked faster than a walk is prepared. Here the arrays are made once for all
networks, and so is whatever depends on their shape alone.
"""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers, Records, integer_record
from polyregions.compiled import entry, exact_order_kernel, only_compiled
from polyregions.domain import Domain
from polyregions.exact.stopping import Stopped
from polyregions.network import Network
from polyregions.network.flat import FlatNetwork, dense_places, flatten, stretched_rows
from polyregions.run.limits import Pace, first_size
from polyregions.run.problem import Problem, whole_problem
from polyregions.walk.first_region import start_points
from polyregions.walk.prefixes import empty_prefixes
from polyregions.walk.region_kernel import worker_of
from polyregions.walk.steps import block_of
from polyregions.walk.visited import EMPTY, empty_store
from polyregions.walk.walk_kernel import advance, enter_first
from polyregions.walk.walk_state import WalkState, make_room

__all__ = [
    "LEFT_OPEN",
    "Alike",
    "AlikeParameters",
    "advance_alike",
    "count_alike",
    "network_alike",
]

ALIKE_COUNTERS = integer_record("done", "begun", "expanded")

# the number of regions of a network that floats alone could not decide
LEFT_OPEN = -1
_MOST_DRAWS = 4096  # regions between two looks at `stop`, as in a step of the walk


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


class AlikeParameters(NamedTuple):
    """The weights and biases of K ReLU networks of one shape, layer by layer.

    Attributes
    ----------
    weights : tuple of numpy.ndarray of float64, shape (K, out, in)
    biases : tuple of numpy.ndarray of float64, shape (K, out)
    """

    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]


def network_alike(parameters: AlikeParameters, number: int, name: str = "network") -> Network:
    """Return one of the networks.

    Raises
    ------
    NetworkError
        As :meth:`~polyregions.Network.from_arrays`.

    Examples
    --------
    >>> weights = np.ones((2, 3, 1)), np.ones((2, 1, 3))
    >>> network_alike(AlikeParameters(weights, (np.ones((2, 3)), np.ones((2, 1)))), 1)
    <Network network: 1 inputs, 3 hidden units in layers of 3, 1 outputs>
    """
    pairs = zip(parameters.weights, parameters.biases, strict=True)
    return Network.from_arrays(((w[number], b[number]) for w, b in pairs), name=name)


def count_alike(
    parameters: AlikeParameters, domain: Domain, stop: Integers | None = None
) -> NDArray[np.int64]:
    """Count the regions of several ReLU networks of one shape, and their edges, in one thread.

    Parameters
    ----------
    parameters : AlikeParameters
    domain : Box or Polytope
        Over the whole space every network has ties for floats, where all cells meet.
    stop : numpy.ndarray of int64, shape (1,), optional
        Another thread that sets ``stop[0]`` ends this soon.

    Returns
    -------
    numpy.ndarray of int64, shape (K, 2)
        Regions and edges, proven, as :func:`~polyregions.enumerate_regions` finds them.
        LEFT_OPEN first where that takes more than floats and their rounding bounds: such a
        network is to be walked by itself.

    Raises
    ------
    NetworkError
        As :meth:`~polyregions.Network.from_arrays`, for the first network that is none.
    DomainError
        If the domain does not fit.
    Stopped
        If another thread wanted it.

    Notes
    -----
    *Algorithm.* The kernel of the walk, for one network after the other. No unit is left out
    beforehand, also if it is constant over the domain.

    Examples
    --------
    One unit that switches inside, and one outside:

    >>> weights = np.array([[[1.0]], [[1.0]]])
    >>> nets = AlikeParameters((weights, weights), (np.array([[0.5], [2.0]]), np.zeros((2, 1))))
    >>> from polyregions import Box
    >>> count_alike(nets, Box.cube(1, 1.0)).tolist()
    [[2, 1], [1, 0]]
    """
    # one that is no network is refused, and any other speaks for all
    finite = [
        np.isfinite(array).all(axis=tuple(range(1, array.ndim))) for array in chain(*parameters)
    ]
    number = int(np.all(finite, axis=0).argmin())
    problem = whole_problem(network_alike(parameters, number), domain)
    with only_compiled(problem.is_large):
        return _counted_alike(problem, parameters, stop)


def _counted_alike(
    problem: Problem, parameters: AlikeParameters, stop: Integers | None
) -> NDArray[np.int64]:
    alike = _alike(problem, parameters)
    flat = alike.flat
    # ties are not looked for: where there are any, floats are undecided
    prefixes = empty_prefixes(flat)._replace(shape_ties=False)
    found, result = WalkState(empty_store(flat), prefixes), block_of(flat)
    worker, facets = worker_of(flat, stop), len(result.children)
    pace, done = Pace(first_size(flat.size), _MOST_DRAWS), False
    while not done:
        make_room(flat, found, found.count + facets, found.n_edges + facets)
        with pace.step() as budget:
            open_numbers = np.empty(budget, dtype=np.int64)
            done = advance_alike(
                alike,
                found.prefixes,
                found.store,
                budget,
                problem.room,
                worker,
                result,
                open_numbers,
            )
        if worker.work.stop[0]:
            raise Stopped
    return alike.found


def _alike(problem: Problem, parameters: AlikeParameters) -> Alike:
    """Return the networks as the kernel takes them, none of them begun."""
    *weights, _ = parameters.weights
    *biases, _ = parameters.biases
    count, chart = len(biases[0]), problem.chart
    rows = stretched_rows(weights[0], biases[0], chart)
    if rows is None:
        flats = [flatten(network_alike(parameters, number), chart) for number in range(count)]
        rows = (
            np.stack([flat.first for flat in flats]),
            np.stack([flat.first_error for flat in flats]),
        )
    tables = [np.swapaxes(weight, 1, 2).reshape(count, -1) for weight in weights[1:]]
    alike = Alike(
        problem.flat,
        *rows,
        weights=np.concatenate([np.zeros((count, 0)), *tables], axis=1),
        biases=np.concatenate([np.zeros_like(biases[0]), *biases[1:]], axis=1),
        starts=start_points(problem),
        found=np.zeros((count, 2), dtype=np.int64),
        counters=np.zeros(1, dtype=ALIKE_COUNTERS),
    )
    return alike._replace(flat=_under_way(alike))


def _under_way(alike: Alike) -> FlatNetwork:
    """Return a flat network of the shape, into which the kernel copies one after the other."""
    flat = alike.flat
    return flat._replace(
        zero_offsets=False,
        first=np.empty_like(alike.first[0]),
        first_error=np.empty_like(alike.first_errors[0]),
        # whether rows are the same is not asked beforehand; where they are, floats are undecided
        first_numbers=np.arange(len(flat.first_numbers)),
        weights=np.empty_like(alike.weights[0]),
        biases=np.empty_like(alike.biases[0]),
        **dense_places(flat.widths.tobytes())._asdict(),
    )
