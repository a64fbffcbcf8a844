"""Affine maps of regions, as floats and exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.adjacency import facet_unit
from polyregions.arrays import Floats
from polyregions.domain import Domain
from polyregions.domain.chart import Chart, chart_of
from polyregions.exact.closed import ClosedPolytope
from polyregions.exact.simplex import Row, column_of
from polyregions.network import Network
from polyregions.network.exact_network import ExactNetwork, exact_network, exact_rows
from polyregions.network.region_maps import maps_of_layers
from polyregions.pattern import Words, check_pattern, unpack
from polyregions.regions import Region, Regions, check_regions
from polyregions.regions.cell_rows import AffineMaps, batches

__all__ = [
    "ExactMaps",
    "affine_maps",
    "exact_affine_map",
    "exact_maps",
    "exact_maps_on",
    "exact_on_domain",
    "facet_hyperplanes",
    "free_inputs",
    "largest_value",
    "on_chart",
    "unit_hyperplanes",
]


def free_inputs(found: Regions | Region) -> NDArray[np.intp]:
    """Return the inputs that the domain leaves free."""
    if found.domain is None:
        return np.arange(found.network.input_dimension)
    return found.domain.free


def exact_on_domain(found: Regions | Region) -> ExactNetwork:
    """Return the network in integers, on the chart of the domain."""
    network = found.network
    return exact_network(network, chart_of(found.domain, network.input_dimension))


def affine_maps(regions: Regions) -> AffineMaps:
    """Return the affine maps of all regions, with proven bounds: ``regions.affine_maps()``."""
    check_regions(regions)
    return regions.affine_maps()


def facet_hyperplanes(regions: Regions) -> tuple[Floats, Floats]:
    """Return the hyperplane of every edge's facet, and its error, shape (E, n + 1) each.

    Row e is (normal, offset) of the lowest unit that switches: the function is positive
    on the side where that unit's bit is 1. In input coordinates, not normalised; the exact
    entry is at most its error away.
    """
    check_regions(regions)
    network, edges = regions.network, regions.edges
    units = facet_unit(regions)
    rows, errors = (np.empty((len(edges), network.input_dimension + 1)) for _ in range(2))
    for batch in batches(network, len(edges)):
        chosen = units[batch]
        start = 0
        for layer in maps_of_layers(network, regions.patterns[edges[batch, 0]]):
            bent = np.flatnonzero(layer.bends)
            here = np.flatnonzero((chosen >= start) & (chosen < start + len(bent)))
            there = bent[chosen[here] - start]
            rows[batch.start + here] = layer.value[layer.which[here], there]
            errors[batch.start + here] = layer.error[layer.which[here], there]
            start += len(bent)
    return rows, errors


def unit_hyperplanes(regions: Regions) -> Iterator[tuple[Floats, Floats]]:
    """Yield each region's rows of all units, signed to its side, and errors, (N, n + 1) each.

    ``row @ (x, 1) >= 0`` on the region; as :func:`facet_hyperplanes`.
    """
    check_regions(regions)
    network = regions.network
    for batch in batches(network, len(regions)):
        patterns = regions.patterns[batch]
        layers = list(maps_of_layers(network, patterns))
        rows = np.concatenate([one.value[:, one.bends][one.which] for one in layers], axis=1)
        errors = np.concatenate([one.error[:, one.bends][one.which] for one in layers], axis=1)
        bits = unpack(patterns, network.hidden_units)
        yield from zip(np.where(bits[:, :, None] == 1, rows, -rows), errors, strict=True)


@dataclass(frozen=True, eq=False)
class ExactMaps:
    """A network on a chart as integers, with its outputs.

    Attributes
    ----------
    exact : ExactNetwork
        The outputs stand behind the hidden units, as if they were units themselves.
    hidden_units : int
    outputs : int
    scale : int
        In a box, output k at chart point u is ``row_k @ (u, 1) / scale``.
    """

    exact: ExactNetwork
    hidden_units: int
    outputs: int
    scale: int

    @property
    def chart(self) -> Chart:
        """The chart of the domain."""
        return self.exact.chart

    def rows(self, words: Words) -> tuple[list[Row], list[Row], list[Row]]:
        """Return the rows of a region's units, of the outputs, and of the domain."""
        words = check_pattern(words, self.hidden_units)
        bits = np.append(unpack(words, self.hidden_units), np.ones(self.outputs, dtype=np.uint8))
        rows: list[Row] = list(exact_rows(self.exact, bits))
        first, second = self.hidden_units, self.hidden_units + self.outputs
        return rows[:first], rows[first:second], rows[second:]


