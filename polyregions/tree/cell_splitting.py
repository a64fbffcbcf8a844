"""One node of the tree: the next candidate is proven one-sided, or the polytope splits.

A candidate is minimised from vertex to vertex until it is proven one-sided, or an edge
crosses it. Then the polytope splits: the far side goes on in a copy of the dictionary,
at the far end of the edge; the near side waits with the dictionary at the near end. The
witness of the polytope lies on one of the two sides, and one of the two ends is proven
to be a witness for the other.

Which candidate is taken next does not matter for the counts. The one farthest from the
vertex at hand is likely to cut the polytope through the middle, which makes the
tree about a third smaller than in the network's order.
"""

from __future__ import annotations

from polyregions.cells.degeneracy import TieScratch, prove_exact_combination
from polyregions.cells.dictionary import PIVOT_HINT, blocking_row
from polyregions.cells.proofs import evaluate_row, prove_one_sided
from polyregions.cells.row_side import (
    falling_slack,
    inward_gap,
    one_sided_bounds,
    proven_inside,
    side_margins,
)
from polyregions.compiled import entry, exact_order_kernel, inlined_exact_order_kernel
from polyregions.geometry.rows import Rows
from polyregions.network.prefix import bit_of, decides
from polyregions.network.residues import modular_rows
from polyregions.tree.fixed_prefix import settle_unit
from polyregions.tree.tree_state import (
    ACTIVE,
    WAITING,
    add_row,
    dictionary_at,
    guard_column,
    leave,
    remove_candidate,
    swap_basis,
)

__all__ = [
    "CROSSED",
    "DECIDED",
    "DOUBTFUL",
    "MOVED",
    "PRUNED",
    "next_candidate",
    "search_step",
    "settle_here",
    "split_near",
]

# what one step of a search returns
MOVED, CROSSED, DECIDED, PRUNED, DOUBTFUL = range(5)

# Hint: from so many candidates on, bounds are computed for all at once.
MANY_HINT = 4
# Hint: a row that touches the polytope is about a gap away from the dictionary's.
TOUCHING_HINT = 1e-6


@exact_order_kernel
def prove_candidate_touches(flat, modular, tree, depth, level, position, sign):
    """Prove that a candidate that only touches the polytope is one-sided, exactly.

    Parameters
    ----------
    flat : FlatNetwork
    modular : ModularNetwork
    tree : Tree, in and out
    depth, level : int
    position : int
        Of the candidate, in the dictionary.
    sign : float
        1.0 or -1.0: the side that is asked about.

    Returns
    -------
    bool
    """
    rows, work = Rows(tree.rows[level], tree.errors[level]), tree.work
    dictionary = dictionary_at(tree, depth)
    if dictionary.table[flat.dimension, position] * sign > TOUCHING_HINT:
        return False
    ids = tree.ids[level]
    # the network's shape is asked first; residues are made for those that it leaves open
    ties = TieScratch(work.inverse, work.residual, work.basis_ids, work.is_zero, work.state)
    work.state[0] = 1 if tree.residues[0] >= level else 0
    answer = -1
    for _ in range(2):
        answer, _ = prove_exact_combination(
            flat, modular, ids, rows, dictionary, position, sign, ties
        )
        if answer >= 0 or len(modular.primes) == 0:
            break
        modular_rows(flat, modular, tree.bits)
        tree.residues[0] = level
        work.state[0] = 1
    if answer == 2:
        tree.counters[0]["exact"] += 1
    return answer > 0


@inlined_exact_order_kernel
def settle_here(flat, modular, tree, depth, level):
    """Settle the candidates that have their least value at this vertex.

    Called from one place, where it is compiled: a call would pass every field of the tree.

    Parameters
    ----------
    flat : FlatNetwork
    modular : ModularNetwork
    tree : Tree, in and out
    depth, level : int

    Returns
    -------
    bool
        False if the fixed prefix says otherwise.

    Notes
    -----
    *Invariant.* A candidate leaves only with a proof that it has one sign on the polytope, so
    the bits that are set and the candidates that are left decide its cells.
    """
    frame, work = tree.frames[depth], tree.work
    table, row_at = tree.tables[depth], tree.row_at[depth]
    rows, dictionary = Rows(tree.rows[level], tree.errors[level]), dictionary_at(tree, depth)
    m = flat.dimension
    start, end = frame["moved"], frame["end"]
    side_margins(table, m, start, end, work.ratio)
    # margins are floats, so they only choose whom to prove
    likely = 0
    for p in range(start, end):
        likely += work.ratio[p] >= -PIVOT_HINT
    if likely == 0:
        return True
    # one pass over the table for all of them is cheaper than a pass for each
    if likely >= MANY_HINT:
        one_sided_bounds(rows, dictionary, start, end, work.residuals, work.bounds)
    p = start
    while p < frame["end"]:
        column = row_at[p]
        sign = 1.0 if table[m, p] > 0.0 else -1.0
        proven = likely >= MANY_HINT and work.bounds[p] > 0.0
        if not proven and work.ratio[p] >= -PIVOT_HINT:
            proven = prove_one_sided(
                rows, dictionary, p, sign, work.residual
            ) or prove_candidate_touches(flat, modular, tree, depth, level, p, sign)
        if proven:
            if not settle_unit(tree, tree.ids[level, column], 1 if sign > 0.0 else 0):
                return False
            remove_candidate(tree, depth, p)
            # the last candidate is at p now
            work.ratio[p] = work.ratio[frame["end"]]
            work.bounds[p] = work.bounds[frame["end"]]
        else:
            p += 1
    return True


