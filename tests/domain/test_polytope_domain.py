"""Polytopes {x : A x <= b} as domains: against the rational walk, brute force and boxes."""

import ast
import hashlib
import itertools
import json
from fractions import Fraction

import numpy as np
import pytest
from identities import check_identities
from oracles import brute_force
from page_data import page
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.analysis.affine_maps import exact_affine_map
from polyregions.analysis.corners import region_corners
from polyregions.analysis.lipschitz import lipschitz
from polyregions.analysis.shape import bounding_box, vertices
from polyregions.analysis.volumes import domain_volume, exact_volumes, volumes
from polyregions.cli import main
from polyregions.domain.chart import binding_inequalities, chart_of
from polyregions.io import save_network
from polyregions.io.npz import load_polytope
from polyregions.pattern import unpack
from polyregions.proof.certificate import certificate_arrays, write_certificate
from polyregions.proof.checker import Refused, check
from polyregions.questions.extremes import extreme_output
from polyregions.testing import assert_valid
from polyregions.walk.rational_walk import walk_exactly

KINDS = ("simplex", "cross", "halfspaces", "thin", "thinner", "redundant", "integer")


def cube_rows(n, radius=1.0):
    return np.vstack([np.eye(n), -np.eye(n)]), np.full(2 * n, float(radius))


def random_polytope(kind, n, seed):
    rng = np.random.default_rng([KINDS.index(kind), n, seed])
    A, b = cube_rows(n)
    if kind == "simplex":
        A = np.vstack([-np.eye(n), rng.uniform(0.2, 1, size=(1, n))])
        b = np.append(rng.uniform(0.1, 1, size=n), rng.uniform(0.1, 1))
    elif kind == "cross":
        A = np.array(list(itertools.product((-1.0, 1.0), repeat=n)))
        b = np.ones(len(A))
    elif kind == "halfspaces":
        A = np.vstack([A, rng.normal(size=(4, n))])
        b = np.append(b, rng.uniform(0.05, 1, size=4))
    elif kind == "thin":
        normal = rng.normal(size=n)
        A, b = np.vstack([A, normal, -normal]), np.append(b, [1e-6, 3e-7])
    elif kind == "thinner":  # between two neighbouring floats: hardly any float point is inside
        normal = rng.normal(size=n)
        A, b = np.vstack([A, normal, -normal]), np.append(b, [0.1, -np.nextafter(0.1, 0)])
    elif kind == "redundant":
        more, far = rng.normal(size=(3, n)), rng.normal(size=(2, n))
        A = np.vstack([A, more, 3 * more, more / 2, A[:1], far, np.zeros((1, n)), -np.ones((1, n))])
        bounds = [0.5] * 3 + [1.5] * 3 + [0.25, 0.5, 0.25] + [1, 1e9, 1e300, 0, n]
        b = np.concatenate([b, bounds])
    elif kind == "integer":
        A = np.vstack([A, rng.integers(-2, 3, size=(4, n))]).astype(float)
        b = np.append(2 * b, rng.integers(0, 3, size=4)) + 0.0
        b[2 * n :] += ~A[2 * n :].any(axis=1)
        b[2 * n :][b[2 * n :] == 0] = 1.0 * rng.integers(0, 2, size=(b[2 * n :] == 0).sum())
    return A, b


def polytope_of(kind, n, seed):
    """A random polytope with interior."""
    attempt = 100 * seed
    while True:
        try:
            return pr.Polytope(*random_polytope(kind, n, attempt))
        except pr.DomainError:
            attempt += 1


def case(family, kind, seed, units=6):
    network, _ = random_case(family, seed, units=units)
    return network, polytope_of(kind, network.input_dimension, seed)


def assert_same(found, expected):
    np.testing.assert_array_equal(found.patterns, expected.patterns)
    np.testing.assert_array_equal(found.edges, expected.edges)


def layers(network):
    return [(each.weight, each.bias, each.lower, each.upper) for each in network.layers]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", [name for name in FAMILIES if "whole" not in name])
def test_walks_and_brute_force_agree(family, kind):
    network, polytope = case(family, kind, seed=len(family) % 3)
    regions, exact = pr.enumerate_regions(network, polytope), walk_exactly(network, polytope)
    assert regions.complete
    assert regions.proven
    assert_same(regions, exact)
    assert_same(exact, brute_force(network, polytope))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", ["generic", "integer", "touching", "slopes"])
