"""Are two networks equal? Against all regions of their common refinement, in fractions."""

import json
import time
from fractions import Fraction

import numpy as np
import pytest
from listed import extreme_listed
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.analysis.simplification import simplify
from polyregions.cli import main
from polyregions.io import save_network
from polyregions.questions import equality
from polyregions.questions.equality import equal

BOXED = [family for family in FAMILIES if random_case(family, 0)[1] is not None]


def arrays_of(network):
    return [(layer.weight.copy(), layer.bias.copy()) for layer in network.layers]


def small(seed):
    """Integers, so that differences are exact in floats."""
    rng = np.random.default_rng(seed)
    n = 1 + seed % 2
    return pr.Network.from_arrays(
        [
            (rng.integers(-2, 3, (4, n)), rng.integers(-1, 2, 4)),
            (rng.integers(-2, 3, (3, 4)), rng.integers(-1, 2, 3)),
            (rng.integers(-2, 3, (2, 3)), rng.integers(-1, 2, 2)),
        ]
    ), pr.Box.cube(n, 1.0)


@pytest.mark.parametrize("seed", range(20))
def test_the_largest_difference(seed):
    """By listing all regions of the difference."""
    (first, box), (second, _) = small(seed), small(seed + 100)
    found = equal(first, second, box)
    regions = pr.enumerate_regions(pr.difference(first, second), box)
    ends = [
        abs(extreme_listed(regions, output, smallest=smallest))
        for output in (0, 1)
        for smallest in (False, True)
    ]
    assert found.proven
    assert found.value == max(ends)
    assert found.equal == (max(ends) == 0)
    apart = [a - b for a, b in zip(found.first, found.second, strict=True)]
    assert max(map(abs, apart)) == found.value
    at = np.array([[float(x) for x in found.point]])
    assert np.allclose(first.forward(at)[0], [float(y) for y in found.first])


@pytest.mark.parametrize("family", BOXED)
def test_the_same_function_otherwise_written(family):
    """Units in another order, scaled by powers of two: equal, and one rounding more is not."""
    network, domain = random_case(family, 1)
    rng = np.random.default_rng(0)
    layers = arrays_of(network)
    order = rng.permutation(len(layers[0][1]))
    layers[0] = (4 * layers[0][0][order], 4 * layers[0][1][order])
    layers[1] = (layers[1][0][:, order] / 4, layers[1][1])
    slopes = [(layer.lower, layer.upper) for layer in network.layers]
    slopes[0] = tuple(side[order] for side in slopes[0])
    made = [
        pr.Layer.with_slopes(weight, bias, *sides)
        for (weight, bias), sides in zip(layers, slopes, strict=True)
    ]
    assert equal(network, pr.Network(tuple(made)), domain.box).equal is True
    weight, bias = layers[-1]
    made[-1] = pr.Layer.with_slopes(weight, np.nextafter(bias, np.inf), *slopes[-1])
    moved = equal(network, pr.Network(tuple(made)), domain.box, time_limit=0.5)
    assert moved.equal is False
    assert moved.value >= max(Fraction(float(b)) for b in np.nextafter(bias, np.inf) - bias) > 0


def test_a_difference_at_one_corner_only():
    """relu(x + y - 2) is zero on the square, and one part in 2^50 more is not."""
    zero = pr.Network.from_arrays([([[1.0, 1.0]], [-2.0]), ([[0.0]], [0.0])])
    touching = pr.Network.from_arrays([([[1.0, 1.0]], [-2.0]), ([[1.0]], [0.0])])
    beyond = pr.Network.from_arrays([([[1.0, 1.0]], [-2.0 + 2.0**-50]), ([[1.0]], [0.0])])
    square = pr.Box.cube(2, 1.0)
    assert equal(zero, touching, square).equal is True
    found = equal(zero, beyond, square)
    assert (found.equal, found.value, found.proven) == (False, Fraction(1, 2**50), True)
    assert found.point == (1, 1)


def test_stopped_and_refused():
    (first, box), (second, _) = small(0), small(102)
    early = equal(first, second, box, time_limit=1e-9)
    late = equal(first, second, box)
    assert early.value <= late.value <= early.bound
    assert not early.proven
    assert "between" in repr(early)
    unknown = equal(first, first, box, time_limit=1e-9)
    assert (unknown.equal, unknown.value) == (None, 0)
    with pytest.raises(pr.NetworkError):
        equal(first, small(1)[0], box)
    with pytest.raises(pr.DomainError, match="not in the whole space"):
        equal(first, second, None)


def test_on_the_command_line(tmp_path, capsys):
    (first, _), (second, _) = small(0), small(102)
    for name, network in (("first", first), ("second", second), ("third", small(1)[0])):
        save_network(network, tmp_path / f"{name}.npz")
    one, other, third = (str(tmp_path / f"{name}.npz") for name in ("first", "second", "third"))
    assert main(["equal", one, one, "--cube", "1"]) == 0
    assert "first: equal on this domain, proven" in capsys.readouterr().out
    assert main(["equal", one, other, "--cube", "1", "--json"]) == 1
    read = json.loads(capsys.readouterr().out)
    late = equal(first, second, pr.Box.cube(1, 1.0))
    assert read["exact_largest_difference"] == str(late.value)
    assert (read["equal"], read["proven"]) == (False, True)
    assert main(["equal", one, other, "--cube", "1"]) == 1
    assert "other Y_1 = " in capsys.readouterr().out
    assert main(["equal", one, one, "--cube", "1", "--time-limit", "1e-9"]) == 3
    assert "unknown whether it is equal; no bound" in capsys.readouterr().out
    assert main(["equal", one, third, "--cube", "1"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["equal", one, str(tmp_path / "none.npz"), "--cube", "1"]) == 2


def test_the_time_of_simplifying_counts(monkeypatch):
    """A limit that is over before the search begins: no box is looked at."""
    (first, box), (second, _) = small(0), small(100)

    def slow(*arguments):
        time.sleep(0.2)
        return simplify(*arguments)

    monkeypatch.setattr(equality, "simplify", slow)
    found = equal(first, second, box, time_limit=0.1)
    assert found.boxes == 0
    assert not found.proven


def test_limits_are_checked_before_work(monkeypatch):
    monkeypatch.setattr(equality, "simplify", None)
    (first, box), (second, _) = small(0), small(100)
    for wrong in ({"time_limit": 0}, {"threads": 0}):
        with pytest.raises(pr.PolyregionsError, match=r"time limit|number of threads"):
            equal(first, second, box, **wrong)
