"""The walk in exact arithmetic, and its step, one region: slow, obvious, right on every network.

`exact_region` is what the walk does with a region that rounding bounds leave open, and all
that the rational walk does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Bits
from polyregions.domain import Domain
from polyregions.domain.chart import chart_of
from polyregions.exact.facets import ExactFacets, exact_facets, interior_point
from polyregions.exact.stopping import look
from polyregions.geometry.exact_facet_crossing import bits_beyond, germ_bits
from polyregions.geometry.witness import float_witness
from polyregions.network import Network
from polyregions.network.exact_network import ExactNetwork, exact_network, exact_rows
from polyregions.pattern import Words, order, pack, unpack
from polyregions.regions import Regions
from polyregions.run.given import DomainLike, NetworkLike, domain_given, network_given

__all__ = [
    "ExactFacet",
    "ExactRegion",
    "RationalWalk",
    "enumerate_rational",
    "exact_region",
    "start_bits",
    "walk_exactly",
]


@dataclass(frozen=True, eq=False)
class ExactFacet:
    """A facet inside the open domain.

    Attributes
    ----------
    units : tuple of int
        The units whose hyperplane carries the facet, sorted.
    neighbor : numpy.ndarray of uint8, shape (N,)
        Pattern of the region on the other side.
    point : tuple of Fraction
        A point in the facet's relative interior, in chart coordinates.
    """

    units: tuple[int, ...]
    neighbor: Bits
    point: tuple[Fraction, ...]


@dataclass(frozen=True, eq=False)
class ExactRegion:
    """A region of full dimension; `interior` lies strictly inside, in chart coordinates."""

    interior: tuple[Fraction, ...]
    facets: tuple[ExactFacet, ...]


def exact_region(
    exact: ExactNetwork,
    bits: Sequence[int] | Bits,
    facets_of: Callable[[list[list[flint.fmpz]]], ExactFacets | None] = exact_facets,
) -> ExactRegion | None:
    """Return a pattern's region with all its neighbours, or None if it is no region.

    Parameters
    ----------
    exact : ExactNetwork
    bits : sequence of int, length N
    facets_of : callable, optional
        Answers which of its rows carry facets, and gives the region's `interior`.

    Returns
    -------
    ExactRegion or None
        None proves that the pattern's open polytope is empty or that the pattern is
        not canonical: a unit that vanishes identically on the region must have bit 0.

    Examples
    --------
    >>> from polyregions.domain import Box
    >>> from polyregions.domain.chart import chart_of
    >>> from polyregions.network.exact_network import exact_network
    >>> from polyregions.network import Network
    >>> net = Network.from_arrays([([[1.0], [2.0]], [0.0, -1.0]), ([[1.0, 1.0]], [0.0])])
    >>> exact = exact_network(net, chart_of(Box.cube(1, 1.0), 1))
    >>> region = exact_region(exact, [1, 0])
    >>> [(facet.units, facet.neighbor.tolist()) for facet in region.facets]
    [((0,), [0, 0]), ((1,), [1, 1])]
    >>> exact_region(exact, [0, 1]) is None
    True
    """
    pattern = np.array(bits, dtype=np.uint8)
    rows = exact_rows(exact, pattern)
    n_units = exact.hidden_units
    # a unit that is zero all over the region is off, by convention: else a region had two patterns
    if any(bit and not any(row) for bit, row in zip(pattern, rows, strict=False)):
        return None
    # rows of the domain bound the polytope as well, though their facets lead nowhere
    answer = facets_of(rows)
    if answer is None:
        return None
    facets = []
    for group, point in zip(answer.groups, answer.points, strict=True):
        if group[-1] < n_units:  # groups are sorted: no row of the domain is in it
            look()
            beyond = bits_beyond(exact, pattern, rows, group, point)
            facets.append(ExactFacet(group, beyond, point))
    return ExactRegion(answer.interior, tuple(facets))


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
