"""Three-dimensional cells as solids with ordered faces."""

from __future__ import annotations

import numpy as np

from polyregions.analysis.shape import chart_polytopes
from polyregions.arrays import Floats
from polyregions.domain import Box
from polyregions.errors import DomainError
from polyregions.io.meshes import Solid
from polyregions.regions import Regions, check_regions

__all__ = ["solids"]


def solids(regions: Regions) -> list[Solid]:
    """Return the cells of a result with three free inputs.

    Faces are exact; their corners are rounded to floats.

    Raises
    ------
    DomainError
        If the domain is not bounded or has not three free inputs.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0, 0]], [0]), ([[1]], [0])])
    >>> [len(cell.faces) for cell in solids(pr.enumerate_regions(net, pr.Box.cube(3, 1.0)))]
    [6, 6]
    """
    check_regions(regions)
    domain = regions.domain
    if domain is None or len(domain.free) != 3:
        raise DomainError(
            "solid cells need a box with three free inputs; take a slice or fix inputs"
        )
    cells = []
    for polytope in chart_polytopes(regions):
        corners = [[float(u) for u in point] for point in polytope.points()]
        points = _to_inputs(np.array(corners), domain.box)
        middle = points.mean(axis=0)
        faces = []
        for members in polytope.facets:
            face = [k for k in range(len(points)) if members >> k & 1]
            faces.append(_around(points, face, middle))
        cells.append(Solid(points, faces))
    return cells


def _to_inputs(chart: Floats, box: Box) -> Floats:
    low, high = box.lower[box.free], box.upper[box.free]
    return np.asarray((low * (1 - chart) + high * (1 + chart)) / 2)


def _around(points: Floats, face: list[int], middle: Floats) -> list[int]:
    """Order the corners of a face counter-clockwise as seen from outside."""
    corners = points[face]
    centre = corners.mean(axis=0)
    frame = np.linalg.svd(corners - centre)[2]
    if np.linalg.det(np.stack([frame[0], frame[1], centre - middle])) < 0:
        frame[1] = -frame[1]
    x, y = frame[:2] @ (corners - centre).T
    return [face[k] for k in np.argsort(np.arctan2(y, x)).tolist()]
