"""Where regions are counted: boxes and polytopes, with the given floats as exact numbers.

Every domain has a `dimension`, the indices of its `free` coordinates, a `box` that holds
it, and says exactly whether it `contains` a point, and which of several.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.arrays import Floats, finite_floats, floats
from polyregions.errors import DomainError
from polyregions.rounding import ROUNDOFF, TINY

if TYPE_CHECKING:
    import cvxpy as cp

__all__ = [
    "Box",
    "Domain",
    "Polytope",
    "cube_about",
    "domain_lists",
]

_LONGEST_EXPRESSION = 200  # characters of an expression that stands for its domain


@dataclass(frozen=True, eq=False, init=False)
class Box:
    """An axis-parallel box; a coordinate with equal bounds is a constant.

    Regions are counted in the *open* box of the free coordinates.

    Parameters
    ----------
    lower, upper : array_like of float, shape (n,)

    Raises
    ------
    DomainError
        If bounds differ in length, are not finite, are in the wrong order, or
        leave no free coordinate.

    Examples
    --------
    >>> box = Box([0.0, 1.0, -1.0], [2.0, 1.0, 1.0])
    >>> box.dimension, box.free.tolist()
    (3, [0, 2])
    """

    lower: Floats
    upper: Floats

    def __init__(self, lower: ArrayLike, upper: ArrayLike) -> None:
        what = "the bounds of a box"
        low = floats(lower, what, DomainError).reshape(-1) + 0.0
        high = floats(upper, what, DomainError).reshape(-1) + 0.0
        if low.shape != high.shape or not low.size:
            raise DomainError(
                f"a box needs as many lower as upper bounds, at least one, "
                f"but got {low.size} and {high.size}"
            )
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise DomainError(
                "the bounds of a box must be finite numbers; "
                "for the whole space use domain=None (--whole-space)"
            )
        if (low > high).any():
            index = int(np.flatnonzero(low > high)[0])
            raise DomainError(
                f"coordinate {index} of the box has lower bound {low[index]!s} above "
                f"upper bound {high[index]!s}; swap them"
            )
        if (low == high).all():
            raise DomainError(
                "every coordinate of the box is fixed, so there is nothing to count; "
                "give at least one coordinate a lower bound below its upper bound"
            )
        low.setflags(write=False)
        high.setflags(write=False)
        object.__setattr__(self, "lower", low)
        object.__setattr__(self, "upper", high)

    @classmethod
    def cube(cls, dimension: int, radius: float) -> Box:
        """Return the cube [-radius, radius]^dimension.

        Parameters
        ----------
        dimension : int
        radius : float

        Returns
        -------
        Box

        Raises
        ------
        DomainError
            As :meth:`interval`.

        Examples
        --------
        >>> Box.cube(2, 1.0)
        Box.interval(2, -1.0, 1.0)
        """
        size = floats(radius, "radii of cubes", DomainError)
        return cls.interval(dimension, (-size).tolist(), size.tolist())

    @classmethod
    def interval(cls, dimension: int, low: float, high: float) -> Box:
        """Return the cube [low, high]^dimension.

        Parameters
        ----------
        dimension : int
        low, high : float

        Returns
        -------
        Box

        Raises
        ------
        DomainError
            If `dimension` is no whole number of at least 1, or the bounds make no box.

        Examples
        --------
        >>> Box.interval(3, 0.0, 1.0).upper
        array([1., 1., 1.])
        """
        given: object = dimension  # of any type at run time
        if not isinstance(given, Integral) or dimension < 1:
            raise DomainError(
                f"the number of coordinates of a box must be a whole number of at least 1, "
                f"not {dimension!r}"
            )
        return cls(np.full(dimension, low), np.full(dimension, high))

    @property
    def dimension(self) -> int:
        """Number of coordinates, fixed ones included."""
        return len(self.lower)

    @property
    def free(self) -> NDArray[np.intp]:
        """Indices of the coordinates that are not fixed."""
        return np.flatnonzero(self.lower < self.upper)

    @property
    def box(self) -> Box:
        """The box itself."""
        return self

    def contains(self, x: Sequence[Fraction] | Floats) -> bool:
        """Return whether a point lies in the open box, exactly.

        Parameters
        ----------
        x : sequence of float or Fraction, length n

        Returns
        -------
        bool
            A fixed coordinate has to have its value.

        Raises
        ------
        DomainError
            If it has another number of coordinates, or one that is no finite real number.

        Examples
        --------
        >>> Box([0.0, 1.0], [2.0, 1.0]).contains([Fraction(1, 3), Fraction(1)])
        True
        """
        sides = zip(
            _exact_coordinates(x, self.dimension),
            self.lower.tolist(),
            self.upper.tolist(),
            strict=True,
        )
        return all(low < value < high or low == value == high for value, low, high in sides)

    def closure_contains(self, points: Floats) -> NDArray[np.bool_]:
        """Return which points lie in the box or on its walls, exactly.

        Parameters
        ----------
        points : numpy.ndarray of float64, shape (k, n)

        Returns
        -------
        numpy.ndarray of bool, shape (k,)

        Examples
        --------
        >>> Box([0.0, 1.0], [2.0, 1.0]).closure_contains(np.array([[2.0, 1.0], [2.0, 1.5]]))
        array([ True, False])
        """
        return np.asarray(((self.lower <= points) & (points <= self.upper)).all(axis=1))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Box)
            and np.array_equal(self.lower, other.lower)
            and np.array_equal(self.upper, other.upper)
        )

    def __hash__(self) -> int:
        return hash((self.lower.tobytes(), self.upper.tobytes()))

    def expression(self) -> str:
        """Return the Python expression that makes the box.

        Returns
        -------
        str

        Examples
        --------
        >>> Box([0.0, 1.0], [2.0, 1.0]).expression()
        'Box([0.0, 1.0], [2.0, 1.0])'
        """
        low, high = set(self.lower.tolist()), set(self.upper.tolist())
        if len(low) == len(high) == 1:
            return f"Box.interval({self.dimension}, {low.pop()}, {high.pop()})"
        return f"Box({self.lower.tolist()}, {self.upper.tolist()})"

    def __repr__(self) -> str:
        text = self.expression()
        if len(text) <= _LONGEST_EXPRESSION:
            return text
        return f"<Box of {self.dimension} inputs, {len(self.free)} of them free>"


@dataclass(frozen=True, eq=False, init=False)
class Polytope:
    """A bounded polytope {x : A x <= b}.

    Regions are counted in the *open* polytope, {x : A x < b}.

    Parameters
    ----------
    A : array_like of float, shape (q, n)
        Its entries are taken as exact numbers, like those of b. Redundant and repeated
        rows are welcome; rows of zeros that always hold are dropped.
    b : array_like of float, shape (q,)

    Attributes
    ----------
    box : Box
        Proven to contain the polytope. A side on which an inequality in one coordinate
        is attained is that bound, if a float; the others leave a little room.

    Raises
    ------
    DomainError
        If the shapes do not fit or a number is not finite; if the polytope is empty, has
        no interior, or is unbounded.

    Notes
    -----
    *Algorithm.* Linear programs in exact arithmetic: a point inside, then the largest and
    smallest value of each coordinate. Meant for up to about 20 coordinates.

    Examples
    --------
    A triangle:

    >>> triangle = Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
    >>> triangle.dimension, triangle.contains([0.25, 0.5]), triangle.contains([0.5, 0.5])
    (2, True, False)
    """

    A: Floats
    b: Floats
    box: Box

    def __init__(self, A: ArrayLike, b: ArrayLike) -> None:
        matrix = floats(A, "the normals A of a polytope", DomainError) + 0.0
        bounds = floats(b, "the bounds b of a polytope", DomainError) + 0.0
        if matrix.ndim != 2 or bounds.ndim != 1 or len(matrix) != len(bounds) or not matrix.size:
            raise DomainError(
                f"a polytope A x <= b needs A of shape (q, n) and b of shape (q,), "
                f"but got {matrix.shape} and {bounds.shape}"
            )
        for name, array in (("A", matrix), ("b", bounds)):
            if not np.isfinite(array).all():
                raise DomainError(
                    f"{name} of the polytope has an entry that is not a finite number; "
                    f"leave out inequalities that say nothing"
                )
        kept = matrix.any(axis=1)
        if (bounds[~kept] < 0).any():
            row = int(np.flatnonzero(~kept & (bounds < 0))[0])
            raise DomainError(
                f"the polytope is empty: row {row} of A is zero, so it says 0 <= {bounds[row]!s}; "
                f"correct that inequality"
            )
        matrix, bounds = matrix[kept], bounds[kept]
        from polyregions.exact.closed import polytope_bounds

        box = Box(*polytope_bounds(matrix, bounds))
        for name, array in (("A", matrix), ("b", bounds)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "box", box)

    @classmethod
    def from_cvxpy(cls, constraints: Sequence[cp.Constraint], variable: cp.Variable) -> Polytope:
        """Return the polytope that affine inequalities of cvxpy describe.

        Parameters
        ----------
        constraints : sequence of cvxpy.Constraint
            Affine inequalities, such as ``A @ x <= b``, ``x >= 0``, ``cp.sum(x) <= 1``.
        variable : cvxpy.Variable, shape (n,)
            Their one variable. Its own sign or bounds, if declared, count as well.

        Returns
        -------
        Polytope

        Raises
        ------
        DomainError
            If a constraint is no affine inequality in the variable, has a parameter
            without a value, or the polytope is one that :class:`Polytope` refuses.

        Notes
        -----
        The numbers are the coefficients of the expressions as cvxpy holds them: exact
        for sums of multiples of distinct entries, rounded where cvxpy itself multiplies
        or adds constants, as in ``0.1 * (0.2 * x)``.

        Examples
        --------
        >>> import cvxpy as cp
        >>> x = cp.Variable(2)
        >>> simplex = Polytope.from_cvxpy([x >= 0, cp.sum(x) <= 1], x)
        >>> simplex.A.tolist(), simplex.b.tolist()
        ([[-1.0, 0.0], [0.0, -1.0], [1.0, 1.0]], [0.0, 0.0, 1.0])
        """
        from polyregions.domain.cvxpy_constraints import inequalities

        return cls(*inequalities(constraints, variable))

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return int(self.A.shape[1])

    @property
    def free(self) -> NDArray[np.intp]:
        """Indices of the coordinates that are not fixed: all of them."""
        return np.arange(self.dimension)

    def contains(self, x: Sequence[Fraction] | Floats) -> bool:
        """Return whether a point lies in the open polytope, exactly.

        Parameters
        ----------
        x : sequence of float or Fraction, length n

        Returns
        -------
        bool

        Raises
        ------
        DomainError
            If it has another number of coordinates, or one that is no finite real number.

        Examples
        --------
        >>> triangle = Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
        >>> triangle.contains([Fraction(1, 3), Fraction(2, 3)])
        False
        """
        return all(slack > 0 for slack in self._slacks(x))

    def closure_contains(self, points: Floats) -> NDArray[np.bool_]:
        """Return which points lie in the polytope or on its walls, exactly.

        Parameters
        ----------
        points : numpy.ndarray of float64, shape (k, n)

        Returns
        -------
        numpy.ndarray of bool, shape (k,)

        Notes
        -----
        *Algorithm.* All slacks in floating point, each with a bound on its rounding error; a
        point for which the bound leaves one open is asked in fractions.

        Examples
        --------
        >>> triangle = Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
        >>> triangle.closure_contains(np.array([[0.25, 0.75], [0.25, 1.0]]))
        array([ True, False])
        """
        with np.errstate(over="ignore", invalid="ignore"):
            slack = self.b - points @ self.A.T
            size = np.abs(points) @ np.abs(self.A.T) + np.abs(self.b)
            error = (self.dimension + 8) * (1.01 * ROUNDOFF * size + TINY)
            sure = np.isfinite(slack)
            inside: NDArray[np.bool_] = np.all(sure & (slack > error), axis=1)
            outside = np.any(sure & (slack < -error), axis=1)
        for index in np.flatnonzero(~(inside | outside)):
            inside[index] = all(exact >= 0 for exact in self._slacks(points[index]))
        return inside

    def _slacks(self, x: Sequence[Fraction] | Floats) -> Iterator[Fraction]:
        """Yield how far a point is from breaking each inequality."""
        point = _exact_coordinates(x, self.dimension)
        for row, bound in zip(self.A.tolist(), self.b.tolist(), strict=True):
            terms = (Fraction(a) * value for a, value in zip(row, point, strict=True) if a)
            yield Fraction(bound) - sum(terms, Fraction(0))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Polytope)
            and np.array_equal(self.A, other.A)
            and np.array_equal(self.b, other.b)
        )

    def __hash__(self) -> int:
        return hash((self.A.shape, self.A.tobytes(), self.b.tobytes()))

    def expression(self) -> str:
        """Return the Python expression that makes the polytope.

        Returns
        -------
        str

        Examples
        --------
        >>> Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1]).expression()
        'Polytope([[-1.0, 0.0], [0.0, -1.0], [1.0, 1.0]], [0.0, 0.0, 1.0])'
        """
        return f"Polytope({self.A.tolist()}, {self.b.tolist()})"

    def __repr__(self) -> str:
        text = self.expression()
        if len(text) <= _LONGEST_EXPRESSION:
            return text
        return f"<Polytope of {len(self.b)} inequalities in {self.dimension} inputs>"


Domain = Box | Polytope


def domain_lists(domain: Domain | None) -> dict[str, list[Any]] | None:
    """Return a domain as JSON holds it; None, the whole space, is null.

    Examples
    --------
    >>> domain_lists(Box.interval(1, 0.0, 0.5))
    {'lower': [0.0], 'upper': [0.5]}
    """
    if domain is None:
        return None
    if isinstance(domain, Polytope):
        return {"A": domain.A.tolist(), "b": domain.b.tolist()}
    return {"lower": domain.lower.tolist(), "upper": domain.upper.tolist()}


def _exact_coordinates(x: Sequence[Fraction] | Floats, dimension: int) -> list[Fraction]:
    exact = np.iterable(x) and any(isinstance(entry, Fraction) for entry in x)
    plain: Any = [0.0 if isinstance(entry, Fraction) else entry for entry in x] if exact else x
    values = finite_floats(plain, "coordinates", DomainError)
    if values.shape != (dimension,):
        raise DomainError(
            f"a point of this domain has shape ({dimension},), not {values.shape}; "
            f"give one number per coordinate"
        )
    return [
        entry if isinstance(entry, Fraction) else Fraction(value)
        for entry, value in zip(x, values.tolist(), strict=True)
    ]


def cube_about(domain: Domain | None, x: Floats, radius: float) -> Domain:
    """Return the part of a domain whose points differ from one by at most a radius per input.

    Parameters
    ----------
    domain : Box, Polytope or None
        None is the whole space.
    x : numpy.ndarray of float64, shape (n,)
        In the domain or on its boundary.
    radius : float

    Returns
    -------
    Box or Polytope
        The cube about the point, whose sides are the floats ``x - radius`` and ``x + radius``,
        cut with the domain.

    Raises
    ------
    DomainError
        If the radius is no positive number, or too small to change an input or too large.

    Examples
    --------
    >>> cube_about(Box.cube(2, 1.0), np.array([1.0, 0.5]), 0.25)
    Box([0.75, 0.25], [1.0, 0.75])
    """
    free = np.arange(len(x)) if domain is None else domain.free
    given: object = radius  # of any type at run time
    if not (isinstance(given, Real) and radius > 0):
        raise DomainError(f"a radius must be a positive number, not {radius!r}")
    with np.errstate(over="ignore"):
        low, high = x - float(radius), x + float(radius)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise DomainError(f"the radius {radius!r} leads beyond all floats; leave it out")
    if not ((low < x) & (x < high))[free].all():
        raise DomainError(f"the radius {radius!r} is lost in the rounding of the point; enlarge it")
    if domain is None:
        return Box(low, high)
    if isinstance(domain, Box):
        return Box(np.maximum(domain.lower, low), np.minimum(domain.upper, high))
    sides = np.eye(len(x))
    return Polytope(np.vstack([domain.A, sides, -sides]), np.concatenate([domain.b, high, -low]))
