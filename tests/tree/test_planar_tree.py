"""Clipping polygons against the dictionary, exact arithmetic, the walk and known counts."""

from fractions import Fraction

import numpy as np
import pytest
from random_nets import FAMILIES, random_case
from slivers import slivers
from zoo import ZOO

import polyregions as pr
from polyregions.network import Layer, Network, storage
from polyregions.network.exact_network import exact_rows
from polyregions.network.integer_network import integer_maps
from polyregions.network.layer_maps import Maps, change_slope, write_layer_maps
from polyregions.network.prefix import empty_prefix
from polyregions.run.problem import problem_of, whole_problem
from polyregions.tree.corner_orientation import (
    FOUND_DOUBT,
    corner_sign,
    find_corner,
    integer_lines,
    lines_concur,
    write_lost_row,
)
from polyregions.tree.planar_subtree import PlanarSubtree, boundary
from polyregions.tree.polygons import evaluate_units, polygons_of
from polyregions.tree.subdivision import count_tree, unit_order
from polyregions.tree.subtree import Subtree, float_row

FOREVER = 1 << 40


def planar_case(family, seed, units):
    """A problem with two chart coordinates: the same families, other inputs where need be."""
    attempt = seed
    while True:
        network, domain = random_case(family, attempt, units=units)
        problem = (problem_of if seed % 2 == 0 else whole_problem)(network, domain)
        if problem.flat.units == 0:
            problem = whole_problem(network, domain)
        if problem.flat.dimension == 2:
            return network, domain, problem
        attempt += 1000


def explored(subtree):
    """Counts by level of a whole subtree."""
    while not subtree.finished:
        subtree.advance(FOREVER, FOREVER)
    return subtree.counts.tolist()


def in_pieces(subtree, budget):
    """The same, begun anew below every prefix that a small budget leaves."""
    prefixes, total = [empty_prefix(subtree.problem.flat.units)], 0
    while prefixes:
        subtree.start(prefixes.pop())
        while not subtree.finished and subtree.work < budget:
            subtree.advance(budget - subtree.work, FOREVER)
        left, counts = subtree.unexplored()
        total = total + counts
        prefixes.extend(left)
    return total.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("units", [6, 14, 30])
def test_clipping_equals_simplex_and_walk(family, units):
    for seed in range(12):
        network, domain, problem = planar_case(family, seed, units)
        counts = explored(PlanarSubtree(problem, None))
        assert counts == explored(Subtree(problem, None))
        assert counts[-1] == len(pr.enumerate_regions(network, domain))


@pytest.mark.parametrize("family", FAMILIES)
def test_orders_and_pieces_give_the_same_counts(family):
    for seed in range(30, 36):
        _, _, problem = planar_case(family, seed, 14)
        counts = explored(PlanarSubtree(problem, None))
        order = unit_order(problem, seed)
        assert explored(PlanarSubtree(problem, order)) == counts
        assert in_pieces(PlanarSubtree(problem, None), 1) == counts
        assert in_pieces(PlanarSubtree(problem, order), 9) == counts


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_exact_integers_alone_give_the_same_counts(family, compiled):
    """With bounds and doubts beyond any value, every side goes to exact arithmetic."""
    for seed in range(40, 43):
        _, _, problem = planar_case(family, seed, 9)
        counts = explored(PlanarSubtree(problem, None))
        flat = problem.flat
        hopeless = flat._replace(
            first_error=flat.first_error + 1e-7 * np.abs(flat.first).sum(axis=0),
            domain_error=flat.domain_error + 0.5,
            zero_offsets=False,
        )
        blind = problem.__class__(**{**vars_of(problem), "flat": hopeless})
        if not compiled:
            vars(blind)["integers"] = None  # as where they take too many digits
        subtree = PlanarSubtree(blind, None)
        assert explored(subtree) == counts
        assert subtree.exact_decisions > 0 or counts[-1] == 1


