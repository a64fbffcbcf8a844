"""Mistakes that a new user makes: each ends in one sentence that says what to do."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import shellingham
from documented import DOCUMENTED

import polyregions as pr
from polyregions.cli import main
from polyregions.io import load_box
from polyregions.regions import check_region, check_regions
from polyregions.scale.saved_runs import enumerate_to_file
from polyregions.tree.estimation import estimate_regions
from polyregions.tree.subdivision import count_tree
from polyregions.walk.rational_walk import enumerate_rational

NET = pr.Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
BOX = pr.Box.cube(2, 1.0)
BOUNDS = "".join(
    f"(declare-const X_{i} Real)(assert (>= X_{i} -1))(assert (<= X_{i} 1))" for i in range(2)
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a network, three points and a box file, and nothing else."""
    monkeypatch.chdir(tmp_path)
    np.savez("net.npz", W0=NET.layers[0].weight, b0=NET.layers[0].bias, W1=[[1.0, 1, 1]], b1=[0.0])
    for name, point in {"a": [0.0, 0], "b": [1.0, 0], "long": [1.0, 2, 3]}.items():
        np.save(f"{name}.npy", point)
    Path("box.vnnlib").write_text(BOUNDS)
    Path("there").mkdir()
    return tmp_path


# a command line, and a word of the sentence that it gets
COMMANDS = {
    "cuont net.npz": "did you mean",
    "help": "--help",
    "--cube 1 net.npz": "--cube",
    "count net.npz --cubes 1": "--cube",
    "count net.npz --cube": "--cube",
    "count net.npz --cube one": "--cube",
    "count net.npz --box -1": "--box",
    "count net.npz --box=-1,1": "--box",
    "count net.npz other.npz": "other.npz",
    "count net": ".onnx",
    "count .": "network file",
    "count net.npz --method dfs": "tree",
    "count net.npz --threads many": "--threads",
    "count net.npz --threads 2.5": "--threads",
    "count net.npz --threads 1000000": "threads",
    "count net.npz --max-regions 1e3": "--max-regions",
    "count net.npz --max-regions -5": "at least 1",
    "count net.npz --time-limit 5s": "--time-limit",
    "count net.npz --time-limit 0": "positive",
    "count net.npz --memory 2": "unit",
    "count net.npz --memory lots": "2G",
    "count net.npz --json=yes": "--json",
    "count net.npz --fix x=1": "--fix",
    "count net.npz --fix 0": "--fix",
    "count net.npz --fix 9=0": "0 to 1",
    "count net.npz --fix 0=0 --fix 1=0": "",
    "count net.npz --fix 0=0 --fix 0=1": "twice",
    "count net.npz --whole-space --cube 1": "one of them",
    "count net.npz --polytope net.npz": "",
    "count net.npz --polytope absent.npz": "absent.npz",
    "count net.npz --box-file net.npz": "net.npz",
    "count net.npz --line-through a.npy": "--line-through",
    "count net.npz --line-through a.npy long.npy": "",
    "count net.npz --plane-through a.npy b.npy a.npy": "general position",
    "count net.npz --dask local": "--method tree",
    "count net.npz --method tree --memory 1G": "--memory",
    "enumerate net.npz": "-o",
    "enumerate net.npz -o out.csv": ".npz",
    "enumerate net.npz -o there": ".npz",
    "enumerate net.npz -o nowhere/out.npz": "create",
    "enumerate net.npz -o net.npz": "that is read for the network",
    "enumerate net.npz -o out.npz --dask local": ".parquet",
    "graph net.npz -o graph.dot": ".graphml",
    "graph -o graph.json": "NETWORK",
    "plot net.npz -o cells.jpg": ".png",
    "plot net.npz -o cells.png --color rainbow": "gradient",
    "plot net.npz -o cells.png --axes 0": "--axes",
    "plot net.npz -o cells.png --axes 0 5": "0 to 1",
    "plot net.npz -o cells.png --whole-space --axes 0 1": "box",
    "view net.npz -o page.htm": ".html",
    "certify net.npz -o net.npz": "that is read for the network",
    "certify net.npz -o there": "folder",
    "certify net.npz -o net.cert --resume": "--dask",
    "check net.npz": "CERT",
    "check net.npz absent.cert": "certificate",
    "info absent.npz": "absent.npz",
    "info net.npz b.npy": "b.npy",
    "linear net.npz --all": "linear --help",
    "count net.npz --method tree --checkpoint a.npy": "no checkpoint",
    "count net.npz --method tree --checkpoint net.npz": "that is read for the network",
    "count net.npz --method tree --checkpoint nowhere/unfinished": "create",
    "maximum net.npz --of 0_0": "--of",
    "maximum net.npz --of １": "--of",
    "maximum net.npz --of=-1": "--of",
    "maximum net.npz --of=1_0,2": "--of",
    "estimate net.npz --probes 1": "at least 2",
    "estimate net.npz --seed -1": "seed",
    "experiment nothing": "training",
    "experiment training --set runs": "runs",
    "experiment training --set runs=three": "",
    "experiment training --table xls": "csv",
    "theorem5": "--widths",
    "theorem5 --widths": "--widths",
    "theorem5 --widths 2": "",
    "theorem5 --widths 2 0": "",
    "theorem5 --widths 2 4 --draws 0": "",
    "theorem5 --widths 2 4 --bias cauchy": "normal",
    "theorem5 --widths 2 4 --gain two": "gain",
    "theorem5 --widths 2 4 --gain 1e100000000": "gain",
    "theorem5 --widths 2 4 --side -1": "",
    "theorem5 --widths 2 4 --plot figure.jpg": ".png",
}