@inlined_exact_order_kernel
def next_candidate(tree, depth, level):
    """Return the position of the candidate to decide next.

    Those that the fixed prefix decides come first: they keep one side only. Any choice gives
    the same counts.

    Parameters
    ----------
    tree : Tree
    depth, level : int

    Returns
    -------
    int
    """
    counters, frame, row_at = tree.counters[0], tree.frames[depth], tree.row_at[depth]
    values = tree.tables[depth, tree.vertices.shape[1]]
    best = frame["moved"]
    if counters["fixed"] > tree.starts[level]:
        for p in range(frame["moved"], frame["end"]):
            if decides(tree.fixed, tree.ids[level, row_at[p]]):
                return p
    for p in range(frame["moved"] + 1, frame["end"]):
        # as the order says, or the one farthest away: it is likely to cut through the middle
        if counters["ordered"] == 1:
            if row_at[p] < row_at[best]:
                best = p
        elif abs(values[p]) > abs(values[best]):
            best = p
    return best


@inlined_exact_order_kernel
def search_step(flat, modular, tree, depth, level, p):
    """Take the search of a candidate one vertex on, or end it.

    Parameters
    ----------
    flat : FlatNetwork
    modular : ModularNetwork
    tree : Tree, in and out
    depth, level : int
    p : int
        The candidate's position.

    Returns
    -------
    int
        MOVED: to a vertex where its absolute value is less; CROSSED: the polytope on top is that
        of its far side; at either vertex `settle_here` is due. DECIDED: nothing is to be done for
        it; PRUNED: the fixed prefix says otherwise; DOUBTFUL: nothing is proven, and rounding of
        the table may be to blame.

    Notes
    -----
    *Algorithm.* The primal simplex method minimises the candidate's absolute value from the
    vertex at hand, until multipliers prove it one-sided or an edge crosses it.

    *Invariant.* A pivot only proposes: the polytope and its candidates stay the same.
    """
    m = flat.dimension
    frame, work = tree.frames[depth], tree.work
    table, errors = tree.tables[depth], tree.errors[level]
    target = tree.row_at[depth, p]
    sign = 1.0 if table[m, p] > 0.0 else -1.0
    # the edge along which the candidate falls fastest; without one this is its least value
    slack = falling_slack(table, m, p, sign)
    if slack < 0:
        if prove_one_sided(
            Rows(tree.rows[level], errors), dictionary_at(tree, depth), p, sign, work.residual
        ) or prove_candidate_touches(flat, modular, tree, depth, level, p, sign):
            remove_candidate(tree, depth, p)
            agrees = settle_unit(tree, tree.ids[level, target], 1 if sign > 0.0 else 0)
            return DECIDED if agrees else PRUNED
        return DOUBTFUL
    position = blocking_row(table, m, slack, frame["moved"], work.ratio)
    if position < 0:
        return DOUBTFUL
    length = -table[m, position] / table[slack, position]
    # its value at the other end of the edge
    beyond = sign * (table[m, p] + length * table[slack, p])
    # closer to the row than its error nothing is proven
    margin = 4.0 * errors[target]
    if beyond < -margin:
        # an edge crosses the row: is there a witness on either side?
        for d in range(m):
            work.near[d] = table[m, d]
            work.far[d] = table[m, d] + length * table[slack, d]
        columns = tree.n_base[level] + tree.starts[level + 1] - tree.starts[level]
        if sign * table[m, p] > margin and two_witnesses(tree, depth, level, columns, target, sign):
            return split_cell(tree, depth, p, slack, position, -beyond)
        return DOUBTFUL
    swap_basis(tree, depth, slack, position, frame["end"])
    return MOVED


