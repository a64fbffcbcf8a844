"""Several results on one page: a film with one scale."""

import json

import numpy as np
import pytest
from page_data import array, data_of, page

import polyregions as pr
from polyregions.cli import main
from polyregions.io import save_network


def checkpoint(step: int) -> pr.Network:
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(6, 2)), rng.normal(size=(2, 6))
    late = [([*first + 0.1 * step], 0.3 * rng.normal(size=6)), (second * (1 + step), np.zeros(2))]
    return pr.Network.from_arrays(late, name=f"step {step}")


@pytest.fixture(scope="module")
def film():
    return [pr.enumerate_regions(checkpoint(step), pr.Box.cube(2, 1.0)) for step in range(3)]


def test_frames_have_one_scale(film):
    data = data_of(page(film))
    assert data["names"] == ["step 0", "step 1", "step 2"]
    assert [frame["count"] for frame in data["frames"]] == list(map(len, film))
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 101)] * 2), axis=-1).reshape(-1, 2)
    for output, (low, high) in enumerate(data["outputScales"]):
        values = [each.network.forward(grid)[:, output] for each in film]
        # a corner of the grid is one of the square; inside, vertices are between the samples
        assert low <= np.min(values)
        assert high >= np.max(values)
        assert high - low < 1.1 * (np.max(values) - np.min(values))
    for frame, each in zip(data["frames"], film, strict=True):
        first = array(frame["first"], "<f4").reshape(len(each), 2)
        ends = array(frame["shapes"]["ends"], "<u4")
        corners = array(frame["shapes"]["corners"], "<f4").reshape(-1, 2)[ends[:-1]]
        lows, highs = np.array(data["outputScales"]).T
        expected = (each.network.forward(2.0 * corners - 1) - lows) / (highs - lows)
        np.testing.assert_allclose(first, expected, atol=1e-5)


def test_what_is_no_film(film):
    with pytest.raises(pr.PolyregionsError, match="no regions"):
        page([])
    wider = pr.enumerate_regions(checkpoint(0), pr.Box.cube(2, 2.0))
    with pytest.raises(pr.DomainError, match="frames 0 and 1 are of different domains"):
        page([film[0], wider])
    other = pr.Network.from_arrays([([[1.0, 0]], [0]), ([[1.0]], [0])])
    with pytest.raises(pr.PolyregionsError, match="frames 0 and 1 are of networks of different"):
        page([film[0], pr.enumerate_regions(other, pr.Box.cube(2, 1.0))])
    with pytest.raises(pr.PolyregionsError, match="3 frames, not 2"):
        page(film, names=["a", "b"])


def test_the_slider(opened, film):
    browser = opened(film, names=["first", "<img src=x onerror=alert(1)>", "last"])
    assert browser.text("#status").startswith(f"{len(film[0])} regions")
    browser.run("document.getElementById('frame').focus()")
    browser.press("ArrowRight")
    assert browser.text("#frame-name") == "<img src=x onerror=alert(1)>"
    assert browser.text("#status").startswith(f"{len(film[1])} regions")
    # what is chosen stays: the region that is there in the next frame
    chosen = film[1].index(film[1].network.pattern([0.3, -0.2]))
    browser.run("polyregions.select(arguments[0])", chosen)
    script = "return [...polyregions.now.middles].slice(2 * arguments[0], 2 * arguments[0] + 2)"
    middle = 2 * np.array(browser.run(script, chosen)) - 1
    browser.run("polyregions.showFrame(2)")
    expected = film[2].index(film[2].network.pattern(middle))
    assert browser.text("#chosen") == f"Region {expected}"
    browser.click("#play")
    assert browser.text("#play") == "Pause"
    browser.click("#play")
    assert browser.run("return polyregions.where()").endswith("frame=2")
    assert browser.console() == []


def test_the_command_line_takes_checkpoints(tmp_path, capsys):
    files = []
    for step in range(2):
        files.append(str(tmp_path / f"epoch_{step}.npz"))
        save_network(checkpoint(step), files[-1])
    output = tmp_path / "film.html"
    assert main(["view", *files, "-o", str(output), "--title", "Training"]) == 0
    data = data_of(output.read_text())
    assert data["names"] == ["epoch_0", "epoch_1"]
    assert data["name"] == "Training"
    capsys.readouterr()
    assert main(["view", *files, "-o", str(output), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [frame["network"] for frame in printed["frames"]] == ["epoch_0", "epoch_1"]
    assert main(["view", *files, "--whole-graph", "-o", str(output)]) == 2
    assert "--whole-graph needs one network" in capsys.readouterr().err