@pytest.mark.parametrize("line", COMMANDS)
def test_command_lines(folder, capsys, line):
    before = sorted(folder.iterdir())
    assert main(line.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.fullmatch(r"polyregions: [^\n]{20,400}\n", printed.err), printed.err
    assert COMMANDS[line] in printed.err
    assert "internal error" not in printed.err
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("args", [["count", ""], ["enumerate", "net.npz", "-o", ""]])
def test_empty_names(folder, capsys, args):
    assert main(args) == 2
    assert re.fullmatch(r"polyregions: [^\n]+\n", capsys.readouterr().err)


class Estimator:
    """What an estimator of scikit-learn looks like after it was fitted."""

    coefs_, intercepts_ = [np.ones((2, 3)), np.ones((3, 1))], [np.zeros(3), np.zeros(1)]


COUNTERS = [
    pr.enumerate_regions,
    pr.count_regions,
    lambda network, domain: next(pr.traverse(network, domain)),
    lambda network, domain: pr.enumerate_regions(network, domain, arithmetic="rational"),
    count_tree,
    estimate_regions,
    enumerate_rational,
    lambda network, domain: enumerate_to_file(network, domain, "out.npz"),
]


@pytest.mark.parametrize(
    ("network", "meant"),
    [
        (np, "pr.load"),
        (lambda x: max(x, 0), "pr.Network.from_arrays"),
        (([[1.0, 0.0]], [0.0]), "pr.Network.from_arrays"),
        ({"W0": [[1.0, 0.0]]}, "pr.Network.from_arrays"),
        (np.ones((3, 2)), "pr.Network.from_arrays"),
        (Estimator(), "W.T"),
        (pr.Network, "instance"),
        (NET.layers[0], "pr.Network(("),
        (BOX, "first"),
        (None, "first"),
        (pr.Plane.through([0, 0, 0], [1, 0, 0], [0, 1, 0]), "restrict"),
        (3, "pr.load"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
def test_what_is_no_network(network, meant):
    for count in COUNTERS:
        with pytest.raises(pr.NetworkError) as caught:
            count(network, BOX)
        assert meant in str(caught.value)
        assert len(str(caught.value)) < 250


def test_regions_are_no_network():
    regions = pr.enumerate_regions(NET, BOX)
    for value in (regions, regions[0]):
        with pytest.raises(pr.NetworkError, match=r"regions\.network"):
            pr.count_regions(value, BOX)
        with pytest.raises(pr.DomainError, match=r"regions\.domain"):
            pr.count_regions(NET, value)


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        (NET, "first"),
        (1.0, "pr.Box.cube(2, 1.0)"),
        (True, "None"),
        ("box.vnnlib", "load_box"),
        (Path("box.vnnlib"), "load_box"),
        ((-1, 1), "pairs (low, high)"),
        ([(0, 1), (0, 1), (0, 1)], "2 pairs"),
        ([(0, 1), 2], "2 pairs"),
        ([("a", "b"), ("c", "d")], "2 pairs"),
        ([(0, 1), (2, 3)], "pr.Box(lower, upper)"),
        ([(1, 0), (0, 1)], "swap"),
        (lambda: BOX, "pr.Box"),
        (pr.Box, "pr.Box.cube"),
        (pr.Line.through([0, 0], [1, 1]), "restrict"),
        (SimpleNamespace(box=BOX), "file.box"),
    ],
)
def test_what_is_no_domain(domain, meant):
    for count in COUNTERS:
        with pytest.raises(pr.DomainError) as caught:
            count(NET, domain)
        assert meant in str(caught.value)
        assert len(str(caught.value)) < 250


def test_a_box_file_is_no_domain(folder):
    with pytest.raises(pr.DomainError, match=r"file\.(box|domain)"):
        pr.count_regions(NET, load_box("box.vnnlib"))


def test_what_has_one_meaning_works(folder):
    for count in COUNTERS:
        expected = count(NET, BOX)
        for network in ("net.npz", Path("net.npz"), folder / "net.npz"):
            assert str(count(network, BOX)).replace(" net:", " network:") == str(expected)
        for pairs in ([(-1, 1), (-1, 1)], ((-1.0, 1.0),) * 2, np.array([[-1, 1], [-1, 1]])):
            assert str(count(NET, pairs)) == str(expected)


def test_results_hold_what_was_meant(folder):
    regions = pr.enumerate_regions("net.npz", [(-1, 1), (-1, 1)])
    assert isinstance(regions.network, pr.Network)
    assert regions.domain == BOX
    region = next(pr.traverse("net.npz", [(-1, 1), (-1, 1)]))
    assert region.domain == BOX
    assert region.halfspaces().normals.shape[1] == 2


def test_a_torch_module_works():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor(NET.layers[0].weight))
        module[0].bias.copy_(torch.tensor(NET.layers[0].bias))
    assert pr.count_regions(module, BOX) == 7
    with pytest.raises(pr.NetworkError, match="instance"):
        pr.count_regions(torch.nn.Linear, BOX)


# what is asked of an argument, by its annotation, and the sentence that a wrong one gets
EXPECTED = {
    "Region": "one region is expected, not",
    "Regions": "the regions of a network are expected, not",
    "Regions | None": "the regions of a network are expected, not",
    "DecisionBoundary": "a decision boundary is expected, not",
    "Network": "a network is expected, not",
    "NetworkLike": "a network is expected, not",
    "str | Path": "a path is expected, not",
}
TAKEN = {
    "Region": pr.Region,
    "Regions": pr.Regions,
    "Regions | None": pr.Regions,
    "DecisionBoundary": (),
    "Network": (pr.Network, Path),
    "NetworkLike": (pr.Network, Path),
    "str | Path": Path,
}
WRONG = [NET, BOX, pr.enumerate_regions(NET, BOX), [NET], 3, Path("net.npz"), BOX.contains]
WRONG.append(WRONG[2][0])


def arguments_that_are_checked():
    """The first arguments of all public functions, and those for regions, in analysis of all."""
    analysis = importlib.import_module("polyregions.analysis").__path__
    rooms = {f"analysis.{room.name}": [] for room in pkgutil.iter_modules(analysis)}
    for name, public in {**rooms, **DOCUMENTED}.items():
        room = importlib.import_module(f"polyregions.{name}")
        for function in [getattr(room, e) for e in (room.__all__ if name in rooms else public)]:
            if inspect.isfunction(function):
                first, *others = inspect.signature(function).parameters.values()
                for argument in [first, *(p for p in others if "Regions" in str(p.annotation))]:
                    asked = function.__name__ in public or "Region" in str(argument.annotation)
                    if asked and argument.annotation in EXPECTED:
                        yield pytest.param(
                            function, argument, id=f"{name}.{function.__name__}-{argument.name}"
                        )


CHECKED = list(arguments_that_are_checked())


@pytest.mark.parametrize(("function", "argument"), CHECKED)
def test_what_a_function_is_not_made_for(function, argument):
    """Functions are found by their annotations, so that a new one is asked, too."""
    right = {"network": NET, "domain": BOX, "box": BOX, "regions": WRONG[2]}
    right["path"] = {"write_page": "out.html"}.get(function.__name__, "out.parquet")
    others = {
        p.name: right.get(p.name, 0)
        for p in inspect.signature(function).parameters.values()
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    }
    for wrong in WRONG:
        if isinstance(wrong, TAKEN[argument.annotation]):
            continue
        with pytest.raises(pr.PolyregionsError) as caught:
            for _ in function(**(others | {argument.name: wrong})):
                pass  # a generator is asked for its items
        message = str(caught.value)
        assert message.startswith(EXPECTED[argument.annotation]), message
        assert ": " in message or "; " in message
        assert len(message) < 250


def test_they_are_many():
    assert len(CHECKED) > 50


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        (NET, "pr.enumerate_regions(network, domain) finds them"),
        (BOX, "of a network in it"),
        ("net.npz", "pr.open_regions(path)"),
        (pr.traverse(NET, BOX), "not some of them"),
        (None, "pr.enumerate_regions"),
        (pr.Regions, "pr.enumerate_regions"),
    ],
)
def test_what_are_no_regions(wrong, meant):
    with pytest.raises(pr.PolyregionsError, match=re.escape(meant)):
        check_regions(wrong)
    with pytest.raises(pr.PolyregionsError, match=re.escape("regions[i] is one of those")):
        check_region(wrong)


