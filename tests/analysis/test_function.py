"""What the network does on its regions: slopes, extremes, decisions, units, distances."""

from fractions import Fraction

import numpy as np
import pytest
from listed import closed_regions, extreme_listed
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions import examples
from polyregions.analysis.affine_maps import affine_maps, exact_affine_map, facet_hyperplanes
from polyregions.analysis.decision import decision_boundary, nearest_decision_point
from polyregions.analysis.distances import boundary_distance
from polyregions.analysis.lipschitz import gradient_norms, lipschitz
from polyregions.analysis.units import unit_summary
from polyregions.domain.chart import chart_of, chart_point
from polyregions.network.exact_network import exact_network, exact_rows
from polyregions.pattern import unpack
from polyregions.questions.extremes import extreme_output


@pytest.fixture(scope="module")
def two_outputs():
    rng = np.random.default_rng(11)
    network = pr.Network.from_arrays(
        [
            (rng.normal(size=(7, 2)), 0.4 * rng.normal(size=7)),
            (rng.normal(size=(6, 7)) / 2, 0.4 * rng.normal(size=6)),
            (rng.normal(size=(3, 6)), 0.2 * rng.normal(size=3)),
        ]
    )
    return network, pr.enumerate_regions(network, pr.Box.cube(2, 1.0))


@pytest.mark.parametrize("family", FAMILIES)
def test_float_maps_are_within_their_bounds(family):
    network, domain = random_case(family, 31)
    regions = pr.enumerate_regions(network, domain)
    maps = affine_maps(regions)
    for index, region in enumerate(regions):
        exact = exact_affine_map(network, region.pattern)
        found = np.column_stack([maps.matrix[index], maps.shift[index]])
        for row, floats, errors in zip(exact, found, maps.error[index], strict=True):
            for entry, value, error in zip(row, floats, errors, strict=True):
                assert abs(entry - Fraction(float(value))) <= Fraction(float(error))


def test_facet_hyperplanes_separate_their_regions(two_outputs):
    _, regions = two_outputs
    rows, errors = facet_hyperplanes(regions)
    ends = regions.witnesses[regions.edges]
    sides = np.einsum("ekd,ed->ek", ends, rows[:, :-1]) + rows[:, -1:]
    assert (sides[:, 0] * sides[:, 1] < 0).all()
    # and are as near to the exact rows as their errors say, up to the side
    exact = exact_network(regions.network, chart_of(None, regions.network.input_dimension))
    for edge in range(0, len(regions.edges), 7):
        bits = unpack(regions.patterns[regions.edges[edge, 0]], exact.hidden_units)
        unit = regions.units_of_edge(edge)[0]
        row = exact_rows(exact, bits)[unit][:-1]
        # the exact row is a multiple: that of the largest entry
        k = int(np.abs(rows[edge]).argmax())
        factor = Fraction(float(rows[edge, k])) / int(row[k])
        for entry, value, error in zip(row, rows[edge], errors[edge], strict=True):
            near = Fraction(float(error)) + abs(factor * int(entry)) * Fraction(1, 2**40)
            assert abs(factor * int(entry) - Fraction(float(value))) <= near
            assert error < 1e-12


@pytest.mark.parametrize("norm", ["1", "2", "inf"])
def test_the_lipschitz_constant_is_the_largest_exact_norm(two_outputs, norm):
    _, regions = two_outputs
    found = lipschitz(regions, norm)
    order = {"1": 1, "2": 2, "inf": np.inf}[norm]
    norms = [np.linalg.norm(region.affine_map()[0], ord=order) for region in regions]
    np.testing.assert_allclose(gradient_norms(regions, norm), norms)
    assert found.value == pytest.approx(max(norms), rel=1e-12)
    assert int(np.argmax(norms)) in found.regions
    assert found.lower <= found.upper <= found.lower * (1 + Fraction(1, 2**60))
    if norm != "2":
        assert found.lower == found.upper


def test_the_lipschitz_constant_of_a_rotation_is_one_exactly():
    # gradient (3/5, 4/5) is not a float; (3, 4) has norm exactly 5
    network = pr.Network.from_arrays([([[3, 4], [-3, -4]], [0, 0]), ([[1, -1]], [0])])
    found = lipschitz(pr.enumerate_regions(network, None))
    assert found.lower == found.upper == 5
    assert found.regions == (0, 1)


