import gzip
import json
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from io_helpers import check_fuzz, data_file
from oracles import brute_force

from polyregions import enumerate_regions
from polyregions.cli import main
from polyregions.domain import Box, Polytope
from polyregions.errors import DomainError, FormatError, MissingExtraError
from polyregions.io import load_box, load_domain, save_network
from polyregions.network import Network

DECLARED = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)\n"
SQUARE = "(assert (<= X_0 1))(assert (>= X_0 -1))(assert (<= X_1 1))(assert (>= X_1 -1))\n"


@pytest.fixture
def read(tmp_path):
    return reader(load_box, tmp_path)


@pytest.fixture
def read_domain(tmp_path):
    return reader(load_domain, tmp_path)


def reader(load, folder):
    def read_text(text: str):
        file = folder / "box.vnnlib"
        file.write_text(text, encoding="utf-8")
        return load(file)

    return read_text


@pytest.mark.parametrize(
    ("asserted", "lower", "upper"),
    [
        (SQUARE, [-1, -1], [1, 1]),
        ("(assert (and (<= X_0 1) (>= X_0 -1) (and (<= X_1 1) (>= X_1 -1))))", [-1, -1], [1, 1]),
        (SQUARE + "(assert (<= X_0 0.5))(assert (<= X_0 0.75))", [-1, -1], [0.5, 1]),
        (SQUARE + "(assert (>= +5.e-1 X_0))(assert (>= X_0 -1.))", [-1, -1], [0.5, 1]),
        (SQUARE + "(assert (>= 0.5 X_0))(assert (< -0.25 X_1))", [-1, -0.25], [0.5, 1]),
        (SQUARE + "(assert (= X_1 0.1))", [-1, 0.1], [1, 0.1]),
        (SQUARE + "(assert (<= X_0 5e-1))(assert (>= X_1 (- .5)))", [-1, -0.5], [0.5, 1]),
        (SQUARE + "(assert (or (<= X_0 0.5)))", [-1, -1], [0.5, 1]),
        (
            SQUARE + "(assert (or (and (<= X_0 0.5) (<= Y_0 1)) (and (>= Y_0 2) (<= X_0 .5))))",
            [-1, -1],
            [0.5, 1],
        ),
        (
            "; (assert (<= X_0 0)) no\n(set-logic QF_LRA)\n" + SQUARE + "(check-sat)",
            [-1, -1],
            [1, 1],
        ),
    ],
)
def test_boxes(read, asserted, lower, upper):
    assert read(DECLARED + asserted).box == Box(lower, upper)


def test_order_of_declarations_and_functions_do_not_matter(read):
    declared = "(declare-fun X_1 () Real)(declare-fun X_0 () Real)"
    assert read(SQUARE + declared).box == Box.cube(2, 1.0)


def test_output_constraints_are_noted(read):
    found = read(DECLARED + SQUARE + "(assert (or (<= Y_0 1) (not (>= Y_0 Y_0))))")
    assert found.notes == ("ignored the output constraint (or (<= Y_0 1) (not (>= Y_0 Y_0)))",)
    assert read(DECLARED + SQUARE).notes == ()
    mixed = read(DECLARED + SQUARE + "(assert (and (<= X_0 0.5) (<= Y_0 1)))")
    assert mixed.notes == ("ignored the output constraint (<= Y_0 1)",)
    assert mixed.box.upper.tolist() == [0.5, 1.0]


