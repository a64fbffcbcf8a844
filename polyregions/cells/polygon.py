"""Deciding every row of a polygon (m = 2) by walking around it.

A region of a planar domain is a convex polygon. Starting on one edge, the next vertex
is where the first other row blocks the way; the walk ends when it is back. One pass
over the rows per vertex takes the next step and proves the vertex. The proof is part 6 of
docs/mathematics.md, "Polygons".
"""

from __future__ import annotations

from polyregions.cells.dictionary import HUGE, PIVOT_HINT, TIE_HINT
from polyregions.cells.proofs import evaluate_rows, least, lower_bounds
from polyregions.compiled import exact_order_kernel, inlined_exact_order_kernel, kernel

__all__ = ["corner_doubt", "lines_meet", "nearest_row", "walk_polygon"]


@kernel
def nearest_row(values, size, point):
    """Move `point` to the nearest row's line and return that row; -1 if it is outside.

    Parameters
    ----------
    values : float64 array, shape (3, at least size)
    size : int
    point : float64 array, shape (2,), in and out
    """
    best = HUGE
    nearest = -1
    for i in range(size):
        value = values[2, i] + values[0, i] * point[0] + values[1, i] * point[1]
        # constants have no line to start on
        if value < best and (values[0, i] != 0.0 or values[1, i] != 0.0):
            best = value
            nearest = i
    if nearest < 0 or best < -TIE_HINT:
        return -1
    point[0] -= best * values[0, nearest]
    point[1] -= best * values[1, nearest]
    return nearest


@inlined_exact_order_kernel
def lines_meet(values, first, second):
    """Return the determinant of two rows of the plane, and the point where they meet, about.

    `corner_doubt` says how far off the point may be. With determinant 0 it means nothing.
    """
    area = values[0, first] * values[1, second] - values[1, first] * values[0, second]
    if area == 0.0:
        return 0.0, 0.0, 0.0
    x = (values[1, first] * values[2, second] - values[2, first] * values[1, second]) / area
    y = (values[2, first] * values[0, second] - values[0, first] * values[2, second]) / area
    return area, x, y


@exact_order_kernel
def look_along(rows, size, x, y, dx, dy, needed, ratio):
    """Write where each row blocks the way from (x, y) in direction (dx, dy).

    Parameters
    ----------
    rows : Rows
        In the plane: ``values`` has shape (3, at least size).
    size : int
    x, y, dx, dy, needed : float
    ratio : float64 array, shape (at least size,), out
        HUGE for rows that do not fall that way.

    Returns
    -------
    int
        How many rows do not exceed their error by `needed` at (x, y). A row whose offset
        overflowed upwards is inf - inf there, NaN, and does not count: it is far away; one that
        overflowed downwards counts. A point that is no number has been refused before.
    """
    first, second, offset, errors = rows.values[0], rows.values[1], rows.values[2], rows.errors
    close = 0
    # without a branch, so that the loop is vectorised
    for i in range(size):
        value = offset[i] + first[i] * x + second[i] * y
        rate = first[i] * dx + second[i] * dy
        close += value - errors[i] <= needed
        ratio[i] = -value / rate if rate < -PIVOT_HINT else HUGE
    return close


@exact_order_kernel
def corner_doubt(rows, first, second, x, y):
    """Bound how far any row can change between (x, y) and the exact corner of two rows.

    Parameters
    ----------
    rows : Rows
    first, second : int
    x, y : float

    Returns
    -------
    float
        -1 if the rows are too nearly parallel for the bound to hold: it needs the
        determinant to be known to a fraction of a percent.

    Notes
    -----
    The exact corner solves a 2 × 2 system whose right-hand side is, at (x, y), at most the
    two values and errors, `slack`; the inverse of rows of unit length has the norm 2 / area at
    most. See docs/mathematics.md, part 6, "Polygons".
    """
    values, errors = rows.values, rows.errors
    slack = errors[first] + errors[second]
    slack += abs(values[2, first] + values[0, first] * x + values[1, first] * y)
    slack += abs(values[2, second] + values[0, second] * x + values[1, second] * y)
    area = abs(values[0, first] * values[1, second] - values[1, first] * values[0, second])
    # either term is far above the rounding of a determinant of unit rows, 4 u; NaN fails, too
    if not area > 1000.0 * slack + 1e-12:
        return -1.0
    # 2 from the inverse, 2.05 for lengths up to 1.01, the area's error and this rounding
    return 2.05 * slack / area


