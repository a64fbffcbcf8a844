"""What the page knows: cells, facets, maps and colours as compact arrays."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.adjacency import facet_unit
from polyregions.analysis.affine_maps import affine_maps
from polyregions.analysis.corners import facet_segments, region_corners
from polyregions.domain import Box
from polyregions.errors import DomainError
from polyregions.plot.colors import LAYER_COLORS, pattern_colors
from polyregions.plot.figure import finite_window
from polyregions.plot.values import cell_values, facet_layers
from polyregions.regions import Regions

__all__ = ["payload"]

Floats = NDArray[np.float64]

_MOST_OUTPUTS = 10
_MODES = ("pattern", "class", "output", "gradient", "distance")
# nine colours of matplotlib's viridis, which everyone can tell apart
_VIRIDIS = "440154 472d7b 3b528b 2c728e 21918c 28ae80 5ec962 addc30 fde725"


def payload(regions: Regions, window: Box | None, whole: Regions | None) -> dict[str, Any]:
    """Return the page's data: numbers, texts, and arrays in base64.

    Corners and segments are relative to the window, between 0 and 1.
    """
    polygons, view = _polygons(regions, window)
    free = view.free
    low, high = view.lower[free], view.upper[free]
    if len(free) == 1:
        low, high = np.append(low, 0.0), np.append(high, 1.0)
    size = high - low
    ends = np.cumsum([0, *(len(points) for points in polygons)])
    corners = np.concatenate(polygons) if len(polygons) else np.zeros((0, 2))
    segments = _segments(regions, polygons, len(free))
    matrix, shift = _maps(regions, free)
    network = regions.network
    return {
        "name": network.name,
        "count": len(regions),
        "complete": regions.complete,
        "proven": regions.proven,
        "clipped": regions.domain is None,
        "inputs": [f"input {axis}" for axis in free.tolist()],
        "widths": list(network.widths),
        "low": low.tolist(),
        "high": high.tolist(),
        "outputs": int(shift.shape[1]),
        "outputsTotal": network.output_dimension,
        "ends": _packed(ends, "<u4"),
        "corners": _packed((corners - low) / size, "<f4"),
        "areas": _packed(np.array([_area(points) for points in polygons]), "<f8"),
        "patterns": _packed(regions.patterns, "<u8"),
        "words": int(regions.patterns.shape[1]),
        "matrix": _packed(matrix, "<f4"),
        "shift": _packed(shift, "<f4"),
        "edges": _packed(regions.edges, "<u4"),
        "units": _packed(facet_unit(regions), "<u4"),
        "segments": _packed((segments - low) / size, "<f4"),
        "layers": _packed(facet_layers(regions), "<u1"),
        "layerColors": [LAYER_COLORS[k % len(LAYER_COLORS)] for k in range(len(network.widths))],
        "modes": {mode: _mode(regions, mode) for mode in _MODES},
        "whole": None if whole is None else _graph(whole, regions),
    }


def _polygons(regions: Regions, window: Box | None) -> tuple[list[Floats], Box]:
    domain = regions.domain
    free = regions.network.input_dimension if domain is None else len(domain.free)
    if free > 2:
        raise DomainError(
            f"the page shows one or two free inputs, not {free}; choose two with --axes I J, or "
            f"a plane"
        )
    if domain is not None:
        view = domain.box
    else:
        view = finite_window(regions) if window is None else window
    corners = list(region_corners(regions, view))
    if free == 1:  # a strip of height 1
        corners = [
            np.array([[a, 0.0], [b, 0.0], [b, 1.0], [a, 1.0]])
            for a, b in (points.ravel() if len(points) else (np.nan, np.nan) for points in corners)
        ]
    return corners, view


def _segments(regions: Regions, polygons: list[Floats], free: int) -> Floats:
    if free == 2:
        return facet_segments(regions, polygons)
    # the border between two strips is where the left one ends
    first, second = (np.array([polygons[k][1, 0] for k in ends]) for ends in regions.edges.T)
    x = np.minimum(first, second)
    return np.stack(
        [np.column_stack([x, np.zeros_like(x)]), np.column_stack([x, np.ones_like(x)])], axis=1
    )


def _maps(regions: Regions, free: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Return the first outputs' maps in the free inputs, fixed ones substituted."""
    maps = affine_maps(regions)
    matrix, shift = maps.matrix[:, :_MOST_OUTPUTS], maps.shift[:, :_MOST_OUTPUTS]
    held = np.setdiff1d(np.arange(matrix.shape[2]), free)
    if len(held):
        shift = shift + np.einsum("ron,rn->ro", matrix[:, :, held], regions.witnesses[:, held])
    return matrix[:, :, free], shift


def _area(points: Floats) -> float:
    if len(points) < 3:
        return 0.0
    x, y = (points - points[0]).T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def _mode(regions: Regions, mode: str) -> dict[str, Any]:
    values = cell_values(regions, mode)
    if values.colors is not None:
        legend = [list(entry) for entry in values.legend]
        return {"label": values.label, "colors": _bytes(values.colors), "legend": legend}
    assert values.numbers is not None
    low, high = float(values.numbers.min()), float(values.numbers.max())
    stops = np.array([[int(c[i : i + 2], 16) / 255 for i in (0, 2, 4)] for c in _VIRIDIS.split()])
    place = (values.numbers - low) / ((high - low) or 1.0) * (len(stops) - 1)
    axis = np.arange(len(stops))
    colors = np.stack([np.interp(place, axis, stops[:, k]) for k in range(3)], axis=1)
    legend = [
        [f"{low + (high - low) * k / 4:.4g}", "#" + _VIRIDIS.split()[2 * k]] for k in range(5)
    ]
    return {"label": values.label, "colors": _bytes(colors), "legend": legend}


def _graph(whole: Regions, plane: Regions) -> dict[str, Any]:
    """Lay out the graph of all regions by the two main directions of their witnesses."""
    points = whole.witnesses - whole.witnesses.mean(axis=0)
    directions = np.linalg.eigh(points.T @ points)[1][:, -2:]
    place = points @ directions[:, ::-1]
    if place.shape[1] == 1:
        place = np.column_stack([place, np.zeros(len(place))])
    low, high = place.min(axis=0), place.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    known = {words.tobytes(): i for i, words in enumerate(whole.patterns)}
    return {
        "count": len(whole),
        "complete": whole.complete,
        "points": _packed((place - low) / span, "<f4"),
        "edges": _packed(whole.edges, "<u4"),
        "colors": _bytes(pattern_colors(whole.patterns)),
        "ofCell": _packed(
            np.array([known.get(words.tobytes(), -1) for words in plane.patterns]), "<i4"
        ),
    }


def _bytes(colors: Floats) -> str:
    return _packed(np.rint(np.clip(colors, 0, 1) * 255), "<u1")


def _packed(values: NDArray[Any], kind: str) -> str:
    return b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode("ascii")
