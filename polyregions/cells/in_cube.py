"""Deciding every row of a polytope with many inputs, where the cube's sides are bounds.

In a vertex of such a polytope nearly all tight rows are sides of the cube [-1, 1]^m. A dictionary
that holds them (`cells.vertices`) has some three rows for each input, and goes from side to side by
pivots; here a coordinate goes to its other end by itself, and the dictionary holds the other rows
only. Floats propose; every answer is proven (`cells.proofs`) or the whole polytope is undecided.
"""

from __future__ import annotations

from polyregions.cells.dictionary import HUGE, PIVOT_HINT, Dictionary
from polyregions.cells.proofs import evaluate_rows, least, lower_bounds, prove_redundant
from polyregions.cells.vertices import append_facet
from polyregions.compiled import exact_order_kernel, kernel

__all__ = ["MANY_COORDINATES_HINT", "walk_in_cube"]


# From so many inputs on it is the faster way; both prove the same.
MANY_COORDINATES_HINT = 16
# Passes per row and input before a program is given up as cycling: the answer is "undecided".
PROGRAM_HINT = 50
# How often each coordinate is moved to the middle of what its line has inside.
SWEEPS_HINT = 2


@kernel
def list_rows(values, m, size, candidates, work):
    """Tell the cube's sides, which are bounds, from other rows.

    Parameters
    ----------
    values : float64 array, shape (m + 1, at least size)
    m, size : int
    candidates : int
        Rows below are no sides, whatever they are.
    work : Workspace, out
        ``sides[d]`` becomes the row that bounds coordinate d below, and the one above, or -1;
        ``row_at[1:]`` the other rows, in order.

    Returns
    -------
    int
        How many other rows there are; -1 if a side is missing.
    """
    sides, row_at, entries, place = work.sides, work.row_at, work.ratio, work.status
    for i in range(size):
        entries[i] = 0.0
        place[i] = 0
    for d in range(m):
        sides[d, 0] = -1
        sides[d, 1] = -1
        for i in range(size):
            if values[d, i] != 0.0:
                entries[i] += 1.0
                place[i] = d
    others = 0
    for i in range(size):
        d = place[i]
        # a side is u_d + 1 or 1 - u_d, times a positive number; a candidate is asked about anyway
        if i >= candidates and entries[i] == 1.0 and values[m, i] == abs(values[d, i]):
            sides[d, 0 if values[d, i] > 0.0 else 1] = i
        else:
            others += 1
            row_at[others] = i
    for d in range(m):
        if sides[d, 0] < 0 or sides[d, 1] < 0:
            return -1
    return others


@kernel
def centre(values, m, others, work):
    """Move ``work.point``, in the polytope or on its rim, inside: along coordinates, in turn.

    Parameters
    ----------
    values : float64 array, shape (m + 1, rows)
    m, others : int
    work : Workspace, in and out
        ``row_at`` is that of `list_rows`.
    """
    point, row_at, height = work.point, work.row_at, work.ratio
    for p in range(others):
        height[p] = values[m, row_at[1 + p]]
        for d in range(m):
            height[p] += values[d, row_at[1 + p]] * point[d]
    for _ in range(SWEEPS_HINT):
        for d in range(m):
            low, high = -1.0 - point[d], 1.0 - point[d]
            for p in range(others):
                rate = values[d, row_at[1 + p]]
                if rate < -PIVOT_HINT:
                    high = min(high, height[p] / -rate)
                elif rate > PIVOT_HINT:
                    low = max(low, height[p] / -rate)
            # rounding may have left no room: then the coordinate stays
            if low < high:
                step = 0.5 * (low + high)
                point[d] += step
                for p in range(others):
                    height[p] += step * values[d, row_at[1 + p]]


