"""The check of notebooks fails where a cell that draws shows nothing."""

import importlib.util
import json
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "figures_shown.py"
if not SCRIPT.exists():
    pytest.skip("a source archive without .ci", allow_module_level=True)

PICTURE = {"output_type": "display_data", "data": {"image/png": "", "text/plain": ""}}
TEXT = {"output_type": "execute_result", "data": {"text/plain": "<Axes: >"}}
STREAM = {"output_type": "stream", "text": "x"}


@pytest.fixture(scope="module")
def unseen():
    spec = importlib.util.spec_from_file_location("figures_shown", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.unseen


@pytest.mark.parametrize(
    ("source", "outputs", "faults"),
    [
        ("plot_cells(regions)", [PICTURE], 0),
        ("plot_cells(regions)", [STREAM, PICTURE], 0),
        (["axes = plot_cells(regions)\n", "axes"], [TEXT], 1),
        ("pr.plot_line(regions)", [], 1),
        ("tracker.figure()", [TEXT], 1),
        ("figure, axes = plt.subplots()", [STREAM], 1),
        ("theorem5_figure(reports)", [TEXT], 1),
        ("len(regions)", [TEXT], 1),  # a notebook that draws nothing
        ("def plot_it():\n    pass", [], 1),
    ],
)
def test_a_figure_without_a_picture_is_found(unseen, tmp_path, source, outputs, faults):
    cells = [
        {"cell_type": "markdown", "source": "plot_cells(regions)"},
        {"cell_type": "code", "source": source, "outputs": outputs},
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    assert len(unseen(tmp_path / "a.ipynb")) == faults


def test_the_step_of_notebooks_asks():
    step = (SCRIPT.parent / "run").read_text("utf-8").partition("\nnotebooks() {")[2]
    assert ".ci/figures_shown.py notebooks/*.ipynb" in step.partition("\n}")[0]