@inlined_exact_order_kernel
def two_witnesses(tree, depth, level, columns, target, sign):
    """Prove that a candidate is positive at one point inside, and negative at another.

    The polytope's own witness is one of them if it can be; then ``work.near`` (with
    the given sign) or ``work.far`` (with the other) is replaced by it.

    Parameters
    ----------
    tree : Tree, in and out
    depth, level : int
    columns : int
        How many rows the level has.
    target : int
        The candidate's column.
    sign : float
        Of the candidate at ``work.near``.

    Returns
    -------
    bool

    Notes
    -----
    Either point then lies in the open polytope of its side, which is not empty:
    docs/mathematics.md, part 9.
    """
    m = tree.vertices.shape[1]
    work, rows, guards = tree.work, tree.rows[level], tree.guards[level]
    error = tree.errors[level, target]
    # on which side the polytope's own witness is
    known = sign * evaluate_row(rows, m, target, tree.witnesses[depth])
    # one point on either side, each strictly inside every row of the polytope
    for side in range(2):
        point = work.near if side == 0 else work.far
        turn = 1.0 if side == 0 else -1.0
        if turn * known > error:
            for d in range(m):
                point[d] = tree.witnesses[depth, d]
        elif not (
            turn * sign * evaluate_row(rows, m, target, point) > error
            and proven_inside(rows, guards, m, columns, point, work.slack)
        ):
            return False
    return True


@inlined_exact_order_kernel
def split_cell(tree, depth, p, slack, position, beyond):
    """Split the polytope by a candidate: its far side is next, the near one waits.

    Parameters
    ----------
    tree : Tree, in and out
        ``work.near`` and ``work.far`` are witnesses of the two sides.
    depth : int
    p : int
        The candidate's position.
    slack, position : int
        The edge that crosses it: the row of the basis that it leaves, and the position of the
        row where it ends.
    beyond : float
        How far beyond the candidate's row the edge ends.

    Returns
    -------
    int
        CROSSED, or DECIDED; see `search_step`.
    """
    m = tree.vertices.shape[1]
    counters, frame = tree.counters[0], tree.frames[depth]
    level = frame["level"]
    table, row_at = tree.tables[depth], tree.row_at[depth]
    column, end = row_at[p], frame["end"]
    error = tree.errors[level, column]
    unit = tree.ids[level, column]
    near_bit = 1 if table[m, p] > 0.0 else 0
    near_gap = inward_gap(column, error, abs(table[m, p]))
    far_gap = inward_gap(column, error, beyond)
    if decides(tree.fixed, unit):
        # only one side belongs to the prefix
        near = bit_of(tree.fixed, unit) == near_bit
        for d in range(m):
            tree.witnesses[depth, d] = tree.work.near[d] if near else tree.work.far[d]
        if near:
            guard_column(tree, level, column, near_bit == 0, near_gap)
            add_row(tree, depth, p, near_bit == 0, near_gap)
            return DECIDED
        # the vertex at hand is on the wrong side: over the edge first
        swap_basis(tree, depth, slack, position, end)
        guard_column(tree, level, column, near_bit == 1, far_gap)
        add_row(tree, depth, p, near_bit == 1, far_gap)
        return CROSSED
    if level == counters["last"] and end == frame["moved"] + 1:
        # two leaves, of which no more than their number is asked
        tree.counts[level] += 2
        frame["moved"] = end
        leave(tree)
        return DECIDED
    # the far side is a copy on top; both go on from a vertex of their own
    far = depth + 1
    far_table, far_rows, far_frame = tree.tables[far], tree.row_at[far], tree.frames[far]
    for k in range(m + 1):
        source, target = table[k, :end], far_table[k, :end]
        for i in range(len(source)):
            target[i] = source[i]
    for i in range(m, end):
        far_rows[i] = row_at[i]
    for k in range(m):
        tree.vertices[far, k] = tree.vertices[depth, k]
        tree.witnesses[far, k] = tree.work.far[k]
        tree.witnesses[depth, k] = tree.work.near[k]
    far_frame["level"] = level
    far_frame["state"] = ACTIVE
    far_frame["moved"] = frame["moved"]
    far_frame["end"] = end
    # the near side keeps the frame, and its vertex
    frame["state"] = WAITING
    frame["column"] = column
    tree.frame_gap[depth] = near_gap
    add_row(tree, depth, p, near_bit == 0, near_gap)
    # over the edge, to a vertex beyond the row; then the row bounds the far side
    swap_basis(tree, far, slack, position, end)
    add_row(tree, far, p, near_bit == 1, far_gap)
    # the column is that of the far side now; `leave` turns it for the near one
    guard_column(tree, level, column, near_bit == 1, far_gap)
    counters["depth"] = far
    return CROSSED


@entry
@exact_order_kernel
def split_near(tree, depth, level, position, near_bit, gap):
    """Go on with the near side of the candidate at a position only.

    Parameters
    ----------
    tree : Tree, out
    depth, level, position : int
    near_bit : int
    gap : float
        See `add_row`.
    """
    column = tree.row_at[depth, position]
    guard_column(tree, level, column, near_bit == 0, gap)
    add_row(tree, depth, position, near_bit == 0, gap)
