"""The regions of a longer network inside given regions of its first layers.

A pattern of the longer network begins with the pattern of the region that it lies in, so
that its walk stays inside given regions by looking at these bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from polyregions.network import Network
from polyregions.network.prefix import Prefix
from polyregions.pattern import order, pack, unpack
from polyregions.regions import Regions
from polyregions.run.problem import Problem, empty_result, problem_of
from polyregions.walk.breadth_first import enumerate_regions
from polyregions.walk.prefix_mask import Fence
from polyregions.walk.steps import stepper
from polyregions.walk.subproblem import start_below
from polyregions.walk.walk_state import result_of, root_at

__all__ = ["prefix_indices", "refine"]

_STEP = 4096  # regions that a walk decides at a time


def refine(regions: Regions, network: Network) -> Regions:
    """Return the regions of a network that lie in given regions of its first layers.

    Parameters
    ----------
    regions : Regions
        All of them, or some: a partial result.
    network : Network
        Begins with the layers of ``regions.network`` that bend.

    Returns
    -------
    Regions
        Of `network`. Each given region is the union of those inside it, up to a set of
        volume 0; the result is complete, or a selection, if the given one is.

    Examples
    --------
    >>> import polyregions as pr
    >>> one = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> two = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [-0.5]), ([[1.0]], [0.0])])
    >>> finer = refine(pr.enumerate_regions(one, pr.Box.cube(1, 1.0)), two)
    >>> unpack(finer.patterns, 2).tolist()
    [[0, 0], [1, 0], [1, 1]]
    """
    if regions.complete:
        # nothing to stay inside of
        return enumerate_regions(network, regions.domain)
    problem = problem_of(network, regions.domain)
    if not len(regions):
        return replace(empty_result(problem), selection=regions.selection)
    # a partial result may have fallen apart: a walk for each connected part of it
    parts = list(_regions_inside(problem, regions))
    starts = np.cumsum([0, *(len(part) for part in parts)])
    patterns = np.concatenate([part.patterns for part in parts])
    position = order(patterns)
    rank = np.empty(len(position), dtype=np.int32)
    rank[position] = np.arange(len(position), dtype=np.int32)
    # parts do not touch, so that edges only need new numbers
    shifted = [part.edges + start for part, start in zip(parts, starts, strict=False)]
    edges = np.sort(rank[np.concatenate(shifted)], axis=1)
    return Regions(
        network,
        regions.domain,
        patterns[position],
        np.concatenate([part.witnesses for part in parts])[position],
        edges[np.lexsort(edges.T[::-1])],
        complete=False,
        proven=regions.proven,
        selection=regions.selection,
        exact_decisions=sum(part.exact_decisions for part in parts),
        exact_witnesses={
            int(rank[start + index]): witness
            for part, start in zip(parts, starts, strict=False)
            for index, witness in part.exact_witnesses.items()
        },
    )


def prefix_indices(finer: Regions, regions: Regions) -> NDArray[np.int64]:
    """Return the region that each region of :func:`refine`'s result lies in, shape (F,)."""
    # the bits of the first layers come first
    first = regions.network.hidden_units
    known = {words.tobytes(): index for index, words in enumerate(regions.patterns)}
    prefixes = pack(unpack(finer.patterns, finer.network.hidden_units)[:, :first])
    return np.array([known[words.tobytes()] for words in prefixes], dtype=np.int64)


def _regions_inside(problem: Problem, regions: Regions) -> Iterator[Regions]:
    """Yield what walks find that never leave the given regions, one per connected part."""
    shrink = problem.reduction.shrink
    first, units = regions.network.hidden_units, problem.network.hidden_units
    bits = np.zeros((len(regions), units), dtype=np.uint8)
    bits[:, :first] = unpack(regions.patterns, first)
    mask = pack(shrink((np.arange(units) < first).astype(np.uint8)))
    values = pack(shrink(bits))
    missing = {words.tobytes(): index for index, words in enumerate(values)}
    # regions of no walk so far; each walk reaches a whole connected part
    while missing:
        index = next(iter(missing.values()))
        start = start_below(problem, Prefix(mask, values[index]))
        found = root_at(problem, start.pattern, start.point)
        found.fence = Fence(mask, values)
        with stepper(problem, 1) as step:
            while not found.finished:
                step(found, _STEP)
        for words in np.unique(found.store.patterns[: found.count] & mask, axis=0):
            del missing[words.tobytes()]
        yield replace(result_of(problem, found), complete=False)
