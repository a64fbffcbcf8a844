"""`progress=True`: what is shown, where, and that every long call takes it."""

import inspect
import io
import subprocess
import sys
import types

import pytest
from rich.console import Console

import polyregions as pr
from polyregions.run import progress as display
from polyregions.run.progress import Progress

SQUARE = pr.Box.cube(2, 1.0)


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr(display, "_SECONDS_BETWEEN_LINES", 0.0)


@pytest.fixture
def terminal(monkeypatch):
    """A terminal on stderr, and what was written there."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    monkeypatch.setattr(display, "the_console", lambda: console)
    return stream


def long_calls(net, tmp_path):
    """Every long call on a small network, by name, with its progress to be given."""
    from polyregions.theory.draws import Settings

    regions = pr.enumerate_regions(net, SQUARE)
    pr.certify(regions, tmp_path / "known.cert")
    laws = [Settings((2, 4))]
    return {
        "certify": lambda **more: pr.certify(regions, tmp_path / "net.cert", **more),
        "check": lambda **more: pr.check(net, tmp_path / "known.cert", **more),
        "count_regions": lambda **more: pr.count_regions(net, SQUARE, **more),
        "count_tree": lambda **more: pr.count_tree(net, SQUARE, **more),
        "count_with_checkpoint": lambda **more: pr.count_with_checkpoint(
            net, SQUARE, tmp_path / "unfinished", **more
        ),
        "enumerate_regions": lambda **more: pr.enumerate_regions(net, SQUARE, **more),
        "enumerate_to_file": lambda **more: pr.enumerate_to_file(
            net, SQUARE, tmp_path / "net.npz", **more
        ),
        "estimate_regions": lambda **more: pr.estimate_regions(net, SQUARE, **more),
        "export": lambda **more: pr.export(regions, tmp_path / "net.json", **more),
        "explore": lambda **more: pr.explore(net, [0.1, 0.1], depth=2, **more),
        "shortest_path": lambda **more: pr.shortest_path(net, [0.1, 0.1], [-1, -1], **more),
        "level": lambda **more: pr.level(net, SQUARE, **more),
        "boundary": lambda **more: pr.boundary(net, SQUARE, **more),
        "where": lambda **more: pr.where(net, SQUARE, above=0.0, **more),
        "equal": lambda **more: pr.equal(net, net, SQUARE, **more),
        "equal_classes": lambda **more: pr.equal_classes(*signs(net), SQUARE, **more),
        "lipschitz": lambda **more: pr.lipschitz(net, SQUARE, **more),
        "nearest": lambda **more: pr.nearest(net, [0.1, 0.1], SQUARE, level=1.0, **more),
        "maximum": lambda **more: pr.maximum(net, SQUARE, **more),
        "minimum": lambda **more: pr.minimum(net, SQUARE, **more),
        "simplify": lambda **more: pr.simplify(net, SQUARE, regions=regions, **more),
        "unit_bounds": lambda **more: pr.unit_bounds(net, SQUARE, regions=regions, **more),
        "verify": lambda **more: pr.verify(net, far_away(), **more),
        "verify_boundaries": lambda **more: pr.verify_boundaries(laws[0], 2, points=2, **more),
        "verify_grid": lambda **more: pr.verify_grid(laws, 2, **more),
        "verify_theorem5": lambda **more: pr.verify_theorem5((2, 4), draws=2, **more),
    }


def signs(net):
    """Two networks that choose a class by the sign of an output, one of them by twice it."""
    return [net.compose(pr.linear([[scale], [-scale]])) for scale in (1.0, 2.0)]


def far_away():
    """A property that holds, and is not settled at the first look."""
    from polyregions.questions.property import read_property

    names = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
    sides = "(assert (and (>= X_0 -1) (<= X_0 1) (>= X_1 -1) (<= X_1 1)))"
    return read_property(f"{names}{sides}(assert (>= Y_0 1000))")


ELSEWHERE = {"certify_on_cluster", "count_on_cluster", "enumerate_on_cluster", "compile_kernels"}


@pytest.mark.slow
def test_every_long_call_shows_its_progress_on_stderr(three_lines, tmp_path, often, capsys):
    calls = long_calls(three_lines, tmp_path)
    functions = {name: getattr(pr, name) for name in pr.__all__}
    taking = {
        name
        for name, function in functions.items()
        if inspect.isfunction(function) and "progress" in inspect.signature(function).parameters
    }
    assert taking == set(calls) | ELSEWHERE
    for name, call in calls.items():
        call(progress=True)
        out, err = capsys.readouterr()
        assert out == "", name
        assert any(word in err for word in ("regions", "draws", "probes", "boxes")), name
        seen = []
        call(progress=lambda *state, seen=seen: seen.append(state))
        assert seen, name
        assert capsys.readouterr() == ("", ""), name
        with pytest.raises(pr.PolyregionsError, match="progress is True, to show it") as caught:
            call(progress=3)
        assert "\n" not in str(caught.value)


def test_experiments_take_it(often, capsys):
    from polyregions.experiments.runner import run_jobs

    assert run_jobs("nothing", {}, [], progress=True) == {}
    with display.shown_rows(True) as report:
        report(1, 2, {"width": 3})
    assert "1 of 2 rows, last {'width': 3}" in capsys.readouterr().err


def test_live_in_a_terminal(terminal, three_lines):
    pr.enumerate_regions(three_lines, SQUARE, progress=True)
    shown = terminal.getvalue()
    assert "7 regions, 0 of them to be visited" in shown
    # the cursor is hidden, and comes back
    assert 0 <= shown.index("\x1b[?25l") < shown.index("\x1b[?25h")


def test_a_live_text_beside_another(terminal, often):
    with (
        display.shown_progress(True) as outer,
        display.shown_steps(True, "files", "sorted") as inner,
    ):
        outer(Progress(1, 2, 3, 4.0))
        inner(1, 2)
    assert "1 regions, 2 of them to be visited" in terminal.getvalue()


BARS = []


class Bar:
    """What of tqdm is used."""

    def __init__(self, **options):
        self.n, self.total, self.texts, self.closed = 0, None, [options["desc"]], False
        BARS.append(self)

    def set_description_str(self, text, refresh):
        self.texts.append(text)

    def update(self, more):
        self.n += more

    def refresh(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.closed = True


def in_notebook(monkeypatch):
    shell = type("Shell", (type("ZMQInteractiveShell", (), {}),), {})()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))


def test_a_bar_in_a_notebook(monkeypatch, three_lines, capsys):
    in_notebook(monkeypatch)
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(auto=None))
    BARS.clear()
    pr.enumerate_regions(three_lines, SQUARE, progress=True)
    with display.shown_steps(True, "draws", "made") as report:
        report(2, 5)
    walk, steps = BARS
    assert (walk.n, walk.total, walk.closed) == (7, None, True)
    assert walk.texts[-1].startswith("7 regions, 0 of them to be visited, 9 edges")
    assert (steps.n, steps.total, steps.texts[-1]) == (2, 5, "2 of 5 draws made")
    assert capsys.readouterr() == ("", "")


def test_without_tqdm_a_notebook_has_lines(monkeypatch, often, three_lines, capsys):
    in_notebook(monkeypatch)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    pr.enumerate_regions(three_lines, SQUARE, progress=True)
    assert "7 regions" in capsys.readouterr().err


def test_tqdm_itself(monkeypatch, capsys):
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    from tqdm.std import tqdm

    monkeypatch.setattr(display, "_notebook_bar", lambda: tqdm)
    with display.shown_steps(True, "draws", "made") as report:
        for done in range(1, 4):
            report(done, 3)
    with display.shown_progress(True) as report:
        report(Progress(5, 1, 4, 0.5))
    out, err = capsys.readouterr()
    assert out == ""
    assert "3 of 3 draws made: 100%" in err
    assert "5 regions, 1 of them to be visited" in err


@pytest.mark.slow
def test_nothing_is_imported_before_it_is_needed():
    code = (
        "import sys, polyregions as pr\n"
        "net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])\n"
        "pr.explore(net, [0.5], depth=1)\n"
        "assert not {'rich', 'tqdm', 'IPython'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
