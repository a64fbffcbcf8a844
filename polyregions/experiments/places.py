"""Where experiments count: lines, planes and subspaces through images, and all their regions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.domain import Box, Domain
from polyregions.errors import PolyregionsError
from polyregions.network import Network
from polyregions.network.slices import Slice
from polyregions.regions import Regions

__all__ = [
    "HALF_SIDE",
    "STRETCH",
    "all_regions",
    "counts",
    "line_from_origin",
    "line_through",
    "random_rows",
    "through",
]


def all_regions(network: Network, domain: Domain | None) -> Regions:
    """Return every region of a network in a domain.

    Raises
    ------
    PartialResultError
        If there are more than a walk can number: a part must not enter a table.
    """
    from polyregions.analysis.adjacency import require_complete
    from polyregions.walk.breadth_first import enumerate_regions

    regions = enumerate_regions(network, domain)
    require_complete(regions, "experiments")
    return regions


def counts(network: Network, **domains: Domain | None) -> dict[str, Any]:
    """Return the columns that say how many regions a network has in some domains.

    Parameters
    ----------
    network : Network
    **domains : Box, Polytope or None
        None is the whole space.

    Returns
    -------
    dict
        A column per domain, ``complete``, ``proven`` (all of them), ``exact_decisions``.

    Examples
    --------
    >>> net = Network.from_arrays([([[1.0], [1.0]], [0.0, -5.0]), ([[1.0, 1.0]], [0.0])])
    >>> from polyregions.domain import Box
    >>> counts(net, window=Box.cube(1, 1.0), whole=None)
    {'window': 2, 'whole': 3, 'complete': True, 'proven': True, 'exact_decisions': 0}
    """
    row: dict[str, Any] = {}
    complete, proven, exact = True, True, 0
    for name, domain in domains.items():
        regions = all_regions(network, domain)
        row[name] = len(regions)
        complete &= regions.complete
        proven &= regions.proven
        exact += regions.exact_decisions
    return row | {"complete": complete, "proven": proven, "exact_decisions": exact}


# of the window of a subspace through images, and the length of its basis vectors over the
# largest image norm (Hanin & Rolnick 2019)
HALF_SIDE = 20.0
STRETCH = 1.25


def random_rows(count: int, chosen: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return `chosen` different numbers below `count`."""
    if chosen > count:
        raise PolyregionsError(f"there are {count} images, fewer than the {chosen} of a slice")
    return np.asarray(rng.permutation(count)[:chosen], dtype=np.int64)


def through(images: Floats) -> Slice:
    """Return the subspace through the origin and images, with the window [-20, 20]^k.

    Parameters
    ----------
    images : numpy.ndarray, shape (k, n)

    Notes
    -----
    *Algorithm.* Gram-Schmidt (a QR factorisation) gives orthogonal directions, which are
    made 1.25 times as long as the largest image; the floats of the result are the slice.

    Examples
    --------
    >>> plane = through(np.array([[3.0, 0.0, 4.0], [0.0, 1.0, 0.0]]))
    >>> np.abs(plane.basis.T).round(2).tolist(), plane.domain
    ([[3.75, 0.0, 5.0], [0.0, 6.25, 0.0]], Box.interval(2, -20.0, 20.0))
    """
    directions, _ = np.linalg.qr(images.T)
    length = STRETCH * float(np.linalg.norm(images, axis=1).max())
    return Slice(np.zeros(images.shape[1]), length * directions, Box.cube(len(images), HALF_SIDE))


def line_from_origin(image: Floats) -> Slice:
    """Return the line through the origin and an image; its window is the way to the image.

    Examples
    --------
    >>> line = line_from_origin(np.array([3.0, 4.0]))
    >>> line.basis.T.tolist(), line.domain
    ([[3.0, 4.0]], Box.interval(1, 0.0, 1.0))
    """
    return Slice(np.zeros(len(image)), image[:, None], Box.interval(1, 0.0, 1.0))


def line_through(first: Floats, second: Floats) -> Slice:
    """Return the line through two images; its window is the segment between them."""
    return Slice(first, (second - first)[:, None], Box.interval(1, 0.0, 1.0))
