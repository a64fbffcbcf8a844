"""The steepest slope: the exact maximum of the local Lipschitz constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, cast

import numpy as np

from polyregions.analysis.adjacency import require_complete
from polyregions.analysis.affine_maps import ExactMaps, affine_maps, exact_maps, free_inputs
from polyregions.arrays import Floats, Point
from polyregions.errors import PolyregionsError
from polyregions.geometry.double_description import square_root
from polyregions.geometry.witness import nearest_float
from polyregions.pattern import Words
from polyregions.regions import Regions, check_regions
from polyregions.rounding import TINY
from polyregions.run.progress import number_text

__all__ = [
    "Lipschitz",
    "Norm",
    "checked_norm",
    "exact_gradient",
    "gradient_norms",
    "lipschitz",
    "norm_bounds",
    "norm_bracket",
    "steepest_above",
]

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
    lower : Fraction
        Proven: lower <= constant <= upper.
    upper : Fraction or float
        Equal to `lower` for the norms 1 and inf, and about 2^-80 of it away for the norm 2,
        if the constant is `proven`; else infinite if nothing is known.
    regions : tuple of int
        The regions that attain it, and any that the bracket does not tell apart; none if
        regions were not listed.
    point : tuple of Fraction, length n
        Inside of a region whose gradient has a norm of at least `lower`.
    proven : bool
        Whether no region has a steeper gradient than that one, but for what the bracket leaves
        open. Else a search was stopped.
    boxes, cells : int
        Boxes that a search looked at, and those whose regions it listed.
    """

    norm: str
    lower: Fraction
    upper: Fraction | float
    regions: tuple[int, ...]
    point: Point
    proven: bool = True
    boxes: int = 0
    cells: int = 0

    @property
    def value(self) -> float:
        """The lower bound as a float, infinite if it is larger than all."""
        return nearest_float(self.lower)

    def __repr__(self) -> str:
        within = "" if self.proven else f", not proven; at most {number_text(self.upper)}"
        searched = f"; {self.boxes} boxes, {self.cells} listed" if self.boxes else ""
        return f"<Lipschitz: {number_text(self.lower)} in norm {self.norm}{within}{searched}>"


def gradient_norms(regions: Regions, norm: Norm = "2") -> Floats:
    """Return the operator norm of each region's gradient in floating point, shape (R,).

    Infinite only where it is larger than every float.
    """
    check_regions(regions)
    matrix, _ = _free_gradients(regions)
    order = {"1": 1, "2": 2, "inf": np.inf}[checked_norm(norm)]
    norms = np.empty(len(matrix))
    peak = np.abs(matrix).max(axis=(1, 2))
    known = np.isfinite(peak)
    # scaled, since squares leave the range of floats before their root does
    scale = np.where(peak > 0, peak, 1.0)[known, None, None]
    with np.errstate(over="ignore"):
        scaled = np.linalg.norm(matrix[known] / scale, ord=order, axis=(1, 2))
        norms[known] = scaled * scale[:, 0, 0]
    maps, free = exact_maps(regions.network, None), free_inputs(regions).tolist()
    for index in np.flatnonzero(~known).tolist():
        exact = exact_gradient(maps, regions.patterns[index], free)
        norms[index] = nearest_float(norm_bracket(exact, norm)[0])
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
    require_complete(regions, "Lipschitz constants")
    found = steepest_above(regions, checked_norm(norm), -np.inf)
    assert found is not None  # no norm is below all floats
    return found


