"""Facets of a small bounded polytope and sides of rows, from all its vertices in fractions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import flint

__all__ = ["groups_by_vertices", "side_by_vertices", "vertices_of"]

Row = Sequence[flint.fmpz]
Vertex = tuple[flint.fmpq, ...]


def vertices_of(rows: Sequence[Row]) -> set[Vertex]:
    """All vertices, each with a 1 at its end: the points of all where m rows meet."""
    m = len(rows[0]) - 1
    found = set()
    for chosen in combinations({tuple(row) for row in rows}, m):
        system = flint.fmpq_mat(m, m, [entry for row in chosen for entry in row[:-1]])
        if system.det() == 0:
            continue
        point = system.solve(flint.fmpq_mat(m, 1, [-row[-1] for row in chosen]))
        vertex = (*(point[d, 0] for d in range(m)), flint.fmpq(1))
        if all(_value(row, vertex) >= 0 for row in rows):
            found.add(vertex)
    return found


def groups_by_vertices(rows: Sequence[Row]) -> list[tuple[int, ...]]:
    """The rows that carry each facet: those tight at vertices that span a hyperplane."""
    m, vertices = len(rows[0]) - 1, vertices_of(rows)
    carriers: dict[frozenset[Vertex], list[int]] = {}
    for i, row in enumerate(rows):
        tight = frozenset(vertex for vertex in vertices if any(row) and _value(row, vertex) == 0)
        if tight and flint.fmpq_mat([list(vertex) for vertex in tight]).rank() == m:
            carriers.setdefault(tight, []).append(i)
    return sorted(map(tuple, carriers.values()))


def side_by_vertices(rows: Sequence[Row], row: Row) -> int | None:
    """The sign of a row inside a polytope with interior, None if it cuts it."""
    values = [_value(row, vertex) for vertex in vertices_of(rows)]
    above, below = max(values) > 0, min(values) < 0
    return None if above and below else int(above) - int(below)


def _value(row: Row, vertex: Vertex) -> flint.fmpq:
    return sum((a * x for a, x in zip(row, vertex, strict=True)), flint.fmpq(0))
