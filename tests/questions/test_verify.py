"""Properties verified by boxes, against all regions in exact arithmetic."""

from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from io_helpers import exact_forward
from listed import extreme_listed
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.analysis.affine_maps import exact_maps
from polyregions.geometry.witness import float_below
from polyregions.network.backward_bounds import Boxes, Planes, no_bounds
from polyregions.questions import box_search
from polyregions.questions.box_regions import (
    candidate_regions,
    compared_network,
    part_in,
    regions_of_box,
)
from polyregions.questions.output_search import clipped_boxes
from polyregions.questions.output_sets import OutputSets
from polyregions.questions.property import (
    Case,
    Counterexample,
    OutputInequality,
    Property,
    load_property,
    read_property,
)
from polyregions.questions.verification import verify

BOXED = [family for family in FAMILIES if random_case(family, 0)[1] is not None]


def at_least(output: int, value: Fraction) -> tuple[OutputInequality, ...]:
    """The unsafe set: an output is so large."""
    return (OutputInequality(((output, Fraction(-1)),), -value),)


def asked(box: pr.Box, *unsafe: tuple[OutputInequality, ...]) -> Property:
    return Property((Case(box.lower, box.upper, unsafe),), box.dimension)


def box_of(domain) -> pr.Box:
    return domain.box


def outputs_at(network: pr.Network, point: tuple[Fraction, ...]) -> list[Fraction]:
    return exact_forward(network, list(point))


def assert_counterexample(network: pr.Network, property_: Property, found) -> None:
    (case,) = property_.cases
    outputs = outputs_at(network, found.point)
    assert list(found.outputs) == outputs
    sides = zip(case.lower.tolist(), found.point, case.upper.tolist(), strict=True)
    assert all(low <= x <= high for low, x, high in sides)
    assert any(all(row.holds(outputs, found.point) for row in rows) for rows in case.unsafe)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", BOXED)
def test_the_largest_output_decides(family, seed):
    """Touching is violated, one part in 2^80 beyond holds; the truth is from all regions."""
    network, domain = random_case(family, seed)
    box = box_of(domain)
    regions = pr.enumerate_regions(network, box)
    best = extreme_listed(regions, 0)
    touching = asked(box, at_least(0, best))
    verdict = verify(network, touching)
    assert verdict.answer == "violated"
    assert verdict.counterexample.outputs[0] == best
    assert_counterexample(network, touching, verdict.counterexample)
    beyond = asked(box, at_least(0, best + Fraction(max(abs(best), 1)) / 2**80))
    assert verify(network, beyond).answer == "holds"
    if abs(best) > 0:
        inside = asked(box, at_least(0, best - abs(best) / 2**10))
        verdict = verify(network, inside)
        assert_counterexample(network, inside, verdict.counterexample)


def random_question(seed, kind="closed"):
    """A network of small integers, a box, and unsafe sets of two inequalities each.

    Strict ones hold nowhere on whole regions where they nearly do; mixed ones name inputs, too.
    """
    rng = np.random.default_rng(seed)
    n = 1 + seed % 2
    network = pr.Network.from_arrays(
        [
            (rng.integers(-3, 4, (5, n)), rng.integers(-2, 3, 5)),
            (rng.integers(-3, 4, (4, 5)), rng.integers(-2, 3, 4)),
            (rng.integers(-2, 3, (3, 4)), rng.integers(-2, 3, 3)),
        ]
    )
    points = rng.uniform(-1, 1, (200, n))
    typical = network.forward(points)
    unsafe = []
    for _ in range(1 + seed % 2):
        rows = []
        for _ in range(2):
            c = rng.integers(-2, 3, 3)
            c[0] += not c.any()
            x = rng.integers(-2, 3, n) if kind == "mixed" else np.zeros(n, dtype=int)
            sums = typical @ c + points @ x
            level = np.quantile(sums, rng.choice([0.0, 0.02, 0.3]))
            terms, inputs = (
                tuple((k, Fraction(int(v))) for k, v in enumerate(of) if v) for of in (c, x)
            )
            strict = kind != "closed" and bool(rng.integers(2))
            bound = Fraction(int(np.floor(level)) + strict)
            rows.append(OutputInequality(terms, bound, strict, inputs))
        unsafe.append(tuple(rows))
    return network, pr.Box.cube(n, 1.0), unsafe


