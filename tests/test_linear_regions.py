"""Linear regions against brute force, and the chain of the six notions of region."""

from itertools import combinations

import flint
import numpy as np
import pytest
from oracles import brute_force, domain_rows, fraction_rows
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.analysis.linear_regions import (
    R3_NOT_COMPUTED,
    LinearRegions,
    common_point,
    count_all_patterns,
    linear_regions,
)
from polyregions.pattern import unpack
from polyregions.theory import constructions as known


def output_maps(network, domain, patterns):
    """The exact affine map of every region in the free inputs, as tuples of fractions."""
    units = network.hidden_units
    # each output becomes the last unit of a network of its own; a final unit closes it
    maps = []
    for words in patterns:
        bits = unpack(words, units).tolist()
        rows = []
        for k in range(network.output_dimension):
            last = network.layers[-1]
            top = pr.Layer.relu(last.weight[k : k + 1], last.bias[k : k + 1])
            probe = pr.Network((*network.layers[:-1], top, pr.Layer.affine([[1.0]], [0.0])))
            rows.append(fraction_rows(probe, domain, [*bits, 1])[-1])
        maps.append(tuple(rows))
    return maps


def closures_meet(here, there, box):
    """Whether two closed polytopes share a point strictly inside the box, by vertices."""
    rows = {tuple(row) for row in [*here, *there, *box] if any(row[:-1])}
    m = len(box[0]) - 1
    vertices = []
    for subset in combinations(rows, m):
        normals = flint.fmpq_mat([list(row[:m]) for row in subset])
        if normals.rank() < m:
            continue
        offsets = flint.fmpq_mat([[-row[m]] for row in subset])
        point = normals.solve(offsets).entries()
        if all(value(row, point) >= 0 for row in rows):
            vertices.append(point)
    if not vertices:
        return False
    centre = [sum(entries) / len(vertices) for entries in zip(*vertices, strict=True)]
    return all(value(row, centre) > 0 for row in box)


def value(row, point):
    return sum((a * x for a, x in zip(row, point, strict=False)), row[-1])


def partition(labels):
    classes = {}
    for index, label in enumerate(labels):
        classes.setdefault(label, set()).add(index)
    return {frozenset(members) for members in classes.values()}


def components(size, links):
    labels = list(range(size))
    for i, j in links:
        old, new = labels[i], labels[j]
        labels = [new if label == old else label for label in labels]
    return partition(labels)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_brute_force_on_random_nets(family):
    merged = 0
    for seed in range(500, 517):
        network, domain = random_case(family, seed, units=5)
        expected = brute_force(network, domain)
        found = linear_regions(pr.enumerate_regions(network, domain))
        maps = output_maps(network, domain, expected.patterns)
        size = len(maps)
        equal = [(i, j) for i, j in combinations(range(size), 2) if maps[i] == maps[j]]
        merged += len(equal)
        assert partition(found.by_map) == components(size, equal)
        facets = set(map(tuple, expected.edges.tolist()))
        assert partition(found.open) == components(size, [e for e in equal if e in facets])
        if size <= 14 and network.input_dimension < 3:
            box = domain_rows(network, domain)
            polytopes = [
                fraction_rows(network, domain, unpack(words, network.hidden_units).tolist())
                for words in expected.patterns
            ]
            touching = [(i, j) for i, j in equal if closures_meet(polytopes[i], polytopes[j], box)]
            assert partition(found.closed) == components(size, touching)
        assert found.chain_holds
    if family in {"duplicates", "integer", "dead", "zero bias"}:
        assert merged  # the families test something


def test_the_chain_of_the_six_definitions():
    example = known.maximum_example()
    merged = linear_regions(pr.enumerate_regions(example.network, example.domain))
    assert count_all_patterns(example.network, example.domain) == 7
    assert merged.counts == {"R2": 5, "R4": 3, "R5": 3, "R6": 3}
    assert "NP-hard" in R3_NOT_COMPUTED


def test_a_linear_region_that_is_not_convex():
    example = known.minimum_example()
    merged = linear_regions(pr.enumerate_regions(example.network, example.domain))
    assert merged.counts == {"R2": 5, "R4": 3, "R5": 3, "R6": 3}


def hat_twice() -> pr.Network:
    """Zero, a hat on (-2, -1) touching nothing, zero, a hat on (1, 2), zero."""
    knots = [-2.0, -1.5, -1.0, 1.0, 1.5, 2.0]
    slopes = [1.0, -2.0, 1.0] * 2
    return pr.Network.from_arrays([(np.ones((6, 1)), [-k for k in knots]), ([slopes], [0.0])])


def test_pieces_of_one_map_that_are_apart():
    merged = linear_regions(pr.enumerate_regions(hat_twice(), pr.Box.cube(1, 3.0)))
    # rising and falling slopes have different shifts, so only the zero map repeats
    assert merged.counts == {"R2": 7, "R4": 7, "R5": 7, "R6": 5}


def test_closed_pieces_that_touch_in_a_point():
    # |x| - |y| - ||x| - |y|| = 2 min(|x| - |y|, 0): zero on two opposite double cones
    network = pr.Network(
        (
            pr.Layer.with_slopes(np.eye(2), [0, 0], -1.0, 1.0),
            pr.Layer.with_slopes([[1, -1]], [0], -1.0, 0.0),
            pr.Layer.affine([[1.0]], [0.0]),
        )
    )
    for box in (pr.Box.cube(2, 1.0), None):
        merged = linear_regions(pr.enumerate_regions(network, box))
        # where |x| > |y| the output is 0, in two cones that meet in the origin only;
        # above and below it is |y| - |x|, four maps
        assert merged.counts == {"R2": 8, "R4": 6, "R5": 5, "R6": 5}
    # the point of contact lies on the box's boundary: the pieces do not touch inside
    merged = linear_regions(pr.enumerate_regions(network, pr.Box([-1, 0], [1, 1])))
    assert merged.counts == {"R2": 4, "R4": 4, "R5": 4, "R6": 3}


def test_numbers_far_apart_are_told_apart():
    # the jump is 2^-900: no float sum would show it beside 1
    weights = [([[1.0], [1.0]], [0.0, -0.5]), ([[1.0, 2.0**-900]], [1.0])]
    merged = linear_regions(
        pr.enumerate_regions(pr.Network.from_arrays(weights), pr.Box.cube(1, 1.0))
    )
    assert merged.counts == {"R2": 3, "R4": 3, "R5": 3, "R6": 3}


def test_a_partial_result_is_refused(three_lines):
    partial = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0), max_regions=2)
    with pytest.raises(pr.PartialResultError, match="linear regions need every region"):
        linear_regions(partial)


def test_a_broken_chain_is_noticed(three_lines):
    regions = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    right = linear_regions(regions)
    wrong = LinearRegions(regions, right.by_map * 0, right.closed, right.by_map)
    assert right.chain_holds
    assert not wrong.chain_holds


def test_a_weak_system_without_a_strict_point():
    square = [[1, 0, 1], [-1, 0, 1], [0, 1, 1], [0, -1, 1]]
    line = [[1, 1, 0], [-1, -1, 0]]
    found = common_point(line, square, [0, 0, 1])
    assert found is not None
    assert found[0] + found[1] == 0
    assert common_point([*line, [1, 0, -2]], square, [0, 0, 1]) is None
    assert common_point([[0, 0, -1]], square, [0, 0, 1]) is None
    assert common_point([], [*square, [0, 0, 0]], [0, 0, 1]) is None
    assert common_point(line, [*square, [1, 1, 0]], [0, 0, 1]) is None
