"""Parts of polygons counted: against rational arithmetic, the tree that lists them, the walk."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from random_nets import FAMILIES
from test_planar_tree import explored, in_pieces, planar_case

import polyregions as pr
from polyregions.network import Layer, Network
from polyregions.run.problem import problem_of, whole_problem
from polyregions.tree.chords import chords_of, meeting_interval, sort_by
from polyregions.tree.corner_orientation import integer_lines
from polyregions.tree.line_arrangement import crossing_pairs, keep_close
from polyregions.tree.planar_subtree import PlanarSubtree
from polyregions.tree.subdivision import unit_order


def parts_of_square(rows):
    """Parts into which lines a x + b y + c = 0 cut the open square, by rational arithmetic."""
    rows = [tuple(map(Fraction, row)) for row in np.asarray(rows, dtype=float).tolist()]
    parts, lines = 1, []
    for a, b, c in rows:
        if abs(c) >= abs(a) + abs(b) or any(
            a * e == b * d and a * f == c * d and b * f == c * e for d, e, f in lines
        ):
            continue  # it misses the square, or is there already
        points = set()
        for d, e, f in lines:
            area = a * e - b * d
            if area:
                x, y = (b * f - c * e) / area, (c * d - a * f) / area
                if abs(x) < 1 and abs(y) < 1:
                    points.add((x, y))
        parts += 1 + len(points)
        lines.append((a, b, c))
    return parts


def counted_and_listed(rows):
    """The same by the planar tree: counted, and listed in the order of the units."""
    rows = np.asarray(rows, dtype=float)
    network = Network.from_arrays([(rows[:, :2], rows[:, 2]), (np.ones((1, len(rows))), [0.0])])
    problem = whole_problem(network, pr.Box.cube(2, 1.0))
    counted = explored(PlanarSubtree(problem, None))
    assert counted == explored(PlanarSubtree(problem, unit_order(problem)))
    return counted[-1]


def through(points, rng):
    """Lines through these points, one for each, with integers for normals."""
    normals = rng.integers(-3, 4, size=(len(points), 2))
    normals[~normals.any(axis=1)] = [1, 2]
    return np.column_stack([normals, -(normals * points).sum(axis=1)])


def lines_of(kind, rng):
    """Lines that cross a square, of a kind that is easily miscounted."""
    k = int(rng.integers(3, 16))
    generic = np.column_stack([rng.normal(size=(k, 2)), 0.5 * rng.normal(size=k)])
    if kind == "generic":
        return generic
    if kind == "integer":
        return rng.integers(-2, 3, size=(k, 3))
    if kind == "through a point":
        return np.concatenate([through(np.full((k, 2), 0.25), rng), generic[:3]])
    if kind == "through points":
        return through(rng.choice([-0.5, 0.25, 0.0], size=(k, 2)), rng)
    if kind == "through corners":
        return through(rng.choice([-1.0, 1.0], size=(k, 2)), rng)
    if kind == "meeting on the rim":
        points = rng.choice([-1.0, -0.25, 0.5, 1.0], size=(k, 2))
        points[:, 0] = rng.choice([-1.0, 1.0], size=k)
        return through(points, rng)
    if kind == "parallel":
        normals = rng.choice([-1.0, 1.0, 2.0], size=(2, 2))[rng.integers(0, 2, size=k)]
        return np.column_stack([normals, rng.choice(np.arange(-4, 5) / 4, size=k)])
    if kind == "twice":
        rows = np.round(generic * 64) / 64
        return np.concatenate([rows, -3.0 * rows, rows[:2]])
    if kind == "one rounding apart":
        return np.concatenate([generic, np.nextafter(generic, 9.0), np.nextafter(generic, -9.0)])
    if kind == "nearly through a point":
        rows = through(np.full((k, 2), 0.25), rng).astype(float)
        return np.concatenate([rows, np.nextafter(rows, rng.choice([-9.0, 9.0], size=rows.shape))])
    assert kind == "nearly parallel"
    return np.column_stack([1.0 + rng.integers(-3, 4, size=(k, 2)) * 2.0**-50, generic[:, 2] / 8])


KINDS = [
    "generic",
    "integer",
    "through a point",
    "through points",
    "through corners",
    "meeting on the rim",
    "parallel",
    "twice",
    "one rounding apart",
    "nearly through a point",
    "nearly parallel",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_counted_equals_listed_equals_rational(kind, seed):
    rows = lines_of(kind, np.random.default_rng([KINDS.index(kind), seed]))
    assert counted_and_listed(rows) == parts_of_square(rows)


@pytest.mark.parametrize("seed", range(3))
def test_many_lines_on_a_lattice(seed):
    """So many points on a line that they are put into buckets, most of them on several lines."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate(
        [
            rng.integers(-3, 4, size=(60, 3)) / [1, 1, 4],
            np.column_stack([rng.normal(size=(30, 2)), 0.5 * rng.normal(size=30)]),
        ]
    )
    assert counted_and_listed(rows) == parts_of_square(rows)


