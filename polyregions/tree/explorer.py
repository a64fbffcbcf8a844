"""How a subtree is explored: by clipping polygons in the plane, by simplex elsewhere."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Integers
from polyregions.network.prefix import Prefix
from polyregions.run.problem import Problem
from polyregions.tree.planar_subtree import PlanarSubtree
from polyregions.tree.subtree import Subtree

__all__ = ["Explorer", "explorer_of"]


class Explorer(Protocol):
    """All regions below a prefix, and how far they have been explored."""

    def start(self, prefix: Prefix) -> None:
        """Begin anew, below another prefix."""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to explore."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """Regions found, by level."""

    @property
    def regions(self) -> int:
        """Regions found."""

    @property
    def exact_decisions(self) -> int:
        """Decisions that exact arithmetic took."""

    @property
    def work(self) -> int:
        """What has been done, in nodes of the tree."""

    def advance(self, nodes: int, regions: int) -> None:
        """Explore about so many nodes, or until so many regions are found in all."""

    def most(self, nodes: int) -> int | None:
        """Return an upper bound of the regions, if it takes no more than so many nodes."""

    def unexplored(self) -> tuple[list[Prefix], NDArray[np.int64]]:
        """Return the prefixes not explored, and the counts of what is, by level."""


def explorer_of(
    problem: Problem,
    sequence: NDArray[np.int64] | None,
    prefix: Prefix | None = None,
    stop: Integers | None = None,
) -> Explorer:
    """Return an explorer of the regions below a prefix; see `Subtree` for the parameters."""
    if problem.flat.dimension == 2:
        return PlanarSubtree(problem, sequence, prefix)  # no simplex: every node takes a moment
    return Subtree(problem, sequence, prefix, stop)
