"""A region as a cvxpy model, against exact linear programs, with every solver that is there."""

from fractions import Fraction

import cvxpy as cp
import numpy as np
import pytest
from random_nets import FAMILIES, random_case
from slivers import slivers

import polyregions as pr
from polyregions import examples
from polyregions.analysis.affine_maps import exact_maps, largest_value
from polyregions.domain.chart import chart_of, chart_point
from polyregions.exact.facets import exact_facets
from polyregions.network.exact_network import exact_network, exact_rows
from polyregions.questions.extremes import extreme_output
from polyregions.regions.facets import facet_rows

# how far an answer may be off, relative to values of size 1
CLOSE = 1e-5
# those of first order need more steps for that than by default
SOLVERS = {
    cp.CLARABEL: {},
    cp.HIGHS: {},
    cp.SCIPY: {},
    cp.OSQP: {"max_iter": 100_000, "eps_abs": 1e-8, "eps_rel": 1e-8},
    cp.SCS: {"max_iters": 100_000, "eps_abs": 1e-8, "eps_rel": 1e-8},
}
INSTALLED = [solver for solver in SOLVERS if solver in cp.installed_solvers()]
SLIVERS = {name: (network, box) for name, network, box in slivers()}


def solve(objective, constraints) -> float:
    return float(cp.Problem(objective, constraints).solve(solver=cp.CLARABEL))


def exact_extremes(region) -> tuple[Fraction, Fraction]:
    """The least and largest first output on a region, from all its rows."""
    maps = exact_maps(region.network, region.domain)
    units, outputs, walls = maps.rows(region.pattern)
    start = chart_point(region.domain, region.exact_witness)
    objective = list(outputs[0])
    values = [
        sign * largest_value([sign * entry for entry in objective], [*units, *walls], start)[0]
        for sign in (-1, 1)
    ]
    return values[0] / maps.scale, values[1] / maps.scale


def assert_solved(region, solver, *, sliver: bool = False) -> None:
    """From both sides: a solver's least and largest value are the exact ones."""
    settings, close = SOLVERS[solver], CLOSE
    if sliver and settings:  # which a method of first order does not solve that well
        settings, close = {}, 2e-3
    model = region.as_cvxpy()
    exact = exact_extremes(region)
    for objective, value in zip((cp.Minimize, cp.Maximize), exact, strict=True):
        problem = cp.Problem(objective(model.output[0]), model.constraints)
        answer = problem.solve(solver=solver, **settings)
        assert problem.status == cp.OPTIMAL, (problem.status, answer, float(value))
        scale = max(1.0, *(abs(float(end)) for end in exact))
        assert abs(answer - float(value)) <= close * scale


def sampled(regions, count):
    places = np.linspace(0, len(regions) - 1, count).astype(int)
    return [regions[index] for index in places.tolist()]


def test_every_solver_is_known():
    linear = {name for name in cp.installed_solvers() if name not in SOLVERS}
    assert not linear, f"try {linear} as well"


@pytest.fixture(scope="module")
def digits():
    network = pr.load(examples.path("digits2"))
    return pr.enumerate_regions(network, pr.Box.cube(2, 1.0))


