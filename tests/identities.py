"""Identities that every complete result satisfies, checked in exact arithmetic.

``check_identities`` is called on results of any enumeration. Cells of all dimensions
are found from exact vertices, so it is meant for small results.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.domain import Box
from polyregions.domain.chart import chart_of
from polyregions.exact.facets import exact_facets
from polyregions.network import Network
from polyregions.network.exact_network import exact_network, exact_rows

__all__ = ["Cells", "cells", "check_identities"]

Point = tuple[Fraction, ...]


class Cells(NamedTuple):
    """Cells of the domain's subdivision, in chart coordinates.

    `by_codimension[j]` counts those of codimension j that meet the open domain;
    `border` counts the points of the domain's boundary where cells of codimension
    n - 1 end.
    """

    by_codimension: tuple[int, ...]
    border: int


def check_identities(
    network: Network,
    domain: Box | None,
    patterns: Sequence[Sequence[int]] | NDArray[np.uint8],
    edges: Sequence[Sequence[int]] | NDArray[np.integer],
    *,
    generic: bool = False,
) -> None:
    """Assert the identities of a complete result.

    `patterns` are unpacked bits, one row per region; `edges` pairs of their indices.
    `generic` says that no three boundaries meet in a point (items 3 only).
    """
    exact = exact_network(network, chart_of(domain, network.input_dimension))
    m = exact.chart.dimension
    n_regions, n_edges = len(patterns), len(edges)
    assert len({tuple(map(int, bits)) for bits in patterns}) == n_regions
    pairs = {(min(i, j), max(i, j)) for i, j in np.asarray(edges).reshape(-1, 2).tolist()}
    assert len(pairs) == n_edges
    assert all(i != j for i, j in pairs)

    # item 2, region by region: every facet inside the domain is one edge
    degrees = np.bincount(np.asarray(edges, dtype=int).ravel(), minlength=n_regions)
    facets = [_facets_inside(exact_rows(exact, bits), exact.hidden_units) for bits in patterns]
    np.testing.assert_array_equal(degrees, facets)
    # item 6
    assert sum(facets) <= 2 * m * n_regions

    if m > 3:
        return
    found = cells(network, domain, patterns)
    counts = found.by_codimension
    assert counts[0] == n_regions
    assert counts[1] == n_edges  # item 2 again, from cells; for m = 1 it is item 4
    assert sum((-1) ** j * count for j, count in enumerate(counts)) == 1  # item 1
    if generic and m == 2:
        assert 2 * (n_regions - 1) == 2 * counts[2] + found.border  # item 3


def _facets_inside(rows: list[list[flint.fmpz]], n_units: int) -> int:
    answer = exact_facets(rows)
    assert answer is not None, "a pattern of the result has no region"
    return sum(group[-1] < n_units for group in answer.groups)


def cells(
    network: Network, domain: Box | None, patterns: Sequence[Sequence[int]] | NDArray[np.uint8]
) -> Cells:
    """Count cells of every codimension: faces of regions, told apart by their vertices."""
    exact = exact_network(network, chart_of(domain, network.input_dimension))
    m = exact.chart.dimension
    walls = [_fractions(row) for row in exact.chart.rows.tolist()]
    inside: list[set[frozenset[Point]]] = [set() for _ in range(m + 1)]
    for bits in patterns:
        for face in _faces(exact_rows(exact, bits)):
            if not any(all(_value(wall, p) == 0 for p in face) for wall in walls):
                inside[m - _dimension(face)].add(face)
    ends = {point for curve in inside[m - 1] for point in curve}
    border = {p for p in ends if any(_value(wall, p) == 0 for wall in walls)}
    return Cells(tuple(len(faces) for faces in inside), len(border))


def _faces(rows: list[list[flint.fmpz]]) -> set[frozenset[Point]]:
    """All faces of a polytope as sets of vertices: intersections of facets, and itself."""
    answer = exact_facets(rows)
    assert answer is not None
    carrying = [rows[group[0]] for group in answer.groups]
    m = len(rows[0]) - 1
    fractions = [_fractions(row) for row in carrying]
    vertices = set()
    for subset in combinations(carrying, m):
        normals = flint.fmpz_mat([row[:m] for row in subset])
        if normals.rank() < m:
            continue
        solution = normals.solve(flint.fmpz_mat([[-row[m]] for row in subset]))
        point = tuple(Fraction(int(v.p), int(v.q)) for v in solution.entries())
        if all(_value(row, point) >= 0 for row in fractions):
            vertices.add(point)
    facets = {frozenset(p for p in vertices if _value(row, p) == 0) for row in fractions}
    faces = {frozenset(vertices)} | facets
    fresh = facets
    while fresh:
        fresh = {a & b for a in fresh for b in facets} - faces - {frozenset()}
        faces |= fresh
    return faces


def _fractions(row: Sequence[flint.fmpz]) -> tuple[Fraction, ...]:
    return tuple(Fraction(int(entry)) for entry in row)


def _value(row: Sequence[Fraction], point: Point) -> Fraction:
    return sum((a * x for a, x in zip(row, point, strict=False)), row[-1])


def _dimension(face: frozenset[Point]) -> int:
    first, *others = face
    if not others:
        return 0
    differences = [[a - b for a, b in zip(p, first, strict=True)] for p in others]
    entries = [[flint.fmpq(d.numerator, d.denominator) for d in row] for row in differences]
    return int(flint.fmpq_mat(entries).rank())
