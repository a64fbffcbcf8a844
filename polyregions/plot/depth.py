"""Cells in three dimensions: their faces in flat arrays, and what is painted before what.

Regions are the leaves of a tree of cuts, each in two by a plane: all that is beyond a plane is
painted before what is on the viewer's side. Parallel projection is needed: the viewer is in the
same direction from everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.affine_maps import free_inputs, unit_hyperplanes
from polyregions.analysis.corners import solids
from polyregions.arrays import Floats, Integers
from polyregions.plot.figure import with_matplotlib
from polyregions.regions import Regions
from polyregions.regions.unit_tree import unit_tree

__all__ = [
    "CellOrder",
    "PaintedFaces",
    "Polyhedra",
    "back_to_front",
    "borders_between",
    "drawing_order",
    "outward_normal",
    "polyhedra",
    "shared_faces",
    "sorted_faces",
]

_OUTLINE = 0.4  # points

_SEAM = 1.5  # pixels, in vector files points: no pixel that two parts share is left half through


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


def drawing_order(regions: Regions) -> tuple[Floats, Integers]:
    """Return the tree by which cells are drawn from back to front, for any direction of view.

    Regions are cut unit by unit (:mod:`polyregions.regions.unit_tree`): the hyperplane of a
    node's unit has the regions below its two children on its two sides. So the side that is
    farther away is drawn first, and so on inside each side. No cell is ever hidden by one behind
    it, and this stays true when cells are moved away from a centre in proportion to their middles.

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
    tree, free = unit_tree(regions.bits), free_inputs(regions)
    # each region but one is the sample of a node, and its bit there is 1
    node_of = np.full(len(regions), -1, dtype=np.int64)
    node_of[tree.samples] = np.arange(len(tree.samples))
    normals = np.zeros((len(tree.samples), len(free)))
    for node, (rows, _) in zip(node_of.tolist(), unit_hyperplanes(regions), strict=True):
        if node >= 0:
            normals[node] = rows[tree.units[node], free]
    return normals, tree.children


def back_to_front(normals: Floats, children: Integers, toward: Floats) -> Integers:
    """Return the place of each region in the order in which regions are painted.

    Parameters
    ----------
    normals, children
        The tree, as :func:`drawing_order` returns it.
    toward : numpy.ndarray, shape (d,)
        The direction towards the viewer.

    Examples
    --------
    >>> normals, children = np.array([[2.0], [1.0]]), np.array([[-1, 1], [-2, -3]])
    >>> back_to_front(normals, children, np.array([-1.0])).tolist()
    [2, 1, 0]
    """
    place = np.empty(len(children) + 1, dtype=np.int64)
    nearer = (normals @ toward >= 0).astype(int).tolist()
    below, pending, done = children.tolist(), [0 if len(children) else -1], 0
    while pending:
        node = pending.pop()
        if node < 0:
            place[-1 - node] = done
            done += 1
        else:
            pending += [below[node][nearer[node]], below[node][1 - nearer[node]]]
    return place


class CellOrder:
    """The order of cells, and within cells of their parts, from wherever they are seen."""

    def __init__(self, cells: Regions, parts: Regions, owner: Integers) -> None:
        self.owner = owner
        self.trees = [
            drawing_order(found) for found in ([cells] if parts is cells else [cells, parts])
        ]

    def places(self, toward: Floats) -> Integers:
        """Return the place of each part, painted from back to front."""
        ranks = [back_to_front(*tree, toward) for tree in self.trees]
        if len(ranks) == 1:
            return ranks[0]
        order = np.lexsort((ranks[1], ranks[0][self.owner]))
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        return place