def test_larger_results_are_valid(family, kind):
    network, polytope = case(family, kind, seed=4, units=12)
    regions = pr.enumerate_regions(network, polytope, threads=2)
    assert_same(regions, walk_exactly(network, polytope))
    assert_valid(regions)  # witnesses inside, facets, volumes add up to the polytope's
    bits = unpack(regions.patterns, network.hidden_units)
    check_identities(network, polytope, bits, regions.edges)


@pytest.mark.parametrize("family", [f for f in FAMILIES if "whole" not in f and "fixed" not in f])
def test_a_box_as_a_polytope(family):
    network, box = random_case(family, 7)
    rows = cube_rows(box.dimension)[0]
    polytope = pr.Polytope(3 * rows, 3 * np.append(box.upper, -box.lower))
    assert polytope.box == box
    assert binding_inequalities(polytope) == []
    as_box, as_polytope = (pr.enumerate_regions(network, domain) for domain in (box, polytope))
    assert_same(as_polytope, as_box)
    np.testing.assert_array_equal(as_polytope.witnesses, as_box.witnesses)
    assert as_polytope.exact_decisions == as_box.exact_decisions
    assert exact_volumes(as_polytope) == exact_volumes(as_box)


def test_a_tilted_square_against_a_turned_network():
    # |x| + |y| < 1 is the square |u|, |v| < 1 with u = x + y, v = x - y
    rng = np.random.default_rng(5)
    weight, bias = np.round(rng.normal(size=(9, 2)) * 8) / 8, np.round(rng.normal(size=9) * 8) / 8
    turned = weight @ np.array([[1.0, 1.0], [1.0, -1.0]])
    last = (np.ones((1, 9)), [0.0])
    in_square = pr.enumerate_regions(
        pr.Network.from_arrays([(weight, bias), last]), pr.Box.cube(2, 1.0)
    )
    in_polytope = pr.enumerate_regions(
        pr.Network.from_arrays([(turned, bias), last]),
        pr.Polytope([[1, 1], [1, -1], [-1, 1], [-1, -1]], np.ones(4)),
    )
    assert_same(in_polytope, in_square)
    assert [2 * v for v in exact_volumes(in_polytope)] == exact_volumes(in_square)


def test_redundant_rows_change_nothing():
    network, _ = random_case("generic", 1)
    n = network.input_dimension
    A, b = random_polytope("halfspaces", n, 1)
    plain = pr.enumerate_regions(network, pr.Polytope(A, b))
    close = np.concatenate([b, b, 2 * b, b + 0.01])
    more = pr.Polytope(np.vstack([A, A, 2 * A, A]), close)
    assert_same(pr.enumerate_regions(network, more), plain)
    assert chart_of(more, n).rows == chart_of(plain.domain, n).rows
    other = pr.Polytope(np.vstack([A, A, 2 * A, A])[::-1], close[::-1])
    assert_same(pr.enumerate_regions(network, other), plain)
    assert other.box == plain.domain.box


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_the_box_holds_the_polytope(kind, n):
    from scipy.optimize import linprog

    polytope = polytope_of(kind, n, 2)
    for k in range(n):
        for sign, side in ((1, polytope.box.upper[k]), (-1, polytope.box.lower[k])):
            best = linprog(-sign * np.eye(n)[k], polytope.A, polytope.b, bounds=(None, None))
            width = polytope.box.upper[k] - polytope.box.lower[k]
            assert -1e-7 <= (sign * side + best.fun) <= max(0.07 * width, 1e-7)


def test_bounds_are_exact_where_an_inequality_attains_them():
    polytope = pr.Polytope([[-1, 0], [0, -3], [1, 1], [1, 0]], [0.25, 1, 1, 7])
    assert polytope.box.lower[0] == -0.25
    assert Fraction(polytope.box.lower[1]) < Fraction(-1, 3)  # no float
    assert polytope.box.upper[0] > 4 / 3  # an inequality of two coordinates
    assert polytope.box.upper[1] > 1.25


def test_domains_of_one_input():
    network = pr.Network.from_arrays([([[1.0], [1.0]], [-1 / 3, 0.1]), ([[1, 1]], [0])])
    third = pr.Polytope([[3.0], [-1.0]], [1.0, 1.0])  # up to 1/3, which is no float
    regions = pr.enumerate_regions(network, third)
    assert_same(regions, walk_exactly(network, third))
    assert len(regions) == 3
    assert sum(exact_volumes(regions)) == Fraction(4, 3)
    assert_valid(regions)


