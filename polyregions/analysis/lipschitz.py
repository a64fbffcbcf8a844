"""The steepest slope: the exact maximum of the local Lipschitz constant."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from polyregions.analysis.adjacency import require_complete
from polyregions.analysis.affine_maps import affine_maps, exact_affine_map, free_inputs
from polyregions.arrays import Floats
from polyregions.errors import PolyregionsError
from polyregions.geometry.double_description import square_root
from polyregions.geometry.witness import nearest_float
from polyregions.regions import Regions, check_regions

__all__ = ["Lipschitz", "gradient_norms", "lipschitz"]

ExactMatrix = list[list[Fraction]]
Gradient = tuple[tuple[Fraction, ...], ...]
Norm = Literal["1", "2", "inf"]

_SQUARINGS = 6
_BITS = 80  # relative width 2^-_BITS of the bracket of a 2-norm, where it can be had


@dataclass(frozen=True)
class Lipschitz:
    """The Lipschitz constant of a network on its domain.

    Attributes
    ----------
    norm : {"1", "2", "inf"}
        Of inputs and outputs alike; matrices have the operator norm.
    lower, upper : Fraction
        Proven: lower <= constant <= upper. Equal for the norms 1 and inf.
    regions : tuple of int
        The regions that attain it, and any that the bracket does not tell apart.
    """

    norm: str
    lower: Fraction
    upper: Fraction
    regions: tuple[int, ...]

    @property
    def value(self) -> float:
        """The lower bound as a float, infinite if it is larger than all."""
        return nearest_float(self.lower)


def gradient_norms(regions: Regions, norm: Norm = "2") -> Floats:
    """Return the operator norm of each region's gradient in floating point, shape (R,).

    Infinite only where it is larger than every float.
    """
    check_regions(regions)
    matrix, _ = _free_gradients(regions)
    order = {"1": 1, "2": 2, "inf": np.inf}[_checked_norm(norm)]
    norms = np.empty(len(matrix))
    peak = np.abs(matrix).max(axis=(1, 2))
    known = np.isfinite(peak)
    # scaled, since squares leave the range of floats before their root does
    scale = np.where(peak > 0, peak, 1.0)[known, None, None]
    with np.errstate(over="ignore"):
        scaled = np.linalg.norm(matrix[known] / scale, ord=order, axis=(1, 2))
        norms[known] = scaled * scale[:, 0, 0]
    for index in np.flatnonzero(~known).tolist():
        exact = _exact_gradient(regions, index)
        value, _ = _exact_bracket([list(row) for row in exact], norm)
        norms[index] = nearest_float(square_root(value, up=False) if norm == "2" else value)
    return norms


def lipschitz(regions: Regions, norm: Norm = "2") -> Lipschitz:
    """Return the Lipschitz constant on the domain: the largest norm of a gradient.

    A domain is convex, so the largest local constant is the global one.

    Parameters
    ----------
    regions : Regions
        Complete.
    norm : {"1", "2", "inf"}
        Of inputs and outputs alike.

    Returns
    -------
    Lipschitz

    Raises
    ------
    PartialResultError
        If the enumeration was stopped early.
    PolyregionsError
        If the norm is not one of the three.

    Notes
    -----
    *Algorithm.* Floating-point bounds on every region's norm leave a few candidates,
    whose gradients are then computed as fractions. Norms 1 and inf are rational. The
    square of the 2-norm is the largest eigenvalue of G = A A^T; it is at least the
    Rayleigh quotient of any vector and at most t if t - G is positive definite, both
    decided in fractions. In floats it is at most the Frobenius norm of G^64 to the
    power 1/64.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[3, 4], [1, 0]], [0, 0]), ([[1, 1]], [0])])
    >>> found = lipschitz(pr.enumerate_regions(net, pr.Box.cube(2, 1.0)), "1")
    >>> found.lower, found.upper, found.regions
    (Fraction(4, 1), Fraction(4, 1), (1, 3))
    """
    _checked_norm(norm)
    require_complete(regions, "Lipschitz constants")
    matrix, error = _free_gradients(regions)
    low, high = _float_bounds(matrix, error, norm)
    candidates = np.flatnonzero(~(high < low.max()))
    brackets: dict[Gradient, tuple[Fraction, Fraction]] = {}
    found = []
    for index in candidates.tolist():
        exact = _exact_gradient(regions, index)
        if exact not in brackets:
            brackets[exact] = _exact_bracket([list(row) for row in exact], norm)
        found.append((index, *brackets[exact]))
    lower = max(bracket[1] for bracket in found)
    upper = max(bracket[2] for bracket in found)
    attained = tuple(index for index, _, top in found if top >= lower)
    if norm == "2":  # brackets are of the square so far
        lower, upper = square_root(lower, up=False), square_root(upper, up=True)
    return Lipschitz(norm, lower, upper, attained)


def _exact_gradient(regions: Regions, index: int) -> Gradient:
    free = free_inputs(regions).tolist()
    rows = exact_affine_map(regions.network, regions.patterns[index])
    return tuple(tuple(row[i] for i in free) for row in rows)


def _checked_norm(norm: str) -> str:
    if norm not in {"1", "2", "inf"}:
        raise PolyregionsError(f"there is no norm {norm!r} here; take '1', '2' or 'inf'")
    return norm


def _free_gradients(regions: Regions) -> tuple[Floats, Floats]:
    maps = affine_maps(regions)
    free = free_inputs(regions)
    return maps.matrix[:, :, free], maps.error[:, :, free]


def _float_bounds(matrix: Floats, error: Floats, norm: str) -> tuple[Floats, Floats]:
    """Return proven lower and upper bounds on each norm, shape (R,) each.

    A map that left the range of floats is bounded by nothing.
    """
    low, high = np.full(len(matrix), -np.inf), np.full(len(matrix), np.inf)
    known = np.isfinite(matrix).all(axis=(1, 2)) & np.isfinite(error).all(axis=(1, 2))
    matrix, error = matrix[known], error[known]
    rounding = _relative_rounding(*matrix.shape[1:])
    size = np.abs(matrix)
    with np.errstate(over="ignore", invalid="ignore"):
        if norm == "1":
            below = above = size.sum(axis=1).max(axis=1)
            slack = error.sum(axis=1).max(axis=1)
        elif norm == "inf":
            below = above = size.sum(axis=2).max(axis=1)
            slack = error.sum(axis=2).max(axis=1)
        else:
            below, above = _spectral_bounds(matrix)
            # no squares, which underflow
            slack = error.sum(axis=(1, 2))
        low[known] = np.nan_to_num(below - above * rounding - slack * 1.01, nan=-np.inf)
        high[known] = np.nan_to_num(above * (1 + rounding) + slack * 1.01, nan=np.inf)
    low[low == np.inf] = -np.inf  # a sum that overflowed is none
    return low, high


def _relative_rounding(rows: int, columns: int) -> float:
    """Bound the rounding of each float norm, relative to the exact norm of the float matrix.

    Notes
    -----
    With u = 2^-53, a sum of k products is wrong by k u times the sum of their absolute
    values, in any order; and s = rows + columns. The sums of the 1- and inf-norm: s u. For the
    2-norm, relative to its square, where a Frobenius norm is at most sqrt(s) times as large:
    the Gram matrix, s^2 u; each squaring, 2 s^2 u, which counts half as much as the one before,
    so together 4 s^2 u; their Frobenius norms, 2 s^2 u; logarithms, at most 2 log(s) each and
    _SQUARINGS of them added, 4 s^2 u and some; for the lower bound ``|A^T v| / |v|``, 2 s^2 u.
    All of it is less than 16 s^2 u, and 256 u covers the single operations between.
    """
    return (16 * (rows + columns) ** 2 + 256) * 2.0**-53


def _spectral_bounds(matrix: Floats) -> tuple[Floats, Floats]:
    peak = np.abs(matrix).max(axis=(1, 2))
    scale = np.where(peak > 0, peak, 1.0)
    scaled = matrix / scale[:, None, None]
    gram = scaled @ scaled.transpose(0, 2, 1)
    vector = np.linalg.eigh(gram)[1][:, :, -1:]
    # |A^T v| / |v| is a lower bound whatever the vector is
    below = np.linalg.norm(scaled.transpose(0, 2, 1) @ vector, axis=(1, 2))
    below = below / np.linalg.norm(vector, axis=(1, 2))
    logarithm, power = np.zeros(len(matrix)), gram
    for step in range(_SQUARINGS):
        size = np.linalg.norm(power, axis=(1, 2))
        size = np.where(size > 0, size, 1.0)
        logarithm += np.log(size) / 2**step
        power = power / size[:, None, None]
        power = power @ power
    last = np.maximum(np.linalg.norm(power, axis=(1, 2)), 1e-300)
    above = np.exp((logarithm + np.log(last) / 2**_SQUARINGS) / 2)
    return below * scale, np.where(peak > 0, above * scale, 0.0)


def _exact_bracket(matrix: ExactMatrix, norm: str) -> tuple[Fraction, Fraction]:
    """Return exact bounds on the norm of a matrix, or on its square for the 2-norm."""
    if norm == "1":
        matrix = [list(column) for column in zip(*matrix, strict=True)]
    if norm != "2":
        value = max(sum((abs(entry) for entry in row), Fraction(0)) for row in matrix)
        return value, value
    if len(matrix[0]) < len(matrix):
        matrix = [list(column) for column in zip(*matrix, strict=True)]
    gram = [[_dot(a, b) for b in matrix] for a in matrix]
    if len(gram) == 1:
        return gram[0][0], gram[0][0]
    peak = max(gram[k][k] for k in range(len(gram)))
    if peak == 0:
        return peak, peak
    floats = np.array([[float(entry / peak) for entry in row] for row in gram])
    vector = [Fraction(float(entry)) for entry in np.linalg.eigh(floats)[1][:, -1]]
    lower = _dot(vector, [_dot(row, vector) for row in gram]) / _dot(vector, vector)
    for bits in range(_BITS, 0, -8):
        upper = lower * (1 + Fraction(1, 2**bits))
        if _is_above(gram, upper):
            return lower, upper
    return lower, sum((gram[k][k] for k in range(len(gram))), Fraction(0))


def _dot(a: list[Fraction], b: list[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def _is_above(gram: ExactMatrix, bound: Fraction) -> bool:
    """Whether bound - gram is positive definite: all its pivots are positive."""
    rows = [
        [(bound if i == j else Fraction(0)) - entry for j, entry in enumerate(row)]
        for i, row in enumerate(gram)
    ]
    while rows:
        first, *others = rows
        if first[0] <= 0:
            return False
        rows = [
            [entry - row[0] / first[0] * top for entry, top in zip(row[1:], first[1:], strict=True)]
            for row in others
        ]
    return True