def test_many_and_long_notes_are_shortened(read):
    long = f"(assert (or {'(<= Y_0 1) ' * 1000}))"
    found = read(DECLARED + SQUARE + long + "(assert (<= Y_0 1))" * 100)
    assert len(found.notes) == 21
    assert found.notes[-1] == "ignored 81 further output constraints"
    assert max(map(len, found.notes)) < 300


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no input"),
        ("(declare-const Y_0 Real)", "no input"),
        (DECLARED, "X_0 .*has no lower bound"),
        (
            DECLARED + "(assert (<= X_0 1))(assert (>= X_0 0))(assert (>= X_1 0))",
            "X_1 has no upper",
        ),
        ("(declare-const X_1 Real)", "X_0 is not declared"),
        ("(declare-const X_999999999 Real)", "X_0 is not declared"),
        ("(declare-const X_9999999999 Real)", "does not declare"),
        ("(declare-const X_0 Int)", "does not declare"),
        ("(declare-const Z Real)", "does not declare"),
        ("(declare-const (X_0) Real)", "does not declare"),
        (DECLARED + SQUARE + "(assert (<= X_2 1))", "X_2 is bounded but not declared"),
        (DECLARED + SQUARE + "(assert (or (<= X_0 0) (>= X_0 0.5)))", "2 cases.*several"),
        (DECLARED + SQUARE + "(assert (or (<= X_0 0) (<= Y_0 0)))", "several"),
        (DECLARED + SQUARE + "(assert (<= X_0 X_0))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert (<= X_0 Y_0))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert (<= (+ X_0 Y_0) 1))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert (<= (* X_0 X_1) 1))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert (<= (/ 1 X_1) 1))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert (<= (/ X_1 0) 1))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert (<= (/ X_1 (- 1 1)) 1))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert (<= (abs X_0) 1))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert (<= (+) X_0))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert (<= 1_0 X_0))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert (<= ١ X_0))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert (<= (+ X_0 X_2) 1))", "X_2 is bounded but not declared"),
        (DECLARED + SQUARE + f"(assert (<= X_0 (*{' 3e300' * 20})))", "too long"),
        (DECLARED + SQUARE + "(assert (>= X_0 (* 1e300 1e300)))", "too large for a float"),
        (DECLARED + SQUARE + "(assert (not (<= X_0 1)))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert (<= X_0 1 2))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert (<= X_0 nan))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert (<= X_0 inf))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert (<= X_0 1e999))", "too large"),
        (DECLARED + SQUARE + "(assert (<= 1 2))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert X_0)", "no linear inequality"),
        (DECLARED + SQUARE + "(assert ())", "no linear inequality"),
        (DECLARED + SQUARE + "(assert (or))", "no linear inequality"),
        (DECLARED + SQUARE + "(assert)", "not a command"),
        (DECLARED + SQUARE + "(push 1)", "not a command"),
        ("()", "not a command"),
        ("assert", "not a command"),
        (DECLARED + "(assert (<= X_0 1)", "not closed"),
        (DECLARED + SQUARE + ")", "too many"),
        ("(" * 1_000_000, "nested deeper"),
        ("(declare-const |X_0 Real)", "quote"),
    ],
)
def test_refuses(read, text, message):
    with pytest.raises(FormatError, match=message):
        read(text)


TRIANGLE = "(assert (>= X_0 0))(assert (>= X_1 0))(assert (<= (+ X_0 (* 2 X_1)) 1))\n"


@pytest.mark.parametrize(
    "asserted",
    [
        TRIANGLE,
        "(assert (and (>= X_0 0) (>= X_1 0) (<= (+ X_0 X_1 X_1) 1)))",
        "(assert (<= 0 X_0))(assert (> X_1 0.0))(assert (< (* 2 X_1) (- 1 X_0)))",
        "(assert (>= X_0 0))(assert (>= X_1 0))(assert (>= (- 1 X_0 X_1) (* 1.0 X_1)))",
        "(assert (>= X_0 0))(assert (>= X_1 0))(assert (<= (/ (+ X_0 (* X_1 2)) 4) 0.25))",
        TRIANGLE + "(assert (<= (+ (* 3 X_0) (* 6 X_1)) 5))",
        "(assert (or (and (<= Y_0 1) (<= (+ X_0 (* 2 X_1)) 1) (>= X_0 0) (>= X_1 0))))",
    ],
)
def test_linear_constraints_are_a_polytope(read_domain, asserted):
    """The triangle with corners (0, 0), (1, 0), (0, 1/2), said in several ways."""
    domain = read_domain(DECLARED + asserted).domain
    assert isinstance(domain, Polytope)
    rng = np.random.default_rng(0)
    for x, y in rng.integers(-8, 9, size=(200, 2)) / Fraction(16):
        assert domain.contains([x, y]) == (x > 0 and y > 0 and x + 2 * y < 1)
    network = Network.from_arrays(
        [([[1, 0], [0, 1], [1, -1]], [-0.5, -0.25, 0.125]), ([[1, 1, 1]], [0])]
    )
    found = enumerate_regions(network, domain)
    expected = brute_force(network, Polytope([[-1, 0], [0, -1], [1, 2]], [0, 0, 1]))
    assert found.patterns.tobytes() == expected.patterns.tobytes()
    assert found.edges.tolist() == expected.edges.tolist()


