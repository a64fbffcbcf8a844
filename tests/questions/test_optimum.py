"""The largest and smallest outputs in a box, against exact programs on all regions."""

import json
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
from io_helpers import exact_forward
from listed import extreme_listed
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.cli import main
from polyregions.io import save_network
from polyregions.questions import box_search, optimum, output_search, output_sets
from polyregions.questions.optimum import Optimum, maximum, minimum
from polyregions.questions.property import Counterexample

BOXED = [family for family in FAMILIES if random_case(family, 0)[1] is not None]


def value_at(network, point, output=0):
    return exact_forward(network, list(point))[output]


def assert_attained(network, box, best, output=0):
    sides = zip(box.lower.tolist(), best.point, box.upper.tolist(), strict=True)
    assert all(low <= x <= high for low, x, high in sides)
    assert value_at(network, best.point, output) == best.outputs[output]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("family", BOXED)
def test_the_extremes_of_all_regions(family, seed):
    network, domain = random_case(family, seed)
    box = domain.box
    regions = pr.enumerate_regions(network, box)
    for find, smallest in ((maximum, False), (minimum, True)):
        best = find(network, box)
        assert best.proven
        assert best.value == extreme_listed(regions, smallest=smallest) == best.outputs[0]
        assert_attained(network, box, best)


@pytest.mark.parametrize("seed", range(12))
def test_no_difference_is_too_small(seed):
    """Outputs of about 2^-60: what nearly is the largest is not."""
    network, domain = random_case(BOXED[seed % 3], seed)
    *hidden, last = network.layers
    small = last.weight * 2.0**-60, last.bias * 2.0**-60
    tiny = pr.Network.from_arrays([*((layer.weight, layer.bias) for layer in hidden), small])
    best = extreme_listed(pr.enumerate_regions(network, domain.box))
    assert maximum(tiny, domain.box).value == best / 2**60


def test_latest_first(monkeypatch):
    """What is done where memory is short."""
    monkeypatch.setattr(box_search, "_MOST_PARTS", 0)
    for seed in range(4):
        test_the_extremes_of_all_regions(BOXED[0], seed)


@pytest.mark.parametrize("how", ["cells", "boxes"])
def test_cells_alone_and_boxes_first(how, monkeypatch):
    """Whichever way a box is decided."""
    monkeypatch.setattr(box_search, "_FEW_CELLS", 1e9 if how == "cells" else 1)
    monkeypatch.setattr(box_search, "_FEW_CELLS_OF_AN_INPUT", 1e9)
    network, domain = random_case(BOXED[0], 1)
    regions = pr.enumerate_regions(network, domain.box)
    assert maximum(network, domain.box).value == extreme_listed(regions)


def small_integers(seed):
    """A network with ties everywhere: faces of a constant maximum, kinks in corners."""
    rng = np.random.default_rng(seed)
    n = 1 + seed % 3
    layers = [(rng.integers(-2, 3, (4, n)), rng.integers(-1, 2, 4))]
    layers += [(rng.integers(-2, 3, (4, 4)), rng.integers(-1, 2, 4))]
    layers += [(rng.integers(-2, 3, (2, 4)), rng.integers(-1, 2, 2))]
    return pr.Network.from_arrays(layers), pr.Box.cube(n, 1.0)


@pytest.mark.parametrize("seed", range(24))
def test_sums_of_outputs(seed):
    """As the output of a network that has the sum built in; threads change no value."""
    network, box = small_integers(seed)
    coefficients = np.array([(1.0, -1.0), (0.5, 0.0), (-0.25, 3.0)][seed % 3])
    *hidden, last = network.layers
    summed = pr.Network.from_arrays(
        [(layer.weight, layer.bias) for layer in hidden]
        + [(coefficients[None] @ last.weight, coefficients[None] @ last.bias)]
    )
    regions = pr.enumerate_regions(summed, box)
    for find, smallest in ((maximum, False), (minimum, True)):
        best = find(network, box, coefficients, threads=1 + seed % 2)
        assert best.proven
        assert best.value == extreme_listed(regions, smallest=smallest)
        terms = zip(coefficients.tolist(), best.outputs, strict=True)
        assert best.value == sum(Fraction(c) * y for c, y in terms)
        assert_attained(network, box, best, 1)


def test_a_sum_of_floats_that_is_no_sum_of_floats():
    """Coefficients are the floats that they are: 0.1 + 0.2 - 0.3 is not 0."""
    network = pr.Network.from_arrays([([[1.0]] * 3, [0.0] * 3), (np.eye(3), np.zeros(3))])
    best = maximum(network, pr.Box([0.0], [1.0]), [0.1, 0.2, -0.3])
    assert best.value == Fraction(0.1) + Fraction(0.2) - Fraction(0.3) > 0


