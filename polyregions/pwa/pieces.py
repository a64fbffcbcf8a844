"""The function piece by piece: on each region {x : A x <= b} the network is F x + g.

As one JSON object (docs/howto/pwa.md says what is in it), and as a MATLAB file of cell arrays, for
MPT3, YALMIP and GNU Octave.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.affine_maps import ExactMaps, exact_maps_on, free_inputs
from polyregions.analysis.shape import chart_polytopes
from polyregions.arrays import Floats, Integers, Point
from polyregions.domain import Polytope
from polyregions.domain.chart import chart_of, input_chart
from polyregions.domain.domains import domain_lists
from polyregions.errors import NetworkError
from polyregions.exact.simplex import Row
from polyregions.geometry.region_polytope import Vertices, chart_vertices
from polyregions.geometry.witness import nearest_float
from polyregions.pattern import to_text
from polyregions.regions import Regions
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
    for region in regions:
        facets = region.halfspaces()
        _, rows, _ = maps.rows(region.pattern)
        table = np.array([_closest_row(row, maps.scale) for row in rows])
        # a zero has no sign
        yield RegionPiece(
            0.0 - facets.normals,
            facets.offsets,
            table[:, :-1],
            table[:, -1],
            facets.units,
            facets.beyond,
        )


def _closest_row(row: Row, scale: int) -> list[float]:
    try:
        return [int(entry) / scale for entry in row]
    except OverflowError:
        raise NetworkError(
            "the network's map on a region has a number that is too large for a float; scale the "
            "outputs or the weights"
        ) from None


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
        "domain": domain_lists(domain),
        "free_inputs": free_inputs(regions).tolist(),
        "complete": regions.complete,
        "proven": regions.proven,
    }


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
