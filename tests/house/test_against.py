"""How `benchmarks/against.py` runs two revisions, on a package of one line."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"

SCRIPT = """
import sys
sys.path.insert(0, {benchmarks!r})
from revisions import Measured, SkippedError, serve
import measured_package

def number():
    runs = []
    def once():
        runs.append(0)
        # the middle one of 3 is neither first nor last
        return Measured(measured_package.VALUE * (1, 3, 2)[len(runs) % 3], "s", {{"runs": 7}})
    return once

def only_new():
    if measured_package.VALUE < 2:
        raise SkippedError("is too old")
    return number()

def broken():
    raise ValueError("two lines\\nof text")


serve({{"number": number, "only new": only_new, "broken": broken}})
"""


@pytest.fixture(scope="module")
def revisions():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield importlib.import_module("revisions")
    finally:
        sys.path.remove(str(BENCHMARKS))
        sys.modules.pop("revisions", None)


@pytest.fixture
def repository(tmp_path):
    """A repository of two commits: VALUE is 1 in the first, tagged ``old``, 2 in the second."""
    folder = tmp_path / "repository"
    folder.mkdir()

    def git(*arguments):
        name = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        subprocess.run(["git", "-C", folder, *name, *arguments], check=True, capture_output=True)

    git("init", "-q")
    for value, tag in ((1, "old"), (2, "new")):
        (folder / "measured_package.py").write_text(f"VALUE = {value}\n")
        git("add", "measured_package.py")
        git("commit", "-q", "-m", tag)
        git("tag", tag)
    return folder


def test_a_checkout_is_made_once_and_is_the_revision(revisions, repository, tmp_path):
    folder = revisions.checkout("old", tmp_path, repository)
    assert (folder / "measured_package.py").read_text() == "VALUE = 1\n"
    (folder / "mark").touch()
    assert (revisions.checkout("old", tmp_path, repository) / "mark").exists()
    assert revisions.checkout("new", tmp_path, repository) != folder


@pytest.mark.parametrize("name", ["nonsense", "--help", "old^{tree}"])
def test_what_is_no_revision_is_refused(revisions, repository, tmp_path, name):
    with pytest.raises(SystemExit, match="pass a commit or a tag"):
        revisions.checkout(name, tmp_path, repository)


def test_medians_of_both_in_turn(revisions, repository, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(benchmarks=str(BENCHMARKS)))
    folders = [revisions.checkout(tag, tmp_path, repository) for tag in ("new", "old")]
    two = [revisions.Revision(script, folder) for folder in folders]
    try:
        here, there = revisions.medians(two, "number", 3)
        assert (here.value, there.value) == (4.0, 2.0)
        assert revisions.line("number", [here, there]) == "| number | s | 4 | 2 | 0.50 | 7 runs |"
        here, there = revisions.medians(two, "only new", 1)
        assert there == "is too old"
        assert revisions.line("x", [here, there]) == "| x | s | 6 | *is too old* |  | 7 runs |"
        assert revisions.medians(two, "broken", 2) == ["ValueError: two lines"] * 2
    finally:
        for one in two:
            one.end()


def test_counts_that_are_not_the_same_are_both_shown(revisions):
    assert revisions.count_text("regions", [1000, 999]) == "1,000 (there 999) regions"


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_a_lattice_is_a_largest_of_least(side, monkeypatch):
    # what is measured is compiled first, and says so to the whole process
    monkeypatch.setenv("POLYREGIONS_COMPILE_FIRST", "")
    sys.path.insert(0, str(BENCHMARKS))
    try:
        families = importlib.import_module("families")
        points = np.random.default_rng(0).uniform(-1, 1, (50, 2))
        for size in (1, 2, 3, 5, 8):
            weight, shift = points[:size] * 3, points[:size, 0]
            layer, values, after = families._rounds(weight, shift, size, side)
            assert layer.bends.sum() == size // 2
            before = points @ weight.T + shift
            z = points @ layer.weight.T + layer.bias
            z = np.where(z > 0, z, layer.lower * z)
            best = np.max if side > 0 else np.min
            now = best(z @ values.T + after, axis=1)
            np.testing.assert_allclose(now, best(before, axis=1), rtol=0, atol=1e-12)
        lattice = families.lattice(2, 16, 4, 0, False)
        assert lattice.hidden_units == 63
    finally:
        sys.path.remove(str(BENCHMARKS))