def steepest_above(regions: Regions, norm: Norm, level: float) -> Lipschitz | None:
    """Return the largest norm of a gradient, or None if it is proven to be at most a level."""
    matrix, error = _free_gradients(regions)
    low, high = norm_bounds(matrix, error, norm)
    candidates = np.flatnonzero(~(high < low.max()) & ~(high <= level))
    maps, free = exact_maps(regions.network, None), free_inputs(regions).tolist()
    brackets: dict[Gradient, tuple[Fraction, Fraction]] = {}
    found = []
    for index in candidates.tolist():
        exact = exact_gradient(maps, regions.patterns[index], free)
        if exact not in brackets:
            brackets[exact] = norm_bracket(exact, norm)
        found.append((index, *brackets[exact]))
    if not found:
        return None
    lower, steepest = max((bottom, -index) for index, bottom, _ in found)
    upper = max(top for _, _, top in found)
    attained = tuple(index for index, _, top in found if top >= lower)
    return Lipschitz(norm, lower, upper, attained, regions[-steepest].exact_witness)


def norm_bracket(gradient: Gradient, norm: Norm) -> tuple[Fraction, Fraction]:
    """Return exact bounds on the norm of a gradient, which are equal for the norms 1 and inf."""
    lower, upper = _exact_bracket([list(row) for row in gradient], norm)
    if norm == "2":  # of the square so far
        return square_root(lower, up=False), square_root(upper, up=True)
    return lower, upper


def exact_gradient(maps: ExactMaps, words: Words, free: Sequence[int]) -> Gradient:
    """Return the gradient of a pattern's affine map by some inputs, one row for each output.

    Parameters
    ----------
    maps : ExactMaps
        On no domain.
    words : numpy.ndarray of uint64, shape (W,)
    free : sequence of int
    """
    _, rows, _ = maps.rows(words)
    return tuple(tuple(Fraction(int(row[i]), maps.scale) for i in free) for row in rows)


def checked_norm(norm: str) -> Norm:
    """Return a norm, or refuse what is none.

    Raises
    ------
    PolyregionsError
    """
    if norm not in {"1", "2", "inf"}:
        raise PolyregionsError(f"there is no norm {norm!r} here; take '1', '2' or 'inf'")
    return cast("Norm", norm)


def _free_gradients(regions: Regions) -> tuple[Floats, Floats]:
    maps = affine_maps(regions)
    free = free_inputs(regions)
    return maps.matrix[:, :, free], maps.error[:, :, free]


def norm_bounds(matrix: Floats, error: Floats, norm: str) -> tuple[Floats, Floats]:
    """Return proven bounds on the norms of gradients whose entries are known up to errors.

    Parameters
    ----------
    matrix, error : numpy.ndarray of float64, shape (R, outputs, n)
        Of each gradient; one that left the range of floats is bounded by nothing.
    norm : {"1", "2", "inf"}

    Returns
    -------
    lower, upper : numpy.ndarray of float64, shape (R,)
        Of all gradients that are in the errors, the smallest norm is at least `lower`.
    """
    low, high = np.full(len(matrix), -np.inf), np.full(len(matrix), np.inf)
    known = np.isfinite(matrix).all(axis=(1, 2)) & np.isfinite(error).all(axis=(1, 2))
    matrix, error = matrix[known], error[known]
    rounding = _relative_rounding(*matrix.shape[1:])
    size = np.abs(matrix)
    with np.errstate(over="ignore", invalid="ignore"):
        across, along = error.sum(axis=1).max(axis=1), error.sum(axis=2).max(axis=1)
        if norm == "1":
            below, slack = size.sum(axis=1).max(axis=1), across
            above = (size + error).sum(axis=1).max(axis=1)
        elif norm == "inf":
            below, slack = size.sum(axis=2).max(axis=1), along
            above = (size + error).sum(axis=2).max(axis=1)
        else:
            below, above = _spectral_bounds(matrix)
            # roots first: products of small numbers underflow
            slack = 1.01 * np.sqrt(across) * np.sqrt(along)
            above = above + slack
        lower = below - above * rounding - slack * 1.01
        upper = above * (1 + 2 * rounding) + TINY
    # a sum that overflowed is no bound below, and one above that is true
    low[known] = np.where(np.isfinite(lower), lower, -np.inf)
    high[known] = np.where(np.isnan(upper), np.inf, upper)
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
