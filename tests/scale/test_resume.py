"""A walk that is killed, stopped or out of disk loses nothing but the last seconds."""

import errno
import json
import os
import random
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from random_nets import FAMILIES, random_case
from slivers import slivers

import polyregions as pr
from polyregions.cli import main
from polyregions.cli.saving import bytes_of
from polyregions.errors import CheckpointError, FormatError, PolyregionsError
from polyregions.files.archives import write_npz
from polyregions.io import save_network
from polyregions.run.limits import limits_of
from polyregions.run.problem import identity_of, problem_of
from polyregions.run.progress import Interrupt
from polyregions.scale import enumerate_to_file, saved_runs
from polyregions.scale.checkpoint import Totals, append, open_checkpoint, read_chunks
from polyregions.scale.saved_state import Mark, added, mark, restored
from polyregions.walk.steps import drive
from polyregions.walk.walk_state import root_state

KILLS = {("generic", ".npz"): 7, ("degenerate", ".npz"): 7, ("degenerate", ".parquet"): 6}


def network_of(family: str) -> pr.Network:
    """Tens of thousands of regions; of small integers, some wait and take exact arithmetic."""
    rng = np.random.default_rng(1)
    layers = []
    for into, out in pairwise((4, 20, 16, 1) if family == "generic" else (4, 16, 16, 1)):
        weight, bias = rng.normal(size=(out, into)) * np.sqrt(2 / into), rng.normal(size=out) * 0.3
        if family == "degenerate":
            weight, bias = rng.integers(-3, 4, size=(out, into)), rng.integers(-2, 3, size=out)
        layers.append((weight, bias))
    return pr.Network.from_arrays(layers, name=family)


def contents(path: Path) -> dict[str, bytes]:
    """Every byte of a result, a file or a folder."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return {str(file.relative_to(path)): file.read_bytes() for file in files if file.is_file()}


def small(units: int = 10) -> tuple[pr.Network, pr.Box]:
    """Some hundred regions in the cube."""
    rng = np.random.default_rng(7)
    shapes = ((units, 3), (units, units), (1, units))
    layers = [(rng.normal(size=shape), rng.normal(size=shape[0]) / 3) for shape in shapes]
    return pr.Network.from_arrays(layers), pr.Box.cube(3, 1.0)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """Power does not fail in a test."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


# killed


def start(launcher, *arguments) -> int:
    """Start the program in a child of a launcher; its process number."""
    launcher.stdin.write(json.dumps([str(argument) for argument in arguments]).encode() + b"\n")
    return int(launcher.stdout.readline())


def ended(launcher, timeout: float) -> bool:
    """Whether the program ends within so many seconds."""
    return bool(select.select([launcher.stdout], [], [], timeout)[0])


def exit_code(launcher) -> int:
    return int(launcher.stdout.readline())