CALLS = {
    "load a number": (lambda: pr.load(3), "path"),
    "load a network": (lambda: pr.load(NET), "path"),
    "load nothing": (lambda: pr.load(None), "path"),
    "load without a suffix": (lambda: pr.load("net"), ".onnx"),
    "open regions of a number": (lambda: pr.open_regions(3), "path"),
    "a network of a path": (lambda: pr.Network("net.npz"), "polyregions.load"),
    "a network of arrays": (lambda: pr.Network([np.ones((3, 2))]), "from_arrays"),
    "from a path": (lambda: pr.Network.from_arrays("net.npz"), "[(W0, b0)"),
    "from weights alone": (lambda: pr.Network.from_arrays([np.ones((3, 2))]), "[(W0, b0)"),
    "from a number": (lambda: pr.Network.from_arrays(3), "[(W0, b0)"),
    "a box of half a dimension": (lambda: pr.Box.cube(2.5, 1.0), "whole number"),
    "a box of no dimension": (lambda: pr.Box.cube(0, 1.0), "whole number"),
    "a box of words": (lambda: pr.Box(["a"], ["b"]), "numbers"),
    "a box of one bound": (lambda: pr.Box([0, 0], 1), "as many"),
    "fix in a file": (lambda: pr.fix("net.npz", {0: 1.0}), "polyregions.load"),
    "fix a list": (lambda: pr.fix(NET, [(0, 1.0)]), "fix(network, {"),
    "threads in words": (lambda: pr.count_regions(NET, BOX, threads="2"), "whole number"),
    "half a thread": (lambda: pr.enumerate_regions(NET, BOX, threads=0.5), "whole number"),
    "a limit in words": (lambda: pr.enumerate_regions(NET, BOX, max_regions="9"), "whole number"),
    "a limit in seconds": (lambda: pr.enumerate_regions(NET, BOX, time_limit="9s"), "seconds"),
    "memory in words": (lambda: pr.enumerate_regions(NET, BOX, memory="2G"), "bytes"),
    "an arithmetic": (lambda: pr.enumerate_regions(NET, BOX, arithmetic="exact"), "certified"),
    "a box of three": (lambda: pr.enumerate_regions(NET, pr.Box.cube(3, 1.0)), "one interval"),
}