@pytest.mark.parametrize("kind", ["closed", "strict", "mixed"])
@pytest.mark.parametrize("seed", range(6))
def test_conjunctions_and_disjunctions(seed, kind):
    """Random unsafe sets, against exact programs on all regions."""
    network, box, unsafe = random_question(seed, kind)
    property_ = asked(box, *unsafe)
    verdict = verify(network, property_)
    assert (verdict.answer == "violated") == reachable(network, box, unsafe)
    if verdict.answer == "violated":
        assert_counterexample(network, property_, verdict.counterexample)


@pytest.mark.parametrize("kind", ["closed", "strict"])
@pytest.mark.parametrize("seed", range(6))
def test_regions_alone(seed, kind):
    """Every unit may switch, no bound or sample helps; some sets are only touched."""
    network, box, unsafe = random_question(seed, kind)
    maps = exact_maps(network, None)
    best = extreme_listed(pr.enumerate_regions(network, box))
    for rows in (*unsafe, at_least(0, best)):
        sets = OutputSets(network.output_dimension, (rows,))
        compared = compared_network(network, sets)
        ranges = no_bounds(network, 1)[:-1]
        found = regions_of_box(compared, maps, box, ranges)
        assert len(found.regions) >= len(pr.enumerate_regions(network, box))
        met = candidate_regions(found, sets, [0])
        parts = [part for part in (part_in(region, [rows]) for region in met) if part]
        assert bool(parts) == reachable(network, box, [rows])
        for part in parts:
            point = part.input_of(part.polytope.point)
            found = Counterexample(point, tuple(outputs_at(network, point)))
            assert_counterexample(network, asked(box, rows), found)


@pytest.mark.parametrize("seed", range(8))
def test_touching_is_no_strict_meeting(seed):
    """No region meets {f > largest}; one meets {f >= largest}, and {f > what is a bit lower}."""
    network, box, _ = random_question(seed, "closed")
    maps = exact_maps(network, None)
    best = extreme_listed(pr.enumerate_regions(network, box))
    ranges = no_bounds(network, 1)[:-1]
    lower = Fraction(np.nextafter(float_below(best), -1e9).item())
    for level, strict, meets in ((best, True, False), (best, False, True), (lower, True, True)):
        rows = (replace(at_least(0, level)[0], strict=strict),)
        sets = OutputSets(network.output_dimension, (rows,))
        compared = compared_network(network, sets)
        met = candidate_regions(regions_of_box(compared, maps, box, ranges), sets, [0])
        assert any(part_in(region, [rows]) for region in met) == meets


@pytest.mark.parametrize("seed", range(5))
def test_clipped_boxes_keep_what_no_plane_excludes(seed):
    """In fractions: no side of a clipped box is inside of where the plane is at most 0."""
    rng = np.random.default_rng(seed)
    k, n = 200, 3
    centre, half = rng.normal(size=(k, n)), rng.uniform(0, 1, (k, n))
    boxes = Boxes(centre - half, centre + half)
    normals = rng.normal(size=(k, 1, n))
    inside = boxes.lower + rng.random((k, n)) * (boxes.upper - boxes.lower)
    offsets = -(normals * inside[:, None]).sum(axis=2)
    clipped = clipped_boxes(boxes, Planes(normals, offsets, []))
    moved = 0
    for i in range(k):
        normal = list(map(Fraction, normals[i, 0].tolist()))
        ends = [list(map(Fraction, side[i].tolist())) for side in (boxes.lower, boxes.upper)]
        least = [min(a * low, a * high) for a, low, high in zip(normal, *ends, strict=True)]
        for d, a in enumerate(normal):
            rest = sum(least) - least[d] + Fraction(offsets[i, 0].item())
            if a > 0 and -rest / a < ends[1][d]:
                assert Fraction(clipped.upper[i, d].item()) >= -rest / a
                moved += 1
            if a < 0 and -rest / a > ends[0][d]:
                assert Fraction(clipped.lower[i, d].item()) <= -rest / a
                moved += 1
    assert moved > k // 2


def test_bounds_of_outputs_are_rounded_to_the_safe_side():
    third = Fraction(1, 3)
    for sign in (1, -1):
        row = OutputInequality(((0, Fraction(1)),), sign * third)
        (offset,) = OutputSets(1, ((row,),)).offsets.tolist()
        assert 0 <= -sign * third - Fraction(offset) < Fraction(1, 2**53)


