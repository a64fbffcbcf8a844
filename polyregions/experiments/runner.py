"""Runs that can be stopped and resumed, row by row, with the same table at the end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import CheckpointError
from polyregions.experiments.rows_file import RowsFile
from polyregions.experiments.settings import Settings

__all__ = ["Job", "Key", "RowsProgress", "Table", "TableRow", "Unit", "as_table", "run_jobs"]

Key = dict[str, Any]
TableRow = dict[str, Any]
Table = dict[str, NDArray[Any]]
RowsProgress = Callable[[int, int, str], None]


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


def run_jobs(
    name: str,
    config: Settings,
    jobs: Sequence[Job],
    *,
    data: str = "",
    file: str | PathLike[str] | None = None,
    progress: RowsProgress | None = None,
) -> Table:
    """Make the rows of an experiment, but for those that a file has already.

    Parameters
    ----------
    name : str
    config : Settings
    jobs : sequence of Job
    data : str
        Identity of the data.
    file : path, optional
        JSON lines; each row is appended as soon as it is made.
    progress : callable, optional
        Called with (rows done, rows in all, the last row's name).

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
    header = {"experiment": name, "config": config.as_dict(), "data": data}
    known: dict[str, TableRow] = {}
    with RowsFile(file, header) if file is not None else nullcontext() as rows:
        if rows is not None:
            known = {_row_name(row, jobs): row for row in rows.rows}
        total = sum(len(job.keys) for job in jobs)
        try:
            for key, row in _missing(jobs, known):
                known[key] = row
                if rows is not None:
                    rows.append(row)
                if progress is not None:
                    progress(len(known), total, key)
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
