"""What each unit does on the domain: always on, always off, and the facets it carries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.adjacency import require_complete
from polyregions.arrays import Integers
from polyregions.pattern import unpack
from polyregions.regions import Regions

__all__ = ["UnitSummary", "unit_summary"]


@dataclass(frozen=True, eq=False)
class UnitSummary:
    """Per unit, shape (N,) each.

    Attributes
    ----------
    active : numpy.ndarray of int64
        Regions on which the unit is active.
    facets : numpy.ndarray of int64
        Facets inside the domain that its hyperplane carries, alone or with others.
    regions : numpy.ndarray of int64
        Regions that have such a facet.
    total : int
        Number of regions.
    """

    active: Integers
    facets: Integers
    regions: Integers
    total: int

    @property
    def always_on(self) -> Integers:
        """Units that are active on every region."""
        return np.flatnonzero(self.active == self.total).astype(np.int64)

    @property
    def always_off(self) -> Integers:
        """Units that are inactive on every region."""
        return np.flatnonzero(self.active == 0).astype(np.int64)


def unit_summary(regions: Regions) -> UnitSummary:
    """Return what each unit does on the domain.

    Parameters
    ----------
    regions : Regions
        Complete.

    Returns
    -------
    UnitSummary

    Raises
    ------
    PartialResultError
        If the enumeration was stopped early.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, 2.0]), ([[1, 1]], [0])])
    >>> summary = unit_summary(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)))
    >>> summary.always_on, summary.always_off, summary.facets
    (array([1]), array([], dtype=int64), array([1, 0]))
    """
    require_complete(regions, "statistics of units")
    size = regions.network.hidden_units
    active, facets, touched = (np.zeros(size, dtype=np.int64) for _ in range(3))
    for start in range(0, len(regions), 16384):
        active += unpack(regions.patterns[start : start + 16384], size).sum(axis=0, dtype=np.int64)
    seen: list[NDArray[np.int64]] = []
    for start in range(0, len(regions.edges), 16384):
        edges = regions.edges[start : start + 16384].astype(np.int64)
        masks = regions.patterns[edges[:, 0]] ^ regions.patterns[edges[:, 1]]
        edge, unit = np.nonzero(unpack(masks, size))
        facets += np.bincount(unit, minlength=size)
        seen.append(np.unique((edges[edge] * size + unit[:, None]).ravel()))
    if seen:
        pairs = np.unique(np.concatenate(seen))
        touched = np.bincount(pairs % size, minlength=size).astype(np.int64)
    return UnitSummary(active, facets, touched, len(regions))
