"""Extreme values over a list of all regions: one exact linear program for each.

The slow twin of what is asked without a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import lcm

import flint

from polyregions.analysis.affine_maps import exact_maps
from polyregions.domain.chart import chart_point
from polyregions.exact.closed import ClosedPolytope
from polyregions.exact.simplex import Row
from polyregions.regions import Regions

__all__ = [
    "affine_row",
    "choices_differ_listed",
    "closed_regions",
    "extreme_listed",
    "largest_listed",
    "largest_margin_listed",
]


def closed_regions(regions: Regions) -> Iterator[tuple[ClosedPolytope, list[Row], int]]:
    """Yield each closed region in the domain's chart, its outputs as rows, and their scale."""
    maps = exact_maps(regions.network, regions.domain)
    for index in range(len(regions)):
        rows, outputs, walls = maps.rows(regions.patterns[index])
        start = chart_point(regions.domain, regions[index].exact_witness)
        scale = lcm(*(value.denominator for value in start))
        inside = [flint.fmpz(int(value * scale)) for value in (*start, Fraction(1))]
        polytope = tuple([flint.fmpz(entry) for entry in row] for row in [*rows, *walls])
        yield ClosedPolytope.of(polytope, inside), outputs, maps.scale


def affine_row(outputs: Sequence[Row], scale: int, coefficients, constant=0) -> Row:
    """Return (sum of coefficient * output) + constant as a row, times a positive number."""
    common = lcm(Fraction(constant).denominator, *(Fraction(c).denominator for c in coefficients))
    row = [flint.fmpz(0)] * len(outputs[0])
    row[-1] += int(Fraction(constant) * common) * scale
    for c, output in zip(coefficients, outputs, strict=True):
        row = [a + int(Fraction(c) * common) * b for a, b in zip(row, output, strict=True)]
    return row


def value_at(column, outputs, scale, coefficients) -> Fraction:
    """Return a sum of outputs at a homogeneous chart point."""
    values = [
        Fraction(int(sum(a * b for a, b in zip(row, column, strict=True))), int(column[-1]) * scale)
        for row in outputs
    ]
    return sum((Fraction(c) * y for c, y in zip(coefficients, values, strict=True)), Fraction(0))


def largest_listed(regions: Regions, coefficients: Sequence[object], sign: int = 1) -> Fraction:
    """Return the largest (sign 1) or smallest (-1) sum of outputs on the closed domain."""
    found = []
    for polytope, outputs, scale in closed_regions(regions):
        row = affine_row(outputs, scale, [sign * Fraction(c) for c in coefficients])
        found.append(value_at(polytope.largest(row), outputs, scale, coefficients))
    return max(found) if sign > 0 else min(found)


def extreme_listed(regions: Regions, output: int = 0, *, smallest: bool = False) -> Fraction:
    """Return the extreme value of one output on the closed domain."""
    unit = [int(k == output) for k in range(regions.network.output_dimension)]
    return largest_listed(regions, unit, -1 if smallest else 1)


def largest_margin_listed(regions: Regions, chosen: int) -> Fraction:
    """Return by how much an output leads at most: on each region, whichever is second."""
    count = regions.network.output_dimension
    found = []
    for polytope, outputs, scale in closed_regions(regions):
        for second in set(range(count)) - {chosen}:
            part = polytope
            for third in range(count):
                if third not in (chosen, second) and part is not None:
                    behind = [(k == second) - (k == third) for k in range(count)]
                    part = part.cut(affine_row(outputs, scale, behind))
            if part is not None:
                lead = [(k == chosen) - (k == second) for k in range(count)]
                best = part.largest(affine_row(outputs, scale, lead))
                found.append(value_at(best, outputs, scale, lead))
    return max(found)


def choices_differ_listed(regions: Regions) -> bool:
    """Whether the two halves of the outputs have different first largest ones somewhere.

    On each region, for each two classes: the weak inequalities cut it, and on what is left each
    strict one is made as large as it can be; a mean of such points satisfies all of them.
    """
    count = regions.network.output_dimension // 2
    pairs = [(i, j) for i in range(count) for j in range(count) if i != j]
    for polytope, outputs, scale in closed_regions(regions):
        for classes in pairs:
            part, strict = polytope, []
            for half, chosen in enumerate(classes):
                for other in set(range(count)) - {chosen}:
                    lead = [0] * (2 * count)
                    lead[half * count + chosen], lead[half * count + other] = 1, -1
                    row = affine_row(outputs, scale, lead)
                    part = None if part is None else part.cut(row)
                    strict += [row] if other < chosen else []
            if part is not None and all(is_positive_on(part, row) for row in strict):
                return True
    return False


def is_positive_on(part: ClosedPolytope, row: Row) -> bool:
    """Whether a row is positive at a point of a polytope."""
    best = part.largest(row)
    return sum(a * b for a, b in zip(row, best, strict=True)) > 0
