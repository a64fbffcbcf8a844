"""Measures, distances and slopes where floats end: long boxes, slivers, tiny and huge numbers.

The twins are exact, or known in closed form.
"""

from fractions import Fraction
from itertools import pairwise
from math import sqrt

import numpy as np
import pytest
from slivers import slivers

import polyregions as pr
from polyregions.analysis.corners import region_corners
from polyregions.analysis.decision import decision_boundary
from polyregions.analysis.distances import boundary_distance
from polyregions.analysis.distances import boundary_distances as float_distance
from polyregions.analysis.lipschitz import gradient_norms, lipschitz
from polyregions.analysis.shape import largest_ball, vertices
from polyregions.analysis.volumes import box_volume, exact_volumes, volumes
from polyregions.errors import PolyregionsError
from polyregions.geometry.double_description import float_root, square_root
from polyregions.theory.boundaries import boundary_volumes

SCALES = [1e-300, 1e-200, 1e-170, 1e-100, 1.0, 1e100, 1e170, 1e200]


def net(*layers):
    return pr.Network.from_arrays([(np.array(w, dtype=float), b) for w, b in layers])


def random_layers(seed, *widths):
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(size=(out, into)), rng.normal(size=out) * 0.3) for into, out in pairwise(widths)
    ]


# ------------------------------------------------------------------- volumes


@pytest.mark.parametrize("exponent", [20, 40, 60, 200])
@pytest.mark.parametrize("n", [2, 3])
def test_volumes_in_long_boxes(exponent, n):
    """0.1.0 gave 0.0 for some, and Qhull's error for others."""
    stretch = 2.0**exponent
    layers = random_layers(exponent + n, n, 5, 1)
    layers[0][0][:, 0] /= stretch  # the same pattern of cells, stretched along one axis
    upper = np.ones(n)
    upper[0] = stretch
    box = pr.Box(-upper, upper)
    regions = pr.enumerate_regions(net(*layers), box)
    exact = exact_volumes(regions)
    assert sum(exact) == box_volume(box)
    assert volumes(regions).tolist() == [float(v) for v in exact]
    assert (volumes(regions) > 0).all()


@pytest.mark.parametrize("exponent", [0, 20, 40])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_corners_in_long_boxes(exponent, n):
    """Right to a millionth of a region's width, in every direction."""
    stretch = 2.0**exponent
    layers = random_layers(exponent + n, n, 5, 3, 1)
    layers[0][0][:, 0] /= stretch
    upper = np.ones(n)
    upper[0] = stretch
    regions = pr.enumerate_regions(net(*layers), pr.Box(-upper, upper))
    for region, corners in zip(regions, region_corners(regions), strict=True):
        exact = vertices(region).as_floats()
        width = exact.max(axis=0) - exact.min(axis=0)
        for one, other in ((exact, corners), (corners, exact)):
            away = np.abs((one[:, None, :] - other[None, :, :]) / width).max(axis=2).min(axis=1)
            assert away.max() < 1e-5


@pytest.mark.parametrize("case", list(slivers())[::4], ids=lambda case: case[0])
def test_volumes_of_slivers(case):
    _, network, box = case
    if network.hidden_units > 20:
        network = net(*random_layers(1, 2, 4, 1))
    regions = pr.enumerate_regions(network, box)
    exact = exact_volumes(regions)
    assert sum(exact) == box_volume(box)
    assert volumes(regions).tolist() == [float(v) for v in exact]


def test_volumes_beyond_the_floats():
    network = net(([[1.0, 0.0]], [0.0]), ([[1.0]], [0.0]))
    huge = pr.enumerate_regions(network, pr.Box.cube(2, 1e200))
    assert volumes(huge).tolist() == [np.inf, np.inf]
    tiny = pr.enumerate_regions(network, pr.Box.cube(2, 1e-170))
    assert volumes(tiny).tolist() == [0.0, 0.0]
    assert all(0 < v < Fraction(1, 10**339) for v in exact_volumes(tiny))


# ------------------------------------------------------------------- roots and measures


@pytest.mark.parametrize("scale", SCALES)
def test_roots(scale):
    square = Fraction(scale) ** 2
    assert float_root(square) == scale
    low, high = square_root(2 * square, up=False), square_root(2 * square, up=True)
    assert low**2 < 2 * square < high**2
    assert high - low <= low / 2**99
    assert float_root(2 * square) == pytest.approx(sqrt(2) * scale, rel=1e-15)