@exact_order_kernel
def append_edge(found, count, row, x, y):
    """Append a facet with its middle (x, y); return the new count."""
    found.rows[count] = row
    # in the plane a row is enough to start from: see `walk_polygon`
    found.bases[count, 0] = row
    found.bases[count, 1] = row
    found.points[count, 0] = x
    found.points[count, 1] = y
    return count + 1


@exact_order_kernel
def walk_polygon(rows, size, candidates, row, point, ratio, found, room):
    """Decide every candidate row of a polygon, starting at `point` on the line of `row`.

    Parameters
    ----------
    rows : Rows
        The polygon's: the first `size` columns, ``values`` of shape (3, at least size).
    size, candidates : int
        Rows below `candidates` are asked about; the others only bound the polygon.
    row : int
    point : float64 array, shape (2,)
    ratio : float64 array, shape (at least size,)
        Work.
    found : FacetBuffer, out
        Rows, the middle of each edge, and the row itself as first entry of its basis;
        ``supports`` holds the pairs of rows that meet in the corners, in order. At ``witness``
        every row exceeds its error by more than `room`.
    room : float

    Returns
    -------
    int
        Number of facets in `found`, or -1 if anything could not be proven.

    Notes
    -----
    *Proof.* Let rows e and f, of unit length with determinant D, meet in the computed
    point v. The exact vertex is within ``2 (|e(v)| + |f(v)| + errors) / |D|`` of v, so
    if every other row exceeds its error by a little more than that at v, the exact
    vertex is a vertex of the region at which exactly e and f are tight. A closed cycle
    of such vertices, each sharing a row with the next, is the region's whole boundary:
    its rows are the facets, and no other row is.

    **Invariant.** Before each pass `row` and `previous` meet in (x, y), and every corner
    before that one, but for the first point, which is a mere proposal, is proven to be a
    vertex of the polygon with exactly its two rows tight; each shares a row with the next. The
    walk answers only when the row of the first pass comes back and the corner at which it does
    is proven as well: then the corners are a closed cycle.
    """
    witness = found.witness
    count = 0
    corners = 0
    first = row
    previous = -1
    x, y = point[0], point[1]
    start_x, start_y = x, y
    witness[0] = 0.0
    witness[1] = 0.0
    close = 0
    # a polygon has at most `size` corners; one pass more starts without one
    for _ in range(size + 1):
        # inside is on the left
        dx, dy = rows.values[1, row], -rows.values[0, row]
        needed = 0.0
        if previous >= 0:
            needed = corner_doubt(rows, previous, row, x, y)
            if needed < 0.0:
                return -1
        close = look_along(rows, size, x, y, dx, dy, needed, ratio)
        # the corner's own rows are about zero there, and no third one may be
        if previous >= 0 and close != 2:
            return -1
        ratio[row] = HUGE
        if previous >= 0:
            ratio[previous] = HUGE
        step = least(ratio, size)
        if not step < HUGE:
            return -1
        following = 0
        while following < size and ratio[following] != step:
            following += 1
        if following == size:
            return -1
        # the corner of this edge and the next
        area, next_x, next_y = lines_meet(rows.values, row, following)
        if area == 0.0:
            return -1
        witness[0] += next_x
        witness[1] += next_y
        found.supports[corners, 0] = row
        found.supports[corners, 1] = following
        corners += 1
        if previous >= 0:
            if row < candidates:
                count = append_edge(found, count, row, 0.5 * (x + next_x), 0.5 * (y + next_y))
        else:
            start_x, start_y = next_x, next_y
        previous = row
        row = following
        x, y = next_x, next_y
        if row == first:
            break
    if row != first or corners < 3:
        return -1
    # the last corner closes the cycle; it is proven like the others
    needed = corner_doubt(rows, previous, row, x, y)
    if needed < 0.0:
        return -1
    if look_along(rows, size, x, y, 0.0, 0.0, needed, ratio) != 2:
        return -1
    if row < candidates:
        count = append_edge(found, count, row, 0.5 * (x + start_x), 0.5 * (y + start_y))
    # the mean of all corners
    witness[0] /= corners
    witness[1] /= corners
    evaluate_rows(rows.values, 2, size, witness, ratio)
    lower_bounds(ratio, rows.errors, size)
    if not least(ratio, size) > room:
        return -1
    return count
