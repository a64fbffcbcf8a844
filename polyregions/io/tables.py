"""Tables of regions and of edges: Parquet, CSV or .npz, one row each.

A table is a mapping of column names to arrays of one length, so that columns of your
own (volumes, norms, classes) go into the same file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from os import PathLike
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.arrays import Arrays
from polyregions.errors import FormatError, kind_of
from polyregions.files.archives import write_npz
from polyregions.files.atomic import atomic_write
from polyregions.files.reading import import_extra, known_suffix
from polyregions.pattern import to_text, unpack
from polyregions.regions import Regions, check_regions

__all__ = ["TABLE_SUFFIXES", "edge_table", "region_table", "write_table"]


def region_table(regions: Regions, **columns: ArrayLike) -> Arrays:
    """Return one row per region.

    Parameters
    ----------
    regions : Regions
    **columns : array_like, shape (R,)
        Further columns, such as ``volume=volumes(regions)``.

    Returns
    -------
    dict of str to numpy.ndarray
        ``region`` (the index), ``pattern`` (hexadecimal text), ``degree``, the witness
        ``x0``, ``x1``, …, then the further columns.

    Raises
    ------
    FormatError
        If a column has another length.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> table = region_table(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)))
    >>> list(table), table["degree"]
    (['region', 'pattern', 'degree', 'x0'], array([1, 1]))
    """
    check_regions(regions)
    size = len(regions)
    table: Arrays = {
        "region": np.arange(size),
        "pattern": np.array([to_text(words) for words in regions.patterns], dtype=np.str_),
        "degree": np.bincount(regions.edges.ravel(), minlength=size),
    }
    table |= {f"x{axis}": column for axis, column in enumerate(regions.witnesses.T)}
    for name, values in columns.items():
        column = np.asarray(values)
        if column.shape != (size,):
            raise FormatError(
                f"the column {name!r} has shape {column.shape}, not one entry for each of the "
                f"{size} regions"
            )
        table[name] = column
    return table


def edge_table(regions: Regions) -> Arrays:
    """Return one row per edge.

    Parameters
    ----------
    regions : Regions

    Returns
    -------
    dict of str to numpy.ndarray, shape (E,) each
        ``source`` and ``target``; the units that switch as text, ``units``, and the lowest of
        them, ``unit``.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [2.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])])
    >>> edge_table(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)))["units"]
    array(['0;1'], dtype='<U3')
    """
    check_regions(regions)
    bits = unpack(regions.edge_units, regions.network.hidden_units)
    texts = [";".join(map(str, np.flatnonzero(row).tolist())) for row in bits]
    return {
        "source": regions.edges[:, 0].astype(np.int64),
        "target": regions.edges[:, 1].astype(np.int64),
        "unit": bits.argmax(axis=1) if len(bits) else np.zeros(0, dtype=np.int64),
        "units": np.array(texts, dtype=np.str_),
    }


def write_table(table: Any, path: str | PathLike[str]) -> None:
    """Write a table to a file, whole or not at all.

    Parameters
    ----------
    table : mapping of str to numpy.ndarray of shape (k,) each, structured array or DataFrame
        As the functions here return it, or a report (:meth:`polyregions.Regions.report`).
    path : str or path-like
        ``.parquet`` (extra ``parquet``), ``.csv`` or ``.npz``.

    Raises
    ------
    FormatError
        If the name has another suffix.
    MissingExtraError
        If pyarrow is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_table({"x": np.array([0.5, 1.0])}, f"{folder}/out.csv")
    ...     Path(f"{folder}/out.csv").read_text().split()
    ['x', '0.5', '1.0']
    """
    columns = _columns_of(table)
    writer = _TABLE_WRITERS[known_suffix(path, TABLE_SUFFIXES, "table")]
    if writer is _write_parquet_table:
        import_extra("pyarrow.parquet", "parquet", "writing Parquet")
    with atomic_write(path) as stream:
        writer(columns, stream)


def _columns_of(table: Any) -> dict[str, NDArray[Any]]:
    names = table.dtype.names if isinstance(table, np.ndarray) else table
    try:
        columns = {str(name): np.asarray(table[name]) for name in names}
    except (TypeError, IndexError, KeyError):
        raise FormatError(
            f"a table is a mapping of names to columns, a structured array or a DataFrame, not "
            f"{kind_of(table)}"
        ) from None
    if len({column.shape[:1] for column in columns.values()}) > 1:
        raise FormatError("the columns of a table must have one length")
    # names in a DataFrame are objects
    return {k: v.astype(np.str_) if v.dtype.kind == "O" else v for k, v in columns.items()}


def _write_parquet_table(table: Mapping[str, NDArray[Any]], stream: BinaryIO) -> None:
    pyarrow = import_extra("pyarrow", "parquet", "writing Parquet")
    parquet = import_extra("pyarrow.parquet", "parquet", "writing Parquet")
    columns = {
        name: pyarrow.array(values.tolist() if values.dtype.kind == "U" else values)
        for name, values in table.items()
    }
    parquet.write_table(pyarrow.table(columns), stream)


def _write_csv_table(table: Mapping[str, NDArray[Any]], stream: BinaryIO) -> None:
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow(table)
    # Python's numbers print with all digits needed to read them back
    writer.writerows(zip(*(values.tolist() for values in table.values()), strict=True))
    text.detach()


def _write_npz_table(table: Mapping[str, NDArray[Any]], stream: BinaryIO) -> None:
    write_npz(stream, table)


_TABLE_WRITERS = {
    ".parquet": _write_parquet_table,
    ".csv": _write_csv_table,
    ".npz": _write_npz_table,
}

TABLE_SUFFIXES = tuple(_TABLE_WRITERS)
