"""Cells cut by class, against exact polytopes, and the tournament against numpy.argmax."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from random_nets import random_case

import polyregions as pr
from polyregions.analysis.affine_maps import exact_maps
from polyregions.analysis.decision import comparing_network, decision_boundary, decision_in
from polyregions.geometry.double_description import polytope_of
from polyregions.network import Layer
from polyregions.regions.polytopes import chart_polytopes
from polyregions.walk.subproblem import prefix_indices

FAMILIES = ("generic", "zero bias", "duplicates", "integer", "touching", "slopes", "dead")


def with_outputs(network: pr.Network, outputs: int, seed: int, *, whole: bool) -> pr.Network:
    """The network with other outputs: small whole numbers make ties on whole regions."""
    rng = np.random.default_rng(seed)
    shape = outputs, network.layers[-1].matrix.shape[1]
    weight = rng.integers(-1, 2, size=shape) if whole else rng.normal(size=shape)
    hidden = pr.Network((*network.layers[:-1], Layer.affine(np.eye(shape[1]), np.zeros(shape[1]))))
    # generic ones nearly equal at 0, where several classes then meet
    near = -weight @ hidden.forward(np.zeros(network.input_dimension))
    bias = rng.integers(-1, 2, size=outputs) if whole else near + 0.01 * rng.normal(size=outputs)
    return pr.Network((*network.layers[:-1], Layer.affine(weight, bias)))


def volumes_by_cutting(regions: pr.Regions) -> dict[tuple[int, int], object]:
    """The exact volume of each class in each cell, from all pairs of outputs."""
    maps = exact_maps(regions.network, regions.domain)
    found = {}
    for index, words in enumerate(regions.patterns):
        units, outputs, _ = maps.rows(words)
        outputs = [[int(entry) for entry in row] for row in outputs]
        cell = polytope_of(maps.chart.dimension, [[int(entry) for entry in row] for row in units])
        for k, mine in enumerate(outputs):
            part = cell
            for j, other in enumerate(outputs):
                if part is None or j == k:
                    continue
                if mine == other:
                    part = part if k < j else None  # a tie on an open set goes to the first
                else:
                    part = part.cut([a - b for a, b in zip(mine, other, strict=True)])
            if part is not None:
                found[index, k] = part.volume()
    return found


def volumes_of_pieces(regions: pr.Regions) -> dict[tuple[int, int], object]:
    cut = decision_in(regions)
    found = defaultdict(int)
    owners = prefix_indices(cut.regions, regions).tolist()
    pieces = zip(owners, cut.classes.tolist(), chart_polytopes(cut.regions), strict=True)
    for owner, label, polytope in pieces:
        found[owner, label] += polytope.volume()
    return found


@pytest.mark.parametrize("whole", [False, True], ids=["generic outputs", "tied outputs"])
@pytest.mark.parametrize("family", FAMILIES)
def test_pieces_are_exactly_those_of_all_pairs(family, whole):
    network, domain = random_case(family, 5)
    network = with_outputs(network, 4, 3, whole=whole)
    regions = pr.enumerate_regions(network, domain)
    assert volumes_of_pieces(regions) == volumes_by_cutting(regions)


# from x and y, both signs of each
SIGNED = Layer.relu([[1, 0], [-1, 0], [0, 1], [0, -1]], [0, 0, 0, 0])
X, Y = np.array([1, -1, 0, 0]), np.array([0, 0, 1, -1])

DEGENERATE = {
    "three classes meet in a point": [X, Y, -X - Y],
    "a border through corners of cells": [X, Y],
    "a border along a facet": [0 * X, [1, 0, 0, 0]],
    "a tie that touches a facet only": [[0, 1, 0, 0], 0 * X, [0, 1, 1, 0]],
    "two outputs equal on half the square": [[1, 0, 0, 0], [1, 0, 1, 0], 0 * X],
    "all outputs equal": [X, X, X],
    "a class that wins on a line only": [abs(X), 0 * X, abs(X)],
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_borders(name):
    weight = np.array(DEGENERATE[name], dtype=float)
    network = pr.Network((SIGNED, Layer.affine(weight, np.zeros(len(weight)))))
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0))
    assert volumes_of_pieces(regions) == volumes_by_cutting(regions)
    # the boundary is where the class changes: looked at from both sides of each piece
    boundary = decision_boundary(network, regions.domain)
    for piece in boundary.pieces():
        sides = boundary.regions.edges[piece.edge]
        inner = boundary.regions.witnesses[sides]
        assert set(network.forward(inner).argmax(axis=1)) == set(piece.classes)


def test_a_border_along_a_facet_is_drawn_once_and_a_mere_tie_is_not():
    lengths = {}
    for name, rows in DEGENERATE.items():
        network = pr.Network((SIGNED, Layer.affine(rows, np.zeros(len(rows)))))
        pieces = decision_boundary(network, pr.Box.cube(2, 1.0)).pieces()
        lengths[name] = sum(piece.measure for piece in pieces)
    assert lengths["a border along a facet"] == pytest.approx(2.0)
    # only y = 0: 0 and 1 tie where x > 0 > y, and 0 has both sides of x = 0
    assert lengths["a tie that touches a facet only"] == pytest.approx(2.0)
    assert lengths["all outputs equal"] == 0
    assert lengths["a class that wins on a line only"] == 0


@pytest.mark.parametrize("outputs", range(1, 12))
def test_the_tournament_takes_one_unit_less_than_outputs(outputs):
    network = with_outputs(random_case("generic", 2)[0], outputs, outputs, whole=True)
    compared = comparing_network(network)
    assert compared.hidden_units - network.hidden_units == max(1, outputs - 1)
    rng = np.random.default_rng(outputs)
    points = rng.uniform(-1, 1, size=(200, network.input_dimension))
    best = np.asarray(compared.forward(points))[:, 0]
    values = network.forward(points)
    largest = np.maximum(values[:, 0], 0) if outputs == 1 else values.max(axis=1)
    np.testing.assert_allclose(best, largest, atol=1e-12)


def some(regions: pr.Regions, chosen: np.ndarray) -> pr.Regions:
    """A partial result that holds some regions only, and the edges between them."""
    rank = np.full(len(regions), -1)
    rank[chosen] = np.arange(len(chosen))
    edges = rank[regions.edges]
    return replace(
        regions,
        patterns=regions.patterns[chosen],
        witnesses=regions.witnesses[chosen],
        edges=edges[(edges >= 0).all(axis=1)].astype(np.int32),
        complete=False,
        exact_witnesses={},
    )


@pytest.mark.parametrize("family", ["generic", "duplicates", "integer", "whole space"])
def test_pieces_of_a_partial_result_are_those_of_the_whole(family):
    network, domain = random_case(family, 5)
    network = with_outputs(network, 4, 3, whole=family == "integer")
    regions = pr.enumerate_regions(network, domain)
    everything = decision_in(regions)
    owners = prefix_indices(everything.regions, regions)
    # regions that do not all hang together
    chosen = np.flatnonzero(np.random.default_rng(0).random(len(regions)) < 0.5)
    part = decision_in(some(regions, chosen))
    kept = np.flatnonzero(np.isin(owners, chosen))
    assert not part.regions.complete
    np.testing.assert_array_equal(part.regions.patterns, everything.regions.patterns[kept])
    np.testing.assert_array_equal(part.classes, everything.classes[kept])
    expected = some(everything.regions, kept).edges
    np.testing.assert_array_equal(part.regions.edges, expected)


@pytest.mark.parametrize("family", ["generic", "integer"])
def test_a_class_that_no_sample_meets_is_found(family, monkeypatch):
    network, domain = random_case(family, 5)
    network = with_outputs(network, 5, 3, whole=family == "integer")
    expected = decision_boundary(network, domain)
    assert len(np.unique(expected.classes)) > 2
    monkeypatch.setattr("polyregions.analysis.decision._SAMPLED_POINTS", 1)
    found = decision_boundary(network, domain)
    length = sum(piece.measure for piece in expected.pieces())
    assert sum(piece.measure for piece in found.pieces()) == pytest.approx(length)
    np.testing.assert_array_equal(np.unique(found.classes), np.unique(expected.classes))


def test_many_outputs_of_which_few_win_cut_little():
    rng = np.random.default_rng(0)
    weight, bias = 0.01 * rng.normal(size=(200, 12)), np.full(200, -9.0)
    weight[::50], bias[::50] = rng.normal(size=(4, 12)), 0.0
    network = pr.Network.from_arrays(
        [(rng.normal(size=(12, 2)), 0.3 * rng.normal(size=12)), (weight, bias)]
    )
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0))
    cut = decision_in(regions)
    assert set(np.unique(cut.classes).tolist()) <= {0, 50, 100, 150}
    assert len(cut.regions) < 5 * len(regions)