@pytest.mark.parametrize("size", [1e-6, 3e-8])
def test_a_small_polytope_far_away(size):
    # a hundred floats wide, or a few: rounding must not move witnesses out of their regions
    rng = np.random.default_rng(9)
    centre = np.array([1e8, -1e8])
    weight = rng.normal(size=(8, 2))
    biases = -weight @ centre + rng.normal(size=8) * size
    network = pr.Network.from_arrays([(weight, biases), (np.ones((1, 8)), [0.0])])
    A = np.array([[-1, 0], [0, -1], [1, 1]])
    polytope = pr.Polytope(A, A @ centre + 2 * size)
    regions = pr.enumerate_regions(network, polytope)
    assert_same(regions, walk_exactly(network, polytope))
    assert len(regions) > 3
    assert_valid(regions)
    corners = [
        sum(a * x for a, x in zip(row, (*point, 1), strict=True))
        for region in regions
        for row in exact_affine_map(network, region.pattern)
        for point in vertices(region).points
    ]
    assert extreme_output(regions).value == max(corners)
    assert extreme_output(regions, smallest=True).value == min(corners)


def test_contains_is_exact():
    triangle = pr.Polytope([[-1, 0], [0, -1], [3, 1]], [0, 0, 1])
    assert triangle.contains([Fraction(1, 3) - Fraction(1, 10**30), Fraction(1, 10**31)])
    assert not triangle.contains([Fraction(1, 3), Fraction(1, 10**31)])
    assert not triangle.contains([0.0, 0.5])  # the polytope is open


# ------------------------------------------------------------------- what it becomes


@pytest.fixture(scope="module")
def planar():
    rng = np.random.default_rng(11)
    network = pr.Network.from_arrays(
        [
            (rng.normal(size=(6, 2)), rng.normal(size=6) * 0.3),
            (rng.normal(size=(5, 6)), rng.normal(size=5) * 0.3),
            (rng.normal(size=(2, 5)), [0.0, 0.1]),
        ]
    )
    polytope = pr.Polytope([[-1, 0], [0, -1], [3, 1], [0.3, 1.0]], [0.7, 1, 1, 0.9])
    return pr.enumerate_regions(network, polytope)


@pytest.fixture(scope="module")
def solid():
    network, polytope = case("generic", "cross", 1, units=8)
    while network.input_dimension != 3:
        network, polytope = case("generic", "cross", int(network.name.split()[1]) + 1, units=8)
    return pr.enumerate_regions(network, polytope)


def test_halfspaces_and_models(planar):
    network, polytope = planar.network, planar.domain
    for region in planar:
        halfspaces = region.halfspaces(all_rows=True)
        assert len(halfspaces.offsets) == network.hidden_units + len(polytope.b)
        np.testing.assert_array_equal(halfspaces.normals[-4:], -polytope.A)
        np.testing.assert_array_equal(halfspaces.offsets[-4:], polytope.b)
        assert (halfspaces.slack(region.witness) > 0).all()
    import cvxpy as cp

    problem = planar[0].as_cvxpy()
    assert cp.Problem(cp.Maximize(cp.sum(problem.x)), problem.constraints).solve() < 2


@pytest.mark.parametrize("which", ["planar", "solid"])
def test_measures(which, request):
    regions = request.getfixturevalue(which)
    exact = exact_volumes(regions)
    assert sum(exact) == domain_volume(regions.domain)
    np.testing.assert_allclose(volumes(regions), np.array(exact, dtype=float), rtol=1e-9)
    for region, corners in zip(regions, region_corners(regions), strict=True):
        exact_corners = vertices(region).as_floats()
        assert len(corners) == len(exact_corners)
        low, high = bounding_box(region)
        np.testing.assert_allclose(corners.min(axis=0), low, atol=1e-12)
        np.testing.assert_allclose(corners.max(axis=0), high, atol=1e-12)


def test_volumes_of_known_polytopes():
    for n, factorial in ((1, 1), (2, 2), (3, 6), (4, 24)):
        cross = polytope_of("cross", n, 0)
        assert domain_volume(cross) == Fraction(2**n, factorial)


