"""Lines, planes and subspaces: what they contain, and that restriction is exact."""

from fractions import Fraction

import numpy as np
import pytest
from io_helpers import exact_forward, rationals
from oracles import brute_force

import polyregions as pr
from polyregions import examples
from polyregions.errors import DomainError, NetworkError
from polyregions.network.slices import Line, Plane, Slice, fix, fixed_box, random_subspace


@pytest.fixture(scope="module")
def wide() -> pr.Network:
    rng = np.random.default_rng(3)
    return pr.Network.from_arrays(
        [
            (rng.normal(size=(6, 5)), rng.normal(size=6) / 2),
            (rng.normal(size=(3, 6)), rng.normal(size=3) / 2),
            (rng.normal(size=(1, 3)), [0.0]),
        ]
    )


def test_restriction_is_exact(wide):
    place = random_subspace(5, 2, seed=1, origin=[0.1, 0.2, 0.3, 0.4, 0.5])
    u = [Fraction(1, 3), Fraction(-2, 7)]
    basis = [rationals(row) for row in place.basis]
    x = [
        o + sum(p * q for p, q in zip(row, u, strict=True))
        for o, row in zip(rationals(place.origin), basis, strict=True)
    ]
    assert exact_forward(place.restrict(wide), u) == exact_forward(wide, x)


def test_patterns_and_gradients_are_those_of_the_network(wide):
    place = random_subspace(5, 2, seed=2)
    net = place.restrict(wide)
    regions = pr.enumerate_regions(net, place.domain)
    assert regions.complete
    assert regions.proven
    inputs = place.to_input(regions.witnesses)
    assert (wide.pattern(inputs) == regions.patterns).all()
    for pattern in regions.patterns:
        full, _ = wide.affine_map(pattern)
        along, _ = net.affine_map(pattern)
        np.testing.assert_allclose(full @ place.basis, along, atol=1e-12)
        lifted = place.gradient_to_input(along)
        np.testing.assert_allclose(lifted, full @ place.basis @ place.basis.T, atol=1e-12)


@pytest.mark.slow
def test_counts_agree_with_brute_force(wide):
    place = random_subspace(5, 2, seed=4, radius=2.0)
    net = place.restrict(wide)
    regions = pr.enumerate_regions(net, place.domain)
    expected = brute_force(net, place.domain)
    assert (regions.patterns == expected.patterns).all()
    assert (regions.edges == expected.edges).all()


def test_plane_window_is_the_circumscribed_square():
    points = np.random.default_rng(0).normal(size=(3, 784))
    plane = Plane.through(*points)
    np.testing.assert_allclose(plane.basis.T @ plane.basis, np.eye(2), atol=1e-14)
    radii = np.linalg.norm(points - plane.origin, axis=1)
    np.testing.assert_allclose(radii, radii[0], rtol=1e-12)
    np.testing.assert_allclose(plane.domain.upper, 1.25 * radii[0], rtol=1e-12)
    u = (points - plane.origin) @ plane.basis
    np.testing.assert_allclose(plane.to_input(u), points, atol=1e-12)


def test_line_window_reaches_beyond_both_points():
    line = Line.through(np.zeros((2, 2)), np.full((2, 2), 3.0))
    np.testing.assert_allclose(line.to_input([[-3.0], [3.0]]), [[0.0] * 4, [3.0] * 4], atol=1e-14)
    assert line.domain == pr.Box.cube(1, 3.75)


def test_fixed_inputs_equal_the_fixed_box(wide):
    values = {1: 0.25, 3: -0.5, 4: 0.125}
    box = pr.Box.cube(5, 1.0)
    place = fix(wide, values, box)
    by_slice = pr.enumerate_regions(place.restrict(wide), place.domain)
    by_box = pr.enumerate_regions(wide, fixed_box(box, values))
    assert (by_slice.patterns == by_box.patterns).all()
    assert (by_slice.edges == by_box.edges).all()
    np.testing.assert_array_equal(
        place.to_input(by_slice.witnesses)[:, [1, 3, 4]], by_box.witnesses[:, [1, 3, 4]]
    )


NEARLY = np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-52], [0.0, 0.0]])


