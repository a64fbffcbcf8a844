"""Corners of all regions in floating point, for pictures, meshes and measures.

Where floats see a region as degenerate, its corners are computed exactly and rounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.adjacency import facet_unit
from polyregions.analysis.affine_maps import exact_on_domain, facet_hyperplanes, unit_hyperplanes
from polyregions.analysis.shape import pattern_vertices
from polyregions.arrays import Floats
from polyregions.domain import Box, Domain, Polytope
from polyregions.domain.chart import binding_inequalities
from polyregions.errors import DomainError
from polyregions.geometry.region_polytope import unit_rows
from polyregions.io.meshes import Solid
from polyregions.network.exact_network import ExactNetwork
from polyregions.regions import Regions, check_regions
from polyregions.regions.polytopes import chart_polytopes
from polyregions.rounding import ROUNDOFF

__all__ = [
    "RegionRows",
    "facet_segments",
    "region_corners",
    "resolved_corners",
    "rows_of_regions",
    "solids",
]

# Corners in floats may be wrong by so much of a region's width, as a picture does not show;
# where their rows are not proven to be that good, corners are exact.
_BLUR = 2.0**-20


class RegionRows(NamedTuple):
    """The facets of every region as rows ``normal @ x + offset >= 0`` in the free inputs.

    Rows ``starts[r]:starts[r + 1]`` belong to region r. ``edges`` holds the edge that a
    row comes from. The domain's walls are not among them. The exact row, of that length, is
    at most ``errors`` away at any point of the domain.
    """

    rows: Floats
    errors: Floats
    edges: NDArray[np.int64]
    starts: NDArray[np.int64]


def rows_of_regions(regions: Regions) -> RegionRows:
    """Return the facets of every region inside the domain, normals of unit length.

    A partial result lacks facets, those towards regions that it does not hold.
    """
    check_regions(regions)
    rows, errors = _bounded(*facet_hyperplanes(regions), regions.domain)
    units = facet_unit(regions)
    ends = regions.edges.astype(np.int64)
    words, shifts = units // 64, (units % 64).astype(np.uint64)
    owner = np.concatenate([ends[:, 0], ends[:, 1]])
    edge = np.tile(np.arange(len(ends)), 2)
    active = regions.patterns[owner, np.tile(words, 2)] >> np.tile(shifts, 2) & np.uint64(1)
    order = np.argsort(owner, kind="stable")
    signed = np.where(active == 1, 1.0, -1.0)[:, None] * rows[edge]
    starts = np.searchsorted(owner[order], np.arange(len(regions) + 1))
    return RegionRows(signed[order], errors[edge[order]], edge[order], starts)


def region_corners(
    regions: Regions, window: Box | None = None, table: RegionRows | None = None
) -> Iterator[Floats]:
    """Yield the corners of each region's closure in the free inputs, shape (k, d).

    Parameters
    ----------
    regions : Regions
    window : Box, optional
        Over the whole space, clip to this box; required there.
    table : RegionRows, optional
        Their rows, where they are known (:func:`rows_of_regions`).

    Yields
    ------
    numpy.ndarray
        Two corners for d = 1, in order around the polygon for d = 2, in no order
        otherwise. Empty where a region lies outside the window.

    Raises
    ------
    DomainError
        Over the whole space without a window.
    """
    check_regions(regions)
    network: ExactNetwork | None = None
    for words, corners in zip(
        regions.patterns, resolved_corners(regions, window, table), strict=True
    ):
        if corners is None:
            assert regions.domain is not None
            network = network or exact_on_domain(regions)
            exact = pattern_vertices(network, words).as_floats()[:, regions.domain.free]
            yield _counter_clockwise(exact) if exact.shape[1] == 2 else exact
        else:
            yield corners


def resolved_corners(
    regions: Regions, window: Box | None = None, table: RegionRows | None = None
) -> Iterator[Floats | None]:
    """Yield what :func:`region_corners` does, but None where floats do not resolve a region."""
    check_regions(regions)
    domain = regions.domain if regions.domain is not None else window
    if domain is None:
        raise DomainError("corners in the whole space need a window to clip to; give a box")
    free = domain.free
    low, high = domain.box.lower[free], domain.box.upper[free]
    table = rows_of_regions(regions) if table is None else table
    walls, wall_errors = _wall_rows(domain)
    # a partial result lacks facets: the cells come out too large without the other units
    others = None if regions.complete else unit_hyperplanes(regions)
    for index in range(len(regions)):
        own = slice(table.starts[index], table.starts[index + 1])
        rows = np.concatenate([table.rows[own], walls])
        errors = np.concatenate([table.errors[own], wall_errors])
        facets = own.stop - own.start
        corners = _corners(regions, index, rows, errors, low, high, facets)
        if others is not None:
            more, more_errors = _bounded(*next(others), regions.domain)
            missing = _violated(more, corners)
            if corners is None or missing.any():
                rows = np.concatenate([rows, more[missing]])
                errors = np.concatenate([errors, more_errors[missing]])
                corners = _corners(regions, index, rows, errors, low, high, facets)
        yield corners


def _wall_rows(domain: Domain) -> tuple[Floats, Floats]:
    """Return the rows of a polytope, and errors; those of a box are its bounds."""
    if isinstance(domain, Box):
        return np.empty((0, len(domain.free) + 1)), np.empty(0)
    rows = np.column_stack([-domain.A, domain.b])[binding_inequalities(domain)]
    return _bounded(rows, np.zeros_like(rows), domain)


def _bounded(rows: Floats, errors: Floats, domain: Domain | None) -> tuple[Floats, Floats]:
    """Return rows of unit length in the free inputs, and bounds on their errors, (k,)."""
    free = _in_free_inputs(rows, domain)
    units = unit_rows(free)
    if domain is None:
        return units, np.full(len(rows), np.inf)
    box = domain.box
    reach = np.append(np.maximum(np.abs(box.lower), np.abs(box.upper)), 1.0)
    largest = np.abs(free[:, :-1]).argmax(axis=1)[:, None]
    with np.errstate(all="ignore"):  # a row that is lost has an error that is no number
        # half of it for the substitution of fixed inputs, scaling and evaluation
        bound = 2.0 * (errors @ reach + (len(reach) + 8) * ROUNDOFF * (np.abs(rows) @ reach))
        scale = np.take_along_axis(units, largest, axis=1) / np.take_along_axis(
            free, largest, axis=1
        )
        return units, bound * np.abs(scale[:, 0])


def _violated(rows: Floats, corners: Floats | None) -> NDArray[np.bool_]:
    """Return the mask of rows that are negative at a corner; without corners of all."""
    bent = np.isfinite(rows).all(axis=1)
    if corners is None or not len(corners):
        return np.asarray(bent)
    with np.errstate(invalid="ignore"):
        negative = (corners @ rows[:, :-1].T + rows[:, -1]).min(axis=0) < 0
    return np.asarray(np.logical_and(bent, negative))


def _in_free_inputs(rows: Floats, domain: Domain | None) -> Floats:
    """Substitute a box's fixed inputs in rows (normal, offset)."""
    if domain is None or isinstance(domain, Polytope):
        return rows
    fixed = np.setdiff1d(np.arange(domain.dimension), domain.free)
    offsets = rows[:, -1] + rows[:, fixed] @ domain.lower[fixed]
    return np.column_stack([rows[:, domain.free], offsets])