def test_functions_on_the_polytope(planar):
    network, polytope = planar.network, planar.domain
    best = extreme_output(planar, 0)
    rng = np.random.default_rng(1)
    points = rng.uniform(-1, 1.2, size=(2000, 2))
    inside = points[[polytope.contains(point) for point in points]]
    assert len(inside) > 200
    values = np.array([network.forward(point)[0] for point in inside])
    assert values.max() <= float(best.value) + 1e-12
    corners = [
        (region.affine_map()[0] @ vertices(region).as_floats().T).T + region.affine_map()[1]
        for region in planar
    ]
    assert np.concatenate(corners)[:, 0].max() == pytest.approx(float(best.value), rel=1e-12)
    assert all(polytope.A @ np.array(best.point, dtype=float) <= polytope.b + 1e-12)
    assert lipschitz(planar, "2").lower > 0
    from polyregions.analysis.adjacency import region_of
    from polyregions.analysis.linear_regions import linear_regions

    for point in inside[:50]:
        assert (planar.patterns[region_of(planar, point)] == network.pattern(point)).all()
    outside = next(point for point in points if not polytope.contains(point))
    with pytest.raises(pr.DomainError, match="outside"):
        region_of(planar, outside)
    assert linear_regions(planar).chain_holds


def test_traverse_and_partial_results(planar):
    found = {region.pattern.tobytes() for region in pr.traverse(planar.network, planar.domain)}
    assert found == {words.tobytes() for words in planar.patterns}
    part = pr.enumerate_regions(planar.network, planar.domain, max_regions=4)
    assert not part.complete
    assert len(list(region_corners(part))) == 4
    rational = pr.enumerate_regions(planar.network, planar.domain, arithmetic="rational")
    assert_same(rational, planar)
    assert all(planar.domain.contains(region.exact_witness) for region in rational)


def test_results_round_trip(planar, tmp_path):
    planar.save(tmp_path / "regions.npz")
    again = pr.open_regions(tmp_path / "regions.npz")
    assert again.domain == planar.domain
    assert hash(again.domain) == hash(planar.domain)
    assert_same(again, planar)
    with np.load(tmp_path / "regions.npz") as file:
        arrays = dict(file)
    arrays["polytope"] = arrays["polytope"] + 0.125
    np.savez(tmp_path / "changed.npz", **arrays)
    with pytest.raises(pr.FormatError, match="changed"):
        pr.open_regions(tmp_path / "changed.npz")
    from polyregions.io.graphs import write_graph

    write_graph(planar, tmp_path / "graph.json")
    saved = json.loads((tmp_path / "graph.json").read_text())
    assert saved["graph"]["domain"] == planar.domain.expression()
    A, b = ast.literal_eval(planar.domain.expression().removeprefix("Polytope"))
    assert pr.Polytope(A, b) == planar.domain


def test_pictures_and_pages(planar, solid, tmp_path):
    pytest.importorskip("matplotlib")
    from polyregions.plot import plot_cells, plot_growth, plot_slices, plot_solids

    axes = plot_cells(planar)
    assert axes.get_xlim() == (planar.domain.box.lower[0], planar.domain.box.upper[0])
    plot_growth(planar.network, planar.domain)
    plot_solids(solid)
    assert "<html" in page(planar)
    with pytest.raises(pr.DomainError, match="box"):
        plot_slices(solid.network, solid.domain, 0, [0.0])


# ----------------------------------------------------------------------- certificates


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", ["generic", "zero bias", "integer", "touching", "dead"])
def test_certificates_are_accepted(family, kind, tmp_path):
    network, polytope = case(family, kind, 2, units=9)
    regions = pr.enumerate_regions(network, polytope)
    write_certificate(regions, tmp_path / "proof")
    report = check(layers(network), tmp_path / "proof")
    assert (report.regions, report.edges) == (len(regions), len(regions.edges))
    np.testing.assert_array_equal(report.inequalities, np.column_stack([polytope.A, polytope.b]))


