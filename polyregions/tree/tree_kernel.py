"""Exploring the tree, depth-first: node after node, and from a whole layer to the next."""

from __future__ import annotations

from polyregions.cells.dictionary import HUGE, PIVOT_HINT, TIGHT_HINT, move_row
from polyregions.cells.proofs import prove_redundant
from polyregions.cells.row_side import side_margins
from polyregions.compiled import entry, exact_order_kernel
from polyregions.geometry.rows import LOST, Rows, oriented_rows
from polyregions.network.layer_maps import Maps, write_layer_maps
from polyregions.network.prefix import decides
from polyregions.tree.cell_splitting import (
    CROSSED,
    DOUBTFUL,
    MOVED,
    PRUNED,
    next_candidate,
    search_step,
    settle_here,
)
from polyregions.tree.fixed_prefix import count_cells, settle_unit
from polyregions.tree.tree_state import (
    ACTIVE,
    COMPLETED,
    dictionary_at,
    fresh_table,
    leave,
    remove_candidate,
)

__all__ = ["DONE", "NEEDS_DEPTH", "NEEDS_ROWS", "PAUSED", "UNDECIDED", "explore"]

# phases: the polytope on top is searched, or the next layer's dictionary is to be written
AT_NODE, ENTERING = 0, 1
NO_TARGET = -1
# what the kernel returns
DONE, PAUSED, NEEDS_ROWS, NEEDS_DEPTH, UNDECIDED = range(5)

# Hint: pivots between two fresh dictionaries.
FRESH_TABLE_HINT = 100
# Hint: pivots per search, for each dimension, before it is given up.
STEPS_HINT = 50


@exact_order_kernel
def drop_redundant(tree, depth, level):
    """Take rows out of the dictionary that are proven to say nothing about the polytope.

    Parameters
    ----------
    tree : Tree, out
    depth, level : int

    Notes
    -----
    *Invariant.* The rows that are left describe the same polytope: each that leaves is
    positive wherever the basis rows are (docs/mathematics.md, part 6), and these stay.
    """
    frame, work = tree.frames[depth], tree.work
    table, row_at = tree.tables[depth], tree.row_at[depth]
    m = tree.vertices.shape[1]
    # margins are floats, so they only choose whom to prove
    side_margins(table, m, m, frame["moved"], work.ratio)
    p = m
    while p < frame["moved"]:
        if (
            work.ratio[p] >= -PIVOT_HINT
            and table[m, p] > TIGHT_HINT
            and prove_redundant(
                Rows(tree.rows[level], tree.errors[level]),
                dictionary_at(tree, depth),
                p,
                work.residual,
            )
        ):
            frame["moved"] -= 1
            frame["end"] -= 1
            move_row(table, row_at, m, frame["moved"], p)
            # margins move with their rows; the row at p is another one now
            work.ratio[p] = work.ratio[frame["moved"]]
            move_row(table, row_at, m, frame["end"], frame["moved"])
        else:
            p += 1


@exact_order_kernel
def enter_layer(flat, tree):
    """Compute the next layer's rows on the polytope of a whole layer of bits.

    Parameters
    ----------
    flat : FlatNetwork
    tree : Tree, out

    Returns
    -------
    int
        NEEDS_ROWS if a row may vanish and only exact arithmetic can tell, else AT_NODE.
    """
    depth = tree.counters[0]["depth"]
    frame = tree.frames[depth]
    below = frame["level"]
    m = flat.dimension
    # rows are copied to every polytope of the next layer: few are cheaper
    drop_redundant(tree, depth, below)
    frame["state"] = COMPLETED
    level = below
    searching = True
    # layers without units that vary have maps, but no candidates
    while searching:
        level += 1
        write_layer_maps(
            flat,
            level - 1,
            tree.bases[level],
            tree.bits,
            Maps(tree.maps, tree.map_errors),
            Maps(tree.scaled, tree.scaled_error),
            tree.slopes,
        )
        searching = tree.starts[level + 1] == tree.starts[level]
    # residues of the rows of deeper layers were those of other bits
    tree.residues[0] = min(tree.residues[0], level - 1)
    base = frame["moved"]
    tree.n_base[level] = base
    rows, old = tree.rows[level], tree.rows[below]
    # the first m columns are the basis, in its order: names start afresh
    for c in range(base):
        source = tree.vertices[depth, c] if c < m else tree.row_at[depth, c]
        for d in range(m + 1):
            rows[d, c] = old[d, source]
        tree.errors[level, c] = tree.errors[below, source]
        tree.guards[level, c] = tree.errors[below, source]
        tree.gaps[level, c] = tree.gaps[below, source]
        tree.ids[level, c] = tree.ids[below, source]
        tree.reversed[level, c] = False
    return write_units(flat, tree, level)


