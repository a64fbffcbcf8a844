"""Streams: no encoding, reader or full disk changes what a command does or how it ends."""

import io
import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

import polyregions as pr
from polyregions import examples
from polyregions.cli import main
from polyregions.cli.report import (
    Stream,
    announced_compilation,
    complain,
    lenient_streams,
    print_lines,
    tell,
)
from polyregions.errors import shown
from polyregions.io import DroppedOperatorWarning
from polyregions.run.progress import Progress, shown_progress

INFO = ["info", str(examples.path("digits2"))]
MISSING = ["info", "absent.npz"]


class Broken(io.StringIO):
    """A stream that fails from the start, or when it is flushed, as a buffered one does."""

    def __init__(self, error, late=False):
        super().__init__()
        self.error, self.late = error, late

    def write(self, text):
        if self.late:
            return len(text)
        raise self.error

    def flush(self):
        raise self.error


GONE = BrokenPipeError(32, "Broken pipe")
FULL = OSError(28, "No space left on device")
CLOSED = ValueError("I/O operation on closed file")


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    "error", [GONE, FULL, ValueError("I/O operation on closed file")], ids=repr
)
def test_a_stderr_that_fails_changes_no_exit_code(monkeypatch, error, late):
    monkeypatch.setattr(sys, "stderr", Broken(error, late))
    assert main(MISSING) == 2
    assert main(["count", INFO[1], "--max-regions", "10"]) == 3
    assert main(INFO) == 0