@pytest.mark.slow
@pytest.mark.parametrize(("family", "suffix"), list(KILLS))
def test_killed_at_random_moments(family, suffix, tmp_path):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    save_network(network_of(family), tmp_path / "net.npz")
    whole, output = tmp_path / f"whole{suffix}", tmp_path / f"out{suffix}"
    folder = tmp_path / f"out{suffix}.checkpoint"
    run = ["enumerate", tmp_path / "net.npz", "--cube", "1", "-o"]
    moments = random.Random(family + suffix)
    kills = 0
    with (
        (tmp_path / "errors").open("w+") as errors,
        subprocess.Popen(
            [sys.executable, Path(__file__).parents[1] / "launcher.py"],
            bufsize=0,
            # a checkpoint after every step: most moments fall into the writing of one
            env=os.environ | {"POLYREGIONS_CHECKPOINT_SECONDS": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as launcher,
    ):
        # once for the kernels, once to know when the walk begins and how long it takes
        start(launcher, *run, whole)
        assert exit_code(launcher) == 0
        begin = time.monotonic()
        start(launcher, *run, output)
        while not folder.exists() and not ended(launcher, 0.001):
            pass
        first = time.monotonic() - begin
        assert exit_code(launcher) == 0
        last = time.monotonic() - begin
        assert contents(output) == contents(whole)

        while True:
            threads = moments.choice([1, 2, 3])
            process = start(launcher, *run, output, "--resume", "--threads", threads)
            moment = moments.uniform(0.9 * first, first + 0.7 * (last - first))
            if kills < KILLS[family, suffix] and not ended(launcher, moment):
                with suppress(ProcessLookupError):  # it may end just now
                    os.kill(process, signal.SIGKILL)
            code = exit_code(launcher)
            if code == -signal.SIGKILL:
                kills += 1
                continue
            assert code == 0, (tmp_path / "errors").read_text()
            assert contents(output) == contents(whole)
            if kills == KILLS[family, suffix]:
                break
            shutil.rmtree(output) if output.is_dir() else output.unlink()
        launcher.stdin.close()
        assert launcher.wait() == 0
    assert names(tmp_path) == sorted(["errors", "net.npz", output.name, whole.name])


@pytest.mark.slow
def test_ctrl_c_keeps_a_checkpoint(tmp_path):
    net, box = network_of("generic"), pr.Box.cube(4, 1.0)
    enumerate_to_file(net, box, tmp_path / "whole.npz")

    def press(progress):
        if progress.regions > 5_000:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        enumerate_to_file(net, box, tmp_path / "out.npz", progress=press)
    partial = pr.open_regions(tmp_path / "out.npz")
    assert not partial.complete
    written = enumerate_to_file(
        net, box, tmp_path / "out.npz", progress=press, resume=True, on_interrupt="return"
    )
    assert written.stopped == "interrupt"
    assert written.checkpoint == tmp_path / "out.npz.checkpoint"
    more = pr.open_regions(tmp_path / "out.npz")
    assert len(partial) <= len(more) == written.regions
    written = enumerate_to_file(net, box, tmp_path / "out.npz", resume=True)
    assert written.complete
    assert written.checkpoint is None
    assert contents(tmp_path / "out.npz") == contents(tmp_path / "whole.npz")


# any number of steps of any size gives the same bytes


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_step_by_step(family, suffix, tmp_path):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    moments = random.Random(family)
    net, box = random_case(family, 5, units=12)
    whole, output = tmp_path / f"whole{suffix}", tmp_path / f"out{suffix}"
    written = enumerate_to_file(net, box, whole)
    assert written.complete
    steps = done = 0
    while True:
        done += moments.randint(1, 1 + written.regions // 4)
        part = enumerate_to_file(
            net,
            box,
            output,
            resume=steps > 0,
            threads=moments.choice([1, 2, 3]),
            max_regions=done,
            interval=moments.choice([0, 60]),
        )
        steps += 1
        assert part.complete or part.stopped == "regions"
        assert part.regions <= done
        assert pr.open_regions(output).complete == part.complete
        if part.complete:
            break
    assert contents(output) == contents(whole)
    assert names(tmp_path) == sorted([whole.name, output.name])


@pytest.mark.slow
@pytest.mark.parametrize("keep", [True, False])
def test_the_state_itself_survives(tmp_path, keep):
    problem = problem_of(network_of("degenerate"), pr.Box.cube(4, 1.0))
    found, saved = root_state(problem), Mark()
    identity = identity_of(problem)
    with open_checkpoint(tmp_path / "walk", identity, resume=False) as checkpoint:
        for regions in (1, 4000, 15_000, 24_500, 24_900):
            drive(problem, found, limits=limits_of(max_regions=regions), interrupt=Interrupt())
            append(checkpoint, added(found, saved), mark(found).totals)
            saved = mark(found)
    assert found.resolving  # in the middle of the turn of those that wait,
    assert found.open
    assert found.expanded < found.count  # while others are pending
    with open_checkpoint(tmp_path / "walk", identity, resume=True) as checkpoint:
        again = restored(problem, checkpoint, keep=keep)
    for name in ("count", "expanded", "exact_decisions", "resolving", "open", "edges_found"):
        assert getattr(again, name) == getattr(found, name), name
    count, opened = found.count, list(found.open)
    np.testing.assert_array_equal(again.store.patterns[:count], found.store.patterns[:count])
    pending = slice(found.expanded, count)
    np.testing.assert_array_equal(again.store.bases[pending], found.store.bases[pending])
    np.testing.assert_array_equal(again.store.points[pending], found.store.points[pending])
    np.testing.assert_array_equal(again.store.known[pending], found.store.known[pending])
    assert again.store.counters["round"] == found.store.counters["round"] > 0
    np.testing.assert_array_equal(again.store.points[opened], found.store.points[opened])
    if keep:
        np.testing.assert_array_equal(again.store.points[:count], found.store.points[:count])
        np.testing.assert_array_equal(
            again.store.edges[: again.n_edges], found.store.edges[: found.n_edges]
        )
    known = found.prefixes.totals[0]["registered"]
    assert again.prefixes.totals[0]["registered"] == known > 100
    for name in ("keys", "parents", "points"):
        left, right = getattr(again.prefixes, name), getattr(found.prefixes, name)
        np.testing.assert_array_equal(left[:known], right[:known])


@pytest.mark.slow
def test_exact_witnesses_survive(tmp_path):
    tried = 0
    for number, (_, net, box) in enumerate(slivers()):
        regions = pr.enumerate_regions(net, box)
        if not regions.exact_witnesses or tried == 8:
            continue
        tried += 1
        regions.save(tmp_path / "memory.npz")
        output = tmp_path / f"{number}.npz"
        for done in range(1, len(regions) + 1):
            enumerate_to_file(net, box, output, resume=True, max_regions=done, interval=0)
        assert contents(output) == contents(tmp_path / "memory.npz")
    assert tried == 8


def test_the_same_bytes_as_a_walk_in_memory(three_lines, tmp_path):
    box = pr.Box.cube(2, 1.0)
    pr.enumerate_regions(three_lines, box).save(tmp_path / "memory.npz")
    enumerate_to_file(three_lines, box, tmp_path / "out.npz", threads=2)
    assert contents(tmp_path / "out.npz") == contents(tmp_path / "memory.npz")


@pytest.mark.slow
def test_degenerate_regions_wait_while_a_checkpoint_is_written(tmp_path):
    # hundreds wait: opened before one chunk is written, and decided after it
    net, box = network_of("degenerate"), pr.Box.cube(4, 1.0)
    enumerate_to_file(net, box, tmp_path / "whole.npz")
    enumerate_to_file(net, box, tmp_path / "out.npz", max_regions=25_000, interval=0)
    checkpoint = tmp_path / "out.npz.checkpoint"
    late = 0
    identity = json.loads((checkpoint / "manifest.json").read_bytes())["identity"]
    with open_checkpoint(checkpoint, identity, resume=True) as opened:
        for _, arrays in read_chunks(opened):
            late += len(arrays["late_numbers"])
    assert late > 100
    enumerate_to_file(net, box, tmp_path / "out.npz", resume=True, threads=2)
    assert contents(tmp_path / "out.npz") == contents(tmp_path / "whole.npz")


# refused: one sentence, and the checkpoint is untouched


@pytest.fixture
def stopped(tmp_path):
    """A walk that was stopped after 100 regions, in several chunks."""
    net, box = small()
    for regions in (20, 60, 100):
        enumerate_to_file(net, box, tmp_path / "out.npz", max_regions=regions, resume=True)
    assert len(list((tmp_path / "out.npz.checkpoint").glob("0*.npz"))) == 3
    return net, box, tmp_path / "out.npz"


def refused(net, box, path, match, **options) -> None:
    folder = path.with_name(path.name + ".checkpoint")
    before = contents(folder)
    with pytest.raises(CheckpointError, match=match) as error:
        enumerate_to_file(net, box, path, **({"resume": True} | options))
    assert "\n" not in str(error.value)
    assert contents(folder) == before


def test_existing_checkpoint_without_resume(stopped):
    refused(*stopped, "--resume", resume=False)


def test_checkpoint_of_another_network(stopped):
    _, box, path = stopped
    refused(small(9)[0], box, path, "another network")


@pytest.mark.parametrize("domain", [pr.Box.cube(3, np.nextafter(1.0, 2.0)), None])
def test_checkpoint_of_another_domain(stopped, domain):
    net, _, path = stopped
    refused(net, domain, path, "another domain")


def test_checkpoint_in_other_arithmetic(stopped, monkeypatch):
    # version 0.1.0 also knew walks without proofs
    wanted = saved_runs.identity_of
    monkeypatch.setattr(saved_runs, "identity_of", lambda p: wanted(p) | {"arithmetic": "float"})
    refused(*stopped, "other arithmetic")


def test_checkpoint_of_another_version(stopped, monkeypatch):
    monkeypatch.setattr(pr, "__version__", "99.0")
    refused(*stopped, "another version")


def test_checkpoint_of_0_1_0(tmp_path, monkeypatch):
    """It said nothing of rows that neighbours decided, and left fewer units out."""
    rng = np.random.default_rng(3)
    widths = (4, 48, 48, 48, 1)
    layers = [
        (rng.normal(size=(out, into)) * np.sqrt(2 / into), rng.normal(size=out) / 3)
        for into, out in pairwise(widths)
    ]
    net, box = pr.Network.from_arrays(layers), pr.Box.cube(4, 0.1)
    whole = pr.enumerate_regions(net, box)
    path = tmp_path / "out.npz"
    with monkeypatch.context() as old:
        old.setattr("polyregions.run.problem.sharper_signs", lambda *_: None)
        before = identity_of(problem_of(net, box))
        old.setattr(
            saved_runs,
            "added",
            lambda *given: {k: v for k, v in added(*given).items() if k != "known_rows"},
        )
        part = enumerate_to_file(net, box, path, max_regions=len(whole) // 2, interval=0.0)
        assert not part.complete
    assert before != identity_of(problem_of(net, box))
    assert enumerate_to_file(net, box, path, resume=True).complete
    again = pr.open_regions(path)
    np.testing.assert_array_equal(again.patterns, whole.patterns)
    np.testing.assert_array_equal(again.edges, whole.edges)


def test_checkpoint_of_another_format(stopped):
    manifest = stopped[2].with_name("out.npz.checkpoint") / "manifest.json"
    values = json.loads(manifest.read_bytes())
    manifest.write_text(json.dumps(values | {"version": 2}))
    refused(*stopped, "format version 2")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"format": 1}', b"null"])
def test_garbage_manifest(stopped, content):
    (stopped[2].with_name("out.npz.checkpoint") / "manifest.json").write_bytes(content)
    refused(*stopped, "damaged")
    refused(*stopped, "damaged", resume=False)


def test_changed_manifest(stopped):
    manifest = stopped[2].with_name("out.npz.checkpoint") / "manifest.json"
    values = json.loads(manifest.read_bytes())
    values["chunks"][1]["totals"]["regions"] += 1
    manifest.write_text(json.dumps(values))
    refused(*stopped, "damaged")


def test_missing_manifest(stopped):
    (stopped[2].with_name("out.npz.checkpoint") / "manifest.json").unlink()
    refused(*stopped, r"manifest\.json is missing")


DAMAGES = ["missing", "truncated", "empty", "longer", "byte", "swapped", "rewritten"]


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [0, 2])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_chunk(stopped, chunk, damage):
    folder = stopped[2].with_name("out.npz.checkpoint")
    path = folder / f"{chunk:06d}.npz"
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "rewritten":  # as large as before, and whole in itself
        arrays = dict(np.load(path))
        arrays["patterns"] = arrays["patterns"] ^ np.uint64(1)
        with path.open("wb") as stream:
            write_npz(stream, arrays)
        assert path.stat().st_size == len(whole)
    elif damage == "swapped":
        path.write_bytes((folder / "000001.npz").read_bytes())
    else:
        changed = bytearray(whole)
        changed[400] ^= 1  # in the patterns: the first member, whose header takes 128 bytes
        parts = {"truncated": whole[:-30], "empty": b"", "longer": whole + b"x", "byte": changed}
        path.write_bytes(parts[damage])
    refused(*stopped, "damaged")


def test_arrays_that_do_not_fit(stopped, tmp_path):
    net, box, path = stopped
    folder = path.with_name("out.npz.checkpoint")
    identity = json.loads((folder / "manifest.json").read_bytes())["identity"]
    with open_checkpoint(folder, identity, resume=True) as checkpoint:
        append(checkpoint, {"patterns": np.zeros((1, 1), np.uint64)}, Totals(10**6, 1, 1))
    refused(net, box, path, "damaged")


def test_a_checkpoint_in_use(stopped):
    folder = stopped[2].with_name("out.npz.checkpoint")
    identity = json.loads((folder / "manifest.json").read_bytes())["identity"]
    with open_checkpoint(folder, identity, resume=True):
        refused(*stopped, "another process")


# what a process that died leaves behind


def test_strays_are_cleared_away(stopped):
    net, box, path = stopped
    folder = path.with_name("out.npz.checkpoint")
    (folder / "result.npz").write_bytes(b"half")
    (folder / ".polyregions-0123.part").write_bytes(b"half")
    (folder / "000003.npz").write_bytes(b"not in the manifest")
    (folder / "sorting").mkdir()
    (folder / "sorting" / "edges-0").write_bytes(b"half")
    enumerate_to_file(net, box, path, resume=True)
    assert names(path.parent) == ["out.npz"]
    assert len(pr.open_regions(path)) == len(pr.enumerate_regions(net, box))


def test_files_of_others_stay(stopped):
    net, box, path = stopped
    folder = path.with_name("out.npz.checkpoint")
    (folder / "notes.txt").write_text("mine")
    enumerate_to_file(net, box, path, resume=True)
    assert names(folder) == ["notes.txt"]
    enumerate_to_file(net, box, path)  # such a folder is no checkpoint


def test_killed_while_the_checkpoint_is_removed(stopped, monkeypatch):
    net, box, path = stopped

    def killed(checkpoint):
        if not checkpoint.chunks:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("polyregions.scale.checkpoint._remove_strays", killed)
        with pytest.raises(KeyboardInterrupt):
            enumerate_to_file(net, box, path, resume=True)
    assert pr.open_regions(path).complete
    enumerate_to_file(net, box, path)  # nothing is in the way
    assert names(path.parent) == ["out.npz"]


# disk and memory


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_every_write_may_fail(suffix, code, tmp_path, monkeypatch):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    net, box = small()
    whole, output = tmp_path / f"whole{suffix}", tmp_path / f"out{suffix}"
    enumerate_to_file(net, box, whole, interval=0)
    left = 0

    def failing(descriptor):
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr("os.fsync", failing)
    failures = 0
    while True:
        left = failures
        message = refusal_of(net, box, output)
        if not message:
            break
        assert os.strerror(code) in message
        assert not output.exists()
        failures += 1
        # what the failure left behind can be taken up
        left = 10**9
        enumerate_to_file(net, box, output, resume=True)
        assert contents(output) == contents(whole)
        shutil.rmtree(output) if output.is_dir() else output.unlink()
    assert failures >= 4
    assert contents(output) == contents(whole)


def refusal_of(net, box, output) -> str:
    try:
        enumerate_to_file(net, box, output, interval=0)
    except CheckpointError as error:
        return str(error)
    return ""


@contextmanager
def largest_file(size):
    """Let the system refuse to make any file of this process larger."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.slow
def test_full_disk(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POLYREGIONS_CHECKPOINT_SECONDS", "0")
    save_network(network_of("generic"), "net.npz")
    assert main(["enumerate", "net.npz", "-o", "whole.npz"]) == 0
    capsys.readouterr()
    with largest_file(300_000):
        code = main(["enumerate", "net.npz", "-o", "out.npz"])
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert printed.err.count("\n") == 1
    assert printed.err.endswith("make room and go on with --resume\n")
    assert names(tmp_path) == ["net.npz", "out.npz.checkpoint", "whole.npz"]
    # now only the result itself is too large
    last = len(pr.open_regions("whole.npz")) - 100
    run = ["enumerate", "net.npz", "-o", "out.npz", "--resume"]
    assert main([*run, "--max-regions", str(last)]) == 3
    capsys.readouterr()
    with largest_file(1_000_000):
        assert main(run) == 2
    assert "what was found is kept in out.npz.checkpoint" in capsys.readouterr().err
    assert len(pr.open_regions("out.npz")) == last  # the partial result still stands
    assert main(run) == 0
    assert contents(tmp_path / "out.npz") == contents(tmp_path / "whole.npz")


def test_a_folder_that_cannot_be_made(three_lines, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CheckpointError, match="cannot be written"):
        enumerate_to_file(three_lines, pr.Box.cube(2, 1.0), tmp_path / "file" / "out.npz")
    (tmp_path / "out.npz.checkpoint").write_text("no folder")
    with pytest.raises(CheckpointError, match="cannot be written"):
        enumerate_to_file(three_lines, pr.Box.cube(2, 1.0), tmp_path / "out.npz")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(three_lines, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(CheckpointError, match="cannot be written"):
        enumerate_to_file(three_lines, pr.Box.cube(2, 1.0), folder / "out.npz")


def test_output_that_cannot_be_replaced(three_lines, tmp_path):
    (tmp_path / "out.npz").mkdir()
    with pytest.raises(FormatError, match="is a folder"):
        enumerate_to_file(three_lines, pr.Box.cube(2, 1.0), tmp_path / "out.npz")
    with pytest.raises(FormatError, match="no known format"):
        enumerate_to_file(three_lines, pr.Box.cube(2, 1.0), tmp_path / "out.txt")
    assert names(tmp_path) == ["out.npz"]


@pytest.mark.slow
def test_memory_budget(tmp_path):
    net, box = network_of("generic"), pr.Box.cube(4, 1.0)
    enumerate_to_file(net, box, tmp_path / "whole.npz")
    counts = []
    for memory in (1_500_000, 3_000_000):
        output = tmp_path / f"out{memory}.npz"
        written = enumerate_to_file(net, box, output, memory=memory)
        assert written.stopped == "memory"
        partial = pr.open_regions(output)
        assert not partial.complete
        arrays = (partial.patterns, partial.witnesses, partial.edges)
        assert sum(array.nbytes for array in arrays) < memory
        counts.append(len(partial))
    assert 0 < counts[0] < counts[1]
    enumerate_to_file(net, box, output, resume=True)
    assert contents(output) == contents(tmp_path / "whole.npz")
    assert not pr.enumerate_regions(net, box, memory=1_500_000).complete
    assert pr.enumerate_regions(net, box, memory=10**9).complete


@pytest.mark.parametrize("options", [{"memory": 0}, {"threads": 0}, {"max_regions": 0}])
def test_bad_options(three_lines, tmp_path, options):
    with pytest.raises(PolyregionsError):
        enumerate_to_file(three_lines, pr.Box.cube(2, 1.0), tmp_path / "out.npz", **options)
    assert names(tmp_path) == []


# the command


def test_command(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_network(network_of("generic"), "net.npz")
    run = ["enumerate", "net.npz", "-o", "out.npz"]
    assert main([*run, "--memory", "1500K"]) == 3
    printed = capsys.readouterr()
    assert "at least" in printed.out
    assert "at the budget of --memory" in printed.err
    assert "--resume" in printed.err
    assert main(run) == 2
    assert capsys.readouterr().err.startswith("polyregions: there is a checkpoint")
    assert main([*run, "--resume"]) == 0
    assert "(proven)" in capsys.readouterr().out
    assert names(tmp_path) == ["net.npz", "out.npz"]


@pytest.mark.parametrize("seconds", ["soon", "-1", "nan", "inf"])
def test_bad_interval(seconds, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("POLYREGIONS_CHECKPOINT_SECONDS", seconds)
    monkeypatch.chdir(tmp_path)
    save_network(network_of("generic"), "net.npz")
    assert main(["enumerate", "net.npz", "-o", "out.npz"]) == 2
    assert "POLYREGIONS_CHECKPOINT_SECONDS" in capsys.readouterr().err


def test_sizes():
    assert bytes_of(None) is None
    assert bytes_of("2G") == bytes_of("2 GiB".replace(" ", "")) == 2 * 2**30
    assert bytes_of("500m") == 500 * 2**20
    assert bytes_of("1234B") == 1234


@pytest.mark.parametrize(
    "size", ["", "G", "2", "1234", "0", "0G", "-1", "1e9", "2X", "1.5.5M", "nan", "١G"]
)
def test_bad_sizes(size):
    with pytest.raises(PolyregionsError, match="not a size"):
        bytes_of(size)