@exact_order_kernel
def write_units(flat, tree, level):
    """Write the rows of a layer's units as columns behind the polytope's.

    Parameters
    ----------
    flat, tree
        See `enter_layer`, also for the result.
    level : int
    """
    base = tree.n_base[level]
    status = AT_NODE
    start, width = tree.starts[level], flat.widths[level - 1]
    count = tree.starts[level + 1] - start
    units = tree.work.units
    for c in range(count):
        units[c] = flat.unit_of_row[tree.sequence[start + c]] - tree.bases[level]
    oriented_rows(
        Maps(tree.maps[level - 1], tree.map_errors[level - 1]),
        units[:count],
        base,
        Rows(tree.rows[level], tree.errors[level]),
        tree.slopes[:width],
        tree.scaled_error[:width],
    )
    for column in range(base, base + count):
        tree.guards[level, column] = -HUGE
        tree.gaps[level, column] = 0.0
        tree.ids[level, column] = tree.sequence[start + column - base]
        tree.reversed[level, column] = False
        # its normal is within its rounding error: it may be anything, zero included
        if tree.errors[level, column] == LOST:
            status = NEEDS_ROWS
    return status


@exact_order_kernel
def open_layer(flat, tree):
    """Write the dictionary with a layer's units as candidates, one deeper on the stack.

    Parameters
    ----------
    flat : FlatNetwork
    tree : Tree, out

    Returns
    -------
    bool
        False if the fixed prefix says otherwise.
    """
    old = tree.counters[0]["depth"]
    depth = old + 1
    tree.counters[0]["depth"] = depth
    level = tree.frames[old]["level"] + 1
    while tree.starts[level + 1] == tree.starts[level]:
        level += 1
    m = flat.dimension
    base = tree.n_base[level]
    rows, table, row_at = tree.rows[level], tree.tables[depth], tree.row_at[depth]
    frame = tree.frames[depth]
    frame["level"] = level
    frame["state"] = ACTIVE
    frame["moved"] = base
    source = tree.tables[old]
    # the polytope is the same, so its part of the table is that of the frame below
    for k in range(m + 1):
        for p in range(base):
            table[k, p] = source[k, p]
    # columns were numbered by position when the layer was entered
    for p in range(base):
        row_at[p] = p
    for k in range(m):
        tree.vertices[depth, k] = k
        tree.witnesses[depth, k] = tree.witnesses[old, k]
    end = base + tree.starts[level + 1] - tree.starts[level]
    # slices start at zero, so the compiler sees that no index is negative and vectorises
    for k in range(m + 1):
        column, offset = table[k, base:end], rows[m, base:end]
        for p in range(len(column)):
            column[p] = offset[p] if k == m else 0.0
        for d in range(m):
            along, entry = table[k, d], rows[d, base:end]
            for p in range(len(column)):
                column[p] += entry[p] * along
    for column in range(base, end):
        row_at[column] = column
    agrees = True
    frame["end"] = end
    # from the last on: what is removed is replaced by one that was looked at
    for column in range(end - 1, base - 1, -1):
        # constant on the polytope, exactly: no candidate
        if tree.errors[level, column] == 0.0:
            agrees &= settle_unit(tree, tree.ids[level, column], 1 if rows[m, column] > 0.0 else 0)
            remove_candidate(tree, depth, column)
    if not agrees:
        return False
    if tree.counters[0]["pivots"] > FRESH_TABLE_HINT:
        fresh_table(tree, depth, level)
    return True


