"""The command line: what it prints, where, and its exit codes."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import networkx as nx
import numba
import numpy as np
import pytest

import polyregions as pr
from polyregions import examples
from polyregions.cli import main
from polyregions.cli.report import announced_compilation
from polyregions.compiled import start
from polyregions.run.limits import limits_of


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command in an empty folder; return its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*args):
        code = main([str(arg) for arg in args])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def lines_file(tmp_path_factory):
    """Three lines x = 0, y = 0, x + y = 1/2: seven regions, nine edges."""
    path = tmp_path_factory.mktemp("nets") / "lines.npz"
    save(path, [([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
    return path


@pytest.fixture(scope="module")
def large_file(tmp_path_factory):
    """A network with far more regions than a test waits for."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("nets") / "large.npz"
    layers = [(64, 4), (64, 64), (1, 64)]
    save(path, [(rng.normal(size=s) / np.sqrt(s[1]), rng.normal(size=s[0]) / 3) for s in layers])
    return path


def save(path, parameters) -> None:
    arrays = {}
    for index, (weight, bias) in enumerate(parameters):
        arrays |= {f"W{index}": np.array(weight, float), f"b{index}": np.array(bias, float)}
    np.savez(path, **arrays)


def vnnlib(*bounds: tuple[str, str]) -> str:
    names = "".join(f"(declare-const X_{i} Real)\n" for i in range(len(bounds)))
    return names + "".join(
        f"(assert (>= X_{i} {low}))\n(assert (<= X_{i} {high}))\n"
        for i, (low, high) in enumerate(bounds)
    )


# what is counted


def test_count(run, lines_file):
    code, out, err = run("count", lines_file)
    assert code == 0
    assert "7 regions, 9 edges (proven)" in out
    assert "Traceback" not in err


def test_count_json(run, lines_file):
    code, out, _ = run("count", lines_file, "--json")
    result = json.loads(out)
    assert code == 0
    assert result.pop("seconds") > 0
    assert result.pop("start_seconds") >= 0
    assert result.pop("regions_per_second") > 0
    assert result == {
        "network": "lines",
        "input_dimension": 2,
        "free_inputs": 2,
        "hidden_units": 3,
        "domain": {"lower": [-1.0, -1.0], "upper": [1.0, 1.0]},
        "method": "bfs",
        "regions": 7,
        "edges": 9,
        "complete": True,
        "proven": True,
        "exact_decisions": result["exact_decisions"],
        "bounds": {
            "hanin_rolnick_scale": 4.5,
            "zaslavsky": 7,
            "montufar_2017": 7,
            "serra_2018": 7,
        },
    }


def test_count_without_network_runs_the_example_and_says_so(run):
    code, out, err = run("count", "--json")
    result = json.loads(out)
    assert code == 0
    assert result["network"] == "digits2"
    assert result["regions"] > 100
    assert result["complete"]
    assert result["proven"]
    assert "digits2.npz" in err


@pytest.mark.parametrize(
    ("options", "regions"),
    [
        (["--cube", "1"], 7),
        (["--cube", "0.2"], 4),
        (["--box", "-1", "1"], 7),
        (["--box", "-1", "-0.5"], 1),
        (["--box", "0", ".4"], 2),
        (["--whole-space"], 7),
    ],
)
def test_domains(run, lines_file, options, regions):
    code, out, _ = run("count", lines_file, *options, "--json")
    result = json.loads(out)
    assert (code, result["regions"]) == (0, regions)
    assert (result["domain"] is None) == (options == ["--whole-space"])


def test_box_file_with_a_fixed_input_and_an_output_constraint(run, lines_file, tmp_path):
    constraint = "(declare-const Y_0 Real)\n(assert (<= Y_0 1.0))\n"
    (tmp_path / "box.vnnlib").write_text(vnnlib(("-1", "1"), ("0.25", "0.25")) + constraint)
    code, out, err = run("count", lines_file, "--box-file", "box.vnnlib", "--json")
    result = json.loads(out)
    assert code == 0
    assert (result["regions"], result["free_inputs"], result["input_dimension"]) == (3, 1, 2)
    assert result["domain"]["lower"] == [-1.0, 0.25]
    assert "Y_0" in err


@pytest.mark.slow
def test_threads_change_nothing(run, lines_file):
    results = []
    for threads in (1, 2):
        run("enumerate", examples.path("digits2"), "-o", "out.npz", "--threads", threads)
        with open("out.npz", "rb") as file:
            results.append(file.read())
    assert results[0] == results[1]


