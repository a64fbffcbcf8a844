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
from polyregions.exact.facets import interior_point, sign_or_beyond
from polyregions.exact.simplex import Column, column_of, evaluate
from polyregions.geometry.rows import LOST
from polyregions.network.prefix import (
    Prefix,
    empty_prefix,
    end_of,
    extended,
    last_level,
    unpack_prefix,
    with_bit,
)
from polyregions.network.residues import NO_RESIDUES, lacks_residues, with_own_scratch
from polyregions.rounding import ROUNDOFF
from polyregions.run.problem import Problem, prefix_rows
from polyregions.tree.cell_splitting import split_near
from polyregions.tree.corner_orientation import LEAST_NORMAL_HINT
from polyregions.tree.exact_tree import ExactTree
from polyregions.tree.fixed_prefix import settle_unit
from polyregions.tree.tree_kernel import NEEDS_DEPTH, NEEDS_ROWS, UNDECIDED, explore
from polyregions.tree.tree_state import (
    WAITING,
    leave,
    remove_candidate,
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
        them as it thinks best.
    prefix : Prefix, optional
        By default the empty one.
    stop : numpy.ndarray of int64, optional
        Another thread that sets ``stop[0]`` ends `advance` soon.
    """

    def __init__(
        self,
        problem: Problem,
        sequence: NDArray[np.int64] | None,
        prefix: Prefix | None = None,
        stop: NDArray[np.int64] | None = None,
    ) -> None:
        self.problem = problem
        self._ordered = sequence is not None
        if sequence is None:
            sequence = np.arange(problem.flat.units)
        self.tree = tree_of(problem.flat, sequence, stop=stop)
        self._modular = NO_RESIDUES
        self.start(empty_prefix(problem.flat.units) if prefix is None else prefix)

    def start(self, prefix: Prefix) -> None:
        """Begin anew, below another prefix."""
        tree, flat = self.tree, self.problem.flat
        tree.counts[:] = 0
        tree.counters[:] = 0
        tree.fixed.mask[:], tree.fixed.value[:] = prefix
        tree.counters[0]["fixed"] = end_of(prefix, tree.rank)
        tree.counters[0]["ordered"] = self._ordered
        tree.counters[0]["last"] = last_level(tree.starts)
        tree.residues[0] = -1
        self.exact = ExactTree(self.problem, tree.sequence, tree.starts, np.zeros_like(tree.counts))
        self._decisions, self._deciding = 0, False
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
        # rows are moved inwards by less than this point is inside
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
        # no candidates: level 0 is the domain, and is complete at once
        frame["moved"] = frame["end"] = m + len(others)
        if not found or not write_dictionary(
            rows,
            gaps,
            Dictionary(tree.tables[0], tree.row_at[0], tree.vertices[0]),
            frame["moved"],
            frame["end"],
            tree.work.inverse,
        ):
            # too thin a domain for floats: all of it is left to exact arithmetic
            tree.counters[0]["depth"] = -1
            if not prefix.mask.any():
                tree.counts[0] = 1
            self.exact.push(prefix)

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
            # regions that exact arithmetic has found count as well
            most = regions - int(self.exact.counts[last])
            # a decision that was stopped is taken first: at another vertex floats may take it
            status = UNDECIDED
            if not self._deciding:
                status = explore(self.problem.flat, self._modular, tree, left, most)
            if status == NEEDS_DEPTH:
                tree = self.tree = with_depth(tree, 2 * len(tree.tables))
            elif status == NEEDS_ROWS:
                self._write_rows()
            # residues first: they decide most of what floats cannot
            elif status == UNDECIDED and lacks_residues(self._modular, self.problem.modular):
                self._modular = with_own_scratch(self.problem.modular)
            elif status == UNDECIDED:
                self._deciding = True
                self._decide()
                self._deciding = False
            else:
                break
        # as many as wait, so that they do not pile up
        for _ in range(max(_EXACT_STEPS, len(self.exact.stack))):
            if not self.exact.stack or self.regions >= regions:
                break
            self.exact.step()

    def most(self, nodes: int) -> int | None:
        """Return an upper bound of the regions: only what is finished has one."""
        return self.regions if self.finished else None

    def unexplored(self) -> tuple[list[Prefix], NDArray[np.int64]]:
        """Return the prefixes not explored, and the counts of what is, by level.

        Every region, of every level, is counted here or below one of the prefixes. Only
        between two calls of `advance`.
        """
        tree, counts = self.tree, self.counts
        prefixes = []
        depth = int(tree.counters[0]["depth"])
        if depth >= 0:
            prefix, level = self._prefix(depth), int(tree.frames[depth]["level"])
            if level > 0 and end_of(prefix, tree.rank) <= tree.starts[level]:
                # the prefix is a whole layer, which will be counted again; not the domain, yet
                nonempty = np.flatnonzero(np.diff(tree.starts[: level + 1]))
                counts[nonempty[-1] if len(nonempty) else 0] -= 1
            prefixes.append(prefix)
            for waiting in range(depth):
                frame = tree.frames[waiting]
                if frame["state"] == WAITING:
                    # the far side is explored, in the frame above; the near one is left
                    unit = int(tree.ids[frame["level"], frame["column"]])
                    other = 1 - int(tree.bits[unit])
                    prefixes.append(with_bit(self._prefix(waiting), unit, other))
        prefixes.extend(prefix for prefix, _ in self.exact.stack)
        return prefixes, counts

    def _prefix(self, depth: int) -> Prefix:
        """Return what is decided at a depth of the stack."""
        tree, frame = self.tree, self.tree.frames[depth]
        level = int(frame["level"])
        units = tree.sequence[: tree.starts[level + 1]]
        candidates = tree.row_at[depth, frame["moved"] : frame["end"]]
        return extended(tree.fixed, tree.bits, units, tree.ids[level, candidates])

    def _write_rows(self) -> None:
        """Write the rows that floats lost, from exact integers."""
        tree, m = self.tree, self.problem.flat.dimension
        level = int(tree.frames[tree.counters[0]["depth"]]["level"]) + 1
        while tree.starts[level] == tree.starts[level + 1]:
            level += 1
        bits = tree.bits.copy()
        # deeper units have no bits yet; their rows as if active, as the columns are
        bits[tree.sequence[tree.starts[level] :]] = 1
        exact, _ = prefix_rows(self.problem, bits)
        base = int(tree.n_base[level])
        for column in range(base, base + int(tree.starts[level + 1] - tree.starts[level])):
            if tree.errors[level, column] != LOST:
                continue
            self._decisions += 1
            # rounded once from integers: its error is small, or it is proven constant
            values, error = float_row(exact[int(tree.ids[level, column])])
            tree.rows[level][: m + 1, column] = values
            tree.errors[level, column] = error

    def _decide(self) -> None:
        """Decide a candidate that floats left open, exactly."""
        tree, m = self.tree, self.problem.flat.dimension
        depth, target = int(tree.counters[0]["depth"]), int(tree.counters[0]["target"])
        frame, row_at = tree.frames[depth], tree.row_at[depth]
        level = int(frame["level"])
        unit = int(tree.ids[level, target])
        position = int(frame["moved"]) + row_at[frame["moved"] : frame["end"]].tolist().index(
            target
        )
        units, domain = self.exact.rows(tree.bits, level)
        everything, on = [*units, *domain], [*tree.bits.tolist(), *(1 for _ in domain)]
        columns = int(tree.n_base[level] + tree.starts[level + 1] - tree.starts[level])
        # the rows of the polytope: others have no guard
        guarded = np.flatnonzero(tree.guards[level, :columns] > -HUGE)
        ids = tree.ids[level, guarded].tolist()
        rows = [everything[i] if on[i] else [-entry for entry in everything[i]] for i in ids]
        row = everything[unit]
        vertex = tree.tables[depth, m, :m].copy()
        answer = sign_or_beyond(rows, row, self._inside(rows, vertex))
        self._decisions += 1  # from here on nothing stops
        if isinstance(answer, int):
            bit = 1 if answer > 0 else 0
            remove_candidate(tree, depth, position)
            if not settle_unit(tree, unit, bit):
                leave(tree)
            return
        # both sides are regions; floats go on where the vertex at hand is proven to be
        # summed afresh: the dictionary's value has drifted with every pivot
        values, error = tree.rows[level][:, target], float(tree.errors[level, target])
        value = float(vertex @ values[:m] + values[m])
        near = -1
        if abs(value) > 8 * error and proven_inside(
            tree.rows[level], tree.guards[level], m, columns, vertex, tree.work.slack
        ):
            near = 1 if value > 0 else 0
        decided, fixed_bits = unpack_prefix(tree.fixed, len(tree.bits))
        allowed = (int(fixed_bits[unit]),) if decided[unit] else (0, 1)
        for bit in allowed:
            if bit != near:
                self.exact.push(with_bit(self._prefix(depth), unit, bit))
        if near in allowed:
            tree.witnesses[depth] = vertex
            split_near(tree, depth, level, position, near, inward_gap(target, error, abs(value)))
        else:
            leave(tree)

    def _inside(self, rows: Sequence[Any], vertex: NDArray[np.float64]) -> Column:
        """Return an exact point inside the prefix: the vertex at hand, if it is one."""
        # mostly it is, and that saves a linear program in integers
        if np.isfinite(vertex).all():
            column = column_of([Fraction(float(value)) for value in vertex])
            if all(evaluate(row, column) > 0 for row in rows):
                return column
        point = interior_point(rows)
        assert point is not None  # the prefix of a region
        return column_of(point)


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
    if not length > LEAST_NORMAL_HINT:
        # the normal cannot outweigh the offset anywhere in the cube
        values[:-1] = 0.0
        values[-1] = 1.0 if row[-1] > 0 else -1.0
        return values, 0.0
    values /= length
    error = float(np.abs(values).sum()) * (4 * len(row) + 16) * ROUNDOFF + 2.0**-1000
    return values, error