def exact_maps(network: Network, domain: Domain | None) -> ExactMaps:
    """Return a network on the chart of a domain, outputs included."""
    return exact_maps_on(network, chart_of(domain, network.input_dimension))


def exact_maps_on(network: Network, chart: Chart) -> ExactMaps:
    """Return a network on a chart, outputs included."""
    exact = exact_network(network, chart, depth=len(network.layers))
    *below, last = exact.layers
    outputs = len(last.bias)
    seen = replace(last, bends=(True,) * outputs)
    exact = ExactNetwork((*below, seen), chart, network.hidden_units + outputs)
    return ExactMaps(exact, network.hidden_units, outputs, _scale_of(exact))


def on_chart(maps: ExactMaps, chart: Chart) -> ExactMaps:
    """Return the same network on another chart."""
    exact = replace(maps.exact, chart=chart)
    return replace(maps, exact=exact, scale=_scale_of(exact))


def _scale_of(exact: ExactNetwork) -> int:
    chart = exact.chart
    scale = int(chart.transform[chart.transform.nrows() - 1, chart.weight_column])
    for layer in exact.layers[:-1]:
        scale *= layer.weight_scale * layer.slope_scale
    return scale * exact.layers[-1].weight_scale


def exact_affine_map(network: Network, words: Words) -> list[tuple[Fraction, ...]]:
    """Return the exact affine map of a pattern: one row (gradient..., shift) per output.

    Examples
    --------
    >>> net = Network.from_arrays([([[1.0]], [0.5]), ([[0.25]], [1.0])])
    >>> [tuple(map(str, row)) for row in exact_affine_map(net, net.pattern([1.0]))]
    [('1/4', '9/8')]
    """
    maps = exact_maps(network, None)
    _, rows, _ = maps.rows(words)
    return [tuple(Fraction(int(entry), maps.scale) for entry in row[:-1]) for row in rows]


def largest_value(
    objective: Row, rows: Sequence[Row], start: Sequence[Fraction]
) -> tuple[Fraction, tuple[Fraction, ...]]:
    """Maximise an affine function over a polytope inside [-1, 1]^m, exactly.

    Parameters
    ----------
    objective : row of m + 1 integers
    rows : sequence of rows of m + 1 integers
        They bound the polytope.
    start : sequence of m Fractions
        A point of the polytope.

    Returns
    -------
    value : Fraction
    point : tuple of Fraction
        A vertex that attains it.

    Examples
    --------
    >>> square = [[1, 0, 1], [-1, 0, 1], [0, 1, 1], [0, -1, 1]]
    >>> value, point = largest_value([2, 3, 1], square, [Fraction(0), Fraction(0)])
    >>> value == 6 and point == (1, 1)
    True
    """
    polytope = ClosedPolytope.of([list(map(flint.fmpz, row)) for row in rows], column_of(start))
    column = polytope.largest(list(map(flint.fmpz, objective)))
    bottom = int(column[-1])
    point = tuple(Fraction(int(entry), bottom) for entry in column[:-1])
    terms = zip(objective, (*point, Fraction(1)), strict=True)
    return sum((int(a) * x for a, x in terms), Fraction(0)), point
