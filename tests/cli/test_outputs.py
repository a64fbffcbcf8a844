"""Where a result may go: never over what is read, nor over what is not ours."""

import gc
import os
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest

import polyregions as pr
from polyregions.cli import main
from polyregions.cli.saving import WORKING_SUFFIXES
from polyregions.errors import CheckpointError, FormatError, PolyregionsError
from polyregions.experiments.runner import RowsFile
from polyregions.files.atomic import atomic_write
from polyregions.io import save_network
from polyregions.scale import enumerate_to_file
from polyregions.scale.assembly import REPLACED_SUFFIX
from polyregions.scale.saved_runs import CHECKPOINT_SUFFIX
from polyregions.theory.draws import read_draws


@pytest.fixture
def files(tmp_path, three_lines):
    """A network, and one file of each kind that options read."""
    save_network(three_lines, tmp_path / "net.npz")
    np.savez(tmp_path / "polytope.npz", A=[[1.0, 1.0], [-1, 0], [0, -1]], b=[1.0, 1, 1])
    for name, point in zip("abc", ([0, 0.0], [1, 0.0], [0, 1.0]), strict=True):
        np.save(tmp_path / f"{name}.npy", point)
    bounds = "".join(f"(assert (>= X_{k} -1))(assert (<= X_{k} 1))" for k in (0, 1))
    declared = "".join(f"(declare-const X_{k} Real)" for k in (0, 1))
    (tmp_path / "box.vnnlib").write_text(declared + bounds)
    return tmp_path


INPUTS = {
    "net.npz": [],
    "polytope.npz": ["--polytope", "polytope.npz"],
    "box.vnnlib": ["--box-file", "box.vnnlib"],
    "b.npy": ["--line-through", "a.npy", "b.npy"],
    "c.npy": ["--plane-through", "a.npy", "b.npy", "c.npy"],
}
COMMANDS = {
    "enumerate": ".npz",
    "graph": ".json",
    "plot": ".png",
    "view": ".html",
    "certify": ".cert",
}


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_no_input_is_written_over(files, monkeypatch, capsys, command, name, link):
    monkeypatch.chdir(files)
    output = f"out{COMMANDS[command]}"
    link(name, output)
    before = (files / name).read_bytes()
    assert main([command, "net.npz", *INPUTS[name], "-o", output]) == 2
    assert f"is the file {name} that is read" in capsys.readouterr().err
    assert (files / name).read_bytes() == before


@pytest.mark.parametrize("folder", ["out.npz.checkpoint", "out.npz.parts", "out.npz.proofs"])
def test_no_input_lies_where_files_are_cleared_away(files, monkeypatch, capsys, folder):
    monkeypatch.chdir(files)
    (files / folder).mkdir()
    (files / "net.npz").rename(files / folder / "result.npz")
    assert main(["enumerate", f"{folder}/result.npz", "-o", "out.npz"]) == 2
    assert "lies in a folder that out.npz writes to" in capsys.readouterr().err
    assert (files / folder / "result.npz").exists()