def _corners(
    regions: Regions,
    index: int,
    rows: Floats,
    errors: Floats,
    low: Floats,
    high: Floats,
    facets: int,
) -> Floats | None:
    """Return the corners, or None where floats do not resolve them; first come `facets` rows."""
    d = len(low)
    if d == 1:
        corners = _segment_between(rows, low[0], high[0])
        enough = len(corners) == 2 and _is_resolved(rows, errors, corners, facets)
    elif d == 2:
        corners = _polygon(rows, low, high)
        enough = len(corners) >= 3 and _is_resolved(rows, errors, corners, facets)
    else:
        corners = _qhull(regions, index, rows, low, high)
        enough = len(corners) > d and _is_resolved(rows, errors, corners, facets)
    return corners if enough or regions.domain is None else None


def _is_resolved(rows: Floats, errors: Floats, corners: Floats, facets: int) -> bool:
    """Whether floats resolve a region: one that they do not is computed exactly instead.

    Each of the first `facets` rows, proven to carry one, must do so in floats.
    """
    with np.errstate(invalid="ignore"):
        slack = rows[:, :-1] @ corners.mean(axis=0) + rows[:, -1]
        values = corners @ rows[:facets, :-1].T + rows[:facets, -1]
        touching = (np.abs(values) <= _BLUR * slack[:facets]).sum(axis=0)
        return bool((slack * _BLUR > errors).all() and (touching >= corners.shape[1]).all())


def _segment_between(rows: Floats, low: float, high: float) -> Floats:
    for slope, offset in rows.tolist():
        if slope > 0:
            low = max(low, -offset / slope)
        elif slope < 0:
            high = min(high, -offset / slope)
    return np.array([[low], [high]]) if low <= high else np.empty((0, 1))


