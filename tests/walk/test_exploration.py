"""Exploring from a point, against a full enumeration and networkx's breadth-first search."""

import networkx as nx
import numpy as np
import pytest
from random_nets import FAMILIES, random_case
from witnesses import check_witnesses

import polyregions as pr
from polyregions.domain.domains import cube_about

SEEDS = range(3)


def induced(regions, numbers):
    """Return the patterns and edges, as pairs of patterns, among some regions."""
    patterns = [words.tobytes() for words in regions.patterns]
    chosen = {patterns[k] for k in numbers}
    edges = {frozenset(patterns[k] for k in edge) for edge in regions.edges.tolist()}
    return chosen, {edge for edge in edges if edge <= chosen}


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_rings_are_those_of_the_whole_graph(family):
    for seed in SEEDS:
        network, domain = random_case(family, seed, units=7)
        whole = pr.enumerate_regions(network, domain)
        middle = whole.witnesses[seed % len(whole)]
        if whole.find(middle) < 0:
            continue  # too thin for a float
        expected = nx.single_source_shortest_path_length(whole.to_networkx(), whole.find(middle))
        furthest = max(expected.values())
        for depth in {0, 1, 2, furthest - 1, furthest, furthest + 1} - {-1}:
            found = pr.explore(network, middle, depth=depth, domain=domain)
            here = {k for k, distance in expected.items() if distance <= depth}
            every = range(len(found.regions))
            assert induced(found.regions, every) == induced(whole, here)
            places = [whole.index(words) for words in found.regions.patterns]
            assert found.distances.tolist() == [expected[place] for place in places]
            assert found.distances[found.start] == 0
            assert found.regions.complete == (depth >= furthest)
            assert found.stopped == "finished"
            assert found.depth == min(depth, furthest)
            check_witnesses(found.regions, most=3)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["generic", "zero bias", "integer", "duplicates"])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_nearest_regions(family, threads):
    for seed in SEEDS:
        network, domain = random_case(family, seed, units=8)
        whole = pr.enumerate_regions(network, domain)
        middle = whole.witnesses[-1]
        if whole.find(middle) < 0:
            continue
        distances = whole.graph_distances(whole.find(middle))
        for most in {1, 2, len(whole) // 2, len(whole) - 1, len(whole), len(whole) + 1} - {0}:
            found = pr.explore(network, middle, regions=most, domain=domain, threads=threads)
            nearest = np.sort(distances)[:most]
            assert sorted(found.distances.tolist()) == nearest.tolist()
            places = np.array([whole.index(words) for words in found.regions.patterns])
            assert distances[places].tolist() == found.distances.tolist()
            assert induced(found.regions, range(len(found.regions))) == induced(whole, places)
            assert found.stopped == ("regions" if most < len(whole) else "finished")
            missing = np.setdiff1d(np.arange(len(whole)), places)
            assert found.depth == distances[missing].min(initial=distances.max() + 1) - 1


@pytest.mark.parametrize("family", FAMILIES)
def test_a_radius_is_the_domain_of_the_search(family):
    for seed in SEEDS:
        network, domain = random_case(family, seed, units=7)
        whole = pr.enumerate_regions(network, domain)
        middle = whole.witnesses[0]
        if whole.find(middle) < 0:
            continue
        part = cube_about(domain, middle, 0.25)
        found = pr.explore(network, middle, radius=0.25, domain=domain)
        assert found.regions == pr.enumerate_regions(network, part)
        assert found.regions.complete
        # what meets the cube is of the whole
        assert all(whole.index(words) is not None for words in found.regions.patterns)
        assert found.distances.max() == found.depth


def test_in_a_polytope():
    network, _ = random_case("generic", 3, units=8)
    n = network.input_dimension
    simplex = pr.Polytope(np.vstack([-np.eye(n), np.ones((1, n))]), [0.5] * n + [0.75])
    at = np.zeros(n)
    found = pr.explore(network, at, radius=0.375, domain=simplex)
    assert found.regions == pr.enumerate_regions(network, cube_about(simplex, at, 0.375))
    assert found.regions.complete
    corner = np.full(n, -0.5)
    assert not simplex.contains(corner)
    assert pr.explore(network, corner, regions=1, domain=simplex).start == 0
    with pytest.raises(pr.DomainError, match="outside the domain"):
        pr.explore(network, corner - 1e-9, regions=1, domain=simplex)


def test_a_point_on_a_boundary_counts_to_the_region_where_its_units_are_off(three_lines):
    for x in ([0.0, 0.0], [0.0, 0.25], [0.5, 0.0], [0.25, 0.25]):
        found = pr.explore(three_lines, x, regions=1)
        assert found.regions.patterns[0].tolist() == three_lines.pattern(x).tolist()
    # |x|: at 0 both units are off, and nowhere else
    absolute = pr.Network.from_arrays([([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])])
    with pytest.raises(pr.DomainError, match="boundary of several regions"):
        pr.explore(absolute, [0.0], depth=1)
    assert len(pr.explore(absolute, [5e-324], depth=1).regions) == 2


def test_a_point_on_the_boundary_of_the_domain(three_lines):
    square = pr.Box.cube(2, 1.0)
    found = pr.explore(three_lines, [1.0, 1.0], depth=0, domain=square)
    assert found.regions[0].bits.tolist() == [1, 1, 1]
    # the corner is on a unit's line, too: the region beyond is not in the domain
    net = pr.Network.from_arrays([([[1.0, 1.0], [1.0, 0]], [-2.0, 0]), ([[1.0, 1.0]], [0])])
    assert pr.explore(net, [1.0, 1.0], depth=0, domain=square).regions[0].bits.tolist() == [0, 1]
    turned = pr.Network.from_arrays([([[-1.0, -1.0], [1.0, 0]], [2, 0]), ([[1.0, 1.0]], [0])])
    with pytest.raises(pr.DomainError, match="boundary of several regions"):
        pr.explore(turned, [1.0, 1.0], depth=0, domain=square)


def test_hundreds_of_inputs():
    rng = np.random.default_rng(0)
    network = pr.Network.from_arrays(
        [(rng.normal(size=(40, 120)), rng.normal(size=40)), (rng.normal(size=(2, 40)), [0, 0])]
    )
    found = pr.explore(network, np.zeros(120), depth=1)
    # 40 hyperplanes in general position in 120 dimensions: all of them are facets of each cell
    assert len(found.regions) == 41
    assert sorted(found.distances.tolist()) == [0] + [1] * 40
    assert {np.bitwise_count(words ^ found.regions.patterns[found.start]).sum() for words in
            found.regions.patterns} == {0, 1}  # fmt: skip


def test_limits_are_told(three_lines):
    found = pr.explore(three_lines, [0.1, 0.1], time_limit=1e-9)
    assert (len(found.regions), found.start, found.depth, found.stopped) == (0, -1, -1, "time")
    assert "0 regions" in repr(found)
    found = pr.explore(three_lines, [0.1, 0.1], depth=9, memory=1)
    assert found.stopped == "memory"
    calls = []
    pr.explore(three_lines, [0.1, 0.1], depth=1, progress=calls.append)
    assert calls[-1].regions == 7


WRONG = [
    ({"x": [0.1]}, pr.NetworkError, r"shape \(2,\)"),
    ({"x": [0.1, float("nan")]}, pr.NetworkError, "finite"),
    ({"x": [[0.1, 0.1]]}, pr.NetworkError, r"shape \(2,\)"),
    ({"x": "net"}, pr.NetworkError, "numbers"),
    ({"x": [2.0, 0.0], "domain": pr.Box.cube(2, 1.0)}, pr.DomainError, "outside the domain"),
    ({"x": [1.0, 0], "domain": pr.Box([0, 0], [0, 1])}, pr.DomainError, "outside the domain"),
    ({"domain": pr.Box.cube(3, 1.0)}, pr.DomainError, "3 coordinates"),
    ({"domain": pr.Box.cube(3, 1.0), "radius": 1.0}, pr.DomainError, "3 coordinates"),
    ({"depth": None}, pr.PolyregionsError, "how far to explore"),
    ({"depth": -1}, pr.PolyregionsError, "at least 0"),
    ({"depth": 1.5}, pr.PolyregionsError, "at least 0"),
    ({"regions": 0}, pr.PolyregionsError, "limit on regions"),
    ({"radius": 0.0}, pr.DomainError, "positive number"),
    ({"radius": float("nan")}, pr.DomainError, "positive number"),
    ({"radius": "1"}, pr.DomainError, "positive number"),
    ({"radius": 1e-30}, pr.DomainError, "rounding"),
    ({"radius": 1e400}, pr.DomainError, "beyond all floats"),
]


@pytest.mark.parametrize(("given", "error", "message"), WRONG)
def test_wrong_arguments_get_a_sentence(three_lines, given, error, message):
    arguments = {"x": [0.1, 0.1], "depth": 1} | given
    with pytest.raises(error, match=message) as caught:
        pr.explore(three_lines, **arguments)
    assert "\n" not in str(caught.value)


def test_near_is_what_its_floats_say():
    third = np.array([1 / 3, 0.5])
    assert cube_about(None, third, 0.1) == pr.Box(third - 0.1, third + 0.1)
    box = pr.Box([0, 0.5], [1, 0.5])
    assert cube_about(box, third, 0.5) == pr.Box([0, 0.5], [third[0] + 0.5, 0.5])
