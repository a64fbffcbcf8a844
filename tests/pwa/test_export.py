"""The verb `export`: in Python, on the command line, and with bad input."""

import json

import numpy as np
import pytest
from scipy.io import loadmat

import polyregions as pr
from polyregions.cli import main
from polyregions.run import progress as display


@pytest.fixture
def regions(three_lines):
    return pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("net.npz", W0=[[1.0, 0], [0, 1], [1, 1]], b0=[0, 0, -0.5], W1=[[1.0, 1, 1]], b1=[0.0])
    return tmp_path


def refused(call):
    with pytest.raises(pr.PolyregionsError) as raised:
        call()
    message = str(raised.value)
    assert "\n" not in message
    return type(raised.value), message


def test_what_is_refused(regions, three_lines, tmp_path):
    path = tmp_path / "net.c"
    whole = pr.enumerate_regions(three_lines, None)
    kind, message = refused(lambda: pr.export(whole, path))
    assert kind is pr.DomainError
    assert "bounded" in message
    kind, message = refused(lambda: pr.export(regions[:3], path))
    assert kind is pr.PartialResultError
    kind, message = refused(lambda: pr.export(regions, path, max_bytes=100))
    assert kind is pr.FormatError
    assert "--max-bytes" in message
    for wrong in (0, -5, 2.5, "2M"):
        kind, message = refused(lambda wrong=wrong: pr.export(regions, path, max_bytes=wrong))
        assert repr(wrong) in message
    kind, message = refused(lambda: pr.export(regions, tmp_path / "net.py"))
    assert kind is pr.FormatError
    assert ".json, .mat, .c" in message
    kind, message = refused(lambda: pr.export(three_lines, path))
    assert "enumerate_regions" in message
    assert list(tmp_path.iterdir()) == []


def test_the_limit_of_a_c_file(regions, tmp_path):
    path = tmp_path / "net.c"
    pr.export(regions, path)
    size = int(path.read_text().partition("The tables take ")[2].split()[0])
    pr.export(regions, path, max_bytes=size)
    _, message = refused(lambda: pr.export(regions, path, max_bytes=size - 1))
    assert f"{size:,} bytes" in message


def test_a_map_too_large_for_a_float(tmp_path):
    network = pr.Network.from_arrays([([[1e200]], [0.0]), ([[1e200]], [0.0])])
    regions = pr.enumerate_regions(network, pr.Box.cube(1, 1.0))
    for suffix in (".json", ".mat"):
        kind, message = refused(lambda name=f"net{suffix}": pr.export(regions, tmp_path / name))
        assert kind is pr.NetworkError
        assert "too large" in message
    pr.export(regions, tmp_path / "net.c")  # where only answers have to be floats
    assert [file.name for file in tmp_path.iterdir()] == ["net.c"]


@pytest.mark.parametrize("suffix", [".json", ".mat", ".c"])
def test_every_region_is_told_and_an_interrupt_leaves_no_file(regions, tmp_path, suffix):
    path, seen = tmp_path / f"net{suffix}", []
    pr.export(regions, path, progress=lambda *state: seen.append(state))
    assert seen == [(done, 7) for done in range(1, 8)]
    whole = path.read_bytes()
    pr.export(regions, path)
    if suffix != ".mat":  # it has the time of writing
        assert path.read_bytes() == whole
    path.unlink()

    def interrupt(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pr.export(regions, path, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_progress_of_the_command(folder, capsys, monkeypatch):
    monkeypatch.setattr(display, "_SECONDS_BETWEEN_LINES", 0.0)
    assert main(["export", "net.npz", "-o", "out.json", "--cube", "1"]) == 0
    out, err = capsys.readouterr()
    assert "7 of 7 regions written" in err
    assert "written" not in out


def test_the_command(folder, capsys):
    assert main(["export", "net.npz", "-o", "out.json", "--cube", "1"]) == 0
    assert len(json.loads((folder / "out.json").read_bytes())["regions"]) == 7
    assert "saved to out.json" in capsys.readouterr().out
    assert (
        main(["export", "net.npz", "-o", "out.mat", "--cube", "1", "--fix", "1=0.25", "--json"])
        == 0
    )
    assert json.loads(capsys.readouterr().out)["regions"] == len(loadmat("out.mat")["A"])
    assert main(["export", "net.npz", "-o", "out.c", "--cube", "1", "--max-bytes", "2K"]) == 0
    assert "out_value(const double x[2]" in (folder / "out.c").read_text()


@pytest.mark.parametrize(
    ("command", "code", "word"),
    [
        ("export net.npz -o out.c --whole-space", 2, "bounded"),
        ("export net.npz -o out.c --max-bytes 10B", 2, "--max-bytes"),
        ("export net.npz -o out.c --max-bytes many", 2, "--max-bytes many is not a size"),
        ("export net.npz -o out.c --max-regions 3", 3, "C files need every region"),
        ("export net.npz -o out.txt", 2, ".json or .mat or .c"),
        ("export net.npz -o nowhere/out.c", 2, "no folder"),
        ("export net.npz", 2, "--out"),
    ],
)
def test_the_command_refuses(command, code, word, folder, capsys):
    assert main(command.split()) == code
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert word in said
    assert [file.name for file in folder.iterdir()] == ["net.npz"]


def test_a_partial_result_is_written_where_that_makes_sense(folder, capsys):
    assert main(["export", "net.npz", "-o", "out.json", "--max-regions", "3"]) == 3
    assert not json.loads((folder / "out.json").read_bytes())["complete"]
