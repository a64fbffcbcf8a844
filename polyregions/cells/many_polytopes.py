"""Many polytopes that share rows: which rows carry facets of each, and their corners, proven.

A polytope lies in the cube [-1, 1]^m; see :mod:`polyregions.cells`. Each is decided as a whole,
or left undecided: one with a tie that rounding cannot resolve is for :mod:`polyregions.exact`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers
from polyregions.cells.dictionary import (
    HUGE,
    PIVOT_HINT,
    Workspace,
    invert_basis,
    step_inside,
    vertex_from_point,
    workspace,
)
from polyregions.cells.proofs import evaluate_rows
from polyregions.cells.vertices import FacetBuffer, facet_buffer, walk_vertices
from polyregions.compiled import entry, exact_order_kernel, inlined_exact_order_kernel
from polyregions.exact.simplex import Row
from polyregions.geometry.rows import Rows
from polyregions.rounding import ROUNDOFF

__all__ = [
    "Corners",
    "Polytopes",
    "Scratch",
    "facets_of",
    "proven_corners",
    "proven_facets",
    "scaled_rows",
    "scratch_of",
]

_CORNERS = 2**16  # room for them in one call; a polytope with more is left undecided
_POLYTOPES = 256  # per call of a kernel: Ctrl-C is seen between two


class Polytopes(NamedTuple):
    """Polytopes whose rows are some of one table's, either side up.

    Attributes
    ----------
    values : float64 array, shape (m + 1, K)
        The rows as columns, normal above offset; normals have unit length.
    errors : float64 array, shape (K,)
        As in :class:`polyregions.geometry.rows.Rows`.
    places : int64 array, shape (T,)
        Polytope i has the rows ``places[starts[i]:starts[i + 1]]``, each times its sign.
    signs : float64 array, shape (T,)
        1 or -1.
    starts : int64 array, shape (P + 1,)
    points : float64 array, shape (P, m)
        A point inside each, or of a facet; an inexact one makes no answer wrong.
    """

    values: Floats
    errors: Floats
    places: Integers
    signs: Floats
    starts: Integers
    points: Floats


class Scratch(NamedTuple):
    """Work arrays for polytopes of up to `size` rows."""

    rows: Rows
    work: Workspace
    found: FacetBuffer
    next_basis: Integers


def scratch_of(polytopes: Polytopes, stop: Integers | None = None) -> Scratch:
    """Allocate the work arrays for the largest of some polytopes; see `workspace` for `stop`."""
    m = polytopes.points.shape[1]
    size = int(np.diff(polytopes.starts).max(initial=m))
    return Scratch(
        Rows(np.zeros((m + 1, size)), np.zeros(size)),
        workspace(m, size, stop),
        facet_buffer(m, size),
        np.zeros(m, dtype=np.int64),
    )


class Corners(NamedTuple):
    """Room for the corners of polytopes, one polytope after the other.

    Attributes
    ----------
    tight : int64 array, shape (capacity, m)
        The rows that meet in each, by number in their polytope, rising.
    counts : int64 array, shape (P,)
        How many each polytope has, or -1 where they are undecided.
    """

    tight: Integers
    counts: Integers


@inlined_exact_order_kernel
def write_polytope(polytopes, number, scratch):
    """Write one polytope's rows and the point to start from; return how many rows there are."""
    values, errors = scratch.rows.values, scratch.rows.errors
    start = polytopes.starts[number]
    size = polytopes.starts[number + 1] - start
    for d in range(values.shape[0]):
        for i in range(size):
            sign = polytopes.signs[start + i]
            values[d, i] = sign * polytopes.values[d, polytopes.places[start + i]]
    for i in range(size):
        errors[i] = polytopes.errors[polytopes.places[start + i]]
    for d in range(len(scratch.work.point)):
        scratch.work.point[d] = polytopes.points[number, d]
    return size


@entry
@exact_order_kernel
def facets_of(polytopes, first, last, scratch, carries):
    """Decide which rows carry a facet, for the polytopes from `first` up to `last`.

    Parameters
    ----------
    polytopes : Polytopes
    first, last : int
    scratch : Scratch
    carries : int8 array, shape (T,), out
        Of each row 1 or 0: whether it does. Of an undecided polytope all are -1.
    """
    rows, work, found = scratch.rows, scratch.work, scratch.found
    m = len(work.basis)
    for number in range(first, last):
        start = polytopes.starts[number]
        size = write_polytope(polytopes, number, scratch)
        count = -1
        # from a point inside, which needs not be proven: what follows is
        step_inside(rows.values, m, size, work)
        if vertex_from_point(rows.values, m, size, work):
            count = walk_vertices(rows, size, size, work, found, 0.0)
        for i in range(size):
            carries[start + i] = 0 if count >= 0 else -1
        for k in range(count):
            carries[start + found.rows[k]] = 1