@kernel
def begin_at(values, table, point, others, work):
    """Write the dictionary at a point: every coordinate is free, every other row depends on them.

    Parameters
    ----------
    values : float64 array, shape (m + 1, rows)
    table : float64 array, shape (others, m), out
        How the row at each position changes with the variable of each column.
    point : float64 array, shape (m,)
    others : int
    work : Workspace, in and out
        ``ratio[p]`` becomes the value of the variable at position p, ``vertex[c]`` that in
        column c; ``status`` and ``names`` say which these are: d is coordinate d, m + p the
        row ``row_at[1 + p]``.
    """
    m = len(point)
    row_at, height = work.row_at, work.ratio
    for p in range(others):
        height[p] = values[m, row_at[1 + p]]
        work.status[p] = m + p
    for d in range(m):
        work.names[d] = d
        work.vertex[d] = point[d]
        for p in range(others):
            table[p, d] = values[d, row_at[1 + p]]
            height[p] += table[p, d] * point[d]


@kernel
def steepest_column(rates, work):
    """Return the column along which a row falls fastest that has room to go, or -1.

    Parameters
    ----------
    rates : float64 array, shape (m,)
        Of the row.
    work : Workspace
    """
    names, at, m = work.names, work.vertex, len(rates)
    chosen, best = -1, PIVOT_HINT
    for c in range(m):
        # a row stands at zero and can only grow
        coordinate = names[c] < m
        if rates[c] > best:
            # downwards: only a coordinate can, and not from its lower end
            if coordinate and at[c] > -1.0:
                chosen, best = c, rates[c]
        elif -rates[c] > best and (not coordinate or at[c] < 1.0):
            chosen, best = c, -rates[c]
    return chosen


@kernel
def exchange(table, position, column):
    """Exchange the variable at a position with that of a column."""
    others, m = table.shape
    scale, pivot_row = 1.0 / table[position, column], table[position]
    for c in range(m):
        pivot_row[c] *= -scale
    pivot_row[column] = scale
    for p in range(others):
        factor = table[p, column]
        if p != position and factor != 0.0:
            entries = table[p]
            entries[column] = 0.0
            for c in range(m):
                entries[c] += factor * pivot_row[c]


@kernel
def blocked(others, target, length, work):
    """Tell what ends a step first: its own length, or a variable in a row that meets its end.

    Parameters
    ----------
    others : int
        How many positions there are.
    target : int
        The one that does not block.
    length : float
    work : Workspace
        ``slack`` says how fast the variable at each position changes.

    Returns
    -------
    length : float
    position : int
        -1 where nothing blocks.
    end : float
        What the variable at that position is then.
    """
    height, speed, status, m = work.ratio, work.slack, work.status, len(work.names)
    position, end = -1, 0.0
    for p in range(others):
        if p == target:
            continue
        if speed[p] < -PIVOT_HINT:
            bound = -1.0 if status[p] < m else 0.0
        elif speed[p] > PIVOT_HINT and status[p] < m:
            bound = 1.0  # a row that grows meets no end
        else:
            continue
        # what rounding put beyond its end blocks at once
        reach = max((bound - height[p]) / speed[p], 0.0)
        if reach < length:
            length, position, end = reach, p, bound
    return length, position, end


@kernel
def enter(table, position, column, end, work):
    """Exchange a variable that has met its end with that of a column."""
    exchange(table, position, column)
    work.ratio[position] = work.vertex[column]
    work.vertex[column] = end
    name = work.names[column]
    work.names[column] = work.status[position]
    work.status[position] = name


@kernel
def move_together(table, target, work):
    """Move all coordinates in columns at once to the ends where a row is least.

    Parameters
    ----------
    table, target, work
        See `minimise`.

    Returns
    -------
    bool
        False if something blocked the way, and has been exchanged for a coordinate between its
        ends. True if nothing did, or there is no such coordinate.
    """
    others, m = table.shape
    height, at, names = work.ratio, work.vertex, work.names
    direction, speed, rates = work.direction, work.slack, table[target]
    for c in range(m):
        direction[c] = 0.0
        if names[c] < m and abs(rates[c]) > PIVOT_HINT:
            direction[c] = (-1.0 if rates[c] > 0.0 else 1.0) - at[c]
    for p in range(others):
        entries = table[p]
        total = 0.0
        for c in range(m):
            total += entries[c] * direction[c]
        speed[p] = total
    length, blocking, end = blocked(others, target, 1.0, work)
    for p in range(others):
        height[p] += length * speed[p]
    for c in range(m):
        at[c] = min(max(at[c] + length * direction[c], -1.0), 1.0)
    if blocking < 0:
        # exactly at the ends, so that no step is left over
        for c in range(m):
            if direction[c] != 0.0:
                at[c] = -1.0 if rates[c] > 0.0 else 1.0
        return True
    column, most = -1, PIVOT_HINT
    for c in range(m):
        # far from both ends, and safe to divide by
        share = (1.0 - abs(at[c])) * abs(table[blocking, c])
        if names[c] < m and share > most:
            column, most = c, share
    if column < 0:
        return True
    enter(table, blocking, column, end, work)
    return False


