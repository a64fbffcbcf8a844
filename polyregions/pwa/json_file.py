"""The function as one JSON object, region by region; docs/howto/pwa.md says what is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, repeat
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.affine_maps import free_inputs
from polyregions.analysis.polytopes import chart_polytopes
from polyregions.arrays import Point
from polyregions.domain import Domain, Polytope
from polyregions.domain.chart import chart_of
from polyregions.errors import NetworkError
from polyregions.geometry.region_polytope import Vertices, chart_vertices
from polyregions.geometry.witness import nearest_float
from polyregions.pattern import to_text
from polyregions.pwa.pieces import RegionPiece, pieces
from polyregions.regions import Regions
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
    free = free_inputs(regions)
    # a file name that is not valid Unicode may have given the network its name
    head = json.dumps(_head(regions), allow_nan=False).removesuffix("}")
    yield f'{head}, "regions": ['.encode()
    parts = zip(regions.patterns, pieces(regions), _vertex_lists(regions), strict=False)
    for index, (words, piece, corners) in enumerate(counted(parts, len(regions), report)):
        entry = {"index": index, "pattern": to_text(words), **_region_entry(piece, corners, free)}
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


def _vertex_lists(regions: Regions) -> Iterator[Vertices | None]:
    """Yield the vertices of each region; None of each if there are too many free inputs."""
    if len(free_inputs(regions)) > MOST_INPUTS_OF_VERTICES:
        return repeat(None)
    chart = chart_of(regions.domain, regions.network.input_dimension)
    return (chart_vertices(chart, polytope) for polytope in chart_polytopes(regions))


def _region_entry(
    piece: RegionPiece, corners: Vertices | None, free: NDArray[np.intp]
) -> dict[str, Any]:
    return {
        "A": piece.A.tolist(),
        "b": piece.b.tolist(),
        "F": piece.F.tolist(),
        "g": piece.g.tolist(),
        "neighbors": piece.neighbors.tolist(),
        "units": [list(units) for units in piece.units],
        "vertices": None if corners is None else _vertex_rows(corners, free),
        "rays": None if corners is None else [_direction(ray) for ray in corners.rays],
    }


def _vertex_rows(corners: Vertices, free: NDArray[np.intp]) -> list[list[float]]:
    rounded = [[nearest_float(point[i]) for i in free.tolist()] for point in corners.points]
    if not all(map(isfinite, chain.from_iterable(rounded))):
        raise NetworkError(
            "a region has a vertex that is too far away for floats; export a box or a polytope"
        )
    return rounded


def _direction(ray: Point) -> list[float]:
    """Return a ray as floats; it may be too long for them, and its length does not matter."""
    length = max(map(abs, ray))
    return [nearest_float(entry / length) for entry in ray]