@exact_order_kernel
def prove_corner(rows, size, basis, work):
    """Prove that a polytope has a corner in which exactly the rows of a basis are tight.

    Parameters
    ----------
    rows : Rows
    size : int
    basis : int64 array, shape (m,)
    work : Workspace
        ``inverse`` is about that of the basis. ``vertex`` and ``slack`` are written: the corner,
        about, and every row's value there.

    Returns
    -------
    bool

    Notes
    -----
    With B the exact normals of the basis, V their inverse in floats and E = I - V B of norm at
    most 1/10, the exact corner is at most |V| s / (1 - 1/10) from the computed one in each
    coordinate, where s bounds the exact values of the rows there. Every other row changes by
    its normal's sum of sizes, at most 1.01 sqrt(m), times that.
    """
    values, errors = rows.values, rows.errors
    inverse, vertex, slack = work.inverse, work.vertex, work.slack
    m = len(basis)
    for d in range(m):
        total = 0.0
        for k in range(m):
            total -= inverse[d, m + k] * values[m, basis[k]]
        vertex[d] = total
        # a corner lies in the cube, where errors are known; a little outside they are a little
        # larger, below
        if not abs(total) <= 1.01:
            return False
    evaluate_rows(values, m, size, vertex, slack)
    away = 0.0
    for d in range(m):
        off = 0.0  # row d of E, what rounding adds to it and to the rows themselves
        total = 0.0
        weight = 0.0
        for k in range(m):
            entry_size = abs(inverse[d, m + k])
            # 2: the rows' errors are for the sum of a row's entries, in the cube
            off += 2.0 * entry_size * errors[basis[k]]
            total += entry_size * (abs(slack[basis[k]]) + 1.02 * errors[basis[k]])
            weight += entry_size
        for c in range(m):
            product = 0.0
            for k in range(m):
                product += inverse[d, m + k] * values[c, basis[k]]
            off += abs(product - 1.0 if c == d else product)
        # no entry of a row of unit length exceeds 1: m sums of m products, each rounded
        off += 2.0 * m * (m + 2) * ROUNDOFF * weight
        if not off < 0.1:
            return False
        away = max(away, total)
    # 1.2 > 1 / (1 - 1/10), and 1.02 > 1.01: the rest is for the rounding of these sums
    fall = 1.2 * away * 1.02 * np.sqrt(1.0 * m)
    for k in range(m):
        slack[basis[k]] = HUGE  # tight by choice: not to be compared
    close = 0
    for i in range(size):
        # the error at the computed corner and that at the exact one, both a little outside perhaps
        close += not slack[i] - 3.0 * errors[i] > fall
    return close == 0


@exact_order_kernel
def far_end(rows, size, basis, leaving, work):
    """Return the row that blocks the edge on which one of a corner's rows grows, or -1.

    Parameters
    ----------
    rows, size, basis
    leaving : int
        The row is ``basis[leaving]``.
    work : Workspace
        As `prove_corner` left it.
    """
    values, inverse, slack = rows.values, work.inverse, work.slack
    m = len(basis)
    # a hint, like all that floats propose: the corner at the end is proven anew
    nearest = HUGE
    blocking = -1
    for i in range(size):
        rate = 0.0
        for d in range(m):
            rate += values[d, i] * inverse[d, m + leaving]
        # rows of the basis have the slack HUGE
        if rate < -PIVOT_HINT and slack[i] < HUGE and slack[i] < -rate * nearest:
            nearest = -slack[i] / rate
            blocking = i
    return blocking


@exact_order_kernel
def place_of(bases, first, count, basis):
    """Return the place of a basis among some, or `count` if it is not there."""
    for place in range(first, first + count):
        same = True
        for k in range(len(basis)):
            same = same and bases[place, k] == basis[k]
        if same:
            return place - first
    return count


