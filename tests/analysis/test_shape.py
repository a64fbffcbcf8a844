from fractions import Fraction

import numpy as np
import pytest
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.analysis.corners import region_corners
from polyregions.analysis.shape import (
    bounding_box,
    facets,
    largest_ball,
    vertices,
    volume,
)
from polyregions.geometry.double_description import cube_polytope, polytope_of


@pytest.fixture(scope="module")
def triangle(three_lines):
    """x, y > 0 and x + y < 1/2."""
    regions = pr.enumerate_regions(three_lines, None)
    return regions[regions.index(three_lines.pattern([0.1, 0.1]))]


def test_a_triangle(triangle):
    half = Fraction(1, 2)
    assert vertices(triangle).points == ((0, 0), (0, half), (half, 0))
    assert vertices(triangle).bounded
    assert volume(triangle) == Fraction(1, 8)
    low, high = bounding_box(triangle)
    assert low.tolist() == [0, 0]
    assert high.tolist() == [0.5, 0.5]
    assert facets(triangle) == [(0,), (1,), (2,)]
    ball = largest_ball(triangle)
    inradius = 0.5 / (2 + np.sqrt(2))
    assert ball.radius == pytest.approx(inradius)
    np.testing.assert_allclose(ball.centre, [inradius, inradius])


def test_unbounded_regions(three_lines):
    regions = pr.enumerate_regions(three_lines, None)
    quadrant = regions[regions.index(three_lines.pattern([-1.0, -1.0]))]
    corners = vertices(quadrant)
    assert corners.points == ((0, 0),)
    assert corners.rays == ((-1, 0), (0, -1))
    assert volume(quadrant) == float("inf")
    assert bounding_box(quadrant)[0].tolist() == [-np.inf, -np.inf]
    assert bounding_box(quadrant)[1].tolist() == [0, 0]
    assert largest_ball(quadrant).radius == np.inf


def test_a_half_plane_has_no_vertices_but_is_spanned():
    network = pr.Network.from_arrays([([[1, 1]], [-1]), ([[1]], [0])])
    region = pr.enumerate_regions(network, None)[0]
    corners = vertices(region)
    assert not corners.bounded
    assert volume(region) == float("inf")
    # what is found spans the half-plane x + y <= 1 and nothing else
    assert all(x + y <= 1 for x, y in corners.points)
    assert all(x + y <= 0 for x, y in corners.rays)
    assert bounding_box(region)[1].tolist() == [np.inf, np.inf]


def test_fixed_coordinates_are_kept():
    network = pr.Network.from_arrays([([[1, 1, 1]], [-1]), ([[1]], [0])])
    box = pr.Box([0, 0.5, 0], [1, 0.5, 1])
    region = pr.enumerate_regions(network, box)[0]
    assert vertices(region).points[-1] == (Fraction(1, 2), Fraction(1, 2), 0)
    assert volume(region) == Fraction(1, 8)
    assert bounding_box(region)[0].tolist() == [0, 0.5, 0]
    assert largest_ball(region).centre[1] == 0.5


@pytest.mark.parametrize("family", FAMILIES)
def test_float_corners_are_the_exact_ones_rounded(family):
    network, domain = random_case(family, 1200)
    regions = pr.enumerate_regions(network, domain)
    if domain is None:
        return
    for region, corners in zip(regions, region_corners(regions), strict=True):
        exact = vertices(region).as_floats()[:, domain.free]
        for one, other in ((exact, corners), (corners, exact)):
            distance = np.abs(one[:, None, :] - other[None, :, :]).max(axis=2).min(axis=1)
            assert distance.max() < 1e-8


def test_a_window_clips_the_whole_space(three_lines):
    regions = pr.enumerate_regions(three_lines, None)
    corners = list(region_corners(regions, pr.Box.cube(2, 1.0)))
    areas = []
    for points in corners:
        x, y = points.T
        areas.append(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
    assert sum(areas) == pytest.approx(4)
    with pytest.raises(pr.DomainError, match="need a window"):
        next(region_corners(regions))


def test_a_partial_result_has_true_polytopes(three_lines):
    whole = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    partial = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0), max_regions=3)
    for region, corners in zip(partial, region_corners(partial), strict=True):
        same = list(region_corners(whole))[whole.index(region.pattern)]
        assert sorted(corners.round(12).tolist()) == sorted(same.round(12).tolist())


def test_faces_of_a_pyramid():
    # |x|, |y| <= 1 - z, z >= 0: the apex is on four facets in three dimensions
    rows = [[1, 0, -1, 1], [-1, 0, -1, 1], [0, 1, -1, 1], [0, -1, -1, 1], [0, 0, 1, 0]]
    pyramid = polytope_of(3, rows)
    assert [len(faces) for faces in pyramid.faces] == [5, 8, 5, 1]
    assert pyramid.volume() == Fraction(4, 3)
    assert [len(faces) for faces in cube_polytope(4).faces] == [16, 32, 24, 8, 1]


def test_an_empty_intersection_has_no_polytope():
    assert polytope_of(2, [[1, 0, 0], [-1, 0, 0]]) is None
