"""What is painted before what: cells in three dimensions, from back to front.

Regions are the leaves of a tree of cuts, each in two by a plane, so two regions are never on
both sides of each other. A ray towards the viewer leaves a region through a facet for a
neighbour nearer to the viewer. So an order in which of two neighbours the one behind their
facet comes first is right for all regions that a ray meets. Cells that are pulled apart lie
in the regions of a larger picture of the same, and have the same order. Parallel projection
is needed: a ray has the same direction everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.corners import rows_of_regions
from polyregions.arrays import Floats, Integers
from polyregions.plot.figure import with_matplotlib
from polyregions.regions import Regions

__all__ = [
    "CellOrder",
    "PaintedFaces",
    "back_to_front",
    "border_faces",
    "outward_normal",
    "sorted_faces",
]


def back_to_front(edges: Integers, normals: Floats, toward: Floats, depths: Floats) -> Integers:
    """Return the place of each region in the order in which regions are painted.

    Parameters
    ----------
    edges : numpy.ndarray of int, shape (E, 2)
    normals : numpy.ndarray, shape (E, 3)
        Of each facet, from the first region to the second.
    toward : numpy.ndarray, shape (3,)
        The direction towards the viewer.
    depths : numpy.ndarray, shape (R,)
        How near each region is, by some point of it: for what facets do not say, which is
        needed where regions are missing.

    Examples
    --------
    >>> edges, right = np.array([[0, 1], [1, 2]]), np.array([[1.0, 0, 0], [1.0, 0, 0]])
    >>> back_to_front(edges, right, np.array([-1.0, 0, 0.1]), np.zeros(3)).tolist()
    [2, 1, 0]
    """
    side = normals @ toward
    behind, before = np.where((side >= 0)[:, None], edges, edges[:, ::-1]).T
    waits = np.bincount(before, minlength=len(depths))
    place = np.full(len(depths), -1, dtype=np.int64)
    done = 0
    while done < len(depths):
        left = place < 0
        ready = np.flatnonzero(left & (waits == 0))
        if not len(ready):  # facets seen from the side, where floats do not tell
            ready = np.flatnonzero(left)[[depths[left].argmin()]]
        ready = ready[np.argsort(depths[ready], kind="stable")]
        place[ready] = np.arange(done, done + len(ready))
        done += len(ready)
        np.subtract.at(waits, before[np.isin(behind, ready)], 1)
    return place


class CellOrder:
    """From which side each facet is seen: cells, and within cells their parts."""

    def __init__(self, cells: Regions, parts: Regions, owner: Integers) -> None:
        self.owner = owner
        self.graphs = [
            (found.edges.astype(np.int64), _facet_normals(found), _middles(found))
            for found in ([cells] if parts is cells else [cells, parts])
        ]

    def places(self, toward: Floats) -> Integers:
        """Return the place of each part, painted from back to front."""
        ranks = [
            back_to_front(edges, normals, toward, middles @ toward)
            for edges, normals, middles in self.graphs
        ]
        if len(ranks) == 1:
            return ranks[0]
        order = np.lexsort((ranks[1], ranks[0][self.owner]))
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        return place


def _middles(regions: Regions) -> Floats:
    assert regions.domain is not None
    return regions.witnesses[:, regions.domain.free]


def _facet_normals(regions: Regions) -> Floats:
    """Return the normal of each edge's facet, from its first region to its second."""
    table = rows_of_regions(regions)
    owner = np.repeat(np.arange(len(regions)), np.diff(table.starts))
    first = owner == regions.edges[table.edges, 0]
    normals = np.zeros((len(regions.edges), table.rows.shape[1] - 1))
    normals[table.edges[first]] = -table.rows[first, :-1]
    return normals


def border_faces(
    regions: Regions, borders: Integers, faces: Sequence[Floats], of: Integers
) -> Integers:
    """Return which faces of regions carry some of the edges, from both sides.

    Parameters
    ----------
    regions : Regions
    borders : numpy.ndarray of int64
        Edges.
    faces : sequence of numpy.ndarray, shape (k, 3)
        Of all regions, one after the other.
    of : numpy.ndarray of int64, shape (F,)
        The region of each face.
    """
    table = rows_of_regions(regions)
    owner = np.repeat(np.arange(len(regions)), np.diff(table.starts))
    starts = np.searchsorted(of, np.arange(len(regions) + 1))
    chosen = []
    for row in np.flatnonzero(np.isin(table.edges, borders)).tolist():
        own = range(starts[owner[row]], starts[owner[row] + 1])
        normal, offset = table.rows[row, :-1], table.rows[row, -1]
        # of the faces the one on the facet's plane
        away = [float(np.abs(faces[face] @ normal + offset).max()) for face in own]
        chosen.append(own[int(np.argmin(away))])
    return np.array(chosen, dtype=np.int64)


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
        Colours, the last number is how much they hide.
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
            super().__init__([], linewidths=0.4, joinstyle="round", **options)
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
            return 0.0

    return SortedFaces