def test_slopes_that_floats_confuse_are_told_apart():
    tiny = 2.0**-52
    weights = [([[1.0], [1.0]], [0.0, -0.5]), ([[1.0, tiny]], [0.0])]
    network = pr.Network.from_arrays(weights)
    found = lipschitz(pr.enumerate_regions(network, pr.Box.cube(1, 1.0)))
    assert found.lower == found.upper == 1 + Fraction(1, 2**52)
    assert found.regions == (2,)


def test_fixed_inputs_have_no_slope():
    network = pr.Network.from_arrays([([[3, 4]], [0]), ([[1]], [0])])
    box = pr.Box([-1, 0.5], [1, 0.5])
    assert lipschitz(pr.enumerate_regions(network, box)).lower == 3


def test_unknown_norms_are_refused(two_outputs):
    with pytest.raises(pr.PolyregionsError, match="no norm '3'"):
        lipschitz(two_outputs[1], "3")


def closure_holds(regions, index, point):
    """Whether no inequality of a region is broken."""
    polytope, *_ = list(closed_regions(regions))[index]
    column = [*chart_point(regions.domain, point), Fraction(1)]
    sums = [
        sum(int(a) * x for a, x in zip(row, column, strict=True)) for row in polytope.rows.values()
    ]
    return min(sums) >= 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", ["integer", "touching", "dead", "duplicates", "zero bias"])
def test_extremes_of_all_regions(family, seed):
    """Where faces are constant or units vanish together, the region still is one of those."""
    regions = pr.enumerate_regions(*random_case(family, seed))
    for smallest in (False, True):
        best = extreme_output(regions, smallest=smallest)
        assert best.value == extreme_listed(regions, smallest=smallest)
        assert closure_holds(regions, best.region, best.point)


def test_extreme_outputs(two_outputs):
    network, regions = two_outputs
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 201)] * 2), axis=-1).reshape(-1, 2)
    values = network.forward(grid)
    for output in range(3):
        top = extreme_output(regions, output)
        bottom = extreme_output(regions, output, smallest=True)
        reach = 0.02 * lipschitz(regions).value
        assert values[:, output].max() - 1e-9 <= top.value <= values[:, output].max() + reach
        assert values[:, output].min() - reach <= bottom.value <= values[:, output].min() + 1e-9
        for extreme in (top, bottom):
            floats = [float(x) for x in extreme.point]
            assert network.forward(floats)[output] == pytest.approx(float(extreme.value), rel=1e-9)
            assert closure_holds(regions, extreme.region, extreme.point)


def test_an_extreme_is_exact():
    weights = [([[3.0], [1.0]], [0.0, 0.0]), ([[1, 0], [-1, 0], [0, 1]], [0, 1, 0])]
    network = pr.Network.from_arrays([*weights, ([[-2.0, -1.0, 0.5]], [1.0])])
    best = extreme_output(pr.enumerate_regions(network, pr.Box.interval(1, 0.0, 1.0)), 0)
    # f = 1 - 6x - (1 - 3x) + x/2 rises nowhere on (0, 1/3): its maximum is f(0) = 0
    assert best.value == 0
    assert best.point == (0,)
    worst = extreme_output(
        pr.enumerate_regions(network, pr.Box.interval(1, 0.0, 1.0)), 0, smallest=True
    )
    assert worst.value == Fraction(1) - 6 + Fraction(1, 2)


def test_extremes_need_a_box(three_lines):
    with pytest.raises(pr.PolyregionsError, match="need a box"):
        extreme_output(pr.enumerate_regions(three_lines, None))


@pytest.mark.slow
def test_the_decision_boundary_separates_classes(two_outputs):
    network, _ = two_outputs
    boundary = decision_boundary(network, pr.Box.cube(2, 1.0))
    witnesses = boundary.regions.witnesses
    np.testing.assert_array_equal(boundary.classes, network.forward(witnesses).argmax(axis=1))
    assert len(boundary) > 3
    total = 0.0
    for piece in boundary.pieces():
        middle = np.array([[float(x) for x in point] for point in piece.corners]).mean(axis=0)
        outputs = network.forward(middle)
        low, high = piece.classes
        assert outputs[low] == pytest.approx(outputs[high], abs=1e-9)
        assert outputs.max() == pytest.approx(outputs[low], abs=1e-9)
        total += piece.measure
    # Crofton: random lines cross a curve of length L in a square of side 2 in proportion
    grid = np.linspace(-1, 1, 1201)
    points = np.stack(np.meshgrid(grid, grid), axis=-1)
    labels = network.forward(points.reshape(-1, 2)).argmax(axis=1).reshape(1201, 1201)
    step = grid[1] - grid[0]
    across = (labels[:, 1:] != labels[:, :-1]).sum() * step
    along = (labels[1:] != labels[:-1]).sum() * step
    # the projections on the axes bound the length from both sides
    assert np.hypot(across, along) * 0.99 <= total <= (across + along) * 1.01


