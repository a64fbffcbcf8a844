"""What an experiment is, which there are, and how one is run: stopped and resumed, row by row.

The table at the end is the same, however often a run was stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from importlib import import_module
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import CheckpointError, PolyregionsError
from polyregions.experiments.data import Images, load_images
from polyregions.network import Network
from polyregions.run.progress import OnRows, shown_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "NAMES",
    "Configuration",
    "Experiment",
    "Job",
    "Key",
    "RowsFile",
    "Table",
    "TableRow",
    "Unit",
    "as_table",
    "experiment",
    "networks_job",
    "overridden",
    "run_jobs",
]

_Config = TypeVar("_Config", bound="Configuration")
_ROWS_FORMAT = "polyregions experiment 1"

# in the order of the papers, then what is new here
NAMES: dict[str, str] = {
    "regions-in-a-plane": "the picture: regions in the plane through three images, at the start",
    "training": "regions in planes through the origin and two images, while networks learn",
    "label-corruption": "regions along lines through images, for more and more random labels",
    "memorisation": "regions of the plane while points with random labels are learned by heart",
    "learning-rate": "the same task at several learning rates",
    "scale": "larger and smaller biases and weights: density near 0 against the whole count",
    "lines": "regions along lines over the number of units, while networks learn",
    "distance": "how far training, test and random points are from the nearest boundary",
    "sawtooth": "the tent network, and what a little noise on its weights leaves of it",
    "dimensions": "new: the training experiment in subspaces of 3, 4 and 5 dimensions",
    "depth": "new: count / (N^n / n!) against depth, at equal numbers N of units",
    "births": "new: regions that are born, die and survive between checkpoints",
}

# the module of each experiment, whose value there has its name in capitals
_MODULES = {
    "untrained": ("regions-in-a-plane", "scale", "sawtooth"),
    "subspaces": ("training", "dimensions", "depth"),
    "lines": ("label-corruption", "lines", "distance"),
    "memorisation": ("memorisation", "learning-rate"),
    "births": ("births",),
}


@dataclass(frozen=True)
class Configuration:
    """A configuration; its fields have the form of their defaults.

    A default of 3 asks for an integer of at least 1, of 0.5 for a number of at least 0, a
    tuple for one or more of what it holds.

    Parameters
    ----------
    seed : int
        At least 0. Everything that is random depends on it, and on numbers in the row.

    Raises
    ------
    PolyregionsError
        If a value has another form.
    """

    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "seed":
                fits = isinstance(value, int) and not isinstance(value, bool) and value >= 0
                if not fits:
                    raise PolyregionsError(f"the seed must be an integer >= 0, not {value!r}")
                continue
            object.__setattr__(self, field.name, _fitting_value(field.name, value, field.default))

    def as_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON holds it."""
        as_json: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return as_json


def overridden(config: _Config, assignment: str) -> _Config:
    """Return a configuration with one field changed, such as ``"runs=3"``.

    Parameters
    ----------
    config : a frozen dataclass
    assignment : str
        The name of a field and a JSON value.

    Raises
    ------
    PolyregionsError
        If there is no such field or the value does not fit it.

    Examples
    --------
    >>> overridden(experiment("sawtooth").Config(), "depths=[3]").depths
    (3,)
    """
    name, _, text = assignment.partition("=")
    known = {field.name: field.default for field in fields(config)}
    if name not in known:
        raise PolyregionsError(
            f"this experiment has no setting {name!r}; take one of {', '.join(known)}"
        )
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    changed: dict[str, Any] = {name: value}
    return replace(config, **changed)


def _fitting_value(name: str, value: Any, example: Any) -> Any:
    if isinstance(example, tuple):
        if not isinstance(value, (list, tuple)) or not value:
            raise PolyregionsError(
                f"{name} must be a list like {_example_text(example)}, not {value!r}"
            )
        return tuple(_fitting_value(name, entry, example[0]) for entry in value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not isfinite(value):
        raise PolyregionsError(
            f"{name} must hold numbers, as {_example_text(example)}, not {value!r}"
        )
    if isinstance(example, int):
        if value != int(value) or value < 1:
            raise PolyregionsError(f"{name} must hold integers of at least 1, not {value!r}")
        return int(value)
    if value < 0:
        raise PolyregionsError(f"{name} must hold numbers of at least 0, not {value!r}")
    return float(value)


def _example_text(example: Any) -> str:
    return json.dumps(example)


@dataclass(frozen=True)
class Experiment:
    """One question about networks: what is run, the rows it makes, and what they say.

    Attributes
    ----------
    name : str
    Config : type
        Of its configurations.
    jobs : callable
        From a configuration and images (None if it uses none) to the jobs that make the rows.
    findings : callable
        From the table to what it says, in words.
    figure : callable
        From the table to a figure of matplotlib.
    uses_images : bool
    completed : callable
        Adds to the table what follows from its columns.
    """

    name: str
    Config: Any
    jobs: Callable[[Any, Any], Sequence[Job]]
    findings: Callable[[Table], list[str]]
    figure: Callable[[Table], Figure]
    uses_images: bool = True
    completed: Callable[[Table], Table] = dict

    def run(
        self, config: Configuration | None = None, *, data: Images | None = None, **options: Any
    ) -> Table:
        """Make the table.

        Parameters
        ----------
        config : Configuration, optional
            One of ``Config``.
        data : Images, optional
            By default the digits.
        **options
            ``file`` and ``progress`` of :func:`polyregions.experiments.runner.run_jobs`.

        Returns
        -------
        dict of str to numpy.ndarray
            The table, by columns.

        Examples
        --------
        Regions of a sawtooth on [0, 1], and on the line:

        >>> sawtooth = experiment("sawtooth")
        >>> table = sawtooth.run(sawtooth.Config(depths=(1,), noises=(0.0,)))
        >>> table["window"].tolist(), table["whole"].tolist()
        ([2], [3])
        """
        config = config or self.Config()
        images = (data or load_images()) if self.uses_images else None
        jobs, identity = self.jobs(config, images), images.fingerprint if images else ""
        return self.completed(run_jobs(self.name, config.as_dict(), jobs, data=identity, **options))


def experiment(name: str) -> Experiment:
    """Return an experiment.

    Parameters
    ----------
    name : str
        A key of :data:`NAMES`.

    Returns
    -------
    Experiment

    Raises
    ------
    PolyregionsError
        If there is no such experiment.

    Examples
    --------
    >>> experiment("sawtooth").Config().depths
    (2, 4, 6, 8, 10)
    """
    if name not in NAMES:
        raise PolyregionsError(f"there is no experiment {name!r}; take one of {', '.join(NAMES)}")
    home = next(module for module, names in _MODULES.items() if name in names)
    module = import_module(f"polyregions.experiments.{home}")
    found: Experiment = getattr(module, name.replace("-", "_").upper())
    return found


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
