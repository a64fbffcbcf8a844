"""Checks for users' own tests: whether a result is what it claims to be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.adjacency import adjacency
from polyregions.analysis.cells import cells
from polyregions.analysis.volumes import domain_volume, exact_volumes
from polyregions.domain.chart import chart_of
from polyregions.network.exact_network import (
    ExactNetwork,
    exact_network,
    exact_rows,
    exact_signs,
    rational_point,
)
from polyregions.pattern import order, pack, unpack
from polyregions.regions import Regions, check_regions
from polyregions.walk.rational_walk import exact_region

__all__ = ["assert_valid"]

# above these sizes the checks that need exact vertices take minutes
_MOST_CHECKED_DIMENSIONS = 3
_MOST_REGIONS = 2000


def assert_valid(
    regions: Regions, *, sample: int | None = None, vertices: bool | None = None
) -> None:
    """Assert that a result is right, as far as that can be checked from the result.

    Parameters
    ----------
    regions : Regions
    sample : int, optional
        Look at the facets of so many regions, evenly spaced; of all by default.
    vertices : bool, optional
        Whether to check what needs exact vertices (volumes, Euler). By default up to 3
        free inputs and 2,000 regions.

    Raises
    ------
    AssertionError
        One sentence that names the first thing that is wrong.

    Notes
    -----
    Checked in exact arithmetic, for a complete result:

    * patterns and edges are sorted and distinct;
    * every witness lies in the open domain and has its region's pattern (a unit that is
      zero on the whole region may be zero);
    * every facet of a region leads to a region of the result, by an edge, and every edge
      is such a facet;
    * the graph is connected;
    * volumes add up to the domain's, and the Euler characteristic is 1.

    For a partial result the last two are left out, and a facet may lead elsewhere.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [0])])
    >>> assert_valid(pr.enumerate_regions(net, pr.Box.cube(2, 1.0)))
    """
    check_regions(regions)
    network = regions.network
    exact = exact_network(network, chart_of(regions.domain, network.input_dimension))
    _check_order(regions)
    _check_witnesses(regions, exact)
    _check_facets(regions, exact, sample)
    if not regions.complete:
        return
    _check_connected(regions)
    if vertices is None:
        small = len(regions) <= _MOST_REGIONS
        vertices = small and exact.chart.dimension <= _MOST_CHECKED_DIMENSIONS
    if vertices:
        _check_cells(regions)


def _assert_that(holds: object, message: str) -> None:
    # not an assert statement: the checks must also run under python -O
    if not holds:
        raise AssertionError(message)


def _check_order(regions: Regions) -> None:
    size = len(regions)
    _assert_that(size, "the result holds no region, but every domain has one")
    _assert_that((order(regions.patterns) == np.arange(size)).all(), "the patterns are not sorted")
    same = (regions.patterns[1:] == regions.patterns[:-1]).all(axis=1)
    _assert_that(not same.any(), "a pattern occurs twice")
    edges = regions.edges.astype(np.int64)
    inside = (edges >= 0).all() and (edges < size).all() and (edges[:, 0] < edges[:, 1]).all()
    _assert_that(inside, "an edge is not a pair i < j of regions")
    keys = edges[:, 0] * size + edges[:, 1]
    _assert_that((np.diff(keys) > 0).all(), "the edges are not sorted, or one occurs twice")


def _check_witnesses(regions: Regions, exact: ExactNetwork) -> None:
    domain = regions.domain
    for index, region in enumerate(regions):
        point = region.exact_witness
        inside = domain is None or domain.contains(point)
        _assert_that(inside, f"the witness of region {index} lies outside the open domain")
        signs = np.array(exact_signs(exact, rational_point(point)))
        bits = region.bits
        wrong = np.flatnonzero((signs > 0) != (bits == 1))
        _assert_that(not len(wrong), f"the witness of region {index} has another pattern")
        zero = np.flatnonzero(signs == 0)
        if len(zero):
            rows = exact_rows(exact, bits)
            flat = all(not any(rows[unit]) for unit in zero)
            _assert_that(flat, f"the witness of region {index} lies on its boundary")


def _check_facets(regions: Regions, exact: ExactNetwork, sample: int | None) -> None:
    size = len(regions)
    count = size if sample is None else max(1, min(sample, size))
    chosen: NDArray[np.int64] = np.unique(np.linspace(0, size - 1, count).astype(np.int64))
    graph = adjacency(regions)
    known = {words.tobytes(): i for i, words in enumerate(regions.patterns)}
    for index in chosen.tolist():
        bits = unpack(regions.patterns[index], exact.hidden_units)
        found = exact_region(exact, bits)
        _assert_that(found is not None, f"region {index} is empty")
        assert found is not None
        neighbors = {known.get(pack(facet.neighbor).tobytes()) for facet in found.facets}
        if regions.complete:
            _assert_that(None not in neighbors, f"a neighbour of region {index} is missing")
        listed = set(graph.indices[graph.indptr[index] : graph.indptr[index + 1]].tolist())
        _assert_that(listed <= neighbors, f"an edge of region {index} is no facet")
        _assert_that(neighbors - {None} <= listed, f"a facet of region {index} has no edge")


def _check_connected(regions: Regions) -> None:
    from scipy.sparse.csgraph import connected_components

    parts = int(connected_components(adjacency(regions), directed=False)[0])
    _assert_that(parts == 1, f"the graph falls into {parts} parts")


def _check_cells(regions: Regions) -> None:
    if regions.domain is not None:
        whole = domain_volume(regions.domain)
        total = sum(exact_volumes(regions))
        # as fractions: floats may not reach that far
        _assert_that(total == whole, f"the volumes add up to {total}, not {whole}")
    euler = cells(regions).euler
    _assert_that(euler == 1, f"the Euler characteristic is {euler}, not 1")