def reachable(network: pr.Network, box: pr.Box, unsafe) -> bool:
    """Whether a closed region and an unsafe set meet: linear programs in fractions, over vertices.

    A bounded polyhedron that is not empty has a vertex: all choices of tight rows are tried. It
    has a point where some rows are positive if each of them is positive at one of the vertices,
    their mean being such a point.
    """
    regions = pr.enumerate_regions(network, box)
    for region in regions:
        signs = region.bits.tolist()
        rows = []
        affine = [
            [Fraction(int(i == j)) for j in range(box.dimension)] + [Fraction(0)]
            for i in range(box.dimension)
        ]
        for i in range(box.dimension):
            unit = [Fraction(int(i == j)) for j in range(box.dimension)]
            rows.append([*unit, Fraction(-box.lower[i])])
            rows.append([*(-u for u in unit), Fraction(box.upper[i])])
        start = 0
        for layer in network.layers:
            sums = [
                [
                    sum((Fraction(w) * f[k] for w, f in zip(ws, affine, strict=True)), Fraction(0))
                    + (Fraction(b) if k == box.dimension else 0)
                    for k in range(box.dimension + 1)
                ]
                for ws, b in zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
            ]
            affine = []
            for z, bends in zip(sums, layer.bends.tolist(), strict=True):
                if not bends:
                    affine.append(z)
                    continue
                on = signs[start]
                start += 1
                rows.append(z if on else [-v for v in z])
                affine.append(z if on else [Fraction(0)] * len(z))
        for parts in unsafe:
            cut = [
                [
                    -sum((c * affine[i][k] for i, c in part.coefficients), Fraction(0))
                    - sum(c for i, c in part.inputs if i == k)
                    + (part.bound if k == box.dimension else 0)
                    for k in range(box.dimension + 1)
                ]
                for part in parts
            ]
            corners = list(vertices_of(rows + cut, box.dimension))
            strict = [row for row, part in zip(cut, parts, strict=True) if part.strict]
            if corners and all(any(value_of(row, x) > 0 for x in corners) for row in strict):
                return True
    return False


def value_of(row, x) -> Fraction:
    return sum((a * v for a, v in zip(row, x, strict=False)), row[-1])


def vertices_of(rows, n):
    distinct = [list(row) for row in dict.fromkeys(map(tuple, rows)) if any(row[:-1])]
    if any(not any(row[:-1]) and row[-1] < 0 for row in rows):
        return
    for chosen in combinations(distinct, n):
        x = solved([row[:-1] for row in chosen], [-row[-1] for row in chosen])
        if x is not None and all(value_of(row, x) >= 0 for row in distinct):
            yield x


def solved(matrix, right):
    n = len(matrix)
    table = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    for k in range(n):
        pivot = next((i for i in range(k, n) if table[i][k]), None)
        if pivot is None:
            return None
        table[k], table[pivot] = table[pivot], table[k]
        table[k] = [v / table[k][k] for v in table[k]]
        for i in range(n):
            if i != k:
                table[i] = [a - table[i][k] * b for a, b in zip(table[i], table[k], strict=True)]
    return [row[-1] for row in table]


def test_every_box_may_be_decided_exactly(monkeypatch):
    """With no bounds to help, cells alone answer the same."""
    monkeypatch.setattr(box_search, "_FEW_CELLS", 1e9)
    monkeypatch.setattr(box_search, "_FEW_CELLS_OF_AN_INPUT", 1e9)
    for seed in range(4):
        for kind in ("closed", "strict", "mixed"):
            test_conjunctions_and_disjunctions(seed, kind)


def test_boxes_alone(monkeypatch):
    """With no cells until a box is tiny, bounds answer the same where nothing ties."""
    monkeypatch.setattr(box_search, "_FEW_CELLS", 0)
    network, domain = random_case(BOXED[0], 1)
    best = extreme_listed(pr.enumerate_regions(network, domain.box), 0)
    assert verify(network, asked(domain.box, at_least(0, best + 1))).answer == "holds"
    assert (
        verify(network, asked(domain.box, at_least(0, best - abs(best) / 8))).answer == "violated"
    )


