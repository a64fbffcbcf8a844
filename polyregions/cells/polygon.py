"""Deciding every row of a polygon (m = 2) by walking around it.

A region of a planar domain is a convex polygon. Starting on one edge, the next vertex
is where the first other row blocks the way; the walk ends when it is back. One pass
over the rows per vertex takes the next step and proves the vertex.
"""

from __future__ import annotations

from polyregions.cells.dictionary import HUGE, PIVOT_HINT, TIE_HINT
from polyregions.cells.proofs import evaluate_rows, least, lower_bounds
from polyregions.compiled import exact_order_kernel, kernel

__all__ = ["corner_doubt", "nearest_row", "walk_polygon"]


@kernel
def nearest_row(rows, size, point):
    """Move `point` to the nearest row's line and return that row; -1 if it is outside."""
    best = HUGE
    nearest = -1
    for i in range(size):
        value = rows[2, i] + rows[0, i] * point[0] + rows[1, i] * point[1]
        if value < best and (rows[0, i] != 0.0 or rows[1, i] != 0.0):
            best = value
            nearest = i
    if nearest < 0 or best < -TIE_HINT:
        return -1
    point[0] -= best * rows[0, nearest]
    point[1] -= best * rows[1, nearest]
    return nearest


@exact_order_kernel
def look_along(rows, errors, size, x, y, dx, dy, needed, ratio):
    """Write where each row blocks the way from (x, y) in direction (dx, dy).

    Returns how many rows do not exceed their error by `needed` at (x, y).
    """
    first, second, offset = rows[0], rows[1], rows[2]
    close = 0
    for i in range(size):
        value = offset[i] + first[i] * x + second[i] * y
        rate = first[i] * dx + second[i] * dy
        close += value - errors[i] <= needed
        ratio[i] = -value / rate if rate < -PIVOT_HINT else HUGE
    return close


@exact_order_kernel
def corner_doubt(rows, errors, first, second, x, y):
    """Bound how far any row can change between (x, y) and the exact corner of two rows.

    Returns -1 if the rows are too nearly parallel for the bound to hold: it needs the
    determinant to be known to a fraction of a percent.
    """
    slack = errors[first] + errors[second]
    slack += abs(rows[2, first] + rows[0, first] * x + rows[1, first] * y)
    slack += abs(rows[2, second] + rows[0, second] * x + rows[1, second] * y)
    area = abs(rows[0, first] * rows[1, second] - rows[1, first] * rows[0, second])
    # either term is far above the rounding of a determinant of unit rows, 4 u
    if not area > 1000.0 * slack + 1e-12:
        return -1.0
    return 2.05 * slack / area


@exact_order_kernel
def append_edge(out, count, row, x, y):
    """Append a facet with its middle (x, y); return the new count."""
    out.rows[count] = row
    out.bases[count, 0] = row
    out.bases[count, 1] = row
    out.points[count, 0] = x
    out.points[count, 1] = y
    return count + 1


@exact_order_kernel
def walk_polygon(rows, errors, size, candidates, row, point, ratio, out, witness, room):
    """Decide every candidate row of a polygon, starting at `point` on the line of `row`.

    Parameters
    ----------
    rows, errors : float64 arrays, shapes (3, size) and (size,)
    size, candidates : int
        Rows below `candidates` are asked about; the others only bound the polygon.
    row : int
    point : float64 array, shape (2,)
    ratio : float64 array, shape (size,)
        Work.
    out : FacetBuffer
        Rows, the middle of each edge, and the row itself as first entry of its basis;
        ``supports`` holds the pairs of rows that meet in the corners, in order.
    witness, room
        See `walk_vertices`.

    Returns
    -------
    int
        Number of facets in `out`, or -1 if anything could not be proven.

    Notes
    -----
    *Proof.* Let rows e and f, of unit length with determinant D, meet in the computed
    point v. The exact vertex is within ``2 (|e(v)| + |f(v)| + errors) / |D|`` of v, so
    if every other row exceeds its error by a little more than that at v, the exact
    vertex is a vertex of the region at which exactly e and f are tight. A closed cycle
    of such vertices, each sharing a row with the next, is the region's whole boundary:
    its rows are the facets, and no other row is.
    """
    count = 0
    corners = 0
    first = row
    previous = -1
    x, y = point[0], point[1]
    start_x, start_y = x, y
    witness[0] = 0.0
    witness[1] = 0.0
    close = 0
    for _ in range(size + 1):
        # inside is on the left
        dx, dy = rows[1, row], -rows[0, row]
        needed = 0.0
        if previous >= 0:
            needed = corner_doubt(rows, errors, previous, row, x, y)
            if needed < 0.0:
                return -1
        close = look_along(rows, errors, size, x, y, dx, dy, needed, ratio)
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
        area = rows[0, row] * rows[1, following] - rows[1, row] * rows[0, following]
        if area == 0.0:
            return -1
        next_x = (rows[1, row] * rows[2, following] - rows[2, row] * rows[1, following]) / area
        next_y = (rows[2, row] * rows[0, following] - rows[0, row] * rows[2, following]) / area
        witness[0] += next_x
        witness[1] += next_y
        out.supports[corners, 0] = row
        out.supports[corners, 1] = following
        corners += 1
        if previous >= 0:
            if row < candidates:
                count = append_edge(out, count, row, 0.5 * (x + next_x), 0.5 * (y + next_y))
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
    needed = corner_doubt(rows, errors, previous, row, x, y)
    if needed < 0.0:
        return -1
    if look_along(rows, errors, size, x, y, 0.0, 0.0, needed, ratio) != 2:
        return -1
    if row < candidates:
        count = append_edge(out, count, row, 0.5 * (x + start_x), 0.5 * (y + start_y))
    witness[0] /= corners
    witness[1] /= corners
    evaluate_rows(rows, 2, size, witness, ratio)
    lower_bounds(ratio, errors, size)
    if not least(ratio, size) > room:
        return -1
    return count