def test_no_output_lies_in_an_unfinished_run(files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    assert main(["enumerate", "net.npz", "-o", "out.npz", "--max-regions", "2"]) == 3
    assert main(["enumerate", "net.npz", "-o", "out.npz.checkpoint/result.npz"]) == 2
    assert "a folder of an unfinished run" in capsys.readouterr().err


def test_the_command_line_knows_every_folder_beside_an_output():
    pytest.importorskip("distributed")
    from polyregions.scale.cluster_proof import PROOFS_SUFFIX
    from polyregions.scale.cluster_walk import PARTS_SUFFIX

    suffixes = (CHECKPOINT_SUFFIX, PARTS_SUFFIX, PROOFS_SUFFIX, REPLACED_SUFFIX)
    assert suffixes == WORKING_SUFFIXES


# links, pipes and devices


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("before", ["old", None])
def test_a_link_stays_and_its_target_is_replaced(files, monkeypatch, capsys, command, before):
    if command == "plot":
        pytest.importorskip("matplotlib")
    monkeypatch.chdir(files)
    name = f"out{COMMANDS[command]}"
    target = files / "there" / name
    target.parent.mkdir()
    if before is not None:
        target.write_text(before)
    (files / name).symlink_to(target)
    assert main([command, "net.npz", "-o", name]) == 0, capsys.readouterr().err
    assert (files / name).is_symlink()
    assert target.stat().st_size > 100
    assert [file.name for file in target.parent.iterdir()] == [name]


def test_a_link_to_itself_is_refused(files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    (files / "out.cert").symlink_to("out.cert")
    assert main(["certify", "net.npz", "-o", "out.cert"]) == 2
    assert "Too many levels of symbolic links" in capsys.readouterr().err
    assert (files / "out.cert").is_symlink()


def test_a_pipe_gets_the_bytes_of_the_file(files, monkeypatch):
    monkeypatch.chdir(files)
    assert main(["certify", "net.npz", "-o", "net.cert"]) == 0
    os.mkfifo(files / "pipe")
    read = []
    reader = threading.Thread(
        target=lambda: read.append((files / "pipe").read_bytes()), daemon=True
    )
    reader.start()
    assert main(["certify", "net.npz", "-o", "pipe"]) == 0
    reader.join()
    assert read == [(files / "net.cert").read_bytes()]
    assert stat.S_ISFIFO((files / "pipe").stat().st_mode)


@pytest.mark.slow
def test_stdout_gets_the_bytes_of_the_file_alone(files, monkeypatch):
    monkeypatch.chdir(files)
    assert main(["certify", "net.npz", "-o", "net.cert"]) == 0
    program = "import sys; from polyregions.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "certify", "net.npz", "-o", "/dev/stdout"]
    piped = subprocess.run(command, capture_output=True, check=True)
    assert piped.stdout == (files / "net.cert").read_bytes()
    assert b"saved to" in piped.stderr


def test_devices_stay_what_they_are(files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    assert main(["certify", "net.npz", "-o", "/dev/null"]) == 0
    assert main(["certify", "net.npz", "-o", "/dev/full"]) == 2
    assert "No space left" in capsys.readouterr().err
    for device in ("/dev/null", "/dev/full"):
        assert stat.S_ISCHR(os.stat(device).st_mode)


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_a_result_that_grows_needs_files(three_lines, tmp_path, suffix):
    os.mkfifo(tmp_path / f"pipe{suffix}")
    with pytest.raises(FormatError, match="is a pipe or device"):
        enumerate_to_file(three_lines, pr.Box.cube(2, 1.0), tmp_path / f"pipe{suffix}")
    assert stat.S_ISFIFO((tmp_path / f"pipe{suffix}").stat().st_mode)


def test_nothing_goes_into_a_pipe_after_an_error(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writing = atomic_write(tmp_path / "pipe")
    writing.__enter__().write(b"half")
    error = ZeroDivisionError()
    # opening a pipe that nobody reads would wait for ever
    assert not writing.__exit__(ZeroDivisionError, error, None)


# folders that are not ours


@pytest.mark.parametrize("name", ["result", "sorting", "result.npz", "000000.npz", "finished.json"])
def test_a_folder_that_is_no_checkpoint_is_not_emptied(three_lines, tmp_path, name):
    folder = tmp_path / "out.npz.checkpoint"
    folder.mkdir()
    if "." in name:
        (folder / name).write_text("mine")
    else:
        (folder / name).mkdir()
        (folder / name / "thesis.tex").write_text("mine")
    for resume in (False, True):
        with pytest.raises(CheckpointError, match=r"manifest\.json is missing") as error:
            enumerate_to_file(three_lines, pr.Box.cube(2, 1.0), tmp_path / "out.npz", resume=resume)
        assert "delete" not in str(error.value)
    assert [file.name for file in folder.iterdir()] == [name]
    assert name in ("result", "sorting") or (folder / name).read_text() == "mine"


def test_a_folder_of_tables_with_other_files_is_not_replaced(three_lines, tmp_path):
    pytest.importorskip("pyarrow")
    path, box = tmp_path / "out.parquet", pr.Box.cube(2, 1.0)
    enumerate_to_file(three_lines, box, path)
    enumerate_to_file(three_lines, box, path)
    (path / "edges" / "notes.txt").write_text("mine")
    with pytest.raises(FormatError, match="or holds other files"):
        enumerate_to_file(three_lines, box, path)
    assert (path / "edges" / "notes.txt").read_text() == "mine"


def test_an_old_result_is_never_only_in_a_folder_to_be_deleted(
    three_lines, deep, tmp_path, monkeypatch
):
    pytest.importorskip("pyarrow")
    path, box = tmp_path / "out.parquet", pr.Box.cube(2, 1.0)
    enumerate_to_file(three_lines, box, path)
    rename = os.rename

    def killed(source, target):
        if str(source).endswith("result"):
            raise KeyboardInterrupt
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("os.rename", killed)
        with pytest.raises(KeyboardInterrupt):
            enumerate_to_file(deep, pr.Box.cube(3, 1.0), path)
    kept = tmp_path / "out.parquet.replaced"
    assert pr.open_regions(kept).network.fingerprint == three_lines.fingerprint
    enumerate_to_file(deep, pr.Box.cube(3, 1.0), path, resume=True)
    assert pr.open_regions(path).network.fingerprint == deep.fingerprint
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.parquet"]


def test_a_result_that_cannot_be_put_in_place_leaves_the_old_one(
    three_lines, deep, tmp_path, monkeypatch
):
    pytest.importorskip("pyarrow")
    path = tmp_path / "out.parquet"
    enumerate_to_file(three_lines, pr.Box.cube(2, 1.0), path)
    rename = os.rename

    def failing(source, target):
        if str(source).endswith("result"):
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr("os.rename", failing)
    with pytest.raises(CheckpointError, match="--resume"):
        enumerate_to_file(deep, pr.Box.cube(3, 1.0), path)
    assert pr.open_regions(path).network.fingerprint == three_lines.fingerprint


# runs that end early


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (MemoryError(), 3, "there is not enough memory"),
        (KeyboardInterrupt(), 3, "stopped by Ctrl-C"),
        (OSError(5, "Input/output error"), 2, "Input/output error"),
    ],
)
def test_a_message_that_ends_a_run_says_how_to_resume(
    files, monkeypatch, capsys, error, code, said
):
    monkeypatch.chdir(files)

    def failing(*args, **kwargs):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("polyregions.scale.saved_runs.drive", failing)
        assert main(["enumerate", "net.npz", "-o", "out.npz"]) == code
    last = capsys.readouterr().err.splitlines()[-1]
    assert said in last
    assert last.endswith("the same command with --resume goes on from there")
    assert main(["enumerate", "net.npz", "-o", "out.npz", "--resume"]) == 0


# Dask gives up coroutines of a client that cannot connect
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_dask_that_cannot_start_is_a_sentence(monkeypatch):
    distributed = pytest.importorskip("distributed")
    from polyregions.scale.cluster import connected

    def failing(*args, **kwargs):
        raise RuntimeError("can't start new thread\nsecond line")

    monkeypatch.setattr(distributed, "LocalCluster", failing)
    with pytest.raises(PolyregionsError, match="cannot start workers") as error:
        connected("local").__enter__()
    assert "\n" not in str(error.value)
    client = distributed.Client  # whoever does not answer at once never will
    monkeypatch.setattr(distributed, "Client", lambda where, timeout: client(where, timeout=0.2))
    for address in ("nobody", "tcp://127.0.0.1:1", "tls://127.0.0.1:1", "carrier://pigeon", "://"):
        with pytest.raises(PolyregionsError, match="no Dask scheduler answers") as error:
            connected(address).__enter__()
        assert "\n" not in str(error.value)
        # one that is left would be closed at any time: while the next one starts, for ever
        assert not [thing for thing in gc.get_objects() if type(thing) is client]


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 200_000,
        b"1e999",
        b"\xff",
        b"[]",
        b'{"format": []}',
        b'{"format": "polyregions draws 1"}',
    ]
    + [
        b'{"format": "polyregions draws 1", "settings": [], "draws": [{"0": [%s, 0, 0, 0]}]}'
        % number
        for number in (b"1e999", b"NaN", b"[]", b"null", b'"x"')
    ],
)
def test_files_of_draws_and_of_rows_that_are_none(tmp_path, content):
    (tmp_path / "draws.json").write_bytes(content)
    with pytest.raises(CheckpointError, match="is not a file of draws"):
        read_draws(tmp_path / "draws.json", [])
    (tmp_path / "rows.jsonl").write_bytes(content + b"\n")
    with pytest.raises(CheckpointError, match="is not a file of an experiment"):
        RowsFile(tmp_path / "rows.jsonl", {})