@kernel
def minimise(table, target, enough, work):
    """Move to where a row is least while the others are not negative, or down to ``-enough``.

    Parameters
    ----------
    table : float64 array, shape (others, m), in and out
        See `begin_at`.
    target : int
        The row's position, where it stays.
    enough : float
    work : Workspace, in and out

    Returns
    -------
    bool
        False if nothing blocks, the program cycles, or ``work.stop`` is set.

    Notes
    -----
    *Algorithm.* The simplex method with bounded variables, from a point that is no vertex. As
    long as coordinates are between their ends, they move together, until something blocks;
    then the variable moves along which the row falls fastest.

    **Invariant.** Every coordinate is in [-1, 1] and every other row but the target's is not
    negative, up to rounding; a row in a column is zero.
    """
    others, m = table.shape
    height, names, at, speed = work.ratio, work.names, work.vertex, work.slack
    passes = PROGRAM_HINT * (others + m)
    together = others + m
    while height[target] > -enough:
        passes -= 1
        if passes < 0 or work.stop[0] != 0:
            return False
        if together > 0:
            together -= 1
            if not move_together(table, target, work) or not height[target] > -enough:
                continue
        column = steepest_column(table[target], work)
        if column < 0:
            return True
        way = -1.0 if table[target, column] > 0.0 else 1.0
        for p in range(others):
            speed[p] = way * table[p, column]
        length = 1.0 - way * at[column] if names[column] < m else HUGE
        length, blocking, end = blocked(others, target, length, work)
        if length >= HUGE:
            return False
        for p in range(others):
            height[p] += length * speed[p]
        at[column] += way * length
        if blocking < 0:
            at[column] = way
        else:
            enter(table, blocking, column, end, work)
    return True


@kernel
def move_to_facet(table, inside, share, work):
    """Write to ``work.point`` what lies at a share of the way from `inside` to the vertex."""
    others, m = table.shape
    for c in range(m):
        if work.names[c] < m:
            work.point[work.names[c]] = work.vertex[c]
    for p in range(others):
        if work.status[p] < m:
            work.point[work.status[p]] = work.ratio[p]
    for d in range(m):
        work.point[d] = inside[d] + share * (work.point[d] - inside[d])


@exact_order_kernel
def prove_facet_at(rows, size, row, work):
    """Prove that a row is a facet, with ``work.point`` near it; see `prove_facet_point`."""
    evaluate_rows(rows.values, len(work.point), size, work.point, work.slack)
    needed = 2.0 * (abs(work.slack[row]) + 2.0 * rows.errors[row])
    lower_bounds(work.slack, rows.errors, size)
    work.slack[row] = HUGE
    return least(work.slack, size) > needed


@exact_order_kernel
def prove_not_facet(rows, rates, row, work, found):
    """Prove that a row is positive on the polytope, by its coefficients where it is least.

    Parameters
    ----------
    rows : Rows
    rates : float64 array, shape (m,)
        By column; see `begin_at`.
    row : int
    work : Workspace
        Its ``names`` say whose the columns are.
    found : FacetBuffer, out
        ``supports`` become sides of the cube, and the rows in columns.

    Returns
    -------
    bool
    """
    m = len(work.point)
    for c in range(m):
        name, rate = work.names[c], rates[c]
        # what is left to the sides is bounded without multipliers of theirs
        work.inverse[c, 0] = rate if name >= m else 0.0
        if name >= m:
            work.basis[c] = work.row_at[1 + name - m]
        else:
            work.basis[c] = work.sides[name, 0 if rate >= 0.0 else 1]
        found.supports[row, c] = work.basis[c]
    work.row_at[0] = row
    dictionary = Dictionary(work.inverse, work.row_at, work.basis)
    return prove_redundant(rows, dictionary, 0, work.residual)


