"""What a search over boxes found out, as the nodes of a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers
from polyregions.exact.closed import ClosedPolytope
from polyregions.exact.simplex import Row
from polyregions.proof.tree_checker import HANDED, MISSED, NEGATIVE, POSITIVE, SETTLED, SPLIT
from polyregions.proof.unit_nodes import UnitNodes
from polyregions.questions.property import OutputSet

__all__ = ["BoxNodes", "CellJournal", "Journal", "Looked"]


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

    def of_box(
        self, node: int, free: Sequence[int], members: Sequence[Sequence[int]], which: Sequence[int]
    ) -> CellJournal:
        """Begin the tree of a box that is decided exactly.

        Parameters
        ----------
        node : int
        free : sequence of int
            Inputs whose sides have a length.
        members : sequence of sequences of int
            The functions of each set of the search.
        which : sequence of int
            The sets that are open.
        """
        self._trees[node] = UnitNodes(bases=self.bases)
        firsts = self.first_member + np.cumsum([0, *map(len, members)])
        sets = [(int(firsts[k]), [self.first_function + int(j) for j in members[k]]) for k in which]
        return CellJournal(self._trees[node], self, free, sets)

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


@dataclass(eq=False)
class CellJournal:
    """The tree of units of one box, in the course of being written.

    Rows of cells have the numbers that `questions.closed_cells` gives them: a unit's bit; behind
    them two for each free input; then a set's functions.

    Attributes
    ----------
    nodes : UnitNodes
    journal : Journal
    free : sequence of int
    sets : sequence of (int, sequence of int)
        Of each open set the number of the first member, and all functions.
    """

    nodes: UnitNodes
    journal: Journal
    free: Sequence[int]
    sets: Sequence[tuple[int, Sequence[int]]]

    def decided(self, unit: int, row: Row, cell: ClosedPolytope, sides: Sequence[int]) -> None:
        """Note that of a unit's sides, 1 and -1, a cell has points on some."""
        if len(sides) == 2:
            self.nodes.add(SPLIT, unit)
            return
        (side,) = sides
        kind = POSITIVE if side > 0 else NEGATIVE
        self.nodes.add(kind, unit, self._basis(cell, [side * entry for entry in row]))

    def missed(self, place: int, index: int, row: Row, cell: ClosedPolytope) -> None:
        """Note that a cell misses an open set: a row of that set is not positive there."""
        first, functions = self.sets[place]
        basis = self._basis(cell, [-entry for entry in row], functions)
        self.nodes.add(MISSED, first + index, basis)

    def point(
        self, values: Sequence[Fraction], signs: Sequence[int], sets: Sequence[OutputSet]
    ) -> None:
        """Note the values of units and outputs at the only point of a box."""
        everywhere = self._basis(None, ())
        for unit, (value, sign) in enumerate(zip(values, signs, strict=False)):
            if not sign:
                self.nodes.add(POSITIVE if value > 0 else NEGATIVE, unit, everywhere)
        outputs = values[len(signs) :]
        for (first, _), rows in zip(self.sets, sets, strict=True):
            excess = [row.excess(outputs) for row in rows]
            self.nodes.add(MISSED, first + excess.index(max(excess)), everywhere)

    def _basis(
        self, cell: ClosedPolytope | None, row: Row, functions: Sequence[int] = ()
    ) -> tuple[int, ...]:
        """Return the certificate's numbers of rows that a row is a sum of."""
        units, inputs = self.journal.units, self.journal.inputs
        if cell is None or not any(row[:-1]):
            return tuple(range(units, units + inputs))  # a constant
        fixed = sorted({*range(inputs)} - {*self.free})
        found = [units + k for k in fixed]
        for number in cell.support(row):
            if number < units:
                found.append(number)
            elif number < units + 2 * len(self.free):
                found.append(units + self.free[(number - units) // 2])
            else:
                index = number - units - 2 * len(self.free)
                found.append(units + inputs + functions[index])
        return tuple(found)
