"""Exact vertices and faces of one polytope: the double description method.

Points are homogeneous columns of integers (x, s) with s > 0, in lowest terms, so equal
points are equal tuples. A face is known by the set of its vertices, kept as the bits
of an integer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import product
from math import factorial, gcd, isqrt, prod

import flint

from polyregions.errors import DomainError
from polyregions.geometry.witness import nearest_float

__all__ = [
    "MOST_INPUTS",
    "DoubleDescription",
    "IntegerColumn",
    "cube_polytope",
    "face_measure",
    "float_root",
    "polytope_of",
    "square_root",
]

MOST_INPUTS = 20  # beyond, the vertices of a cube alone are more than a million

IntegerColumn = tuple[int, ...]
IntegerRow = Sequence[int]


class DoubleDescription:
    """A polytope of full dimension in R^m by its vertices and their tight rows.

    Attributes
    ----------
    dimension : int
    rows : list of rows of m + 1 integers
        ``row[:m] @ u + row[m] >= 0``.
    vertices : tuple of homogeneous columns
    tight : tuple of int
        Bit i is set iff row i vanishes at the vertex.
    """

    def __init__(
        self, rows: Sequence[IntegerRow], vertices: Sequence[IntegerColumn], tight: Sequence[int]
    ) -> None:
        self.rows = tuple(tuple(row) for row in rows)
        self.dimension = len(self.rows[0]) - 1
        self.vertices = tuple(vertices)
        self.tight = tuple(tight)

    def cut(self, row: IntegerRow) -> DoubleDescription | None:
        """Return the part where a row is non-negative, or None if it has no interior.

        Notes
        -----
        *Algorithm.* One step of the double description method (Motzkin et al. 1953):
        vertices on the wrong side go, and every edge that crosses the hyperplane leaves
        a new vertex. Two vertices span an edge iff no third one lies on all the rows
        that are tight at both.

        Examples
        --------
        >>> square = cube_polytope(2)
        >>> triangle = square.cut([1, 1, 0])
        >>> sorted(triangle.points())[0]
        (Fraction(-1, 1), Fraction(1, 1))
        >>> len(triangle.vertices), square.cut([1, 0, -1]) is None
        (3, True)
        """
        values = [sum(a * x for a, x in zip(row, v, strict=True)) for v in self.vertices]
        if not any(value < 0 for value in values):
            return self  # the row is zero, or carries no facet, or another row's
        if not any(value > 0 for value in values):
            return None
        bit = 1 << len(self.rows)
        kept = {
            v: tight | (0 if value else bit)
            for v, tight, value in zip(self.vertices, self.tight, values, strict=True)
            if value >= 0
        }
        # vertices on the hyperplane stay; a new one is where an edge has ends on both sides
        above = [i for i, value in enumerate(values) if value > 0]
        below = [i for i, value in enumerate(values) if value < 0]
        for i in above:
            for j in below:
                shared = self.tight[i] & self.tight[j]
                if self._is_edge(i, j, shared):
                    kept[_crossing(self.vertices[i], values[i], self.vertices[j], values[j])] = (
                        shared | bit
                    )
        return DoubleDescription([*self.rows, tuple(row)], list(kept), list(kept.values()))

    def _is_edge(self, i: int, j: int, shared: int) -> bool:
        # an edge lies on m - 1 independent rows at least
        if shared.bit_count() < self.dimension - 1:
            return False
        return not any(
            tight & shared == shared for k, tight in enumerate(self.tight) if k not in (i, j)
        )

    def points(self) -> list[tuple[Fraction, ...]]:
        """Return the vertices as fractions."""
        return [tuple(Fraction(x, v[-1]) for x in v[:-1]) for v in self.vertices]

    @cached_property
    def facets(self) -> dict[int, int]:
        """Facets as bit sets of vertices, with the first row that carries each."""
        found: dict[int, int] = {}
        for number in range(len(self.rows)):
            members = sum(1 << k for k, tight in enumerate(self.tight) if tight >> number & 1)
            if members.bit_count() >= self.dimension and members not in found:
                found[members] = number
        # a row that touches the polytope in a lower-dimensional face carries no facet
        return {
            members: number
            for members, number in found.items()
            if not any(members & other == members != other for other in found)
        }

    @cached_property
    def faces(self) -> list[set[int]]:
        """Faces as bit sets of vertices, by dimension 0, …, m.

        Notes
        -----
        *Algorithm.* Going down: the facets of a face are the largest of its proper
        intersections with the polytope's facets.
        """
        levels = [{(1 << len(self.vertices)) - 1}]
        for _ in range(self.dimension):
            levels.append({below for face in levels[-1] for below in self.facets_of(face)})
        return levels[::-1]

    def facets_of(self, face: int) -> list[int]:
        """Return the facets of a face, both as bit sets of vertices."""
        if face.bit_count() == 1:
            return []
        cuts = {face & facet for facet in self.facets} - {0, face}
        return [cut for cut in cuts if not any(cut & other == cut != other for other in cuts)]

    def volume(self) -> Fraction:
        """Return the exact volume.

        Notes
        -----
        *Algorithm.* Pulling triangulation (Cohen & Hickey 1979): a face is the union of
        the pyramids from its first vertex over those of its facets that do not hold it,
        down to simplices, whose volumes are determinants.

        Examples
        --------
        >>> cube_polytope(3).cut([1, 1, 1, 0]).volume()
        Fraction(4, 1)
        """
        total = sum((size for _, size in self._sizes()), flint.fmpq(0))
        total /= factorial(self.dimension)
        return Fraction(int(total.p), int(total.q))

    def centroid(self) -> tuple[Fraction, ...]:
        """Return the exact centre of mass: the mean of all points.

        Examples
        --------
        >>> [str(x) for x in cube_polytope(2).cut([1, 1, 0]).centroid()]
        ['1/3', '1/3']
        """
        total, sums = flint.fmpq(0), [flint.fmpq(0)] * self.dimension
        for corners, size in self._sizes():
            total += size
            for k in range(self.dimension):
                sums[k] += size * sum((flint.fmpq(c[k], c[-1]) for c in corners), flint.fmpq(0))
        means = [value / (total * (self.dimension + 1)) for value in sums]
        return tuple(Fraction(int(mean.p), int(mean.q)) for mean in means)

    def _sizes(self) -> Iterator[tuple[list[IntegerColumn], flint.fmpq]]:
        """Yield the corners of each simplex of a triangulation, and m! times its volume."""
        for simplex in self.simplices():
            columns = [self.vertices[k] for k in simplex]
            scale = prod(column[-1] for column in columns)
            yield columns, flint.fmpq(abs(int(flint.fmpz_mat(columns).det())), scale)

    def simplices(self, face: int = -1, dimension: int = -1) -> list[list[int]]:
        """Return a triangulation of a face: lists of its dimension + 1 vertex numbers.

        The whole polytope by default.
        """
        whole = (1 << len(self.vertices)) - 1
        start, corners = (whole, self.dimension + 1) if face < 0 else (face, dimension + 1)
        found = []
        waiting: list[tuple[list[int], int]] = [([], start)]
        while waiting:
            apexes, face = waiting.pop()
            # a face with as many vertices as a simplex has is one
            if face.bit_count() + len(apexes) == corners:
                rest = [k for k in range(len(self.vertices)) if face >> k & 1]
                found.append(apexes + rest)
                continue
            # always the lowest vertex: faces that two faces share are divided alike
            first = face & -face
            apex = first.bit_length() - 1
            waiting += [
                ([*apexes, apex], below) for below in self.facets_of(face) if not below & first
            ]
        return found


def cube_polytope(dimension: int) -> DoubleDescription:
    """Return the cube [-1, 1]^m.

    Raises
    ------
    DomainError
        If its 2^m vertices are too many.
    """
    if dimension > MOST_INPUTS:
        raise DomainError(
            f"exact vertices are for few inputs, at most {MOST_INPUTS}, not {dimension}: a cube "
            f"alone has 2^{dimension}; fix some inputs or take a slice"
        )
    rows = []
    for k in range(dimension):
        for sign in (1, -1):
            row = [0] * dimension + [1]
            row[k] = sign
            rows.append(row)
    vertices = [(*corner, 1) for corner in product((-1, 1), repeat=dimension)]
    tight = [
        sum(1 << (2 * k + (side > 0)) for k, side in enumerate(vertex[:-1])) for vertex in vertices
    ]
    return DoubleDescription(rows, vertices, tight)


def polytope_of(dimension: int, rows: Sequence[IntegerRow]) -> DoubleDescription | None:
    """Return the part of the cube [-1, 1]^m where all rows are non-negative.

    Returns
    -------
    DoubleDescription or None
        None proves that it has no interior. The cube's rows come first.
    """
    found: DoubleDescription | None = cube_polytope(dimension)
    for row in rows:
        if found is None:
            return None
        found = found.cut(row)
    return found


def _crossing(above: IntegerColumn, up: int, below: IntegerColumn, down: int) -> IntegerColumn:
    """Return the point between two vertices where a row with these values vanishes."""
    column = [up * b - down * a for a, b in zip(above, below, strict=True)]
    divisor = gcd(*column)
    return tuple(entry // divisor for entry in column)


def square_root(square: Fraction, *, up: bool) -> Fraction:
    """Return a fraction below (or above) a square root, within 2^-100 of it relatively.

    Examples
    --------
    >>> square_root(Fraction(1, 4), up=True)
    Fraction(1, 2)
    """
    if square == 0:
        return square
    exponent = square.denominator.bit_length() - square.numerator.bit_length() + 210
    exponent += exponent % 2
    scaled = square * Fraction(2) ** exponent
    whole = isqrt(scaled.numerator // scaled.denominator)
    exact = whole * whole == scaled
    return Fraction(whole + (up and not exact)) / Fraction(2) ** (exponent // 2)


def float_root(square: Fraction) -> float:
    """Return a square root as a float, though the square may be none; infinite beyond all.

    Examples
    --------
    >>> float_root(Fraction(1, 10**340)), float_root(Fraction(10**400))
    (1e-170, 1e+200)
    """
    return nearest_float(square_root(square, up=False))


def face_measure(
    polytope: DoubleDescription, face: int, dimension: int, corners: Sequence[Sequence[Fraction]]
) -> Fraction | float:
    """Return the volume of a face of a polytope, of the given dimension.

    Parameters
    ----------
    polytope : DoubleDescription
    face : int
        Its vertices, as the bits of an integer.
    dimension : int
        0 counts the point.
    corners : sequence of points
        The polytope's vertices in the coordinates in which to measure.

    Returns
    -------
    Fraction or float
        A fraction for a point; else a sum of roots, rounded.

    Notes
    -----
    *Algorithm.* A simplex of a triangulation with sides s has the square volume
    det(s s^T) / (d!)^2, computed exactly.

    Examples
    --------
    >>> square = cube_polytope(2)
    >>> face_measure(square, 0b11, 1, square.points())
    2.0
    """
    if dimension == 0:
        return Fraction(1)
    total = 0.0
    for simplex in polytope.simplices(face, dimension):
        first, *others = (corners[k] for k in simplex)
        sides = [[a - b for a, b in zip(point, first, strict=True)] for point in others]
        gram = [
            [sum((a * b for a, b in zip(s, t, strict=True)), Fraction(0)) for t in sides]
            for s in sides
        ]
        entries = [[flint.fmpq(x.numerator, x.denominator) for x in row] for row in gram]
        square = flint.fmpq_mat(entries).det()
        total += float_root(Fraction(int(square.p), int(square.q)) / factorial(dimension) ** 2)
    return total
