"""The distance of an input to a set of outputs, by an exact program on every region."""

from __future__ import annotations

from fractions import Fraction

import flint
import numpy as np

import polyregions as pr
from polyregions.analysis.affine_maps import exact_maps
from polyregions.domain.chart import chart_point
from polyregions.exact.closed import ClosedPolytope
from polyregions.questions.closest_points import closest_point, distance_of

__all__ = ["beyond_level", "smallest_distance"]


def beyond_level(level, above):
    """Return the excess of the one output over a level, or under it."""
    sign = -1 if above else 1

    def excess(outputs, scale):
        numerator, denominator = Fraction(level).as_integer_ratio()
        row = [sign * denominator * entry for entry in outputs[0]]
        row[-1] -= sign * numerator * scale
        return row

    return excess


def smallest_distance(network, box, x, norm, excess):
    """The least distance to {excess(outputs) <= 0}, region by region; None if there is none.

    `excess` maps rows of outputs, times a positive number, and that number, to a row.
    """
    maps = exact_maps(network, box)
    best, given = None, tuple(map(Fraction, np.asarray(x, dtype=float).tolist()))
    for region in pr.enumerate_regions(network, box):
        rows, outputs, walls = maps.rows(region.pattern)
        inside = chart_point(box, region.exact_witness)
        bottom = int(np.lcm.reduce([value.denominator for value in inside], dtype=object))
        column = [flint.fmpz(int(value * bottom)) for value in inside] + [flint.fmpz(bottom)]
        part = ClosedPolytope.of([*rows, *walls], column)
        part = part.cut([-entry for entry in excess(outputs, maps.scale)])
        if part is None:
            continue
        *found, bottom = map(int, closest_point(maps.chart, part, given, norm))
        point = maps.chart.to_input([Fraction(entry, bottom) for entry in found])
        distance = distance_of(point, given, norm)
        best = distance if best is None else min(best, distance)
    return best
