"""A subtree under exploration: compiled steps, and exact arithmetic where they stop."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.cells.dictionary import HUGE, Dictionary, vertex_from_point, workspace
from polyregions.cells.row_side import inward_gap, proven_inside, write_dictionary
from polyregions.exact.facets import interior_point
from polyregions.exact.side import column_of, side_of
from polyregions.exact.simplex import Column, evaluate
from polyregions.geometry.rows import LOST
from polyregions.network.residues import lacks_residues, no_modular_network, with_own_scratch
from polyregions.network.unit_order import FREE, Prefix, as_prefix, last_level, write_prefix
from polyregions.rounding import ROUNDOFF
from polyregions.run.problem import Problem, prefix_rows
from polyregions.tree.cell_splitting import split_near
from polyregions.tree.exact_tree import ExactTree
from polyregions.tree.tree_kernel import NEEDS_DEPTH, NEEDS_ROWS, UNDECIDED, explore
from polyregions.tree.tree_state import (
    WAITING,
    leave,
    remove_candidate,
    settle_unit,
    tree_of,
    with_depth,
)

__all__ = ["Subtree", "float_row"]

_EXACT_STEPS = 16  # decisions in exact arithmetic between two looks at the clock, or more


class Subtree:
    """All regions below a prefix, and how far they have been explored.

    Parameters
    ----------
    problem : Problem
    sequence : numpy.ndarray of int64, optional
        The units that vary, layer by layer, in the order of the tree; by default it takes
        them as it thinks best, and prefixes are in the network's order.
    prefix : sequence of int
        Bits of the first units of the order, FREE for those of its last layer that are open.
    """

    def __init__(
        self, problem: Problem, sequence: NDArray[np.int64] | None, prefix: Sequence[int] = ()
    ) -> None:
        self.problem = problem
        self._ordered = sequence is not None
        if sequence is None:
            sequence = np.arange(problem.flat.units)
        self.tree = tree_of(problem.flat, sequence)
        self._modular = no_modular_network(problem.flat)
        self.start(prefix)

    def start(self, prefix: Sequence[int]) -> None:
        """Begin anew, below another prefix."""
        tree, flat = self.tree, self.problem.flat
        tree.counts[:] = 0
        tree.counters[:] = 0
        tree.counters[0]["fixed"] = write_prefix(prefix, tree.fixed)
        tree.counters[0]["ordered"] = self._ordered
        tree.counters[0]["last"] = last_level(tree.starts)
        tree.residues[0] = -1
        self.exact = ExactTree(self.problem, tree.sequence, tree.starts, np.zeros_like(tree.counts))
        self._decisions = 0
        m, walls = flat.dimension, flat.size - flat.units
        rows, errors, gaps = tree.rows[0], tree.errors[0], tree.gaps[0]
        rows[:, :walls] = flat.domain
        errors[:walls] = flat.domain_error + (m + 6) * ROUNDOFF * (m + 1.0 + np.abs(flat.domain[m]))
        tree.guards[0, :walls] = errors[:walls]
        tree.ids[0, :walls] = flat.units + np.arange(walls)
        tree.reversed[0] = False
        work = workspace(m, walls)
        inside = interior_point(self.problem.chart.rows.tolist())
        assert inside is not None  # a domain has interior by construction
        work.point[:] = [float(value) for value in inside]
        room = float((work.point @ flat.domain[:m] + flat.domain[m]).min())
        gaps[:walls] = [inward_gap(c, errors[c], room) for c in range(walls)]
        shifted = flat.domain.copy()
        shifted[m] -= gaps[:walls]
        found = vertex_from_point(shifted, m, walls, work)
        tree.vertices[0] = work.basis
        tree.witnesses[0] = [float(value) for value in inside]
        others = [c for c in range(walls) if c not in set(work.basis.tolist())]
        tree.row_at[0, m : m + len(others)] = others
        frame = tree.frames[0]
        tree.frames[0] = 0
        frame["moved"] = frame["end"] = m + len(others)
        if not found or not write_dictionary(
            rows,
            gaps,
            Dictionary(tree.tables[0], tree.row_at[0], tree.vertices[0]),
            frame["moved"],
            frame["end"],
            tree.work.inverse,
        ):
            tree.counters[0]["depth"] = -1
            if not prefix:
                tree.counts[0] = 1
            self._below_in_exact(tree.fixed)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to explore."""
        return bool(self.tree.counters[0]["depth"] < 0 and not self.exact.stack)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Regions found, by level."""
        return self.tree.counts + self.exact.counts

    @property
    def regions(self) -> int:
        """Regions found."""
        return int(self.counts[self.tree.counters[0]["last"]])

    @property
    def exact_decisions(self) -> int:
        """Decisions that exact arithmetic took."""
        return int(self.tree.counters[0]["exact"]) + self._decisions + self.exact.decisions

    @property
    def work(self) -> int:
        """What has been done, in nodes of the tree; exact arithmetic counts for more."""
        return int(self.tree.counters[0]["nodes"]) + 1000 * (self._decisions + self.exact.decisions)

    def advance(self, nodes: int, regions: int) -> None:
        """Explore about so many nodes, or until so many regions are found in all."""
        tree = self.tree
        last = tree.counters[0]["last"]
        stop = tree.counters[0]["nodes"] + nodes
        while tree.counters[0]["depth"] >= 0:
            left = stop - tree.counters[0]["nodes"]
            most = regions - int(self.exact.counts[last])
            status = explore(self.problem.flat, self._modular, tree, left, most)
            if status == NEEDS_DEPTH:
                tree = self.tree = with_depth(tree, 2 * len(tree.tables))
            elif status == NEEDS_ROWS:
                self._write_rows()
            elif status == UNDECIDED and lacks_residues(self._modular, self.problem.modular):
                self._modular = with_own_scratch(self.problem.modular)
            elif status == UNDECIDED:
                self._decide()
            else:
                break
        # as many as wait, so that they do not pile up
        for _ in range(max(_EXACT_STEPS, len(self.exact.stack))):
            if not self.exact.stack or self.regions >= regions:
                break
            self.exact.step()

    def unexplored(self) -> tuple[list[Prefix], NDArray[np.int64]]:
        """Return the prefixes not explored, and the counts of what is, by level.

        Every region, of every level, is counted here or below one of the prefixes. Only
        between two calls of `advance`.
        """
        tree, counts = self.tree, self.counts
        prefixes = []
        depth = int(tree.counters[0]["depth"])
        if depth >= 0:
            marks = self._marks(depth)
            level = int(tree.frames[depth]["level"])
            if marks[tree.starts[level] :].min(initial=FREE) == FREE:
                # the prefix is a whole layer, which will be counted again
                nonempty = np.flatnonzero(np.diff(tree.starts[: level + 1]))
                counts[nonempty[-1] if len(nonempty) else 0] -= 1
            prefixes.append(marks)
            for waiting in range(depth):
                if tree.frames[waiting]["state"] == WAITING:
                    marks = self._marks(waiting)
                    place = self._place(waiting, int(tree.frames[waiting]["column"]))[1]
                    marks[place] = 1 - marks[place]
                    prefixes.append(marks)
        prefixes.extend(marks for marks, _ in self.exact.stack)
        return [as_prefix(marks) for marks in prefixes], counts

    def _marks(self, depth: int) -> NDArray[np.uint8]:
        """Return what is decided at a depth of the stack, in the order of the tree."""
        tree, frame = self.tree, self.tree.frames[depth]
        level = int(frame["level"])
        end = int(tree.starts[level + 1])
        marks = tree.fixed.copy()
        open_places = [
            self._place(depth, int(column))[1]
            for column in tree.row_at[depth, frame["moved"] : frame["end"]]
        ]
        kept = marks[open_places].copy()
        marks[:end] = tree.bits[tree.sequence[:end]]
        marks[open_places] = kept
        return marks

    def _place(self, depth: int, column: int) -> tuple[int, int]:
        """Return the level of a frame and the place in the order of a column's unit."""
        level = int(self.tree.frames[depth]["level"])
        return level, int(self.tree.starts[level] + column - self.tree.n_base[level])

    def _write_rows(self) -> None:
        """Write the rows that floats lost, from exact integers."""
        tree, m = self.tree, self.problem.flat.dimension
        level = int(tree.frames[tree.counters[0]["depth"]]["level"]) + 1
        while tree.starts[level] == tree.starts[level + 1]:
            level += 1
        bits = tree.bits.copy()
        bits[tree.sequence[tree.starts[level] :]] = 1
        exact, _ = prefix_rows(self.problem, bits)
        base = int(tree.n_base[level])
        for column in range(base, base + int(tree.starts[level + 1] - tree.starts[level])):
            if tree.errors[level, column] != LOST:
                continue
            self._decisions += 1
            values, error = float_row(exact[int(tree.ids[level, column])])
            tree.rows[level][: m + 1, column] = values
            tree.errors[level, column] = error

    def _decide(self) -> None:
        """Decide a candidate that floats left open, exactly."""
        tree, m = self.tree, self.problem.flat.dimension
        depth, target = int(tree.counters[0]["depth"]), int(tree.counters[0]["target"])
        frame, row_at = tree.frames[depth], tree.row_at[depth]
        level, place = self._place(depth, target)
        position = int(frame["moved"]) + row_at[frame["moved"] : frame["end"]].tolist().index(
            target
        )
        bits = tree.bits.copy()
        bits[int(tree.ids[level, target])] = 1
        units, domain = prefix_rows(self.problem, bits)
        everything = [*units, *domain]
        columns = int(tree.n_base[level] + tree.starts[level + 1] - tree.starts[level])
        guarded = np.flatnonzero(tree.guards[level, :columns] > -HUGE)
        rows = [everything[int(tree.ids[level, c])] for c in guarded]
        row = everything[int(tree.ids[level, target])]
        vertex = tree.tables[depth, m, :m].copy()
        answer = side_of(rows, row, self._inside(rows, vertex))
        self._decisions += 1  # from here on nothing stops
        if isinstance(answer, int):
            bit = 1 if answer > 0 else 0
            remove_candidate(tree, depth, position)
            if not settle_unit(tree, level, target, bit):
                leave(tree)
            return
        # both sides are regions; floats go on where the vertex at hand is proven to be
        value = float(tree.tables[depth, m, position])
        error = float(tree.errors[level, target])
        near = -1
        if abs(value) > 8 * error and proven_inside(
            tree.rows[level], tree.guards[level], m, columns, vertex, tree.work.slack
        ):
            near = 1 if value > 0 else 0
        allowed = (0, 1) if tree.fixed[place] == FREE else (int(tree.fixed[place]),)
        for bit in allowed:
            if bit != near:
                marks = self._marks(depth)
                marks[place] = bit
                self._below_in_exact(marks)
        if near in allowed:
            tree.witnesses[depth] = vertex
            split_near(tree, depth, level, position, near, inward_gap(target, error, abs(value)))
        else:
            leave(tree)

    def _inside(self, rows: Sequence[Any], vertex: NDArray[np.float64]) -> Column:
        """Return an exact point inside the prefix: the vertex at hand, if it is one."""
        if np.isfinite(vertex).all():
            column = column_of([Fraction(float(value)) for value in vertex])
            if all(evaluate(row, column) > 0 for row in rows):
                return column
        point = interior_point(rows)
        assert point is not None  # the prefix of a region
        return column_of(point)

    def _below_in_exact(self, marks: NDArray[np.uint8]) -> None:
        """Leave a prefix to exact arithmetic."""
        self.exact.push(marks)


def float_row(row: Sequence[flint.fmpz]) -> tuple[NDArray[np.float64], float]:
    """Return a row of integers with unit normal and its error; error 0 if it is constant."""
    normal = max(abs(int(entry)) for entry in row[:-1])
    values = np.zeros(len(row))
    if normal == 0:
        values[-1] = 1.0 if row[-1] > 0 else -1.0
        return values, 0.0
    peak = max(normal, abs(int(row[-1])))
    values[:] = [int(entry) / peak for entry in row]
    length = float(np.sqrt((values[:-1] ** 2).sum()))
    if not length > 1e-100:
        # the normal cannot outweigh the offset anywhere in the cube
        values[:-1] = 0.0
        values[-1] = 1.0 if row[-1] > 0 else -1.0
        return values, 0.0
    values /= length
    error = float(np.abs(values).sum()) * (4 * len(row) + 16) * ROUNDOFF + 2.0**-1000
    return values, error
