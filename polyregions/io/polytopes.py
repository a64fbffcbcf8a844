"""Polytopes {x : A x <= b} as numpy archives with the arrays A and b."""

from __future__ import annotations

import re
from pathlib import Path

from polyregions.domain import Polytope
from polyregions.errors import DomainError, FormatError, NetworkError
from polyregions.io.exact_floats import exact_floats
from polyregions.io.npz import read_arrays

__all__ = ["load_polytope"]

_POLYTOPE_KEY = re.compile(r"[Ab]\Z")


def load_polytope(path: str | Path) -> Polytope:
    """Read a polytope from a numpy archive.

    Parameters
    ----------
    path : str or Path
        Saved by ``numpy.savez(path, A=A, b=b)``, A of shape (q, n) and b of shape (q,).
        Further arrays are ignored. Pickled arrays are never read.

    Returns
    -------
    Polytope

    Raises
    ------
    FormatError
        If the file is missing, truncated, no numpy archive, or lacks an array.
    DomainError
        If the arrays make no polytope; see :class:`~polyregions.domain.Polytope`.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> path = tempfile.mkdtemp() + "/interval.npz"
    >>> np.savez(path, A=[[1.0], [-2.0]], b=[1.0, 1.0])
    >>> load_polytope(path)
    Polytope([[1.0], [-2.0]], [1.0, 1.0])
    """
    file = Path(path)
    arrays = read_arrays(file, _POLYTOPE_KEY)
    for key in ("A", "b"):
        if key not in arrays:
            raise FormatError(f"{file} has no array {key}; save it with numpy.savez(…, A=A, b=b)")
    try:
        matrix, bounds = (exact_floats(arrays[key], key) for key in ("A", "b"))
        return Polytope(matrix, bounds)
    except (DomainError, NetworkError) as error:
        raise DomainError(f"{file}: {error}") from None
