"""Lines, planes and subspaces through images, and where on them is counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.domain import Box
from polyregions.errors import PolyregionsError
from polyregions.network.slices import Slice

__all__ = ["HALF_SIDE", "STRETCH", "line_from_origin", "line_through", "random_rows", "through"]

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
