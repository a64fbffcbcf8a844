"""A network with a known number of regions, as a value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from polyregions.domain import Box
from polyregions.network import Network

__all__ = ["KnownNetwork", "arrangement"]


@dataclass(frozen=True, eq=False)
class KnownNetwork:
    """A network, a domain, and the number of activation regions in it.

    Attributes
    ----------
    network : Network
    domain : Box or None
        None is the whole space.
    regions : int
        Patterns whose set in the open domain has interior.
    """

    network: Network
    domain: Box | None
    regions: int


def arrangement(normals: ArrayLike, offsets: ArrayLike, *, name: str = "arrangement") -> Network:
    """Return the network with one hidden layer whose units bend on given hyperplanes.

    Parameters
    ----------
    normals : array_like, shape (m, n)
    offsets : array_like, shape (m,)
        Unit i bends where ``normals[i] @ x + offsets[i] == 0``.

    Examples
    --------
    >>> arrangement([[1, 0], [0, 1]], [0, 0]).widths
    (2,)
    """
    count = np.asarray(offsets).size
    return Network.from_arrays([(normals, offsets), (np.ones((1, count)), [0.0])], name=name)