def test_a_box_that_is_a_point():
    network = pr.Network.from_arrays([([[1.0], [-1.0]], [0, 0]), ([[1, 1]], [0])])
    point = np.array([0.1])
    for bound, answer in (
        (Fraction(0.1), "violated"),
        (Fraction(0.1) + Fraction(1, 2**90), "holds"),
    ):
        property_ = Property((Case(point, point, (at_least(0, bound),)),), 1)
        assert verify(network, property_).answer == answer


@pytest.mark.parametrize("half", [0.0, 2.0**-40])
def test_a_point_that_floats_take_for_safe(half):
    """Sums of 10^12 that cancel: rounding hides that the largest output is attained."""
    rng, hidden = np.random.default_rng(0), 0
    for _ in range(20):
        rates, x = np.abs(rng.normal(size=3)) * 1e12, rng.random()
        back = -(rates[0] + rates[1] + rng.random()) / rates[2]
        # all units rise, and so does their sum or its negative
        network = pr.Network.from_arrays(
            [(rates[:, None], np.zeros(3)), ([[1, 1, back], [-1, -1, -back]], [0, 0])]
        )
        lower, upper = np.array([x - half]), np.array([x + half])
        for output in (0, 1):
            ends = [outputs_at(network, (Fraction(end[0]),))[output] for end in (lower, upper)]
            property_ = Property((Case(lower, upper, (at_least(output, max(ends)),)),), 1)
            assert verify(network, property_).answer == "violated"
            beyond = Property(
                (Case(lower, upper, (at_least(output, max(ends) + Fraction(1, 2**90)),)),), 1
            )
            assert verify(network, beyond).answer == "holds"
            floats = [network.forward(end)[output] for end in (lower, upper)]
            hidden += max(floats) < max(ends) - Fraction(1, 10**8)
    assert hidden > 5


def test_threads_and_limits():
    network, domain = random_case(BOXED[0], 2)
    best = extreme_listed(pr.enumerate_regions(network, domain.box), 0)
    property_ = asked(domain.box, at_least(0, best + 1))
    assert verify(network, property_, threads=2).answer == "holds"
    verdict = verify(network, property_, time_limit=1e-9)
    assert verdict.answer == "unknown"
    assert 0 <= verdict.settled < 1
    assert verdict.counterexample is None
    with pytest.raises(pr.PolyregionsError, match="time limit"):
        verify(network, property_, time_limit=-1)


def test_a_property_of_another_network():
    network, _ = random_case(BOXED[0], 2)
    n = network.input_dimension
    wrong = Property((Case(np.zeros(n + 1), np.ones(n + 1), (at_least(0, Fraction(0)),)),), n + 1)
    with pytest.raises(pr.PolyregionsError, match=f"declares {n + 1} inputs, the network has {n}"):
        verify(network, wrong)
    wrong = Property((Case(np.zeros(n), np.ones(n), (at_least(99, Fraction(0)),)),), n)
    with pytest.raises(pr.PolyregionsError, match="names the output Y_99"):
        verify(network, wrong)


def test_bounds_beyond_all_floats():
    network = pr.Network.from_arrays([([[1.0]], [0]), ([[1]], [0])])
    for bound, answer in ((10**301, "holds"), (-(10**301), "violated")):
        row = OutputInequality(((0, Fraction(-1, 10**20)),), Fraction(-bound))
        assert verify(network, asked(pr.Box.cube(1, 1.0), (row,))).answer == answer


# ------------------------------------------------------------------- files

DECLARED = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
BOX = "(assert (and (>= X_0 0) (<= X_0 1) (>= X_1 0) (<= X_1 1)))"


def test_alternatives_of_inputs_and_outputs():
    text = (
        DECLARED
        + "(assert (>= X_1 0)) (assert (<= X_1 1))"
        + "(assert (or (and (>= X_0 0) (<= X_0 1)) (and (>= X_0 4) (<= X_0 5))"
        + " (and (>= X_0 3) (<= X_0 2))))"
        + "(assert (or (<= Y_0 -1) (and (>= Y_0 1) (<= Y_0 2.5))))"
    )
    found = read_property(text)
    assert [(case.lower.tolist(), case.upper.tolist()) for case in found.cases] == [
        ([0.0, 0.0], [1.0, 1.0]),
        ([4.0, 0.0], [5.0, 1.0]),
    ]
    for case in found.cases:
        assert [len(rows) for rows in case.unsafe] == [1, 2]
    low, between = found.cases[0].unsafe
    assert [row.excess([Fraction(-2)]) <= 0 for row in low] == [True]
    assert [row.excess([Fraction(5, 2)]) <= 0 for row in between] == [True, True]
    assert [row.excess([Fraction(26, 10)]) <= 0 for row in between] == [True, False]


