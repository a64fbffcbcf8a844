from pathlib import Path

import numpy as np
import pytest
from io_helpers import check_fuzz, data_file

from polyregions.domain import Box
from polyregions.errors import DomainError, FormatError
from polyregions.io import load_box

DECLARED = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)\n"
SQUARE = "(assert (<= X_0 1))(assert (>= X_0 -1))(assert (<= X_1 1))(assert (>= X_1 -1))\n"


@pytest.fixture
def read(tmp_path):
    def read_text(text: str):
        file = tmp_path / "box.vnnlib"
        file.write_text(text, encoding="utf-8")
        return load_box(file)

    return read_text


@pytest.mark.parametrize(
    ("asserted", "lower", "upper"),
    [
        (SQUARE, [-1, -1], [1, 1]),
        ("(assert (and (<= X_0 1) (>= X_0 -1) (and (<= X_1 1) (>= X_1 -1))))", [-1, -1], [1, 1]),
        (SQUARE + "(assert (<= X_0 0.5))(assert (<= X_0 0.75))", [-1, -1], [0.5, 1]),
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
        (DECLARED + SQUARE + "(assert (<= X_0 X_1))", "not a bound"),
        (DECLARED + SQUARE + "(assert (<= X_0 Y_0))", "not a bound"),
        (DECLARED + SQUARE + "(assert (<= (+ X_0 X_1) 1))", "not a bound"),
        (DECLARED + SQUARE + "(assert (not (<= X_0 1)))", "not a bound"),
        (DECLARED + SQUARE + "(assert (<= X_0 1 2))", "not a bound"),
        (DECLARED + SQUARE + "(assert (<= X_0 nan))", "not a bound"),
        (DECLARED + SQUARE + "(assert (<= X_0 inf))", "not a bound"),
        (DECLARED + SQUARE + "(assert (<= X_0 1e999))", "too large"),
        (DECLARED + SQUARE + "(assert (<= 1 2))", "not a bound"),
        (DECLARED + SQUARE + "(assert X_0)", "not a bound"),
        (DECLARED + SQUARE + "(assert ())", "not a bound"),
        (DECLARED + SQUARE + "(assert (or))", "not a bound"),
        (DECLARED + SQUARE + "(assert)", "not a command"),
        (DECLARED + SQUARE + "(push 1)", "not a command"),
        ("(vnnlib-version <2.0>)", "not a command"),
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
