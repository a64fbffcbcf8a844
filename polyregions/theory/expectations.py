"""Bounds on expected numbers of regions, and the expectations that are known exactly.

Throughout, C = C_grad * C_bias (see
:mod:`polyregions.theory.laws`), N is the number of hidden units, n the input dimension
and cubes have side δ. "Paper 1" is Hanin & Rolnick 2019, arXiv 1906.00904, "paper 2"
arXiv 1901.09021.
"""

from __future__ import annotations

from math import comb, factorial

from polyregions.errors import PolyregionsError

__all__ = [
    "PUBLISHED_FACTOR",
    "PUBLISHED_SIDE",
    "boundary_volume_bound",
    "gaussian_ball_expectation",
    "line_bound",
    "published_bound",
    "sharp_bound",
    "smallest_side",
]

# The constants of paper 1, Theorem 5: T = 2^5 C and δ_0 = 1 / (2 C). On what they rest is said
# in docs/theorem5.md; reports call them not confirmed.
PUBLISHED_FACTOR = 32
PUBLISHED_SIDE = 0.5


def smallest_side(c: float) -> float:
    """Return δ_0 = 1 / (2 C), the side from which Theorem 5 speaks (constant not confirmed).

    Examples
    --------
    >>> smallest_side(0.25)
    2.0
    """
    return PUBLISHED_SIDE / c


def published_bound(
    units: int, n: int, side: float, c: float, *, factor: float = PUBLISHED_FACTOR
) -> float:
    """Return the bound of Theorem 5 of paper 1 on the expected number of regions in a cube.

    Parameters
    ----------
    units, n : int
    side : float
        The theorem is stated for sides of at least :func:`smallest_side`.
    c : float
        C_grad * C_bias.
    factor : float
        T / C: the published constant (not confirmed), or 4, which :func:`sharp_bound`
        proves sufficient once δ C >= 1.

    Returns
    -------
    float
        (T N δ)^n / n!, or 2^N where N < n.

    Examples
    --------
    >>> from math import sqrt
    >>> c = sqrt(2) / (sqrt(6.283185307179586) * 0.5)
    >>> round(published_bound(16, 2, 2.0, c)), published_bound(2, 3, 2.0, c)
    (667544, 4.0)
    >>> f"{published_bound(12, 2, 2.0, c):.3g}", f"{published_bound(12, 2, 10.0, c / 2):.3g}"
    ('3.75e+05', '2.35e+06')
    """
    if units < n:
        return float(2**units)
    return (factor * c * units * side) ** n / factorial(n)


def sharp_bound(units: int, n: int, side: float, c: float, *, codimension: int = 0) -> float:
    """Return a bound on the expected number of cells of a codimension that meet a cube.

    Parameters
    ----------
    units, n : int
    side, c : float
    codimension : int
        r = 0 counts regions, r = 1 the pieces of boundary between two regions, r = n the
        points where n boundaries meet.

    Returns
    -------
    float
        (2^(n-r) / (n-r+1)) * sum_{k >= r} C(n, k) C(k, r) C(N, k) (δ C)^k; for regions
        in the plane the first factor 4/3 is 1.

    Notes
    -----
    *Proof.* A cell is an (n-r)-polytope and has at least n-r+1 vertices, each in the
    interior of a k-face of the cube where k boundaries meet in it. Such a vertex touches
    C(k, r) 2^(k-r) cells of codimension r at most, the cube has C(n, k) 2^(n-k) faces of
    dimension k, and the expected number of such vertices on each is at most
    C(N, k) (δ C)^k, since the density of k biases given everything else is bounded.
    For n = 2 Euler's formula is better: there are 1 + V + B/2 regions, V vertices inside
    the square and B on its sides.

    Examples
    --------
    >>> from math import sqrt
    >>> c = sqrt(2) / (sqrt(6.283185307179586) * 0.5)
    >>> round(sharp_bound(16, 2, 2.0, c), 1), round(sharp_bound(12, 2, 2.0, c))
    (684.4, 391)
    >>> round(sharp_bound(12, 2, 10.0, c / 2))
    2237
    """
    r = codimension
    if not 0 <= r <= n:
        raise PolyregionsError(f"the codimension must lie between 0 and {n}, not {r}")
    total = sum(comb(n, k) * comb(k, r) * comb(units, k) * (side * c) ** k for k in range(r, n + 1))
    return total if (n, r) == (2, 0) else 2 ** (n - r) / (n - r + 1) * total


def line_bound(units: int, length: float, c: float) -> float:
    """Return 1 + |I| N C, a bound on the expected number of regions on an interval I.

    Paper 2 states it up to a constant; that none is needed follows from the argument
    of :func:`sharp_bound` for n = 1.

    Examples
    --------
    >>> line_bound(16, 2.0, 0.5)
    17.0
    """
    return 1.0 + length * units * c


def boundary_volume_bound(
    units: int, k: int, c: float, volume: float, *, factor: float = 1.0
) -> float:
    """Return C(N, k) (factor * C)^k * vol, which bounds the expected size of B_k.

    B_k, the points where k boundaries meet, has dimension n - k; its volume in a set
    of volume `volume` is bounded. Paper 2 has factor 2 (constant known from a follow-up
    paper, not confirmed); for ReLU units factor 1 suffices.

    Examples
    --------
    >>> boundary_volume_bound(16, 2, 0.5, 4.0), boundary_volume_bound(16, 2, 0.5, 4.0, factor=2)
    (120.0, 480.0)
    """
    return comb(units, k) * (factor * c) ** k * volume


def gaussian_ball_expectation(m: int, n: int, rho: float) -> float:
    """Return the expected number of regions of one Gaussian layer that meet a ball.

    Parameters
    ----------
    m : int
        Units, with weights N(0, s_w^2) and biases N(0, s_b^2).
    n : int
        Input dimension.
    rho : float
        R s_w / s_b for the ball of radius R about the origin.

    Returns
    -------
    float
        sum_{k <= n} C(m, k) I_{ρ²/(1+ρ²)}(k/2, (n+1-k)/2), I the regularised incomplete
        beta function and its value 1 for k = 0.

    Notes
    -----
    *Proof.* In general position the regions that meet an open convex set are as many as
    the sets of at most n hyperplanes that meet in it. The intersection of k of them
    lies at a distance d from the origin where d² / (ρ'² + d²), ρ' = s_b / s_w, has a beta
    law.

    Examples
    --------
    >>> sizes = [(8, 2, 1.0), (20, 2, 10 / 3), (10, 1, 1.0)]
    >>> [round(gaussian_ball_expectation(*size), 4) for size in sizes]
    [14.8579, 155.5604, 6.0]
    """
    from scipy.special import betainc

    if not rho > 0:
        raise PolyregionsError(f"the radius of the ball must be positive, not {rho}")
    share = rho**2 / (1 + rho**2)
    return 1.0 + sum(
        comb(m, k) * float(betainc(k / 2, (n + 1 - k) / 2, share)) for k in range(1, n + 1)
    )