def test_forged_inequalities_are_refused(planar, tmp_path):
    from polyregions.files.archives import write_npz

    arrays = certificate_arrays(planar)

    def verdict(**changes):
        with (tmp_path / "forged").open("wb") as stream:
            write_npz(stream, forged := arrays | changes)
        digest = hashlib.sha256(bytes.fromhex(planar.network.fingerprint))
        digest.update(forged["domain"].tobytes() + forged["inequalities"].tobytes())
        with (tmp_path / "forged").open("wb") as stream:
            write_npz(stream, forged | {"claim": np.array(digest.hexdigest())})
        check(layers(planar.network), tmp_path / "forged")

    verdict()
    rows = arrays["inequalities"]
    narrower, wider = rows.copy(), rows.copy()
    narrower[2, 2] -= 0.5
    wider[2, 2] += 2.0
    bad = [narrower, wider, rows[:3], rows[:0], rows * np.nan, 0 * rows, rows[:, 1:], rows[0]]
    for forged in bad:
        with pytest.raises(Refused):
            verdict(inequalities=forged)
    with pytest.raises(Refused, match="wrong shape or type"):
        verdict(inequalities=rows.astype(np.float32))
    with pytest.raises(Refused):
        verdict(domain=arrays["domain"][:0])


# ---------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("A", "b", "message"),
    [
        ([[1, 2]], [1, 2], "shape"),
        ([1, 2], [1], "shape"),
        ([[[1]]], [1], "shape"),
        ([], [], "shape"),
        (np.zeros((0, 2)), [], "shape"),
        (np.zeros((2, 0)), [1, 1], "shape"),
        ([[1, 0], [0, 1]], [[1], [1]], "shape"),
        ([["a", 1]], [1], "numbers"),
        ([[1j, 1]], [1], "numbers"),
        ([[1, 2], [3]], [1, 1], "numbers"),
        ([[10**400]], [1], "numbers"),
        ([[np.nan], [-1]], [1, 1], "A of the polytope has an entry"),
        ([[np.inf], [-1]], [1, 1], "A of the polytope has an entry"),
        ([[1], [-1]], [np.inf, 1], "b of the polytope has an entry"),
        ([[1], [0], [-1]], [1, -1, 1], "row 1 of A is zero"),
        ([[0, 0]], [1], "unbounded"),
        ([[1, 0], [-1, 0]], [1, 1], "unbounded"),
        ([[-1, 0], [0, -1], [1, -1]], [0, 0, 1], "unbounded"),
        ([[1, 0], [-1, 0], [0, 1]], [1, 0, 1], "coordinate 1 is not bounded below"),
        ([[1, 0], [0, 1], [1, 1]], [1, 1, 1], "unbounded"),
        ([[1], [-1]], [0, -1], "empty"),
        ([[1, 0], [0, 1], [-1, -1], [1, 1]], [1, 1, 1, -2], "empty"),
        ([[1, 1], [-1, -1], [1, -1], [-1, 1]], [1, -1, 1, 1], "hyperplane"),
        ([[1], [-1]], [1, -1], "Box with fixed"),
        ([[1e-308], [-1e-308]], [1e300, 1e300], "range of floats"),
    ],
)
def test_refused_polytopes(A, b, message):
    with pytest.raises(pr.DomainError, match=message) as caught:
        pr.Polytope(A, b)
    assert "\n" not in str(caught.value)


def test_a_polytope_of_another_dimension(planar):
    with pytest.raises(pr.DomainError, match="polytope has 1 coordinates but the network reads 2"):
        pr.enumerate_regions(planar.network, pr.Polytope([[1], [-1]], [1, 1]))


def test_numbers_of_too_different_sizes():
    network = pr.Network.from_arrays([([[1.0, 0.5]], [0.1]), ([[1]], [0])])
    A, b = cube_rows(2)
    polytope = pr.Polytope(np.vstack([A, [[1, 1]]]), np.append(b, 5e-324))
    with pytest.raises(pr.DomainError, match=r"inequality 4 .* sizes"):
        pr.enumerate_regions(network, polytope)
    # far away, or with tiny coefficients that matter, it is no trouble
    polytope = pr.Polytope(np.vstack([A, [[1e-300, 1]], [[1e-300, 1e-300]]]), [*b, 0.5, 1.0])
    assert_same(pr.enumerate_regions(network, polytope), walk_exactly(network, polytope))


