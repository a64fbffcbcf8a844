"""A box that resists bounds, decided region by region.

The inequalities of the sets are units of one more layer, so a walk through the regions of
that network finds those on which a set may be met; the walk is exact, ties included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.affine_maps import ExactMaps, on_chart
from polyregions.analysis.linear_regions import common_point
from polyregions.arrays import Integers, Point
from polyregions.domain import Box
from polyregions.domain.chart import Chart, chart_of, chart_point
from polyregions.exact.closed import ClosedPolytope
from polyregions.exact.simplex import Column, Row, column_of
from polyregions.exact.stopping import look
from polyregions.network import Layer, Network
from polyregions.network.backward_bounds import Range
from polyregions.pattern import Words, pack
from polyregions.questions.output_sets import OutputSets
from polyregions.questions.property import OutputInequality, OutputSet
from polyregions.regions import Regions
from polyregions.rounding import ROUNDOFF, TINY
from polyregions.run.problem import problem_of
from polyregions.walk.steps import stepper
from polyregions.walk.walk_state import result_of, root_state

__all__ = [
    "BoxRegions",
    "MetPart",
    "MetRegion",
    "candidate_regions",
    "compared_network",
    "inequality_row",
    "part_in",
    "regions_of_box",
]

_REGIONS_OF_A_STEP = 512  # between two looks whether they are still wanted
_ROOM_OF_A_SET = (
    2.0**20 * ROUNDOFF
)  # a hint: a closed set is taken for larger, so that floats decide more


@dataclass(frozen=True, eq=False)
class BoxRegions:
    """The regions of a network in a box, cut where the sides of inequalities change.

    Attributes
    ----------
    maps : ExactMaps
        Of the network, on the chart of the box.
    regions : Regions
        Of the network with the inequalities' units; these have the last bits.
    walls : list of int
        The units that are not proven to be on one side of zero all over the box.
    """

    maps: ExactMaps
    regions: Regions
    walls: list[int]

    @property
    def satisfied(self) -> NDArray[np.bool_]:
        """Whether inequalities may hold on regions, shape (regions, inequalities)."""
        found: NDArray[np.bool_] = self.regions.bits[:, self.maps.hidden_units :] != 0
        return found


@dataclass(frozen=True, eq=False)
class MetRegion:
    """A region of a network in a box, on which a set may be met.

    Attributes
    ----------
    maps : ExactMaps
        Of the network, on the chart of the box.
    words : Words
        The region's pattern.
    walls : list of int
        The units that are not proven to be on one side of zero all over the box.
    witness : Point
        An input inside it; it need not be in the set.
    start : Point
        The same in the chart.
    number : int
        Which set.
    """

    maps: ExactMaps
    words: Words
    walls: list[int]
    witness: Point
    start: Point
    number: int


@dataclass(frozen=True, eq=False)
class MetPart:
    """The closed part of a region that is mapped into a set.

    Attributes
    ----------
    polytope : ClosedPolytope
        In the box's chart; its point is mapped into the set.
    outputs : list of Row
        There, times a positive number that all regions of the box share.
    chart : Chart
    number : int
        Which set.
    """

    polytope: ClosedPolytope
    outputs: list[Row]
    chart: Chart
    number: int

    def input_of(self, column: Column) -> Point:
        """Return the input of a point in the chart."""
        *numerators, bottom = map(int, column)
        return self.chart.to_input([Fraction(entry, bottom) for entry in numerators])


def compared_network(network: Network, sets: OutputSets) -> Network:
    """Return the network with a unit for each inequality, positive where it is satisfied.

    A unit of one that is not strict is positive where it holds with equality as well, and a
    little beyond.

    Notes
    -----
    An input of a set has a neighbourhood on which the set's units are positive, and a region
    meets it. So where no region has all of these units active the set is missed.
    """
    shift = -sets.offsets
    with np.errstate(over="ignore"):
        room = _ROOM_OF_A_SET * (np.abs(shift) + np.abs(sets.matrix).sum(axis=1)) + TINY
        shift = shift + np.where(sets.strict, 0.0, room)
    known = np.isfinite(shift)  # otherwise it is taken to be satisfied
    rows = Layer.relu(np.where(known[:, None], -sets.matrix, 0.0), np.where(known, shift, 1.0))
    return Network((*network.layers, rows, Layer.affine(np.ones((1, len(shift))), [0.0])))


def regions_of_box(
    compared: Network, maps: ExactMaps, box: Box, ranges: Sequence[Range]
) -> BoxRegions:
    """Return the regions of a box.

    Parameters
    ----------
    compared : Network
        See :func:`compared_network`.
    maps : ExactMaps
        Of the network that is compared, on any chart.
    box : Box
        Not a single point.
    ranges : sequence of Range
        Of the pre-activations of all layers but the last, on this one box.
    """
    below = compared.layers[: len(ranges)]
    low, high = (
        np.concatenate(
            [ends[side][0][layer.bends] for ends, layer in zip(ranges, below, strict=True)]
        )
        for side in range(2)
    )
    # the bit of a unit that is zero throughout a region is 0
    signs = np.where(low > 0, 1, np.where(high <= 0, -1, 0))
    walls = np.flatnonzero((signs == 0) & ~(low >= 0)).tolist()
    more = np.zeros(compared.hidden_units - maps.hidden_units, np.int64)
    regions = _listed(compared, box, np.append(signs, more))
    return BoxRegions(on_chart(maps, chart_of(box, box.dimension)), regions, walls)


def candidate_regions(
    found: BoxRegions, sets: OutputSets, chosen: Sequence[int]
) -> list[MetRegion]:
    """Return the regions of a box on which some sets may be met.

    On all others they are missed: proven.

    Parameters
    ----------
    found : BoxRegions
    sets : OutputSets
        That the network was compared with.
    chosen : sequence of int
        The sets that are asked for.
    """
    regions, maps, met = found.regions, found.maps, []
    for number in chosen:
        inside = found.satisfied[:, sets.members[number]].all(axis=1)
        for index in np.flatnonzero(inside).tolist():
            words = pack(regions.bits[index, : maps.hidden_units])
            witness = regions[index].exact_witness
            start = chart_point(regions.domain, witness)
            met.append(MetRegion(maps, words, found.walls, witness, start, number))
    return met


def _listed(network: Network, box: Box, signs: Integers) -> Regions:
    problem = problem_of(network, box, signs)
    found = root_state(problem)
    with stepper(problem, 1) as step:
        while not found.finished:
            look()
            step(found, _REGIONS_OF_A_STEP)
    return result_of(problem, found)


def part_in(region: MetRegion, sets: Sequence[OutputSet]) -> MetPart | None:
    """Return the closed part of a region that is mapped into its set, or None if there is none.

    Parameters
    ----------
    region : MetRegion
    sets : sequence of OutputSet
        As they are now: they may have shrunk.
    """
    maps = region.maps
    units, outputs, box_rows = maps.rows(region.words)
    walls = [*box_rows, *(units[unit] for unit in region.walls)]
    part: ClosedPolytope | None = ClosedPolytope.of(walls, column_of(region.start))
    bounds = [(row.strict, inequality_row(row, outputs, maps.scale)) for row in sets[region.number]]
    for _, row in bounds:
        part = None if part is None else part.cut(row)
    strict = [row for is_strict, row in bounds if is_strict]
    if part is not None and strict:
        inside = common_point(list(part.rows.values()), strict, part.point)
        part = None if inside is None else replace(part, point=inside)
    return None if part is None else MetPart(part, outputs, maps.chart, region.number)


def inequality_row(inequality: OutputInequality, outputs: Sequence[Row], scale: int) -> Row:
    """Return bound - (sum of coefficient * output) as a row of integers, times some number."""
    common = lcm(inequality.bound.denominator, *(c.denominator for _, c in inequality.coefficients))
    row = [flint.fmpz(0)] * len(outputs[0])
    row[-1] += int(inequality.bound * common) * scale
    for index, c in inequality.coefficients:
        factor = int(c * common)
        row = [a - factor * b for a, b in zip(row, outputs[index], strict=True)]
    return row
