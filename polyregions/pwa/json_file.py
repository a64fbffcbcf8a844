"""The function as one JSON object, region by region; docs/pwa.md says what is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from polyregions.domain import Domain, Polytope
from polyregions.pattern import to_text
from polyregions.pwa.pieces import Piece, pieces
from polyregions.regions import Region, Regions

__all__ = ["FORMAT", "MOST_VERTEX_INPUTS", "VERSION", "json_file"]

FORMAT = "polyregions pwa"
VERSION = 1

# with more free inputs the vertices of a region take longer than all the rest, or forever
MOST_VERTEX_INPUTS = 4


def json_file(regions: Regions) -> Iterator[bytes]:
    """Yield the file, piece by piece.

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
    for index, (region, piece) in enumerate(zip(regions, pieces(regions), strict=True)):
        text = json.dumps({"index": index, **_entry(region, piece)}, allow_nan=False)
        yield f"{',' if index else ''}\n{text}".encode()
    yield b"\n]}\n"


def _head(regions: Regions) -> dict[str, Any]:
    network, domain = regions.network, regions.domain
    n = network.input_dimension
    return {
        "format": FORMAT,
        "version": VERSION,
        "network": network.name,
        "fingerprint": network.fingerprint,
        "inputs": n,
        "outputs": network.output_dimension,
        "domain": _domain(domain),
        "free_inputs": list(range(n)) if domain is None else domain.free.tolist(),
        "complete": regions.complete,
        "proven": regions.proven,
    }


def _domain(domain: Domain | None) -> dict[str, Any] | None:
    if domain is None:
        return None
    if isinstance(domain, Polytope):
        return {"A": domain.A.tolist(), "b": domain.b.tolist()}
    return {"lower": domain.lower.tolist(), "upper": domain.upper.tolist()}


def _entry(region: Region, piece: Piece) -> dict[str, Any]:
    vertices = rays = None
    d = piece.A.shape[1]
    if d <= MOST_VERTEX_INPUTS:
        polytope = region.polytope()
        free = slice(None) if region.domain is None else region.domain.free
        vertices, rays = polytope.vertices[:, free].tolist(), polytope.rays[:, free].tolist()
    return {
        "pattern": to_text(region.pattern),
        "A": piece.A.tolist(),
        "b": piece.b.tolist(),
        "F": piece.F.tolist(),
        "g": piece.g.tolist(),
        "neighbors": piece.neighbors.tolist(),
        "units": [list(units) for units in piece.units],
        "vertices": vertices,
        "rays": rays,
    }
