"""Level sets and class boundaries, against the cut of all regions."""

import json
from fractions import Fraction

import numpy as np
import pytest
from io_helpers import exact_forward
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.analysis.decision import decision_in, met_regions
from polyregions.cli import main
from polyregions.io import save_network
from polyregions.network.backward_bounds import Boxes, Planes
from polyregions.questions import region_search
from polyregions.questions.level_sets import boundary, level


@pytest.fixture(params=[2, 100])
def searched(request, monkeypatch):
    """A search over boxes, also where there are few regions; into small boxes, or large ones."""
    monkeypatch.setattr(region_search, "_FEW_REGIONS", 1)
    monkeypatch.setattr(region_search, "_CELLS_OF_A_WALK", request.param)
    return request.param


BOXED = [family for family in FAMILIES if random_case(family, 0)[1] is not None]


def assert_equal(found, everything):
    """What was found is what the cut of all regions says, without regions that are not met."""
    expected = met_regions(everything)
    assert np.array_equal(found.regions.patterns, expected.regions.patterns)
    assert np.array_equal(found.regions.edges, expected.regions.edges)
    assert np.array_equal(found.classes, expected.classes)
    assert np.array_equal(found.edges, expected.edges)
    assert len(expected) == len(everything)
    assert found.finished
    assert found.settled == 1.0
    assert found.regions.selection
    assert not found.regions.complete


@pytest.mark.parametrize("family", BOXED)
def test_the_cut_of_all_regions(family, searched):
    for seed in range(1 if searched == 2 else 3):
        network, domain = random_case(family, seed)
        regions = pr.enumerate_regions(network, domain)
        rounded = np.clip(np.round(regions.witnesses[0]), domain.lower, domain.upper)
        # a value at a corner or kink, as like as not; one in a cell; 0, of whole regions perhaps
        points = (rounded, None, regions.witnesses[-1], domain.upper)
        for point in points[: 2 if searched == 2 else 4]:
            value = 0.0 if point is None else float(network.forward(point)[0])
            found = level(network, domain, value)
            assert_equal(found, decision_in(regions, level=value))


@pytest.mark.parametrize(
    ("lower", "upper"),
    [(0.0, 1.0), (0.5, 0.5), (0.0, 5e-324), (-1e308, 1e308), (0.25, 0.25 + 2.0**-54), (-1.0, 1.0)],
)
def test_what_is_listed_holds_a_neighbourhood(lower, upper):
    """Of a box, in the domain; and of the zero of a plane, however it is rounded."""
    domain = pr.Box([-1e308, -1.0], [1e308, 1.0])
    side = Boxes(np.array([[lower, -1.0]]), np.array([[upper, 0.0]]))
    wide = region_search._wider(side, domain)
    assert (wide.lower[0] < lower) or lower == -1e308
    assert (wide.upper[0] > upper) or upper == 1e308
    assert (wide.lower[1], wide.upper[1] > 0.0) == (-1.0, True)
    for normal, offset in (([1.0, 0.0], -0.25), ([1e-300, 0.0], 1e300), ([0.0, 1.0], 1.0)):
        planes = Planes(np.array([[normal]]), np.array([[offset]]), [])
        part = region_search._around(wide, planes, np.array([0]))
        if isinstance(part, pr.Polytope):
            assert part.b[-1] > -offset
            assert part.A[-1].tolist() == normal


def with_outputs(network, count, seed):
    rng = np.random.default_rng(seed)
    *below, last = network.layers
    weight = rng.integers(-2, 3, size=(count, last.weight.shape[1])).astype(float)
    return pr.Network((*below, pr.Layer.affine(weight, rng.integers(-1, 2, count) / 2)))


@pytest.mark.parametrize("family", BOXED)
def test_classes(family, searched):
    """Whole numbers: outputs that are equal on regions, walls and corners."""
    for seed in range(1 if searched == 2 else 2):
        network, domain = random_case(family, seed)
        network = with_outputs(network, 2 + seed, seed)
        everything = decision_in(pr.enumerate_regions(network, domain))
        assert_equal(boundary(network, domain), everything)


def test_pieces_lie_on_the_level(searched):
    network, domain = random_case("generic", 2)
    middle = pr.enumerate_regions(network, domain).witnesses[5]
    value = float(network.forward(middle)[0])
    pieces = list(level(network, domain, value).pieces())
    assert pieces
    assert {
        x for piece in pieces for c in piece.corners for x in exact_forward(network, list(c))
    } == {Fraction(value)}


