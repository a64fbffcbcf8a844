"""A region as half-spaces in floating point, each coefficient correctly rounded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import flint
import numpy as np
from numpy.typing import ArrayLike

from polyregions.arrays import Floats, finite_floats
from polyregions.domain import Domain, Polytope
from polyregions.domain.chart import input_chart
from polyregions.errors import DomainError
from polyregions.network import Network
from polyregions.network.exact_network import ExactNetwork, exact_network, exact_rows
from polyregions.pattern import Words, check_pattern, unpack

__all__ = [
    "Halfspaces",
    "domain_halfspaces",
    "exact_on_inputs",
    "region_halfspaces",
    "rounded_rows",
    "unit_rows",
]


@dataclass(frozen=True, eq=False)
class Halfspaces:
    """The closed polytope ``{x : normals @ x + offsets >= 0}``.

    Attributes
    ----------
    normals : numpy.ndarray of float64, shape (m, d)
    offsets : numpy.ndarray of float64, shape (m,)
    """

    normals: Floats
    offsets: Floats

    def __repr__(self) -> str:
        rows, inputs = self.normals.shape
        return f"<Halfspaces: {rows} inequalities in {inputs} inputs>"

    def slack(self, x: ArrayLike) -> Floats:
        """Return ``normals @ x + offsets``: non-negative where a row is satisfied.

        Parameters
        ----------
        x : array_like, shape (d,) or (k, d)

        Returns
        -------
        numpy.ndarray of float64, shape (m,) or (k, m)

        Raises
        ------
        DomainError
            If the points are no finite real numbers, or have another length.

        Examples
        --------
        >>> unit_interval = Halfspaces(np.array([[1.0], [-1.0]]), np.array([0.0, 1.0]))
        >>> unit_interval.slack([0.25])
        array([0.25, 0.75])
        """
        points = finite_floats(x, "points", DomainError)
        d = self.normals.shape[1]
        if points.ndim not in (1, 2) or points.shape[-1] != d:
            raise DomainError(f"points must have shape ({d},) or (k, {d}), not {points.shape}")
        return np.asarray(points @ self.normals.T + self.offsets)


def region_halfspaces(network: Network, domain: Domain | None, pattern: Words) -> Halfspaces:
    """Return the polytope of a pattern in the free inputs of the domain.

    Parameters
    ----------
    network : Network
    domain : Box, Polytope or None
        Fixed coordinates are substituted; ``None`` is the whole space.
    pattern : numpy.ndarray of uint64, shape (W,)

    Returns
    -------
    Halfspaces
        Over the d free inputs, in the order of ``domain.free``. Row i < N is unit
        i's pre-activation, signed so that the pattern's side is non-negative;
        a unit that is identically zero keeps its row, of zeros. Then come
        ``x_k - lower_k`` and ``upper_k - x_k`` for each free input k in turn; for a
        polytope ``b - A @ x`` instead.

    Raises
    ------
    DomainError
        If the domain's dimension is not the network's.
    NetworkError
        If it is no packed pattern.

    Notes
    -----
    *Algorithm.* The rows are computed in exact integers and rounded once, so a
    row that is zero is zero and a row's sign is right. A row too large or too
    small for a float is multiplied by a power of two, which moves no half-space.

    Examples
    --------
    >>> from polyregions.domain import Box
    >>> net = Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
    >>> polytope = region_halfspaces(net, Box.cube(1, 1.0), net.pattern([0.25]))
    >>> np.column_stack([polytope.normals, polytope.offsets])
    array([[ 1. ,  0. ],
           [-1. ,  0.5],
           [ 1. ,  1. ],
           [-1. ,  1. ]])
    """
    exact = exact_on_inputs(network, domain)
    units = network.hidden_units
    bits = unpack(check_pattern(pattern, units), units)
    table = rounded_rows(exact, exact_rows(exact, bits)[:units], range(units))
    table = np.concatenate([table, domain_halfspaces(domain, table.shape[1] - 1)])
    return Halfspaces(table[:, :-1], table[:, -1])


def domain_halfspaces(domain: Domain | None, dimension: int) -> Floats:
    """Return the rows (normal, offset) of a domain in its free inputs, shape (q, d + 1).

    They are exact, in the order of :func:`region_halfspaces`; none for the whole space.
    """
    if domain is None:
        return np.empty((0, dimension + 1))
    if isinstance(domain, Polytope):
        return np.column_stack([-domain.A, domain.b])
    free = domain.free
    sides = np.zeros((2 * len(free), len(free) + 1))
    for k, i in enumerate(free.tolist()):
        sides[2 * k, [k, -1]] = 1.0, -domain.lower[i]
        sides[2 * k + 1, [k, -1]] = -1.0, domain.upper[i]
    return sides


def unit_rows(rows: Floats) -> Floats:
    """Scale rows (normal, offset) to normals of unit length; those of zeros become NaN."""
    with np.errstate(all="ignore"):
        # the largest entry first: squares of tiny or huge rows leave the float range
        rows = rows / np.abs(rows[:, :-1]).max(axis=1, initial=0.0)[:, None]
        return np.asarray(rows / np.linalg.norm(rows[:, :-1], axis=1)[:, None])


@lru_cache(maxsize=4)
def exact_on_inputs(network: Network, domain: Domain | None) -> ExactNetwork:
    """Return the exact network whose chart coordinates are the free inputs themselves."""
    return exact_network(network, input_chart(domain, network.input_dimension))


def rounded_rows(
    exact: ExactNetwork, rows: Iterable[Sequence[flint.fmpz]], units: Iterable[int]
) -> Floats:
    """Return exact rows of some units as floats, each entry rounded once.

    Parameters
    ----------
    exact : ExactNetwork
        Whose rows they are (:func:`exact_on_inputs`).
    rows : iterable of rows of d + 1 integers
    units : iterable of int
        The unit that each is of.

    Returns
    -------
    numpy.ndarray of float64, shape (k, d + 1)
    """
    factors = _unit_factors(exact)
    table = [_rounded_row(row, factors[unit]) for row, unit in zip(rows, units, strict=True)]
    return np.array(table).reshape(-1, exact.chart.dimension + 1)


def _unit_factors(exact: ExactNetwork) -> list[int]:
    """Return, per unit that bends, the power of two by which its exact row is multiplied."""
    transform = exact.chart.transform
    factor = int(transform[transform.nrows() - 1, transform.ncols() - 1])
    factors = []
    # integers of a layer carry the denominators of all below
    for layer in exact.layers:
        factor *= layer.weight_scale
        factors += [factor] * sum(layer.bends)
        factor *= layer.slope_scale
    return factors


def _rounded_row(row: Sequence[flint.fmpz], factor: int) -> list[float]:
    """Divide a row by a power of two and round each entry once."""
    # sizes near 1000 bits would leave the range of floats: half-spaces do not mind the factor
    entries = [int(entry) for entry in row]
    size = max(abs(entry) for entry in entries).bit_length() - factor.bit_length()
    if any(entries) and size > 1000:
        factor <<= size - 1000
    elif any(entries) and size < -1000:
        entries = [entry << (-1000 - size) for entry in entries]
    return [entry / factor for entry in entries]
