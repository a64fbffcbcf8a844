"""Lines, distances and volumes of boundaries."""

import json
from math import sqrt

import numpy as np
import pytest

import polyregions as pr
from polyregions.analysis.distances import boundary_distances
from polyregions.errors import PolyregionsError
from polyregions.network import Network
from polyregions.theory.boundaries import boundary_volumes, regions_on_segment, verify_boundaries
from polyregions.theory.draws import Settings, draw_network
from polyregions.theory.laws import BiasLaw

HALF = BiasLaw("normal", 0.5)


def net(*parameters):
    return Network.from_arrays(parameters)


@pytest.mark.slow
def test_planes_in_a_cube():
    planes = net((np.eye(3), [0.0, 0.25, -0.5]), (np.ones((1, 3)), [0.0]))
    sizes = boundary_volumes(planes, pr.Box.cube(3, 1.0)).activation
    assert sizes == pytest.approx((12.0, 6.0, 1.0))
    hyperplanes = net((np.eye(4), [0.0, 0.25, -0.5, 0.1]), (np.ones((1, 4)), [0.0]))
    sizes = boundary_volumes(hyperplanes, pr.Box.cube(4, 1.0)).activation
    assert sizes == pytest.approx((32.0, 24.0, 8.0, 1.0))


def test_an_oblique_plane():
    # x + y + z = 0 cuts the cube in a regular hexagon of side sqrt(2)
    plane = net(([[1.0, 1.0, 1.0]], [0.0]), ([[1.0]], [0.0]))
    [area, *rest] = boundary_volumes(plane, pr.Box.cube(3, 1.0)).activation
    assert area == pytest.approx(3 * sqrt(3))
    assert rest == [0.0, 0.0]


def facet_lengths(network, box, *, bending):
    """Lengths of the facets of a plane network, from pairs of neighbouring regions."""
    regions = pr.enumerate_regions(network, box)
    total = 0.0
    for edge, (i, j) in enumerate(regions.edges.tolist()):
        [z] = regions.units_of_edge(edge)
        maps = [np.concatenate([m.ravel() for m in regions[k].affine_map()]) for k in (i, j)]
        if bending and np.allclose(maps[0], maps[1], rtol=0, atol=1e-12):
            continue
        rows = regions[i].halfspaces(all_rows=True)
        normal, offset = rows.normals[z], rows.offsets[z]
        start = -offset * normal / (normal @ normal)
        direction = np.array([-normal[1], normal[0]]) / np.linalg.norm(normal)
        slopes, values = rows.normals @ direction, rows.slack(start)
        low, high = -np.inf, np.inf
        for k in range(len(values)):
            if k != z and slopes[k] > 1e-12:
                low = max(low, -values[k] / slopes[k])
            elif k != z and slopes[k] < -1e-12:
                high = min(high, -values[k] / slopes[k])
        total += high - low
    return total


@pytest.mark.parametrize("widths", [(2, 6), (2, 4, 4), (2, 2, 2, 2)], ids=str)
def test_lengths_in_the_plane(widths):
    settings = Settings(widths, biases=HALF, seed=2)
    for index in range(6):
        network, box = draw_network(settings, index), settings.domain
        volumes = boundary_volumes(network, box)
        all_of_it = facet_lengths(network, box, bending=False)
        assert volumes.activation[0] == pytest.approx(all_of_it, abs=1e-9)
        bent = facet_lengths(network, box, bending=True)
        assert volumes.bending[0] == pytest.approx(bent, abs=1e-9)


def test_volumes_on_a_line_are_breakpoints():
    settings = Settings((1, 5, 5), biases=HALF, seed=2)
    for index in range(5):
        network = draw_network(settings, index)
        regions = pr.enumerate_regions(network, settings.domain)
        volumes = boundary_volumes(network, settings.domain, regions=regions)
        assert volumes.activation == (float(len(regions.edges)),)


def test_distances_against_a_search():
    settings = Settings((2, 5, 5), biases=HALF, seed=4)
    rng = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, 721)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for index in range(3):
        network = draw_network(settings, index)
        points = rng.uniform(-1, 1, (5, 2))
        for point, distance in zip(points, boundary_distances(network, points), strict=True):
            here = network.pattern(point)
            assert (network.pattern(point + 0.999 * distance * circle) == here).all()
            assert (network.pattern(point + 1.01 * distance * circle) != here).any()


def test_no_boundary_is_infinitely_far():
    constant = net((np.zeros((1, 2)), [1.0]), ([[1.0]], [0.0]))
    assert boundary_distances(constant, [[0.0, 0.0]]).tolist() == [np.inf]


def test_regions_on_a_segment_are_breakpoints():
    network = draw_network(Settings((2, 6, 6), biases=HALF), 1)
    start, direction = np.array([-1.0, 0.125]), np.array([1.0, 0.25])
    steps = np.linspace(0, 2, 20_001)[1:-1]
    seen = network.pattern(start + steps[:, None] * direction)
    changes = int((seen[1:] != seen[:-1]).any(axis=1).sum())
    assert regions_on_segment(network, start, direction, 2.0) >= 1 + changes > 3


def test_report():
    settings = Settings((2, 4, 4), biases=HALF, seed=1)
    report = verify_boundaries(settings, 20, points=50)
    assert report.violated == ()
    assert [size.k for size in report.sizes] == [1, 2]
    for size in report.sizes:
        assert size.bending.mean <= size.activation.mean <= size.bound
        assert size.published == pytest.approx(2**size.k * size.bound)
    assert report.distance_times_units == pytest.approx(8 * report.distance.mean)
    values = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert values["line"]["regions"]["mean"] == report.line_regions.mean
    assert values["boundary_sets"][1]["bound"] == report.sizes[1].bound


def test_report_without_density_or_side():
    report = verify_boundaries(Settings((2, 4), biases=BiasLaw("zero")), 3)
    assert report.line_bound is None
    assert report.sizes == ()
    with pytest.raises(PolyregionsError, match="give a side"):
        verify_boundaries(Settings((2, 4), side=None), 3)
    with pytest.raises(PolyregionsError, match="at most 4 inputs"):
        boundary_volumes(draw_network(Settings((5, 3)), 0), pr.Box.cube(5, 1.0))
    doubled = net(([[1, 0], [-2, 0]], [0, 0]), ([[1, 1]], [0]))
    with pytest.raises(PolyregionsError, match="coincide"):
        boundary_volumes(doubled, pr.Box.cube(2, 1.0))
