"""The simplified network is equal, as a function, and its bounds hold; both to the last bit."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.linalg import block_diag

import polyregions as pr
from polyregions.analysis.affine_maps import exact_maps, largest_value
from polyregions.analysis.simplification import simplify
from polyregions.analysis.unit_bounds import unit_bounds
from polyregions.domain.chart import chart_point
from tests.random_nets import FAMILIES, random_case
from tests.zoo import ZOO


def difference(one, other):
    """The network one - other, exactly: side by side, and an affine layer that subtracts."""
    layers = [list(one.layers), list(other.layers)]
    depth = max(map(len, layers))
    for side in layers:
        size = len(side[-1].bias)
        side += [pr.Layer.affine(np.eye(size), np.zeros(size))] * (depth - len(side))
    joined = []
    for place, (a, b) in enumerate(zip(*layers, strict=True)):
        weights = a.weight, b.weight
        weight = np.vstack(weights) if place == 0 else block_diag(*weights)
        rest = [np.concatenate(pair) for pair in ((a.bias, b.bias), (a.lower, b.lower))]
        joined.append(pr.Layer.with_slopes(weight, *rest, np.concatenate([a.upper, b.upper])))
    size = one.output_dimension
    last = pr.Layer.affine(np.hstack([np.eye(size), -np.eye(size)]), np.zeros(size))
    return pr.Network((*joined, last))


def assert_equal_on(one, other, domain):
    """One output minus the other is the zero function on every region of both networks."""
    network = difference(one, other)
    maps = exact_maps(network, domain)
    regions = pr.enumerate_regions(network, domain)
    assert regions.complete
    assert regions.proven
    for words in regions.patterns:
        _, outputs, _ = maps.rows(words)
        assert not any(any(row) for row in outputs)


def exact_ends(regions):
    """The slow twin of bounds: a linear program in integers per unit and region."""
    network, domain = regions.network, regions.domain
    maps = exact_maps(network, domain)
    scale, scales = (
        int(maps.chart.transform[maps.chart.transform.nrows() - 1, maps.chart.weight_column]),
        [],
    )
    for layer in maps.exact.layers:
        scales += [scale * layer.weight_scale] * sum(layer.bends)
        scale *= layer.weight_scale * layer.slope_scale
    ends = [[None, None] for _ in scales]
    for region in regions:
        rows, outputs, walls = maps.rows(region.pattern)
        signs = [1 if bit else -1 for bit in region.bits] + [1] * maps.outputs
        start = chart_point(domain, region.exact_witness)
        for k, (row, sign) in enumerate(zip([*rows, *outputs], signs, strict=True)):
            for side, turn in enumerate((-1, 1)):
                objective = [turn * sign * int(entry) for entry in row]
                value = turn * largest_value(objective, [*rows, *walls], start)[0] / scales[k]
                old = ends[k][side]
                ends[k][side] = value if old is None or turn * value > turn * old else old
    return ends


CASES = [(family, seed) for family in FAMILIES for seed in range(4)]


@pytest.mark.parametrize(("family", "seed"), CASES)
def test_the_simplified_network_is_the_same_function(family, seed):
    network, domain = random_case(family, seed)
    found = simplify(network, domain)
    assert_equal_on(network, found.network, domain)
    assert found.network.hidden_units <= max(1, network.hidden_units)
    for row in found.table:
        parts = row.always_on + row.always_off + row.unread + row.merged + row.left
        assert parts == row.units
        assert min(row.merged, row.left, row.unread) >= 0
    regions = pr.enumerate_regions(network, domain)
    exact = simplify(network, domain, regions=regions)
    assert_equal_on(network, exact.network, domain)
    assert exact.network.hidden_units <= found.network.hidden_units


@pytest.mark.parametrize("known", ZOO, ids=lambda known: known.network.name)
def test_the_zoo_stays_the_same(known):
    if known.regions > 200:
        pytest.skip("too many regions for a test")
    assert_equal_on(known.network, simplify(known.network, known.domain).network, known.domain)


@pytest.mark.parametrize(("family", "seed"), [c for c in CASES if "whole" not in c[0]])
def test_bounds_hold_and_become_exact_with_regions(family, seed):
    network, domain = random_case(family, seed)
    regions = pr.enumerate_regions(network, domain)
    quick, sharp = unit_bounds(network, domain), unit_bounds(network, domain, regions=regions)
    ends = exact_ends(regions)
    for bounds in (quick, sharp):
        parts = (bounds.units, bounds.outputs)
        lower, upper, exact_lower, exact_upper = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("lower", "upper", "exact_lower", "exact_upper")
        )
        for k, (least, most) in enumerate(ends):
            assert Fraction(lower[k]) <= least <= most <= Fraction(upper[k])
            if exact_lower[k]:
                assert Fraction(float(np.nextafter(lower[k], np.inf))) > least
            if exact_upper[k]:
                assert Fraction(float(np.nextafter(upper[k], -np.inf))) < most
    assert sharp.outputs.exact_lower.all()
    assert sharp.units.exact_upper.all()
    # a unit that is one-sided has a constant bit, unless it is zero where it is off
    bits = regions.bits
    assert not bits[:, sharp.always_off].any()
    never = bits.all(axis=0)
    assert sharp.always_on[never].all()
