"""Where a condition holds, against exact linear programs on all regions."""

from fractions import Fraction
from itertools import product

import flint
import numpy as np
import pytest
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.analysis.affine_maps import exact_maps
from polyregions.exact.closed import ClosedPolytope
from polyregions.exact.facets import interior_point
from polyregions.questions import region_search
from polyregions.questions.conditions import where
from polyregions.questions.property import OutputInequality

BOXED = [family for family in FAMILIES if random_case(family, 0)[1] is not None]


def row_of(maps, outputs, inequality):
    """The bound minus the sum, times a positive number, on the chart."""
    numbers = [inequality.bound, *(c for _, c in inequality.coefficients)]
    common = int(np.lcm.reduce([x.denominator for x in numbers], dtype=object))
    row = [flint.fmpz(0)] * len(outputs[0])
    row[-1] += int(inequality.bound * common) * maps.scale
    for index, c in inequality.coefficients:
        row = [a - int(c * common) * b for a, b in zip(row, outputs[index], strict=True)]
    return row


def verdicts(regions, sets):
    """(somewhere, everywhere, touching) of every region: rows and their negations, cut open."""
    maps = exact_maps(regions.network, regions.domain)
    found = []
    for pattern in regions.patterns:
        units, outputs, walls = maps.rows(pattern)
        open_cell = [row for row in [*units, *walls] if any(row)]
        rows = [[row_of(maps, outputs, one) for one in members] for members in sets]
        # closed: a row that is not negative is one that is not below any positive distance
        centre = interior_point(open_cell)
        scale = int(np.lcm.reduce([x.denominator for x in centre], dtype=object))
        column = [flint.fmpz(int(x * scale)) for x in centre] + [flint.fmpz(scale)]
        somewhere = False
        for members in rows:
            part = ClosedPolytope(tuple(open_cell), column)
            for row in members:
                part = None if part is None else part.cut(row)
            somewhere |= part is not None
        fat = any(is_open(open_cell, members, strict=False) for members in rows)
        # all sets are missed on an open part, if at all: one broken row of each
        missed = any(
            is_open(open_cell, [[-x for x in row] for row in chosen], strict=True)
            for chosen in product(*rows)
        )
        found.append((somewhere, not missed, somewhere and not fat))
    return found


def is_open(cell, rows, *, strict):
    """Whether rows are positive (or zero throughout, unless strict) on an open part of a cell."""
    if any(not any(row) for row in rows) and strict:
        return False
    return interior_point([*cell, *(row for row in rows if any(row))]) is not None


def conditions(network, regions, seed):
    """Some conditions: touched, broken by a rounding, equalities, unions."""
    rng = np.random.default_rng(seed)
    values = network.forward(regions.witnesses)[:, 0]
    pick = Fraction(float(values[int(rng.integers(len(values)))]))
    highest = pr.maximum(network, regions.domain).value
    corner = Fraction(float(network.forward(regions.domain.upper)[0]))

    def at_least(bound):
        return OutputInequality(((0, Fraction(-1)),), -Fraction(bound))

    def at_most(bound):
        return OutputInequality(((0, Fraction(1)),), Fraction(bound))

    yield ((at_least(pick),),)
    yield ((at_least(corner), at_most(corner)),)
    yield ((at_most(0),), (at_least(pick), at_most(pick + Fraction(1, 3))))
    if float(highest) == highest:
        yield ((at_least(highest),),)
        yield ((at_least(np.nextafter(float(highest), np.inf)),),)


@pytest.mark.parametrize("cells", [2, 100])
@pytest.mark.parametrize("family", BOXED)
def test_all_regions_are_found_and_no_other(family, cells, monkeypatch):
    monkeypatch.setattr(region_search, "_CELLS_OF_A_WALK", cells)
    for seed in range(1 if cells == 2 else 2):
        network, domain = random_case(family, seed, 8)
        regions = pr.enumerate_regions(network, domain)
        for sets in conditions(network, regions, seed):
            found = where(network, domain, condition=sets)
            expected = verdicts(regions, sets)
            met = [index for index, (somewhere, *_) in enumerate(expected) if somewhere]
            chosen = regions[met]
            assert np.array_equal(found.regions.patterns, chosen.patterns)
            assert np.array_equal(found.regions.edges, chosen.edges)
            assert found.everywhere.tolist() == [expected[index][1] for index in met]
            assert found.touching.tolist() == [expected[index][2] for index in met]
            assert found.finished
            assert found.settled == 1.0