@pytest.mark.parametrize("find", [maximum, minimum])
def test_stopped_between(find):
    """What a stopped search returns encloses the extreme value, and the point is one."""
    network, domain = random_case(BOXED[0], 3)
    box = domain.box
    smallest = find is minimum
    truth = extreme_listed(pr.enumerate_regions(network, box), smallest=smallest)
    seen = []

    class EnoughError(Exception):
        pass

    def stop(progress):
        seen.append(progress)
        raise EnoughError

    with pytest.raises(EnoughError):
        find(network, box, progress=stop)
    assert len(seen) == 1
    best = find(network, box, time_limit=1e-9)
    assert isinstance(best, Optimum)
    assert not best.proven
    assert "not proven" in repr(best)
    low, high = sorted((best.value, best.bound))
    assert low <= truth <= high
    assert low < high
    assert_attained(network, box, best)


@pytest.mark.parametrize("seed", range(3))
def test_ceilings_of_boxes(seed, monkeypatch):
    """No exact value in a pending box is above its ceiling, also where no unit switches in it."""
    monkeypatch.setattr(box_search, "_FEW_CELLS", 0)
    network, domain = random_case(BOXED[0], seed)
    box = domain.box
    target = optimum._Highest([[(0, Fraction(1))]])
    centre = tuple(map(Fraction, (box.lower / 2 + box.upper / 2).tolist()))
    target.take(Counterexample(centre, (value_at(network, centre),)))
    subject = box_search.Subject.of(network)
    search = output_search.OutputSearch(subject, box.lower, box.upper, target)
    search._batch, ceilings, compared = 1, [search.ceiling], 0
    for _ in range(60):
        if search.finished:
            break
        search.step(10**9)
        ceilings.append(search.ceiling)
        for pending in search._pending[-2:]:
            for lower, upper, ceiling in zip(*pending.boxes, pending.ceilings, strict=True):
                corners = product(*zip(lower.tolist(), upper.tolist(), strict=True))
                values = [value_at(network, tuple(map(Fraction, corner))) for corner in corners]
                assert max(values) <= ceiling
                compared += 1
    assert compared > 20
    assert ceilings[0] == np.inf
    assert np.isfinite(ceilings[1])
    assert all(later <= sooner for sooner, later in pairwise(ceilings))


def test_what_overflows_has_no_ceiling(monkeypatch):
    """A sum without a bound is not hidden by one that has."""
    monkeypatch.setattr(box_search, "_FEW_CELLS", 0)
    monkeypatch.setattr(output_sets, "_FIRST_POINTS", 1)
    # a tent around 0.3e-300, whose slopes overflow; and 1/2
    tent = [[1.0], [1.0], [1.0]], [-0.29e-300, -0.3e-300, -0.31e-300]
    network = pr.Network.from_arrays(
        [tent, ([[1e200, -2e200, 1e200]], [0.0]), ([[1e200], [0.0]], [0.0, 0.5])]
    )
    target = optimum._Highest([[(0, Fraction(1))], [(1, Fraction(1))]])
    target.take(Counterexample((Fraction(0),), (Fraction(0), Fraction(1, 2))))
    subject = box_search.Subject.of(network)
    search = output_search.OutputSearch(subject, np.zeros(1), np.full(1, 1e-300), target)
    search.step(10**9)
    assert target.value < value_at(network, (Fraction(0.3e-300),)) <= search.ceiling


def test_sides_without_length():
    network, domain = random_case(BOXED[0], 2)
    lower, upper = domain.box.lower.copy(), domain.box.upper.copy()
    upper[0] = lower[0]
    best = maximum(network, pr.Box(lower, upper))
    assert best.point[0] == Fraction(lower[0])
    assert best.value == extreme_listed(pr.enumerate_regions(network, pr.Box(lower, upper)))


def test_what_is_no_question():
    network = pr.Network.from_arrays([([[1.0, 0.0]], [0.0]), ([[1.0], [2.0]], [0.0, 0.0])])
    box = pr.Box.cube(2, 1.0)
    with pytest.raises(pr.PolyregionsError, match="there is no output 2; the network has 2"):
        maximum(network, box, 2)
    with pytest.raises(pr.PolyregionsError, match="needs 2 finite coefficients"):
        maximum(network, box, [1.0])
    with pytest.raises(pr.PolyregionsError, match="needs 2 finite coefficients"):
        maximum(network, box, [1.0, np.nan])
    with pytest.raises(pr.PolyregionsError, match="coefficient that is not zero"):
        minimum(network, box, [0.0, 0.0])
    with pytest.raises(pr.PolyregionsError, match="an index, or one coefficient"):
        maximum(network, box, "largest")
    with pytest.raises(pr.DomainError, match="not in the whole space"):
        maximum(network, None)
    with pytest.raises(pr.DomainError, match="the polytope has 1 coordinates but"):
        maximum(network, pr.Polytope([[1.0], [-1.0]], [1.0, 0]))
    with pytest.raises(pr.DomainError, match="3 coordinates but the network reads 2"):
        maximum(network, pr.Box.cube(3, 1.0))


