"""Records dealt out to files, so that each file fits into memory and is sorted there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_BUCKETS", "bucket_files", "deal", "take_records"]

MOST_BUCKETS = 256  # their files are open together


@contextmanager
def bucket_files(folder: Path, name: str, count: int) -> Iterator[list[Any]]:
    """Open `count` files for writing, ``name-0`` and so on, while the block runs."""
    with ExitStack() as stack:
        yield [
            stack.enter_context((folder / f"{name}-{index}").open("wb")) for index in range(count)
        ]


def deal(files: Sequence[Any], buckets: NDArray[np.integer[Any]], records: NDArray[Any]) -> None:
    """Write each record to the file with the number that `buckets` gives it."""
    order = np.argsort(buckets, kind="stable")
    ends = np.searchsorted(buckets[order], np.arange(len(files) + 1))
    for index, file in enumerate(files):
        if ends[index] < ends[index + 1]:
            file.write(records[order[ends[index] : ends[index + 1]]].tobytes())


def take_records(path: Path, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Read all records of a file, and delete it."""
    array: NDArray[Any] = np.fromfile(path, dtype=dtype)
    path.unlink()
    return array
