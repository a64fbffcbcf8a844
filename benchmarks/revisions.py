"""Two revisions of the package measured in turn: a process each, asked for one thing after another.

A script that measures says what it can measure: names, and for each name a function that gets
ready and returns what is to be done once. It calls `table`; the processes of the revisions run
the same script with ``--serve``, each with its own package in front.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TypeVar

REPOSITORY = Path(__file__).resolve().parents[1]
SERVE = "--serve"  # what a process of a revision is started with
LONG_ENOUGH = 0.2  # seconds of processor time that one measurement takes at least


Result = TypeVar("Result")


@dataclass(frozen=True)
class Measured:
    """A time, or a rate, in a unit; and what was counted beside it."""

    value: float
    unit: str
    counters: Mapping[str, int] = field(default_factory=dict)


Once = Callable[[], Measured]
Measurements = Mapping[str, Callable[[], Once]]


class SkippedError(Exception):
    """A revision cannot do what is asked; the message says why."""


def least_seconds(ask: Callable[[], Result]) -> tuple[float, Result]:
    """Return the least processor time of calls that take `LONG_ENOUGH` together, and a result."""
    least, spent = float("inf"), 0.0
    while spent < LONG_ENOUGH:
        start = time.process_time()
        result = ask()
        seconds = time.process_time() - start
        least, spent = min(least, seconds), spent + max(seconds, 1e-6)
    return least, result


def serve(measurements: Measurements) -> None:
    """Answer each line of stdin, a name, with one measurement as a line of JSON."""
    answers, sys.stdout = sys.stdout, sys.stderr
    ready: tuple[str, Once | None] = ("", None)
    for line in sys.stdin:
        name = line.rstrip("\n")
        try:
            if ready[0] != name or ready[1] is None:
                ready = (name, None)  # what was made for the last one goes first
                ready = (name, measurements[name]())
            done = ready[1]()
            answer = {"value": done.value, "unit": done.unit, "counters": dict(done.counters)}
        except SkippedError as reason:
            answer = {"skipped": str(reason)}
        except Exception as error:  # what another revision raises cannot be listed
            answer = {"skipped": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), file=answers, flush=True)


class Revision:
    """A process that measures the package in a folder."""

    def __init__(self, script: Path, folder: Path, kernels: Path | None = None) -> None:
        own = {"PYTHONPATH": str(folder), "POLYREGIONS_COMPILE_FIRST": "1"}
        if kernels is not None:
            own["NUMBA_CACHE_DIR"] = str(kernels)
        self._process = subprocess.Popen(
            [sys.executable, str(script), SERVE],
            env={**os.environ, **own},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def measure(self, name: str) -> Measured | str:
        """Return one measurement, or why there is none."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(name, file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the process that measures {name} ended; see above")
        answer = json.loads(line)
        return answer["skipped"] if "skipped" in answer else Measured(**answer)

    def end(self) -> None:
        """End the process."""
        self._process.communicate()


def checkout(revision: str, parent: Path, repository: Path = REPOSITORY) -> Path:
    """Return the folder of a revision's files below `parent`, made if it is not there."""

    def git(*arguments: str) -> bytes:
        done = subprocess.run(
            ["git", "-C", str(repository), *arguments], capture_output=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"git knows no revision {revision!r}; pass a commit or a tag")
        return done.stdout

    number = git("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    folder = parent / number.decode()[:12]
    if not folder.exists():
        unfinished = folder.with_suffix(".unfinished")
        with tarfile.open(fileobj=io.BytesIO(git("archive", number.decode().strip()))) as files:
            files.extractall(unfinished, filter="data")
        unfinished.rename(folder)
    return folder


@contextlib.contextmanager
def started(script: Path, other: Path | None) -> Iterator[list[Revision]]:
    """Start the process of this checkout and, where there is another, of that one.

    The other keeps its kernels beside its files, so that both are warm.
    """
    revisions = [Revision(script, REPOSITORY)]
    try:
        if other is not None:
            revisions.append(Revision(script, other, other.with_suffix(".kernels")))
        yield revisions
    finally:
        for revision in revisions:
            revision.end()


def medians(revisions: list[Revision], name: str, repeat: int) -> list[Measured | str]:
    """Measure in turn; return the median of each revision, or why there is none."""
    runs: list[list[Measured]] = [[] for _ in revisions]
    reasons = [""] * len(revisions)
    for turn in range(repeat):
        # who goes first changes, as the machine's frequency does
        for k in range(len(revisions)) if turn % 2 == 0 else reversed(range(len(revisions))):
            if not reasons[k]:
                found = revisions[k].measure(name)
                if isinstance(found, str):
                    reasons[k] = found
                else:
                    runs[k].append(found)
    return [
        reason or Measured(median(run.value for run in some), some[0].unit, some[0].counters)
        for reason, some in zip(reasons, runs, strict=True)
    ]


def table(script: Path, names: Iterable[str], other: Path | None, repeat: int) -> None:
    """Print a table of measurements, here and in another checkout, as it is found."""
    head = ["what", "unit", "here", *(["there", "there / here"] if other else []), "counted"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}", flush=True)
    with started(script, other) as revisions:
        for name in names:
            print(line(name, medians(revisions, name, repeat)), flush=True)


def line(name: str, found: list[Measured | str]) -> str:
    """Return a row of the table. A reason stands where a number would."""
    known = [one for one in found if isinstance(one, Measured)]
    cells = [name, known[0].unit if known else ""]
    cells += [f"{one.value:,.4g}" if isinstance(one, Measured) else f"*{one}*" for one in found]
    if len(found) == 2:
        cells.append(f"{known[1].value / known[0].value:.2f}" if len(known) == 2 else "")
    counted = dict.fromkeys(key for one in known for key in one.counters)
    cells.append(
        ", ".join(count_text(key, [one.counters.get(key) for one in known]) for key in counted)
    )
    return f"| {' | '.join(cells)} |"


def count_text(key: str, counts: list[int | None]) -> str:
    """Return ``n regions``, or ``n (there m) regions`` where the two are not the same."""
    here, *there = ["none" if count is None else f"{count:,}" for count in counts]
    return f"{here} {key}" if there in ([], [here]) else f"{here} (there {there[0]}) {key}"
