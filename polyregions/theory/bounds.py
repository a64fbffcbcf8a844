"""Bounds on numbers of regions, as exact integers and fractions.

n is the input dimension, N the number of hidden units, widths their numbers by layer.
Names are those of the papers' first authors and years. Bounds on expected numbers are
in :mod:`polyregions.theory.expectations`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from math import comb, factorial, prod

from polyregions.network import Layer, Network

__all__ = [
    "central_regions",
    "compared_bounds",
    "hanin_rolnick_scale",
    "montufar_2014",
    "montufar_2014_lower",
    "montufar_2017",
    "pascanu_2013_lower",
    "raghu_2017",
    "serra_2018",
    "serra_2018_lower",
    "zaslavsky",
    "zaslavsky_bounded",
    "zero_bias_cones",
]

# some seconds of adding up
_MAX_WORK = 2**34


def hanin_rolnick_scale(n_units: int, n: int) -> Fraction:
    """Return N^n / n!, the scale of Theorem 5 of Hanin & Rolnick 2019 (arXiv 1906.00904).

    Examples
    --------
    >>> hanin_rolnick_scale(128, 4)
    Fraction(33554432, 3)
    """
    return Fraction(n_units**n, factorial(n))


def zaslavsky(m: int, n: int) -> int:
    """Return the regions of m hyperplanes in general position in R^n: sum C(m, j), j <= n.

    Zaslavsky 1975. It is the maximum for one hidden layer of m units.

    Examples
    --------
    >>> [zaslavsky(m, n) for n, m in ((2, 3), (2, 8), (3, 6), (4, 6))]
    [7, 37, 42, 57]
    """
    return sum(_binomials(m, n))


def _binomials(m: int, n: int) -> list[int]:
    """Return C(m, 0), …, C(m, min(m, n)), each from the one before."""
    found = [1]
    for j in range(min(m, n)):
        found.append(found[-1] * (m - j) // (j + 1))
    return found


def zaslavsky_bounded(m: int, n: int) -> int:
    """Return how many of those regions are bounded: C(m - 1, n).

    Examples
    --------
    >>> [zaslavsky_bounded(m, n) for n, m in ((2, 3), (2, 8), (3, 6), (4, 6))]
    [1, 21, 10, 5]
    """
    return comb(m - 1, n) if m else int(n == 0)


def central_regions(m: int, n: int) -> int:
    """Return the cones cut by m >= 1 generic hyperplanes through the origin of R^n.

    Where the normals span only r < n dimensions, but are generic in their span, r takes
    the place of n, here as in :func:`zaslavsky`. For any other arrangement see
    :func:`polyregions.theory.arrangements.arrangement_regions`.

    Examples
    --------
    >>> [central_regions(m, n) for n, m in ((2, 4), (3, 6), (4, 6))]
    [8, 32, 52]
    """
    return 2 * sum(comb(m - 1, j) for j in range(n))


def _dimensions(n: int, widths: Sequence[int]) -> list[int]:
    """Return d_l = min(n, n_1, …, n_l) of each layer l: the dimensions its outputs may have."""
    return list(accumulate(widths, min, initial=n))[1:]


def zero_bias_cones(n: int, widths: Sequence[int]) -> int:
    """Return an upper bound on the regions of a network without biases.

    Every region is a cone. On a cone of the layers below, a layer's units vanish on
    hyperplanes through the origin whose normals span at most d_l = min(n, n_1, …, n_l)
    dimensions, so it is cut into at most ``central_regions(n_l, d_l)`` cones. Hanin &
    Rolnick 2019 (arXiv 1906.00904) give the order (n N)^(n - 1) of the mean.

    Examples
    --------
    >>> zero_bias_cones(2, (8,)), zero_bias_cones(2, (8, 8)), zero_bias_cones(1, (5, 5))
    (16, 256, 4)
    """
    return prod(map(central_regions, widths, _dimensions(n, widths)))


def montufar_2014(n: int, widths: Sequence[int]) -> int:
    """Return 2^N, the number of all patterns (Montúfar et al. 2014, arXiv 1402.1869).

    Examples
    --------
    >>> montufar_2014(2, (4, 4))
    256
    """
    return int(2 ** sum(widths))


def montufar_2017(n: int, widths: Sequence[int]) -> int:
    """Return prod_l sum_{j <= d_l} C(n_l, j), d_l = min(n, n_1, …, n_l) (Montúfar 2017).

    Examples
    --------
    >>> montufar_2017(2, (8, 8)), montufar_2017(784, (12, 10))
    (1369, 4194304)
    """
    return prod(map(zaslavsky, widths, _dimensions(n, widths)))


def raghu_2017(n: int, widths: Sequence[int]) -> int:
    """Return prod_l sum_{j <= n} C(n_l, j) (Raghu et al. 2017, arXiv 1606.05336).

    The paper states the order k^(L n) for L layers of k units; the product is what its
    argument, layer after layer by Zaslavsky's theorem, gives with constants.

    Examples
    --------
    >>> raghu_2017(2, (8, 8)), raghu_2017(2, (8, 1, 8)), montufar_2017(2, (8, 1, 8))
    (1369, 2738, 666)
    """
    return prod(zaslavsky(width, n) for width in widths)


def serra_2018(n: int, widths: Sequence[int]) -> int:
    """Return the upper bound of Serra, Tjandraatmadja & Ramalingam 2018 (arXiv 1711.02114).

    Notes
    -----
    *Algorithm.* R(l, d) = sum over j <= min(n_l, d) of
    C(n_l, j) R(l + 1, min(d, n_l - j)); R after the last layer is 1. The answer is
    R(1, n). It is computed from the last layer down, for the d that can occur: at most
    n and the widths below. The terms with j <= n_l - d have one factor R(l + 1, d).

    Examples
    --------
    >>> serra_2018(10, (8, 8)), serra_2018(784, (12, 10))
    (39203, 3096514)
    """
    largest = list(accumulate(widths, min, initial=n))
    above = [1] * (largest[-1] + 1)
    for width, limit in zip(reversed(widths), reversed(largest[:-1]), strict=True):
        choices = _binomials(width, limit)
        up_to = list(accumulate(choices))
        here = []
        for dimension in range(min(width, limit) + 1):
            kept = min(width - dimension, dimension)  # no dimension is lost up to here
            total = up_to[kept] * above[dimension]
            for j in range(kept + 1, dimension + 1):
                total += choices[j] * above[width - j]
            here.append(total)
        # with more dimensions than units, all that counts is how many units are on
        above = here + here[-1:] * (limit - width)
    return above[n]


def pascanu_2013_lower(n: int, widths: Sequence[int]) -> int | None:
    """Return a lower bound on the maximum (Pascanu, Montúfar & Bengio 2013, arXiv 1312.6098).

    Returns
    -------
    int or None
        prod_{l < L} floor(n_l / n) * sum_{j <= n} C(n_L, j); None if a layer is narrower
        than the input, where the bound does not apply.

    Examples
    --------
    >>> pascanu_2013_lower(3, (9, 9)), pascanu_2013_lower(10, (8, 8))
    (390, None)
    """
    if min(widths) < n:
        return None
    return prod(width // n for width in widths[:-1]) * zaslavsky(widths[-1], n)


def montufar_2014_lower(n: int, widths: Sequence[int]) -> int | None:
    """Return a lower bound on the maximum (Montúfar et al. 2014, arXiv 1402.1869).

    Returns
    -------
    int or None
        prod_{l < L} floor(n_l / n)^n * sum_{j <= n} C(n_L, j); None if a layer is
        narrower than the input.

    Examples
    --------
    >>> montufar_2014_lower(3, (9, 9)), montufar_2014_lower(10, (8, 8))
    (3510, None)
    """
    if min(widths) < n:
        return None
    return int(prod((width // n) ** n for width in widths[:-1])) * zaslavsky(widths[-1], n)


def serra_2018_lower(n: int, widths: Sequence[int]) -> int | None:
    """Return a lower bound on the maximum (Serra et al. 2018, arXiv 1711.02114).

    Returns
    -------
    int or None
        prod_{l < L} (floor(n_l / n) + 1)^n * sum_{j <= n} C(n_L, j); None unless every
        layer has at least 3n units, where it is proven.

    Examples
    --------
    >>> serra_2018_lower(3, (9, 9)), serra_2018_lower(2, (4, 4))
    (8320, None)
    """
    if min(widths) < 3 * n:
        return None
    return int(prod((width // n + 1) ** n for width in widths[:-1])) * zaslavsky(widths[-1], n)


def compared_bounds(network: Network, dimension: int) -> dict[str, int | Fraction | None]:
    """Return the bounds that hold for a network, by name.

    Parameters
    ----------
    network : Network
    dimension : int
        Number n of free inputs.

    Returns
    -------
    dict
        ``hanin_rolnick_scale``: N^n / n!, the growth rate of Theorem 5, not a bound
        by itself. ``zaslavsky``, ``montufar_2017``, ``serra_2018``: upper bounds on
        the number of regions, or None where the theorem does not apply:
        Zaslavsky's needs one hidden layer, Montúfar's layers without units that
        pass their value on, Serra's ReLU units throughout. Serra's is None, too, for
        networks so deep and wide that computing it would take longer than some seconds.

    Examples
    --------
    >>> net = Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
    >>> {name: str(value) for name, value in compared_bounds(net, 1).items()}
    {'hanin_rolnick_scale': '2', 'zaslavsky': '3', 'montufar_2017': '3', 'serra_2018': '3'}
    """
    units, widths = network.hidden_units, network.widths
    bent = [layer for layer in network.layers if layer.bends.any()]
    unmixed = all(layer.bends.all() for layer in bent)
    return {
        "hanin_rolnick_scale": hanin_rolnick_scale(units, dimension),
        "zaslavsky": zaslavsky(units, dimension) if len(bent) == 1 else None,
        "montufar_2017": montufar_2017(dimension, widths) if unmixed else None,
        "serra_2018": serra_2018(dimension, widths)
        if all(map(_is_relu, bent)) and _serra_work(dimension, widths) <= _MAX_WORK
        else None,
    }


def _serra_work(dimension: int, widths: Sequence[int]) -> int:
    """Return about how many bits are added up: d^2 terms a layer, of 2^(units above) at most."""
    work, above = 0, sum(widths)
    for width in widths:
        dimension = min(dimension, width)
        work += (dimension + 1) ** 2 * above
        above -= width
    return work


def _is_relu(layer: Layer) -> bool:
    return bool((layer.lower == 0).all() and (layer.upper != 0).all())