def test_a_sum_of_outputs():
    network, domain = random_case("integer", 3)
    network = with_outputs(network, 3, 0)
    summed = network.compose(pr.linear([[1.0, -0.5, 0.0]]))
    regions = pr.enumerate_regions(summed, domain)
    assert_equal(level(network, domain, 0.5, [1.0, -0.5, 0.0]), decision_in(regions, level=0.5))
    second = network.compose(pr.linear([[0.0, 1.0, 0.0]]))
    regions = pr.enumerate_regions(second, domain)
    assert_equal(level(network, domain, 0.5, 1), decision_in(regions, level=0.5))


TENT = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])


@pytest.mark.parametrize(
    ("value", "points"),
    [
        (1.0, []),  # the peak: only touched
        (
            np.nextafter(1.0, 0),
            [Fraction(1, 2) - Fraction(1, 2**54), Fraction(1, 2) + Fraction(1, 2**54)],
        ),
        (np.nextafter(1.0, 2), []),
        (0.0, [Fraction(0)]),  # equal to 0 below 0, larger above; touched again at the end
        (5e-324, [Fraction(1, 2**1075), 1 - Fraction(1, 2**1075)]),
        (-5e-324, []),
        (1e300, []),
    ],
)
def test_values_one_rounding_apart(value, points, searched):
    """A tent over [0, 1], zero on [-1, 0]."""
    found = level(TENT, pr.Box.cube(1, 1.0), value)
    assert sorted(piece.corners[0][0] for piece in found.pieces()) == points


@pytest.mark.parametrize("place", [0.5, 0.25, 0.0, -0.75, 1.0, 1 / 3])
def test_a_level_along_the_face_between_two_boxes(place, searched):
    """f = σ(x - c) is 0 up to the plane x = c, where boxes are halved: one piece for each y."""
    kinks = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], [-place, 0.5, -0.25]
    network = pr.Network.from_arrays([kinks, ([[1.0, 0.0, 0.0]], [0.0])])
    square = pr.Box.cube(2, 1.0)
    found = level(network, square)
    assert_equal(found, decision_in(pr.enumerate_regions(network, square)))
    assert len(found) == (0 if place == 1.0 else 3)


@pytest.mark.parametrize(
    "box",
    [
        pr.Box([-1e308, -1e308], [1e308, 1e308]),
        pr.Box([-1e-300, 0.0], [1e-300, 5e-324]),
        pr.Box([1.0, -1.0], [float(np.nextafter(1.0, 2)), 1.0]),
        pr.Box([0.0, 0.25], [1.0, 0.25]),
    ],
)
@pytest.mark.parametrize("scale", [1.0, 1e300, 5e-324])
def test_boxes_and_weights_of_any_size(box, scale, searched):
    network = pr.Network.from_arrays(
        [([[1.0, 1.0], [1.0, -1.0], [1.0, -1.0]], [0.0, 0.0, 0.5]), ([[scale, -scale, 1.0]], [0.0])]
    )
    everything = decision_in(pr.enumerate_regions(network, box), level=0.25)
    assert_equal(level(network, box, 0.25), everything)


def test_few_regions_are_listed_at_once():
    network, domain = random_case("generic", 1)
    regions = pr.enumerate_regions(network, domain)
    found = level(network, domain, 0.5)
    assert_equal(found, decision_in(regions, level=0.5))
    assert (found.boxes, found.visited) == (0, len(regions))


def test_threads_and_limits(searched):
    network, domain = random_case("generic", 1, 16)
    value = float(network.forward(domain.upper / 3)[0])
    late = level(network, domain, value)
    assert_equal(level(network, domain, value, threads=2), met_regions(late))
    early = level(network, domain, value, time_limit=1e-9)
    assert not early.finished
    assert not early.regions.selection
    assert (len(early), early.settled, early.visited) == (0, 0.0, 0)
    assert "partial, 0.0% of the box settled" in repr(early)
    assert f"{len(late)} pieces, {len(late.regions)} regions met, all" in repr(late)


