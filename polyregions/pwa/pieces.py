"""The function piece by piece: on each region {x : A x <= b} the network is F x + g.

As one JSON object (docs/howto/pwa.md says what is in it), and as a MATLAB file of cell arrays, for
MPT3, YALMIP and GNU Octave.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.affine_maps import ExactMaps, exact_maps_on, free_inputs
from polyregions.arrays import Floats, Integers, Point
from polyregions.domain import Polytope
from polyregions.domain.chart import chart_of, input_chart
from polyregions.domain.domains import domain_lists
from polyregions.errors import NetworkError
from polyregions.exact.simplex import Row
from polyregions.geometry.region_polytope import chart_vertices
from polyregions.geometry.witness import nearest_float
from polyregions.network.region_maps import exact_unit_rows
from polyregions.pattern import Words, to_text, unpack
from polyregions.regions import Regions
from polyregions.regions.facets import facet_tables
from polyregions.regions.polytopes import chart_polytopes, region_vertices
from polyregions.run.progress import AfterStep, counted

__all__ = [
    "FORMAT_NAME",
    "FORMAT_VERSION",
    "MOST_INPUTS_OF_VERTICES",
    "RegionPiece",
    "json_file",
    "maps_on_inputs",
    "mat_file",
    "pieces",
]

FORMAT_NAME = "polyregions pwa"
FORMAT_VERSION = 1

# with more free inputs the vertices of a region take longer than all the rest, or forever
MOST_INPUTS_OF_VERTICES = 4


@dataclass(frozen=True, eq=False)
class RegionPiece:
    """One closed region, and the network on it, in the d free inputs.

    Attributes
    ----------
    A : numpy.ndarray of float64, shape (f, d)
    b : numpy.ndarray of float64, shape (f,)
        The region is {x : A x <= b}; each row carries a facet.
    F : numpy.ndarray of float64, shape (outputs, d)
    g : numpy.ndarray of float64, shape (outputs,)
        On the region the network is F x + g.
    units : tuple of tuple of int
        The units that switch across each facet; none on a wall of the domain.
    neighbors : numpy.ndarray of int64, shape (f,)
        The region beyond each facet; -1 where there is none.
    """

    A: Floats
    b: Floats
    F: Floats
    g: Floats
    units: tuple[tuple[int, ...], ...]
    neighbors: Integers


def maps_on_inputs(regions: Regions) -> ExactMaps:
    """Return the network in integers, outputs included, as functions of the free inputs."""
    network = regions.network
    return exact_maps_on(network, input_chart(regions.domain, network.input_dimension))


def pieces(regions: Regions) -> Iterator[RegionPiece]:
    """Yield the pieces, one for each region, in their order.

    Raises
    ------
    NetworkError
        If a number of a map is too large for a float.

    Notes
    -----
    *Algorithm.* Which rows carry a facet is proven; all numbers are computed in integers and
    rounded once, each by itself.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> piece = list(pieces(pr.enumerate_regions(net, pr.Box.cube(1, 1.0))))[1]
    >>> piece.A.ravel(), piece.b, piece.F, piece.g, piece.neighbors
    (array([-1.,  1.]), array([0. , 0.5]), array([[1.]]), array([0.]), array([0, 2]))
    """
    maps = maps_on_inputs(regions)
    first = 0
    for facets in facet_tables(regions):
        bounds = list(pairwise(facets.starts.tolist()))
        functions = _functions(maps, regions.patterns[first : first + len(bounds)])
        first += len(bounds)
        for (start, end), table in zip(bounds, functions, strict=True):
            yield RegionPiece(
                0.0 - facets.normals[start:end],  # a zero has no sign
                facets.offsets[start:end],
                table[:, :-1],
                table[:, -1],
                facets.units[start:end],
                facets.beyond[start:end],
            )


def _functions(maps: ExactMaps, patterns: Words) -> Floats:
    """Return the outputs on regions as (gradient, shift), shape (R, outputs, d + 1)."""
    bits = unpack(patterns, maps.hidden_units)
    seen = np.concatenate([bits, np.ones((len(bits), maps.outputs), dtype=np.uint8)], axis=1)
    owners, outputs = np.divmod(np.arange(len(bits) * maps.outputs), maps.outputs)
    rows, places = exact_unit_rows(maps.exact, seen, owners, maps.hidden_units + outputs)
    table = np.array([_closest_row(row, maps.scale) for row in rows])[places]
    return table.reshape(len(bits), maps.outputs, -1)


def _closest_row(row: Row, scale: int) -> list[float]:
    try:
        return [int(entry) / scale for entry in row]
    except OverflowError:
        raise NetworkError(
            "the network's map on a region has a number that is too large for a float; scale the "
            "outputs or the weights"
        ) from None


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
        "domain": domain_lists(domain),
        "free_inputs": free_inputs(regions).tolist(),
        "complete": regions.complete,
        "proven": regions.proven,
    }


class _VerticesAndRays(NamedTuple):
    """The vertices and rays of a region in the free inputs."""

    vertices: list[list[float]]
    rays: list[list[float]]


def _corner_lists(regions: Regions) -> Iterator[_VerticesAndRays | None]:
    """Yield those of each region; None of each if there are too many free inputs."""
    free = free_inputs(regions)
    if len(free) > MOST_INPUTS_OF_VERTICES:
        yield from repeat(None, len(regions))
    elif regions.domain is not None:
        for points in region_vertices(regions):
            yield _VerticesAndRays(points[:, free].tolist(), [])
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
            yield _VerticesAndRays(vertices.tolist(), list(map(_direction, found.rays)))


def _region_entry(piece: RegionPiece, corners: _VerticesAndRays | None) -> dict[str, Any]:
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


def mat_file(regions: Regions, report: AfterStep = None) -> Iterator[bytes]:
    """Yield the file: a header and the cells A, b, F, g and neighbors, shape (R, 1).

    As MATLAB has it, regions and inputs are numbered from 1, and 0 is no region. `report`
    is told how many regions are done, of how many.
    """
    from scipy.io import savemat

    network, domain = regions.network, regions.domain
    all_pieces = list(counted(pieces(regions), len(regions), report))
    n = network.input_dimension
    none = np.empty((0, n))
    variables: dict[str, Any] = {
        "format": FORMAT_NAME,
        "version": float(FORMAT_VERSION),
        "network": network.name.encode("utf-8", "replace").decode(),
        "inputs": float(n),
        "outputs": float(network.output_dimension),
        "free_inputs": free_inputs(regions) + 1.0,
        "complete": regions.complete,
        "lower": none if domain is None else domain.box.lower,
        "upper": none if domain is None else domain.box.upper,
        "domain_A": domain.A if isinstance(domain, Polytope) else none,
        "domain_b": domain.b[:, None] if isinstance(domain, Polytope) else none[:, :1],
        "A": _cell_array([piece.A for piece in all_pieces]),
        "b": _cell_array([piece.b[:, None] for piece in all_pieces]),
        "F": _cell_array([piece.F for piece in all_pieces]),
        "g": _cell_array([piece.g[:, None] for piece in all_pieces]),
        "neighbors": _cell_array([piece.neighbors[:, None] + 1.0 for piece in all_pieces]),
    }
    stream: Any = io.BytesIO()  # its types know only names of files
    savemat(stream, variables, do_compression=True)
    yield stream.getvalue()


def _cell_array(arrays: Sequence[NDArray[Any]]) -> NDArray[np.object_]:
    """Return arrays as a column of cells."""
    cells = np.empty((len(arrays), 1), dtype=object)
    for index, array in enumerate(arrays):
        cells[index, 0] = array
    return cells
