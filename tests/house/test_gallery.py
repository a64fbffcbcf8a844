"""Every script of the gallery runs, is short, and is on its page with its picture."""

import ast
import json
import re
import runpy
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from c_programs import Program
from io_helpers import exact_forward
from scipy.io import loadmat

import polyregions as pr
from polyregions import examples
from polyregions.geometry.witness import nearest_float

DOCS = Path(__file__).resolve().parents[2] / "docs"
GALLERY = DOCS / "gallery"
SCRIPTS = sorted(GALLERY.glob("*.py"))
# these train nothing: what they print is the same everywhere
SETTLED = {"controller", "path", "property"}
# what a script writes beside what is on the page
BESIDE = {
    "controller": {"pendulum.json", "pendulum.mat", "pendulum.c"},
    "property": {"torque.vnnlib"},
}


def test_the_page_shows_every_script_with_its_picture():
    text = (DOCS / "gallery.md").read_text(encoding="utf-8")
    assert len(SCRIPTS) == 9
    for script in SCRIPTS:
        assert f"{{literalinclude}} gallery/{script.name}\n" in text
        assert f"(gallery/{script.stem}.png)" in text
    shown = set(re.findall(r"gallery/[\w.]+", text))
    kept = {f"gallery/{path.name}" for path in GALLERY.iterdir() if path.is_file()}
    assert shown == kept


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_job_is_under_ten_lines_after_loading(script):
    text = script.read_text(encoding="utf-8")
    before, mark, after = text.partition("\n# loaded\n")
    assert mark
    assert len([line for line in after.splitlines() if line.strip()]) < 10
    # above the mark nothing is asked of regions
    called = {node.attr for node in ast.walk(ast.parse(before)) if isinstance(node, ast.Attribute)}
    assert not called & {"enumerate_regions", "traverse", "explore", "plot_cells", "export"}


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore:the last activation:UserWarning")
def test_a_script_runs(script, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib", reason="the gallery draws")
    text = script.read_text(encoding="utf-8")
    if "from sklearn" in text:
        pytest.importorskip("sklearn", reason="the script trains with scikit-learn")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")
    if "pyplot" in text:
        from matplotlib import pyplot as plt

        plt.close("all")
    shown = {path.name for path in GALLERY.glob(f"{script.stem}.*")}
    shown -= {script.name, f"{script.stem}.txt"}
    written = {path.name for path in tmp_path.iterdir()}
    assert written == shown | BESIDE.get(script.stem, set())
    assert all((tmp_path / name).stat().st_size > 100 for name in written)
    kept = script.with_suffix(".txt")
    printed = capsys.readouterr().out
    expected = kept.read_text(encoding="utf-8") if kept.exists() else ""
    if script.stem in SETTLED:
        assert printed == expected
    else:
        assert without_numbers(printed) == without_numbers(expected)
    if script.stem == "controller":
        assert_files_are_the_network(tmp_path)


def without_numbers(text: str) -> str:
    """What is left of a text when numbers, how many in a row, and spaces may be others."""
    return re.sub(r"#( #)+", "#", " ".join(re.sub(r"-?\d[\d,.]*(e[-+]\d+)?", " # ", text).split()))


def assert_files_are_the_network(folder: Path) -> None:
    """Evaluate the three files of a controller at some points, each its own way."""
    network = pr.load(examples.path("pendulum"))
    points = np.random.default_rng(6).uniform(-1, 1, (30, 2))
    exact = [exact_forward(network, list(map(Fraction, x)))[0] for x in points.tolist()]
    regions = json.loads((folder / "pendulum.json").read_text("utf-8"))["regions"]
    matlab = loadmat(folder / "pendulum.mat")
    for pieces in (
        [[np.array(region[key]) for key in "AbFg"] for region in regions],
        list(zip(*(matlab[key].ravel() for key in "AbFg"), strict=True)),
    ):
        for x, y in zip(points, exact, strict=True):
            ((F, g),) = [(F, g) for A, b, F, g in pieces if (A @ x <= np.ravel(b)).all()]
            (found,) = F @ x + np.ravel(g)
            # rounding: that of F and g, and three operations
            bound = (np.abs(F) @ np.abs(x) + np.abs(np.ravel(g))).item()
            assert abs(Fraction(float(found)) - y) <= Fraction(bound) * 6 / 2**53
    _, values = Program(folder / "pendulum.c", (2, 1)).values(points)
    assert values.ravel().tolist() == [nearest_float(y) for y in exact]


def test_a_text_without_its_numbers():
    assert without_numbers("a  1.5 -2e-07 [3, 4]\n") == without_numbers("a 17 [-1 2]")
    assert without_numbers("5 regions, proven") != without_numbers("5 regions, not proven")


@pytest.mark.slow
def test_what_a_picture_in_the_gallery_is_made_by(tmp_path):
    pytest.importorskip("matplotlib", reason="the gallery draws")
    (tmp_path / "gallery").mkdir()
    shutil.copy(DOCS / "figures.py", tmp_path)
    (tmp_path / "gallery" / "one.py").write_text(
        "from pathlib import Path\n"
        "Path('one.png').write_text('drawn')\nPath('one.c').write_text('')\nprint(1)\n"
    )
    subprocess.run([sys.executable, tmp_path / "figures.py", "gallery/one"], check=True)
    left = {path.name for path in (tmp_path / "gallery").iterdir()}
    assert left == {"one.py", "one.png", "one.txt"}
