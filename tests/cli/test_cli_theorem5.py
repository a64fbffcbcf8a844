"""``polyregions theorem5``: what it prints, its exit codes, and what it refuses."""

import json
from contextlib import nullcontext

import pytest

from polyregions.cli import main
from polyregions.cli import theorem5_command as theorem5
from polyregions.cli.theorem5_command import number
from polyregions.theory.laws import BiasLaw
from polyregions.theory.theorem5 import verify_theorem5


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run the command in an empty folder; return its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*args):
        code = main(["theorem5", *map(str, args)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


EXAMPLE = ("--widths", 2, 4, 4, "--bias-std", 0.5, "--side", 2, "--draws", 12, "--seed", 3)


@pytest.mark.slow
def test_json_is_the_report(run):
    code, out, _ = run(*EXAMPLE, "--json")
    assert code == 0
    report = verify_theorem5((2, 4, 4), biases=BiasLaw("normal", 0.5), draws=12, seed=3)
    assert json.loads(out) == json.loads(json.dumps(report.as_dict()))


def test_text(run):
    code, out, err = run(*EXAMPLE)
    assert code == 0
    assert "2-4-4: 8 hidden units" in out
    assert "all proven" in out
    for name in ("hanin_rolnick_2019", "sharp", "sharp, codimension 2", "serra_2018"):
        assert any(line.split("  ")[0] == "HOLDS" and name in line for line in out.splitlines())
    assert "not confirmed" in out
    assert "every order" in out
    assert "VIOLATED" not in out + err


def test_the_order_of_options_does_not_matter(run):
    first = run(*EXAMPLE, "--json")[1]
    assert (
        run("--json", "--seed", 3, "--draws", 12, "--widths", 2, 4, 4, "--bias-std", 0.5)[1]
        == first
    )


def test_whole_space_and_laws_without_density_are_counted(run):
    code, out, _ = run("--widths", 2, 8, "--whole-space", "--draws", 5)
    assert code == 0
    assert "mean 37.00 ± 0.00" in out
    assert "DOES NOT APPLY" in out
    code, out, _ = run("--widths", 2, 4, "--bias-std", 0, "--draws", 5)
    assert code == 0
    assert "no density, so Theorem 5 does not apply" in out


@pytest.mark.slow
def test_boundaries_and_lemmas(run):
    code, out, _ = run(*EXAMPLE, "--boundaries", "--lemmas", "--json")
    assert code == 0
    values = json.loads(out)
    assert [size["k"] for size in values["boundaries"]["boundary_sets"]] == [1, 2]
    assert all(lemma["holds"] for lemma in values["lemmas"])
    code, out, _ = run(*EXAMPLE, "--boundaries", "--lemmas")
    assert "B_2: volume" in out
    assert "HOLDS           Lemma 6" in out


def test_cells_in_space(run):
    _, out, _ = run("--widths", 3, 5, "--draws", 4, "--cells", "--json")
    assert len(json.loads(out)["cells"]) == 4


GRID = ("--grid", "--inputs", 2, 3, "--units", 6, "--depths", 1, 2, "--draws", 6)


def test_grid(run):
    code, out, _ = run(*GRID, "--side", 1, 2, "--bias-std", 0.5, 1)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split()[:3] == ["n", "N", "widths"]
    # six draws are few: an interval may lie around a bound
    assert all(line.endswith(("  holds", "  UNDECIDED")) for line in lines[1:17])
    # side 1 and deviation 1/2 is side 2 and deviation 1 (Lemma 6): equal but for these columns
    rows = [line.split() for line in lines[1:17]]
    assert [row[:3] + row[5:] for row in rows[0:2]] == [row[:3] + row[5:] for row in rows[6:8]]
    assert len([line for line in lines if "means over depths differ" in line]) == 8
    code, out, _ = run(*GRID, "--json")
    assert [report["widths"] for report in json.loads(out)["reports"]] == [
        [2, 6], [2, 3, 3], [3, 6], [3, 3, 3],
    ]  # fmt: skip


def forge(path, count):
    content = json.loads(path.read_text())
    content["draws"] = [{index: [count, 9, 0, True] for index in rows} for rows in content["draws"]]
    path.write_text(json.dumps(content))


def test_a_violated_bound_is_loud(run, tmp_path):
    """Forged draws, as no honest ones violate anything."""
    file = tmp_path / "draws.json"
    assert run(*EXAMPLE, "--draws-file", file)[0] == 0
    forge(file, 10**6)
    code, out, err = run(*EXAMPLE, "--draws-file", file)
    assert code == 1
    assert "VIOLATED        sharp  " in out
    assert "VIOLATED        serra_2018" in out
    assert "VIOLATED:" in err
    code, out, err = run(*GRID, "--draws-file", tmp_path / "grid.json")
    assert code == 0
    forge(tmp_path / "grid.json", 10**6)
    code, out, err = run(*GRID, "--draws-file", tmp_path / "grid.json")
    assert code == 1
    assert "VIOLATED: sharp of 2-6" in out
    assert "VIOLATED:" in err


def test_draws_that_are_not_proven_are_said(run, tmp_path):
    file = tmp_path / "draws.json"
    run(*EXAMPLE, "--draws-file", file)
    file.write_text(file.read_text().replace("true", "false"))
    assert "NOT ALL PROVEN" in run(*EXAMPLE, "--draws-file", file)[1]


def test_a_stopped_run_has_its_own_exit_code(run, tmp_path, monkeypatch):
    def stop(done, total):
        if done == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(theorem5, "_shown_draws", lambda: nullcontext(stop))
        code, out, err = run(*EXAMPLE, "--draws-file", tmp_path / "draws.json")
    assert (code, out) == (3, "")
    assert "stopped after 5 of 12 draws, kept in" in err
    resumed = run(*EXAMPLE, "--draws-file", tmp_path / "draws.json", "--json")[1]
    assert resumed == run(*EXAMPLE, "--json")[1]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "give --widths"),
        (("--widths", 2), "at least one hidden layer"),
        (("--widths", 2, 0), "widths must be positive integers, not 2 0"),
        (("--widths", 2, -3), "widths must be positive integers"),
        (("--widths", 2, 2.5), "a valid integer"),
        (("--widths",), "requires an argument"),
        (("--widths", 2, 8, "--draws", 1), "at least two draws, not 1"),
        (("--widths", 2, 8, "--side", 0), "side of the cube must be a positive number, not 0"),
        (("--widths", 2, 8, "--side", -1), "side of the cube must be a positive number, not -1"),
        (("--widths", 2, 8, "--side", "nan"), "must be a positive number"),
        (("--widths", 2, 8, "--side", 1, 2), "need --grid"),
        (("--widths", 2, 8, "--side", 1, "--whole-space"), "name different domains"),
        (("--widths", 2, 8, "--bias-std", -1), "standard deviation of the biases"),
        (("--widths", 2, 8, "--bias", "cauchy"), "there is no bias law 'cauchy'"),
        (("--widths", 2, 8, "--weights", "cauchy"), "there is no weight law 'cauchy'"),
        (("--widths", 2, 8, "--gain", "two"), "the gain must be a number"),
        (("--widths", 2, 8, "--gain", "0"), "gain of the weights must be positive"),
        (("--widths", 2, 8, "--seed", -1), "seed must be at least 0"),
        (("--widths", 2, 8, "--threads", 0), "workers must be positive"),
        (("--widths", 2, 8, "--inputs", 2), "--inputs goes with --grid"),
        (("--grid", "--widths", 2, 8), "--grid takes --inputs"),
        (("--grid", "--inputs", 2, "--units", 4), "--grid takes --inputs"),
        ((*GRID, "--lemmas"), "not --grid"),
        (("--grid", "--inputs", 2, "--units", 2, "--depths", 3), "cannot fill"),
        (("--widths", 2, 8, "--whole-space", "--lemmas"), "need a cube"),
        (("--widths", 2, 8, "--plot", "figure.gif"), "no known format"),
        (("--widths", 2, 8, "--draws-file", "draws.txt"), "no known format"),
    ],
    ids=str,
)
def test_refusals_are_one_sentence(run, tmp_path, args, words):
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert words in err
    assert err.startswith("polyregions: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_numbers_for_reading():
    shown = [number(value) for value in (None, 3, 2.0, 1234567.891, 0.012345, 1e7, 2**2000)]
    assert shown == ["-", "3", "2", "1,234,567.89", "0.0123", "1e+07", "about 2^2000"]
