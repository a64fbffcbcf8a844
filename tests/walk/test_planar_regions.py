"""Planar regions in compiled integers: the same as in Python's, ties, slivers and all."""

from fractions import Fraction

import numpy as np
import pytest
from exact_walks import same_bytes, same_walk
from random_nets import FAMILIES, random_case
from slivers import slivers

import polyregions as pr
from polyregions.cells.integer_polygon import cut_out, write_rows
from polyregions.exact.digits import (
    add_product,
    approximate,
    carry,
    digits_needed,
    floats_as_digits,
    integers_as_digits,
    length_of,
)
from polyregions.exact.facets import exact_facets
from polyregions.network import Layer
from polyregions.network.exact_network import exact_rows
from polyregions.pattern import unpack
from polyregions.run.problem import whole_problem
from polyregions.testing import assert_valid
from polyregions.walk import steps
from polyregions.walk.degenerate_regions import decide_planar, exact_inner_point, planar_worker
from polyregions.walk.neighbors import OPEN, TOO_THIN, batch
from polyregions.walk.rational_walk import exact_region


def integer(digits):
    return sum(int(digit) << 28 * j for j, digit in enumerate(digits))


def twins(units, seed):
    """Units twice, one unit in the last place apart, and a layer that reads all of them."""
    rng = np.random.default_rng(seed)
    weight, bias = rng.normal(size=(units, 2)), rng.normal(size=units) * 0.3
    first = (
        np.vstack([weight, np.nextafter(weight, np.inf)]),
        np.concatenate([bias, np.nextafter(bias, np.inf)]),
    )
    second = rng.normal(size=(3, 2 * units)), rng.normal(size=3) * 0.3
    return pr.Network.from_arrays([first, second, (np.ones((1, 3)), [0.0])])


def lattice(seed, pieces=5, sets=4, rounded=True):
    """The largest of the least of some affine functions, which sets of them share.

    The functions pass through a layer of their own, or are subtracted in floats.
    """
    rng = np.random.default_rng(seed)
    functions, shifts = rng.normal(size=(pieces, 2)), rng.normal(size=pieces) * 0.5
    chosen = rng.integers(0, pieces, size=sets * 4)
    layers = []
    if rounded:
        table, offsets = functions[chosen], shifts[chosen]
    else:
        layers.append(Layer.with_slopes(functions, shifts, np.ones(pieces), 1.0))
        table, offsets = np.eye(pieces)[chosen], np.zeros(len(chosen))
    sign = -1.0  # of what is added to the second of two: least first, then largest
    while len(table) > 1:
        sign = 1.0 if len(table) <= sets else -1.0
        one, two = table[0::2], table[1::2]
        first, second = offsets[0::2], offsets[1::2]
        layers.append(
            Layer.with_slopes(
                np.vstack([sign * (one - two), two]),
                np.concatenate([sign * (first - second), second]),
                np.repeat([0.0, 1.0], len(one)),
                1.0,
            )
        )
        table, offsets = np.hstack([sign * np.eye(len(one)), np.eye(len(one))]), 0.0 * first
    return pr.Network((*layers, Layer.affine(table, offsets)))


HOSTILE = [0.0, 5e-324, 2.0**-1022, 1e-260, 0.1, 1.0, -3.0, np.nextafter(1.0, 2.0), 1e17, -1e300]


def test_digits_are_pythons_integers():
    rng = np.random.default_rng(0)
    for _ in range(200):
        one, other = (
            int(rng.integers(-(2**62), 2**62)) * 3 ** int(rng.integers(0, 60)) >> int(cut)
            for cut in rng.integers(0, 150, size=2)
        )
        room = digits_needed(float(max(abs(one), abs(other)).bit_length()))
        table = integers_as_digits([one, other], room)
        assert [integer(table[:, 0]), integer(table[:, 1])] == [one, other]
        assert (abs(table) <= 2**27).all()
        out = np.zeros(2 * room + 1, dtype=np.int64)
        lengths = [length_of(table[:, 0].copy(), room), length_of(table[:, 1].copy(), room)]
        add_product(table[:, 0].copy(), lengths[0], table[:, 1].copy(), lengths[1], -1, out)
        carry(out, len(out))
        assert integer(out) == -one * other
        length = length_of(out, len(out))
        if length:
            assert (out[length - 1] < 0) == (one * other > 0)
            about = Fraction(approximate(out, length, length - 1)) * 2 ** (28 * (length - 1))
            assert abs(about + one * other) <= abs(one * other) * Fraction(2) ** -50


def test_floats_are_digits():
    values = np.array(HOSTILE)
    digits = floats_as_digits(values, 1074, digits_needed(1074.0 + 1000.0))
    for value, column in zip(values.tolist(), digits.T, strict=True):
        assert integer(column) == Fraction(value) * 2**1074


def planar_cases():
    for family in FAMILIES:
        for seed in range(4):
            network, domain = random_case(family, seed)
            yield f"{family} {seed}", network, domain
    yield from slivers()
    yield "twins", twins(3, 1), pr.Box.cube(2, 1.0)
    yield "rounded lattice", lattice(2), pr.Box.cube(2, 1.0)
    yield "lattice", lattice(3, rounded=False), pr.Box.cube(2, 3.0)


