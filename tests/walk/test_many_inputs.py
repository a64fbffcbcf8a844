"""Walks with more inputs than units: the cube's sides are bounds, not rows."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

import polyregions as pr
from polyregions.cells.in_cube import MANY_COORDINATES_HINT
from polyregions.geometry.region_polytope import region_halfspaces
from polyregions.testing import assert_valid


def network(n, widths, seed, scale=1.0):
    rng = np.random.default_rng([n, *widths, seed])
    layers = []
    for into, out in itertools.pairwise([n, *widths, 2]):
        layers.append(
            (rng.normal(size=(out, into)) * np.sqrt(2 / into), scale * rng.normal(size=out))
        )
    return pr.Network.from_arrays(layers)


def facet_units(net, box, pattern):
    """Which units bound a region, by one program a unit."""
    rows = region_halfspaces(net, box, pattern)
    a, c = rows.normals, rows.offsets
    found = []
    for i in range(net.hidden_units):
        others = np.delete(np.arange(len(a)), i)
        # HiGHS takes lengths for what they are
        a_i, length = a[i], np.linalg.norm(a[i])
        if length == 0:
            continue
        bounds = np.column_stack([box.lower, box.upper])
        least = linprog(a_i / length, A_ub=-a[others], b_ub=c[others], bounds=bounds)
        if least.fun + c[i] / length < -1e-9:
            found.append(i)
    return found


@pytest.mark.parametrize("n", [MANY_COORDINATES_HINT, 24])
@pytest.mark.parametrize("seed", range(2))
def test_all_regions_are_those_of_the_tree(n, seed):
    net, box = network(n, (5, 4), seed), pr.Box.cube(n, 1.0)
    regions = pr.enumerate_regions(net, box)
    assert regions.complete
    assert regions.proven
    assert len(regions) == pr.count_regions(net, box) > 60


def test_all_regions_and_edges_are_those_of_the_rational_walk():
    n = MANY_COORDINATES_HINT
    net, box = network(n, (3, 2), 0, 0.3), pr.Box(np.full(n, -1.0), np.linspace(0.5, 2.0, n))
    regions = pr.enumerate_regions(net, box)
    exact = pr.enumerate_regions(net, box, arithmetic="rational")
    np.testing.assert_array_equal(regions.patterns, exact.patterns)
    np.testing.assert_array_equal(regions.edges, exact.edges)
    assert_valid(regions)


@pytest.mark.parametrize("n", [20, 100, 300])
def test_neighbours_of_a_region_are_its_facets(n):
    net, box = network(n, (9, 8), 0, 0.3), pr.Box.cube(n, 1.0)
    start = np.full(n, 0.1)
    found = pr.explore(net, start, depth=1, domain=box).regions
    number = int(np.flatnonzero((found.patterns == net.pattern(start)).all(axis=1))[0])
    beside = found.edges[(found.edges == number).any(axis=1)].ravel()
    changed = found.bits[beside[beside != number]] != found.bits[number]
    assert (changed.sum(axis=1) == 1).all()
    assert sorted(changed.argmax(axis=1)) == facet_units(net, box, found.patterns[number])


def test_regions_come_soon_with_784_inputs():
    """The dictionary of all sides took a minute a region; nothing is asserted of time."""
    n = 784
    net = network(n, (16, 16), 1, 0.3)
    box = pr.Box.cube(n, 0.5)
    for region in itertools.islice(pr.traverse(net, box), 3):
        np.testing.assert_array_equal(region.pattern, net.pattern(region.witness))
    found = pr.enumerate_regions(net, box, max_regions=3)
    assert len(found) == 3
    assert not found.complete


def test_a_polytope_has_other_rows_beside_the_sides():
    n = MANY_COORDINATES_HINT
    net = network(n, (4, 3), 3, 0.3)
    rng = np.random.default_rng(0)
    sides = np.vstack([np.eye(n), -np.eye(n), rng.normal(size=(3, n))])
    domain = pr.Polytope(sides, np.concatenate([np.ones(2 * n), np.full(3, 1.5)]))
    assert len(pr.enumerate_regions(net, domain)) == pr.count_regions(net, domain)


@pytest.mark.parametrize("kind", ["twins", "zero bias", "dead", "whole space", "leaky"])
def test_degenerate_networks_are_counted_as_by_the_tree(kind):
    n = MANY_COORDINATES_HINT
    net, box = network(n, (3, 2), 5, 0.3), pr.Box.cube(n, 1.0)
    layers = [(layer.weight.copy(), layer.bias.copy()) for layer in net.layers]
    (first, bias), *_ = layers
    if kind == "twins":
        first[1], bias[1] = -2 * first[0], -2 * bias[0]
    elif kind == "zero bias":
        for _, shift in layers:
            shift[:] = 0.0
    elif kind == "dead":
        first[0], bias[0] = 0.0, -1.0
    net = pr.Network.from_arrays(layers)
    if kind == "leaky":
        slopes = [pr.Layer.with_slopes(w, b, 0.1, 1.0) for w, b in layers[:-1]]
        net = pr.Network((*slopes, net.layers[-1]))
    domain = None if kind == "whole space" else box
    assert len(pr.enumerate_regions(net, domain)) == pr.count_regions(net, domain)