def test_a_stderr_that_is_closed_gets_nothing_onto_stdout(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    assert main(MISSING) == 2
    assert main(["count", INFO[1], "--max-regions", "10", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["complete"] is False


@pytest.mark.parametrize("late", [False, True])
def test_a_reader_that_stops_reading_does_not_hide_the_outcome(monkeypatch, capsys, late):
    monkeypatch.setattr(sys, "stdout", Broken(GONE, late))
    assert main(INFO) == 0
    assert capsys.readouterr().err == ""
    assert main(MISSING) == 2
    assert main(["count", INFO[1], "--max-regions", "10"]) == 3
    assert main(["--help"]) == main(["--version"]) == 0


@pytest.mark.parametrize("late", [False, True])
def test_a_full_disk_behind_stdout_is_said(monkeypatch, capsys, tmp_path, late):
    output = tmp_path / "out.npz"
    monkeypatch.setattr(sys, "stdout", Broken(FULL, late))
    assert main(["enumerate", INFO[1], "-o", str(output)]) == 2
    said = capsys.readouterr().err
    assert "could not be printed (No space left on device)" in said
    assert "nothing was written" not in said
    assert len(pr.open_regions(output)) == 594
    assert main(["count", INFO[1], "--max-regions", "10"]) == 3


def test_progress_survives_a_reader_that_is_gone(monkeypatch):
    monkeypatch.setattr("polyregions.run.progress._SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr(sys, "stderr", Broken(GONE))
    with lenient_streams(), announced_compilation(), shown_progress(True, str) as progress:
        progress(Progress(1, 1, 0, 1.0))
        progress(Progress(2, 0, 1, 2.0))


def test_streams_come_back(capsys):
    before = sys.stdout, sys.stderr
    with pytest.raises(ZeroDivisionError), lenient_streams():
        raise ZeroDivisionError
    assert (sys.stdout, sys.stderr) == before


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8", "utf-16"])
def test_any_encoding(encoding):
    raw = io.BytesIO()
    stream = Stream(io.TextIOWrapper(raw, encoding))
    stream.write("δ of Montúfar, \udcff\n")
    stream.flush()
    assert stream.failure is None
    text = raw.getvalue().decode(encoding)
    assert (
        text
        == ("δ" if encoding.startswith("utf") else "\\u03b4")
        + (" of Mont\\xfafar" if encoding == "ascii" else " of Montúfar")
        + ", \\udcff\n"
    )


# what is told of files and names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain text, é 漢", "plain text, é 漢"),
        ("two\nlines\r\t", "two\\nlines\\r\\t"),
        ("\x1b[2J\x07\x00\x7f\x9b", "\\x1b[2J\\x07\\x00\\x7f\\x9b"),
        ("\u202eabc\u2028\ufeff", "\\u202eabc\\u2028\\ufeff"),
        ("\udcff\U000e0001", "\\udcff\\U000e0001"),
    ],
)
def test_what_is_not_printable_is_escaped(text, said):
    assert shown(text) == said
    assert str(pr.FormatError(text)) == said
    # an error is made again from its arguments when it comes from another process
    assert str(pr.FormatError(*pr.FormatError(text).args)) == said


def test_a_warning_is_one_line_as_well():
    message = f"the operator a\nb\x1b[31m{10**6 * 'x'} is left out"
    with pytest.warns(DroppedOperatorWarning) as caught:
        warnings.warn(message, DroppedOperatorWarning, stacklevel=2)
    said = str(caught[0].message)
    assert said.startswith("the operator a\\nb\\x1b[31mxxx")
    assert len(said) == 1000


@pytest.mark.parametrize("most", [3, 4, 5, 10, 999, 1000, 1001])
def test_what_is_endless_is_cut_in_the_middle(most):
    text = "".join(chr(97 + i % 26) for i in range(1000))
    cut = shown(text, most)
    if most >= 1000:
        assert cut == text
        return
    assert len(cut) == most
    begin, end = cut.split("...")
    assert text.startswith(begin)
    assert text.endswith(end)


def test_an_error_about_an_endless_name_still_says_what_to_do():
    message = str(pr.FormatError(f"there is no file {'x' * 10**6}; check the path"))
    assert len(message) <= 1000
    assert message.startswith("there is no file x")
    assert message.endswith("; check the path")


@pytest.mark.parametrize("say", [tell, complain, print_lines])
def test_every_report_is_escaped(capsys, say):
    say("a\nb\x1b[31m")
    printed = capsys.readouterr()
    assert (printed.out + printed.err).removeprefix("polyregions: ") == "a\\nb\\x1b[31m\n"


def test_names_of_files_and_networks(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "a\nb\x1b[31m\u202e" + 200 * "n"
    np.savez(f"{name}.npz", W0=[[1.0]], b0=[0.0], W1=[[1.0]], b1=[0.0])
    for args in (
        ["count", f"{name}.npz"],
        ["info", f"{name}.npz"],
        ["enumerate", f"{name}.npz", "-o", f"{name}.out.npz"],
        ["info", f"{name}.absent.npz"],
        ["count", f"{name}.npz", "--box-file", name],
        [name],
        ["count", f"--{name}"],
    ):
        main(args)
        printed = capsys.readouterr()
        for line in (printed.out + printed.err).splitlines():
            assert line.isprintable()
    assert main(["count", f"{name}.npz"]) == 0
    assert len(capsys.readouterr().out.splitlines()[0]) < 130


# the process around it

COMMAND = [sys.executable, "-m", "polyregions"]


def run(*args, **options):
    return subprocess.run([*COMMAND, *args], capture_output=True, check=False, **options)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_of_another_encoding(encoding):
    ended = run(*INFO, env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})
    assert (ended.returncode, ended.stderr) == (0, b"")
    montufar = {"ascii": b"Mont\\xfafar", "cp1252": b"Mont\xfafar"}[encoding]
    assert montufar in ended.stdout


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_dev_full():
    with open("/dev/full", "w") as full:
        for stream, code in (("stdout", 2), ("stderr", 0)):
            streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full}
            ended = subprocess.run([*COMMAND, *INFO], check=False, text=True, **streams)
            assert ended.returncode == code
            assert "Traceback" not in (ended.stderr or "")


@pytest.mark.slow
def test_a_closed_stderr_reader():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        ended = subprocess.run([*COMMAND, *MISSING], check=False, stderr=gone)
    assert ended.returncode == 2