def test_stopped_in_the_middle(searched):
    """What a stopped search returns is part of the whole."""
    network, domain = random_case("generic", 1, 24)
    value = float(network.forward(domain.upper / 3)[0])
    late = level(network, domain, value)
    calls = []

    def interrupting(progress):
        calls.append(progress)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        level(network, domain, value, progress=interrupting)
    early = level(network, domain, value, time_limit=0.01)
    known = {pattern.tobytes() for pattern in late.regions.patterns}
    assert {pattern.tobytes() for pattern in early.regions.patterns} <= known
    assert 0.0 <= early.settled <= 1.0
    assert calls


def test_what_is_no_question():
    box = pr.Box.cube(1, 1.0)
    with pytest.raises(pr.PolyregionsError, match="there is no output 1; the network has 1"):
        level(TENT, box, 0.0, 1)
    for wrong in (np.nan, np.inf, "high", [0.0, 1.0]):
        with pytest.raises(pr.PolyregionsError, match="the value of a level set"):
            level(TENT, box, wrong)
    with pytest.raises(pr.DomainError, match="not in the whole space"):
        boundary(TENT, None)
    with pytest.raises(pr.DomainError, match="2 coordinates but the network reads 1"):
        boundary(TENT, pr.Box.cube(2, 1.0))
    with pytest.raises(pr.PolyregionsError, match="threads"):
        level(TENT, box, threads=0)
    with pytest.raises(pr.PolyregionsError, match="time limit"):
        boundary(TENT, box, time_limit=0)
    with pytest.raises(pr.PolyregionsError, match="progress"):
        boundary(TENT, box, progress=3)


@pytest.fixture
def files(tmp_path):
    """The tent, and two outputs over the square."""
    classes = pr.Network.from_arrays(
        [([[1, 0], [0, 1]], [0, 0]), ([[1, 0], [0, 1]], [0, 0])], name="classes"
    )
    save_network(TENT, tmp_path / "tent.npz")
    save_network(classes, tmp_path / "classes.npz")
    return tmp_path


def test_on_the_command_line(files, capsys):
    tent, classes, out = (str(files / name) for name in ("tent.npz", "classes.npz", "out.npz"))
    assert main(["level", tent, "--cube", "1", "--at", "0.5", "-o", out]) == 0
    said = capsys.readouterr().out
    assert "Y_0 = 0.5: 2 pieces, 4 regions met\n" in said
    assert f"saved to {out}" in said
    assert pr.open_regions(out) == level(TENT, pr.Box.cube(1, 1.0), 0.5).regions
    graph = str(files / "out.json")
    assert main(["boundary", classes, "--cube", "1", "--json", "-o", graph]) == 0
    read = json.loads(capsys.readouterr().out)
    assert (read["pieces"], read["finished"], read["settled"]) == (2, True, 1.0)
    assert read["pairs"] == [{"classes": [0, 1], "pieces": 2}]
    assert len(json.loads((files / "out.json").read_text())["nodes"]) == read["regions"] == 4
    assert main(["boundary", classes, "--cube", "1"]) == 0
    assert "classes 0 and 1: 2 pieces" in capsys.readouterr().out
    assert main(["level", tent, "--cube", "1", "--time-limit", "1e-9"]) == 3
    assert "0.0% of the box is settled" in capsys.readouterr().err
    for wrong in (
        ["--at", "nan"],
        ["--of", "3"],
        ["--of", "x"],
        ["--whole-space"],
        ["-o", "x.txt"],
    ):
        assert main(["level", tent, *wrong]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_slab_that_no_chart_holds_is_a_box():
    """Its bound is the smallest float once the slab's width cancels the plane's offset."""
    box = pr.Box.cube(2, 1.0)
    offset = region_search._SLAB * 4.0
    planes = Planes(np.ones((1, 1, 2)), np.array([[offset]]), [])
    network = pr.Network.from_arrays([([[1.0, 1.0]], [0.0]), ([[1.0]], [0.0])])
    around = region_search._around(box, planes, np.array([0]))
    assert len(pr.enumerate_regions(network, around)) == 2


def test_a_walk_within_the_search_ends_with_its_time(searched, monkeypatch):
    monkeypatch.setattr(region_search, "_CELLS_OF_A_WALK", 1e9)
    rng = np.random.default_rng(0)
    layers = [(rng.normal(size=(24, 5)), np.zeros(24)), (rng.normal(size=(1, 24)), [0.0])]
    found = level(pr.Network.from_arrays(layers), pr.Box.cube(5, 1.0), 0.0, time_limit=0.2)
    assert not found.finished
    assert found.boxes > 0
    assert len(found.regions) == 0  # that of half a box was given up