@entry
@exact_order_kernel
def explore(flat, modular, tree, nodes, regions):
    """Explore the tree for about so many nodes, or until so many regions are counted.

    Parameters
    ----------
    flat : FlatNetwork
    modular : ModularNetwork
        Without primes until it is known that residues are needed.
    tree : Tree, in and out
    nodes : int
    regions : int

    Returns
    -------
    int
        DONE; PAUSED, also where ``work.stop`` is set; NEEDS_DEPTH: call again with a deeper
        stack; NEEDS_ROWS: some rows of
        the layer entered have error LOST, write them and call again; UNDECIDED: the
        first candidate (``counters["target"]``) is left to exact arithmetic.

    Notes
    -----
    *Invariant.* Every region below the fixed prefix is counted, or lies in the polytope on top
    of the stack, or in one that waits, and in one of these only: a split shares the regions of
    a polytope between its two sides, and what is settled leaves none out. So when the stack is
    empty all are counted, each once: docs/mathematics.md, part 9.
    """
    m, counters = flat.dimension, tree.counters[0]
    last = counters["last"]
    stop = counters["nodes"] + nodes
    # the candidate that is searched for, and the nodes before it
    target, explored = NO_TARGET, counters["nodes"]
    steps, fresh, arrived = 0, False, False
    while counters["depth"] >= 0:
        depth = counters["depth"]
        frame = tree.frames[depth]
        level = frame["level"]
        # a new vertex may be the least one of many candidates
        if arrived:
            arrived = False
            if not settle_here(flat, modular, tree, depth, level):
                leave(tree)
                target = NO_TARGET
                continue
        # a split or another layer takes one frame more
        if depth + 1 == len(tree.tables):
            return NEEDS_DEPTH
        if counters["phase"] == ENTERING:
            counters["phase"] = AT_NODE
            arrived = open_layer(flat, tree)
            if not arrived:
                leave(tree)
            continue
        # not before: a cell whose next layer is not open yet is counted, and waits nowhere
        if tree.work.stop[0] != 0:
            # a search that was under way begins anew
            counters["nodes"] = explored if target != NO_TARGET else counters["nodes"]
            return PAUSED
        if target == NO_TARGET:
            if frame["moved"] == frame["end"]:
                # no candidate is left: the polytope is a cell of the layers so far
                count_cells(tree, level, 1)
                if level == last:
                    leave(tree)
                    continue
                counters["phase"] = ENTERING
                if enter_layer(flat, tree) == NEEDS_ROWS:
                    return NEEDS_ROWS
                continue
            if counters["nodes"] >= stop or tree.counts[last] >= regions:
                return PAUSED
            explored = counters["nodes"]
            p = next_candidate(tree, depth, level)
            target = tree.row_at[depth, p]
            if not decides(tree.fixed, tree.ids[level, target]):
                counters["nodes"] += 1  # to find the prefix again is no progress
            steps, fresh = STEPS_HINT * (m + 2) + frame["end"], False
        else:
            # pivots and proofs move candidates: find it again, unless it was proven one-sided
            p = frame["moved"]
            while p < frame["end"] and tree.row_at[depth, p] != target:
                p += 1
            if p == frame["end"]:
                target = NO_TARGET
                continue
        steps -= 1
        verdict = search_step(flat, modular, tree, depth, level, p) if steps >= 0 else DOUBTFUL
        if verdict == DOUBTFUL:
            # once more from a table without rounding
            if fresh or not fresh_table(tree, depth, level):
                # it is counted when it is decided
                counters["nodes"] = explored
                counters["target"] = target
                return UNDECIDED
            fresh, steps = True, steps + 1
            continue
        arrived = verdict in (MOVED, CROSSED)
        if verdict != MOVED:
            target = NO_TARGET
        if verdict == PRUNED:
            leave(tree)
    return DONE