def test_a_star_is_counted_without_being_listed():
    """Many lines through one point, and two beside it."""
    angles = np.arange(150) * (np.pi / 150)
    rows = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(150)])
    rows = np.concatenate([rows, [[1.0, 0.5, 0.25], [1.0, -0.5, 0.25]]])
    network = Network.from_arrays([(rows[:, :2], rows[:, 2]), (np.ones((1, 152)), [0.0])])
    problem = problem_of(network, pr.Box.cube(2, 1.0))
    subtree = PlanarSubtree(problem, None)
    assert explored(subtree)[-1] == parts_of_square(rows)
    assert subtree.polygons.counters[0]["nodes"] < 200


@pytest.mark.parametrize("wide", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("at", [-1.0, 0.25])
def test_bounds_of_some_units_hide_the_order_of_points(wide, at):
    """A tie of two points of a line, and one between as far as the tie's bound can tell."""
    step = 2.0**-20
    rows = [[0, 1, -at], [3, 1, -at - 1.5], [3, -1, at - 1.5], [1, 0, step - 0.5], [1, 2, -0.3]]
    for turn in ([[1, 0], [0, 1]], [[0, 1], [1, 0]], [[-1, 0], [0, 1]], [[0, 1], [-1, 0]]):
        turned = np.array(rows, dtype=float)
        turned[:, :2] @= turn
        if at == -1.0:  # along the rim
            turned = turned[1:]
        network = Network.from_arrays([(turned[:, :2], turned[:, 2]), ([[1.0] * len(turned)], [0])])
        problem = whole_problem(network, pr.Box.cube(2, 1.0))
        errors = problem.flat.first_error.copy()
        errors[wide % len(turned)] += 4e-6
        problem = dataclasses.replace(problem, flat=problem.flat._replace(first_error=errors))
        subtree = PlanarSubtree(problem, None)
        # not only after a first split
        subtree._integers, subtree._lines = problem.integers, integer_lines(problem.integers)
        assert explored(subtree)[-1] == parts_of_square(turned)


@pytest.mark.parametrize("family", FAMILIES)
def test_cells_of_deep_networks(family):
    for seed in range(60, 64):
        network, domain, problem = planar_case(family, seed, 20)
        counts = explored(PlanarSubtree(problem, None))
        assert counts == explored(PlanarSubtree(problem, unit_order(problem)))
        assert counts == in_pieces(PlanarSubtree(problem, None), 5)
        assert counts[-1] == len(pr.enumerate_regions(network, domain))


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("units", [8, 16, 40])
def test_five_hundred_networks(family, units):
    for seed in range(100, 114):
        network, domain, problem = planar_case(family, seed, units)
        counts = explored(PlanarSubtree(problem, None))
        assert counts == explored(PlanarSubtree(problem, unit_order(problem)))
        assert counts[-1] == len(pr.enumerate_regions(network, domain))


@pytest.mark.parametrize("seed", range(4))
def test_lines_through_corners_of_cells_below(seed):
    """Sums of the units below vanish where those do: in the corners of their cells."""
    rng = np.random.default_rng(seed)
    layers = [
        Layer.with_slopes([[1, 0], [0, 1], [1, 1], [2, -1]], [0, 0, 0, 0.5], -0.5, 1.0),
        Layer.relu(rng.integers(-2, 3, size=(9, 4)), rng.integers(0, 2, size=9) * 0.5),
        Layer.affine(np.ones((1, 9)), [0.0]),
    ]
    network, square = Network(tuple(layers)), pr.Box.cube(2, 1.0)
    problem = problem_of(network, square)
    counts = explored(PlanarSubtree(problem, None))
    assert counts == explored(PlanarSubtree(problem, unit_order(problem)))
    assert counts[-1] == len(pr.enumerate_regions(network, square))


def test_one_layer_takes_fewer_nodes_than_regions():
    rng = np.random.default_rng(1)
    rows = np.column_stack([rng.normal(size=(300, 2)), 0.3 * rng.normal(size=300)])
    network = Network.from_arrays([(rows[:, :2], rows[:, 2]), (np.ones((1, 300)), [0.0])])
    problem = problem_of(network, pr.Box.cube(2, 1.0))
    listed, counted = PlanarSubtree(problem, unit_order(problem)), PlanarSubtree(problem, None)
    assert explored(counted) == explored(listed)
    assert 50 * counted.work < listed.work
    assert pr.count_tree(network, pr.Box.cube(2, 1.0)).regions_per_layer == (counted.regions,)


@pytest.mark.parametrize("size", [1, 2, 11, 12, 13, 25, 100])
def test_sorting(size):
    rng = np.random.default_rng(size)
    keys = rng.integers(0, size, size=size + 7).astype(float)
    order = np.concatenate([[5], rng.permutation(size) + 3, [4]])
    sort_by(keys, order, 1, size + 1, np.zeros_like(order))
    assert (order[0], order[-1]) == (5, 4)
    assert keys[order[1:-1]].tolist() == sorted(keys[3 : size + 3].tolist())
    assert sorted(order[1:-1].tolist()) == list(range(3, size + 3))


@pytest.mark.parametrize("spread", [1.0, 1e-4, 1e-9, 1e-15])
def test_the_exact_meeting_point_is_enclosed(spread):
    """Rows as they are written: unit normals up to rounding; spread 1e-15 is parallel, nearly."""
    rng = np.random.default_rng(4)
    known = 0
    for _ in range(200):
        normals = np.array([[1.0, 0.3], [1.0, 0.3]]) + spread * rng.normal(size=(2, 2))
        point = rng.uniform(-1, 1, size=2)
        exact = np.column_stack([normals, -normals @ point])
        rows = exact / np.sqrt((normals**2).sum(axis=1))[:, None]
        errors = 8.0 * 2.0**-53 * np.abs(rows).sum(axis=1)
        (a, b, c), (d, e, f) = [[Fraction(v) for v in row] for row in exact.tolist()]
        area = a * e - b * d
        x, y = (b * f - c * e) / area, (c * d - a * f) / area
        if max(abs(x), abs(y)) > 1:
            continue
        low, high = meeting_interval(*np.column_stack([rows, errors]).ravel().tolist())
        along = Fraction(float(rows[0, 0])) * y - Fraction(float(rows[0, 1])) * x
        assert Fraction(float(low)) <= along <= Fraction(float(high))
        known += high - low < 1.0
        sine = abs(float(area)) / float(np.prod(np.hypot(*normals.T)))
        assert high - low < 1e-13 / sine or high - low == 8.0
    assert known > 100 or spread < 1e-12


@pytest.mark.parametrize("width", [0.0, 1e-12, 1e-5, 0.5])
def test_points_left_out_are_apart_from_all_others(width):
    rng = np.random.default_rng(2)
    for size in (2, 30, 200):
        chords = chords_of(200)
        chords.low[:size] = rng.uniform(-1, 1, size=size)
        chords.low[: size // 4] = chords.low[size // 2 : size // 2 + size // 4]
        chords.high[:size] = chords.low[:size] + width * rng.uniform(size=size)
        chords.items[:size] = np.arange(size)
        low, high = chords.low[:size].copy(), chords.high[:size].copy()
        kept = keep_close(chords, size)
        assert (chords.low[:kept] == low[chords.items[:kept]]).all()
        assert (chords.high[:kept] == high[chords.items[:kept]]).all()
        gone = np.setdiff1d(np.arange(size), chords.items[:kept])
        for one in gone.tolist():
            assert ((low <= high[one]) & (high >= low[one])).sum() == 1
        if width < 1e-4 and size == 200:
            assert len(gone) > 60


@pytest.mark.parametrize("seed", range(5))
def test_crossing_pairs(seed):
    """By brute force: ends interleave, and tied ends do not."""
    rng = np.random.default_rng(seed)
    for count in (0, 1, 2, 10, 40):
        ends = {
            tuple(sorted(rng.choice(count + 5, 2, replace=False).tolist())) for _ in range(count)
        }
        pairs = sorted(ends)
        chords = chords_of(max(1, len(pairs)))
        chords.first[: len(pairs)] = [a for a, _ in pairs]
        chords.last[: len(pairs)] = [b for _, b in pairs]
        crossing = sum(a < c < b < d for a, b in pairs for c, d in pairs)
        assert crossing_pairs(chords, len(pairs)) == crossing


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_left_is_bounded(kind, threads):
    """A count that is ended knows how many there are at most, in the plane."""
    rows = np.asarray(lines_of(kind, np.random.default_rng(7)), dtype=float)
    network = Network.from_arrays([(rows[:, :2], rows[:, 2]), (np.ones((1, len(rows))), [0.0])])
    square = pr.Box.cube(2, 1.0)
    regions = pr.count_regions(network, square)
    for limit in (1, regions // 2 + 1, regions):
        count = pr.count_tree(network, square, max_regions=limit, threads=threads)
        assert count.complete == (limit == regions)
        if kind == "generic" or count.complete:
            assert count.at_most == regions
        elif count.at_most is None:  # exact decisions are not made for a bound
            assert kind in ("one rounding apart", "nearly through a point", "nearly parallel")
        else:
            assert count.regions <= regions <= count.at_most


def test_what_is_left_of_lower_layers_is_not_bounded():
    rng = np.random.default_rng(0)
    network = Network.from_arrays(
        [
            (rng.normal(size=(200, 2)), rng.normal(size=200)),
            (rng.normal(size=(200, 200)), rng.normal(size=200)),
            (np.ones((1, 200)), [0.0]),
        ]
    )
    count = pr.count_tree(network, pr.Box.cube(2, 1.0), max_regions=5)
    assert (count.complete, count.at_most) == (False, None)
    assert count.summary()["at_most"] is None
