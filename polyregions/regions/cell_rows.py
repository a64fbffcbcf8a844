"""The rows that bound some regions of a result, exactly; and the affine maps of all, bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import flint
import numpy as np

from polyregions.arrays import Floats, Integers, Point
from polyregions.domain import Domain, Polytope
from polyregions.domain.chart import Chart, chart_of, chart_point
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.exact.simplex import Row
from polyregions.geometry.region_polytope import domain_halfspaces, exact_on_inputs
from polyregions.network import Network
from polyregions.network.exact_network import ExactNetwork, exact_network
from polyregions.network.region_maps import exact_unit_rows, maps_of_layers
from polyregions.pattern import Words, unpack

if TYPE_CHECKING:
    from polyregions.cells.many_polytopes import Polytopes
    from polyregions.regions.region import Region
    from polyregions.regions.regions import Regions

__all__ = [
    "AffineMaps",
    "CellRows",
    "Chosen",
    "Ends",
    "batches",
    "cell_rows",
    "chosen_regions",
    "exact_on_chart",
    "lowest_units",
    "map_rows",
    "maps_of_regions",
    "one_region",
    "parts_of",
    "polytopes_of",
    "units_of_edges",
]

_EDGES = 2**16  # whose patterns are unpacked at a time
_ENTRIES = 2**20  # integers held at a time, about: 100 bytes each
_FLOATS = 2**21  # numbers held at a time, about


def lowest_units(regions: Regions, edges: Integers) -> Integers:
    """Return the lowest unit that switches across each of some edges, by their numbers.

    Where several units switch together, the rows of the lowest depend on bits that
    both regions share, so it describes the facet's hyperplane on both sides.
    """
    units = regions.network.hidden_units
    lowest = np.empty(len(edges), dtype=np.int64)
    for start in range(0, len(lowest), _EDGES):
        ends = regions.edges[edges[start : start + _EDGES]]
        masks = regions.patterns[ends[:, 0]] ^ regions.patterns[ends[:, 1]]
        lowest[start : start + _EDGES] = unpack(masks, units).argmax(axis=1)
    return lowest


def units_of_edges(regions: Regions, edges: Integers) -> list[tuple[int, ...]]:
    """Return the units whose sign changes across each of some edges, by their numbers."""
    distinct, places = np.unique(edges, return_inverse=True)
    units: list[tuple[int, ...]] = []
    for start in range(0, len(distinct), _EDGES):
        ends = regions.edges[distinct[start : start + _EDGES]]
        masks = regions.patterns[ends[:, 0]] ^ regions.patterns[ends[:, 1]]
        rows, switching = np.nonzero(unpack(masks, regions.network.hidden_units))
        stops = np.cumsum(np.bincount(rows, minlength=len(ends))).tolist()
        entries = switching.tolist()
        units += [tuple(entries[i:j]) for i, j in pairwise([0, *stops])]
    return [units[place] for place in places.reshape(-1).tolist()]


class Ends(NamedTuple):
    """The edges of some regions, seen from each of them.

    Attributes
    ----------
    owners : numpy.ndarray of int64, shape (k,)
        The region, by its place among those asked about; rising.
    units : numpy.ndarray of int64, shape (k,)
        The lowest unit that switches.
    beyond : numpy.ndarray of int64, shape (k,)
        The number of the region on the other side.
    edges : numpy.ndarray of int64, shape (k,)
        Row numbers of ``regions.edges``.
    """

    owners: Integers
    units: Integers
    beyond: Integers
    edges: Integers


@dataclass(frozen=True, eq=False)
class Chosen:
    """Some regions of a result, or one that is from none.

    Attributes
    ----------
    network : Network
    domain : Box, Polytope or None
    patterns : numpy.ndarray of uint64, shape (k, W)
    points : numpy.ndarray of float64, shape (k, m)
        A point of each in chart coordinates, about.
    ends : Ends
        Their edges, as far as they are known.
    complete : bool
        Whether these are all.
    region : callable
        Returns the region at a place.
    """

    network: Network
    domain: Domain | None
    patterns: Words
    points: Floats
    ends: Ends
    complete: bool
    region: Callable[[int], Region]

    def exact_point(self, place: int) -> Point:
        """Return a point inside the region at a place, in chart coordinates."""
        return chart_point(self.domain, self.region(place).exact_witness)


def parts_of(regions: Regions, numbers: Integers, most: int) -> Iterator[Integers]:
    """Split numbers of regions, at most so many together, so that their rows fit into memory."""
    network, domain = regions.network, regions.domain
    columns = 1 + (network.input_dimension if domain is None else len(domain.free))
    units = network.hidden_units
    if regions.complete:
        units = 2 * len(regions.edges) // max(1, len(regions))
    # a row of integers for each unit, and a number for each wall
    step = max(1, min(most, _ENTRIES // ((units + 2) * columns)))
    return (numbers[first : first + step] for first in range(0, len(numbers), step))


def chosen_regions(regions: Regions, numbers: Integers) -> Chosen:
    """Return the regions with some numbers."""
    starts, edges = regions.incidence
    counts = starts[numbers + 1] - starts[numbers]
    owners = np.repeat(np.arange(len(numbers)), counts)
    # how far each is behind the first edge of its owner
    behind = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    own = edges[starts[numbers[owners]] + behind]
    beyond = regions.edges[own].sum(axis=1, dtype=np.int64) - numbers[owners]
    points = _points_on_chart(regions.domain, regions.witnesses[numbers])
    # of a region too thin for a float the witness is none
    for place in np.flatnonzero(np.isin(numbers, list(regions.exact_witnesses))).tolist():
        point = chart_point(regions.domain, regions.exact_witnesses[int(numbers[place])])
        points[place] = [float(u) for u in point]
    return Chosen(
        regions.network,
        regions.domain,
        regions.patterns[numbers],
        points,
        Ends(owners, lowest_units(regions, own), beyond, own),
        regions.complete,
        lambda place: regions[int(numbers[place])],
    )


def one_region(region: Region) -> Chosen:
    """Return one region, which may be from no result."""
    if region.regions is not None and region.index is not None:
        return chosen_regions(region.regions, np.array([region.index]))
    none = np.empty(0, dtype=np.int64)
    point = chart_point(region.domain, region.exact_witness)
    return Chosen(
        region.network,
        region.domain,
        region.pattern[None],
        np.array([[float(u) for u in point]]),
        Ends(none, none, none, none),
        False,
        lambda place: region,
    )


@lru_cache(maxsize=4)
def exact_on_chart(network: Network, domain: Domain | None) -> ExactNetwork:
    """Return a network in integers on the chart of a domain; the last ones are kept."""
    return exact_network(network, chart_of(domain, network.input_dimension))


@dataclass(frozen=True, eq=False)
class CellRows:
    """Rows that bound regions: the chosen units', then those of the domain; equal ones once.

    Attributes
    ----------
    units : list of K rows of d + 1 integers
        In the free inputs, positive where the unit is.
    chart : list of K + q rows of m + 1 integers
        On the chart of the domain: those of the units and of the domain.
    numbers : numpy.ndarray of int64, shape (T,)
        The rows of each region by their numbers among all: units as they are numbered, and behind
        the N units the sides of the domain; rising.
    places : numpy.ndarray of int64, shape (T,)
        Which row of `chart` each is.
    signs : numpy.ndarray of int64, shape (T,)
        What it is to be multiplied by: 1, or -1 where the unit is off.
    starts : numpy.ndarray of int64, shape (R + 1,)
        Region i has ``numbers[starts[i]:starts[i + 1]]``.
    """

    units: list[list[flint.fmpz]]
    chart: list[Row]
    numbers: Integers
    places: Integers
    signs: Integers
    starts: Integers

    def of_region(self, place: int) -> list[Row]:
        """Return the rows of one region on the chart, non-negative on it."""
        own = slice(self.starts[place], self.starts[place + 1])
        pairs = zip(self.places[own].tolist(), self.signs[own].tolist(), strict=True)
        return [[sign * entry for entry in self.chart[row]] for row, sign in pairs]


def cell_rows(chosen: Chosen) -> CellRows:
    """Return rows that bound some regions, and among which all facets are.

    For a complete result only the units that carry facets inside the domain, the lowest of each;
    otherwise those of all units that have a hyperplane on the region.
    """
    network, domain, count = chosen.network, chosen.domain, len(chosen.patterns)
    bits = unpack(chosen.patterns, network.hidden_units)
    owners, units = chosen.ends.owners, chosen.ends.units
    if not chosen.complete:
        owners, units = np.divmod(np.arange(bits.size), network.hidden_units)
    rows, places = exact_unit_rows(exact_on_inputs(network, domain), bits, owners, units)
    bent = np.array([any(row[:-1]) for row in rows], dtype=bool)[places]
    owners, units, places = owners[bent], units[bent], places[bent]
    chart = exact_on_chart(network, domain).chart
    sides, walls = _domain_walls(domain, chart)
    # the domain's rows behind the units' of each region
    owner = np.concatenate([owners, np.repeat(np.arange(count), len(walls))])
    number = np.concatenate([units, np.tile(network.hidden_units + sides, count)])
    place = np.concatenate([places, np.tile(len(rows) + np.arange(len(walls)), count)])
    sign = np.ones(len(owner), dtype=np.int64)
    sign[: len(units)] = np.where(bits[owners, units] == 1, 1, -1)
    order = np.lexsort((number, owner))
    starts = np.searchsorted(owner[order], np.arange(count + 1))
    on_chart = [*_rows_on_chart(rows, domain, chart), *walls]
    return CellRows(rows, on_chart, number[order], place[order], sign[order], starts)


def polytopes_of(chosen: Chosen, cells: CellRows) -> Polytopes:
    """Return the rows in floats."""
    from polyregions.cells.many_polytopes import Polytopes, scaled_rows

    scaled, signs = scaled_rows(cells.chart), cells.signs.astype(np.float64)
    return Polytopes(scaled.values, scaled.errors, cells.places, signs, cells.starts, chosen.points)


def _domain_walls(domain: Domain | None, chart: Chart) -> tuple[Integers, list[Row]]:
    """Return numbers of the domain's sides, and their rows on the chart; of equal ones the last.

    Over the whole space the rows that bound the cones, which are no sides.
    """
    if not isinstance(domain, Polytope):
        bounds: list[Row] = [list(row) for row in chart.rows.tolist()]
        return np.arange(len(bounds)), bounds
    integers, _ = dyadic_matrix(domain_halfspaces(domain, domain.dimension))
    distinct: dict[tuple[flint.fmpz, ...], int] = {}
    rows = _rows_on_chart(integers.tolist(), domain, chart)
    for number, row in enumerate(rows):
        divisor = flint.fmpz(0)
        for entry in row:
            divisor = divisor.gcd(entry)
        if any(row[:-1]):
            distinct[tuple(entry // divisor for entry in row)] = number
    sides = sorted(distinct.values())
    return np.array(sides, dtype=np.int64), [rows[number] for number in sides]


def _rows_on_chart(rows: Sequence[Row], domain: Domain | None, chart: Chart) -> list[Row]:
    """Return rows in the free inputs on the chart of the domain, times a positive factor."""
    if domain is None:
        return [[*row, flint.fmpz(0)] for row in rows]
    # each free input is a multiple of one coordinate, and shifted
    table, m = chart.transform, chart.dimension
    free = domain.free.tolist()
    halves = [table[i, k] for k, i in enumerate(free)]
    middles = [table[i, m] for i in free] + [table[table.nrows() - 1, m]]
    return [
        [
            *(entry * half for entry, half in zip(row, halves, strict=False)),
            sum(
                (entry * middle for entry, middle in zip(row, middles, strict=True)), flint.fmpz(0)
            ),
        ]
        for row in rows
    ]


def _points_on_chart(domain: Domain | None, x: Floats) -> Floats:
    """Return inputs on the chart, about."""
    with np.errstate(all="ignore"):
        if domain is None:
            points = np.column_stack([x, np.ones(len(x))])
            points /= 2.0 * np.abs(points).max(axis=1)[:, None]
        else:
            # halves, because a box may be wider than any float
            x, box = x[:, domain.free] / 2, domain.box
            low, high = box.lower[domain.free] / 2, box.upper[domain.free] / 2
            points = ((x - low) - (high - x)) / (high - low)
    return np.nan_to_num(points)


class AffineMaps(NamedTuple):
    """The network on each region is ``matrix @ x + shift``.

    Attributes
    ----------
    matrix : numpy.ndarray of float64, shape (R, outputs, n)
    shift : numpy.ndarray of float64, shape (R, outputs)
    error : numpy.ndarray of float64, shape (R, outputs, n + 1)
        Bounds the absolute error of each entry of (matrix, shift): the exact entry of
        the rational network is at most so far away. Infinite or NaN where a map leaves the
        range of floats.
    """

    matrix: Floats
    shift: Floats
    error: Floats


def maps_of_regions(regions: Regions) -> AffineMaps:
    """Return the affine maps of all regions, with proven bounds: ``regions.affine_maps()``.

    Notes
    -----
    *Algorithm.* Maps go through the layers together with a bound on the error of each
    entry: a sum of h products has an error of at most (h + 2) 2^-53 times the sum of
    absolute values (Higham), in any order of summation.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[2.0]], [1.0])])
    >>> maps = maps_of_regions(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)))
    >>> maps.matrix.ravel(), maps.shift.ravel()
    (array([0., 2.]), array([1., 1.]))
    """
    value, error = map_rows(regions.network, regions.patterns)
    return AffineMaps(value[:, :, :-1], value[:, :, -1], error)


def map_rows(network: Network, patterns: Words) -> tuple[Floats, Floats]:
    """Return rows (gradient..., shift) of the outputs of patterns, and bounds on their errors."""
    none = np.empty((0, network.output_dimension, network.input_dimension + 1))
    values, errors = [none], [none]
    for batch in batches(network, len(patterns)):
        *_, last = maps_of_layers(network, patterns[batch])
        values.append(last.value[last.which])
        errors.append(last.error[last.which])
    return np.concatenate(values), np.concatenate(errors)


def batches(network: Network, count: int) -> Iterator[slice]:
    """Yield slices of so many regions that their maps fit into memory."""
    widest = max(network.input_dimension, *(len(layer.bias) for layer in network.layers))
    step = max(1, _FLOATS // (widest * (network.input_dimension + 1)))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))