def test_a_root_larger_than_every_float():
    assert float_root(Fraction(10) ** 700) == np.inf
    assert float_root(Fraction(0)) == 0.0


@pytest.mark.parametrize("size", [1e-300, 1e-170, 1.0, 1e170])
def test_boundaries_of_tiny_and_huge_boxes(size):
    """Three lines, of lengths 2, 2 and sqrt(4.5) times the size, meet in three points."""
    network = net(([[1, 0], [0, 1], [1, 1]], [0, 0, -size / 2]), ([[1, 1, 1]], [0]))
    box = pr.Box.cube(2, size)
    found = boundary_volumes(network, box)
    assert found.activation[1] == 3
    assert found.activation[0] == pytest.approx((4 + sqrt(4.5)) * size, rel=1e-12)
    outputs = net(([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [-size / 2]))
    [piece] = decision_boundary(outputs, pr.Box.interval(2, 0.0, size)).pieces()
    assert piece.measure == pytest.approx(sqrt(0.5) * size, rel=1e-12)


@pytest.mark.parametrize("gap", [1e-3, 1e-11, 1e-13, 2.0**-60, 1e-200])
def test_three_lines_that_nearly_meet(gap):
    """x = 0, y = 0, x + y = gap: three vertices however near; 0.1.0 saw four."""
    network = net(([[1, 0], [0, 1], [1, 1]], [0, 0, -gap]), ([[1, 1, 1]], [0]))
    found = boundary_volumes(network, pr.Box.cube(2, 1.0))
    assert found.activation[1] == 3
    # the third line reaches from (gap - 1, 1) to (1, gap - 1)
    assert found.activation[0] == pytest.approx(4 + (2 - gap) * sqrt(2), rel=1e-12)


@pytest.mark.parametrize(
    ("lines", "shifts"),
    [
        ([[1, 1], [0, 1], [1, 0]], [0, 0, 0]),  # in the origin
        ([[1, 1], [2, 1]], [-1, -2]),  # in (1, 0), on the side x = 1
    ],
    ids=["inside", "on a side"],
)
def test_lines_that_do_meet_are_refused(lines, shifts):
    network = net((lines, shifts), (np.ones((1, len(lines))), [0]))
    with pytest.raises(PolyregionsError, match="meet in a point"):
        boundary_volumes(network, pr.Box.cube(2, 1.0))


def test_a_line_through_a_corner_of_the_box_is_measured():
    network = net(([[1, 1]], [0]), ([[1]], [0]))
    assert boundary_volumes(network, pr.Box.cube(2, 1.0)).activation == (sqrt(8), 0.0)


def test_a_part_has_no_boundary_volumes():
    network = net(*random_layers(0, 2, 6, 1))
    part = pr.enumerate_regions(network, pr.Box.cube(2, 1.0), max_regions=3)
    with pytest.raises(pr.PartialResultError):
        boundary_volumes(network, pr.Box.cube(2, 1.0), regions=part)


# ------------------------------------------------------------------- distances


@pytest.mark.parametrize("scale", SCALES)
def test_distances_of_every_size(scale):
    network = net(([[3, 4], [1, 0]], [-5 * scale, -7 * scale]), ([[1, 1]], [0]))
    nearest = boundary_distance(network, [0.0, 0.0])
    assert nearest.value == pytest.approx(scale, rel=1e-15)
    assert float_distance(network, [[0.0, 0.0]])[0] == pytest.approx(scale, rel=1e-9)


@pytest.mark.parametrize("weight", [1e-300, 1e-200, 1e200])
def test_distances_with_weights_of_every_size(weight):
    network = net(([[3 * weight, 4 * weight]], [-5 * weight]), ([[1]], [0]))
    assert boundary_distance(network, [0.0, 0.0]).value == pytest.approx(1.0, rel=1e-15)
    assert float_distance(network, [[0.0, 0.0]])[0] == pytest.approx(1.0, rel=1e-9)


def test_float_distances_are_the_exact_ones():
    network = net(*random_layers(5, 3, 6, 6, 1))
    points = np.random.default_rng(0).uniform(-1, 1, (60, 3))
    # and some very near a boundary: half a float away from the first unit's plane
    weight, bias = network.layers[0].weight[0], network.layers[0].bias[0]
    near = points - ((points @ weight + bias) / (weight @ weight))[:, None] * weight
    for some in (points, near):
        exact = [boundary_distance(network, point).value for point in some]
        np.testing.assert_allclose(float_distance(network, some), exact, rtol=2.0**-30, atol=0)


def test_distances_where_maps_overflow():
    network = net(([[1e200, 0.0]], [-1e200]), ([[1e200], [1.0]], [0.0, -1.0]), ([[1, 1]], [0]))
    point = [[2.0, 0.0]]
    assert float_distance(network, point)[0] == boundary_distance(network, point[0]).value


# ------------------------------------------------------------------- slopes


@pytest.mark.parametrize("norm", ["1", "2", "inf"])
@pytest.mark.parametrize("scale", [1e-250, 1e-100, 1.0, 1e100, 1e160])
def test_slopes_of_every_size(norm, scale):
    """The product of two layers' weights leaves the range of floats at both ends."""
    network = net(
        ([[3 * scale, 4 * scale], [0, scale]], [0, scale / 2]), ([[scale, 0], [0, scale]], [0, 0])
    )
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0))
    found = lipschitz(regions, norm)
    square = Fraction(scale) ** 2
    exact = {"1": 5, "inf": 7, "2": None}[norm]
    if exact is not None:
        # 3 s and 4 s are rounded
        assert found.lower == found.upper
        assert abs(found.lower / square - exact) < Fraction(1, 10**15)
    else:
        top = np.linalg.norm([[3, 4], [0, 1]], ord=2)
        assert float(found.lower / square) == pytest.approx(top, rel=1e-12)
        assert found.lower <= found.upper <= found.lower * (1 + Fraction(1, 2**70))
    norms = gradient_norms(regions, norm)
    assert norms.max() == pytest.approx(found.value, rel=1e-9)
    assert (norms.max() == np.inf) == (scale > 1e154)