@exact_order_kernel
def list_corners(size, scratch, tight, first):
    """List the corners of the polytope that is written in `scratch`.

    Parameters
    ----------
    size : int
    scratch : Scratch
    tight : int64 array, shape (capacity, m), out
        From ``tight[first]`` on.
    first : int

    Returns
    -------
    int
        How many there are; -1 if they cannot be proven, -2 if there is no room for them.

    Notes
    -----
    *Algorithm.* From a corner along each of its m edges to the next. *Proof.* Where m rows alone
    are tight, a polytope has m edges, on each of which all but one stay tight. Two proven corners
    with m - 1 rows in common are the ends of such an edge, so what is found is closed under
    edges, and the graph of a polytope is connected: these are all.

    **Invariant.** Before each pass the corners before `looked` are proven, and the ends of their
    edges are listed.
    """
    rows, work, following = scratch.rows, scratch.work, scratch.next_basis
    m = len(following)
    if first == len(tight):
        return -2
    if not vertex_from_point(rows.values, m, size, work):
        return -1
    for k in range(m):
        place = k
        row = work.basis[k]
        while place > 0 and tight[first, place - 1] > row:
            tight[first, place] = tight[first, place - 1]
            place -= 1
        tight[first, place] = row
    count = 1
    looked = 0
    while looked < count:
        if work.stop[0] != 0:
            return -1
        basis = tight[first + looked]
        if not invert_basis(rows.values, basis, m, work.inverse):
            return -1
        if not prove_corner(rows, size, basis, work):
            return -1
        for leaving in range(m):
            row = far_end(rows, size, basis, leaving, work)
            if row < 0:
                return -1
            # the others keep their order, and the new one is put where it belongs
            place = 0
            for k in range(m):
                if k != leaving and basis[k] < row:
                    following[place] = basis[k]
                    place += 1
            following[place] = row
            for k in range(m):
                if k != leaving and basis[k] > row:
                    place += 1
                    following[place] = basis[k]
            if place_of(tight, first, count, following) == count:
                if first + count == len(tight):
                    return -2
                for k in range(m):
                    tight[first + count, k] = following[k]
                count += 1
        looked += 1
    return count


@entry
@exact_order_kernel
def corners_of(polytopes, first, last, scratch, corners):
    """List the corners of the polytopes from `first` on.

    Parameters
    ----------
    polytopes : Polytopes
    first, last : int
    scratch : Scratch
    corners : Corners, out
        ``tight`` is written from its beginning.

    Returns
    -------
    int
        The first polytope that is not done: `last`, or the one for whose corners there was no
        room.
    """
    used = 0
    for number in range(first, last):
        size = write_polytope(polytopes, number, scratch)
        count = list_corners(size, scratch, corners.tight, used)
        if count == -2:
            return number
        corners.counts[number] = count
        used += max(count, 0)
    return last


def scaled_rows(rows: Sequence[Row]) -> Rows:
    """Return exact rows as columns of unit normals, as far as floats go.

    Parameters
    ----------
    rows : sequence of rows of m + 1 integers

    Returns
    -------
    Rows
        A row that leaves the range of floats, or has no normal, has an infinite error: with it
        nothing is proven.
    """
    values = np.zeros((len(rows), len(rows[0])))
    for place, row in enumerate(rows):
        entries = list(map(int, row))
        scale = max(map(abs, entries[:-1]))
        # the offset may be far larger than the normal
        if scale > 0 and abs(entries[-1]) <= scale << 1000:
            values[place] = [entry / scale for entry in entries]
    lost = ~values.any(axis=1)
    values[lost, 0] = 1.0
    columns = np.ascontiguousarray((values / np.linalg.norm(values[:, :-1], axis=1)[:, None]).T)
    m = len(columns) - 1
    # one rounding each in quotient and division, m + 1 in an evaluation, and what underflows
    errors = 2 * (m + 8) * ROUNDOFF * np.abs(columns).sum(axis=0) + 2.0**-1000
    errors[lost] = np.inf
    return Rows(columns, errors)


def proven_facets(polytopes: Polytopes) -> NDArray[np.int8]:
    """Decide every row that float arithmetic with rounding bounds can decide.

    Returns
    -------
    numpy.ndarray of int8, shape (T,)
        1 for a row that alone carries a facet, 0 for one that carries none. Of a polytope with
        a tie that rounding cannot resolve (coincident or merely touching rows) all rows are -1:
        it is left to `exact.facets`.
    """
    scratch, total = scratch_of(polytopes), len(polytopes.points)
    carries = np.full(len(polytopes.places), -1, dtype=np.int8)
    for first in range(0, total, _POLYTOPES):
        facets_of(polytopes, first, min(first + _POLYTOPES, total), scratch, carries)
    return carries


def proven_corners(polytopes: Polytopes) -> tuple[Integers, Integers]:
    """List the corners of polytopes in which no more rows meet than must.

    Returns
    -------
    tight : numpy.ndarray of int64, shape (k, m)
        The rows that are tight in each corner, by number in their polytope, rising.
    counts : numpy.ndarray of int64, shape (P,)
        How many of the corners, in turn, are those of each polytope; -1 of one with a tie that
        rounding cannot resolve, or with very many.
    """
    scratch, (total, m) = scratch_of(polytopes), polytopes.points.shape
    corners = Corners(np.empty((_CORNERS, m), np.int64), np.empty(total, np.int64))
    parts = [np.empty((0, m), dtype=np.int64)]
    first = 0
    while first < total:
        last = min(first + _POLYTOPES, total)
        done = corners_of(polytopes, first, last, scratch, corners)
        if done == first:  # no room for one polytope's corners
            corners.counts[first] = -1
            done += 1
        used = int(np.maximum(corners.counts[first:done], 0).sum())
        parts.append(corners.tight[:used].copy())
        first = done
    return np.concatenate(parts), corners.counts