@pytest.fixture
def kink(tmp_path):
    """2 relu(x) - 4 relu(x - 1/2), largest at 1/2, and a second output."""
    network = pr.Network.from_arrays(
        [([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0], [1.0, 0.0]], [0.0, 0.0])]
    )
    path = tmp_path / "kink.npz"
    save_network(network, path)
    return str(path)


def test_on_the_command_line(kink, capsys):
    assert main(["maximum", kink, "--cube", "1"]) == 0
    out = capsys.readouterr().out
    assert "largest Y_0: 1.0, proven\nX_0 = 0.5\nY_0 = 1.0\nY_1 = 0.5\n" in out
    assert main(["minimum", kink, "--cube", "1", "--of", "1,-1", "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert (read["exact_value"], read["proven"], read["bound"]) == ("-1", True, -1.0)
    assert (read["exact_point"], read["exact_outputs"]) == (["1"], ["0", "1"])
    assert main(["maximum", kink, "--cube", "1", "--time-limit", "1e-9"]) == 3
    assert " found; no bound yet\n" in capsys.readouterr().out
    assert main(["maximum", kink, "--cube", "1", "--time-limit", "1e-9", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["bound"] is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--of", "7"], "there is no output 7"),
        (["--of", "1,x"], "a coefficient for each, such as 1,-1; not 1,x"),
        (["--of", "1,1,1"], "needs 2 finite coefficients"),
        (["--of", "0,0"], "coefficient that is not zero"),
        (["--whole-space"], "not in the whole space"),
        (["--threads", "0"], "threads"),
    ],
)
def test_wrong_commands(kink, options, sentence, capsys):
    where = [] if "--whole-space" in options else ["--cube", "1"]
    assert main(["maximum", kink, *where, *options]) == 2
    assert sentence in capsys.readouterr().err


def test_the_centre_of_the_smallest_floats():
    """The half of a side is no float: the point is still one of the box."""
    least = 5e-324
    network = pr.Network.from_arrays([([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]), ([[1, 1]], [0])])
    for steps in (1, 3):
        box = pr.Box([steps * least, -1.0], [steps * least, 1.0])
        best = minimum(network, box)
        assert best.value == Fraction(steps * least)
        assert_attained(network, box, best)


def test_values_beyond_all_floats(tmp_path, capsys):
    """They are shown and written: about, and exactly."""
    network = pr.Network.from_arrays([([[1e300]], [0.0]), ([[-2e300]], [0.0])])
    zero = pr.Network.from_arrays([([[1.0]], [0.0]), ([[0.0]], [0.0])])
    paths = [str(tmp_path / name) for name in ("large.npz", "zero.npz")]
    for net, path in zip((network, zero), paths, strict=True):
        save_network(net, path)
    exact = Fraction(1e300) * Fraction(-2e300)
    best = minimum(network, pr.Box.cube(1, 1.0), progress=True)
    assert best.value == exact
    assert "-2.00000000000000" in repr(best)
    assert "E+600" in repr(best)
    assert "-inf" in repr(Counterexample(best.point, best.outputs))
    assert "E+600" in repr(pr.equal(network, zero, pr.Box.cube(1, 1.0)))
    capsys.readouterr()
    commands = (["minimum", paths[0]], 0), (["equal", *paths], 1)
    for command, code in commands:
        assert main([*command, "--cube", "1"]) == code
        assert "E+600, rounded" in capsys.readouterr().out
        assert main([*command, "--cube", "1", "--json"]) == code
        read = json.loads(capsys.readouterr().out)
        assert read["outputs"] == [None]
        assert Fraction(read["exact_outputs"][0]) == exact


def test_fractions_of_any_length_are_written(tmp_path, capsys):
    deep = pr.Network.from_arrays([*[([[1e-300]], [0.1])] * 20, ([[1.0]], [0.0])])
    save_network(deep, tmp_path / "deep.npz")
    assert main(["maximum", str(tmp_path / "deep.npz"), "--cube", "1", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["exact_value"]) > 4300


@pytest.mark.parametrize("coefficients", [[10**400], [2**53 + 1], [Fraction(1, 3)], ["1"]])
def test_coefficients_are_not_rounded(coefficients):
    network = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    with pytest.raises(pr.PolyregionsError, match="coefficients of outputs must be"):
        maximum(network, pr.Box.cube(1, 1.0), coefficients)


def test_sides_longer_than_all_floats():
    """They are halved as others are."""
    tent = [[1.0]] * 3, [-0.5e308, -0.6e308, -0.7e308]
    network = pr.Network.from_arrays([tent, ([[1.0, -2.0, 1.0]], [0.0])])
    box = pr.Box([-1.7e308], [1.7e308])
    best = maximum(network, box)
    assert best.proven
    assert best.value == extreme_listed(pr.enumerate_regions(network, box))
    assert_attained(network, box, best)
