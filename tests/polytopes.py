"""Small polytopes whose facets are known, each of a kind that says who must decide it."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

__all__ = ["POLYTOPES", "Kind", "Polytope", "cube"]


class Kind(IntEnum):
    """What it takes to decide: more than for those before."""

    GENERIC = 0  # floats
    TIED = 1  # rows that coincide or touch, exactly: floats and residues
    SLIVER = 2  # less than any hint apart, or lost in rounding: exact arithmetic


class Polytope(NamedTuple):
    normals: np.ndarray
    offsets: np.ndarray
    groups: list[tuple[int, ...]]
    kind: Kind


def cube(
    n: int,
    extra: list[list[float]],
    groups: list[tuple[int, ...]],
    kind: Kind = Kind.GENERIC,
) -> Polytope:
    """[-1, 1]^n, rows u_k + 1 and 1 - u_k in turn, then extra rows."""
    rows = [[s * float(i == k) for i in range(n)] + [1.0] for k in range(n) for s in (1, -1)]
    table = np.array(rows + extra)
    return Polytope(table[:, :-1], table[:, -1], groups, kind)


def singles(*rows: int) -> list[tuple[int, ...]]:
    return [(row,) for row in rows]


def cross_polytope(n: int) -> Polytope:
    signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * n)).reshape(n, -1).T
    box = cube(n, [[*row, 1.0] for row in signs], [], Kind.TIED)
    # the cube touches the cross-polytope in its vertices only
    return box._replace(groups=singles(*range(2 * n, 2 * n + 2**n)))


POLYTOPES = {
    "interval": cube(1, [], singles(0, 1)),
    "cube 2": cube(2, [], singles(*range(4))),
    "cube 4": cube(4, [], singles(*range(8))),
    "simplex": cube(3, [[-1, -1, -1, -2]], singles(0, 2, 4, 6))._replace(
        offsets=np.array([1.0, 8, 1, 8, 1, 8, -2])
    ),
    "cross-polytope 2": cross_polytope(2),
    "cross-polytope 3": cross_polytope(3),
    "cut off": cube(2, [[1, 1, 0.5], [-1, 0, 0.25]], singles(0, 3, 4, 5)),
    "touches a vertex": cube(2, [[1, 1, 2], [2, 1, 3]], singles(*range(4)), Kind.TIED),
    "touches an edge": cube(3, [[1, 1, 0, 2]], singles(*range(6)), Kind.TIED),
    "far away": cube(2, [[1, 1, 5], [0, -1, 3]], singles(*range(4))),
    "duplicates": cube(
        2,
        [[1, 1, 0.5], [1, 1, 0.5], [1, 0, 1], [1, 1, 1], [1, 1, 1.5]],
        [(0, 6), (1,), (2,), (3,), (4, 5)],
        Kind.TIED,
    ),
    "duplicates that touch": cube(
        2, [[1, 1, 0], [1, 1, 0], [1, 0, 1]], [(1,), (3,), (4, 5)], Kind.TIED
    ),
    "scaled duplicates": cube(
        2,
        [[3, 1.5, 0], [2, 1, 0], [-8, 0, 8], [-(2.0**-40), 0, 2.0**-40]],
        [(1, 6, 7), (2,), (3,), (4, 5)],
        Kind.TIED,
    ),
    "constants and zeros": cube(
        2, [[0, 0, 1], [0, 0, 0], [1, 2, 0]], singles(0, 1, 3, 6), Kind.TIED
    ),
    "parallel": cube(2, [[1, 0, 0.5], [1, 0, 0.25], [1, 0, 0.75]], singles(1, 2, 3, 5)),
    # 2^-30 inside and outside of what is already cut off
    "near-parallel, cuts": cube(2, [[1, 0, 1 - 2.0**-30]], singles(1, 2, 3, 4), Kind.SLIVER),
    "near-parallel, misses": cube(2, [[1, 0, 1 + 2.0**-30]], singles(0, 1, 2, 3), Kind.SLIVER),
    "tilted, cuts": cube(2, [[1, 2.0**-40, 1]], singles(0, 1, 2, 3, 4), Kind.SLIVER),
    "tilted, touches": cube(2, [[1, 2.0**-40, 1 + 2.0**-40]], singles(0, 1, 2, 3), Kind.SLIVER),
    "cuts a corner by 2^-50": cube(2, [[1, 1, 2 - 2.0**-50]], singles(0, 1, 2, 3, 4), Kind.SLIVER),
    "pencil": cube(
        2, [[1, 0, 0], [0, 1, 0], [1, 1, 0], [2, 1, 0], [1, 2, 0]], singles(1, 3, 4, 5), Kind.TIED
    ),
    "pyramid": cube(
        3,
        [[1, 0, -1, 0.5], [-1, 0, -1, 0.5], [0, 1, -1, 0.5], [0, -1, -1, 0.5], [1, 1, -2, 1]],
        singles(0, 1, 2, 3, 4, 6, 7, 8, 9),
        Kind.TIED,
    ),
    # the whole space, as the walk sees it: a cone above the plane t = 1, cut off by the cube
    "cone over a half-line": cube(
        2, [[0, 1, 0], [1, -1, 0], [1, 3, 0]], singles(1, 4, 5), Kind.TIED
    ),
    "cone over a quadrant": cube(
        3,
        [[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [1, 1, -1, 0], [1, 1, 1, 0]],
        singles(1, 3, 5, 6, 7, 8, 9),
        Kind.TIED,
    ),
}
