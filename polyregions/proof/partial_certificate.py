"""A certificate in pieces: proofs of some regions at a time, put together in the end.

A piece is about regions whose neighbours are partly elsewhere. It names an edge that leads
out where its own region has the lower pattern, so that of two pieces one has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Arrays
from polyregions.errors import FormatError
from polyregions.pattern import Words, order
from polyregions.proof.certificate import Parts, assembled, collected
from polyregions.regions import Regions
from polyregions.regions.archive import exact_arrays, exact_witnesses_of
from polyregions.run.problem import Problem

__all__ = ["certificate_of_pieces", "piece_of_certificate"]


def piece_of_certificate(problem: Problem, regions: Regions, beyond: Words) -> Arrays:
    """Return what a certificate says about some of the regions.

    Parameters
    ----------
    problem : Problem
        That of `whole_problem`: certificates speak of all units.
    regions : Regions
        Sorted by pattern, and proven.
    beyond : numpy.ndarray of uint64, shape (k, W)
        The patterns of all other regions that they touch, each once.

    Returns
    -------
    dict of str to numpy.ndarray
        `edges` are pairs of a region and a neighbour, numbered as in `regions`; those in
        `beyond` follow.
    """
    parts = Parts()
    own = len(regions)
    for _ in collected(problem, regions, np.concatenate([regions.patterns, beyond]), parts):
        pass
    edges, counts = np.concatenate(parts.edges), np.concatenate(parts.unit_counts)
    # an edge that leads out belongs to its lower end
    rank = np.empty(own + len(beyond), dtype=np.int64)
    rank[order(np.concatenate([regions.patterns, beyond]))] = np.arange(len(rank))
    kept = rank[edges[:, 0]] < rank[edges[:, 1]]
    edges = edges[kept]
    places = {pair: e for e, pair in enumerate(map(tuple, edges.tolist()))}
    exact = {places[pair]: point for pair, point in parts.exact_points.items() if pair in places}
    points = np.concatenate(parts.points)[kept]
    return {
        "proofs": np.concatenate(parts.proofs),
        "base_regions": np.concatenate(parts.base_regions),
        "bases": np.concatenate(parts.bases),
        "edges": edges,
        "points": points,
        "unit_counts": counts[kept],
        "units": np.concatenate(parts.units)[np.repeat(kept, counts)],
        **exact_arrays(exact, points.shape[1]),
    }


def certificate_of_pieces(
    regions: Regions, pieces: Iterable[tuple[Mapping[str, NDArray[Any]], NDArray[np.int64]]]
) -> Arrays:
    """Return the arrays of the certificate of all regions, made of pieces.

    Parameters
    ----------
    regions : Regions
        Complete and proven.
    pieces : iterable of (arrays, numbers)
        The arrays of :func:`piece_of_certificate`, and the number in `regions` of each of
        its regions and of those beyond.

    Raises
    ------
    FormatError
        If the arrays of a piece do not fit together, or have no proof of some region.
    PartialResultError
        If their edges are not those of `regions`.
    """
    whole = Parts()
    total, units = len(regions), regions.network.hidden_units
    proofs = np.zeros((total, units), dtype=np.int16)
    proven = np.zeros(total, dtype=bool)
    try:
        for arrays, numbers in pieces:
            own = numbers[: len(arrays["proofs"])]
            proofs[own], proven[own] = arrays["proofs"], True
            edges = numbers[arrays["edges"]]
            whole.base_regions.append(numbers[arrays["base_regions"]])
            whole.bases.append(arrays["bases"])
            whole.edges.append(edges)
            whole.points.append(arrays["points"])
            whole.unit_counts.append(arrays["unit_counts"])
            whole.units.append(arrays["units"])
            exact = exact_witnesses_of(arrays, len(edges), arrays["points"].shape[1])
            for e, point in exact.items():
                whole.exact_points[_pair(edges[e])] = point
        if not proven.all():
            raise ValueError(f"region {int(proven.argmin())} has no proof")
        whole.proofs.append(proofs)
        return assembled(regions, whole)
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"the pieces of the certificate do not fit together ({error}); make them again"
        ) from None


def _pair(edge: NDArray[np.int64]) -> tuple[int, int]:
    return int(edge[0]), int(edge[1])
