"""Sets of outputs as arrays, and what bounds over boxes of inputs say of them.

A set is a polyhedron: the outputs that satisfy some inequalities. On a box it is missed if one
of these, or a combination of them with weights that are not negative, is proven broken. Boxes
prove that no point is mapped into a set; where there is one, it is often found sooner by points
that climb, in floats: hints where to evaluate exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from polyregions.arrays import Floats
from polyregions.errors import PolyregionsError
from polyregions.geometry.witness import float_below, nearest_float
from polyregions.network import Network
from polyregions.network.backward_bounds import Boxes, Planes, Range, least_values, planes_below
from polyregions.questions.box_search import widths
from polyregions.questions.property import OutputSet, whole_factor
from polyregions.rounding import ROUNDOFF, TINY

__all__ = ["Attempt", "Climbers", "OutputSets", "points_all_over"]


# Hints: they decide how fast an answer comes, not which one.
_SUSPECTS = 4  # of some points that are evaluated exactly
# A point that floats put farther from every set is not worth an exact evaluation; no
# box is settled for want of a suspect.
_SUSPICION = 1e-9
_WEIGHT_STEPS = 12  # towards the best combination of inequalities

# Hints: they decide how fast a point is found, not which answer is given.
_FIRST_POINTS = 2000  # all over the box
_CLIMBERS = 100  # the best of them
_ROUNDS_AT_A_TIME = 4  # at a time
_STEPS = (-3.0, -0.5)  # decimal logarithms of how far they look, times the sides of the box


class Attempt(NamedTuple):
    """How far one unsafe set is from being settled, on k boxes.

    Attributes
    ----------
    value : numpy.ndarray of float64, shape (k,)
        Positive: on the whole box a combination of the set's inequalities is broken.
    lead : numpy.ndarray of float64, shape (k,)
        The set's first function is at least that wherever on the box no other one is broken.
    weights : numpy.ndarray of float64, shape (k, members)
    planes : Planes
        Of the set's inequalities and of the combination: where one is positive, the input
        is not mapped into the set.
    corners : numpy.ndarray of float64, shape (k, n)
        Where the combination is least.
    """

    value: Floats
    lead: Floats
    weights: Floats
    planes: Planes
    corners: Floats


class OutputSets:
    """Sets of outputs as arrays: functions of the outputs, one of them positive outside of a set.

    Parameters
    ----------
    outputs : int
    sets : tuple of OutputSet

    Attributes
    ----------
    members : list of numpy.ndarray of intp
        Which of the functions each set consists of.
    matrix, offsets : numpy.ndarray of float64, shape (functions, outputs) and (functions,)
    strict : numpy.ndarray of bool, shape (functions,)
        Whether the set's outputs have a negative function, not only one that is not positive.
    bounds : list of Fraction
        Of the functions ``matrix @ y``, exactly; `offsets` are at most minus these.

    Raises
    ------
    PolyregionsError
        If a coefficient is no float.
    """

    def __init__(self, outputs: int, sets: tuple[OutputSet, ...]) -> None:
        rows = list(dict.fromkeys(row for rows in sets for row in rows))
        place_of = {row: place for place, row in enumerate(rows)}
        self.members = [np.array([place_of[row] for row in of], dtype=np.intp) for of in sets]
        self.matrix = np.zeros((len(rows), outputs))
        self.strict = np.array([row.strict for row in rows], dtype=bool)
        self.bounds: list[Fraction] = []
        for place, row in enumerate(rows):
            factor = Fraction(1)
            if any(nearest_float(c) != c for _, c in row.coefficients):
                factor = whole_factor(c for _, c in row.coefficients)  # then they are floats
            for index, c in row.coefficients:
                coefficient = nearest_float(c * factor)
                if coefficient != c * factor:
                    raise PolyregionsError(
                        f"the coefficient {coefficient!s} has more digits than a float; write "
                        f"at most 15"
                    )
                self.matrix[place, index] = coefficient
            self.bounds.append(row.bound * factor)
        # what is proven positive is positive
        self.offsets = np.array([float_below(-bound) for bound in self.bounds])

    def planes(self, network: Network, boxes: Boxes, bounds: Sequence[Range]) -> Planes:
        """Return planes below the functions, on boxes where bounds on the units are known."""
        return planes_below(network, boxes, bounds, self.matrix, self.offsets)

    def distance(self, network: Network, points: Floats) -> Floats:
        """Return, in floats, how much the outputs of points lack to be in a set, shape (k,)."""
        with np.errstate(all="ignore"):
            excess = network.forward(points) @ self.matrix.T + self.offsets
            nearest: Floats = np.min([excess[:, of].max(axis=1) for of in self.members], axis=0)
        return nearest

    def suspects(self, network: Network, points: Floats) -> list[int]:
        """Return which points floats take for counterexamples; a few, the worst first."""
        distance = self.distance(network, points)
        order = np.argsort(distance, kind="stable")[:_SUSPECTS]
        return [int(index) for index in order if distance[index] <= _SUSPICION]

    def attempt(self, index: int, planes: Planes, boxes: Boxes) -> Attempt:
        """Combine the inequalities of one set so that their sum is large all over each box."""
        of = self.members[index]
        normals, offsets = planes.normals[:, of], planes.offsets[:, of]
        with np.errstate(all="ignore"):
            weights = _weights(normals, offsets, boxes)
            combined = np.matmul(weights[:, None], normals)
            size = np.maximum(np.abs(boxes.lower), np.abs(boxes.upper))
            reach = np.matmul(np.abs(normals), size[:, :, None])[:, :, 0] + np.abs(offsets)
            # a sum of so many products, in each coefficient and in the offset; what underflows
            doubt = (len(of) + 8) * 1.01 * ROUNDOFF * (weights * reach).sum(axis=1)
            doubt += TINY * (1.0 + size.sum(axis=1))
            offset = (weights * offsets).sum(axis=1) - 1.01 * doubt
            both = Planes(
                np.concatenate([normals, combined], axis=1),
                np.concatenate([offsets, offset[:, None]], axis=1),
                [],
            )
            # what is no number proves nothing
            least = least_values(both, boxes)
            value = np.fmax.reduce(least, axis=1, initial=-np.inf)
            # the others' share of the combination is not positive where they hold
            share = least[:, -1] / weights[:, 0]
            share -= 4.0 * ROUNDOFF * np.abs(share) + TINY
            lead = np.fmax(least[:, 0], np.where(weights[:, 0] > 0, share, -np.inf))
        corners = np.where(combined[:, 0] > 0, boxes.lower, boxes.upper)
        return Attempt(value, lead, weights, both, corners)


def _weights(normals: Floats, offsets: Floats, boxes: Boxes) -> Floats:
    """Return weights of the inequalities that make the least value of their sum large.

    Any weights that are not negative are true; these follow an exponentiated gradient.
    """
    k, count = offsets.shape
    rows = np.arange(k)
    weights = np.full((k, count), 1.0 / count)
    if count == 1:
        return weights
    # the single inequalities first
    low = np.where(normals > 0, boxes.lower[:, None], boxes.upper[:, None])
    values = (normals * low).sum(axis=2) + offsets
    single = values.argmax(axis=1)
    best_value = values[rows, single]
    best = np.zeros((k, count))
    best[rows, single] = 1.0
    for _ in range(_WEIGHT_STEPS):
        combined = np.matmul(weights[:, None], normals)[:, 0]
        corners = np.where(combined > 0, boxes.lower, boxes.upper)
        values = np.matmul(normals, corners[:, :, None])[:, :, 0] + offsets
        total = (weights * values).sum(axis=1)
        better = total > best_value
        best_value[better], best[better] = total[better], weights[better]
        scale = np.abs(values).max(axis=1, keepdims=True) + TINY
        weights = weights * np.exp(2.0 * values / scale)
        weights /= weights.sum(axis=1, keepdims=True)
    return best.astype(np.float32).astype(np.float64)  # as certificates hold them


def points_all_over(lower: Floats, upper: Floats) -> Floats:
    """Return points all over a box, its centre the first, shape (k, n)."""
    share = np.random.default_rng(0).random((_FIRST_POINTS, len(lower)))
    share[0] = 0.5
    return np.clip(lower + share * widths(Boxes(lower, upper)), lower, upper)


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
                directions = self._rng.normal(size=self.points.shape) * sizes
                moved = self.points + directions * widths(Boxes(self._lower, self._upper))
            moved = np.clip(moved, self._lower, self._upper)
            there = sets.distance(self._network, moved)
            better = there < distance
            self.points[better], distance[better] = moved[better], there[better]
