"""Points on their way into sets of outputs, in floats: hints where to evaluate exactly.

Boxes prove that there is no such point; where there is one, it is often found sooner by climbing.
"""

from __future__ import annotations

import numpy as np

from polyregions.arrays import Floats
from polyregions.network import Network
from polyregions.questions.output_sets import OutputSets

__all__ = ["Climbers", "points_all_over"]

# Hints: they decide how fast a point is found, not which answer is given.
_FIRST_POINTS = 2000  # all over the box
_CLIMBERS = 100  # the best of them
_ROUNDS_AT_A_TIME = 4  # at a time
_STEPS = (-3.0, -0.5)  # decimal logarithms of how far they look, times the sides of the box


def points_all_over(lower: Floats, upper: Floats) -> Floats:
    """Return points all over a box, its centre the first, shape (k, n)."""
    share = np.random.default_rng(0).random((_FIRST_POINTS, len(lower)))
    share[0] = 0.5
    return np.clip(lower + share * _width(lower, upper), lower, upper)


def _width(lower: Floats, upper: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.minimum(upper - lower, np.finfo(np.float64).max)


class Climbers:
    """Points of a box, each of which moves to a better one nearby if it finds one.

    Parameters
    ----------
    network : Network
    lower, upper : numpy.ndarray of float64, shape (n,)

    Attributes
    ----------
    points : numpy.ndarray of float64, shape (k, n)
        The centre of the box is the first, before any has moved.
    """

    def __init__(self, network: Network, lower: Floats, upper: Floats) -> None:
        self._network, self._lower, self._upper = network, lower, upper
        self._rng = np.random.default_rng(0)
        self.points = points_all_over(lower, upper)

    def climb(self, sets: OutputSets) -> None:
        """Let the best of the points look around, some times."""
        distance = sets.distance(self._network, self.points)
        best = np.argsort(distance, kind="stable")[:_CLIMBERS]
        self.points, distance = self.points[best], distance[best]
        for _ in range(_ROUNDS_AT_A_TIME):
            sizes = 10.0 ** self._rng.uniform(*_STEPS, (len(self.points), 1))
            with np.errstate(over="ignore"):
                moved = self.points + self._rng.normal(size=self.points.shape) * sizes * _width(
                    self._lower, self._upper
                )
            moved = np.clip(moved, self._lower, self._upper)
            there = sets.distance(self._network, moved)
            better = there < distance
            self.points[better], distance[better] = moved[better], there[better]
