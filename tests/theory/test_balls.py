"""Regions in a ball: against flats, against a convex solver, and the known expectation."""

from fractions import Fraction
from itertools import combinations

import cvxpy as cp
import numpy as np
import pytest

import polyregions as pr
from polyregions.errors import DomainError, PolyregionsError
from polyregions.theory.balls import _proven_apart, count_in_ball, nearest_point
from polyregions.theory.draws import Settings, draw_network, summary
from polyregions.theory.expectations import gaussian_ball_expectation
from polyregions.theory.laws import BiasLaw, WeightLaw


def one_layer(n, units, seed=0):
    """Weights and biases of variance 1."""
    return Settings((n, units), WeightLaw("normal", Fraction(n)), BiasLaw(), None, seed)


def flats_in_ball(network, radius):
    """Sets of hyperplanes of one layer that meet in the ball: one per region."""
    weight, bias = network.layers[0].weight, network.layers[0].bias
    count = 0
    for size in range(weight.shape[1] + 1):
        for chosen in map(list, combinations(range(len(bias)), size)):
            point = np.linalg.lstsq(weight[chosen], -bias[chosen], rcond=None)[0]
            count += bool(size == 0 or point @ point < radius**2)
    return count


@pytest.mark.slow
@pytest.mark.parametrize(("n", "units", "radius"), [(1, 6, 1.0), (2, 8, 1.5), (3, 6, 1.0)])
def test_one_layer_against_flats(n, units, radius):
    for index in range(15):
        network = draw_network(one_layer(n, units), index)
        assert count_in_ball(network, radius) == flats_in_ball(network, radius)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "units", "radius", "draws"), [(2, 8, 1.0, 200), (2, 20, 10 / 3, 60), (1, 10, 1.0, 200)]
)
def test_expectation(n, units, radius, draws):
    settings = one_layer(n, units, seed=3)
    counts = [count_in_ball(draw_network(settings, index), radius) for index in range(draws)]
    found, expected = summary(counts), gaussian_ball_expectation(units, n, radius)
    assert found.agrees_with(expected)
    assert not found.agrees_with(1.2 * expected)


@pytest.mark.parametrize("widths", [(2, 4, 4), (3, 3, 3)])
def test_deep_networks_against_a_convex_solver(widths):
    network = draw_network(Settings(widths, biases=BiasLaw("normal", 0.5), seed=1), 0)
    centre, radius = np.full(widths[0], 0.25), 0.75
    count = 0
    for region in pr.enumerate_regions(network, pr.Box.cube(widths[0], 2.0)):
        model = region.as_cvxpy()
        distance = cp.Problem(cp.Minimize(cp.norm(model.x - centre)), model.constraints).solve()
        assert abs(distance - radius) > 1e-4
        count += bool(distance < radius)
    assert count_in_ball(network, radius, centre) == count
    assert 1 < count < len(pr.enumerate_regions(network, pr.Box.cube(widths[0], 2.0)))


def test_nearest_point_against_a_convex_solver():
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 4):
        for _ in range(5):
            normals, inside, centre = (
                rng.normal(size=(8, n)),
                rng.normal(size=n),
                rng.normal(size=n),
            )
            offsets = rng.uniform(0.1, 1, 8) - normals @ inside
            point, multipliers = nearest_point(normals, offsets, centre)
            x = cp.Variable(n)
            problem = cp.Problem(cp.Minimize(cp.norm(x - centre)), [normals @ x + offsets >= 0])
            assert np.linalg.norm(point - centre) == pytest.approx(problem.solve(), abs=1e-5)
            assert (normals @ point + offsets >= -1e-9).all()
            assert (multipliers >= 0).all()


def test_the_ball_is_open():
    # the line x = 1 touches the unit circle: what is beyond does not meet the open disc
    line = pr.Network.from_arrays([([[1.0, 0.0]], [-1.0]), ([[1.0]], [0.0])])
    assert count_in_ball(line, 1.0) == 1
    assert count_in_ball(line, 1.0 + 2.0**-40) == 2
    assert count_in_ball(line, 1.0, [2.0**-40, 0.0]) == 2


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_tangent_region_does_not_meet_whichever_side_is_zero(sign):
    # the bit of x >= 1 is the one that the touching point (1, 0) has, or the other
    line = pr.Network.from_arrays([([[sign, 0.0]], [-sign]), ([[1.0]], [0.0])])
    assert count_in_ball(line, 1.0) == 1


def test_half_spaces_that_hold_the_centre_separate_nothing():
    centre, one = np.zeros(2), [Fraction(1)]
    assert _proven_apart([[1, 0, -2]], one, centre, Fraction(4))
    assert not _proven_apart([[1, 0, -2]], one, centre, Fraction(9))
    assert not _proven_apart([[1, 0, 2]], one, centre, Fraction(4))
    assert not _proven_apart([], [], centre, Fraction(4))


def test_refusals():
    line = pr.Network.from_arrays([([[1.0, 0.0]], [-1.0]), ([[1.0]], [0.0])])
    for radius in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(PolyregionsError, match="radius of a ball must be positive"):
            count_in_ball(line, radius)
    with pytest.raises(DomainError, match="needs 2 coordinates"):
        count_in_ball(line, 1.0, [0.0])