def test_slopes_whose_maps_overflow_and_come_back():
    """Infinite in floats on the way, 1 in the end."""
    network = net(([[1e200]], [0.0]), ([[1e200]], [0.0]), ([[1e-200]], [0.0]), ([[1e-200]], [0.0]))
    regions = pr.enumerate_regions(network, pr.Box.cube(1, 1.0))
    found = lipschitz(regions, "2")
    assert float(found.lower) == pytest.approx(1.0, rel=1e-12)
    assert gradient_norms(regions).tolist() == pytest.approx([0.0, 1.0], rel=1e-12)


# ------------------------------------------------------------------- balls


def test_the_largest_ball_of_a_tiny_or_huge_triangle():
    for scale in (1e-6, 1.0, 1e6):
        network = net(([[1, 0], [0, 1], [1, 1]], [0, 0, -scale / 2]), ([[1, 1, 1]], [0]))
        regions = pr.enumerate_regions(network, None)
        triangle = regions[regions.index(network.pattern([scale / 10, scale / 10]))]
        inradius = scale * 0.5 / (2 + sqrt(2))
        assert largest_ball(triangle).radius == pytest.approx(inradius, rel=1e-3)


def test_a_narrow_wedge_holds_balls_of_any_size():
    """Which a solver with a tolerance does not see."""
    network = net(([[1, 0], [1, 1e-12]], [0, 0]), ([[1, 1]], [0]))
    for region in pr.enumerate_regions(network, None):
        assert largest_ball(region).radius == np.inf
    strip = net(([[1, 0], [1, 0]], [0, -1]), ([[1, 1]], [0]))
    regions = pr.enumerate_regions(strip, None)
    middle = regions[regions.index(strip.pattern([0.5, 0.0]))]
    assert largest_ball(middle).radius == pytest.approx(0.5)


def test_vertices_beyond_the_floats_are_infinite():
    network = net(([[1.0, 1e-300], [1.0, -1e-300]], [-1e200, 1e200]), ([[1, 1]], [0]))
    for region in pr.enumerate_regions(network, None):
        points = vertices(region)
        assert points.as_floats().shape == (len(points.points), 2)
