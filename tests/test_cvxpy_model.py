import cvxpy as cp
import numpy as np
import pytest

import polyregions as pr


def solve(objective, constraints) -> float:
    return float(cp.Problem(objective, constraints).solve(solver=cp.CLARABEL))


def test_the_nearest_point_of_another_region(three_lines):
    regions = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    far = regions[regions.index(three_lines.pattern([-0.5, -0.5]))]
    problem = far.as_cvxpy()
    distance = solve(cp.Minimize(cp.norm(problem.x - [0.3, 0.4])), problem.constraints)
    assert distance == pytest.approx(0.5, abs=1e-6)
    np.testing.assert_allclose(problem.x.value, [0, 0], atol=1e-5)


def test_the_output_is_the_network(deep):
    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))
    for region in list(regions)[::25]:
        problem = region.as_cvxpy()
        fixed = [*problem.constraints, problem.x == region.witness]
        value = solve(cp.Maximize(problem.output[0]), fixed)
        assert value == pytest.approx(deep.forward(region.witness)[0], abs=1e-5)


@pytest.mark.slow
def test_the_extreme_output_over_all_regions(deep):
    """The largest maximum over the regions is no smaller than any sampled output."""
    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 0.5))
    maxima = []
    for region in regions:
        problem = region.as_cvxpy()
        maxima.append(solve(cp.Maximize(problem.output[0]), problem.constraints))
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, size=(5000, 3))
    outputs = deep.forward(samples)[:, 0]
    assert max(maxima) >= outputs.max() - 1e-6
    assert max(maxima) <= outputs.max() + 0.5


def test_fixed_coordinates_stay_fixed(deep):
    region = pr.enumerate_regions(deep, pr.Box([-1, 0.25, -2], [1, 0.25, 3]))[0]
    problem = region.as_cvxpy()
    assert problem.x.shape == (3,)
    solve(cp.Minimize(problem.output[0]), problem.constraints)
    assert problem.x.value[1] == pytest.approx(0.25, abs=1e-7)


def test_the_whole_space(three_lines):
    regions = pr.enumerate_regions(three_lines, None)
    problem = regions[regions.index(three_lines.pattern([5.0, 5.0]))].as_cvxpy()
    assert solve(cp.Minimize(cp.sum(problem.x)), problem.constraints) == pytest.approx(0.5)


def test_units_that_bend_nothing_here_give_no_constraint():
    network = pr.Network.from_arrays([([[0.0], [0.0]], [0.0, 1.0]), ([[1.0, 1.0]], [0.0])])
    problem = pr.enumerate_regions(network, None)[0].as_cvxpy()
    assert problem.constraints == []
