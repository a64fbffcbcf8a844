"""The histogram framework of Hinz & van de Geer, which contains the older upper bounds.

A layer cuts a piece of dimension d into regions; a region on which a units are active
has an image of dimension at most min(d, a). How many regions have how many active
units, the *activation histogram*, therefore bounds what the next layers can do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import comb

from polyregions.theory.bounds import zaslavsky

__all__ = [
    "Histogram",
    "binomial",
    "dominates",
    "every_pattern",
    "hinz_van_de_geer_2019",
    "one_bar",
]

Histogram = tuple[int, ...]


def every_pattern(dimension: int, width: int) -> Histogram:
    """Return 2^width regions, all units active: the bound becomes that of Montúfar 2014.

    Examples
    --------
    >>> every_pattern(2, 3)
    (0, 0, 0, 8)
    """
    return (*[0] * width, 2**width)


def one_bar(dimension: int, width: int) -> Histogram:
    """Return as many regions as there can be, all units active: Montúfar 2017.

    Examples
    --------
    >>> one_bar(2, 3)
    (0, 0, 0, 7)
    """
    return (*[0] * width, zaslavsky(width, dimension))


def binomial(dimension: int, width: int) -> Histogram:
    """Return C(width, j) regions with width - j active units, j <= dimension: Serra 2018.

    Examples
    --------
    >>> binomial(2, 3)
    (0, 3, 3, 1)
    """
    return tuple(
        comb(width, width - active) if width - active <= dimension else 0
        for active in range(width + 1)
    )


def dominates(larger: Sequence[int], smaller: Sequence[int]) -> bool:
    """Return whether `larger` has at least as many regions with >= a active units, every a.

    This is the order in which a histogram bounds all others of its layer.

    Examples
    --------
    >>> dominates(binomial(2, 3), (1, 2, 3, 1)), dominates((1, 2, 3, 1), binomial(2, 3))
    (True, False)
    """
    return all(sum(larger[a:]) >= sum(smaller[a:]) for a in range(max(len(larger), len(smaller))))


def hinz_van_de_geer_2019(
    n: int,
    widths: Sequence[int],
    histogram: Callable[[int, int], Histogram] = binomial,
) -> int:
    """Return the upper bound that a choice of histograms gives (arXiv 1806.01918).

    Parameters
    ----------
    n : int
        Input dimension.
    widths : sequence of int
    histogram : callable
        ``histogram(d, width)[a]`` regions have a active units; it must dominate the
        activation histogram of every layer of that width on a piece of dimension d.

    Notes
    -----
    *Algorithm.* The numbers of regions by dimension of their image are pushed through
    the layers: the products of the paper's matrices, entry by entry.

    Examples
    --------
    >>> [hinz_van_de_geer_2019(10, (8, 8), h) for h in (every_pattern, one_bar, binomial)]
    [65536, 65536, 39203]
    """
    by_dimension = Counter({n: 1})
    for width in widths:
        pushed: Counter[int] = Counter()
        for dimension, regions in by_dimension.items():
            # more than `width` dimensions cannot be told apart by the layer
            for active, count in enumerate(histogram(min(dimension, width), width)):
                if count:
                    pushed[min(dimension, active)] += regions * count
        by_dimension = pushed
    return by_dimension.total()