def test_no_input_satisfies_it():
    network = pr.Network.from_arrays([([[1.0, 1.0]], [0]), ([[1]], [0])])
    text = DECLARED + BOX + "(assert (>= X_0 2)) (assert (>= Y_0 0))"
    assert verify(network, read_property(text)).answer == "holds"


def test_equalities():
    network = pr.Network.from_arrays([([[1.0, 1.0]], [0]), ([[1]], [0])])
    text = DECLARED + BOX + "(assert (= Y_0 2))"
    found = verify(network, read_property(text)).counterexample
    assert found.point == (1, 1)
    assert (
        verify(network, read_property(DECLARED + BOX + "(assert (= Y_0 2.001))")).answer == "holds"
    )


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        # |x + y| is at most 2 on the square, and nowhere else than at two corners
        ("(assert (> Y_0 2))", "holds"),
        ("(assert (>= Y_0 2)) (assert (> X_0 0.1))", "violated"),
        ("(assert (>= Y_0 2)) (assert (< X_0 1))", "holds"),
        ("(assert (and (> Y_0 1.9999999999999999999999) (< Y_0 2)))", "violated"),
        ("(assert (>= Y_0 1)) (assert (<= (+ X_0 X_1) 1))", "violated"),
        ("(assert (>= Y_0 1)) (assert (< (+ X_0 X_1) 1))", "holds"),
        ("(assert (> Y_0 (+ X_0 X_1)))", "holds"),
        ("(assert (>= Y_0 (+ X_0 X_1)))", "violated"),
        ("(assert (= Y_0 (+ X_0 X_0))) (assert (> X_0 X_1))", "holds"),
        ("(assert (= Y_0 (+ X_0 X_0))) (assert (>= X_0 X_1)) (assert (= X_0 0.3))", "violated"),
        ("(assert (or (> Y_0 2) (and (< Y_0 0) (<= X_0 0.5))))", "holds"),
        # the side of the box is the double nearest to 0.3, which is less, and so is a strict bound
        ("(assert (>= X_0 0.3)) (assert (< X_0 0.3)) (assert (>= Y_0 0))", "holds"),
    ],
)
def test_strict_and_mixed_inequalities(text, answer):
    network = pr.Network.from_arrays([([[1.0, 1.0], [-1.0, -1.0]], [0, 0]), ([[1, 1]], [0])])
    assert verify(network, read_property(DECLARED + BOX + text)).answer == answer


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(assert (> X_0 0.5))", "nothing is asserted of the outputs"),
        ("(assert (<= (+ X_0 X_1) 1))", "nothing is asserted of the outputs"),
        ("(assert (<= (* X_0 X_1) 1))", "no linear inequality of inputs"),
        ("(assert (<= (* X_0 Y_0) 1))", "no linear inequality of inputs and outputs"),
        ("(assert (<= (+ X_0 X_2) Y_0))", "X_2 is used but not declared"),
        ("(assert (<= (+ X_0 Y_1) Y_0))", "Y_1 is used but not declared"),
        ("(assert (> X_0 (* 1e300 1e300))) (assert (>= Y_0 1))", "is too large for a float"),
        ("(assert (<= (* Y_0 Y_0) 1))", "no linear inequality of outputs"),
        ("(assert (>= Y_1 1))", "Y_1 is used but not declared"),
        ("(assert (<= X_2 1)) (assert (>= Y_0 1))", "X_2 is used but not declared"),
        ("", "nothing is asserted of the outputs"),
        ("(assert (or (>= Y_0 1) (<= X_0 0.5)))", "nothing is asserted of the outputs"),
        ("(assert (>= Y_0 1e999))", "is too large"),
        ("(assert true)", "no linear inequality of outputs"),
        ("(asert (>= Y_0 1))", "is not a command of VNN-LIB"),
    ],
)
def test_what_is_no_property(text, said):
    with pytest.raises(pr.FormatError, match=said) as caught:
        read_property(DECLARED + BOX + text)
    assert "\n" not in str(caught.value)


def test_an_unbounded_input():
    with pytest.raises(pr.FormatError, match="X_1 has no upper bound"):
        read_property(
            DECLARED
            + "(assert (<= X_0 1))(assert (>= X_0 0))(assert (>= X_1 0))(assert (>= Y_0 1))"
        )