def test_a_flat_boundary_in_three_dimensions():
    network = pr.Network.from_arrays([(np.eye(3), np.zeros(3)), ([[1, 1, 1]], [0])])
    boundary = decision_boundary(network, pr.Box.interval(3, 0.0, 1.0), level=0.5)
    (piece,) = boundary.pieces()
    assert piece.measure == pytest.approx(np.sqrt(3) / 8)
    half = Fraction(1, 2)
    assert sorted(piece.corners) == [(0, 0, half), (0, half, 0), (half, 0, 0)]


@pytest.mark.slow
def test_the_nearest_point_of_the_boundary(two_outputs):
    network, _ = two_outputs
    boundary = decision_boundary(network, pr.Box.cube(2, 1.0))
    corners = [np.array(piece.corners, dtype=float) for piece in boundary.pieces()]
    for x in ([0.0, 0.0], [0.7, -0.6], [-0.9, 0.9]):
        found = nearest_decision_point(boundary, x)
        # the distance to each segment, in closed form
        exact = []
        for start, end in corners:
            along = np.clip((x - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
            exact.append(np.linalg.norm(start + along * (end - start) - x))
        assert found.distance == pytest.approx(min(exact), abs=1e-5)
        assert found.problems <= len(boundary)
        outputs = np.sort(network.forward(found.point))
        assert outputs[-1] == pytest.approx(outputs[-2], abs=1e-4)


def test_no_boundary_has_no_nearest_point():
    network = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [5.0])])
    boundary = decision_boundary(network, pr.Box.cube(1, 1.0))
    assert len(boundary) == 0
    assert nearest_decision_point(boundary, [0.0]) is None


def test_units(two_outputs):
    _, regions = two_outputs
    summary = unit_summary(regions)
    bits = np.array([region.bits for region in regions])
    np.testing.assert_array_equal(summary.active, bits.sum(axis=0, dtype=int))
    assert set(summary.always_on) == set(np.flatnonzero(bits.all(axis=0)))
    assert set(summary.always_off) == set(np.flatnonzero(~bits.any(axis=0)))
    carried = [
        [e for e in range(len(regions.edges)) if u in regions.units_of_edge(e)] for u in range(13)
    ]
    assert summary.facets.tolist() == [len(edges) for edges in carried]
    touched = [len(set(regions.edges[edges].ravel().tolist())) for edges in carried]
    assert summary.regions.tolist() == touched


def test_the_distance_to_the_nearest_boundary(two_outputs):
    network, _ = two_outputs
    rng = np.random.default_rng(2)
    for x in rng.uniform(-0.5, 0.5, size=(5, 2)):
        found = boundary_distance(network, x)
        turns = np.linspace(0, 2 * np.pi, 2000)
        circle = np.stack([np.cos(turns), np.sin(turns)], axis=1)
        near = network.pattern(x + 0.999 * found.value * circle)
        far = network.pattern(x + 1.001 * found.value * circle)
        assert (near == network.pattern(x)).all()
        assert not (far == network.pattern(x)).all()


def test_a_boundary_along_fixed_inputs_is_out_of_reach():
    network = pr.Network.from_arrays([([[1, 0], [0, 1]], [-1, -0.25]), ([[1, 1]], [0])])
    box = pr.Box([-2, 0], [2, 0])
    assert boundary_distance(network, [0, 0]).squared == Fraction(1, 16)
    assert boundary_distance(network, [0, 0], box).squared == 1
    flat = pr.Network.from_arrays([([[0.0]], [1.0]), ([[1.0]], [0.0])])
    assert boundary_distance(flat, [0.0]) is None


def test_the_shipped_example_in_figures():
    network = pr.load(examples.path("digits2"))
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0))
    assert lipschitz(regions).value == pytest.approx(51.39616, abs=1e-4)
    assert float(extreme_output(regions).value) == pytest.approx(14.42734, abs=1e-4)
