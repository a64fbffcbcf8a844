"""Options about memory and disk, what they mean, and where a command may write."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from polyregions.cli.report import complain
from polyregions.errors import PolyregionsError
from polyregions.regions import Regions

__all__ = [
    "WORKING_SUFFIXES",
    "MemoryOption",
    "ResumeOption",
    "bytes_of",
    "check_found_output",
    "check_output",
    "checkpoint_seconds",
    "ended_by",
    "save_found",
]

ResumeOption = Annotated[
    bool,
    typer.Option("--resume", help="Go on from the checkpoint of a run that was stopped."),
]
MemoryOption = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        help="Stop before the walk's arrays exceed SIZE (500M, 2G), with exit code 3.",
    ),
]

# of folders beside an output while it is made; all but the last hold what a run can go on from
# (repeated here: the modules that make them bring the kernels with them)
WORKING_SUFFIXES = (".checkpoint", ".parts", ".proofs", ".replaced")

_SIZE_UNITS = {"B": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SECONDS_VARIABLE = "POLYREGIONS_CHECKPOINT_SECONDS"


def bytes_of(size: str | None, option: str = "--memory") -> int | None:
    """Read a size such as 500M or 1.5G, the value of an option.

    Raises
    ------
    PolyregionsError
        If it is not a positive number with a unit: K, M, G, T (also KB, GiB) or B.

    Examples
    --------
    >>> bytes_of("1.5G")
    1610612736
    """
    if size is None:
        return None
    match = re.fullmatch(
        r"([0-9]{1,15}(?:\.[0-9]{1,15})?)(?:(B)|([KMGT])(?:i?B)?)", size.strip(), re.IGNORECASE
    )
    count = int(float(match[1]) * _SIZE_UNITS[(match[2] or match[3]).upper()]) if match else 0
    if count < 1:
        raise PolyregionsError(
            f"{option} {size} is not a size; write a positive number with its unit K, M, G or T "
            f"behind it, 2G for instance"
        )
    return count


def checkpoint_seconds() -> float | None:
    """Return the seconds between two checkpoints that the environment sets, if it does.

    Raises
    ------
    PolyregionsError
        If it is not a number of seconds.
    """
    text = os.environ.get(_SECONDS_VARIABLE)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise PolyregionsError(f"{_SECONDS_VARIABLE}={text} is not a number of seconds; unset it")
    return seconds


def ended_by(error: BaseException, output: Path) -> int:
    """Say how to go on with a run that an error ended, and return the exit code.

    The error is raised again where nothing was kept.
    """
    from polyregions.files.atomic import target_of

    target = target_of(output)
    beside = (target.with_name(target.name + suffix) for suffix in WORKING_SUFFIXES[:-1])
    kept = next((folder for folder in beside if (folder / "manifest.json").is_file()), None)
    if kept is None or isinstance(error, BrokenPipeError):
        raise error
    what = {KeyboardInterrupt: "stopped by Ctrl-C", MemoryError: "there is not enough memory"}
    said = what.get(type(error), getattr(error, "strerror", None) or str(error))
    return complain(
        f"{said}; what was found is kept in {kept.name}, and the same command with --resume goes "
        f"on from there",
        code=2 if isinstance(error, OSError) else 3,
    )


def check_found_output(output: Path | None, inputs: Sequence[Path]) -> None:
    """Refuse an output of :func:`save_found` before the work starts."""
    from polyregions.io.graphs import GRAPH_SUFFIXES

    if output is not None:
        check_output(output, [".npz", *GRAPH_SUFFIXES], inputs)


def save_found(regions: Regions, output: Path | None) -> None:
    """Save the regions that a command found, if that is wanted: as a result, or as a graph."""
    from polyregions.io.graphs import write_graph

    if output is not None and output.suffix.lower() == ".npz":
        regions.save(output)
    elif output is not None:
        write_graph(regions, output)


def check_output(
    path: Path,
    suffixes: Sequence[str],
    inputs: Sequence[Path],
    folders: Sequence[str] = (),
) -> None:
    """Refuse an output before the work starts: a file, or with the suffixes `folders` a folder.

    It may not be one of the files that are read, nor may these lie in a folder that is
    written: the output, or one beside it with a further suffix, such as its checkpoint.
    """
    from polyregions.files.atomic import is_stream, target_of

    if path.suffix.lower() not in suffixes:
        raise PolyregionsError(
            f"{path.name} has no known format; end the name in {' or '.join(suffixes)}"
        )
    if path.is_dir() and path.suffix.lower() not in folders:
        raise PolyregionsError(f"{path} is a folder; name a file in it")
    if is_stream(path):
        if path.exists() and not os.access(path, os.W_OK):
            raise PolyregionsError(f"{path} may not be written; choose another output")
        return
    target = target_of(path).absolute()
    folder = target.parent
    if not folder.is_dir():
        raise PolyregionsError(f"there is no folder {path.parent}; create it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PolyregionsError(f"the folder {path.parent} may not be written; choose another one")
    real = Path(os.path.realpath(folder))
    for file in inputs:
        if path.exists() and file.exists() and path.samefile(file):
            raise PolyregionsError(
                f"the output {path.name} is the file {file.name} that is read for the network or "
                f"its domain; choose another name"
            )
        places = [place for place in Path(os.path.realpath(file)).parents if place.parent == real]
        if any(place.name == target.name or _is_beside(place, target) for place in places):
            raise PolyregionsError(
                f"{file.name} is read and lies in a folder that {path.name} writes to; choose "
                f"another output"
            )
    for place in Path(os.path.realpath(target)).parents:
        if place.suffix in WORKING_SUFFIXES and (place / "manifest.json").exists():
            raise PolyregionsError(
                f"{path.name} would lie in {place.name}, a folder of an unfinished run; choose "
                f"another place"
            )


def _is_beside(place: Path, target: Path) -> bool:
    return place.stem == target.name and place.suffix in WORKING_SUFFIXES