def _polygon(rows: Floats, low: Floats, high: Floats) -> Floats:
    """Clip the window by one half-plane after the other (Sutherland & Hodgman 1974)."""
    (x0, y0), (x1, y1) = low.tolist(), high.tolist()
    polygon = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    for a, b, c in rows.tolist():
        kept = []
        px, py = polygon[-1]
        before = a * px + b * py + c
        for x, y in polygon:
            value = a * x + b * y + c
            if (value > 0 > before) or (value < 0 < before):
                share = before / (before - value)
                kept.append((px + share * (x - px), py + share * (y - py)))
            if value >= 0:
                kept.append((x, y))
            px, py, before = x, y, value
        polygon = kept
        if not polygon:
            return np.empty((0, 2))
    distinct = [point for k, point in enumerate(polygon) if point != polygon[k - 1]]
    return np.array(distinct).reshape(-1, 2)


def _counter_clockwise(points: Floats) -> Floats:
    x, y = (points - points.mean(axis=0)).T
    return points[np.argsort(np.arctan2(y, x))]


def _qhull(regions: Regions, index: int, rows: Floats, low: Floats, high: Floats) -> Floats:
    """Return the corners by duality about an inner point, or none if that fails."""
    from scipy.spatial import HalfspaceIntersection, QhullError

    d = len(low)
    # in a cube: Qhull takes what is small beside the largest number for rounding
    centre, half = low / 2 + high / 2, high / 2 - low / 2
    scaled = np.column_stack([rows[:, :-1] * half, rows[:, -1] + rows[:, :-1] @ centre])
    eye, ones = np.eye(d), np.ones(d)
    walls = np.concatenate([np.column_stack([eye, ones]), np.column_stack([-eye, ones])])
    table = np.concatenate([unit_rows(scaled), walls])
    box = regions.domain
    witness = regions.witnesses[index]
    inner = ((witness if box is None else witness[box.free]) - centre) / half
    none = np.empty((0, d))
    for _ in range(2):  # again about the corners' mean, which is better centred
        if not (table[:, :-1] @ inner + table[:, -1] > 0).all():
            return none
        try:
            corners = HalfspaceIntersection(-table, inner).intersections
        except QhullError:
            return none
        if not np.isfinite(corners).all():
            return none
        inner = corners.mean(axis=0)
    return np.unique(centre + half * corners, axis=0)


def facet_segments(
    regions: Regions, polygons: Sequence[Floats], table: RegionRows | None = None
) -> Floats:
    """Return the facet of each edge in the plane as a segment, shape (E, 2, 2).

    `polygons` are the regions' corners in order (:func:`region_corners`), `table` their rows
    where they are known. A facet outside the window has NaNs.
    """
    check_regions(regions)
    table = rows_of_regions(regions) if table is None else table
    segments = np.full((len(regions.edges), 2, 2), np.nan)
    first = np.unique(table.edges, return_index=True)[1]
    owner = np.repeat(np.arange(len(regions)), np.diff(table.starts))
    corners = np.concatenate([*polygons, np.empty((0, 2))])
    border = np.stack([corners.min(axis=0, initial=np.inf), corners.max(axis=0, initial=-np.inf)])
    for edge, place in enumerate(first.tolist()):
        points = polygons[owner[place]]
        if len(points) < 2:
            continue
        # of the polygon's sides, the one nearest to the facet's line
        away = _away(table.rows[place : place + 1], points)[0]
        side = int(np.argmin(away))
        segment = np.stack([points[side], points[(side + 1) % len(points)]])
        if regions.domain is None:
            # outside the window that side is another facet's, or on the window's own border
            begin, end = table.starts[owner[place] : owner[place] + 2]
            nearest = begin + int(np.argmin(_away(table.rows[begin:end], segment)[:, 0]))
            if nearest != place or (segment == border[:, None]).all(axis=1).any():
                continue
        segments[edge] = segment
    return segments


def _away(rows: Floats, points: Floats) -> Floats:
    """Return how far each side of a polygon is from each of some lines, shape (rows, sides)."""
    away = np.abs(rows[:, :2] @ points.T + rows[:, 2:])
    return np.asarray(np.maximum(away, np.roll(away, -1, axis=1)))


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
            faces.append(_face_order(points, face, middle))
        cells.append(Solid(points, faces))
    return cells


def _to_inputs(chart: Floats, box: Box) -> Floats:
    low, high = box.lower[box.free], box.upper[box.free]
    return np.asarray((low * (1 - chart) + high * (1 + chart)) / 2)


def _face_order(points: Floats, face: list[int], middle: Floats) -> list[int]:
    """Order the corners of a face counter-clockwise as seen from outside."""
    corners = points[face]
    centre = corners.mean(axis=0)
    frame = np.linalg.svd(corners - centre)[2]
    if np.linalg.det(np.stack([frame[0], frame[1], centre - middle])) < 0:
        frame[1] = -frame[1]
    x, y = frame[:2] @ (corners - centre).T
    return [face[k] for k in np.argsort(np.arctan2(y, x)).tolist()]
