"""The nearest input of another class, against the closest points of all regions."""

import json
from fractions import Fraction

import numpy as np
import pytest
from io_helpers import exact_forward
from random_nets import FAMILIES, random_case
from region_distances import beyond_level, smallest_distance
from scipy.optimize import LinearConstraint, minimize

import polyregions as pr
from polyregions.cli import main
from polyregions.exact.closed import nearest_to_origin
from polyregions.io import save_network
from polyregions.network.backward_bounds import Boxes, Planes
from polyregions.questions.closest_points import (
    distance_of,
    distances_to_boxes,
    distances_to_planes,
)
from polyregions.questions.nearest_input import nearest

BOXED = [family for family in FAMILIES if random_case(family, 0)[1] is not None]
NORMS = ["1", "2", "inf"]


def fractions(x):
    return tuple(map(Fraction, np.asarray(x, dtype=float).tolist()))


def assert_in_class(network, found, x, own, other):
    outputs = exact_forward(network, list(found.point))
    assert tuple(outputs) == found.outputs
    assert found.classes == (own, other)
    assert outputs[other] >= outputs[own]
    assert distance_of(found.point, fractions(x), found.norm) == found.value


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("family", BOXED)
def test_the_nearest_of_all_regions(family, norm):
    """Above or below a level."""
    network, box = random_case(family, 2)
    rng = np.random.default_rng(0)
    x = np.round(box.lower + rng.random(box.dimension) * (box.upper - box.lower), 1)
    x = np.clip(x, box.lower, box.upper)
    (here,) = exact_forward(network, list(fractions(x)))
    others = network.forward(box.lower + rng.random((50, box.dimension)) * (box.upper - box.lower))
    level = float(np.quantile(others, 0.8))
    sign = 1 if here > Fraction(level) else -1

    excess = beyond_level(level, above=sign < 0)
    truth = smallest_distance(network, box, x, norm, excess)
    found = nearest(network, x, box, norm, level=level)
    assert found.proven
    assert found.value == (np.inf if truth is None else truth)
    assert found.classes == (int(sign > 0), None if truth is None else int(sign < 0))


def small_classes(seed):
    """Integers: ties of classes on faces, in corners, and all over regions."""
    rng = np.random.default_rng(seed)
    n = 1 + seed % 4
    layers = [(rng.integers(-2, 3, (4, n)), rng.integers(-1, 2, 4))]
    layers += [(rng.integers(-2, 3, (3, 4)), rng.integers(-1, 2, 3))]
    return pr.Network.from_arrays(layers), pr.Box.cube(n, 1.0)


@pytest.mark.parametrize("seed", range(12))
def test_classes_with_ties(seed):
    network, box = small_classes(seed)
    x = np.full(box.dimension, (-0.5, 0.25, 1.0)[seed % 3])
    outputs = exact_forward(network, list(fractions(x)))
    own = max(range(3), key=lambda k: (outputs[k], -k))
    for norm in NORMS:
        least = {}
        for other in {0, 1, 2} - {own}:
            least[other] = smallest_distance(
                network, box, x, norm, lambda rows, _, j=other: np.subtract(rows[own], rows[j])
            )
            found = nearest(network, x, box, norm, other=other, threads=1 + seed % 2)
            assert found.proven
            assert found.value == (np.inf if least[other] is None else least[other])
            if found.point is not None:
                assert_in_class(network, found, x, own, other)
        known = [value for value in least.values() if value is not None]
        assert nearest(network, x, box, norm).value == min(known, default=np.inf)


def ramp(height=1.0, offset=0.0):
    return pr.Network.from_arrays([([[1.0, 0.0]], [offset]), ([[height]], [0.0])])


