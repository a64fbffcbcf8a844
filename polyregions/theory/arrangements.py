"""The number of regions of any hyperplane arrangement, exactly.

One hidden layer of ReLU units on the whole space is an arrangement, so this is a count
that shares nothing with the walk.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from polyregions.errors import PolyregionsError

__all__ = ["arrangement_regions"]

# normal entries, then the offset; the first non-zero entry of the normal is 1
Hyperplane = tuple[Fraction, ...]


def arrangement_regions(
    normals: Sequence[Sequence[float | Fraction]], offsets: Sequence[float | Fraction]
) -> int:
    """Return how many regions hyperplanes cut R^n into, whatever their position.

    Parameters
    ----------
    normals : sequence of m sequences of n numbers
        Floats are taken as the rationals they are.
    offsets : sequence of m numbers
        Hyperplane i is ``normals[i] @ x + offsets[i] == 0``; rows with a zero normal
        are no hyperplanes and are left out.

    Returns
    -------
    int

    Raises
    ------
    PolyregionsError
        If the numbers of normals and offsets differ.

    Notes
    -----
    *Algorithm.* Deletion and restriction (Zaslavsky 1975): a further hyperplane adds
    as many regions as the others cut it into. The work grows like the number of regions.

    Examples
    --------
    The braid arrangement of R^3, and five lines of which three meet and two are parallel:

    >>> arrangement_regions([[1, -1, 0], [1, 0, -1], [0, 1, -1]], [0, 0, 0])
    6
    >>> arrangement_regions([[1, 0], [0, 1], [1, 1], [1, 2], [1, 2]], [0, 0, 0, -1, -2])
    14
    """
    if len(normals) != len(offsets):
        raise PolyregionsError(
            f"give one offset per hyperplane: there are {len(normals)} normals "
            f"and {len(offsets)} offsets"
        )
    rows = [
        (*(Fraction(entry) for entry in normal), Fraction(offset))
        for normal, offset in zip(normals, offsets, strict=True)
    ]
    return _regions(_distinct_hyperplanes(rows))


def _regions(hyperplanes: Sequence[Hyperplane]) -> int:
    if hyperplanes and len(hyperplanes[0]) == 2:
        return len(hyperplanes) + 1
    return 1 + sum(
        _regions(_distinct_hyperplanes(_restricted(hyperplanes[:i], last)))
        for i, last in enumerate(hyperplanes)
    )


def _restricted(hyperplanes: Sequence[Hyperplane], last: Hyperplane) -> list[Hyperplane]:
    """Return the traces on `last`, with its first used coordinate eliminated."""
    pivot = next(k for k, entry in enumerate(last[:-1]) if entry)
    return [
        tuple(
            entry - row[pivot] * other
            for k, (entry, other) in enumerate(zip(row, last, strict=True))
            if k != pivot
        )
        for row in hyperplanes
    ]


def _distinct_hyperplanes(rows: Sequence[Hyperplane]) -> list[Hyperplane]:
    """Return each hyperplane once; rows with a zero normal are empty or everything."""
    found: dict[Hyperplane, None] = {}
    for row in rows:
        lead = next((entry for entry in row[:-1] if entry), None)
        if lead is not None:
            found[tuple(entry / lead for entry in row)] = None
    return list(found)