def shared_faces(faces: Sequence[Floats], of: Integers) -> dict[tuple[int, int], int]:
    """Return, for two cells that touch in a face, the face of the first one.

    Two adjacent regions have a whole face in common, so that it has the same corners in both.

    Parameters
    ----------
    faces : sequence of numpy.ndarray, shape (k, 3)
    of : numpy.ndarray of int64, shape (F,)
        The cell of each face.
    """
    owners: dict[frozenset[tuple[float, ...]], dict[int, int]] = {}
    for face, (cell, corners) in enumerate(zip(of.tolist(), faces, strict=True)):
        owners.setdefault(frozenset(map(tuple, corners.tolist())), {})[cell] = face
    return {
        (first, second): face
        for sides in owners.values()
        for first, face in sides.items()
        for second in sides
        if first != second
    }


def outward_normal(corners: Floats) -> Floats:
    """Return the unit normal of a face, whose corners are counter-clockwise from outside.

    *Algorithm*: the sum over the sides, of M. E. Newell: no three corners are trusted alone.

    Examples
    --------
    >>> outward_normal(np.array([[0.0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]])).tolist()
    [0.0, 0.0, 1.0]
    """
    around = corners - corners.mean(axis=0)
    total = np.cross(around, np.roll(around, -1, axis=0)).sum(axis=0)
    length = float(np.linalg.norm(total))
    return np.asarray(total / length if length else total)


class PaintedFaces(NamedTuple):
    """Polygons in space that are faces or parts of faces.

    Attributes
    ----------
    polygons : list of numpy.ndarray, shape (k, 3)
        Of one face, the later lies on the earlier.
    faces : numpy.ndarray of int64, shape (P,)
        The face of each.
    fills, lines : numpy.ndarray, shape (P, 4)
        Colours, the last number is how much they hide. Lines without a fill are outlines; those
        of a fill only close the seams between parts of a face.
    """

    polygons: list[Floats]
    faces: NDArray[np.int64]
    fills: Floats
    lines: Floats


def sorted_faces(
    painted: PaintedFaces, normals: Floats, of: Integers, order: CellOrder, **options: Any
) -> Any:
    """Return faces as a collection that sorts itself whenever axes in space are drawn."""
    return _sorted_collection()(painted, normals, of, order, **options)


def _toward_viewer(matrix: Floats) -> Floats:
    """Return the direction that a projection does not see, towards the viewer."""
    toward = np.cross(matrix[0, :3], matrix[1, :3])
    return toward if matrix[2, :3] @ toward < 0 else -toward


@cache
def _sorted_collection() -> Any:
    projected = with_matplotlib("mpl_toolkits.mplot3d.proj3d").proj_transform
    base = with_matplotlib("matplotlib.collections").PolyCollection

    class SortedFaces(base):  # type: ignore[valid-type, misc]
        """Flat polygons, projected and sorted by themselves."""

        def __init__(
            self,
            painted: PaintedFaces,
            normals: Floats,
            of: Integers,
            order: CellOrder,
            **options: Any,
        ) -> None:
            super().__init__([], joinstyle="round", **options)
            self._painted, self._normals, self._of, self._order = painted, normals, of, order

        def do_3d_projection(self) -> float:
            """Project what is to be seen: axes in space ask for it before they draw."""
            polygons, faces, fills, lines = self._painted
            matrix = self.axes.M
            toward = _toward_viewer(matrix)
            drawn = (fills[:, 3] > 0) | (lines[:, 3] > 0)
            seen = np.flatnonzero(drawn & (self._normals @ toward > 0)[faces])
            place = self._order.places(toward)[self._of]
            chosen = seen[np.lexsort((seen, faces[seen], place[faces[seen]]))]
            flat = np.concatenate([*polygons, np.empty((0, 3))])
            ends = np.cumsum([len(polygon) for polygon in polygons])[:-1]
            x, y, _ = projected(*flat.T, matrix)
            corners = np.split(np.column_stack([x, y]), ends)
            self.set_verts([corners[k] for k in chosen.tolist()])
            self.set_facecolor(fills[chosen])
            self.set_edgecolor(lines[chosen])
            seam = _SEAM * 72 / self.figure.dpi
            self.set_linewidth(np.where(fills[chosen, 3] > 0, seam, _OUTLINE))
            return 0.0

    return SortedFaces
