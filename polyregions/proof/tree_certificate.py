"""Certificates of trees, written: of counts, and what all of them have in common.

The format is described in docs/certificate.md; :mod:`polyregions.proof.tree_checker` reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.affine_maps import free_inputs
from polyregions.arrays import Arrays, Integers
from polyregions.domain.chart import chart_of, chart_point
from polyregions.errors import PolyregionsError
from polyregions.exact.side import column_of
from polyregions.exact.simplex import Column
from polyregions.files.archives import write_npz
from polyregions.files.atomic import atomic_write
from polyregions.network import Network
from polyregions.network.exact_network import exact_network
from polyregions.pattern import unpack
from polyregions.proof.certificate import (
    exact_array,
    exact_witness_texts,
    face_numbers,
    require_proven,
)
from polyregions.proof.region_tree import Leaf, RegionTree, UnitNodes
from polyregions.proof.tree_checker import LEAF, TREE_FORMAT, TREE_VERSION, Refused, replay
from polyregions.regions import Regions
from polyregions.regions.archive import domain_arrays

__all__ = ["count_arrays", "tree_arrays", "write_tree"]


def count_arrays(regions: Regions, *, progress: Callable[[int, int], None] | None = None) -> Arrays:
    """Return the arrays of a certificate of a count, by name.

    Raises
    ------
    PartialResultError
        If regions are missing or a decision was not proven.
    """
    require_proven(regions)
    nodes = UnitNodes()
    order = _region_nodes(regions, nodes, progress)
    free = free_inputs(regions)
    rank = {region: place for place, region in enumerate(order.tolist())}
    exact = {rank[region]: point for region, point in exact_witness_texts(regions).items()}
    domain, inequalities = domain_arrays(regions.domain, regions.network.input_dimension)
    dimension = len(free) + (regions.domain is None)
    return tree_arrays(
        regions.network,
        "count",
        {
            **nodes.arrays(dimension),
            "domain": domain,
            "inequalities": inequalities,
            "witnesses": regions.witnesses[order][:, free],
            "exact_witnesses": exact_array(exact, len(free)),
        },
    )


def _region_nodes(
    regions: Regions, nodes: UnitNodes, progress: Callable[[int, int], None] | None
) -> Integers:
    """Add the tree of all regions; return the regions in the order of its leaves."""
    network, domain = regions.network, regions.domain
    chart = chart_of(domain, network.input_dimension)
    exact, m = exact_network(network, chart), chart.dimension
    faces = face_numbers(chart, domain)
    bits = unpack(regions.patterns, exact.hidden_units) != 0
    # both sides of a coordinate have its number
    numbers = exact.hidden_units + np.where(faces < 2 * m, faces // 2, faces - m)

    def inner(region: int) -> Column:
        return column_of(chart_point(domain, regions[region].exact_witness))

    order: list[int] = []

    def leaf(found: Leaf) -> None:
        nodes.add(LEAF, -1)
        order.extend(found.regions.tolist())
        if progress is not None:
            progress(len(order), len(regions))

    RegionTree(exact.layers, chart, bits, numbers.tolist(), inner, nodes).add(leaf)
    return np.array(order)


def tree_arrays(network: Network, claim: str, given: Mapping[str, NDArray[Any]]) -> Arrays:
    """Return all arrays of a certificate; those that are not given are empty."""
    n, outputs = network.input_dimension, network.output_dimension
    text, numbers = np.zeros(0, dtype="U1"), np.zeros(0, dtype=np.int8)
    empty: Arrays = {
        "format": np.array(TREE_FORMAT),
        "version": np.array(TREE_VERSION),
        "network": np.array(network.fingerprint),
        "claim": np.array(claim),
        "domain": np.zeros((0, n)),
        "inequalities": np.zeros((0, n + 1)),
        "functions": np.zeros((0, outputs)),
        "bounds": text,
        "set_cases": numbers,
        "set_sizes": numbers,
        "members": numbers,
        "point": text,
        "boxes": numbers,
        "weights": np.zeros((0, 0), dtype=np.float32),
        "levels": np.zeros(0),
        "trees": numbers,
        "kinds": numbers,
        "numbers": numbers,
        "proofs": numbers,
        "bases": np.zeros((0, n), dtype=np.int8),
        "witnesses": np.zeros((0, n)),
        "exact_witnesses": np.zeros((0, n + 1), dtype="U1"),
    }
    return {key: np.asarray(given.get(key, array)) for key, array in empty.items()}


def write_tree(
    network: Network,
    arrays: Arrays,
    path: str | PathLike[str],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a certificate, whole or not at all, once the checker has accepted it.

    Raises
    ------
    PolyregionsError
        If the checker does not: its bounds are rounded in another way than those of the search.
    """
    try:
        replay(network, arrays, progress)
    except Refused as refusal:
        raise PolyregionsError(
            f"the certificate would not be accepted ({refusal}); the answer is proven all the "
            f"same, so report the network and the question"
        ) from None
    with atomic_write(path) as stream:
        write_npz(stream, arrays)
