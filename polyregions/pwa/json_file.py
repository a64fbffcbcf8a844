"""The function as one JSON object, region by region; docs/howto/pwa.md says what is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np

from polyregions.analysis.affine_maps import free_inputs
from polyregions.arrays import Point
from polyregions.domain import Domain, Polytope
from polyregions.domain.chart import chart_of
from polyregions.errors import NetworkError
from polyregions.geometry.region_polytope import chart_vertices
from polyregions.geometry.witness import nearest_float
from polyregions.pattern import to_text
from polyregions.pwa.pieces import RegionPiece, pieces
from polyregions.regions import Regions
from polyregions.regions.polytopes import chart_polytopes, region_vertices
from polyregions.run.progress import AfterStep, counted

__all__ = ["FORMAT_NAME", "FORMAT_VERSION", "MOST_INPUTS_OF_VERTICES", "json_file"]

FORMAT_NAME = "polyregions pwa"
FORMAT_VERSION = 1

# with more free inputs the vertices of a region take longer than all the rest, or forever
MOST_INPUTS_OF_VERTICES = 4


def json_file(regions: Regions, report: AfterStep = None) -> Iterator[bytes]:
    """Yield the file, piece by piece; `report` is told how many regions are done, of how many.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> whole = json.loads(b"".join(json_file(pr.enumerate_regions(net, None))))
    >>> [(region["vertices"], region["rays"]) for region in whole["regions"]]
    [([[0.0]], [[-1.0]]), ([[0.0], [0.5]], []), ([[0.5]], [[1.0]])]
    """
    # a file name that is not valid Unicode may have given the network its name
    head = json.dumps(_head(regions), allow_nan=False).removesuffix("}")
    yield f'{head}, "regions": ['.encode()
    parts = zip(regions.patterns, pieces(regions), _corner_lists(regions), strict=True)
    for index, (words, piece, corners) in enumerate(counted(parts, len(regions), report)):
        entry = {"index": index, "pattern": to_text(words), **_region_entry(piece, corners)}
        text = json.dumps(entry, allow_nan=False)
        yield f"{',' if index else ''}\n{text}".encode()
    yield b"\n]}\n"


def _head(regions: Regions) -> dict[str, Any]:
    network, domain = regions.network, regions.domain
    return {
        "format": FORMAT_NAME,
        "version": FORMAT_VERSION,
        "network": network.name,
        "fingerprint": network.fingerprint,
        "inputs": network.input_dimension,
        "outputs": network.output_dimension,
        "domain": _domain(domain),
        "free_inputs": free_inputs(regions).tolist(),
        "complete": regions.complete,
        "proven": regions.proven,
    }


def _domain(domain: Domain | None) -> dict[str, Any] | None:
    if domain is None:
        return None
    if isinstance(domain, Polytope):
        return {"A": domain.A.tolist(), "b": domain.b.tolist()}
    return {"lower": domain.lower.tolist(), "upper": domain.upper.tolist()}


class _Corners(NamedTuple):
    """The vertices and rays of a region in the free inputs."""

    vertices: list[list[float]]
    rays: list[list[float]]


def _corner_lists(regions: Regions) -> Iterator[_Corners | None]:
    """Yield those of each region; None of each if there are too many free inputs."""
    free = free_inputs(regions)
    if len(free) > MOST_INPUTS_OF_VERTICES:
        yield from repeat(None, len(regions))
    elif regions.domain is not None:
        for points in region_vertices(regions):
            yield _Corners(points[:, free].tolist(), [])
    else:
        chart = chart_of(None, regions.network.input_dimension)
        for polytope in chart_polytopes(regions):
            found = chart_vertices(chart, polytope)
            vertices = found.as_floats()
            if not np.isfinite(vertices).all():
                raise NetworkError(
                    "a region has a vertex that is too far away for floats; export a box or a "
                    "polytope"
                )
            yield _Corners(vertices.tolist(), list(map(_direction, found.rays)))


def _region_entry(piece: RegionPiece, corners: _Corners | None) -> dict[str, Any]:
    return {
        "A": piece.A.tolist(),
        "b": piece.b.tolist(),
        "F": piece.F.tolist(),
        "g": piece.g.tolist(),
        "neighbors": piece.neighbors.tolist(),
        "units": [list(units) for units in piece.units],
        "vertices": None if corners is None else corners.vertices,
        "rays": None if corners is None else corners.rays,
    }


def _direction(ray: Point) -> list[float]:
    """Return a ray as floats; it may be too long for them, and its length does not matter."""
    length = max(map(abs, ray))
    return [nearest_float(entry / length) for entry in ray]
