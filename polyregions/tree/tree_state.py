"""The tree's state: polytopes that wait on a stack, and the small moves between them.

A node is a *prefix*: the bits of some units, layer by layer. Its polytope is known by the
dictionary of one vertex (`cells.row_side`), and carries a point that is proven to lie
inside, its *witness*. All units of the layer in turn ride along in the dictionary as
*candidates*: those that are proven one-sided leave, those that cut become rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers, Records, integer_record
from polyregions.cells.dictionary import HUGE, Dictionary, move_row, pivot, swap_rows
from polyregions.cells.row_side import write_dictionary
from polyregions.compiled import entry, exact_order_kernel, inlined_exact_order_kernel
from polyregions.network.flat import FlatNetwork
from polyregions.network.prefix import Prefix, empty_prefix, order_of

__all__ = [
    "ACTIVE",
    "COMPLETED",
    "WAITING",
    "Tree",
    "add_row",
    "dictionary_at",
    "fresh_table",
    "guard_column",
    "leave",
    "remove_candidate",
    "swap_basis",
    "tree_of",
    "turn_column",
    "with_depth",
]


# what is counted and where the search is: stack depth, phase, end of the fixed prefix, nodes,
# exact decisions, pivots since a fresh table, the candidate left undecided, the last level,
# and whether candidates are taken in order
TREE_COUNTERS = integer_record(
    "depth", "phase", "fixed", "nodes", "exact", "pivots", "target", "last", "ordered"
)
# positions before `moved` are rows of the polytope, those up to `end` candidates; `column` is
# to be turned when the frame has waited
TREE_FRAME = integer_record("level", "state", "moved", "end", "column")
# states of a frame: it is on top, or the near side of a split that was not explored, or a
# whole layer whose next one is explored above it
ACTIVE, WAITING, COMPLETED = 0, 1, 2

_FIRST_DEPTH = 8  # room first given to the stack


class CutWork(NamedTuple):
    """Work arrays of a search; places are positions in a dictionary, m + N + q of them."""

    ratio: Floats  # (places,): how far each row is from its bound along an edge
    slack: Floats  # (N + q,): values of rows at a point
    near: Floats  # (m,): the end of the edge at the vertex, or the witness instead
    far: Floats  # (m,): its other end, likewise
    residual: Floats  # (m + 1,): what a proof by multipliers leaves of one row
    residuals: Floats  # (m + 1, places): the same of many candidates at once
    bounds: Floats  # (places,): proven lower bounds of the candidates
    inverse: Floats  # (m, 2 m): of the basis, beside what it is eliminated from
    units: Integers  # (width,): units of the layer that is entered
    basis_ids: Integers  # (m,): the basis by rows of the network
    is_zero: NDArray[np.bool_]  # (m + 1,): which multipliers are exactly zero, and the offset
    state: Integers  # (1,): 1 where residues are ready
    stop: Integers  # (1,): not 0 where nobody waits any more; see `Workspace`


class Tree(NamedTuple):
    """A subtree and how far it has been explored: arrays only, so work can be suspended.

    Attributes
    ----------
    sequence, rank, starts, bases
        See `UnitOrder`.
    maps, map_errors
        The units' affine maps on the current prefix, layer by layer.
    rows, errors, guards, gaps, ids : arrays with leading shape (L,)
        For each level a polytope's rows as columns: ``n_base[l]`` rows of the prefix
        below, then the level's units in order. See `cells.row_side` for guards and
        gaps; ``ids`` are the rows' numbers in the network.
    reversed : bool array, shape (L, C)
        Columns whose sign is turned: the bit is 0.
    residues : int64 array, shape (1,)
        Rows of the levels up to this one are ready modulo primes.
    tables, witnesses, row_at, vertices, frames, frame_gap
        A stack of polytopes: table, witness, the column at each position, the basis; level,
        state, first candidate's position, end, and the column that waits to be turned.
    bits : uint8 array, shape (N,)
        By unit.
    fixed : Prefix
        Below which the tree is explored; it ends at the place ``counters["fixed"]``.
    counts : int64 array, shape (L,)
        Regions of the levels up to each.
    counters : TREE_COUNTERS array, shape (1,)
    """

    sequence: Integers
    rank: Integers
    starts: Integers
    bases: Integers
    maps: Floats
    map_errors: Floats
    scaled: Floats
    scaled_error: Floats
    slopes: Floats
    rows: Floats
    errors: Floats
    guards: Floats
    gaps: Floats
    ids: Integers
    n_base: Integers
    reversed: NDArray[np.bool_]
    residues: Integers
    tables: Floats
    witnesses: Floats
    row_at: Integers
    vertices: Integers
    frames: Records
    frame_gap: Floats
    bits: NDArray[np.uint8]
    fixed: Prefix
    counts: Integers
    counters: Records
    work: CutWork


def tree_of(flat: FlatNetwork, sequence: Integers, stop: Integers | None = None) -> Tree:
    """Allocate the state of a tree that visits the units in the given order."""
    depth = _FIRST_DEPTH
    m, size, units = flat.dimension, flat.size, flat.units
    layers, width = len(flat.widths), int(flat.widths.max())
    levels = layers + 1
    places = m + size
    return Tree(
        **order_of(flat, sequence)._asdict(),
        maps=np.zeros((layers, m + 1, width)),
        map_errors=np.zeros((layers, width)),
        scaled=np.zeros((m + 1, width)),
        scaled_error=np.zeros(width),
        slopes=np.zeros(width),
        rows=np.zeros((levels, m + 1, size)),
        errors=np.zeros((levels, size)),
        guards=np.full((levels, size), -HUGE),
        gaps=np.zeros((levels, size)),
        ids=np.zeros((levels, size), dtype=np.int64),
        n_base=np.zeros(levels, dtype=np.int64),
        reversed=np.zeros((levels, size), dtype=np.bool_),
        residues=np.full(1, -1, dtype=np.int64),
        tables=np.zeros((depth, m + 1, places)),
        witnesses=np.zeros((depth, m)),
        row_at=np.zeros((depth, places), dtype=np.int64),
        vertices=np.zeros((depth, m), dtype=np.int64),
        frames=np.zeros(depth, dtype=TREE_FRAME),
        frame_gap=np.zeros(depth),
        bits=np.zeros(units, dtype=np.uint8),
        fixed=empty_prefix(units),
        counts=np.zeros(levels, dtype=np.int64),
        counters=np.zeros(1, dtype=TREE_COUNTERS),
        work=CutWork(
            ratio=np.zeros(places),
            slack=np.zeros(size),
            near=np.zeros(m),
            far=np.zeros(m),
            residual=np.zeros(m + 1),
            residuals=np.zeros((m + 1, places)),
            bounds=np.zeros(places),
            inverse=np.zeros((m, 2 * m)),
            units=np.zeros(width, dtype=np.int64),
            basis_ids=np.zeros(m, dtype=np.int64),
            is_zero=np.zeros(m + 1, dtype=np.bool_),
            state=np.zeros(1, dtype=np.int64),
            stop=np.zeros(1, dtype=np.int64) if stop is None else stop,
        ),
    )


def with_depth(tree: Tree, depth: int) -> Tree:
    """Return the same tree with room for a deeper stack."""
    stacks = ("tables", "witnesses", "row_at", "vertices", "frames", "frame_gap")
    larger: dict[str, Any] = {}
    # a frame is a row of each stack; the rest is by level and keeps its size
    for name in stacks:
        array = getattr(tree, name)
        larger[name] = np.zeros((depth, *array.shape[1:]), dtype=array.dtype)
        larger[name][: len(array)] = array
    return tree._replace(**larger)


@inlined_exact_order_kernel
def turn_column(tree, level, column):
    """Turn a column to the other side.

    Parameters
    ----------
    tree : Tree, out
    level, column : int
    """
    rows = tree.rows[level]
    for d in range(rows.shape[0]):
        rows[d, column] = -rows[d, column]
    tree.reversed[level, column] = not tree.reversed[level, column]


@entry
@inlined_exact_order_kernel
def leave(tree):
    """Go on with the next polytope that waits.

    Parameters
    ----------
    tree : Tree, out

    Notes
    -----
    *Invariant.* A frame that waits is the near side of a split whose far side, all of it, was
    explored above it. Columns are shared by the frames of a level, so those that the far side
    has turned or guarded are put back to what the near side has.
    """
    counters = tree.counters[0]
    depth = counters["depth"] - 1
    # what is complete has been counted, with all that lies below it
    while depth >= 0 and tree.frames[depth]["state"] == COMPLETED:
        depth -= 1
    counters["depth"] = depth
    if depth < 0:
        return
    frame = tree.frames[depth]
    level, column = frame["level"], frame["column"]
    frame["state"] = ACTIVE
    # from the far side of the split to the near one
    turn_column(tree, level, column)
    tree.gaps[level, column] = tree.frame_gap[depth]
    tree.bits[tree.ids[level, column]] = 0 if tree.reversed[level, column] else 1
    for p in range(frame["moved"], frame["end"]):
        candidate = tree.row_at[depth, p]
        # open again: no row of this polytope, and not turned
        tree.guards[level, candidate] = -HUGE
        if tree.reversed[level, candidate]:
            turn_column(tree, level, candidate)


@inlined_exact_order_kernel
def add_row(tree, depth, position, reverse, gap):
    """Make the candidate at a position a row of the polytope; its column is not touched.

    Parameters
    ----------
    tree : Tree, out
    depth, position : int
    reverse : bool
        Whether the polytope is on the negative side.
    gap : float
        How far the row moves inwards; see `inward_gap`.
    """
    table, row_at, frame = tree.tables[depth], tree.row_at[depth], tree.frames[depth]
    m = tree.vertices.shape[1]
    moved = frame["moved"]
    # rows of the polytope come first, then candidates
    swap_rows(table, row_at, m, position, moved)
    if reverse:
        for k in range(m + 1):
            table[k, moved] = -table[k, moved]
    # inside is where the row exceeds its gap, not where it exceeds zero
    table[m, moved] -= gap
    frame["moved"] = moved + 1


@inlined_exact_order_kernel
def guard_column(tree, level, column, reverse, gap):
    """Let a column count as a row of the polytope, with the given side.

    Parameters
    ----------
    tree : Tree, out
    level, column : int
    reverse, gap
        See `add_row`.
    """
    if tree.reversed[level, column] != reverse:
        turn_column(tree, level, column)
    tree.guards[level, column] = tree.errors[level, column]
    tree.gaps[level, column] = gap
    tree.bits[tree.ids[level, column]] = 0 if reverse else 1


@entry
@inlined_exact_order_kernel
def remove_candidate(tree, depth, position):
    """Take the candidate at a position out of the dictionary.

    Parameters
    ----------
    tree : Tree, out
    depth, position : int
    """
    frame = tree.frames[depth]
    m = tree.vertices.shape[1]
    # the last candidate takes its place
    frame["end"] -= 1
    move_row(tree.tables[depth], tree.row_at[depth], m, frame["end"], position)


@inlined_exact_order_kernel
def swap_basis(tree, depth, slack, position, end):
    """Pivot, and keep the names of rows in step.

    Parameters
    ----------
    tree : Tree, out
    depth : int
    slack : int
        Of the basis: the row that leaves.
    position : int
        Of the row that enters.
    end : int
        Where the positions in use end.
    """
    m = tree.vertices.shape[1]
    pivot(tree.tables[depth], m, slack, position, end)
    # the two have changed places: so do their names
    entered = tree.row_at[depth, position]
    tree.row_at[depth, position] = tree.vertices[depth, slack]
    tree.vertices[depth, slack] = entered
    tree.counters[0]["pivots"] += 1


@inlined_exact_order_kernel
def dictionary_at(tree, depth):
    """Return the dictionary at a depth of the stack."""
    return Dictionary(tree.tables[depth], tree.row_at[depth], tree.vertices[depth])


@exact_order_kernel
def fresh_table(tree, depth, level):
    """Compute the dictionary at a depth afresh from its basis, without old rounding.

    Parameters
    ----------
    tree : Tree, out
    depth, level : int

    Returns
    -------
    bool
        False if the basis is nearly singular.
    """
    frame = tree.frames[depth]
    tree.counters[0]["pivots"] = 0
    return write_dictionary(
        tree.rows[level],
        tree.gaps[level],
        dictionary_at(tree, depth),
        frame["moved"],
        frame["end"],
        tree.work.inverse,
    )
