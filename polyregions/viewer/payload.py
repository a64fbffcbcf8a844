"""What a page holds: numbers, texts, and arrays in base64.

All that depends on a result is a frame of its own; what frames share, a scale above all, is
said once. Coordinates are relative to the window, between 0 and 1.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.affine_maps import affine_maps
from polyregions.analysis.corners import RegionRows, facet_segments, region_corners, rows_of_regions
from polyregions.analysis.volumes import volumes
from polyregions.arrays import Floats, Integers
from polyregions.domain import Box
from polyregions.errors import shown
from polyregions.plot.depth import Polyhedra, borders_between, drawing_order, polyhedra
from polyregions.plot.values import (
    Values,
    cell_values,
    class_color,
    facet_layers,
    layer_color,
    pattern_colors,
)
from polyregions.regions import Regions
from polyregions.walk.subproblem import prefix_indices

__all__ = ["LONGEST_NAME_SHOWN", "PageExtras", "payload"]

LONGEST_NAME_SHOWN = 200  # characters

_MODES = ("pattern", "layer", "class", "gradient", "distance")
_MOST_MAPS = 500_000  # affine maps of one output on one region, in all frames
# nine colours of matplotlib's viridis, which everyone can tell apart
_VIRIDIS = "440154 472d7b 3b528b 2c728e 21918c 28ae80 5ec962 addc30 fde725"


class PageExtras(NamedTuple):
    """What a page shows beside the regions.

    Attributes
    ----------
    title : str
    names : sequence of str
        Of the frames.
    axes : sequence of str
        Of the free inputs.
    class_names : sequence of str or None
        Of the classes: the outputs, or the sign of one.
    points : numpy.ndarray, shape (k, d)
        In the free inputs.
    classes : numpy.ndarray of int64, shape (k,), or None
        Of the points.
    marks : sequence of (str, numpy.ndarray)
        Named points.
    color : str
        What cells are coloured by at first, with `output` where it is an output.
    output : int
    """

    title: str
    names: Sequence[str]
    axes: Sequence[str]
    class_names: Sequence[str] | None
    points: Floats
    classes: Integers | None
    marks: Sequence[tuple[str, Floats]]
    color: str
    output: int


class _Frame(NamedTuple):
    """What is shown, and its lower left corner and size in the plane (or along the strip)."""

    view: Box
    low: Floats
    size: Floats

    def place(self, points: Floats) -> Floats:
        return (points - self.low) / self.size


@dataclass(frozen=True, eq=False)
class _CellArrays:
    """Cells of a result as they are drawn: convex, cell c with points starts[c]:starts[c + 1]."""

    regions: Regions
    starts: NDArray[np.int64]
    points: Floats
    shapes: dict[str, Any]  # as the page has them
    bodies: Polyhedra | None = None
    table: RegionRows | None = None


def payload(films: Sequence[Regions], view: Box, whole: Regions | None, extras: PageExtras) -> Any:
    """Return the page's data, ready for JSON."""
    network = films[0].network
    free = view.free
    low, high = view.lower[free], view.upper[free]
    if len(free) == 1:
        low, high = np.append(low, 0.0), np.append(high, 1.0)
    frame = _Frame(view, low, high - low)
    most = max(1, _MOST_MAPS // sum(map(len, films)))
    outputs = list(range(min(network.output_dimension, most)))
    if extras.output not in outputs:
        outputs[-1] = extras.output
    painted = [_painted(regions, frame, outputs, extras.class_names) for regions in films]
    names = [_output_name(k, network.output_dimension, extras.class_names) for k in outputs]
    modes = {mode: painted[0].values[mode].label for mode in _MODES}
    scales = {
        mode: _value_range([each.values[mode].numbers for each in painted])
        for mode in _MODES
        if painted[0].values[mode].numbers is not None
    }
    heights = [_value_range([each.heights[:, k] for each in painted]) for k in range(len(outputs))]
    points = frame.place(_on_strip(extras.points, frame))
    return {
        "name": shown(extras.title, LONGEST_NAME_SHOWN),
        "frames": [_frame(each, frame, scales, heights) for each in painted],
        "names": [shown(name, LONGEST_NAME_SHOWN) for name in extras.names],
        "inputs": [shown(name, LONGEST_NAME_SHOWN) for name in extras.axes],
        "widths": list(network.widths),
        "low": low.tolist(),
        "high": high.tolist(),
        "outputs": [shown(name, LONGEST_NAME_SHOWN) for name in names],
        "outputsLeftOut": network.output_dimension - len(outputs),
        "modes": modes,
        "scales": scales,
        "outputScales": heights,
        "mode": extras.color,
        "output": outputs.index(extras.output),
        "layerColors": [layer_color(k) for k in range(len(network.widths))],
        "stops": [f"#{color}" for color in _VIRIDIS.split()],
        "points": _packed(points, "<f4"),
        "pointClasses": None if extras.classes is None else extras.classes.tolist(),
        "pointLegend": _legend(extras.classes, extras.class_names),
        "marks": [
            [shown(name, LONGEST_NAME_SHOWN), *frame.place(_on_strip(at[None], frame))[0].tolist()]
            for name, at in extras.marks
        ],
        "whole": None if whole is None else _graph_layout(whole, films[0]),
    }


def _output_name(k: int, outputs: int, class_names: Sequence[str] | None) -> str:
    return f"output {k}" + (f" ({class_names[k]})" if class_names and outputs > 1 else "")


def _legend(classes: Integers | None, class_names: Sequence[str] | None) -> dict[str, list[str]]:
    """Return name and colour of each class that points have."""
    if classes is None:
        return {}
    return {
        str(k): [
            class_names[k] if class_names and k < len(class_names) else f"class {k}",
            class_color(k),
        ]
        for k in np.unique(classes).tolist()
    }


@dataclass(frozen=True, eq=False)
class _Painted:
    """One result, with all that its cells can be coloured by."""

    cells: _CellArrays
    values: dict[str, Values]
    parts: _CellArrays | None  # where the class changes inside cells
    slopes: Floats  # (R, outputs, d)
    shift: Floats  # (R, outputs)
    first: Floats  # (R, outputs): the outputs at each cell's first corner
    heights: Floats  # (corners, outputs)


def _painted(
    regions: Regions, frame: _Frame, outputs: list[int], class_names: Sequence[str] | None
) -> _Painted:
    free = frame.view.free
    values = {mode: cell_values(regions, mode, class_names=class_names) for mode in _MODES}
    cells = _values_of_cells(regions, frame)
    one = values["class"]
    assert one.colors is not None
    if (one.colors == one.colors[0]).all():  # one class: no cell is cut
        values["class"] = replace(one, colors=np.tile(one.colors[0], (len(regions), 1)))
        parts = None
    else:
        parts = _values_of_cells(one.regions, frame)
    maps = affine_maps(regions)
    matrix, shift = maps.matrix[:, outputs], maps.shift[:, outputs]
    at_witness = np.einsum("ron,rn->ro", matrix, regions.witnesses) + shift
    held = np.setdiff1d(np.arange(matrix.shape[2]), free)
    shift = shift + np.einsum("ron,rn->ro", matrix[:, :, held], regions.witnesses[:, held])
    slopes = matrix[:, :, free]
    owner = np.repeat(np.arange(len(regions)), np.diff(cells.starts))
    # from the witness on, so that large terms do not cancel
    away = cells.points[:, : len(free)] - regions.witnesses[owner][:, free]
    heights = at_witness[owner] + np.einsum("cod,cd->co", slopes[owner], away)
    first = np.full_like(at_witness, np.nan)
    seen = np.diff(cells.starts) > 0
    first[seen] = heights[cells.starts[:-1][seen]]
    return _Painted(cells, values, parts, slopes, shift, first, heights)


def _frame(
    painted: _Painted,
    frame: _Frame,
    scales: dict[str, list[float]],
    heights: list[list[float]],
) -> dict[str, Any]:
    cells, regions = painted.cells, painted.cells.regions
    lows, highs = np.array(heights).T
    span = np.where(highs > lows, highs - lows, 1.0)
    size = frame.size[: len(frame.view.free)]
    modes: dict[str, Any] = {}
    for mode, values in painted.values.items():
        if values.numbers is None:
            assert values.colors is not None
            legend = [[shown(text, LONGEST_NAME_SHOWN), color] for text, color in values.legend]
            modes[mode] = {"colors": _bytes(values.colors), "legend": legend}
        else:
            low, high = scales[mode]
            place = (values.numbers - low) / ((high - low) or 1.0)
            modes[mode] = {"heights": _packed(place, "<f4")}
    if painted.parts is not None:
        modes["class"]["parts"] = painted.parts.shapes
        modes["class"]["borders"] = _borders(painted.values["class"], painted.parts, frame)
        owner = prefix_indices(painted.parts.regions, regions)
        modes["class"]["parts"] |= {"owner": _packed(owner, "<u4")}
    return {
        "count": len(regions),
        "complete": regions.complete,
        "selection": regions.selection,
        "proven": regions.proven,
        "clipped": regions.domain is None,
        "shapes": cells.shapes,
        "measures": _packed(_measures(painted, frame), "<f8"),
        "patterns": _packed(regions.patterns, "<u8"),
        "words": int(regions.patterns.shape[1]),
        "matrix": _packed(painted.slopes, "<f4"),
        "shift": _packed(painted.shift, "<f4"),
        "first": _packed((painted.first - lows) / span, "<f4"),
        "rise": _packed(painted.slopes * size / span[:, None], "<f4"),
        "edges": _packed(regions.edges, "<u4"),
        "segments": _segments(cells, frame),
        "layers": _packed(facet_layers(regions), "<u1"),
        "modes": modes,
    }


def _values_of_cells(regions: Regions, frame: _Frame) -> _CellArrays:
    if len(frame.view.free) == 3:
        bodies = polyhedra(regions)
        shapes = {
            "points": _packed(frame.place(bodies.points), "<f4"),
            "starts": _packed(bodies.starts, "<u4"),
            "ring": _packed(bodies.ring, "<u4"),
            "faces": _packed(bodies.faces, "<u4"),
            "ofCell": _packed(bodies.of_cell, "<u4"),
        }
        normals, children = drawing_order(regions)
        shapes["normals"] = _packed(normals * frame.size, "<f4")
        shapes["children"] = _packed(children, "<i4")
        return _CellArrays(regions, bodies.starts, bodies.points, shapes, bodies)
    table = rows_of_regions(regions)
    corners = list(region_corners(regions, frame.view, table))
    if len(frame.view.free) == 1:  # a strip of height 1
        corners = [
            np.array([[a, 0.0], [b, 0.0], [b, 1.0], [a, 1.0]])
            for a, b in (points.ravel() if len(points) else (np.nan, np.nan) for points in corners)
        ]
    starts = np.cumsum([0, *(len(points) for points in corners)])
    points = np.concatenate(corners) if corners else np.zeros((0, 2))
    shapes = {
        "ends": _packed(starts, "<u4"),
        "corners": _packed(frame.place(points), "<f4"),
    }
    return _CellArrays(regions, starts, points, shapes, table=table)


def _borders(values: Values, parts: _CellArrays, frame: _Frame) -> Any:
    """Pack where the class changes: segments, or faces of parts and the parts beyond them."""
    assert values.borders is not None
    if parts.bodies is None:
        return _segments(parts, frame, values.borders)
    pairs = parts.regions.edges[values.borders].astype(np.int64)
    return {
        "faces": _packed(borders_between(parts.bodies, pairs), "<u4"),
        "beyond": _packed(pairs[:, 1], "<u4"),
    }


def _segments(
    cells: _CellArrays, frame: _Frame, chosen: NDArray[np.int64] | slice = slice(None)
) -> str | None:
    """Pack the facets of all edges, or of some, in the plane."""
    regions = cells.regions
    if len(frame.view.free) == 3:
        return None
    polygons = np.split(cells.points, cells.starts[1:-1])
    if len(frame.view.free) == 2:
        segments = facet_segments(regions, polygons, cells.table)[chosen]
    else:
        # the border between two strips is where the left one ends
        ends = (np.array([polygons[k][1, 0] for k in end]) for end in regions.edges[chosen].T)
        x = np.minimum(*ends)
        segments = np.stack(
            [np.column_stack([x, np.zeros_like(x)]), np.column_stack([x, np.ones_like(x)])], axis=1
        )
    return _packed(frame.place(segments), "<f4")


def _measures(painted: _Painted, frame: _Frame) -> Floats:
    """Return lengths, areas or volumes of cells, inside the window."""
    cells = painted.cells
    if len(frame.view.free) == 3:
        return volumes(cells.regions)
    areas = np.zeros(len(cells.regions))
    for k, points in enumerate(np.split(cells.points, cells.starts[1:-1])):
        if len(points) >= 3:
            x, y = (points - points[0]).T
            areas[k] = abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    return areas


def _on_strip(points: Floats, frame: _Frame) -> Floats:
    """Return points of one free input in the middle of its strip."""
    if len(frame.view.free) > 1:
        return points
    return np.column_stack([points, np.full(len(points), 0.5)])


def _value_range(arrays: Sequence[Any]) -> list[float]:
    """Return the least and the largest number that frames have; NaN is outside the window."""
    every = np.concatenate(arrays)
    every = every[np.isfinite(every)]
    return [float(every.min()), float(every.max())] if len(every) else [0.0, 1.0]


def _graph_layout(whole: Regions, plane: Regions) -> dict[str, Any]:
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
        "selection": whole.selection,
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