@exact_order_kernel
def leave_positive_out(rows, candidates, others, work, found):
    """Take the candidates out of ``work.row_at[1:]`` that are proven positive on the whole cube.

    Returns how many are left, and how many rows with them.
    """
    values, m, row_at, lowest = rows.values, len(work.point), work.row_at, work.ratio
    for i in range(candidates):
        lowest[i] = values[m, i]
    for d in range(m):
        work.names[d] = d
        for i in range(candidates):
            lowest[i] -= abs(values[d, i])
    asked = candidates
    for i in range(candidates - 1, -1, -1):
        if lowest[i] > 0.0:
            for d in range(m):
                work.direction[d] = values[d, i]
            if prove_not_facet(rows, work.direction, i, work, found):
                # candidates come first, in order: row i is still in its place
                row_at[1 + i] = row_at[asked]
                row_at[asked] = row_at[others]
                asked -= 1
                others -= 1
    return asked, others


@exact_order_kernel
def walk_in_cube(rows, size, candidates, work, found, room):
    """Decide every candidate row, from ``work.point`` in the polytope or on its rim.

    Parameters
    ----------
    rows : Rows
        The polytope's: the first `size` columns; the cube's sides are among those that follow
        the candidates.
    size, candidates : int
    work : Workspace
    found : FacetBuffer, out
        In place of bases, which no walk in a cube begins with, the facets' rows.
    room : float
        All as in `cells.vertices.walk_vertices`.

    Returns
    -------
    int
        Number of facets in `found`, or -1 if anything could not be proven, or ``work.stop`` is
        set.

    Notes
    -----
    *Algorithm.* For each candidate a linear program with bounded variables: the row is minimised
    over the polytope without it, from a point well inside. Below zero, the way there crosses the
    facet where every other row is positive; else the row's coefficients are multipliers.

    **Invariant.** Before each pass the first `asked` rows of ``row_at[1:]`` are the candidates
    without a proven answer, and those up to `others` the facets found and what is not asked
    about; every other row but the cube's sides has a proven support, and is left out, which
    changes no polytope. Proofs go on to use all `size` rows.
    """
    m, values, row_at = len(work.point), rows.values, work.row_at
    others = list_rows(values, m, size, candidates, work)
    if others < 0:
        return -1
    # every program begins there, well inside: what blocks a step is then rarely a tie
    inside = found.witness
    centre(values, m, others, work)
    for d in range(m):
        inside[d] = work.point[d]
    evaluate_rows(values, m, size, inside, work.slack)
    lower_bounds(work.slack, rows.errors, size)
    if not least(work.slack, size) > room:
        return -1  # too thin for floats, or a tie
    asked, others = leave_positive_out(rows, candidates, others, work, found)
    count = 0
    while asked > 0:
        # the last candidate: so the others keep their positions
        target, row = asked - 1, row_at[asked]
        table = work.table.reshape(-1)[: others * m].reshape((others, m))
        begin_at(values, table, inside, others, work)
        height = work.ratio[target]
        if not minimise(table, target, height, work):
            return -1
        asked -= 1
        if work.ratio[target] < 0.0:
            # on the way from inside to there the row is zero where it falls below zero
            share = height / (height - work.ratio[target])
            move_to_facet(table, inside, share, work)
            if not prove_facet_at(rows, size, row, work):
                return -1
            found.supports[row, 0] = -1
            for k in range(m):
                work.basis[k] = row
            count = append_facet(found, count, row, work.basis, work.point)
        else:
            if not prove_not_facet(rows, table[target], row, work, found):
                return -1
            # it bounds nothing any more, for the programs to come
            row_at[1 + target] = row_at[others]
            others -= 1
    return count