def test_dependence_is_decided_exactly():
    net = pr.Network.from_arrays([([[1.0, 2.0, 3.0]], [0.0]), ([[1.0]], [0.0])])
    assert net.on_slice([0.0] * 3, NEARLY).input_dimension == 2
    with pytest.raises(NetworkError, match=r"dependent \(rank 1\)"):
        net.on_slice([0.0] * 3, [[1.0, 3.0], [2.0, 6.0], [0.5, 1.5]])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda n: n.on_slice([0.0, 0.0], np.eye(2)), NetworkError, "of 2 inputs"),
        (lambda n: n.on_slice([0.0] * 5, np.zeros(5)), NetworkError, "shape"),
        (lambda n: n.on_slice([0.0] * 5, np.zeros((5, 1))), NetworkError, "dependent"),
        (lambda n: n.on_slice([np.nan] * 5, np.ones((5, 1))), NetworkError, "finite"),
        (lambda n: Line.through([1, 2], [1, 2]), DomainError, "coincide"),
        (lambda n: Line.through([1, 2], [1, 2, 3]), DomainError, "2, 3 numbers"),
        (lambda n: Line.through([1, np.inf], [1, 2]), DomainError, "finite"),
        (lambda n: Line.through([1, "a"], [1, 2]), DomainError, "numbers"),
        (lambda n: Line.through([-1e308, 0], [1e308, 0]), DomainError, "far apart"),
        (lambda n: Plane.through([0, 0], [1, 1], [3, 3]), DomainError, "one line"),
        (lambda n: Slice(np.zeros(2), np.eye(2), pr.Box.cube(1, 1)), DomainError, "window"),
        (lambda n: Slice(np.zeros(2), np.eye(3), None), DomainError, "shape"),
        (lambda n: Slice(np.zeros(2), np.eye(2), None).to_input([1.0]), DomainError, "shape"),
        (lambda n: random_subspace(3, 4, 0), DomainError, "1 to 3"),
        (lambda n: random_subspace(3, 2, 0, radius=-1.0), DomainError, "radius"),
        (lambda n: fix(n, {5: 1.0}), DomainError, "no input 5"),
        (lambda n: fix(n, {0: np.nan}), DomainError, "finite"),
        (lambda n: fix(n, dict.fromkeys(range(5), 0.0)), DomainError, "every input"),
        (lambda n: fix(n, {0: 2.0}, pr.Box.cube(5, 1)), DomainError, "outside"),
        (lambda n: fixed_box(pr.Box.cube(2, 1), {2: 0.0}), DomainError, "no input 2"),
    ],
)
def test_refuses(wide, make, error, message):
    with pytest.raises(error, match=message), np.errstate(over="ignore", invalid="ignore"):
        make(wide)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_coordinates_are_the_inverse_and_project_at_right_angles(k):
    rng = np.random.default_rng(k)
    place = Slice(rng.normal(size=6), rng.normal(size=(6, k)), None)  # not orthonormal
    u = rng.normal(size=(5, k))
    np.testing.assert_allclose(place.coordinates(place.to_input(u)), u, atol=1e-12)
    np.testing.assert_allclose(place.coordinates(place.to_input(u[0])), u[0], atol=1e-12)
    x = rng.normal(size=(5, 6))
    # the normal equations: what is left is orthogonal to every direction
    left = x - place.to_input(place.coordinates(x))
    np.testing.assert_allclose(left @ place.basis, 0, atol=1e-12)
    for wrong in (x[:, :5], [[np.nan] * 6], "abc", 3.0):
        with pytest.raises(DomainError, match="inputs must"):
            place.coordinates(wrong)


def test_planes_and_lines_know_their_points_and_name_their_axes():
    points = np.random.default_rng(5).normal(size=(3, 4))
    plane = Plane.through(*points, names=["cat", "dog", "cow"])
    assert plane.labels == ("cat → dog", "across, towards cow")
    assert [name for name, _ in plane.marks] == ["cat", "dog", "cow"]
    np.testing.assert_array_equal([point for _, point in plane.marks], points)
    np.testing.assert_allclose(plane.to_input(plane.coordinates(points)), points, atol=1e-12)
    a, b, c = plane.coordinates(points)
    assert b[0] > a[0]  # the first axis points from the first to the second
    assert a[1] == pytest.approx(b[1])
    assert c[1] > a[1]
    line = Line.through(*points[:2])
    assert line.labels == ("a → b",)
    (start,), (end,) = line.coordinates(points[:2])
    assert end - start == pytest.approx(np.linalg.norm(points[1] - points[0]))
    assert fix(pr.load(examples.path("digits4")), {1: 0.5}).labels == (
        "input 0",
        "input 2",
        "input 3",
    )
    assert Slice(np.zeros(2), np.eye(2), None).labels == ("coordinate 0", "coordinate 1")
    with pytest.raises(DomainError, match="3 points have 3 names"):
        Plane.through(*points, names=["a", "b"])
    with pytest.raises(DomainError, match="2 points have 2 names"):
        Line.through(*points[:2], names="ab")
    with pytest.raises(DomainError, match="one each"):
        Slice(np.zeros(2), np.eye(2), None, ("x",))
