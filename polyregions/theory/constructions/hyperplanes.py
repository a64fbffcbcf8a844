"""One hidden layer: hyperplane arrangements, most of them degenerate by design.

Counts of the classical arrangements follow from their characteristic polynomials
(Zaslavsky 1975; Stanley, *An introduction to hyperplane arrangements*, 2007). Boxes
are large enough to meet every cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from math import comb, factorial, prod

import numpy as np

from polyregions.domain import Box
from polyregions.theory.arrangements import convolution_regions
from polyregions.theory.bounds import central_regions, zaslavsky
from polyregions.theory.constructions.known import KnownNetwork, arrangement

__all__ = [
    "axis_grid",
    "braid",
    "catalan",
    "central_general_position",
    "convolution",
    "five_lines",
    "general_position",
    "resonance",
    "shi",
    "type_b",
    "type_d",
]

# OEIS A034997: no closed form is known
_RESONANCE = (1, 2, 6, 32, 370)


def _differences(n: int, signs: Sequence[int] = (-1,)) -> list[list[int]]:
    """Rows e_i + sign * e_j for i < j, all signs of a pair in turn."""
    rows = []
    for i, j in combinations(range(n), 2):
        for sign in signs:
            row = [0] * n
            row[i], row[j] = 1, sign
            rows.append(row)
    return rows


def braid(n: int) -> KnownNetwork:
    """Return x_i = x_j for i < j in R^n: n! regions, one per order of the coordinates.

    Examples
    --------
    >>> braid(4).regions
    24
    """
    rows = _differences(n)
    network = arrangement(rows, np.zeros(len(rows)), name=f"braid {n}")
    return KnownNetwork(network, Box.cube(n, 1.0), factorial(n))


def type_b(n: int) -> KnownNetwork:
    """Return x_i = 0 and x_i = ±x_j in R^n: 2^n n! regions.

    Examples
    --------
    >>> type_b(3).regions
    48
    """
    rows = _differences(n, (-1, 1)) + np.eye(n, dtype=int).tolist()
    network = arrangement(rows, np.zeros(len(rows)), name=f"type B {n}")
    return KnownNetwork(network, Box.cube(n, 1.0), 2**n * factorial(n))


def type_d(n: int) -> KnownNetwork:
    """Return x_i = ±x_j in R^n, n >= 2: 2^(n-1) n! regions.

    Examples
    --------
    >>> type_d(3).regions
    24
    """
    rows = _differences(n, (-1, 1))
    network = arrangement(rows, np.zeros(len(rows)), name=f"type D {n}")
    return KnownNetwork(network, Box.cube(n, 1.0), 2 ** (n - 1) * factorial(n))


def shi(n: int) -> KnownNetwork:
    """Return x_i - x_j = 0 and 1 for i < j in R^n: (n + 1)^(n - 1) regions.

    Examples
    --------
    >>> shi(4).regions
    125
    """
    rows = _differences(n, (-1, -1))
    offsets = [0.0, -1.0] * comb(n, 2)
    network = arrangement(rows, offsets, name=f"Shi {n}")
    return KnownNetwork(network, Box.cube(n, float(n)), (n + 1) ** (n - 1))


def catalan(n: int) -> KnownNetwork:
    """Return x_i - x_j = -1, 0 and 1 for i < j in R^n: n! Catalan(n) regions.

    Examples
    --------
    >>> catalan(3).regions
    30
    """
    rows = _differences(n, (-1, -1, -1))
    offsets = [1.0, 0.0, -1.0] * comb(n, 2)
    network = arrangement(rows, offsets, name=f"Catalan {n}")
    count = factorial(n) * comb(2 * n, n) // (n + 1)
    return KnownNetwork(network, Box.cube(n, float(n)), count)


def axis_grid(counts: Sequence[int]) -> KnownNetwork:
    """Return ``counts[k]`` hyperplanes across each axis k: prod(counts + 1) regions.

    Examples
    --------
    >>> axis_grid((3, 4)).regions
    20
    """
    n = len(counts)
    axes = np.eye(n)
    rows = [axes[k] for k, count in enumerate(counts) for _ in range(count)]
    offsets = [-float(j + 1) for count in counts for j in range(count)]
    network = arrangement(rows, offsets, name=f"axis grid {tuple(counts)}")
    box = Box(np.zeros(n), [count + 1.0 for count in counts])
    return KnownNetwork(network, box, prod(count + 1 for count in counts))


def resonance(n: int) -> KnownNetwork:
    """Return all hyperplanes with non-zero 0/1 normals through the origin, n <= 4.

    Examples
    --------
    >>> [resonance(n).regions for n in (1, 2, 3, 4)]
    [2, 6, 32, 370]
    """
    rows = [row for row in product((0, 1), repeat=n) if any(row)]
    network = arrangement(rows, np.zeros(len(rows)), name=f"resonance {n}")
    return KnownNetwork(network, Box.cube(n, 1.0), _RESONANCE[n])


def five_lines() -> KnownNetwork:
    """Return x = 0, y = 0, x + y = 0, x + 2y = 1, x + 2y = 2: 14 regions.

    Three lines meet in a point and two are parallel.
    """
    network = arrangement(
        [[1, 0], [0, 1], [1, 1], [1, 2], [1, 2]], [0, 0, 0, -1, -2], name="five lines"
    )
    return KnownNetwork(network, Box.cube(2, 8.0), 14)


def general_position(m: int, n: int) -> KnownNetwork:
    """Return m hyperplanes in general position in R^n, on the whole space.

    Notes
    -----
    *Algorithm.* Hyperplane t is x_0 + x_1 t + … + x_{n-1} t^{n-1} = t^n: Vandermonde
    determinants do not vanish.

    Examples
    --------
    >>> general_position(6, 3).regions
    42
    """
    points = np.arange(m) - m // 2
    rows = [[float(t) ** k for k in range(n)] for t in points]
    offsets = [-(float(t) ** n) for t in points]
    network = arrangement(rows, offsets, name=f"general position {m} in {n}")
    return KnownNetwork(network, None, zaslavsky(m, n))


def central_general_position(m: int, n: int) -> KnownNetwork:
    """Return m hyperplanes through the origin of R^n, otherwise in general position.

    Examples
    --------
    >>> central_general_position(6, 4).regions
    52
    """
    rows = [[float(t) ** k for k in range(n)] for t in np.arange(m) - m // 2]
    network = arrangement(rows, np.zeros(m), name=f"central {m} in {n}")
    return KnownNetwork(network, Box.cube(n, 1.0), central_regions(m, n))


def convolution(shape: tuple[int, int], window: tuple[int, int], filters: int) -> KnownNetwork:
    """Return one convolutional layer with generic filters, on the whole space.

    Parameters
    ----------
    shape, window : pair of int
        Heights and widths of the input and of the filters; stride 1, no padding.
    filters : int

    Raises
    ------
    PolyregionsError
        If a size is not positive or the window does not fit.

    Notes
    -----
    The number of regions is the maximum, which almost all filters reach; see
    :func:`polyregions.theory.arrangements.convolution_regions`.

    Examples
    --------
    >>> convolution((1, 3), (1, 2), 2).regions
    15
    """
    count = convolution_regions(shape, window, filters)
    rng = np.random.default_rng(2020)
    rows, offsets = [], []
    for _ in range(filters):
        kernel, bias = rng.normal(size=window), rng.normal()
        for i, j in product(range(shape[0] - window[0] + 1), range(shape[1] - window[1] + 1)):
            image = np.zeros(shape)
            image[i : i + window[0], j : j + window[1]] = kernel
            rows.append(image.ravel())
            offsets.append(bias)
    network = arrangement(rows, offsets, name=f"convolution {shape} {window} {filters}")
    return KnownNetwork(network, None, count)