def tied(kind, seed):
    """Networks with ties up to a rounding, and thinner cells than floats tell apart."""
    rng = np.random.default_rng(seed)
    weight, bias = rng.normal(size=(6, 2)), 0.3 * rng.normal(size=6)
    if kind == "twins":
        weight = np.vstack([weight, np.nextafter(weight, np.inf)])
        bias = np.concatenate([bias, np.nextafter(bias, np.inf)])
    elif kind == "multiples":
        weight[3:], bias[3:] = (
            np.array([[1.7], [-3], [0.1]]) * weight[:3],
            [1.7, -3, 0.1] * bias[:3],
        )
    else:  # lines through a point, about
        bias = -weight @ rng.uniform(-0.5, 0.5, size=2)
    second = rng.normal(size=(8, len(bias))), 0.3 * rng.normal(size=8)
    second[0][1], second[1][1] = second[0][0] / 3, second[1][0] / 3
    third = rng.normal(size=(5, 8)), 0.3 * rng.normal(size=5)
    return Network.from_arrays([(weight, bias), second, third, (np.ones((1, 5)), [0.0])])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["twins", "multiples", "point"])
def test_compiled_integers_leave_nothing_open(kind, seed, monkeypatch):
    network, square = tied(kind, seed), pr.Box.cube(2, 1.0)
    problem = problem_of(network, square)
    python = problem_of(network, square)
    vars(python)["integers"] = None
    counts = explored(PlanarSubtree(python, None))
    assert counts[-1] == len(pr.enumerate_regions(network, square))

    def refuse(*_):
        raise AssertionError(kind)

    monkeypatch.setattr(PlanarSubtree, "_write_row", refuse)
    monkeypatch.setattr(PlanarSubtree, "_write_signs", refuse)
    subtree = PlanarSubtree(problem, None)
    assert explored(subtree) == counts
    assert subtree.exact_decisions > 0
    assert in_pieces(PlanarSubtree(problem, None), 2) == counts
    assert explored(PlanarSubtree(problem, unit_order(problem, seed))) == counts


@pytest.mark.parametrize("case", list(slivers()), ids=lambda case: case[0])
def test_lines_are_those_of_pythons_integers(case):
    """Sides, corners and lost rows; maps of some layers only, from pattern to pattern."""
    _, network, box = case
    problem = whole_problem(network, box)
    flat = problem.flat
    if flat.dimension != 2 or problem.integers is None:
        pytest.skip("no integers of the plane")
    rng = np.random.default_rng(1)
    lines = integer_lines(problem.integers)
    polygons = polygons_of(flat, np.arange(flat.units))
    bits = np.ones(flat.units, dtype=np.uint8)
    for _ in range(30):
        bits[rng.integers(flat.units)] ^= 1
        layers = int(rng.integers(1, len(flat.widths) + 1))
        integer_maps(flat, problem.integers, bits, layers)
        rows = exact_rows(problem.exact, bits)
        # units as if active
        rows = [
            row if i >= flat.units or bits[i] else [-e for e in row] for i, row in enumerate(rows)
        ]
        known = [*range(flat.row_ends[layers - 1]), *range(flat.units, flat.size)]
        first, second, third = rng.choice(known, size=3).tolist()
        a, b, c = rows[first], rows[second], rows[third]
        corner = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
        value = sum(p * e for p, e in zip(corner, c, strict=True)) * corner[2]
        assert corner_sign(flat, lines, first, second, third) == (value > 0) - (value < 0)
        x, y = (Fraction(int(e), int(corner[2]) or 1) for e in corner[:2])
        if corner[2] and max(abs(x), abs(y)) <= 1:
            found = find_corner(flat, lines, first, second)
            assert abs(Fraction(found[0]) - x) + abs(Fraction(found[1]) - y) <= FOUND_DOUBT
        if third < flat.units:
            assert write_lost_row(flat, lines, polygons, third) == any(c)
        if third < flat.units and any(c):
            expected, error = float_row(c)
            assert (error == 0.0) == (polygons.errors[third] == 0.0)
            both = error + polygons.errors[third]
            assert np.abs(polygons.rows[:, third] - expected).sum() <= both


def vars_of(problem):
    """The fields of a problem, without what it has computed."""
    return {name: getattr(problem, name) for name in problem.__dataclass_fields__}


