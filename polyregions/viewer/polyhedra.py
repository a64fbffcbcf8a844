"""Cells in three dimensions, and the order in which they hide each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from polyregions.analysis.affine_maps import free_inputs, unit_hyperplanes
from polyregions.analysis.corners import solids
from polyregions.arrays import Floats, Integers
from polyregions.pattern import unpack
from polyregions.regions import Regions

__all__ = ["Polyhedra", "borders_between", "drawing_order", "polyhedra"]


class Polyhedra(NamedTuple):
    """Convex polyhedra in flat arrays.

    Attributes
    ----------
    points : numpy.ndarray, shape (P, 3)
    starts : numpy.ndarray, shape (R + 1,)
        Cell c has the points ``starts[c]:starts[c + 1]``.
    ring : numpy.ndarray
        Points around each face, seen from outside counter-clockwise, face by face.
    faces : numpy.ndarray, shape (F + 1,)
        Face f is ``ring[faces[f]:faces[f + 1]]``.
    of_cell : numpy.ndarray, shape (R + 1,)
        Cell c has the faces ``of_cell[c]:of_cell[c + 1]``.
    """

    points: Floats
    starts: Integers
    ring: Integers
    faces: Integers
    of_cell: Integers


def polyhedra(regions: Regions) -> Polyhedra:
    """Return the cells of a result with three free inputs; corners are exact ones, rounded."""
    bodies = solids(regions)
    starts = np.cumsum([0, *(len(body.points) for body in bodies)])
    rings = [
        np.array(face) + start
        for body, start in zip(bodies, starts.tolist(), strict=False)
        for face in body.faces
    ]
    return Polyhedra(
        np.concatenate([body.points for body in bodies]),
        starts,
        np.concatenate(rings),
        np.cumsum([0, *map(len, rings)]),
        np.cumsum([0, *(len(body.faces) for body in bodies)]),
    )


def drawing_order(regions: Regions) -> tuple[Floats, Integers]:
    """Return the tree by which cells are drawn from back to front, for any direction of view.

    Regions are cut unit by unit: where two patterns first differ, the hyperplane of that
    unit on the cell of their common prefix has all regions that begin like the one on one
    side and those that begin like the other on the other. So the side that is farther away
    is drawn first, and so on inside each side. No cell is ever hidden by one behind it, and this
    stays true when cells are moved away from a centre in proportion to their middles.

    Parameters
    ----------
    regions : Regions
        With d free inputs.

    Returns
    -------
    normals : numpy.ndarray of float64, shape (R - 1, d)
        Of each node's hyperplane, towards the side of the bit 1.
    children : numpy.ndarray of int64, shape (R - 1, 2)
        The side of the bit 0 and that of the bit 1: a node or, as ``-1 - c``, cell c.
        The first node is the root.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[2.0], [1.0]], [0.0, -0.5]), ([[1.0, 1.0]], [0.0])])
    >>> normals, children = drawing_order(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)))
    >>> normals.ravel().tolist(), children.tolist()
    ([2.0, 1.0], [[-1, 1], [-2, -3]])
    """
    count, units = len(regions), regions.network.hidden_units
    bits = unpack(regions.patterns, units)
    order = np.lexsort(bits.T[::-1])
    free = free_inputs(regions)
    # where neighbours in this order first differ: least once in any run of them
    split = (bits[order[:-1]] != bits[order[1:]]).argmax(axis=1)
    unit_of = np.zeros(count, dtype=np.int64)
    unit_of[order[1:]] = split
    normals_of = np.zeros((count, len(free)))
    for cell, (rows, _) in enumerate(unit_hyperplanes(regions)):
        normals_of[cell] = rows[unit_of[cell], free]  # its bit there is 1
    normals, children = np.zeros((count - 1, len(free))), np.zeros((count - 1, 2), dtype=np.int64)
    pending, made = [(0, count, -1, 0)], 0
    while pending:
        start, stop, parent, side = pending.pop()
        number = -1 - int(order[start])
        if stop - start > 1:
            number, made = made, made + 1
            middle = start + 1 + int(split[start : stop - 1].argmin())
            normals[number] = normals_of[order[middle]]
            pending += [(middle, stop, number, 1), (start, middle, number, 0)]
        if parent >= 0:
            children[parent, side] = number
    return normals, children


def borders_between(bodies: Polyhedra, pairs: Integers) -> Integers:
    """Return a face of the first cell of each pair, the one that it shares with the second.

    Two adjacent regions have a whole face in common, so that it has the same corners in both.

    Parameters
    ----------
    bodies : Polyhedra
    pairs : numpy.ndarray of int, shape (k, 2)

    Returns
    -------
    numpy.ndarray of int64, shape (k,)
    """
    owners: dict[frozenset[tuple[float, ...]], dict[int, int]] = {}
    cell_of = np.repeat(np.arange(len(bodies.of_cell) - 1), np.diff(bodies.of_cell))
    points = [tuple(point) for point in bodies.points.tolist()]
    for face, (cell, ring) in enumerate(
        zip(cell_of.tolist(), np.split(bodies.ring, bodies.faces[1:-1]), strict=True)
    ):
        corners = frozenset(points[k] for k in ring.tolist())
        owners.setdefault(corners, {})[cell] = face
    shared = {
        (first, second): face
        for sides in owners.values()
        for first, face in sides.items()
        for second in sides
    }
    return np.array([shared[first, second] for first, second in pairs.tolist()], dtype=np.int64)