# what is saved


def test_enumerate(run, lines_file, tmp_path):
    code, out, _ = run("enumerate", lines_file, "-o", "out.npz")
    assert code == 0
    assert "saved to out.npz" in out
    regions = pr.open_regions(tmp_path / "out.npz")
    assert (len(regions), len(regions.edges), regions.complete) == (7, 9, True)


@pytest.mark.parametrize("suffix", [".graphml", ".gexf", ".json"])
def test_graph(run, lines_file, tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    assert run("graph", lines_file, "-o", path)[0] == 0
    if suffix == ".json":
        graph = nx.node_link_graph(json.loads(path.read_text()), edges="edges")
    else:
        graph = {".graphml": nx.read_graphml, ".gexf": nx.read_gexf}[suffix](path)
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (7, 9)


def test_info(run, lines_file):
    code, out, _ = run("info", lines_file)
    assert code == 0
    assert "2 inputs" in out
    code, out, _ = run("info", lines_file, "--json")
    assert code == 0
    assert json.loads(out)["widths"] == [3]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("enumerate", "out.npz"),
        ("graph", "out.json"),
        ("plot", "out.svg"),
        ("view", "out.html"),
        ("certify", "out.cert"),
    ],
)
def test_json_of_what_is_saved(run, lines_file, tmp_path, command, name):
    if command == "plot":
        pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    where = ["--box", "-1", "0.75"]
    code, out, _ = run(command, lines_file, *where, "-o", name, "--json")
    saved, counted = json.loads(out), json.loads(run("count", lines_file, *where, "--json")[1])
    assert code == 0
    assert saved.pop("output") == name
    assert (tmp_path / name).stat().st_size > 0
    times = {"seconds", "start_seconds", "regions_per_second"}
    assert saved.keys() - times == counted.keys() - times - {"method", "bounds"}
    assert all(saved[key] == counted[key] for key in saved.keys() - times)


def test_json_of_a_picture_per_layer(run, lines_file):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    code, out, _ = run("plot", lines_file, "--growth", "-o", "out.png", "--json")
    assert (code, json.loads(out)["output"]) == (0, "out.png")


def test_json_of_a_partial_result(run, large_file):
    code, out, err = run("enumerate", large_file, "-o", "out.npz", "--max-regions", 50, "--json")
    assert code == 3
    assert json.loads(out)["complete"] is False
    assert "--resume" in err


def test_json_of_a_check(run, lines_file, tmp_path):
    run("certify", lines_file, "--cube", "0.5", "-o", "net.cert")
    code, out, _ = run("check", lines_file, "net.cert", "--json")
    checked = json.loads(out)
    assert code == 0
    assert (checked["regions"], checked["edges"], checked["proven"]) == (5, 5, True)
    assert checked["domain"] == {"lower": [-0.5, -0.5], "upper": [0.5, 0.5]}
    for where in ("--whole-space", "--cube=2"):
        code, out, err = run("check", lines_file, "net.cert", where, "--json")
        refused = json.loads(out)
        assert (code, refused["proven"]) == (1, False)
        assert refused["reason"] in err
    assert "regions" not in refused


def test_a_partial_result_is_saved_and_labelled(run, large_file, tmp_path):
    code, out, err = run("enumerate", large_file, "-o", "out.npz", "--max-regions", 500)
    assert code == 3
    assert "at least" in out
    assert "not all" in err
    regions = pr.open_regions(tmp_path / "out.npz")
    assert not regions.complete
    assert 0 < len(regions) <= 500


def test_a_partial_graph_is_labelled(run, large_file, tmp_path):
    assert run("graph", large_file, "-o", "out.graphml", "--time-limit", 0.1)[0] == 3
    assert nx.read_graphml(tmp_path / "out.graphml").graph["complete"] is False


def test_a_partial_count_is_labelled(run, large_file):
    code, out, err = run("count", large_file, "--json", "--max-regions", 100)
    assert code == 3
    assert json.loads(out)["complete"] is False
    assert "not all" in err


def test_the_time_of_the_set_up_counts(monkeypatch):
    """Whatever a walk or the tree has to prepare, it does not get its whole time afterwards."""
    clock = iter(range(0, 10**6, 100))
    monkeypatch.setattr("polyregions.run.limits.time.monotonic", lambda: float(next(clock)))
    assert limits_of(time_limit=150).left.seconds == 50
    assert limits_of(time_limit=150).left.left.seconds == 0
    assert limits_of(max_regions=3).left == limits_of(max_regions=3)


