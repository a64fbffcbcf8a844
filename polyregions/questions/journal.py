"""What a search over boxes found out, as the nodes of a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers
from polyregions.proof.region_tree import UnitNodes
from polyregions.proof.tree_checker import HANDED, SETTLED

__all__ = ["BoxNodes", "Journal", "Looked"]


class Looked(NamedTuple):
    """What came of looking at k boxes.

    Attributes
    ----------
    nodes : numpy.ndarray of int64, shape (k,)
        Their numbers.
    codes : numpy.ndarray of int64, shape (k,)
        The axis that each is halved at, or what the certificate says instead.
    weights : numpy.ndarray of float64, shape (k, w)
        Of the functions of sets that have several, set by set.
    level : float
        What was added to the first function; see `Target.level`.
    ceilings : numpy.ndarray of float64, shape (k,)
    """

    nodes: Integers
    codes: Integers
    weights: Floats
    level: float
    ceilings: Floats


class BoxNodes(NamedTuple):
    """The tree of a search: nodes with their parents; what they hang on comes first.

    Attributes
    ----------
    parents, codes : numpy.ndarray of int64, shape (b,)
        The first is the root, of parent -1.
    weights : numpy.ndarray of float32, shape (b, w)
    levels : numpy.ndarray of float64, shape (b,)
    trees : dict of UnitNodes
        Of the boxes that were handed over.
    """

    parents: Integers
    codes: Integers
    weights: NDArray[np.float32]
    levels: Floats
    trees: dict[int, UnitNodes]


@dataclass(eq=False)
class Journal:
    """A record of one search.

    Parameters
    ----------
    units, inputs : int
        Of the network.
    first_function, first_member : int
        Numbers of the first function, and of the first member of a set, of this search.
    bases : dict
        Of the certificate's proofs.
    """

    units: int
    inputs: int
    first_function: int
    first_member: int
    bases: dict[tuple[int, ...], int]
    _parents: list[Integers] = field(default_factory=lambda: [np.array([-1])])
    _looks: list[Looked] = field(default_factory=list)
    _trees: dict[int, UnitNodes] = field(default_factory=dict)
    _count: int = 1

    def entered(self, parents: Integers) -> Integers:
        """Give numbers to boxes that are parts of others, in the order of the parts."""
        first = self._count
        self._count += len(parents)
        self._parents.append(parents)
        return np.arange(first, self._count)

    def looked(self, look: Looked) -> None:
        """Note what came of some boxes."""
        self._looks.append(look)

    def tree_of(self, node: int) -> UnitNodes:
        """Begin the tree of a box that is decided exactly."""
        return self._trees.setdefault(node, UnitNodes(bases=self.bases))

    def numbers_of(self, members: Sequence[Integers], number: int) -> tuple[int, list[int]]:
        """Return the number of a set's first member, and those of its functions."""
        first = self.first_member + sum(map(len, members[:number]))
        return first, (self.first_function + members[number]).tolist()

    def nodes(self, level: float | None) -> BoxNodes:
        """Return the tree; without what hangs on boxes that a level settles, if it is given."""
        looks, count = self._looks, self._count
        at = np.concatenate([look.nodes for look in looks])
        codes = np.full(count, SETTLED)
        codes[at] = np.concatenate([look.codes for look in looks])
        weights = np.zeros((count, looks[0].weights.shape[1]), dtype=np.float32)
        weights[at] = np.concatenate([look.weights for look in looks])
        levels = np.zeros(count)
        levels[at] = np.concatenate([np.full(len(look.nodes), look.level) for look in looks])
        parents = np.concatenate(self._parents)
        if level is not None:
            ceilings = np.full(count, np.inf)
            ceilings[at] = np.concatenate([look.ceilings for look in looks])
            codes[ceilings <= level] = SETTLED
        trees = {node: tree for node, tree in self._trees.items() if codes[node] == HANDED}
        return BoxNodes(parents, codes, weights, levels, trees)
