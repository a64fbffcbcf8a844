"""Paths of fewest facets, against networkx on the graph of all regions."""

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from random_nets import FAMILIES, random_case
from witnesses import check_witnesses

import polyregions as pr


def check_path(path, whole, a, b, length):
    """A path of that many facets, from the region of one point to that of another."""
    numbers = [whole.index(region.pattern) for region in path]
    assert (numbers[0], numbers[-1], len(path)) == (whole.find(a), whole.find(b), length + 1)
    edges = {frozenset(edge) for edge in whole.edges.tolist()}
    assert all(frozenset(pair) in edges for pair in pairwise(numbers))
    assert [path[0].regions[region.index].pattern.tolist() for region in path] == [
        region.pattern.tolist() for region in path
    ]


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_paths_are_shortest(family):
    for seed in range(3):
        network, domain = random_case(family, seed, units=8)
        whole = pr.enumerate_regions(network, domain)
        graph = whole.to_networkx()
        rng = np.random.default_rng(seed)
        for i, j in rng.integers(0, len(whole), size=(3, 2)).tolist():
            a, b = whole.witnesses[[i, j]]
            if (whole.find(a), whole.find(b)) != (i, j):
                continue  # too thin for floats
            length = nx.shortest_path_length(graph, i, j)
            path = pr.shortest_path(network, a, b, domain=domain, threads=1 + seed % 2)
            check_path(path, whole, a, b, length)
            assert len(path[0].regions) == len(path)
            check_witnesses(path[0].regions, most=3)
            inside = pr.shortest_path(whole, a, b)
            check_path(inside, whole, a, b, length)
            assert [region.index for region in inside] == whole.shortest_path(i, j)


def test_a_line_of_regions():
    """Forty regions in a row: the path is all of them between."""
    net = pr.Network.from_arrays([(np.ones((40, 1)), -np.arange(40.0)), (np.ones((1, 40)), [0])])
    path = pr.shortest_path(net, [-0.5], [39.5])
    assert [int(region.bits.sum()) for region in path] == list(range(41))
    assert pr.shortest_path(net, [3.25], [3.5])[0].bits.sum() == 4
    with pytest.raises(pr.PartialResultError, match="at least 9 facets"):
        pr.shortest_path(net, [-0.5], [39.5], max_regions=8)
    with pytest.raises(pr.PartialResultError, match="time_limit ended the search"):
        pr.shortest_path(net, [-0.5], [39.5], time_limit=1e-9)


def test_graph_distances(three_lines):
    regions = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    expected = dict(nx.all_pairs_shortest_path_length(regions.to_networkx()))
    for k in range(len(regions)):
        assert regions.graph_distances(k).tolist() == [expected[k][j] for j in range(len(regions))]
    ends = regions[[0, 6]]
    assert ends.graph_distances(0).tolist() == [0, -1]
    with pytest.raises(pr.PartialResultError, match="no path leads"):
        ends.shortest_path(0, 1)


WRONG = [
    ({"a": [0.5]}, pr.NetworkError, r"shape \(2,\)"),
    ({"b": [0.5, float("inf")]}, pr.NetworkError, "finite"),
    ({"b": [5.0, 0.0], "domain": pr.Box.cube(2, 1.0)}, pr.DomainError, "outside the domain"),
    ({"max_regions": 0}, pr.PolyregionsError, "limit on regions"),
    ({"threads": 0}, pr.PolyregionsError, "number of threads"),
]


@pytest.mark.parametrize(("given", "error", "message"), WRONG)
def test_wrong_arguments_get_a_sentence(three_lines, given, error, message):
    with pytest.raises(error, match=message):
        pr.shortest_path(three_lines, **({"a": [0.1, 0.1], "b": [-1, -1]} | given))


def test_wrong_regions_get_a_sentence(three_lines):
    regions = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    with pytest.raises(pr.PolyregionsError, match="domain of its own"):
        pr.shortest_path(regions, [0, 0], [1, 1], domain=regions.domain)
    with pytest.raises(pr.PolyregionsError, match="the point b is in no region"):
        pr.shortest_path(regions, [0.1, 0.1], [3.0, 0.0])
    with pytest.raises(pr.PolyregionsError, match="by its number, not by a list"):
        regions.graph_distances([0.1, 0.1])
    with pytest.raises(pr.PolyregionsError, match="there is no region 9"):
        regions.shortest_path(0, 9)


def test_ways_back_in_a_graph_with_odd_cycles():
    """Where boundaries end, two regions of one ring touch: the way back leaves the ring."""
    rng = np.random.default_rng(4)
    network = pr.Network.from_arrays(
        [
            (rng.integers(-2, 3, (5, 2)), rng.integers(-1, 2, 5)),
            (rng.integers(-1, 2, (4, 5)), rng.integers(-1, 1, 4)),
            (rng.integers(-1, 2, (1, 4)), [0]),
        ]
    )
    box = pr.Box.cube(2, 3.0)
    regions = pr.enumerate_regions(network, box)
    assert not nx.is_bipartite(regions.to_networkx())
    start = 6
    distances = regions.graph_distances(start)
    for end in np.flatnonzero(distances > 3):
        a, b = regions.witnesses[[start, end]]
        path = pr.shortest_path(network, a, b, domain=box)
        assert len(path) - 1 == distances[end]