def test_random_linear_constraints_mean_what_they_say(read_domain):
    """Against the terms evaluated in fractions, point by point."""
    rng = np.random.default_rng(1)

    def term(depth):
        kind = rng.integers(5) if depth else rng.integers(2)
        if kind == 0:
            number = int(rng.integers(-8, 9)) / 4
            return (f"(- {-number})" if number < 0 else str(number)), lambda x: Fraction(number)
        if kind == 1:
            i = int(rng.integers(2))
            return f"X_{i}", lambda x: x[i]
        parts = [term(depth - 1) for _ in range(int(rng.integers(1, 4)))]
        texts, values = zip(*parts, strict=True)
        if kind == 2:
            return f"(+ {' '.join(texts)})", lambda x: sum(value(x) for value in values)
        if kind == 3:
            first, *rest = values
            if not rest:
                return f"(- {texts[0]})", lambda x: -first(x)
            return f"(- {' '.join(texts)})", lambda x: first(x) - sum(value(x) for value in rest)
        factor = int(rng.integers(1, 5))
        return f"(* {factor} {texts[0]} 0.5)", lambda x: factor * values[0](x) / 2

    domains = set()
    for _ in range(60):
        (left, f), (right, g) = term(3), term(2)
        try:
            found = read_domain(DECLARED + SQUARE + f"(assert (<= {left} {right}))").domain
        except (DomainError, FormatError):
            # no input is left, or no point
            assert not any(
                f(x) < g(x) and f([0, 0]) - g([0, 0]) != f(x) - g(x)
                for x in rng.integers(-15, 16, size=(50, 2)) / Fraction(16)
            )
            continue
        domains.add(type(found))
        if len(found.free) < 2:
            continue  # a fixed input is a constant, and not inside an open interval
        for x in rng.integers(-16, 17, size=(50, 2)) / Fraction(16):
            inside = all(abs(v) < 1 for v in x) and f(x) < g(x)
            assert found.contains(x) == inside
    assert domains == {Box, Polytope}


def test_decimals_are_added_before_they_are_rounded(read_domain):
    bound = read_domain(DECLARED + SQUARE + "(assert (<= (+ X_0 0.1) 0.3))").domain.upper[0]
    assert bound == 0.2 != 0.3 - 0.1
    bound = read_domain(DECLARED + SQUARE + "(assert (<= (* 3 X_0) 1))").domain.upper[0]
    assert bound == 1 / 3


def test_a_polytope_is_no_box(read, read_domain):
    with pytest.raises(DomainError, match="no box; use load_domain"):
        read(DECLARED + TRIANGLE)
    for asserted, message in [
        ("(assert (<= (+ X_0 X_1) 1))", "unbounded"),
        (TRIANGLE + "(assert (>= (+ X_0 X_1) 2))", "empty|no interior"),
        (SQUARE + "(assert (= X_0 X_1))", "equality of X_0, X_1 leaves"),
        (TRIANGLE + "(assert (= X_0 0.5))", "equality of X_0 leaves .*--fix"),
        (SQUARE + "(assert (<= X_0 -2))(assert (<= X_0 X_1))", "X_0 contradict"),
    ]:
        with pytest.raises(DomainError, match=message):
            read_domain(DECLARED + asserted)


