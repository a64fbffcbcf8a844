"""Every script of the gallery runs, is short, and is on its page with its picture."""

import ast
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
GALLERY = DOCS / "gallery"
SCRIPTS = sorted(GALLERY.glob("*.py"))
# these train nothing: what they print is the same everywhere
SETTLED = {"controller", "path", "property"}


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
    kept = {path.name for path in GALLERY.glob(f"{script.stem}.*")} - {script.name}
    written = {path.name for path in tmp_path.iterdir()}
    printed = capsys.readouterr().out
    assert kept <= written | ({f"{script.stem}.txt"} if printed else set())
    assert all((tmp_path / name).stat().st_size > 100 for name in written)
    if script.stem in SETTLED:
        assert printed == (GALLERY / f"{script.stem}.txt").read_text(encoding="utf-8")


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