def test_what_holds_in_all_alternatives_is_asserted_in_each():
    """Whatever stands first; and a large box with many alternatives is read in no time."""
    inputs = "".join(
        f"(declare-const X_{k} Real)(assert (and (>= X_{k} 0) (<= X_{k} 1)))" for k in range(500)
    )
    either = "(assert (or" + "".join(f" (>= Y_0 {k})" for k in range(400)) + "))"
    declared = "(declare-const Y_0 Real)(declare-const Y_1 Real)"
    both = f"{inputs}(assert (<= Y_1 0))"
    first, last = read_property(declared + either + both), read_property(declared + both + either)
    for read in (first, last):
        (case,) = read.cases
        assert case.upper.tolist() == [1.0] * 500
        assert [len(rows) for rows in case.unsafe] == [2] * 400
    assert [set(rows) for rows in first.cases[0].unsafe] == [
        set(rows) for rows in last.cases[0].unsafe
    ]


def test_too_many_alternatives():
    either = "(assert (or (>= Y_0 1) (<= Y_0 -1)))"
    with pytest.raises(pr.FormatError, match="more than 20,000 alternatives"):
        read_property(DECLARED + BOX + either * 20)


def test_a_missing_file(tmp_path):
    with pytest.raises(pr.FormatError, match=r"none\.vnnlib"):
        load_property(tmp_path / "none.vnnlib")


def test_digits_that_no_float_has():
    network = pr.Network.from_arrays([([[1.0, 1.0]], [0]), ([[1]], [0])])
    text = DECLARED + BOX + "(assert (>= (* 1.00000000000000000001 Y_0) 3))"
    assert verify(network, read_property(text)).answer == "holds"
    two = DECLARED + "(declare-const Y_1 Real)" + BOX
    wide = pr.Network.from_arrays([([[1.0, 1.0]], [0]), ([[1], [1]], [0, 0])])
    text = two + "(assert (>= (+ Y_1 (* 1.00000000000000000001 Y_0)) 3))"
    with pytest.raises(pr.PolyregionsError, match="more digits than a float"):
        verify(wide, read_property(text))


# ------------------------------------------------------------------- real ones

FAST = [("1_1", 1, "holds"), ("1_1", 4, "holds"), ("2_1", 2, "violated"), ("1_7", 3, "violated")]


@pytest.mark.parametrize(("net", "number", "answer"), FAST)
def test_acas_xu(shared_data, net, number, answer):
    pytest.importorskip("onnx", reason="reads ONNX")
    folder = shared_data / "acasxu"
    network = pr.load(folder / "onnx" / f"ACASXU_run2a_{net}_batch_2000.onnx")
    verdict = verify(network, folder / "vnnlib" / f"prop_{number}.vnnlib")
    assert verdict.answer == answer
    if verdict.counterexample is not None:
        point = np.array([float(x) for x in verdict.counterexample.point])
        assert tuple(map(Fraction, point.tolist())) == verdict.counterexample.point
        np.testing.assert_allclose(
            network.forward(point), [float(y) for y in verdict.counterexample.outputs], atol=1e-9
        )


@pytest.mark.parametrize("unsafe", [(), ((),), (at_least(0, Fraction(1)), ())])
def test_a_case_without_inequalities_is_refused(unsafe):
    network, domain = random_case("generic", 0)
    with pytest.raises(pr.PolyregionsError, match="at least one inequality"):
        verify(network, asked(box_of(domain), *unsafe))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_set_with_the_largest_floats(sign):
    """Coefficient and bound together are beyond floats; on [0, 1] the value 1 is touched."""
    network = pr.Network.from_arrays([([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])])
    largest = Fraction(float(np.finfo(float).max))
    row = OutputInequality(((0, sign * largest),), sign * largest)
    other = OutputInequality(((0, Fraction(-sign)),), Fraction(-sign))
    assert verify(network, asked(pr.Box([-1.0], [1.0]), (row, other))).answer == "violated"
    strict = replace(row, strict=True)
    assert verify(network, asked(pr.Box([-1.0], [1.0]), (strict, other))).answer == "holds"


def test_more_cells_than_floats_count():
    assert box_search._cells_of(np.array([2000, 3]), 784).tolist() == [np.inf, 8.0]