def test_touched_and_missed_by_one_rounding():
    box = pr.Box.cube(2, 1.0)
    x = [0.25, 0.5]
    assert nearest(ramp(), x, box, "inf", level=1.0).value == Fraction(3, 4)
    missed = nearest(ramp(), x, box, "inf", level=np.nextafter(1.0, 2.0))
    assert (missed.proven, missed.point, missed.radius) == (True, None, np.inf)
    assert "none in the box" in repr(missed)
    just = nearest(ramp(), x, box, "1", level=np.nextafter(1.0, 0.0))
    assert just.value == Fraction(float(np.nextafter(1.0, 0.0))) - Fraction(1, 4)
    # at the level itself the input has the other class, too
    assert nearest(ramp(), x, box, level=0.25).value == 0


def test_one_corner():
    """|x| + |y| <= 2 is touched in the corners."""
    layers = [([[1, 0], [-1, 0], [0, 1], [0, -1]], [0.0] * 4), ([[1.0] * 4], [0.0])]
    network = pr.Network.from_arrays(layers)
    for norm, value in (("1", Fraction(3, 2)), ("2", Fraction(9, 8)), ("inf", Fraction(3, 4))):
        found = nearest(network, [0.25, -0.25], pr.Box.cube(2, 1.0), norm, level=2.0)
        assert (found.value, found.point) == (value, (1, -1))


@pytest.mark.parametrize("norm", NORMS)
def test_floats_at_both_ends(norm):
    power = 2 if norm == "2" else 1
    least = Fraction(5e-324)
    box = pr.Box([0.0, 0.0], [15e-324, 0.0])
    found = nearest(ramp(), [0.0, 0.0], box, norm, level=10e-324)
    assert found.value == (2 * least) ** power
    assert found.proven
    wide = pr.Box([-1.7e308, 0.5], [1.7e308, 0.5])
    found = nearest(ramp(0.5, 1e300), [-1.7e308, 0.5], wide, norm, level=0.25e308)
    there = 2 * Fraction(0.25e308) - Fraction(1e300)
    assert found.value == (there + Fraction(1.7e308)) ** power
    repr(found)
    huge = nearest(ramp(1e300), [0.0, 0.0], pr.Box.cube(2, 1e10), norm, level=1e308)
    assert huge.value == (Fraction(1e308) / Fraction(1e300)) ** power


@pytest.mark.parametrize("norm", NORMS)
def test_from_outside_of_the_box(norm):
    box = pr.Box([0.5, 1.0], [1.0, 2.0])
    found = nearest(ramp(), [-0.5, 0.0], box, norm, level=0.75)
    assert found.point[0] == Fraction(3, 4)
    assert found.value == {"1": Fraction(9, 4), "2": Fraction(41, 16), "inf": Fraction(5, 4)}[norm]
    assert found.proven


@pytest.mark.parametrize("norm", NORMS)
def test_stopped_between(norm):
    network, box = random_case("generic", 3)
    x = np.zeros(box.dimension)
    level = float(network.forward(x)[0]) + 1.5
    whole = nearest(network, x, box, norm, level=level)
    assert whole.proven
    part = nearest(network, x, box, norm, level=level, time_limit=1e-9)
    assert not part.proven
    assert part.bound <= whole.value <= part.value
    assert part.radius <= whole.distance <= part.distance
    assert "not proven" in repr(part)


