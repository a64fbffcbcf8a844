"""Regions that meet an open ball, with proof for each."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import flint
import numpy as np
from numpy.typing import ArrayLike

from polyregions.analysis.affine_maps import unit_hyperplanes
from polyregions.arrays import Floats, finite_floats
from polyregions.domain import Box
from polyregions.domain.chart import chart_of
from polyregions.errors import DomainError, PolyregionsError
from polyregions.network import Network
from polyregions.network.exact_network import exact_network, exact_rows
from polyregions.pattern import unpack

__all__ = ["count_in_ball", "nearest_point"]


def nearest_point(normals: Floats, offsets: Floats, centre: Floats) -> tuple[Floats, Floats]:
    """Return the point of a polytope nearest to a centre, and its multipliers.

    Parameters
    ----------
    normals : numpy.ndarray, shape (m, n)
    offsets : numpy.ndarray, shape (m,)
        The polytope is ``{x : normals @ x + offsets >= 0}`` and must not be empty.
    centre : numpy.ndarray, shape (n,)

    Returns
    -------
    point : numpy.ndarray, shape (n,)
    multipliers : numpy.ndarray, shape (m,)
        Non-negative; ``point - centre`` is a positive multiple of ``multipliers @ normals``
        unless it is zero.

    Notes
    -----
    *Algorithm.* Least distance programming as non-negative least squares (Lawson &
    Hanson 1974, chapter 23): an active-set method that ends after finitely many steps.

    Examples
    --------
    >>> corner = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([-1.0, -2.0])
    >>> nearest_point(*corner, np.zeros(2))[0].round(12).tolist()
    [1.0, 2.0]
    """
    from scipy.optimize import nnls

    slack = normals @ centre + offsets
    if (slack >= 0).all():
        return centre.copy(), np.zeros(len(offsets))
    stacked = np.vstack([normals.T, -slack[None, :]])
    target = np.zeros(len(stacked))
    target[-1] = 1.0
    multipliers, _ = nnls(stacked, target)
    residual = stacked @ multipliers - target
    return centre - residual[:-1] / residual[-1], multipliers


def count_in_ball(network: Network, radius: float, centre: ArrayLike | None = None) -> int:
    """Return how many regions of a network meet an open ball, every one with a proof.

    Parameters
    ----------
    network : Network
    radius : float
        Positive.
    centre : array_like, shape (n,), optional
        By default the origin.

    Returns
    -------
    int

    Raises
    ------
    PolyregionsError
        If the radius is not positive, or a region comes closer to the sphere than the
        arithmetic here can tell.

    Notes
    -----
    *Algorithm.* The regions of a cube around the ball are enumerated. One meets the ball
    if a float point of it does: its witness, or a point near its point nearest to the
    centre, both looked up in exact arithmetic. It misses the ball if a non-negative
    combination of its rows, computed exactly, is a half-space that does.

    Examples
    --------
    Four quadrants; a fifth region beyond the ball:

    >>> net = Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -1.5]), ([[1, 1, 1]], [0])])
    >>> count_in_ball(net, 1.0), count_in_ball(net, 1.25)
    (4, 5)
    """
    from polyregions.walk.breadth_first import enumerate_regions

    n = network.input_dimension
    middle = np.zeros(n) if centre is None else finite_floats(centre, "coordinates of a centre")
    if middle.shape != (n,):
        raise DomainError(f"the centre needs {n} coordinates, not {middle.size}")
    if not (radius > 0 and np.isfinite(radius) and np.isfinite(middle).all()):
        raise PolyregionsError("the radius of a ball must be positive and its centre finite")
    # bounds are rounded outwards, so that the cube holds the ball
    cube = Box(np.nextafter(middle - radius, -np.inf), np.nextafter(middle + radius, np.inf))
    regions = enumerate_regions(network, cube)
    square = Fraction(float(radius)) ** 2
    meets = np.array([_in_ball(point, middle, square) for point in regions.witnesses])
    meets[list(regions.exact_witnesses)] = False
    exact = exact_network(network, chart_of(None, n))
    total = int(meets.sum())
    for index, (signed, _) in enumerate(unit_hyperplanes(regions)):
        if meets[index]:
            continue
        normals, shifts = _unit_length(signed[:, :-1], signed[:, -1])
        point, multipliers = nearest_point(normals, shifts, middle)
        tries = _near(point, middle, radius, regions.witnesses[index])
        same = (network.pattern(tries) == regions.patterns[index]).all(axis=1)
        if any(_in_ball(x, middle, square) for x in tries[same]):
            total += 1
            continue
        used = np.flatnonzero(multipliers)
        rows = exact_rows(exact, unpack(regions.patterns[index], network.hidden_units))
        # exact rows are huge multiples of the scaled ones, which these weights undo
        sizes = [int(max(map(abs, rows[i][:n]))) for i in used]
        weights = [
            Fraction(multipliers[i] * np.abs(normals[i]).max()) / size
            for i, size in zip(used, sizes, strict=True)
        ]
        if not _proven_apart([rows[i][: n + 1] for i in used], weights, middle, square):
            raise PolyregionsError(
                "a region comes too close to the sphere to tell; change the radius a little"
            )
    return total


def _unit_length(normals: Floats, offsets: Floats) -> tuple[Floats, Floats]:
    """Return rows of unit length; rows without a normal say nothing and become zero."""
    lengths = np.linalg.norm(normals, axis=1)
    factors = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return normals * factors[:, None], offsets * factors


def _near(point: Floats, centre: Floats, radius: float, witness: Floats) -> Floats:
    """Return points near a boundary point of a region, some of which should be inside it.

    Steps towards the witness leave the boundary; where the ball reaches beyond the
    point by less than such a step, steps away from the centre do.
    """
    out = point - centre
    length = float(np.linalg.norm(out))
    away = out * (radius / length - 1.0) if length > 0 else out
    steps = np.array([0.0, 1e-13, 1e-10, 1e-7, 1e-5, 1e-3])[:, None]
    towards = steps * (witness - point)
    return np.concatenate([point + share * away + towards for share in (0.0, 0.25, 0.5)])


def _in_ball(point: Floats, centre: Floats, square: Fraction) -> bool:
    return _distance_squared(point.tolist(), centre.tolist()) < square


def _proven_apart(
    rows: Sequence[Sequence[flint.fmpz]],
    weights: Sequence[Fraction],
    centre: Floats,
    square: Fraction,
) -> bool:
    """Return whether the half-space ``sum of weights * rows >= 0`` misses the open ball."""
    normal = [
        sum((w * int(row[k]) for w, row in zip(weights, rows, strict=True)), Fraction(0))
        for k in range(len(centre))
    ]
    at_centre = sum((w * int(row[-1]) for w, row in zip(weights, rows, strict=True)), Fraction(0))
    at_centre += sum(
        (a * Fraction(x) for a, x in zip(normal, centre.tolist(), strict=True)), Fraction(0)
    )
    return at_centre < 0 and at_centre**2 >= square * sum(a * a for a in normal)


def _distance_squared(point: Sequence[float], centre: Sequence[float]) -> Fraction:
    return sum(
        ((Fraction(a) - Fraction(b)) ** 2 for a, b in zip(point, centre, strict=True)), Fraction(0)
    )
