"""One verb for all formats: the suffix decides."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

from polyregions.domain import Domain
from polyregions.errors import DomainError, PolyregionsError
from polyregions.files.atomic import atomic_write
from polyregions.files.reading import known_suffix
from polyregions.pwa.c_file import MOST_TABLE_BYTES, c_file
from polyregions.pwa.pieces import json_file, mat_file
from polyregions.regions import Regions, check_regions
from polyregions.run.display import shown_steps
from polyregions.run.progress import OnSteps

__all__ = ["EXPORT_SUFFIXES", "check_bounded", "export"]

EXPORT_SUFFIXES = (".json", ".mat", ".c")


def export(
    regions: Regions,
    path: str | PathLike[str],
    *,
    max_bytes: int | None = None,
    progress: OnSteps = None,
) -> None:
    """Write the network as a piecewise-affine function, whole or not at all.

    Parameters
    ----------
    regions : Regions
    path : str or path-like
        ``.json``: every region as inequalities ``A x <= b``, the map ``F x + g`` on it, its
        vertices and neighbors. ``.mat``: the same as cell arrays, for MATLAB, MPT3 and GNU
        Octave. ``.c``: one file of C99 that evaluates the network, exactly.
    max_bytes : int, optional
        How large the tables of a C file may be in a program; by default 64 MiB.
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with the numbers of regions done and to be
        done.

    Raises
    ------
    FormatError
        If the name has another suffix, or a C file would be larger than `max_bytes`.
    DomainError
        If a C file is asked for on the whole space.
    PartialResultError
        If a C file is asked for of a result that does not hold all regions.
    NetworkError
        If a number of a map, or of a vertex, is too large for a float.
    PolyregionsError
        If `max_bytes` is no positive whole number, or `progress` neither bool nor callable.

    Notes
    -----
    Numbers in ``.json`` and ``.mat`` are those of the exact regions and maps, each rounded once.
    The C file rounds nothing but its answers: every output is the exact value of the network,
    rounded to the nearest float (:mod:`polyregions.pwa.c_file`). All are in the free inputs;
    only the functions of the C file read the fixed ones, too.

    Examples
    --------
    >>> import json, tempfile
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> path = Path(tempfile.mkdtemp()) / "controller.json"
    >>> export(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)), path)
    >>> region = json.loads(path.read_text())["regions"][2]
    >>> region["A"], region["b"], region["F"], region["g"], region["neighbors"]
    ([[-1.0], [1.0]], [-0.5, 1.0], [[2.0]], [-0.5], [1, -1])
    """
    check_regions(regions)
    suffix = known_suffix(path, EXPORT_SUFFIXES, "export")
    check_bounded(regions.domain, path)
    given: object = max_bytes  # of any type at run time
    if given is not None and not (isinstance(given, int | np.integer) and given >= 1):
        raise PolyregionsError(
            f"max_bytes must be a positive whole number of bytes, not {max_bytes!r}"
        )
    with shown_steps(progress, "regions", "written") as report, atomic_write(path) as stream:
        if suffix == ".c":
            most = MOST_TABLE_BYTES if max_bytes is None else max_bytes
            parts = c_file(regions, Path(path).stem, most, report)
        else:
            parts = (json_file if suffix == ".json" else mat_file)(regions, report)
        for part in parts:
            stream.write(part)


def check_bounded(domain: Domain | None, path: str | PathLike[str]) -> None:
    """Refuse a C file on the whole space.

    Raises
    ------
    DomainError
    """
    if domain is None and Path(path).suffix.lower() == ".c":
        raise DomainError(
            "a C file is for bounded domains, because it checks that its input lies in the "
            "domain; find the regions in a box or a polytope, or export the whole space as .json"
        )