def assert_same_rows(polygon, rows, name):
    """Rows must be the same up to positive factors."""
    for i, row in enumerate(rows):
        own = [integer(polygon.columns[d, :, i]) for d in range(3)]
        lead = next((d for d in range(3) if row[d]), None)
        assert lead is not None or not any(own), name
        if lead is not None:
            factor = Fraction(own[lead], int(row[lead]))
            assert factor > 0, name
            assert own == [factor * int(entry) for entry in row], name


def test_sums_of_many_large_digits_are_carried_in_time():
    most, width = 2.0**27 - 1.0, 700
    layers = [(np.full((width, 2), most), np.zeros(width)), (np.full((2, width), most), [0.0, 0.0])]
    # without biases the chart of the whole space multiplies nothing: one digit stays one
    network = pr.Network.from_arrays([*layers, ([[1.0, 1.0]], [0.0])])
    problem = whole_problem(network, None)
    worker = planar_worker(problem.flat, problem.integers)
    bits = np.ones(problem.flat.units, dtype=np.uint8)
    write_rows(problem.flat, worker.integers, bits, worker.polygon)
    assert_same_rows(worker.polygon, exact_rows(problem.exact, bits), "wide")


def test_facets_neighbours_and_points_are_those_of_pythons_integers():
    rng = np.random.default_rng(5)
    regions = empty = thin = 0
    for name, network, domain in planar_cases():
        problem = whole_problem(network, domain)
        flat, exact = problem.flat, problem.exact
        if problem.integers is None:
            continue
        worker = planar_worker(flat, problem.integers)
        patterns = list(rng.integers(0, 2, size=(6, flat.units), dtype=np.uint8))
        found = pr.enumerate_regions(network, domain).patterns
        patterns += [unpack(words, flat.units) for words in found[:: max(1, len(found) // 8)]]
        for bits in patterns:
            write_rows(flat, worker.integers, bits, worker.polygon)
            rows = exact_rows(exact, bits)
            assert_same_rows(worker.polygon, rows, name)
            count = cut_out(worker.polygon, flat.size, flat.units)
            facets = exact_facets(rows)
            assert (count < 0) == (facets is None), name
            if facets is not None:
                leader, edges = worker.polygon.leader, worker.polygon.edges[:count].tolist()
                groups = {tuple(np.flatnonzero(leader == row).tolist()) for row in edges}
                assert groups == set(facets.groups), name
            result = batch(flat, 1, flat.units)
            used = decide_planar(flat, worker, bits, problem.room, 0, 0, result)
            region = exact_region(exact, bits)
            assert (region is None) == (result.state[0] == OPEN), name
            if region is None:
                empty += 1
                continue
            regions += 1
            beyond = {unpack(words, flat.units).tobytes() for words in result.children[:used]}
            assert used == len(region.facets), name
            assert beyond == {facet.neighbor.tobytes() for facet in region.facets}, name
            point = tuple(map(Fraction, result.witnesses[0].tolist()))
            if result.state[0] == TOO_THIN:
                thin += 1
                point = exact_inner_point(result.inner[0])
            for row in rows:
                value = sum(int(a) * u for a, u in zip(row, (*point, 1), strict=True))
                assert value > 0 or not any(row), name
    assert min(regions, empty, thin) > 20


@pytest.mark.parametrize(
    ("kind", "seed"),
    [(kind, seed) for kind in ("twins", "rounded", "lattice") for seed in range(4)],
)
def test_ties_up_to_a_rounding_need_no_rationals(kind, seed, monkeypatch):
    network = twins(4, seed) if kind == "twins" else lattice(seed, rounded=kind == "rounded")
    box = pr.Box.cube(2, 1.0)
    regions = same_walk(network, box)
    assert_valid(regions)

    def refuse(*_):
        raise AssertionError(kind)

    monkeypatch.setattr(steps, "exact_region", refuse)
    assert len(pr.enumerate_regions(network, box)) == len(regions)


def test_several_threads_give_the_same_bytes():
    same_bytes(twins(5, 7), pr.Box.cube(2, 1.0))


@pytest.mark.parametrize("seed", range(12))
def test_hostile_floats(seed):
    rng = np.random.default_rng(seed)
    first = rng.choice(HOSTILE, size=(5, 2)), rng.choice(HOSTILE, size=5)
    second = rng.choice(HOSTILE[:8], size=(2, 5)), rng.choice(HOSTILE[:8], size=2)
    network = pr.Network.from_arrays([first, second, ([[1.0, 1.0]], [0.0])])
    same_walk(network, pr.Box.cube(2, float(rng.choice([1.0, 0.7, 1e17, 5e-324]))))


def test_numbers_of_too_many_digits_are_left_to_python():
    network = pr.Network.from_arrays(
        [([[5e-324, 1.0], [1.0, 1e300]], [5e-324, 0.0]), ([[1.0, 1.0]], [0.0])]
    )
    assert whole_problem(network, pr.Box.cube(2, 1.0)).integers is None
    same_walk(network, pr.Box.cube(2, 1.0))