@pytest.mark.slow
def test_large_boxes_are_read_in_linear_time_and_large_polytopes_refused(read_domain):
    def box(count):
        declared = "".join(f"(declare-const X_{i} Real)" for i in range(count))
        return declared + "".join(
            f"(assert (<= X_{i} 1))(assert (>= X_{i} 0))" for i in range(count)
        )

    assert read_domain(box(10_000)).domain == Box.interval(10_000, 0.0, 1.0)
    with pytest.raises(DomainError, match="polytope of 129 inputs is too large, at most 128"):
        read_domain(box(129) + "(assert (<= X_0 X_1))")


def test_disjunctions_whose_bounds_were_used_are_not_reported(read):
    bounds = "(<= X_0 0.5) (>= X_0 -1) (<= X_1 1) (>= X_1 -1)"
    assert read(DECLARED + f"(assert (or (and {bounds}) (and {bounds})))").notes == ()
    # one case says no more, so the outputs are not constrained at all
    assert read(DECLARED + f"(assert (or (and {bounds} (<= Y_0 1)) (and {bounds})))").notes == ()
    cases = f"(or (and {bounds} (<= Y_0 1) (>= Y_0 0)) (and {bounds} (>= Y_0 2)))"
    found = read(DECLARED + f"(assert {cases})")
    assert found.notes == (
        "ignored the output constraint (or (and (<= Y_0 1) (>= Y_0 0)) (>= Y_0 2))",
    )
    assert found.box == Box([-1, -1], [0.5, 1])


def test_gzip_files(tmp_path, monkeypatch):
    file = tmp_path / "box.vnnlib.gz"
    content = (DECLARED + SQUARE).encode()
    file.write_bytes(gzip.compress(content))
    assert load_box(file).box == Box.cube(2, 1.0)
    file.write_bytes(gzip.compress(content)[:-10])
    with pytest.raises(FormatError, match="damaged gzip"):
        load_box(file)
    monkeypatch.setattr("polyregions.files.reading._ALWAYS_ALLOWED", 2**20)
    file.write_bytes(gzip.compress(content + b" " * 2**22, 1))
    assert file.stat().st_size < 2**15
    with pytest.raises(FormatError, match="unpacks to more than"):
        load_box(file)