def test_ctrl_c_saves_a_labelled_partial_result(run, large_file, tmp_path, monkeypatch):
    @contextmanager
    def pressing_ctrl_c(shown, text):
        assert shown is True
        yield lambda progress: signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("polyregions.cli.report.shown_progress", pressing_ctrl_c)
    code, _, err = run("enumerate", large_file, "-o", "out.npz")
    assert code == 3
    assert "not all" in err
    assert not pr.open_regions(tmp_path / "out.npz").complete


def test_ctrl_c_before_the_walk(run, lines_file, monkeypatch):
    def interrupted(path, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("polyregions.io.networks.load", interrupted)
    code, out, err = run("count", lines_file)
    assert (code, out) == (3, "")
    assert "Ctrl-C" in err


# what is refused: one sentence, exit code 2, nothing written


def refused(run, tmp_path, *args) -> str:
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1, err
    assert err.startswith("polyregions: ")
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert after == before
    return err


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ([([[np.nan, 1]], [0]), ([[1]], [0])], "finite"),
        ([([[1, 1]], [np.inf]), ([[1]], [0])], "finite"),
        ([([[1, 1]], [0]), ([[1, 1]], [0])], "layer 1"),
        ([([[1, 1]], [0, 0]), ([[1]], [0])], "shape"),
        ([([[1, 1]], [0])], "hidden"),
    ],
    ids=["NaN weight", "infinite bias", "layers do not chain", "bias length", "no hidden layer"],
)
def test_bad_networks(run, tmp_path, parameters, message):
    save(tmp_path / "net.npz", parameters)
    assert message in refused(run, tmp_path, "graph", "net.npz", "-o", "out.graphml")


@pytest.mark.parametrize("name", ["absent.npz", ".", "net.txt", "net.npz", "short.npz", "net.onnx"])
def test_unreadable_networks(run, tmp_path, lines_file, name):
    (tmp_path / "net.txt").write_text("W0")
    (tmp_path / "net.npz").write_text("W0")
    (tmp_path / "net.onnx").write_bytes(b"\x08\x07")
    (tmp_path / "short.npz").write_bytes(lines_file.read_bytes()[:-40])
    refused(run, tmp_path, "graph", name, "-o", "out.graphml")
    refused(run, tmp_path, "enumerate", name, "-o", "out.npz")
    refused(run, tmp_path, "count", name)
    refused(run, tmp_path, "info", name)


def test_an_operator_that_is_not_supported_is_named(run, tmp_path):
    onnx = pytest.importorskip("onnx")
    tensor = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Softplus", ["x"], ["y"])],
        "net",
        [tensor("x", onnx.TensorProto.FLOAT, [1, 2])],
        [tensor("y", onnx.TensorProto.FLOAT, [1, 2])],
    )
    onnx.save(onnx.helper.make_model(graph), tmp_path / "net.onnx")
    message = refused(run, tmp_path, "graph", "net.onnx", "-o", "out.graphml")
    assert "Softplus" in message
    assert "Relu" in message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--box", "1", "-1"], "swap"),
        (["--cube", "-1"], "positive"),
        (["--cube", "0"], "fixed"),
        (["--box", "2", "2"], "fixed"),
        (["--box", "nan", "1"], "finite"),
        (["--cube", "inf"], "finite"),
        (["--box-file", "absent.vnnlib"], "absent.vnnlib"),
        (["--box-file", "short.vnnlib"], "3 inputs"),
        (["--box-file", "fixed.vnnlib"], "fixed"),
        (["--box-file", "reversed.vnnlib"], "X_0"),
        (["--box-file", "open.vnnlib"], ""),
        (["--box-file", "text.vnnlib"], ""),
        (["--cube", "1", "--whole-space"], "one of them"),
        (["--cube", "1", "--box", "0", "1"], "one of them"),
        (["--box", "1"], "--box"),
        (["--cube", "wide"], "--cube"),
        (["--max-regions", "0"], "limit"),
        (["--time-limit", "-1"], "limit"),
        (["--time-limit", "nan"], "limit"),
        (["--threads", "0"], "threads"),
        (["--tolerance", "1e-9"], "--tolerance"),
    ],
    ids=" ".join,
)
def test_bad_options(run, tmp_path, lines_file, options, message):
    (tmp_path / "short.vnnlib").write_text(vnnlib(("-1", "1"), ("-1", "1"), ("-1", "1")))
    (tmp_path / "fixed.vnnlib").write_text(vnnlib(("1", "1"), ("0", "0")))
    (tmp_path / "reversed.vnnlib").write_text(vnnlib(("1", "-1"), ("0", "1")))
    (tmp_path / "open.vnnlib").write_text("(declare-const X_0 Real)\n(declare-const X_1 Real)\n")
    (tmp_path / "text.vnnlib").write_text("-1 1")
    assert message in refused(run, tmp_path, "count", lines_file, *options)
    assert message in refused(run, tmp_path, "graph", lines_file, "-o", "out.gexf", *options)


