"""What lies on pictures, on the command line: points, names, titles, level lines, resolution."""

import numpy as np
import pytest

from polyregions import examples
from polyregions.cli import main

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

DIGITS4 = str(examples.path("digits4"))


@pytest.fixture
def drawn(monkeypatch):
    """The figures that commands save."""
    kept = []
    monkeypatch.setattr(
        "polyregions.plot.save_figure", lambda axes, path, *, dpi: kept.append((axes, dpi))
    )
    return kept


@pytest.fixture
def data(tmp_path):
    points = np.random.default_rng(0).uniform(-0.9, 0.9, size=(30, 4))
    both = np.column_stack([points, np.arange(30) % 10])
    np.savetxt(tmp_path / "data.csv", both, delimiter=",")
    for k in range(3):
        np.save(tmp_path / f"p{k}.npy", points[k])
    return tmp_path


def marked(axes):
    return sum(len(line.get_xdata()) for line in axes.lines if line.get_marker() == "o")


@pytest.mark.slow
def test_a_plane_with_data(drawn, data):
    files = [str(data / f"p{k}.npy") for k in range(3)]
    names = "zero,one,two,three,four,five,six,seven,eight,nine"
    given = ["--points", str(data / "data.csv"), "--color", "class", "--classes", names]
    given += ["--title", "$x$", "--dpi", "70", "--contours", "3", "--output-index", "2"]
    assert main(["plot", DIGITS4, "-o", "a.png", "--plane-through", *files, *given]) == 0
    ((axes, dpi),) = drawn
    assert dpi == 70
    assert axes.get_title(loc="left") == "$x$"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("p0 → p1", "across, towards p2")
    assert 0 < marked(axes) <= 30
    keys = [text.get_text() for a in axes.figure.axes[1:] for text in a.get_yticklabels()]
    assert set(keys) <= set(names.split(","))
    axes.figure.draw_without_rendering()


@pytest.mark.slow
def test_a_line_and_two_axes_of_a_box_with_data(drawn, data):
    points = ["--points", str(data / "data.csv")]
    files = [str(data / f"p{k}.npy") for k in range(2)]
    assert main(["plot", DIGITS4, "-o", "a.png", "--line-through", *files, *points]) == 0
    assert (
        main(["plot", DIGITS4, "-o", "a.png", "--axes", "0", "2", "--labels", "x, y", *points]) == 0
    )
    (line, _), (cells, dpi) = drawn
    assert dpi == 200
    assert line.get_xlabel() == "p0 → p1"
    assert (cells.get_xlabel(), cells.get_ylabel()) == ("x", "y")
    assert marked(cells) == 30


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("--points {}/p0.npy --axes 0 1", "one row each"),
        ("--points {}/none.csv --axes 0 1", "there is no file"),
        ("--points {}/data.csv --fix 0=0.5", "--points needs one or two free inputs, not 3"),
        ("--contours 5 --fix 0=0.5", "--contours needs two free inputs, not 3"),
        ("--labels x --axes 0 1", "--labels has 1 names for 2 axes"),
        ("--classes a,b --axes 0 1", "there are 10 classes, not 2"),
        ("--dpi 1 --axes 0 1", "pixels per inch"),
        ("--growth --title x --axes 0 1", "--growth draws cells alone"),
        ("--growth --points {}/data.csv --axes 0 1", "--growth draws cells alone"),
        ("--points {}/data.csv", "4 inputs are free; choose two to show with --axes"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(drawn, data, capsys, given, sentence):
    arguments = given.format(data).split()
    assert main(["plot", DIGITS4, "-o", str(data / "a.png"), *arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error
    assert not drawn


def test_the_points_are_not_written_over(data, capsys):
    np.save(data / "a.png", np.zeros((2, 4)))
    file = str(data / "a.png.npy")
    assert main(["plot", DIGITS4, "-o", file, "--axes", "0", "1", "--points", file]) == 2
    assert capsys.readouterr().err