@pytest.mark.parametrize("known", [k for k in ZOO if k.network.input_dimension == 2], ids=str)
def test_zoo(known):
    problem = problem_of(known.network, known.domain)
    if problem.flat.dimension == 2 and problem.flat.units:
        assert explored(PlanarSubtree(problem, None))[-1] == known.regions


@pytest.mark.slow
@pytest.mark.parametrize("case", list(slivers()), ids=lambda case: case[0])
def test_slivers(case):
    _, network, box = case
    problem = problem_of(network, box)
    if problem.flat.dimension == 2:
        counts = explored(PlanarSubtree(problem, None))
        assert counts == explored(Subtree(problem, None))
        assert counts == in_pieces(PlanarSubtree(problem, None), 3)


@pytest.mark.parametrize("seed", range(4))
def test_wide_and_deep(seed):
    """Maps are updated from cell to cell many times between two fresh computations."""
    rng = np.random.default_rng(seed)
    shape = [(2, 40, 3, 30), (2, 12, 12, 12, 12), (2, 70, 20), (2, 5, 60, 5)][seed]
    layers = [
        (rng.normal(size=(out, into)) * np.sqrt(2 / into), 0.3 * rng.normal(size=out))
        for into, out in zip(shape, [*shape[1:], 1], strict=True)
    ]
    network = Network.from_arrays(layers)
    count = count_tree(network, pr.Box.cube(2, 1.5))
    assert count.regions == len(pr.enumerate_regions(network, pr.Box.cube(2, 1.5)))
    assert count.proven


def test_leaky_and_fixed_slopes():
    rng = np.random.default_rng(5)
    layers = [
        Layer(rng.normal(size=(9, 2)), rng.normal(size=9), np.full(9, 0.1), np.ones(9)),
        Layer(rng.normal(size=(8, 9)) / 3, rng.normal(size=8), np.linspace(-0.3, 1, 8), np.ones(8)),
        Layer(rng.normal(size=(9, 8)) / 3, rng.normal(size=9), np.full(9, 0.01), np.ones(9)),
        Layer.affine(np.ones((1, 9)), [0.0]),
    ]
    network = Network(tuple(layers))
    count = count_tree(network, pr.Box.cube(2, 1.0))
    assert count.regions == len(pr.enumerate_regions(network, pr.Box.cube(2, 1.0)))


@pytest.mark.parametrize("sparse", [False, True])
def test_maps_stay_within_their_bounds(sparse, monkeypatch):
    if sparse:
        monkeypatch.setattr(storage, "_SMALLEST_SPARSE", 1)
        monkeypatch.setattr(storage, "_SPARSE_DENSITY", 2.0)
    rng = np.random.default_rng(7)
    network = Network.from_arrays(
        [
            (rng.normal(size=(6, 2)), rng.normal(size=6)),
            (rng.normal(size=(7, 6)) * [1, 1e-6, 1e6, 1, 3, 1], rng.normal(size=7)),
            (np.ones((1, 7)), [0.0]),
        ]
    )
    problem = whole_problem(network, pr.Box.cube(2, 1.0))
    flat = problem.flat
    assert (flat.skipped[1] >= 0) == sparse
    p = polygons_of(flat, np.arange(flat.units))
    bits = np.ones(flat.units, dtype=np.uint8)
    maps = Maps(p.maps, p.map_errors)
    work = (maps, Maps(p.scaled, p.scaled_error), p.slopes)
    write_layer_maps(flat, 0, 0, bits, *work)
    write_layer_maps(flat, 1, 6, bits, *work)
    before = p.map_errors[1].copy()
    for unit in rng.integers(0, 6, size=200).tolist():
        bits[unit] = 1 - bits[unit]
        change_slope(flat, 1, 6, unit, 1.0 if bits[unit] else -1.0, maps)
    assert (p.map_errors[1] > before).all()
    rows = exact_rows(problem.exact, bits)
    for i in range(7):
        exact = [int(entry) for entry in rows[6 + i]]
        sign = 1 if bits[6 + i] else -1
        values = [Fraction(float(p.maps[1, d, i])) for d in range(3)]
        # rows of integers are a positive multiple; fixed by the weight of the bias
        scale = Fraction(1, 1)
        reference = exact_map(network, bits, i)
        scale = next(
            Fraction(e * sign) / r for e, r in zip(exact, reference, strict=True) if r != 0
        )
        assert [Fraction(e * sign) for e in exact] == [scale * r for r in reference]
        difference = sum(abs(a - b) for a, b in zip(values, reference, strict=True))
        assert difference <= Fraction(float(p.map_errors[1, i]))
    # an error of the layer below is multiplied by the weights, in either direction
    p.map_errors[0] = 1.0
    before = p.map_errors[1].copy()
    change_slope(flat, 1, 6, 2, -1.0, maps)
    assert (p.map_errors[1] - before >= np.abs(network.layers[1].weight[:, 2])).all()
    # and every sum is rounded, also where a small weight changes a large one
    p.map_errors[:] = 0.0
    change_slope(flat, 1, 6, 1, -1.0, maps)
    assert (p.map_errors[1] >= 2.0**-53 * np.abs(p.maps[1]).sum(axis=0)).all()


