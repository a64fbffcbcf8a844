"""Lines, planes and fixed inputs on the command line."""

import json

import numpy as np
import pytest

import polyregions as pr
from polyregions.cli import main
from polyregions.io import save_network
from polyregions.network.slices import Line, Plane

RNG = np.random.default_rng(8)
NET = pr.Network.from_arrays(
    [
        (RNG.normal(size=(8, 4)), RNG.normal(size=8)),
        (RNG.normal(size=(4, 8)), RNG.normal(size=4)),
        (RNG.normal(size=(1, 4)), [0.0]),
    ]
)
POINTS = RNG.normal(size=(3, 2, 2))


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command in a folder with a network and three points."""
    monkeypatch.chdir(tmp_path)
    save_network(NET, tmp_path / "net.npz")
    for name, point in zip("abc", POINTS, strict=True):
        np.save(tmp_path / f"{name}.npy", point)

    def run(*args):
        code = main([str(arg) for arg in args])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def count(run, *options):
    code, out, _ = run("count", "net.npz", "--json", *options)
    assert code == 0
    return json.loads(out)


def regions_of(place, window=None):
    return len(pr.enumerate_regions(place.restrict(NET), window or place.domain))


def test_plane(run):
    plane = Plane.through(*POINTS)
    result = count(run, "--plane-through", "a.npy", "b.npy", "c.npy")
    assert result["regions"] == regions_of(plane)
    assert result["input_dimension"] == 2
    assert result["domain"]["upper"] == plane.domain.upper.tolist()
    assert result["slice"]["origin"] == plane.origin.tolist()
    assert result["slice"]["basis"] == plane.basis.T.tolist()


def test_line(run):
    result = count(run, "--line-through", "a.npy", "b.npy")
    assert result["regions"] == regions_of(Line.through(*POINTS[:2])) == result["edges"] + 1


def test_the_window_can_be_another(run):
    plane = Plane.through(*POINTS)
    options = ("--plane-through", "a.npy", "b.npy", "c.npy")
    assert count(run, *options, "--cube", 9)["regions"] == regions_of(plane, pr.Box.cube(2, 9.0))
    whole = count(run, *options, "--whole-space")
    assert whole["domain"] is None
    assert whole["regions"] == len(pr.enumerate_regions(plane.restrict(NET), None))


def test_fixed_inputs(run):
    result = count(run, "--fix", "3=0.5", "--fix", "0=-.25", "--cube", 2)
    box = pr.Box([-0.25, -2, -2, 0.5], [-0.25, 2, 2, 0.5])
    assert result["regions"] == len(pr.enumerate_regions(NET, box))
    assert (result["input_dimension"], result["free_inputs"]) == (4, 2)
    whole = count(run, "--fix", "3=0.5", "--fix", "0=-.25", "--whole-space")
    assert whole["input_dimension"] == 2
    assert whole["regions"] > result["regions"]


@pytest.mark.parametrize("command", ["enumerate", "graph", "linear", "info"])
def test_every_command_takes_slices(run, command):
    output = {"enumerate": ["-o", "out.npz"], "graph": ["-o", "out.json"]}.get(command, [])
    code, out, _ = run(command, "net.npz", "--line-through", "a.npy", "b.npy", *output)
    assert code == 0
    assert out


def test_info_compares_with_the_source(run, tmp_path):
    assert "not compared" in run("info", "net.npz")[1]
    onnx_graphs = pytest.importorskip("onnx_graphs", reason="the extra onnx is not installed")
    model = onnx_graphs.chain([("MatMul", ["w"], {}), ("Relu", [], {})], {"w": np.eye(2)}, (1, 2))
    onnx_graphs.save(model, tmp_path)
    code, out, _ = run("info", "net.onnx", "--json")
    assert code == 0
    assert json.loads(out)["largest_difference_from_source"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--plane-through", "a.npy", "b.npy", "a.npy"], "on one line"),
        (["--line-through", "a.npy", "a.npy"], "coincide"),
        (["--line-through", "a.npy", "missing.npy"], "no file"),
        (["--line-through", "a.npy", "net.npz"], "not a readable .npy"),
        (["--line-through", "a.npy", "short.npy"], "3 numbers but the network reads 4"),
        (["--line-through", "a.npy", "objects.npy"], "not a readable .npy"),
        (["--line-through", "a.npy", "nan.npy"], "finite"),
        (["--line-through", "a.npy", "b.npy", "--fix", "0=1"], "different domains"),
        (["--fix", "3:0.5"], "INPUT=VALUE"),
        (["--fix", "4=0.5"], "no input 4"),
        (["--fix", "-1=0.5"], "no input -1"),
        (["--fix", "3=2"], "outside"),
        (["--fix", "3=nan"], "finite"),
        (["--fix", "3=nan", "--whole-space"], "finite"),
        (["--fix", "3=0", "--fix", "3=1"], "twice"),
        (["--fix", "0=0", "--fix", "1=0", "--fix", "2=0", "--fix", "3=0"], "fixed"),
    ],
)
def test_refuses(run, tmp_path, options, message):
    np.save(tmp_path / "short.npy", np.zeros(3))
    np.save(tmp_path / "nan.npy", np.full(4, np.nan))
    np.save(tmp_path / "objects.npy", np.array([None] * 4), allow_pickle=True)
    code, out, err = run("count", "net.npz", *options)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
