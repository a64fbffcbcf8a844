"""Slices: a network looked at on a line, a plane or a small subspace of its input.

A slice is the affine map u -> origin + basis @ u and a window in u. The floats of
`origin` and `basis` *are* the slice: they are computed once, in floating point, and
everything after that is exact for them. A restricted network has the same units, so
a pattern found on the slice is a pattern of the whole network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from polyregions.arrays import Floats, finite_floats
from polyregions.domain import Box, Domain
from polyregions.errors import DomainError
from polyregions.network.network import Network

__all__ = ["Line", "Plane", "Slice", "fix", "fixed_box", "random_subspace"]


@dataclass(frozen=True, eq=False)
class Slice:
    """An affine slice of an input space and the window to look at.

    Parameters
    ----------
    origin : numpy.ndarray of float64, shape (n,)
    basis : numpy.ndarray of float64, shape (n, k)
        Column j is the direction of slice coordinate u_j.
    domain : Box, Polytope or None
        The window, in slice coordinates; None is the whole slice.
    labels : tuple of str, optional
        Names of the coordinates, as pictures show them.
    marks : tuple of (str, numpy.ndarray), optional
        Inputs on the slice that pictures mark, with their names.

    Examples
    --------
    >>> diagonal = Slice(np.zeros(2), np.ones((2, 1)), Box.cube(1, 1.0))
    >>> diagonal.to_input([0.5])
    array([0.5, 0.5])
    """

    origin: Floats
    basis: Floats
    domain: Domain | None
    labels: tuple[str, ...] = ()
    marks: tuple[tuple[str, Floats], ...] = ()

    def __post_init__(self) -> None:
        origin = np.array(finite_floats(self.origin, "origins", DomainError))
        basis = np.array(finite_floats(self.basis, "directions", DomainError))
        if basis.ndim != 2 or origin.shape != basis.shape[:1] or 0 in basis.shape:
            raise DomainError(
                f"a slice needs an origin of shape (n,) and a basis of shape (n, k), "
                f"but got {origin.shape} and {basis.shape}"
            )
        if self.domain is not None and self.domain.dimension != basis.shape[1]:
            raise DomainError(
                f"the window has {self.domain.dimension} coordinates but the slice has "
                f"{basis.shape[1]}; give one interval per direction"
            )
        labels = self.labels or tuple(f"coordinate {j}" for j in range(basis.shape[1]))
        if len(labels) != basis.shape[1]:
            raise DomainError(
                f"a slice of {basis.shape[1]} coordinates has {len(labels)} labels; give one each"
            )
        object.__setattr__(self, "labels", labels)
        for name, array in (("origin", origin), ("basis", basis)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def __repr__(self) -> str:
        kind = type(self).__name__
        window = "no window" if self.domain is None else f"window {self.domain!r}"
        return f"<{kind} of {self.dimension} of {len(self.origin)} dimensions, {window}>"

    @property
    def dimension(self) -> int:
        """Number k of slice coordinates."""
        return int(self.basis.shape[1])

    def restrict(self, network: Network) -> Network:
        """Return the network on the slice, a function of the slice's coordinates.

        Parameters
        ----------
        network : Network
            Of n inputs.

        Returns
        -------
        Network
            As :meth:`Network.on_slice` returns it: k inputs, and the same outputs.

        Raises
        ------
        NetworkError
            As :meth:`Network.on_slice`.

        Examples
        --------
        >>> net = Network.from_arrays([([[1.0, 1.0]], [0.0]), ([[1.0]], [0.0])])
        >>> Slice(np.zeros(2), np.ones((2, 1)), None).restrict(net).forward([0.5])
        array([1.])
        """
        return network.on_slice(self.origin, self.basis)

    def to_input(self, u: ArrayLike) -> Floats:
        """Return the inputs of slice points, in floating point.

        Parameters
        ----------
        u : array_like, shape (k,) or (p, k)

        Returns
        -------
        numpy.ndarray of float64, shape (n,) or (p, n)

        Examples
        --------
        >>> Slice(np.array([1.0, 0.0]), np.array([[0.0], [1.0]]), None).to_input([[0.5], [2.0]])
        array([[1. , 0.5],
               [1. , 2. ]])
        """
        return np.asarray(self._coordinates(u) @ self.basis.T + self.origin)

    def coordinates(self, x: ArrayLike) -> Floats:
        """Return the slice coordinates of inputs, in floating point.

        Parameters
        ----------
        x : array_like, shape (n,) or (p, n)

        Returns
        -------
        numpy.ndarray of float64, shape (k,) or (p, k)
            Of the point of the slice that is nearest: the inverse of :meth:`to_input`
            for inputs on the slice, and their orthogonal projection for others.

        Raises
        ------
        DomainError
            If the inputs have another length, or are no finite numbers.

        Examples
        --------
        >>> plane = Plane.through([0, 0, 1], [2, 0, 1], [0, 2, 1])
        >>> plane.coordinates([[1, 1, 1], [2, 1, 5]])
        array([[0., 0.],
               [1., 0.]])
        """
        array = finite_floats(x, "inputs", DomainError)
        n = len(self.origin)
        if array.ndim not in (1, 2) or array.shape[-1] != n:
            raise DomainError(f"inputs must have shape ({n},) or (p, {n}), not {array.shape}")
        return np.asarray((array - self.origin) @ np.linalg.pinv(self.basis).T)

    def gradient_to_input(self, gradient: ArrayLike) -> Floats:
        """Return the input-space vector of a gradient taken along the slice.

        Parameters
        ----------
        gradient : array_like, shape (k,) or (p, k)
            Derivatives in slice coordinates.

        Returns
        -------
        numpy.ndarray of float64, shape (n,) or (p, n)
            The component along the slice of the full gradient: the one vector in the
            span of the basis with these derivatives. What points out of the slice
            cannot be seen on it: ``network.affine_map(pattern)`` has the full gradient.

        Examples
        --------
        >>> Slice(np.zeros(2), np.array([[2.0], [0.0]]), None).gradient_to_input([6.0])
        array([3., 0.])
        """
        inverse = np.linalg.pinv(self.basis)
        return np.asarray(self._coordinates(gradient) @ inverse)

    def _coordinates(self, u: ArrayLike) -> Floats:
        array = finite_floats(u, "slice coordinates", DomainError)
        if array.ndim not in (1, 2) or array.shape[-1] != self.dimension:
            raise DomainError(
                f"slice coordinates must have shape ({self.dimension},) or "
                f"(p, {self.dimension}), not {array.shape}"
            )
        return array


@dataclass(frozen=True, eq=False, repr=False)
class Line(Slice):
    """A line, with a window of one coordinate: the distance from the origin."""

    @classmethod
    def through(
        cls,
        p: ArrayLike,
        q: ArrayLike,
        *,
        margin: float = 1.25,
        names: Sequence[str] = ("a", "b"),
    ) -> Line:
        """Return the line through two points, centred between them.

        Parameters
        ----------
        p, q : array_like, any shape of n numbers
        margin : float
            The window reaches `margin` times half the distance to both sides; 1 is
            the segment from p to q.
        names : sequence of str
            Of the two points, as pictures show them.

        Returns
        -------
        Line

        Raises
        ------
        DomainError
            If the points coincide or do not fit each other.

        Examples
        --------
        >>> line = Line.through([0.0, 0.0], [0.0, 4.0], margin=1.0)
        >>> line.origin, line.basis.T, line.domain
        (array([0., 2.]), array([[0., 1.]]), Box.interval(1, -2.0, 2.0))
        """
        start, end = _flat_points(p, q)
        (direction,), (length,) = _orthonormal([end - start])
        middle = start + (end - start) / 2
        first, last = _checked_names(names, 2)
        return cls(
            middle,
            direction[:, None],
            _window(1, margin * length / 2),
            (f"{first} → {last}",),
            ((first, start), (last, end)),
        )


@dataclass(frozen=True, eq=False, repr=False)
class Plane(Slice):
    """A plane, with a square window in two orthonormal coordinates."""

    @classmethod
    def through(
        cls,
        p: ArrayLike,
        q: ArrayLike,
        r: ArrayLike,
        *,
        margin: float = 1.25,
        names: Sequence[str] = ("a", "b", "c"),
    ) -> Plane:
        """Return the plane through three points.

        Parameters
        ----------
        p, q, r : array_like, any shape of n numbers
        margin : float
            The window is the square about the circumcentre of the points whose
            half-side is `margin` times the circumradius (Hanin & Rolnick 2019).
        names : sequence of str
            Of the three points, as pictures show them.

        Returns
        -------
        Plane

        Raises
        ------
        DomainError
            If the points lie on one line or do not fit each other.

        Notes
        -----
        *Algorithm*: Gram-Schmidt from p gives q = (b, 0) and r = (c, d); the
        circumcentre is (b/2, (c^2 + d^2 - b c) / 2d).

        Examples
        --------
        >>> plane = Plane.through([0, 0, 1], [2, 0, 1], [0, 2, 1], margin=1.0)
        >>> plane.origin, plane.domain
        (array([1., 1., 1.]), Box.interval(2, -1.4142135623730951, 1.4142135623730951))
        """
        corner, second, third = _flat_points(p, q, r)
        (e, f), (length, d) = _orthonormal([second - corner, third - corner])
        along = float((third - corner) @ e)
        centre = np.array([length / 2, (along * along + d * d - length * along) / (2 * d)])
        basis = np.column_stack([e, f])
        radius = float(np.hypot(*centre))
        a, b, c = _checked_names(names, 3)
        return cls(
            corner + basis @ centre,
            basis,
            _window(2, margin * radius),
            (f"{a} → {b}", f"across, towards {c}"),
            ((a, corner), (b, second), (c, third)),
        )


def random_subspace(
    input_dimension: int,
    dimension: int,
    seed: int,
    *,
    origin: ArrayLike | None = None,
    radius: float = 1.0,
) -> Slice:
    """Return a subspace with a uniformly random direction and a cube as its window.

    Parameters
    ----------
    input_dimension : int
        Number n of inputs.
    dimension : int
        Number k of slice coordinates, orthonormal.
    seed : int
    origin : array_like, shape (n,), optional
        A point of the slice, the centre of the window; by default 0.
    radius : float
        The window is [-radius, radius]^k.

    Returns
    -------
    Slice

    Raises
    ------
    DomainError
        If k is not in 1, …, n, the origin is no point of n numbers, or the radius makes no cube.

    Examples
    --------
    >>> random_subspace(784, 2, seed=0).basis.shape
    (784, 2)
    """
    if not 1 <= dimension <= input_dimension:
        raise DomainError(
            f"a subspace of {input_dimension} inputs has 1 to {input_dimension} dimensions, "
            f"not {dimension}"
        )
    rng = np.random.default_rng(seed)
    directions, _ = _orthonormal(list(rng.normal(size=(dimension, input_dimension))))
    point = np.zeros(input_dimension) if origin is None else _flat_points(origin)[0]
    return Slice(point, np.column_stack(directions), _window(dimension, radius))


def fix(network: Network, values: Mapping[int, float], domain: Box | None = None) -> Slice:
    """Return the slice on which some inputs have fixed values.

    Parameters
    ----------
    network : Network
    values : mapping of int to float
        Input number to its value.
    domain : Box, optional
        A box of all inputs; the window is its part in the other inputs. By default
        the whole slice.

    Returns
    -------
    Slice
        Its coordinates are the other inputs, in their order.

    Raises
    ------
    DomainError
        If an input does not exist, a value is not finite or outside the box, or no
        input stays free.

    Examples
    --------
    >>> net = Network.from_arrays([([[1.0, 2.0]], [0.0]), ([[1.0]], [0.0])])
    >>> half = fix(net, {1: 0.5})
    >>> half.restrict(net).forward([2.0])
    array([3.])
    """
    if not isinstance(network, Network) or not isinstance(values, Mapping):
        raise DomainError(
            "inputs are fixed in a network, by number: fix(network, {3: 0.5}); read a file with "
            "polyregions.load first"
        )
    n = network.input_dimension
    values = _checked_values(values, n)
    free = [index for index in range(n) if index not in values]
    if not free:
        raise DomainError("every input is fixed, so there is nothing to count; leave one free")
    origin = np.zeros(n)
    origin[list(values)] = list(values.values())
    window = None
    if domain is not None:
        fixed = fixed_box(domain, values)
        window = Box(fixed.lower[free], fixed.upper[free])
    return Slice(origin, np.eye(n)[:, free], window, tuple(f"input {index}" for index in free))


def fixed_box(box: Box, values: Mapping[int, float]) -> Box:
    """Return a box with some coordinates fixed to values inside it.

    Examples
    --------
    >>> fixed_box(Box.cube(2, 1.0), {1: 0.5})
    Box([-1.0, 0.5], [1.0, 0.5])
    """
    lower, upper = box.lower.copy(), box.upper.copy()
    for index, value in _checked_values(values, box.dimension).items():
        if not lower[index] <= value <= upper[index]:
            raise DomainError(
                f"input {index} cannot be fixed to {value}, which is outside "
                f"[{lower[index]!s}, {upper[index]!s}] of the box"
            )
        lower[index] = upper[index] = value
    return Box(lower, upper)


def _checked_values(values: Mapping[int, float], n: int) -> dict[int, float]:
    for index in values:
        if index not in range(n):
            raise DomainError(f"there is no input {index!r}; the inputs are 0 to {n - 1}")
    numbers = finite_floats(list(values.values()), "values of fixed inputs", DomainError)
    if numbers.ndim != 1:
        raise DomainError("an input is fixed to one number; give one for each")
    return dict(zip(map(int, values), numbers.tolist(), strict=True))


def _flat_points(*points: ArrayLike) -> list[Floats]:
    arrays = [finite_floats(point, "points", DomainError).reshape(-1) for point in points]
    if len({array.size for array in arrays}) > 1 or not arrays[0].size:
        sizes = ", ".join(str(array.size) for array in arrays)
        raise DomainError(f"the points of a slice have {sizes} numbers; give equally many")
    return arrays


def _checked_names(names: Sequence[str], count: int) -> list[str]:
    texts = list(map(str, names))
    if isinstance(names, str) or len(texts) != count:
        raise DomainError(f"{count} points have {count} names, not {names!r}; give one for each")
    return texts


def _orthonormal(vectors: list[Floats]) -> tuple[list[Floats], list[float]]:
    """Return an orthonormal basis by Gram-Schmidt, and the lengths of what was new."""
    basis: list[Floats] = []
    lengths = []
    for vector in vectors:
        size = float(np.linalg.norm(vector))
        rest = vector
        # twice is enough: the second pass removes what rounding left of the first
        for _ in range(2):
            for direction in basis:
                rest = rest - (rest @ direction) * direction
        length = float(np.linalg.norm(rest))
        # a shorter rest is rounding noise, and would point anywhere
        if not np.isfinite(size) or not length > 1e-12 * size:
            raise DomainError(
                "the points of the slice coincide or lie on one line, or are too far apart; "
                "give points in general position"
            )
        basis.append(rest / length)
        lengths.append(length)
    return basis, lengths


def _window(dimension: int, radius: float) -> Box:
    if not (np.isfinite(radius) and radius > 0):
        raise DomainError(f"the window of a slice needs a positive radius, not {radius}")
    return Box.cube(dimension, radius)