@pytest.mark.parametrize(
    ("command", "output", "message"),
    [
        ("graph", "out.txt", ".graphml"),
        ("graph", "out", ".graphml"),
        ("enumerate", "out.csv", ".npz"),
        ("graph", "absent/out.json", "folder"),
        ("enumerate", "absent/out.npz", "folder"),
        ("enumerate", "folder.npz", "folder"),
    ],
)
def test_bad_outputs_are_refused_before_the_work(
    run, tmp_path, large_file, command, output, message
):
    (tmp_path / "folder.npz").mkdir()
    assert message in refused(run, tmp_path, command, large_file, "-o", output)


def test_the_network_file_is_never_overwritten(run, tmp_path, lines_file):
    (tmp_path / "net.npz").write_bytes(lines_file.read_bytes())
    assert "network" in refused(run, tmp_path, "enumerate", "net.npz", "-o", "./net.npz")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_folder(run, tmp_path, large_file):
    (tmp_path / "locked").mkdir(mode=0o555)
    message = refused(run, tmp_path, "enumerate", large_file, "-o", "locked/out.npz")
    assert "written" in message


@pytest.mark.parametrize("args", [["unknown"], ["graph"], ["enumerate", "net.npz"]])
def test_usage_errors(run, tmp_path, args):
    refused(run, tmp_path, *args)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["cuont"], "; see polyregions --help"),
        (["count", "--max-region", "5"], "; see polyregions count --help"),
        (["graph"], "; see polyregions graph --help"),
    ],
)
def test_usage_errors_name_the_help_to_read(run, tmp_path, args, message):
    said = refused(run, tmp_path, *args)
    assert message in said
    assert "?;" not in said


@pytest.mark.parametrize(
    ("error", "message"),
    [(OSError(28, "No space left on device"), "No space"), (MemoryError(), "memory")],
)
def test_a_failure_while_saving(run, tmp_path, lines_file, monkeypatch, error, message):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(np.lib.format, "write_array", fail)
    code, out, err = run("enumerate", lines_file, "-o", "out.npz")
    assert (code, out) == (2, "")
    assert message in err
    assert not list(tmp_path.iterdir())


def test_help(run):
    code, out, _ = run("--help")
    assert code == 0
    for command in ("count", "enumerate", "graph", "info"):
        assert command in out
        assert "--cube" in run(command, "--help")[1]


# the process around it


def command(*args, **options) -> subprocess.Popen:
    code = "import sys; from polyregions.cli import main; sys.exit(main())"
    return subprocess.Popen([sys.executable, "-c", code, *args], text=True, **options)