def test_projections():
    """Against a numerical solver, with rows that depend on each other."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        n, count = int(rng.integers(1, 5)), int(rng.integers(1, 12))
        matrix, inside = rng.integers(-3, 4, (count, n)), rng.integers(-4, 5, n)
        offsets = rng.integers(0, 2, count) - matrix @ inside
        rows = [
            (list(map(Fraction, normal)), Fraction(offset))
            for normal, offset in zip(matrix.tolist(), offsets.tolist(), strict=True)
        ]
        point = nearest_to_origin(rows)
        for normal, offset in rows:
            assert sum(a * y for a, y in zip(normal, point, strict=True)) + offset >= 0
        found = minimize(
            lambda y: y @ y,
            inside.astype(float),
            constraints=LinearConstraint(matrix, -offsets, np.inf),
            method="SLSQP",
        )
        square = float(sum(y * y for y in point))
        assert square <= found.fun + 1e-6
        assert not found.success or square >= found.fun - 1e-5


@pytest.mark.parametrize("norm", NORMS)
def test_float_distances_are_below(norm):
    rng = np.random.default_rng(1)
    x = rng.normal(size=3)
    for scale in (1e-300, 1.0, 1e300):
        lower = rng.normal(size=(20, 3)) * scale
        boxes = Boxes(lower, lower + rng.random((20, 3)) * scale)
        for low, high, bound in zip(*boxes, distances_to_boxes(x, boxes, norm), strict=True):
            exact = distance_of(fractions(np.clip(x, low, high)), fractions(x), norm)
            assert Fraction(bound) ** (2 if norm == "2" else 1) <= exact
            assert norm != "inf" or bound >= 0.999 * float(exact)
    normals, offsets = rng.normal(size=(30, 1, 3)), rng.normal(size=(30, 1))
    planes = Planes(normals, offsets, [])
    dual = {"1": np.inf, "2": 2, "inf": 1}[norm]
    heights = np.maximum(normals[:, 0] @ x + offsets[:, 0], 0)
    truth = heights / np.linalg.norm(normals[:, 0], ord=dual, axis=1)
    bounds = distances_to_planes(x, planes, norm)
    assert (bounds <= truth * (1 + 1e-12)).all()
    np.testing.assert_allclose(bounds, truth, rtol=1e-9)


def test_what_is_no_question():
    network, box = small_classes(1)
    with pytest.raises(pr.PolyregionsError, match="7 is no other class: the input has class"):
        nearest(network, [0.0, 0.0], box, other=7)
    with pytest.raises(pr.PolyregionsError, match="no norm '3'"):
        nearest(network, [0.0, 0.0], box, "3")
    with pytest.raises(pr.NetworkError, match=r"shape \(2,\)"):
        nearest(network, [0.0], box)
    with pytest.raises(pr.DomainError, match="another class is sought in a box"):
        nearest(network, [0.0, 0.0], None)
    with pytest.raises(pr.PolyregionsError, match="the level is a finite number"):
        nearest(ramp(), [0.0, 0.0], box, level=np.nan)


def test_on_the_command_line(tmp_path, capsys):
    path = str(tmp_path / "ramp.npz")
    save_network(ramp(), path)
    ask = ["nearest", path, "--cube", "1", "--at", "0.25,0.5", "--level", "0.75"]
    assert main([*ask, "--norm", "inf"]) == 0
    out = capsys.readouterr().out
    assert "class 0; an input of class 1 at distance 0.5\nproven to be the nearest\n" in out
    assert main([*ask, "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert (read["exact_value"], read["radius"], read["exact_point"][0]) == ("1/4", 0.5, "3/4")
    assert main([*ask[:-1], "2"]) == 0
    assert "none in the box" in capsys.readouterr().out
    assert main([*ask, "--time-limit", "1e-9"]) == 3
    assert "proven: none within" in capsys.readouterr().out
    assert main([*ask, "--other", "0"]) == 2
    assert "0 is no other class" in capsys.readouterr().err
    assert main(["lipschitz", path, "--cube", "1", "--norm", "1"]) == 0
    assert "Lipschitz constant in norm 1: 1.0, proven\n" in capsys.readouterr().out
    assert main(["lipschitz", path, "--cube", "1", "--time-limit", "1e-9", "--json"]) in (0, 3)
    assert json.loads(capsys.readouterr().out)["exact_lower"] in ("0", "1")
    assert main(["lipschitz", path, "--cube", "1", "--norm", "3"]) == 2
    assert "there is no norm '3'" in capsys.readouterr().err


def test_distances_to_planes_below_the_smallest_float():
    """3 2^-1076 is nearer to the smallest float than to 0, but less."""
    planes = Planes(np.array([[[2.0**1000]]]), np.array([[3 * 2.0**-76]]), [])
    for norm in NORMS:
        assert distances_to_planes(np.zeros(1), planes, norm) <= 3 * Fraction(2) ** -1076
