"""The pieces of the function: on each region {x : A x <= b} the network is F x + g."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from polyregions.analysis.affine_maps import ExactMaps, exact_maps_on
from polyregions.arrays import Floats, Integers
from polyregions.domain.chart import input_chart
from polyregions.errors import NetworkError
from polyregions.exact.simplex import Row
from polyregions.network.region_maps import exact_unit_rows
from polyregions.pattern import Words, unpack
from polyregions.regions import Regions
from polyregions.regions.facets import facet_tables

__all__ = ["RegionPiece", "maps_on_inputs", "pieces"]


@dataclass(frozen=True, eq=False)
class RegionPiece:
    """One closed region, and the network on it, in the d free inputs.

    Attributes
    ----------
    A : numpy.ndarray of float64, shape (f, d)
    b : numpy.ndarray of float64, shape (f,)
        The region is {x : A x <= b}; each row carries a facet.
    F : numpy.ndarray of float64, shape (outputs, d)
    g : numpy.ndarray of float64, shape (outputs,)
        On the region the network is F x + g.
    units : tuple of tuple of int
        The units that switch across each facet; none on a wall of the domain.
    neighbors : numpy.ndarray of int64, shape (f,)
        The region beyond each facet; -1 where there is none.
    """

    A: Floats
    b: Floats
    F: Floats
    g: Floats
    units: tuple[tuple[int, ...], ...]
    neighbors: Integers


def maps_on_inputs(regions: Regions) -> ExactMaps:
    """Return the network in integers, outputs included, as functions of the free inputs."""
    network = regions.network
    return exact_maps_on(network, input_chart(regions.domain, network.input_dimension))


def pieces(regions: Regions) -> Iterator[RegionPiece]:
    """Yield the pieces, one for each region, in their order.

    Raises
    ------
    NetworkError
        If a number of a map is too large for a float.

    Notes
    -----
    *Algorithm.* Which rows carry a facet is proven; all numbers are computed in integers and
    rounded once, each by itself.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> piece = list(pieces(pr.enumerate_regions(net, pr.Box.cube(1, 1.0))))[1]
    >>> piece.A.ravel(), piece.b, piece.F, piece.g, piece.neighbors
    (array([-1.,  1.]), array([0. , 0.5]), array([[1.]]), array([0.]), array([0, 2]))
    """
    maps = maps_on_inputs(regions)
    first = 0
    for facets in facet_tables(regions):
        bounds = list(pairwise(facets.starts.tolist()))
        functions = _functions(maps, regions.patterns[first : first + len(bounds)])
        first += len(bounds)
        for (start, end), table in zip(bounds, functions, strict=True):
            yield RegionPiece(
                0.0 - facets.normals[start:end],  # a zero has no sign
                facets.offsets[start:end],
                table[:, :-1],
                table[:, -1],
                facets.units[start:end],
                facets.beyond[start:end],
            )


def _functions(maps: ExactMaps, patterns: Words) -> Floats:
    """Return the outputs on regions as (gradient, shift), shape (R, outputs, d + 1)."""
    bits = unpack(patterns, maps.hidden_units)
    seen = np.concatenate([bits, np.ones((len(bits), maps.outputs), dtype=np.uint8)], axis=1)
    owners, outputs = np.divmod(np.arange(len(bits) * maps.outputs), maps.outputs)
    rows, places = exact_unit_rows(maps.exact, seen, owners, maps.hidden_units + outputs)
    table = np.array([_closest_row(row, maps.scale) for row in rows])[places]
    return table.reshape(len(bits), maps.outputs, -1)


def _closest_row(row: Row, scale: int) -> list[float]:
    try:
        return [int(entry) / scale for entry in row]
    except OverflowError:
        raise NetworkError(
            "the network's map on a region has a number that is too large for a float; scale the "
            "outputs or the weights"
        ) from None
