"""Points are refused or found, never misread: one table of what is no point."""

from fractions import Fraction

import numpy as np
import pytest

import polyregions as pr
from polyregions.analysis.adjacency import region_of
from polyregions.analysis.affine_maps import exact_affine_map
from polyregions.analysis.decision import decision_boundary, nearest_decision_point
from polyregions.analysis.distances import boundary_distance
from polyregions.analysis.distances import boundary_distances as mean_distance
from polyregions.arrays import floats
from polyregions.errors import PolyregionsError
from polyregions.geometry.region_polytope import region_halfspaces
from polyregions.network import Layer
from polyregions.network.slices import Line, Slice, fix, fixed_box
from polyregions.theory.balls import count_in_ball

BOX = pr.Box.cube(2, 1.0)
TRIANGLE = pr.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])

NO_POINTS = {
    "NaN": [np.nan, 0.0],
    "infinite": [0.0, -np.inf],
    "NaN among objects": np.array([float("nan"), Fraction(1, 2)], dtype=object),
    "too short": [0.1],
    "too long": [0.1, 0.2, 0.3],
    "empty": [],
    "one number": 0.1,
    "ragged": [[0.1, 0.2], [0.3]],
    "text": ["0.1", "0.2"],
    "bytes": [b"0.1", b"0.2"],
    "a sentence": "0.1, 0.2",
    "complex": [0.1, 0.2j],
    "objects": [None, 0.2],
    "nothing": None,
    "a dictionary": {0: 0.1, 1: 0.2},
    "rounded": [Fraction(1, 3), 0.0],
    "a large integer": [2**53 + 1, 0],
    "larger than a float": [10**400, 0],
    "masked": np.ma.array([0.1, 0.2], mask=[True, False]),
    "a cube of numbers": np.zeros((2, 2, 2)),
}


@pytest.fixture(scope="module")
def lines(three_lines):
    return pr.enumerate_regions(three_lines, BOX)


@pytest.fixture(scope="module")
def boundary(three_lines):
    return decision_boundary(three_lines, BOX)


@pytest.fixture(scope="module")
def ask(lines, boundary):
    """Everything that takes one point."""
    net = lines.network
    return {
        "forward": net.forward,
        "pattern": net.pattern,
        "in": lambda x: x in lines,
        "find": lines.find,
        "counts": lines.counts,
        "contains": lines[0].contains,
        "region_of": lambda x: region_of(lines, x),
        "slack": lambda x: lines[0].halfspaces().slack(x),
        "nearest_decision_point": lambda x: nearest_decision_point(boundary, x),
        "boundary_distance": lambda x: boundary_distance(net, x),
        "distances of the theory": lambda x: mean_distance(net, x),
        "centre of a ball": lambda x: count_in_ball(net, 0.5, 0.5 if x is None else x),
        "coordinates of a slice": lambda u: Slice(np.zeros(2), np.eye(2), None).to_input(u),
        "point of a line": lambda x: Line.through(x, [1.0, 1.0]),
    }


QUESTIONS = [
    "forward",
    "pattern",
    "in",
    "find",
    "counts",
    "contains",
    "region_of",
    "slack",
    "nearest_decision_point",
    "boundary_distance",
    "distances of the theory",
    "centre of a ball",
    "coordinates of a slice",
    "point of a line",
]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("what", NO_POINTS)
def test_what_is_no_point_is_refused_in_a_sentence(ask, question, what):
    with pytest.raises(PolyregionsError) as caught:
        ask[question](NO_POINTS[what])
    message = str(caught.value)
    assert "\n" not in message
    assert not message.endswith(".")


@pytest.mark.parametrize("domain", [BOX, TRIANGLE], ids=["box", "polytope"])
@pytest.mark.parametrize("what", sorted(set(NO_POINTS) - {"rounded"}))
def test_a_domain_says_of_no_such_thing_whether_it_is_inside(domain, what):
    with pytest.raises(pr.DomainError):
        domain.contains(NO_POINTS[what])


def test_a_domain_knows_fractions_between_the_floats():
    third = Fraction(1, 3)
    for domain in (BOX, TRIANGLE):
        assert domain.contains([third, 0.5])
    assert not TRIANGLE.contains([third, 1 - third])
    assert TRIANGLE.contains([third, 1 - third - Fraction(1, 10**40)])


# a box and a slice are made of numbers, not all of them points
NO_NUMBERS = ["NaN", "infinite", "text", "complex", "objects", "ragged", "rounded"]


@pytest.mark.parametrize("what", NO_NUMBERS)
def test_nothing_is_made_of_such_numbers(what, three_lines):
    wrong = NO_POINTS[what]
    for make in (
        lambda: pr.Box(wrong, [2.0, 2.0]),
        lambda: pr.Box([-2.0, -2.0], wrong),
        lambda: pr.Polytope([wrong, [-1, 0], [0, -1]], [1, 1, 1]),
        lambda: Slice(wrong, np.eye(2), None),
        lambda: Slice(np.zeros(2), np.array([[1.0]]) * 0 if what == "ragged" else [wrong], None),
        lambda: pr.Network.from_arrays([([wrong], [0.0]), ([[1.0]], [0.0])]),
        lambda: pr.Network.from_arrays([(np.eye(2), wrong), ([[1.0, 1.0]], [0.0])]),
        lambda: Layer.with_slopes(np.eye(2), [0.0, 0.0], wrong, 1.0),
        lambda: three_lines.on_slice(wrong, np.eye(2)),
    ):
        with pytest.raises(PolyregionsError):
            make()


