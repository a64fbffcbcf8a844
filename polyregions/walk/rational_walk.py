"""The walk in exact arithmetic: slow, obvious, and right on every network."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.domain import Domain
from polyregions.domain.chart import chart_of
from polyregions.exact.facets import interior_point
from polyregions.geometry.exact_facet_crossing import germ_bits
from polyregions.geometry.witness import float_witness
from polyregions.network import Network
from polyregions.network.exact_network import ExactNetwork, exact_network
from polyregions.pattern import Words, order, pack, unpack
from polyregions.regions import Regions
from polyregions.run.given import DomainLike, NetworkLike, domain_given, network_given
from polyregions.walk.exact_step import exact_region

__all__ = ["RationalWalk", "enumerate_rational", "start_bits", "walk_exactly"]


class RationalWalk(NamedTuple):
    """All regions and their adjacency.

    Attributes
    ----------
    patterns : numpy.ndarray of uint64, shape (R, W)
        Sorted.
    edges : numpy.ndarray of int64, shape (E, 2)
        Index pairs i < j, sorted.
    interiors : tuple of tuple of Fraction, length R
        A chart point strictly inside each region.
    """

    patterns: Words
    edges: NDArray[np.int64]
    interiors: tuple[tuple[Fraction, ...], ...]


def start_bits(exact: ExactNetwork) -> NDArray[np.uint8]:
    """Return the pattern of some region of full dimension.

    Returns
    -------
    numpy.ndarray of uint8, shape (N,)

    Notes
    -----
    *Algorithm.* The germ at a point strictly inside the domain in all coordinate
    directions: it lies in the interior of a region even where units vanish at the
    point or on a neighbourhood of it.

    Examples
    --------
    >>> from polyregions.domain import Box
    >>> net = Network.from_arrays([([[1.0], [0.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])])
    >>> start_bits(exact_network(net, chart_of(Box.cube(1, 1.0), 1)))
    array([1, 0], dtype=uint8)
    """
    dimension = exact.chart.dimension
    inside = interior_point(exact.chart.rows.tolist())
    assert inside is not None  # a domain has interior by construction
    axes = [[int(i == k) for i in range(dimension)] for k in range(dimension)]
    return germ_bits(exact, inside, axes)


def walk_exactly(network: Network, domain: Domain | None) -> RationalWalk:
    """Enumerate all regions breadth-first, every decision in exact arithmetic.

    Parameters
    ----------
    network : Network
    domain : Box, Polytope or None
        None is the whole space.

    Notes
    -----
    *Algorithm.* Facet-connectedness of the regions of an open convex domain: from any
    region every other one is reached through facets.

    Examples
    --------
    >>> from polyregions.domain import Box
    >>> net = Network.from_arrays([([[1.0], [2.0]], [0.0, -1.0]), ([[1.0, 1.0]], [0.0])])
    >>> found = walk_exactly(net, Box.cube(1, 1.0))
    >>> found.patterns.ravel().tolist(), found.edges.tolist()
    ([0, 1, 3], [[0, 1], [1, 2]])
    """
    exact = exact_network(network, chart_of(domain, network.input_dimension))
    # patterns as bytes: what a dictionary can look up
    start = start_bits(exact).tobytes()
    regions = {start: 0}
    queue = deque([start])
    interiors = []
    links: set[tuple[int, int]] = set()
    # every region in the table is in the queue, or all of its facets were crossed
    while queue:
        here = queue.popleft()
        region = exact_region(exact, np.frombuffer(here, dtype=np.uint8))
        assert region is not None  # a facet's other side is a region
        interiors.append(region.interior)
        for facet in region.facets:
            there = facet.neighbor.tobytes()
            if there not in regions:
                regions[there] = len(regions)
                queue.append(there)
            # each edge is met from both sides
            links.add((regions[here], regions[there]))
    return _sorted(list(regions), interiors, links)


def _sorted(
    regions: list[bytes],
    interiors: list[tuple[Fraction, ...]],
    links: set[tuple[int, int]],
) -> RationalWalk:
    words = pack(np.array([list(bits) for bits in regions]))
    permutation = order(words)
    rank = np.empty_like(permutation)
    rank[permutation] = np.arange(len(permutation))
    # one row for each pair, whichever side it was met from
    pairs = rank[np.array(sorted(links), dtype=np.int64).reshape(-1, 2)]
    edges = np.unique(np.sort(pairs, axis=1), axis=0).astype(np.int64).reshape(-1, 2)
    return RationalWalk(words[permutation], edges, tuple(interiors[i] for i in permutation))


def enumerate_rational(network: NetworkLike, domain: DomainLike) -> Regions:
    """Return the result of :func:`walk_exactly` as the value that every enumeration returns.

    Examples
    --------
    >>> from polyregions.domain import Box
    >>> net = Network.from_arrays([([[1.0], [2.0]], [0.0, -1.0]), ([[1.0, 1.0]], [0.0])])
    >>> regions = enumerate_rational(net, Box.cube(1, 1.0))
    >>> len(regions), regions.complete, regions.proven, regions.exact_decisions
    (3, True, True, 3)
    """
    network = network_given(network)
    domain = domain_given(domain, network.input_dimension)
    exact = exact_network(network, chart_of(domain, network.input_dimension))
    found = walk_exactly(network, domain)
    witnesses, too_thin = [], {}
    for index, (words, inside) in enumerate(zip(found.patterns, found.interiors, strict=True)):
        bits = unpack(words, network.hidden_units)
        # some regions hold no float point: then the exact one is kept beside the nearest
        point, exact_point = float_witness(exact, domain, inside, bits)
        witnesses.append(point)
        if exact_point is not None:
            too_thin[index] = exact_point
    return Regions(
        network,
        domain,
        found.patterns,
        np.array(witnesses),
        found.edges.astype(np.int32),
        complete=True,
        proven=True,
        exact_decisions=len(witnesses),
        exact_witnesses=too_thin,
    )