def exact_map(network, bits, unit):
    """The affine map of a unit of the second layer, in fractions."""
    first, second = network.layers[0], network.layers[1]
    total = [Fraction(0), Fraction(0), Fraction(float(second.bias[unit]))]
    for k in range(len(first.bias)):
        if bits[k]:
            weight = Fraction(float(second.weight[unit, k]))
            entries = [*first.weight[k].tolist(), float(first.bias[k])]
            total = [t + weight * Fraction(e) for t, e in zip(total, entries, strict=True)]
    return total


@pytest.mark.parametrize("doubt", [0.0, 0.01, 1e300])
@pytest.mark.parametrize("error", [0.0, 0.01])
def test_values_over_a_polygon_are_bounded(doubt, error):
    """Least and largest values leave room for what is not known of maps and corners."""
    rng = np.random.default_rng(3)
    network = Network.from_arrays(
        [(rng.normal(size=(20, 2)), rng.normal(size=20)), (np.ones((1, 20)), [0.0])]
    )
    subtree = PlanarSubtree(whole_problem(network, pr.Box.cube(2, 1.0)), None)
    polygons, flat = subtree.polygons, subtree.problem.flat
    bits = np.ones(flat.units, dtype=np.uint8)
    p = polygons
    maps, scaled = Maps(p.maps, p.map_errors), Maps(p.scaled, p.scaled_error)
    write_layer_maps(flat, 0, 0, bits, maps, scaled, p.slopes)
    polygons.map_errors[0] += error
    polygons.corners[:4, 2] += doubt
    evaluate_units(flat, polygons, 0, 0)
    normals, offsets = network.layers[0].weight, network.layers[0].bias
    reach = np.abs(normals).sum(axis=1)
    room = error + doubt * np.hypot(*normals.T)
    assert (polygons.low <= offsets - reach - room).all()
    assert (polygons.high >= offsets + reach + room).all()
    if doubt < 1.0:
        slack = error + 1.05 * doubt * reach + 1e-12
        assert (polygons.low >= offsets - reach - 1.05 * slack).all()


def test_nothing_is_left_of_another_prefix():
    """Integers, given signs and counts belong to one start."""
    network, _ = random_case("integer", 4, units=14)
    problem = whole_problem(network, pr.Box.cube(network.input_dimension, 1.0))
    if problem.flat.dimension != 2:
        problem = planar_case("integer", 4, 14)[2]
    subtree = PlanarSubtree(problem, None)
    counts = explored(subtree)
    assert subtree.polygons.counters[0]["ready"] >= 0
    subtree.start(empty_prefix(problem.flat.units))
    assert subtree.polygons.counters[0]["ready"] == -1
    assert subtree.polygons.counters[0]["given"] == -1
    assert explored(subtree) == counts


