"""What a worker writes: all regions below a prefix, and the facets that lead out.

One file a prefix, whole or not at all, under a name made of the problem and the prefix: a
task that is run again writes the same bytes under the same name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import CheckpointError, FormatError
from polyregions.files.archives import write_npz
from polyregions.files.atomic import atomic_write
from polyregions.network.prefix import Prefix
from polyregions.pattern import Words
from polyregions.regions import Regions
from polyregions.regions.archive import exact_arrays, exact_witnesses_of, read_result_arrays

__all__ = [
    "Part",
    "part_name",
    "proof_name",
    "read_part",
    "read_proof",
    "write_part_file",
    "write_proof",
]

_PART_FORMAT = "polyregions part"
_PROOF_FORMAT = "polyregions piece"


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


def part_name(identity: Mapping[str, str], prefix: Prefix) -> str:
    """Return the name of a prefix's file.

    It differs for every network and domain: a task of an earlier run that ends late cannot
    write over a file of this one.
    """
    words = np.concatenate(prefix).astype("<u8").tobytes()
    digest = hashlib.sha256(repr(sorted(identity.items())).encode() + words)
    return f"{digest.hexdigest()[:24]}.npz"


def write_part_file(
    path: Path, regions: Regions, parents: NDArray[np.int32], children: Words
) -> None:
    """Write a part; see :class:`Part`."""
    arrays: dict[str, NDArray[Any]] = {
        "format": np.array(_PART_FORMAT),
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
    with _refused(path):
        arrays = read_result_arrays(path)
        found = tuple(len(arrays[name]) for name in ("patterns", "edges", "parents"))
        if str(arrays["format"]) != _PART_FORMAT or found != sizes:
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


def proof_name(name: str) -> str:
    """Return the name of a part's piece of a certificate."""
    return f"{name.removesuffix('.npz')}-proof.npz"


def write_proof(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a part's piece of a certificate; see :mod:`polyregions.proof.partial_certificate`."""
    with atomic_write(path) as stream:
        write_npz(stream, {"format": np.array(_PROOF_FORMAT), **arrays})


def read_proof(path: Path) -> dict[str, NDArray[Any]]:
    """Read the piece of a certificate; errors as :func:`read_part`."""
    with _refused(path):
        arrays = read_result_arrays(path)
        if str(arrays["format"]) != _PROOF_FORMAT:
            raise ValueError("it holds something else")
        return arrays


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except (ArithmeticError, FormatError, IndexError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the part {path} cannot be used ({error}); do the workers write to this folder? "
            f"if it was damaged, delete {path.parent.parent} to begin again"
        ) from None