@pytest.mark.parametrize("call", CALLS)
def test_calls(call):
    make, meant = CALLS[call]
    with pytest.raises(pr.PolyregionsError) as caught:
        make()
    message = str(caught.value)
    assert meant in message
    assert len(message) < 300
    assert "\n" not in message


# the program's own faults


@pytest.mark.parametrize("error", [ZeroDivisionError("one\ntwo"), KeyError("x"), AssertionError()])
def test_a_fault_of_the_program_says_so(capsys, monkeypatch, error):
    def fail(*args, **options):
        raise error

    monkeypatch.setattr("polyregions.cli.simplify.options.read_task", fail)
    monkeypatch.delenv("POLYREGIONS_TRACEBACK", raising=False)
    assert main(["info", "net.npz"]) == 70
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.fullmatch(r"polyregions: internal error \([^\n]*\); [^\n]*\n", printed.err)
    assert "Traceback" not in printed.err
    assert "POLYREGIONS_TRACEBACK" in printed.err
    monkeypatch.setenv("POLYREGIONS_TRACEBACK", "1")
    assert main(["info", "net.npz"]) == 70
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.slow
def test_the_examples_of_every_help_are_command_lines(folder, capsys):
    from polyregions.cli import EXAMPLES, app

    for lines in EXAMPLES.values():
        assert len(lines) in ((1,) if lines[0].startswith("polyregions compile") else (2, 3))
        for line in lines:
            args = line.partition("#")[0].split()[1:]
            # parsed, not run
            assert callable(app(args=args, prog_name="polyregions", standalone_mode=False))
    assert {"polyregions", *(info.name for info in app.registered_commands)} == set(EXAMPLES)
    for name in EXAMPLES:
        assert main([name, "--help"] if name != "polyregions" else []) == 0
        printed = capsys.readouterr().out
        assert "..." not in printed.partition("Options:")[2]
        assert "Examples:" in printed
        assert "docs/" in printed
        assert f"  {EXAMPLES[name][0]}\n" in printed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(capsys, monkeypatch, shell):
    monkeypatch.setattr("shellingham.detect_shell", lambda *_: (shell, f"/bin/{shell}"))
    assert main(["--show-completion"]) == 0
    assert "polyregions" in capsys.readouterr().out


def test_completion_for_no_shell(capsys, monkeypatch):
    """As where a program of another kind is the parent."""

    def none(*_):
        raise shellingham.ShellDetectionFailure

    monkeypatch.setattr("shellingham.detect_shell", none)
    assert main(["--show-completion"]) == 2
    said = capsys.readouterr().err
    # typer says one of these, depending on its version
    assert "not supported" in said or "ShellDetectionFailure" in said
    assert "Ctrl-C" not in said


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"polyregions {pr.__version__}\n"
