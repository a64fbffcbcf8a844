"""What a walk reports while it runs."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SECONDS_BETWEEN_REPORTS", "Progress"]

SECONDS_BETWEEN_REPORTS = 0.1


@dataclass(frozen=True)
class Progress:
    """The state of a walk at one moment.

    Attributes
    ----------
    regions : int
        Regions found so far.
    frontier : int
        Regions found whose neighbours are still to be looked up.
    edges : int
        Edges found so far.
    seconds : float
        Wall-clock time since the walk began.
    """

    regions: int
    frontier: int
    edges: int
    seconds: float
