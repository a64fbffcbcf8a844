"""The Lipschitz constant in a box, against the exact gradients of all regions."""

from fractions import Fraction

import numpy as np
import pytest
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.analysis import lipschitz as listed
from polyregions.analysis.affine_maps import exact_affine_map, free_inputs
from polyregions.network.backward_bounds import Boxes, backward_bounds, gradient_bounds, no_bounds
from polyregions.questions import steepest as question
from polyregions.questions.steepest import lipschitz

BOXED = [family for family in FAMILIES if random_case(family, 0)[1] is not None]
NORMS = ["1", "2", "inf"]


def assert_attained(network, box, found):
    """The region of the point has a gradient of that norm."""
    pattern = network.pattern([float(x) for x in found.point])
    free = box.free.tolist()
    gradient = [[row[i] for i in free] for row in exact_affine_map(network, pattern)]
    assert listed.norm_bracket(gradient, found.norm)[0] == found.lower


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("family", BOXED)
def test_the_steepest_of_all_regions(family, norm):
    for seed in range(2):
        network, box = random_case(family, seed)
        truth = listed.lipschitz(pr.enumerate_regions(network, box), norm)
        found = lipschitz(network, box, norm, threads=1 + seed)
        assert found.proven
        assert (found.lower, found.upper) == (truth.lower, truth.upper)
        assert lipschitz(pr.enumerate_regions(network, box), norm=norm) == truth


@pytest.mark.parametrize("how", ["bounds", "parts of lists"])
def test_boxes_to_the_end_and_lists_cut_short(how, monkeypatch):
    """Boxes where no unit switches alone; and boxes with more regions than are listed at once."""
    if how == "bounds":
        monkeypatch.setattr(question, "_FIRST_CELLS", 1.0)
    else:
        monkeypatch.setattr(question, "_MOST_LISTED", 3)
    network, box = random_case("generic", 1 if how == "bounds" else 3)
    truth = listed.lipschitz(pr.enumerate_regions(network, box), "inf")
    found = lipschitz(network, box, "inf")
    assert (found.lower, found.upper, found.proven) == (truth.lower, truth.upper, True)
    assert found.cells > 1
    assert_attained(network, box, found)


def test_a_pattern_of_a_boundary_is_no_region():
    """At 0, the first point that is tried, both units are off: a gradient of 10 that is none."""
    units = pr.Layer.with_slopes([[1.0], [-1.0], [1.0]], [0.0] * 3, [0.0, 0.0, 1.0], 1.0)
    zero = pr.Network((units, pr.Layer.affine([[-10.0, 10.0, 10.0]], [0.0])))
    assert lipschitz(zero, pr.Box.cube(1, 1.0), "1").upper == 0
    dip = pr.Network.from_arrays([([[1.0], [-1.0], [1.0]], [0, 0, 0]), ([[-3, 5, 3]], [0])])
    assert lipschitz(dip, pr.Box.interval(1, 0.0, 1.0), "1").lower == 0
    assert lipschitz(dip, pr.Box.cube(1, 1.0), "1").lower == 5


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("scale", [1e-250, 1e-160, 1.0, 1e160, 1e300])
def test_slopes_of_every_size(norm, scale):
    layers = [([[3 * scale, 4 * scale], [0, scale]], [0, scale / 2]), (np.eye(2) * scale, [0, 0])]
    network = pr.Network.from_arrays(layers)
    box = pr.Box.cube(2, 1.0)
    truth = listed.lipschitz(pr.enumerate_regions(network, box), norm)
    found = lipschitz(network, box, norm)
    assert (found.lower, found.upper, found.proven) == (truth.lower, truth.upper, True)
    repr(found)


def test_sides_of_the_largest_and_the_smallest_floats():
    tent = [[1.0]] * 3, [-0.5e308, -0.6e308, -0.7e308]
    network = pr.Network.from_arrays([tent, ([[1.0, -2.0, 1.0]], [0.0])])
    assert lipschitz(network, pr.Box([-1.7e308], [1.7e308]), "1").lower == 1
    least = 5e-324
    bent = pr.Network.from_arrays([([[1.0, 0.0]], [-least]), ([[3.0]], [0.0])])
    box = pr.Box([0.0, 0.0], [2 * least, 0.0])
    assert lipschitz(bent, box, "2").lower == 3
    assert lipschitz(bent, pr.Box([0.0, 0.0], [least, 1.0]), "2").upper == 0


@pytest.mark.parametrize("norm", NORMS)
def test_stopped_between(norm, monkeypatch):
    monkeypatch.setattr(question, "_TRIED", 1)
    network, box = random_case("generic", 3)
    truth = listed.lipschitz(pr.enumerate_regions(network, box), norm)
    part = lipschitz(network, box, norm, time_limit=1e-9)
    assert not part.proven
    assert part.lower <= truth.lower <= truth.upper <= part.upper
    assert "not proven; at most inf" in repr(part)
    assert_attained(network, box, part)


@pytest.mark.parametrize("family", BOXED)
def test_bounds_hold_all_gradients(family):
    network, box = random_case(family, 5)
    rng = np.random.default_rng(0)
    share = np.sort(rng.random((2, 6, box.dimension)), axis=0)
    lower, upper = box.lower + share * (box.upper - box.lower)
    boxes = Boxes(lower, upper)
    bounds, _ = backward_bounds(network, boxes, no_bounds(network, 6)[:-1])
    found = gradient_bounds(network, bounds)
    for index in range(6):
        regions = pr.enumerate_regions(network, pr.Box(lower[index], upper[index]))
        free = free_inputs(regions).tolist()
        for region in regions:
            rows = exact_affine_map(network, region.pattern)
            for out, row in enumerate(rows):
                for i in free:
                    middle, radius = found.centre[index, out, i], found.radius[index, out, i]
                    assert abs(row[i] - Fraction(middle)) <= Fraction(radius)


def test_what_is_no_question():
    network, box = random_case("generic", 0)
    regions = pr.enumerate_regions(network, box)
    with pytest.raises(pr.PolyregionsError, match="there is no norm '3'"):
        lipschitz(network, box, "3")
    with pytest.raises(pr.PolyregionsError, match="a domain of their own"):
        lipschitz(regions, box)
    with pytest.raises(pr.DomainError, match="Lipschitz constant is sought in a box, not in the"):
        lipschitz(network, None)
    with pytest.raises(pr.PolyregionsError, match="threads"):
        lipschitz(network, box, threads=0)


def test_a_list_within_the_search_ends_with_its_time():
    rng = np.random.default_rng(0)
    layers = [(rng.normal(size=(40, 5)), np.zeros(40)), (rng.normal(size=(1, 40)), [0.0])]
    found = lipschitz(pr.Network.from_arrays(layers), pr.Box.cube(5, 1.0), time_limit=0.2)
    assert not found.proven
    assert found.cells == 0  # the list of half a box was given up
