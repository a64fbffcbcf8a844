"""Counts that are saved as they go: stopped anywhere, they end with the same numbers."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from random_nets import FAMILIES, he_normal, random_case

import polyregions as pr
from polyregions.cli import main
from polyregions.files.archives import read_npz, sealed, write_npz
from polyregions.io import save_network
from polyregions.run.problem import problem_of
from polyregions.tree import crew
from polyregions.tree.subdivision import counting

NET, BOX = he_normal((4, 14, 14)), pr.Box.cube(4, 1.0)


def in_rounds(network, domain, path, most, **how):
    """Count so many regions at a time, each time from the file; how often, and the last count."""
    rounds, limit = 0, 0
    while True:
        limit += most
        count = pr.count_with_checkpoint(
            network, domain, path, resume=True, max_regions=limit, interval=0.0, **how
        )
        rounds += 1
        if count.complete:
            assert not path.exists()
            return rounds, count
        assert path.exists()
        assert count.regions == limit


@pytest.mark.parametrize("family", FAMILIES)
def test_a_count_in_rounds_is_a_count(family, tmp_path):
    for seed in range(60, 64):
        network, domain = random_case(family, seed, units=9)
        whole = pr.count_tree(network, domain)
        _, count = in_rounds(network, domain, tmp_path / "unfinished", 7)
        assert count.regions_per_layer == whole.regions_per_layer


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_a_count_in_rounds_is_a_count_with_threads(threads, tmp_path):
    whole = pr.count_tree(NET, BOX)
    most = whole.regions // 3
    rounds, count = in_rounds(NET, BOX, tmp_path / "unfinished", most, threads=threads)
    assert rounds > 1
    assert count.regions_per_layer == whole.regions_per_layer


def test_another_order_goes_on(tmp_path):
    path, whole = partial(tmp_path / "unfinished"), pr.count_tree(NET, BOX)
    count = pr.count_with_checkpoint(NET, BOX, path, resume=True, seed=3)
    assert count.regions_per_layer == whole.regions_per_layer


@pytest.mark.parametrize("save", [pr.count_with_checkpoint, pr.enumerate_to_file])
def test_a_pace_is_that_of_the_run_at_hand(save, tmp_path):
    """What was found before took none of its time."""
    path, seen = tmp_path / "out.npz", []
    save(NET, BOX, path, max_regions=100, progress=seen.append)
    assert not any(state.before for state in seen)
    save(NET, BOX, path, resume=True, progress=seen.append)
    last = seen[-1]
    assert 100 <= last.before < last.regions
    assert last.pace * last.seconds == pytest.approx(last.regions - last.before)


@pytest.mark.parametrize(
    "command", ["count net.npz --method tree --checkpoint", "enumerate net.npz -o"]
)
def test_a_run_that_adds_nothing_has_no_pace(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_network(NET, "net.npz")
    line = [*command.split(), "out.npz", "--json", "--max-regions"]
    assert main([*line, "400"]) == 3
    capsys.readouterr()
    for limit, least in (("400", 0), ("430", 1)):
        assert main([*line, limit, "--resume"]) == 3
        said = json.loads(capsys.readouterr().out)
        found = said["regions_per_second"] * said["seconds"]
        assert found == pytest.approx(int(limit) - 400, abs=2.5)
        assert found >= least


def test_planes_in_rounds(tmp_path):
    network, box = he_normal((3, 90)), pr.Box.cube(3, 1.0)
    whole = pr.count_tree(network, box)
    rounds, count = in_rounds(network, box, tmp_path / "unfinished", whole.regions // 3)
    assert rounds > 2
    assert count.regions == whole.regions


def test_what_is_saved_after_any_step_is_everything(monkeypatch):
    """The slow twin: what is left, counted prefix by prefix."""
    monkeypatch.setattr(crew, "first_size", lambda _: 400)
    monkeypatch.setattr(crew, "NODES_OF_A_STEP", 400)
    problem = problem_of(NET, BOX)
    work, whole = counting(problem, 1), pr.count_tree(NET, BOX).regions
    steps = 0
    while not work.finished:
        saved = work.saved()
        other = counting(problem, 1)
        other.restore(saved)
        while not other.finished:
            other.step(whole + 1)
        assert other.regions == whole
        work.step(whole + 1)
        steps += 1
    assert steps > 5


def test_a_file_that_cannot_be_written_is_found_out_at_once(tmp_path):
    seen = []
    with pytest.raises(pr.CheckpointError, match="cannot be written"):
        pr.count_with_checkpoint(NET, BOX, tmp_path / "no" / "file", progress=seen.append)
    assert seen == []


def partial(path, network=NET, domain=BOX):
    """A file of an unfinished count."""
    count = pr.count_with_checkpoint(network, domain, path, max_regions=500)
    assert not count.complete
    return path


def test_a_file_is_not_overwritten_and_not_taken_for_another(tmp_path):
    path = partial(tmp_path / "unfinished")
    before = path.read_bytes()
    with pytest.raises(pr.CheckpointError, match="go on with --resume"):
        pr.count_with_checkpoint(NET, BOX, path)
    with pytest.raises(pr.CheckpointError, match="belongs to another network"):
        pr.count_with_checkpoint(he_normal((4, 14, 14), seed=1), BOX, path, resume=True)
    with pytest.raises(pr.CheckpointError, match="belongs to another domain"):
        pr.count_with_checkpoint(NET, pr.Box.cube(4, 0.5), path, resume=True)
    assert path.read_bytes() == before
    with pytest.raises(pr.CheckpointError, match="no file that a count can be saved in"):
        pr.count_with_checkpoint(NET, BOX, tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(pr.CheckpointError, match=r"no checkpoint.*name another") as error:
        pr.count_with_checkpoint(NET, BOX, tmp_path / "notes.txt")
    assert "delete" not in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda saved: saved.pop("counts"),
        lambda saved: saved.update(counts=saved["counts"][1:]),
        lambda saved: saved.update(counts=saved["counts"].astype(float)),
        lambda saved: saved.update(counts=-saved["counts"]),
        lambda saved: saved.update(decisions=np.array([1, 2])),
        lambda saved: saved.update(decisions=np.array(-1)),
        lambda saved: saved.pop("left"),
        lambda saved: saved.update(left=saved["left"][:, :1]),
        lambda saved: saved.update(left=saved["left"][:, ::-1]),
        lambda saved: saved.update(left=np.zeros((1, 2, 9), dtype=np.uint64)),
        lambda saved: saved.update(kind=np.array("polyregions count, version 9")),
        lambda saved: saved.pop("kind"),
    ],
)
def test_what_cannot_be_a_saved_count_is_refused(change, tmp_path):
    path = partial(tmp_path / "unfinished")
    saved = read_npz(path)
    change(saved)
    with path.open("wb") as stream:
        write_npz(stream, sealed(saved))
    with pytest.raises(pr.CheckpointError, match="damaged, or no checkpoint"):
        pr.count_with_checkpoint(NET, BOX, path, resume=True)


@pytest.mark.parametrize("data", [b"", b"regions", None])
def test_a_damaged_file_is_refused(data, tmp_path):
    path = partial(tmp_path / "unfinished")
    path.write_bytes(path.read_bytes()[:-40] if data is None else data)
    with pytest.raises(pr.CheckpointError, match="damaged, or no checkpoint"):
        pr.count_with_checkpoint(NET, BOX, path, resume=True)


def command(*arguments):
    return [sys.executable, "-m", "polyregions", *map(str, arguments)]


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_a_process_that_is_stopped_or_dies_goes_on(sign, tmp_path):
    network, file = tmp_path / "net.npz", tmp_path / "unfinished"
    deep = he_normal((6, 16, 16))
    save_network(deep, network)
    count = "count", network, "--cube", 1, "--method", "tree", "--checkpoint", file, "--json"
    environment = os.environ | {"POLYREGIONS_CHECKPOINT_SECONDS": "0.05"}
    process = subprocess.Popen(
        command(*count), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not file.exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(sign)
    process.wait()
    assert file.exists()
    before = int(read_npz(file)["counts"][-1])
    done = subprocess.run(command(*count, "--resume"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["regions"] == pr.count_regions(deep, pr.Box.cube(6, 1.0)) > before
    assert not file.exists()