def test_polytopes_do_not_change():
    A, b = cube_rows(2)
    polytope = pr.Polytope(A, b)
    A[0, 0] = 5.0
    assert polytope.A[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        polytope.A[0, 0] = 5.0


# ------------------------------------------------------------------------------ cvxpy


class TestCvxpy:
    cp = pytest.importorskip("cvxpy")

    def test_inequalities(self):
        cp = self.cp
        x = cp.Variable(3, name="x")
        A = np.random.default_rng(3).normal(size=(4, 3))
        b = np.array([0.1, 0.7, 1.3, 1 / 3])
        scale = cp.Parameter(value=3.0)
        constraints = [
            A @ x <= b,
            x >= -0.1,
            cp.sum(x) <= 1,
            x[0] - 2 * x[1] >= -3,
            cp.Constant(2) >= x[1:],
            scale * x[2] <= 0.7,
            x[0] <= x[1] + 5,
        ]
        polytope = pr.Polytope.from_cvxpy(constraints, x)
        eye = np.eye(3)
        expected = np.vstack([A, -eye, np.ones(3), [-1, 2, 0], eye[1:], 3 * eye[2:], [[1, -1, 0]]])
        np.testing.assert_array_equal(polytope.A, expected)
        bounds = np.concatenate([b, [0.1] * 3, [1, 3, 2, 2, 0.7, 5]])
        np.testing.assert_array_equal(polytope.b, bounds)

    def test_declared_bounds(self):
        cp = self.cp
        x = cp.Variable(2, nonneg=True)
        assert pr.Polytope.from_cvxpy([cp.sum(x) <= 1], x) == pr.Polytope(
            [[-1, 0], [0, -1], [1, 1]], [0, 0, 1]
        )
        y = cp.Variable(2, bounds=[0, np.array([1.0, 2.0])])
        assert pr.Polytope.from_cvxpy([y[0] <= y[1]], y).box.upper[0] == 1.0

    def test_refusals(self):
        cp = self.cp
        x, y = cp.Variable(2, name="x"), cp.Variable(2, name="y")
        whole = cp.Variable(2, integer=True)
        square, scalar = cp.Variable((2, 2)), cp.Variable()
        unset = cp.Parameter(name="unset")
        refused = [
            ([x >= 0, x == 1], x, "slice"),
            ([x + y <= 1], x, "another variable, y"),
            ([y <= 1], x, "another variable, y"),
            ([cp.norm(x, 1) <= 1], x, "not affine"),
            ([cp.square(x) <= 1], x, "not affine"),
            ([x[0] * x[1] <= 1], x, "not affine"),
            ([cp.SOC(x[0], x[1:])], x, "no affine inequality"),
            ([unset * x <= 1], x, "parameter unset"),
            ([whole <= 1, whole >= 0], whole, "declared integer"),
            ([square <= 1], square, r"shape \(n,\)"),
            ([scalar <= 1], scalar, r"shape \(n,\)"),
            ([x <= 1], np.zeros(2), r"shape \(n,\)"),
            ([True], x, "constraint 0"),
            ([], x, "no constraint"),
            ([x <= 1], x, "unbounded"),
            ([x <= 1, -x <= cp.Constant([np.nan, 1])], x, "finite"),
            ([x <= 1, x >= 2], x, "empty"),
            ([x <= 1, x >= 0, cp.Constant(3) <= 2], x, "0 <= -1"),
            ([x <= 1, x >= 0, cp.sum(x) <= 0], x, "hyperplane"),
        ]
        for constraints, variable, message in refused:
            with pytest.raises(pr.DomainError, match=message) as caught:
                pr.Polytope.from_cvxpy(constraints, variable)
            assert "\n" not in str(caught.value)


# ------------------------------------------------------------------------ command line


@pytest.fixture
def run(planar, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_network(planar.network, tmp_path / "net.npz")
    np.savez(tmp_path / "domain.npz", A=planar.domain.A, b=planar.domain.b, extra=[1])

    def run(*args):
        code = main([str(arg) for arg in args])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_count_on_a_polytope(run, planar):
    assert load_polytope("domain.npz") == planar.domain
    code, out, _ = run("count", "net.npz", "--polytope", "domain.npz", "--json")
    assert code == 0
    counted = json.loads(out)
    assert (counted["regions"], counted["edges"]) == (len(planar), len(planar.edges))
    assert counted["domain"] == {"A": planar.domain.A.tolist(), "b": planar.domain.b.tolist()}
    assert "a polytope of 4 inequalities" in run("count", "net.npz", "--polytope", "domain.npz")[1]


@pytest.mark.parametrize(
    "command", ["enumerate -o r.npz", "graph -o g.json", "linear", "info", "view -o v.html"]
)
def test_every_command_takes_polytopes(run, command):
    name, *options = command.split()
    code, out, _ = run(name, "net.npz", "--polytope", "domain.npz", *options)
    assert code == 0
    assert out


def test_certify_and_check(run, planar):
    assert run("certify", "net.npz", "--polytope", "domain.npz", "-o", "proof")[0] == 0
    code, out, _ = run("check", "net.npz", "proof")
    assert code == 0
    assert "polytope of 4 inequalities in 2 inputs: proven" in out
    assert run("check", "net.npz", "proof", "--polytope", "domain.npz")[0] == 0
    np.savez("other.npz", A=planar.domain.A, b=planar.domain.b / 2)
    assert run("check", "net.npz", "proof", "--polytope", "other.npz")[0] == 1
    assert run("check", "net.npz", "proof", "--cube", "1")[0] == 1


def test_a_smaller_box_of_a_certificate_is_noticed(run, planar, tmp_path):
    from polyregions.files.archives import write_npz

    # a true certificate about a part of the polytope, x0 > -0.5, is none about all of it
    A, b = np.vstack([planar.domain.A, [[-1, 0]]]), np.append(planar.domain.b, 0.5)
    arrays = certificate_arrays(pr.enumerate_regions(planar.network, pr.Polytope(A, b)))
    arrays["inequalities"] = arrays["inequalities"][:4]
    digest = hashlib.sha256(bytes.fromhex(planar.network.fingerprint))
    digest.update(arrays["domain"].tobytes() + arrays["inequalities"].tobytes())
    arrays["claim"] = np.array(digest.hexdigest())
    with (tmp_path / "part").open("wb") as stream:
        write_npz(stream, arrays)
    check(layers(planar.network), tmp_path / "part")  # the claim about the part holds
    code, out, err = run("check", "net.npz", "part")
    assert (code, out) == (1, "")
    assert "box" in err


def test_polytopes_in_slice_coordinates(run, planar):
    np.save("a.npy", [0.0, 0.0])
    np.save("b.npy", [1.0, 0.5])
    np.savez("segment.npz", A=[[1.0], [-1.0]], b=[0.25, 0.5])
    line = pr.Line.through([0.0, 0.0], [1.0, 0.5])
    expected = len(pr.enumerate_regions(line.restrict(planar.network), pr.Box([-0.5], [0.25])))
    options = ("--line-through", "a.npy", "b.npy", "--polytope", "segment.npz", "--json")
    assert json.loads(run("count", "net.npz", *options)[1])["regions"] == expected
    box = pr.Box([-0.5, 0.25], [0.25, 0.25])
    expected = len(pr.enumerate_regions(planar.network, box))
    options = ("--fix", "1=0.25", "--polytope", "segment.npz", "--json")
    assert json.loads(run("count", "net.npz", *options)[1])["regions"] == expected


def test_refused_on_the_command_line(run, tmp_path):
    np.savez("lacks.npz", A=[[1.0]])
    np.savez("flat.npz", A=[[1.0, 0], [-1, 0], [0, 1], [0, -1]], b=[1, -1, 1, 1])
    np.savez("objects.npz", A=np.array([[None]]), b=[1.0])
    np.savez("one.npz", A=[[1.0], [-1.0]], b=[1.0, 1.0])
    np.savez("nan.npz", A=[[1.0, np.nan]], b=[1.0])
    np.savez("large.npz", A=np.array([[2**53 + 1, 0]]), b=[1.0])
    data = (tmp_path / "domain.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(data[: len(data) // 2])
    cases = [
        (["--polytope", "missing.npz"], "missing.npz"),
        (["--polytope", "cut.npz"], "not a readable numpy archive"),
        (["--polytope", "net.npz"], "no array A"),
        (["--polytope", "lacks.npz"], "no array b"),
        (["--polytope", "objects.npz"], "object"),
        (["--polytope", "flat.npz"], "hyperplane"),
        (["--polytope", "nan.npz"], "finite"),
        (["--polytope", "large.npz"], "float64"),
        (["--polytope", "one.npz"], "1 columns but 2 inputs"),
        (["--polytope", "domain.npz", "--fix", "0=0.25"], "2 columns but 1 inputs"),
        (["--polytope", "domain.npz", "--cube", "1"], "different domains"),
        (["--polytope", "domain.npz", "--whole-space"], "different domains"),
    ]
    for options, message in cases:
        code, out, err = run("count", "net.npz", *options)
        assert (code, out) == (2, ""), options
        assert message in err
        assert err.count("\n") == 1
    code, _, err = run("plot", "net.npz", "--polytope", "domain.npz", "--axes", 0, 1, "-o", "o.png")
    assert code == 2
    assert "--axes needs a box" in err
