"""What a worker writes: all regions below a prefix, and the facets that lead out.

One file a prefix, whole or not at all, under a name made of the prefix: a task that is
run again writes the same bytes under the same name.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import CheckpointError, FormatError
from polyregions.io.atomic import atomic_write
from polyregions.io.results import exact_arrays, exact_witnesses_of, read_arrays, write_npz
from polyregions.pattern import Words
from polyregions.regions import Regions

__all__ = ["Part", "part_name", "read_part", "write_part"]

_FORMAT = "polyregions part"


@dataclass(frozen=True, eq=False)
class Part:
    """The regions below a prefix, sorted by pattern and numbered from 0.

    Attributes
    ----------
    patterns : numpy.ndarray of uint64, shape (r, W)
        Of all units.
    witnesses : numpy.ndarray of float64, shape (r, n)
    edges : numpy.ndarray of int32, shape (e, 2)
        Between regions of the part.
    parents : numpy.ndarray of int32, shape (k,)
        The part's regions with a facet that leads out, once for each.
    children : numpy.ndarray of uint64, shape (k, W)
        The patterns beyond.
    exact_witnesses : dict of int to tuple of Fraction
    """

    patterns: Words
    witnesses: NDArray[np.float64]
    edges: NDArray[np.int32]
    parents: NDArray[np.int32]
    children: Words
    exact_witnesses: dict[int, tuple[Fraction, ...]]


def part_name(marks: bytes) -> str:
    """Return the name of a prefix's file."""
    return f"{hashlib.sha256(marks).hexdigest()[:24]}.npz"


def write_part(path: Path, regions: Regions, parents: NDArray[np.int32], children: Words) -> None:
    """Write a part; see :class:`Part`."""
    arrays: dict[str, NDArray[Any]] = {
        "format": np.array(_FORMAT),
        "patterns": regions.patterns,
        "witnesses": regions.witnesses,
        "edges": regions.edges,
        "parents": parents,
        "children": children,
        **exact_arrays(regions.exact_witnesses, regions.network.input_dimension),
    }
    with atomic_write(path) as stream:
        write_npz(stream, arrays)


def read_part(path: Path, sizes: tuple[int, int, int]) -> Part:
    """Read a part with known numbers of regions, edges and facets that lead out.

    Raises
    ------
    CheckpointError
        If it is missing, damaged or another.
    """
    try:
        arrays = read_arrays(path)
        found = tuple(len(arrays[name]) for name in ("patterns", "edges", "parents"))
        if str(arrays["format"]) != _FORMAT or found != sizes:
            raise ValueError("it holds something else")
        n = arrays["witnesses"].shape[1]
        exact = exact_witnesses_of(arrays, sizes[0], n)
        return Part(
            arrays["patterns"],
            arrays["witnesses"],
            arrays["edges"],
            arrays["parents"],
            arrays["children"],
            exact,
        )
    except (ArithmeticError, FormatError, IndexError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the part {path} cannot be used ({error}); do the workers write to this folder? "
            f"if it was damaged, delete {path.parent.parent} to begin again"
        ) from None