@pytest.mark.slow
def test_a_reader_that_stops_reading_is_no_error(lines_file):
    with command("count", str(lines_file), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        run.stdout.close()
        assert "Error" not in run.stderr.read()
        assert run.wait() == 0


@pytest.mark.slow
def test_progress_is_a_line_now_and_then(run, large_file, monkeypatch):
    monkeypatch.setattr("polyregions.run.progress._SECONDS_BETWEEN_LINES", 0.0)
    _, out, err = run("count", large_file, "--json", "--max-regions", 50_000)
    assert "regions/s" in err
    assert json.loads(out)["regions"] > 0


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled here")
def test_compilation_is_announced_once(capsys, monkeypatch):
    with announced_compilation() as told:
        numba.njit(lambda x: x + 1)(1)
        assert not told()  # not a kernel of this package
        monkeypatch.setattr(start._ANNOUNCER, "told", False)
        for argument in (1, 1.0):
            numba.njit(kernel_like)(argument)
        assert told()
    assert capsys.readouterr().err.count("compiling") == 1


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled here")
def test_compilation_is_announced_in_python(caplog, monkeypatch):
    monkeypatch.setattr(start._ANNOUNCER, "told", False)
    numba.njit(kernel_like)(1)
    assert [record.name for record in caplog.records] == ["polyregions"]
    assert "compiling kernels" in caplog.text


def kernel_like(x):
    return x + 1


kernel_like.__module__ = "polyregions.kernels"


# real networks


@pytest.mark.slow
@pytest.mark.parametrize(
    ("net", "box", "regions"), [("vdp", "vdp_0", 21_019), ("tiny", None, None)]
)
def test_real_networks(run, shared_data, tmp_path, net, box, regions):
    where = [] if box is None else ["--box-file", shared_data / "boxes" / f"{box}.vnnlib"]
    network = shared_data / "nets" / f"{net}.onnx"
    code, out, _ = run("count", network, *where, "--json")
    result = json.loads(out)
    assert (code, result["complete"], result["proven"]) == (0, True, True)
    assert regions in (None, result["regions"])
    assert run("graph", network, *where, "-o", "out.graphml")[0] == 0
    graph = nx.read_graphml(tmp_path / "out.graphml", node_type=int)
    assert graph.number_of_nodes() == result["regions"]
    assert graph.number_of_edges() == result["edges"]
    assert nx.is_connected(graph)


def test_explore(run, lines_file, tmp_path):
    code, out, err = run("explore", lines_file, "--at", "-0.1,-0.2", "--depth", "1")
    assert (code, err) == (0, "")
    assert "\n3 regions, 2 edges (proven, a selection)" in out
    assert "by facets to cross: 1, 2 (whole to 1)" in out
    point = tmp_path / "x.npy"
    np.save(point, [0.1, 0.2])
    for name in ("near.npz", "near.gexf"):
        output = tmp_path / name
        asked = ("explore", lines_file, "--at", point, "--regions", 3, "-o", output, "--json")
        code, out, _ = run(*asked)
        said = json.loads(out)
        assert code == 0
        assert said["regions_by_distance"] == [1, 2]
        assert (said["depth"], said["stopped"], said["output"]) == (0, "regions", str(output))
    found = pr.open_regions(tmp_path / "near.npz")
    assert (len(found), found.complete) == (3, False)
    assert found[said["start"]].bits.tolist() == [1, 1, 0]
    assert len(nx.read_gexf(tmp_path / "near.gexf")) == 3
    code, out, _ = run("explore", lines_file, "--at", "0.1,0.2", "--radius", 0.15, "--json")
    assert json.loads(out)["complete"]
    code, _, err = run("explore", lines_file, "--at", "0,0.1", "--depth", 9, "--time-limit", 1e-9)
    assert code == 3
    assert "at the limit of --time-limit" in err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--at", "a,b", "--depth", 1], "--at a,b is no point"),
        (["--at", "0.1", "--depth", 1], "shape (2,)"),
        (["--at", "0.1,nan", "--depth", 1], "finite"),
        (["--at", "3,3", "--depth", 1], "outside the domain"),
        (["--at", "0,0"], "how far to explore"),
        (["--at", "0,0", "--depth", -1], "at least 0"),
        (["--at", "none.npy", "--depth", 1], "none.npy"),
        (["--at", "0,0", "--depth", 1, "-o", "out.csv"], ".npz"),
        (["--depth", 1], "--at"),
    ],
)
def test_explore_says_what_is_wrong(run, lines_file, args, said):
    code, out, err = run("explore", lines_file, *args)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_graph_with_attributes(run, lines_file, tmp_path):
    output = tmp_path / "graph.json"
    assert run("graph", lines_file, "--attributes", "class,volume", "-o", output)[0] == 0
    nodes = json.loads(output.read_text())["nodes"]
    assert sum(node["volume"] for node in nodes) == 4.0
    assert {node["class"] for node in nodes} == {0, 1}
    code, _, err = run("graph", lines_file, "--attributes", "size", "-o", output)
    assert code == 2
    assert "class, outputs, gradient" in err


def test_a_count_that_is_ended_says_how_many_regions_there_are_at_most(run, lines_file):
    options = ("count", lines_file, "--method", "tree", "--max-regions", "3")
    code, out, _ = run(*options)
    assert code == 3
    assert "at least 3 and at most 7 regions (proven, partial)" in out
    code, out, _ = run(*options, "--json")
    result = json.loads(out)
    assert code == 3
    assert (result["regions"], result["at_most"], result["complete"]) == (3, 7, False)