def test_polytopes_on_the_command_line(tmp_path, capsys):
    network = Network.from_arrays([(np.eye(2), [-0.25, -0.25]), ([[1, 1]], [0])])
    save_network(network, tmp_path / "net.npz")
    (tmp_path / "p.vnnlib").write_text(DECLARED + TRIANGLE + "(assert (<= Y_0 1))")
    command = ["count", str(tmp_path / "net.npz"), "--box-file", str(tmp_path / "p.vnnlib")]
    assert main([*command, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["regions"] == 4
    assert json.loads(out)["domain"]["b"] == [0, 0, 1]
    assert "p.vnnlib: ignored the output constraint (<= Y_0 1)" in err
    assert main([*command, "--fix", "0=0.5"]) == 2
    assert "--fix needs a box" in capsys.readouterr().err


VERSION_2 = """(vnnlib-version <2.0>)
(declare-network f (declare-input X float32 [1, 2]) (declare-output Y float32 [1, 2]))
"""


def test_version_2_needs_its_package(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "vnnlib", None)
    with pytest.raises(MissingExtraError, match=r"polyregions\[vnnlib\]"):
        read(VERSION_2 + "(assert (<= X[0,0] 1.0))")
    monkeypatch.setitem(sys.modules, "vnnlib", ModuleType("vnnlib"))  # of VNN-LIB 1.0
    with pytest.raises(MissingExtraError, match="needs a newer package"):
        read(VERSION_2 + "(assert (<= X[0,0] 1.0))")


def test_version_2_says_what_version_1_says(read_domain):
    pytest.importorskip("vnnlib", reason="the package vnnlib is not installed")
    asserted = TRIANGLE + "(assert (or (<= Y_0 Y_1) (>= (- Y_1 Y_0 1.0) 3.0)))"
    old = read_domain(DECLARED + asserted)
    for letter in "XY":
        for index in range(2):
            asserted = asserted.replace(f"{letter}_{index}", f"{letter}[0,{index}]")
    # numbers of version 2 have the type of the variables
    asserted = asserted.replace(" 0)", " 0.0)").replace(" 1)", " 1.0)").replace("* 2 ", "* 2.0 ")
    new = read_domain(VERSION_2 + asserted)
    assert (new.domain, new.notes) == (old.domain, old.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (VERSION_2 + "(assert (<= X[0,5] 1.0))", "line 3: Index out of bounds"),
        (VERSION_2 + "(assert (<= X[0,0] 1.0)", "not closed"),
        (VERSION_2 + "(assert (<= Z 1.0))", "no VNN-LIB 2.0"),
        (VERSION_2 + "(assert (<= X[0,0] 1.0))", "X_0 .*has no lower bound"),
        (VERSION_2 + "(assert (!= X[0,0] 1.0))", "no linear inequality"),
        (VERSION_2 + f"(assert {'(and ' * 200}(<= X[0,0] 1.0){')' * 200})", "nested deeper"),
        (VERSION_2.replace("X float32", "X int8") + "(assert (<= X[0,0] 1))", "I8 numbers"),
        (
            VERSION_2.replace("(declare-output", "(declare-input Z float32 [1]) (declare-output")
            + "(assert (<= X[0,0] 1.0))",
            "several inputs",
        ),
        (
            VERSION_2
            + "(declare-network g (declare-input A Real [1]) (declare-output B Real [1]))"
            + "(assert (<= X[0,0] 1.0))",
            "2 networks",
        ),
        (VERSION_2.replace("[1, 2]", "[99999, 99999]", 1) + "(assert (<= X[0,0] 1.0))", "entries"),
        ("(vnnlib-version <2.0>)", "no VNN-LIB 2.0"),
        ("(vnnlib-version <3.1>)", "version 3.1; 1.0 and 2.0 are read"),
    ],
)
def test_version_2_refuses(read, text, message):
    pytest.importorskip("vnnlib", reason="the package vnnlib is not installed")
    with pytest.raises(FormatError, match=message):
        read(text)


def test_refuses_contradictions_and_points(read):
    with pytest.raises(DomainError, match="X_1 contradict"):
        read(DECLARED + SQUARE + "(assert (<= X_1 -2))")
    with pytest.raises(DomainError, match="every coordinate"):
        read(DECLARED + "(assert (= X_0 1))(assert (= X_1 2))")


def test_refuses_unreadable_files(tmp_path):
    file = tmp_path / "box.vnnlib"
    with pytest.raises(FormatError, match="no file"):
        load_box(file)
    file.write_bytes(np.random.default_rng(0).bytes(100))
    with pytest.raises(FormatError, match="not a text file"):
        load_box(file)
    with pytest.raises(FormatError, match="not a file"):
        load_box(tmp_path)


def test_refuses_every_truncation_inside_the_assertions(tmp_path):
    file = tmp_path / "box.vnnlib"
    text = (DECLARED + SQUARE).strip()
    for length in range(len(text)):
        file.write_text(text[:length])
        with pytest.raises(FormatError):
            load_box(file)


def test_survives_damaged_files(tmp_path):
    content = (DECLARED + SQUARE + "(assert (or (and (<= Y_0 1)) (>= Y_0 2e0)))").encode()
    assert check_fuzz(load_box, content, tmp_path / "box.vnnlib") > 50


@pytest.mark.parametrize(
    ("name", "inputs", "notes"),
    [
        ("acasxu_prop_1", 5, 1),
        ("acasxu_prop_3", 5, 4),
        ("acasxu_prop_4", 5, 4),
        ("acasxu_prop_5", 5, 1),
        ("cartpole_safe_14", 4, 1),
        ("lunarlander_1", 8, 1),
        ("vdp_0", 3, 5),
    ],
)
def test_real_boxes(name, inputs, notes):
    file: Path = data_file(f"boxes/{name}.vnnlib")
    found = load_box(file)
    assert (found.box.dimension, len(found.notes)) == (inputs, notes)
    if name == "vdp_0":
        assert found.box == Box([-2.5, -2.5, 0.0], [2.5, 2.5, 5.0])
    if name == "acasxu_prop_4":
        assert found.box.free.tolist() == [0, 1, 3, 4]
