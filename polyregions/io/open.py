"""Results from disk, in either form."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from polyregions.files.reading import file_path
from polyregions.io.partitions import open_partitions
from polyregions.regions import Regions
from polyregions.regions.archive import fields_of, read_result_arrays

__all__ = ["open_regions"]


def open_regions(path: str | PathLike[str]) -> Regions:
    """Read a result that :meth:`polyregions.Regions.save` wrote.

    Parameters
    ----------
    path : str or path-like
        A file ``.npz``, or a folder of Parquet tables (:mod:`polyregions.io.partitions`),
        which is read into memory as a whole.

    Returns
    -------
    Regions

    Raises
    ------
    FormatError
        If the file cannot be read, is truncated or changed, is not a result, or
        was written by a newer version.
    """
    name = file_path(path).name
    if Path(path).is_dir():
        return open_partitions(path)
    return Regions(**fields_of(read_result_arrays(path), name))
