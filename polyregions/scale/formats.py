"""The two forms of a result on disk, by the suffix of its name."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from polyregions.errors import FormatError
from polyregions.files.atomic import is_stream
from polyregions.run.problem import Problem
from polyregions.scale.checkpoint import Checkpoint
from polyregions.walk.walk_state import WalkState, result_of

__all__ = ["OUTPUT_SUFFIXES", "Format", "format_of"]


@dataclass(frozen=True)
class Format:
    """How a result is written.

    Attributes
    ----------
    beyond_memory : bool
        Whether the result is made from the checkpoint, not from arrays in memory.
    write : callable
        From the walk's state to the output; returns the numbers of regions and edges.
        The output appears under its name when it is whole.
    """

    beyond_memory: bool
    write: Callable[[Problem, WalkState, Checkpoint, Path], tuple[int, int]]


def format_of(path: Path) -> Format:
    """Return the format of an output, after a look at what stands in its place.

    Raises
    ------
    FormatError
        If the suffix is unknown, or the name belongs to something of another kind.
    MissingExtraError
        If the format needs a package that is not installed.
    """
    suffix = path.suffix.lower()
    if is_stream(path):
        raise FormatError(
            f"{path} is a pipe or device, and a result grows in files; name a file or folder"
        )
    if suffix not in _FORMATS:
        raise FormatError(
            f"{path.name} has no known format; end the name in {' or '.join(OUTPUT_SUFFIXES)}"
        )
    if suffix == ".parquet":
        from polyregions.io.partitions import check_replaceable

        check_replaceable(path)
    elif path.is_dir():
        raise FormatError(f"{path} is a folder; name a file in it")
    return _FORMATS[suffix]


def _npz(problem: Problem, found: WalkState, checkpoint: Checkpoint, path: Path) -> tuple[int, int]:
    regions = result_of(problem, found)
    # written in the checkpoint's folder: there it is cleared away if the process dies
    whole = checkpoint.folder / "result.npz"
    regions.save(whole)
    os.replace(whole, path)
    return len(regions), len(regions.edges)


def _parquet(
    problem: Problem, found: WalkState, checkpoint: Checkpoint, path: Path
) -> tuple[int, int]:
    from polyregions.scale.partitioning import write_partitions

    return write_partitions(problem, found, checkpoint, path)


_FORMATS = {".npz": Format(False, _npz), ".parquet": Format(True, _parquet)}

OUTPUT_SUFFIXES = tuple(_FORMATS)