def test_sparse_weights_are_real():
    from scipy.sparse import csr_array

    with pytest.raises(pr.NetworkError, match="complex"):
        Layer.with_slopes(csr_array(np.array([[1j, 0.0]])), [0.0], 0.0, 1.0)


@pytest.mark.parametrize(
    "values", [{0.5: 1.0}, {"0": 1.0}, {-1: 0.0}, {0: "1"}, {0: np.nan}, {0: [1.0]}, {0: None}]
)
def test_inputs_are_fixed_by_number_to_numbers(three_lines, values):
    for make in (lambda: fix(three_lines, values), lambda: fixed_box(BOX, values)):
        with pytest.raises(pr.DomainError):
            make()


def test_numbers_of_every_real_type_are_points(lines):
    net = lines.network
    expected = net.pattern([0.5, -1.0])
    for point in (
        (0.5, -1),
        np.float32([0.5, -1]),
        np.float16([0.5, -1]),
        np.longdouble([0.5, -1]),
        [Fraction(1, 2), -1],
        np.array([0.5, -1], dtype=object),
    ):
        np.testing.assert_array_equal(net.pattern(point), expected)
    assert floats([True, False], "x").tolist() == [1.0, 0.0]
    assert floats([2**60, -(2**70)], "x").tolist() == [2.0**60, -(2.0**70)]


def test_a_tensor_that_needs_its_gradient():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    tensor = torch.ones(2, requires_grad=True)
    with pytest.raises(PolyregionsError, match="real numbers"):
        floats(tensor, "points")
    assert floats(tensor.detach(), "points").tolist() == [1.0, 1.0]


# ------------------------------------------------------------------- in and index


def test_points_are_found_by_their_pattern(lines):
    rng = np.random.default_rng(3)
    for point in rng.uniform(-2, 2, size=(200, 2)):
        inside = bool((np.abs(point) < 1).all())
        assert (point in lines) == (point.tolist() in lines) == inside
    # the pattern's rule: on the boundary it is that of the side where the unit is off
    assert [0.0, 0.25] in lines
    assert [0.0, 1.0] in lines  # so it is on the walls of the domain
    assert [0.0, np.nextafter(1.0, 2.0)] not in lines


def test_a_point_of_a_region_that_a_partial_result_lacks(three_lines):
    part = pr.enumerate_regions(three_lines, BOX, max_regions=3)
    whole = pr.enumerate_regions(three_lines, BOX)
    found = [region.witness in part for region in whole]
    assert found == [region.pattern in part for region in whole]
    assert sum(found) == len(part) < len(whole)


def test_regions_are_in_their_result_alone(lines, three_lines, deep):
    assert all(region in lines for region in lines)
    assert pr.enumerate_regions(three_lines, pr.Box.cube(2, 2.0))[0] not in lines
    assert pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))[0] not in lines


@pytest.mark.parametrize(
    "wrong",
    [
        [0.1, 0.2],
        np.array([0.1, 0.2]),
        np.array([0.0]),
        np.array([3]),
        np.array([1, 2], dtype=np.uint64),
        np.uint64(3),
        [np.uint64(3)],
        [[1], [1, 2]],
        None,
        "3",
    ],
    ids=repr,
)
def test_what_is_no_packed_pattern_is_refused(lines, wrong):
    net = lines.network
    for ask in (
        lines.index,
        net.affine_map,
        lambda words: exact_affine_map(net, words),
        lambda words: region_halfspaces(net, BOX, words),
    ):
        with pytest.raises(pr.NetworkError, match=r"a packed pattern is an array of shape \(1,\)"):
            ask(wrong)


def test_a_pattern_of_no_region_is_not_found(lines):
    words = np.array([2**63], dtype=np.uint64)
    assert lines.index(words) is None
    assert words not in lines
    with pytest.raises(pr.NetworkError, match="packed pattern"):
        assert np.array([1, 2], dtype=np.uint64) in lines


@pytest.mark.parametrize("wrong", [0.0, "0", None, [0.5], {0: 1}, [[0]], slice("a")], ids=repr)
def test_a_region_has_a_whole_number(lines, wrong):
    with pytest.raises(PolyregionsError, match="whole number, from 0 to 6"):
        lines[wrong]


@pytest.mark.parametrize("index", [7, -8])
def test_a_region_that_is_not_there(lines, index):
    with pytest.raises(IndexError, match="holds 7"):
        lines[index]
    with pytest.raises(IndexError, match="holds 7"):
        lines[[0, index]]
    assert lines[np.int64(6)] == lines[-1]
