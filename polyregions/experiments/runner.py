"""Runs that can be stopped and resumed, row by row, with the same table at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import CheckpointError
from polyregions.network import Network
from polyregions.run.display import shown_rows
from polyregions.run.progress import OnRows

__all__ = [
    "Job",
    "Key",
    "RowsFile",
    "Table",
    "TableRow",
    "Unit",
    "as_table",
    "networks_job",
    "run_jobs",
]

_ROWS_FORMAT = "polyregions experiment 1"


class RowsFile:
    """Rows on disk, appended one at a time.

    Parameters
    ----------
    path : path
        A new file, or one with the same header.
    header : dict
        What was run. A file of something else is refused.

    Attributes
    ----------
    rows : list of dict
        What the file had when it was opened. A last line without its end, which a
        killed process leaves, is cut off.

    Raises
    ------
    CheckpointError
        If it is no such file, or one of another run.
    """

    def __init__(self, path: str | PathLike[str], header: dict[str, Any]) -> None:
        self._path = Path(path)
        self._header = {"format": _ROWS_FORMAT, **header}
        self.rows, self._whole = self._read() if self._path.exists() else ([], 0)
        self._stream: BinaryIO | None = None

    def __enter__(self) -> RowsFile:
        # "r+b" where there is something to keep: what is not whole is cut off
        self._stream = self._path.open("r+b" if self._whole else "wb")
        self._stream.truncate(self._whole)
        self._stream.seek(self._whole)
        if not self._whole:
            self._write(self._header)
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()

    def append(self, row: dict[str, Any]) -> None:
        """Write one more row; it is with the system when this returns."""
        self._write(row)

    def _write(self, content: dict[str, Any]) -> None:
        if self._stream is None:
            raise CheckpointError(f"{self._path.name} is not open; use it in a with block")
        self._stream.write(_line(content))
        self._stream.flush()

    def _read(self) -> tuple[list[dict[str, Any]], int]:
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if not whole and _line(self._header).startswith(content):
            return [], 0
        try:
            lines = [json.loads(line) for line in content[:whole].splitlines()]
            if not all(isinstance(line, dict) for line in lines):
                raise ValueError("a line is no object")
            if lines[0]["format"] != _ROWS_FORMAT:
                raise ValueError("another format")
        except (LookupError, RecursionError, ValueError):
            raise CheckpointError(
                f"{self._path.name} is not a file of an experiment; name another folder or "
                f"remove it"
            ) from None
        if lines[0] != self._header:
            raise CheckpointError(
                f"{self._path.name} holds rows of other settings or data; name another folder or "
                f"remove it"
            )
        return lines[1:], whole


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"


Key = dict[str, Any]
TableRow = dict[str, Any]
Table = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Unit:
    """One row to make.

    Attributes
    ----------
    key : dict
        Its first columns, which name it.
    network : str
        Fingerprint of the network that is measured, so that a run is not resumed with
        another one; "" where there is none.
    measure : callable
        Returns the other columns.
    """

    key: Key
    network: str
    measure: Callable[[], TableRow]


@dataclass(frozen=True)
class Job:
    """Rows that must be made one after the other, such as those of one training.

    Attributes
    ----------
    keys : tuple of dict
        Of all its rows, in the order of the table.
    units : callable
        Yields a Unit for each of them.
    """

    keys: tuple[Key, ...]
    units: Callable[[], Generator[Unit, None, None]]


def networks_job(
    keys: Sequence[Key],
    network_of: Callable[[Key], Network],
    measure: Callable[[Key, Network], TableRow],
) -> Job:
    """Return the job that measures one network per row, drawn when its turn comes."""

    def units() -> Generator[Unit, None, None]:
        for key in keys:
            network = network_of(key)
            yield Unit(key, network.fingerprint[:16], partial(measure, key, network))

    return Job(tuple(keys), units)


def run_jobs(
    name: str,
    config: Mapping[str, Any],
    jobs: Sequence[Job],
    *,
    data: str = "",
    file: str | PathLike[str] | None = None,
    progress: OnRows = None,
) -> Table:
    """Make the rows of an experiment, but for those that a file has already.

    Parameters
    ----------
    name : str
    config : dict
        The configuration as JSON holds it.
    jobs : sequence of Job
    data : str
        Identity of the data.
    file : path, optional
        JSON lines; each row is appended as soon as it is made.
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with (rows done, rows in all, the last
        row's name).

    Returns
    -------
    dict of str to numpy.ndarray
        The table, one entry per row in each column.

    Raises
    ------
    CheckpointError
        If the file is none of this experiment, configuration and data, or if a training
        cannot be repeated.
    KeyboardInterrupt
        If the run was stopped by Ctrl-C; its message says what is kept.
    """
    header = {"experiment": name, "config": dict(config), "data": data}
    known: dict[str, TableRow] = {}
    with RowsFile(file, header) if file is not None else nullcontext() as rows:
        if rows is not None:
            known = {_row_name(row, jobs): row for row in rows.rows}
        total = sum(len(job.keys) for job in jobs)
        try:
            with shown_rows(progress) as report:
                for key, row in _missing(jobs, known):
                    known[key] = row
                    if rows is not None:
                        rows.append(row)
                    if report is not None:
                        report(len(known), total, key)
        except KeyboardInterrupt:
            kept = f"kept in {file}; resume it to go on" if file is not None else "not kept"
            raise KeyboardInterrupt(
                f"stopped after {len(known):,} of {total:,} rows, {kept}"
            ) from None
    return as_table([known[_key_text(key)] for job in jobs for key in job.keys])


def _missing(jobs: Sequence[Job], known: Mapping[str, TableRow]) -> Iterator[tuple[str, TableRow]]:
    for job in jobs:
        if all(_key_text(key) in known for key in job.keys):
            continue
        with closing(job.units()) as units:
            for unit in units:
                name = _key_text(unit.key)
                finished = known.get(name)
                if finished is None:
                    yield name, unit.key | {"network": unit.network} | unit.measure()
                elif finished.get("network") != unit.network:
                    raise CheckpointError(
                        f"training again did not give the network of the row {name}: another "
                        f"machine, or another version of a library; start again without --resume"
                    )


def as_table(rows: Sequence[TableRow]) -> Table:
    """Return rows as columns, in the order of the first row.

    Examples
    --------
    >>> as_table([{"epoch": 0.0, "regions": 7}, {"epoch": 1.0, "regions": 9}])["regions"]
    array([7, 9])
    """
    names = list(rows[0]) if rows else []
    return {name: np.array([row[name] for row in rows]) for name in names}


def _key_text(key: Key) -> str:
    return " ".join(f"{name}={value}" for name, value in key.items())


def _row_name(row: TableRow, jobs: Sequence[Job]) -> str:
    """Return the name of a row from the file: the columns that are a key's."""
    names = jobs[0].keys[0]
    try:
        return _key_text({name: row[name] for name in names})
    except KeyError as error:
        raise CheckpointError(
            f"the file of the run has a row without {error}; start again in another folder"
        ) from None
