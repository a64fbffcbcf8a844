"""Cells in three dimensions, in flat arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from polyregions.analysis.corners import solids
from polyregions.arrays import Floats, Integers
from polyregions.plot.depth import shared_faces
from polyregions.regions import Regions

__all__ = ["Polyhedra", "borders_between", "polyhedra"]


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


def borders_between(bodies: Polyhedra, pairs: Integers) -> Integers:
    """Return a face of the first cell of each pair, the one that it shares with the second.

    Parameters
    ----------
    bodies : Polyhedra
    pairs : numpy.ndarray of int, shape (k, 2)

    Returns
    -------
    numpy.ndarray of int64, shape (k,)
    """
    cell_of = np.repeat(np.arange(len(bodies.of_cell) - 1), np.diff(bodies.of_cell))
    rings = np.split(bodies.ring, bodies.faces[1:-1])
    shared = shared_faces([bodies.points[ring] for ring in rings], cell_of)
    return np.array([shared[first, second] for first, second in pairs.tolist()], dtype=np.int64)
