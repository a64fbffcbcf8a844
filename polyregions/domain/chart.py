"""Every domain as one bounded polytope: the chart from reduced to input coordinates.

All later rooms work in *chart coordinates* u, in which the domain lies in the
cube [-1, 1]^m. A chart is an exact projective map: an input x and its chart
point u satisfy ``(x, 1) ~ transform @ (u, 1)`` up to a positive factor.

* A box has u = (x - centre) / half-width over its free coordinates; the factor is 1.
* A polytope has the chart of a box that holds it, and its inequalities as further rows.
* The whole space R^n of a network without biases: every region is a cone that meets
  the cube, so u = x in [-1, 1]^n.
* The whole space R^n otherwise is homogenised: u = (y, t) with x = y / t and t > 0. Every
  hyperplane then passes through the origin, and the cones over the regions are
  cut by a cube that every one of them meets.

An affine function g.x + e on inputs becomes the affine function
``(g, e) @ transform`` on chart coordinates (multiplied by a positive factor),
so patterns, facets and neighbours are the same in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

import flint
import numpy as np

from polyregions.arrays import Floats
from polyregions.domain.domains import Box, Domain, Polytope
from polyregions.errors import DomainError
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.exact.simplex import column_of
from polyregions.rounding import ROUNDOFF

__all__ = [
    "Chart",
    "binding_inequalities",
    "chart_of",
    "chart_point",
    "check_dimension",
    "cone_chart",
    "input_chart",
]

_KEPT_COORDINATES = 16  # a hint


@dataclass(frozen=True, eq=False)
class Chart:
    """An exact chart of a domain.

    Parameters
    ----------
    transform : flint.fmpz_mat, shape (n + 1, m + 1)
        Chart point (u, 1) to a positive multiple of the input point (x, 1).
    rows : flint.fmpz_mat, shape (q, m + 1)
        The domain: ``row[:m] @ u + row[m] >= 0``. The 2m rows of the cube come first.
    weight_column : int
        The column that an input's constant 1 lands in: m for a box or polytope, the
        last chart coordinate m - 1 for the whole space. It decides where biases go.
    """

    transform: flint.fmpz_mat
    rows: flint.fmpz_mat
    weight_column: int

    @property
    def dimension(self) -> int:
        """Number m of chart coordinates."""
        return int(self.transform.ncols()) - 1

    @property
    def homogeneous(self) -> bool:
        """Whether the domain is a cone over the input space (the whole space)."""
        return self.weight_column < self.dimension

    @cached_property
    def stretch(self) -> float | None:
        """The factor r, a float, if the chart is x = r u, or (x, 1) = u over the whole space.

        None if it is another one.
        """
        if self.transform.nrows() + self.homogeneous != self.transform.ncols():
            return None  # a coordinate is fixed
        if not self.homogeneous and any(
            self.transform[i, self.dimension] for i in range(self.dimension)
        ):
            return None  # it is moved, too
        table = self.transform.tolist()
        first, bottom = table[0][0], 1
        if not self.homogeneous:
            bottom = int(table.pop()[-1])
        for i, row in enumerate(table):
            if any(entry != (first if i == j else 0) for j, entry in enumerate(row)):
                return None
        top = int(first)
        try:
            ratio = top / bottom
        except OverflowError:
            return None
        exact = Fraction(ratio) == Fraction(top, bottom)
        return ratio if exact and ratio > 0 else None

    @cached_property
    def float_rows(self) -> tuple[Floats, Floats]:
        """The domain's rows as columns, normalised to unit length, and bounds on their rounding.

        Shapes (m + 1, q) and (q,); not to be written to.
        """
        m, count = self.dimension, self.rows.nrows()
        cube = min(2 * m, count)
        values = np.zeros((count, m + 1))
        values[np.arange(cube), np.arange(cube) // 2] = 1.0 - 2.0 * (np.arange(cube) % 2)
        values[:cube, m] = 1.0
        peaks = np.ones(count, dtype=object)
        for i in range(cube, count):
            row = [int(self.rows[i, j]) for j in range(m + 1)]
            peaks[i] = max(map(abs, row))
            values[i] = [entry / peaks[i] for entry in row]
        values[cube:] /= np.sqrt((values[cube:, :-1] ** 2).sum(axis=1))[:, None]
        errors = np.abs(values).sum(axis=1) * ((m + 9) * ROUNDOFF)
        # one coordinate of size 1: nothing was rounded
        alone = np.count_nonzero(values[:, :-1], axis=1) == 1
        errors[alone & (peaks == 1)] = 0.0
        return np.ascontiguousarray(values.T), errors

    def to_input(self, point: Sequence[Fraction]) -> tuple[Fraction, ...]:
        """Return the exact input of an exact chart point.

        Raises
        ------
        ZeroDivisionError
            If the chart point lies at infinity.
        """
        column = flint.fmpz_mat([[entry] for entry in column_of(point)])
        *values, scale = map(int, (self.transform * column).entries())
        return tuple(Fraction(value, scale) for value in values)


def chart_of(domain: Domain | None, input_dimension: int) -> Chart:
    """Return the chart of a domain of a network with `input_dimension` inputs.

    Raises
    ------
    DomainError
        If the domain's dimension is not the network's.
    """
    if domain is None:
        return _whole_space(input_dimension)
    check_dimension(domain, input_dimension)
    bounds = np.stack([domain.box.lower, domain.box.upper])
    # the same box is asked about again and again; a large chart is not worth its memory
    known = bounds.shape[1] <= _KEPT_COORDINATES
    chart = _kept_box_chart(bounds.tobytes()) if known else _box_chart(bounds)
    if isinstance(domain, Box):
        return chart
    walls = list(_binding_rows(domain, chart).values())
    return Chart(chart.transform, flint.fmpz_mat(chart.rows.tolist() + walls), chart.weight_column)


def check_dimension(domain: Domain, input_dimension: int) -> None:
    """Refuse a domain whose dimension is not the network's.

    Raises
    ------
    DomainError
    """
    if domain.dimension != input_dimension:
        kind, cure = "box", "one interval per input"
        if isinstance(domain, Polytope):
            kind, cure = "polytope", "one column per input"
        raise DomainError(
            f"the {kind} has {domain.dimension} coordinates but the network reads "
            f"{input_dimension} inputs; give {cure}"
        )


def chart_point(domain: Domain | None, x: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """Return the chart point of an exact input, the inverse of ``chart.to_input``.

    Over the whole space one of the chart points on a ray, inside the cube.

    Examples
    --------
    >>> chart_point(Box([0.0, 1.0], [2.0, 1.0]), [Fraction(1, 2), Fraction(1)])
    (Fraction(-1, 2),)
    """
    if domain is None:
        reach = 2 * max([Fraction(1), *map(abs, x)])
        return tuple(value / reach for value in [*x, Fraction(1)])
    box, point = domain.box, []
    for i in box.free.tolist():
        low, high = Fraction(float(box.lower[i])), Fraction(float(box.upper[i]))
        point.append((2 * x[i] - low - high) / (high - low))
    return tuple(point)


def binding_inequalities(polytope: Polytope) -> list[int]:
    """Return the rows of A that stand in the chart, in order, behind those of the cube.

    The others hold everywhere in the open box around the polytope, or are implied by a
    parallel row.
    """
    box = polytope.box
    return list(_binding_rows(polytope, _box_chart(np.stack([box.lower, box.upper]))))


@lru_cache(maxsize=8)
def cone_chart(input_dimension: int) -> Chart:
    """Return the chart of the whole space for a network without biases."""
    m = input_dimension
    transform = flint.fmpz_mat(m + 1, m + 1)
    for i in range(m + 1):
        transform[i, i] = 1
    return Chart(transform, _cube_rows(m), m)


def input_chart(domain: Domain | None, input_dimension: int) -> Chart:
    """Return the chart whose coordinates are the free inputs themselves; it has no rows.

    Raises
    ------
    DomainError
        If the domain's dimension is not the network's.
    """
    chart_of(domain, input_dimension)  # refuses a domain that does not fit
    n = input_dimension
    free = np.arange(n) if domain is None else domain.free
    transform = np.zeros((n + 1, len(free) + 1))
    if domain is not None:
        transform[:n, -1] = domain.box.lower
    # x = u on free coordinates, x = its bound on fixed ones
    transform[free, -1] = 0.0
    transform[free, np.arange(len(free))] = 1.0
    transform[n, -1] = 1.0
    integers, _ = dyadic_matrix(transform)
    return Chart(integers, flint.fmpz_mat(0, len(free) + 1), len(free))


@lru_cache(maxsize=32)
def _kept_box_chart(bounds: bytes) -> Chart:
    return _box_chart(np.frombuffer(bounds).reshape(2, -1))


def _box_chart(box: Floats) -> Chart:
    """Return the chart of a box, given as its lower above its upper bounds."""
    free = np.flatnonzero(box[0] < box[1])
    n, m = box.shape[1], len(free)
    bounds, exponent = dyadic_matrix(box)
    transform = flint.fmpz_mat(n + 1, m + 1)
    for i in range(n):
        transform[i, m] = bounds[0, i] + bounds[1, i]
    for column, i in enumerate(free.tolist()):
        transform[i, column] = bounds[1, i] - bounds[0, i]
    transform[n, m] = 2 ** (exponent + 1)
    return Chart(transform, _cube_rows(m), m)


@lru_cache(maxsize=8)
def _whole_space(n: int) -> Chart:
    m = n + 1
    transform = flint.fmpz_mat(n + 1, m + 1)
    for i in range(n + 1):
        transform[i, i] = 1
    cube = _cube_rows(m)
    rows = flint.fmpz_mat(2 * m + 1, m + 1)
    for i in range(2 * m):
        for j in range(m + 1):
            rows[i, j] = cube[i, j]
    rows[2 * m, n] = 1
    return Chart(transform, rows, n)


def _binding_rows(polytope: Polytope, chart: Chart) -> dict[int, list[flint.fmpz]]:
    """Return the inequalities on a chart that the cube does not imply, by their number."""
    integers, _ = dyadic_matrix(np.column_stack([-polytope.A, polytope.b]))
    tightest: dict[tuple[flint.fmpz, ...], tuple[flint.fmpq, int]] = {}
    for number, (*normal, offset) in enumerate((integers * chart.transform).tolist()):
        if offset >= sum(map(abs, normal)):
            continue
        divisor = flint.fmpz(0)
        for entry in normal:
            divisor = divisor.gcd(entry)
        key, height = tuple(entry // divisor for entry in normal), flint.fmpq(offset, divisor)
        if key not in tightest or height < tightest[key][0]:
            tightest[key] = height, number
    kept = {}
    for key, (height, number) in tightest.items():
        row = [entry * height.q for entry in key] + [height.p]
        # kernels take a wall's float offset that is zero for an exact one: none may underflow
        if row[-1] and abs(int(row[-1])) / max(abs(int(entry)) for entry in row) < 2.0**-1000:
            raise DomainError(
                f"inequality {number} of the polytope has numbers of too different sizes; "
                f"scale the inputs or round its bound"
            )
        kept[number] = row
    return kept


def _cube_rows(m: int) -> flint.fmpz_mat:
    """Rows of [-1, 1]^m: u_k + 1 >= 0 and 1 - u_k >= 0, in turn."""
    rows = flint.fmpz_mat(2 * m, m + 1)
    for k in range(m):
        rows[2 * k, k] = 1
        rows[2 * k + 1, k] = -1
        rows[2 * k, m] = rows[2 * k + 1, m] = 1
    return rows