def test_the_example_of_the_readme(digits):
    """0.1.0 said that it was unbounded: rows of dead units had offsets of 4e11."""
    region = digits[digits.index(digits.network.pattern([0.1, 0.2]))]
    model = region.as_cvxpy()
    problem = cp.Problem(cp.Maximize(model.output[0]), model.constraints)
    value = problem.solve()
    assert problem.status == cp.OPTIMAL
    assert value == pytest.approx(-7.029014437904, abs=1e-6)
    assert value == pytest.approx(float(exact_extremes(region)[1]), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("solver", INSTALLED)
def test_trained_digits(digits, solver):
    for region in sampled(digits, 3 if SOLVERS[solver] else 8):
        assert_solved(region, solver)


@pytest.mark.slow
@pytest.mark.parametrize("solver", INSTALLED)
@pytest.mark.parametrize("name", ["cartpole", "vdp"])
def test_trained_controllers(shared_data, name, solver):
    pytest.importorskip("onnx", reason="onnx is not installed")
    network = pr.load(shared_data / "nets" / f"{name}.onnx")
    box = pr.Box.cube(network.input_dimension, 1.0)
    for region in sampled(pr.enumerate_regions(network, box, max_regions=300), 2):
        assert_solved(region, solver)


@pytest.mark.parametrize("solver", INSTALLED)
def test_a_triangle_of_the_whole_space(three_lines, solver):
    """Of all seven regions of the plane it is the one that is bounded."""
    regions = pr.enumerate_regions(three_lines, None)
    model = regions[regions.index(three_lines.pattern([0.1, 0.1]))].as_cvxpy()
    for objective, value in ((cp.Maximize, 0.5), (cp.Minimize, 0.0)):
        problem = cp.Problem(objective(cp.sum(model.x)), model.constraints)
        assert problem.solve(solver=solver, **SOLVERS[solver]) == pytest.approx(value, abs=CLOSE)
        assert problem.status == cp.OPTIMAL


@pytest.fixture(scope="module")
def everywhere(digits):
    return pr.enumerate_regions(digits.network, None, max_regions=30)


@pytest.mark.parametrize("solver", INSTALLED)
def test_the_whole_space_of_a_trained_network(everywhere, solver):
    """Units whose hyperplanes are 4e11 away: no facets, but of regions as far away."""
    for region in sampled(everywhere, 3):
        model = region.as_cvxpy()
        distance = cp.Problem(cp.Minimize(cp.norm1(model.x - region.witness)), model.constraints)
        assert distance.solve(solver=solver, **SOLVERS[solver]) == pytest.approx(0.0, abs=CLOSE)
        assert distance.status == cp.OPTIMAL


@pytest.mark.slow
@pytest.mark.parametrize("solver", INSTALLED)
@pytest.mark.parametrize("gap", ["1e-06", "1e-12", "1e-300"])
def test_slivers(gap, solver):
    for region in pr.enumerate_regions(*SLIVERS[f"parallel, {gap} apart"]):
        assert_solved(region, solver, sliver=True)


@pytest.mark.slow
@pytest.mark.parametrize("solver", INSTALLED)
@pytest.mark.parametrize("gap", ["1e-10", "1e-300"])
def test_wedges_are_bounded(gap, solver):
    """Sharper than a solver's tolerance, a wedge is the strip that it lies in, no more."""
    for region in pr.enumerate_regions(*SLIVERS[f"wedge, {gap} off"]):
        low, high = map(float, exact_extremes(region))
        model = region.as_cvxpy()
        for objective in (cp.Minimize, cp.Maximize):
            problem = cp.Problem(objective(model.output[0]), model.constraints)
            answer = problem.solve(solver=solver)
            assert problem.status == cp.OPTIMAL
            assert low - 1.5 <= answer <= high + 1.5
            assert all(constraint.violation().max() <= 2e-3 for constraint in model.constraints)
        assert answer >= high - 2e-3


# ------------------------------------------------------------------- the rows of the model


def exact_twin(region) -> tuple[tuple[int, ...], ...]:
    """The rows of each facet, all decided in rational arithmetic."""
    network, domain = region.network, region.domain
    exact = exact_network(network, chart_of(domain, network.input_dimension))
    answer = exact_facets(exact_rows(exact, region.bits))
    return answer.groups


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(2))
def test_facet_rows_are_the_facets(family, seed):
    network, domain = random_case(family, seed)
    size = network.hidden_units
    for region in sampled(pr.enumerate_regions(network, domain), 12):
        rows = facet_rows(region)
        groups = exact_twin(region)
        if domain is None:  # the walls are those of the chart's cube
            groups = [group for group in groups if group[-1] < size]
        expected = sorted(group[-1] if group[-1] >= size else group[0] for group in groups)
        assert rows == expected


def test_facet_rows_of_a_polytope():
    """Sides that hold anyway, a repeated one, and a unit that lies on one."""
    triangle = pr.Polytope([[-1, 0], [0, -1], [1, 1], [2, 2], [1, 0], [-3, 0]], [0, 0, 1, 2, 5, 0])
    network = pr.Network.from_arrays([([[1, 0], [1, -1], [0, 0]], [0, 0, 1]), ([[1, 1, 1]], [0])])
    regions = pr.enumerate_regions(network, triangle)
    found = {tuple(region.bits.tolist()): facet_rows(region) for region in regions}
    # rows 0 to 2 are units, 3 to 8 the inequalities
    assert {bits: len(rows) for bits, rows in found.items()} == {(1, 0, 1): 3, (1, 1, 1): 3}
    for rows in found.values():
        assert rows[0] == 1
        assert set(rows[1:]) <= {3, 4, 5, 6, 8}


# of larger ones the twin takes too long
@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n, case in SLIVERS.items() if case[0].hidden_units <= 40])
def test_facet_rows_of_slivers(name):
    network, box = SLIVERS[name]
    size = network.hidden_units
    for region in sampled(pr.enumerate_regions(network, box), 3):
        expected = sorted(
            group[-1] if group[-1] >= size else group[0] for group in exact_twin(region)
        )
        assert facet_rows(region) == expected


@pytest.mark.slow
def test_many_inputs_take_no_time():
    """64 inputs: the same simplex as in the walk, and no rational one."""
    rng = np.random.default_rng(0)
    network = pr.Network.from_arrays(
        [(rng.normal(size=(40, 64)) / 8, rng.normal(size=40)), (rng.normal(size=(1, 40)), [0.0])]
    )
    region = pr.enumerate_regions(network, pr.Box.cube(64, 1.0), max_regions=1)[0]
    model = region.as_cvxpy()
    problem = cp.Problem(cp.Maximize(model.output[0]), model.constraints)
    assert problem.solve() == pytest.approx(from_every_row(region), abs=1e-5)


def from_every_row(region) -> float:
    """The largest output by scipy's simplex, from every row of the region."""
    from scipy.optimize import linprog

    polytope = region.halfspaces(all_rows=True)
    matrix, shift = region.affine_map()
    answer = linprog(-matrix[0], A_ub=-polytope.normals, b_ub=polytope.offsets, bounds=(None, None))
    return shift[0] - answer.fun


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
    """The largest maximum over the regions is the exact one of the whole box."""
    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 0.5))
    maxima = []
    for region in regions:
        problem = region.as_cvxpy()
        maxima.append(solve(cp.Maximize(problem.output[0]), problem.constraints))
    exact = float(extreme_output(regions).value)
    assert max(maxima) == pytest.approx(exact, abs=1e-6)
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, size=(5000, 3))
    assert deep.forward(samples)[:, 0].max() <= exact


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