def test_meeting_lines():
    """Lines 0, 1, 2 meet in a point, 3 does not."""
    network = Network.from_arrays(
        [
            ([[1, 0], [0, 1], [3, -5], [3, -5]], [-0.25, -0.5, 1.75, 1.7500000001]),
            (np.ones((1, 4)), [0.0]),
        ]
    )
    problem = whole_problem(network, pr.Box.cube(2, 1.0))
    lines = integer_lines(problem.integers)
    integer_maps(problem.flat, problem.integers, np.ones(4, dtype=np.uint8), 1)
    for rows, answer in {(0, 1, 2): 1, (2, 0, 1): 1, (0, 0, 3): 1, (0, 1, 3): 0}.items():
        assert lines_concur(problem.flat, lines, rows) == answer
    counts = explored(PlanarSubtree(problem, None))
    assert counts[-1] == len(pr.enumerate_regions(network, pr.Box.cube(2, 1.0)))


@pytest.mark.parametrize("seed", range(30))
def test_boundary_of_a_polygon(seed):
    """Edges are the rows on which two corners lie, found by brute force."""
    rng = np.random.default_rng(seed)
    box = [[1, 0, 4], [-1, 0, 4], [0, 1, 4], [0, -1, 4]]
    rows = [*box, *rng.integers(-3, 4, size=(8, 3)).tolist()]
    rows = [row for row in rows if any(row[:2])]
    rows = [[a, b, abs(c) + 1] for a, b, c in rows]  # the origin is inside
    rng.shuffle(rows)
    corners = set()
    for i, (a, b, c) in enumerate(rows):
        for d, e, f in rows[:i]:
            area = a * e - b * d
            if area:
                x, y = Fraction(b * f - c * e, area), Fraction(c * d - a * f, area)
                if all(g * x + h * y + k >= 0 for g, h, k in rows):
                    corners.add((x, y))
    ends = [frozenset((x, y) for x, y in corners if a * x + b * y + c == 0) for a, b, c in rows]
    edges = boundary(rows)
    assert {ends[i] for i in edges} == {end for end in ends if len(end) == 2}
    assert len(edges) == len(corners)
    for before, edge in zip([edges[-1], *edges[:-1]], edges, strict=True):
        assert len(ends[before] & ends[edge]) == 1
        assert rows[before][0] * rows[edge][1] - rows[before][1] * rows[edge][0] > 0


def test_polytope_with_rows_that_carry_no_edge():
    a = [[1, 1], [-1, 0], [0, -1], [1, 0], [2, 2], [1, 1]]
    b = [1.0, 0.0, 0.0, 1.0, 2.0, 5.0]
    triangle = pr.Polytope(np.array(a, dtype=float), np.array(b))
    rng = np.random.default_rng(2)
    network = Network.from_arrays(
        [(rng.normal(size=(12, 2)), 0.3 * rng.normal(size=12)), (np.ones((1, 12)), [0.0])]
    )
    assert count_tree(network, triangle).regions == len(pr.enumerate_regions(network, triangle))


@pytest.mark.parametrize("drop", [False, True])
def test_a_silent_unit_among_units_that_all_vary(drop):
    """It leaves the network, also if no bit does; here exact zero tests read what is left."""
    first = [[1, 0], [0, 1], [1, 1], [5, 7]]
    layers = (
        Layer.with_slopes(first, [0, 0, 0, 0.5], 0.0, [1, 1, 1, 0]),
        Layer.relu([[1, -1, 0, 3], [1, 1, -1, 2]], [0, 0]),
        Layer.affine([[1, 1]], [0]),
    )
    network = Network(layers)
    square = pr.Box.cube(2, 1.0)
    problem = (problem_of if drop else whole_problem)(network, square)
    assert problem.modular.first.shape[2] == problem.flat.widths[0]
    subtree = PlanarSubtree(problem, None)
    assert explored(subtree)[-1] == len(pr.enumerate_regions(network, square))


def test_room_grows():
    """More candidates and deeper stacks than there is room for at first."""
    rng = np.random.default_rng(3)
    network = Network.from_arrays(
        [(rng.normal(size=(300, 2)), 0.1 * rng.normal(size=300)), (np.ones((1, 300)), [0.0])]
    )
    problem = problem_of(network, pr.Box.cube(2, 1.0))
    subtree = PlanarSubtree(problem, None)
    room = len(subtree.polygons.frames)
    assert explored(subtree)[-1] == len(pr.enumerate_regions(network, pr.Box.cube(2, 1.0)))
    assert len(subtree.polygons.frames) > room
    assert subtree.polygons.counters[0]["depth"] < 0
