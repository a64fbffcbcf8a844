"""Write the page: data, style and program in one file, with nothing to fetch."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.adjacency import facet_unit
from polyregions.analysis.affine_maps import affine_maps, free_inputs
from polyregions.analysis.corners import facet_segments, region_corners
from polyregions.arrays import Floats
from polyregions.domain import Box
from polyregions.errors import DomainError, FormatError, shown
from polyregions.files.atomic import atomic_write
from polyregions.plot.curves import MOST_OUTPUTS
from polyregions.plot.figure import shown_box
from polyregions.plot.values import (
    LAYER_COLORS,
    Values,
    cell_values,
    facet_layers,
    pattern_colors,
)
from polyregions.regions import Regions, check_regions

__all__ = ["MOST_CELLS", "page", "payload", "write_page"]

_LONGEST_NAME = 200  # characters
_MODES = ("pattern", "class", "output", "gradient", "distance")
# nine colours of matplotlib's viridis, which everyone can tell apart
_VIRIDIS = "440154 472d7b 3b528b 2c728e 21918c 28ae80 5ec962 addc30 fde725"


def payload(
    regions: Regions, window: Box | None, whole: Regions | None, output: int = 0
) -> dict[str, Any]:
    """Return the page's data: numbers, texts, and arrays in base64.

    Corners and segments are relative to the window, between 0 and 1.
    """
    network = regions.network
    view = _view_box(regions, window)
    values = {mode: cell_values(regions, mode, output) for mode in _MODES}
    polygons = _polygons(regions, view)
    free = view.free
    low, high = view.lower[free], view.upper[free]
    if len(free) == 1:
        low, high = np.append(low, 0.0), np.append(high, 1.0)
    size = high - low
    frame = _Frame(view, low, size)
    rows = list(range(min(network.output_dimension, MOST_OUTPUTS)))
    if output not in rows:
        rows.append(output)
    matrix, shift = _maps(regions, free, rows)
    return {
        "name": shown(network.name, _LONGEST_NAME),
        "count": len(regions),
        "complete": regions.complete,
        "proven": regions.proven,
        "clipped": regions.domain is None,
        "inputs": [f"input {axis}" for axis in free.tolist()],
        "widths": list(network.widths),
        "low": low.tolist(),
        "high": high.tolist(),
        "outputs": rows,
        "outputsTotal": network.output_dimension,
        "output": output,
        **_outlines(polygons, frame),
        "areas": _packed(np.array([_area(points) for points in polygons]), "<f8"),
        "patterns": _packed(regions.patterns, "<u8"),
        "words": int(regions.patterns.shape[1]),
        "matrix": _packed(matrix, "<f4"),
        "shift": _packed(shift, "<f4"),
        "edges": _packed(regions.edges, "<u4"),
        "units": _packed(facet_unit(regions), "<u4"),
        "segments": _segments(regions, polygons, frame),
        "layers": _packed(facet_layers(regions), "<u1"),
        "layerColors": [LAYER_COLORS[k % len(LAYER_COLORS)] for k in range(len(network.widths))],
        "stops": [f"#{color}" for color in _VIRIDIS.split()],
        "modes": {mode: _mode(shades, polygons, frame) for mode, shades in values.items()},
        "whole": None if whole is None else _graph_layout(whole, regions),
    }


class _Frame(NamedTuple):
    """What is shown, and its lower left corner and size in the plane (or along the strip)."""

    view: Box
    low: Floats
    size: Floats


def _view_box(regions: Regions, window: Box | None) -> Box:
    free = len(free_inputs(regions))
    if free > 2:
        raise DomainError(
            f"the page shows one or two free inputs, not {free}; choose two with --axes I J, or "
            f"a plane"
        )
    return shown_box(regions, window)


def _polygons(regions: Regions, view: Box) -> list[Floats]:
    corners = list(region_corners(regions, view))
    if len(view.free) == 1:  # a strip of height 1
        corners = [
            np.array([[a, 0.0], [b, 0.0], [b, 1.0], [a, 1.0]])
            for a, b in (points.ravel() if len(points) else (np.nan, np.nan) for points in corners)
        ]
    return corners


def _outlines(polygons: list[Floats], frame: _Frame) -> dict[str, str]:
    ends = np.cumsum([0, *(len(points) for points in polygons)])
    corners = np.concatenate(polygons) if len(polygons) else np.zeros((0, 2))
    return {
        "ends": _packed(ends, "<u4"),
        "corners": _packed((corners - frame.low) / frame.size, "<f4"),
    }


def _segments(
    regions: Regions,
    polygons: list[Floats],
    frame: _Frame,
    chosen: NDArray[np.int64] | slice = slice(None),
) -> str:
    """Pack the facets of all edges, or of some."""
    if len(frame.view.free) == 2:
        segments = facet_segments(regions, polygons)[chosen]
    else:
        # the border between two strips is where the left one ends
        ends = (np.array([polygons[k][1, 0] for k in end]) for end in regions.edges[chosen].T)
        x = np.minimum(*ends)
        segments = np.stack(
            [np.column_stack([x, np.zeros_like(x)]), np.column_stack([x, np.ones_like(x)])], axis=1
        )
    return _packed((segments - frame.low) / frame.size, "<f4")


def _maps(regions: Regions, free: NDArray[np.intp], rows: list[int]) -> tuple[Floats, Floats]:
    """Return some outputs' maps in the free inputs, fixed ones substituted."""
    maps = affine_maps(regions)
    matrix, shift = maps.matrix[:, rows], maps.shift[:, rows]
    held = np.setdiff1d(np.arange(matrix.shape[2]), free)
    if len(held):
        shift = shift + np.einsum("ron,rn->ro", matrix[:, :, held], regions.witnesses[:, held])
    return matrix[:, :, free], shift


def _area(points: Floats) -> float:
    if len(points) < 3:
        return 0.0
    x, y = (points - points[0]).T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def _mode(values: Values, polygons: list[Floats], frame: _Frame) -> dict[str, Any]:
    """Return how cells are painted: themselves or in parts, in one colour each or shaded."""
    mode: dict[str, Any] = {
        "label": values.label,
        "legend": [list(entry) for entry in values.legend],
    }
    if values.borders is not None:
        parts = _polygons(values.regions, frame.view)
        mode["parts"] = _outlines(parts, frame)
        mode["borders"] = _segments(values.regions, parts, frame, values.borders)
    if values.colors is not None:
        return mode | {"colors": _bytes(values.colors)}
    assert values.numbers is not None
    numbers = values.numbers
    if values.slopes is not None:
        along = len(frame.view.free)  # of a strip's corners only the first coordinate
        at = [values.at(k, points[:, :along]) for k, points in enumerate(polygons)]
        numbers = np.concatenate(at)
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    place = (numbers - low) / ((high - low) or 1.0)
    mode["legend"] = [
        [f"{low + (high - low) * k / 4:.4g}", "#" + _VIRIDIS.split()[2 * k]] for k in range(5)
    ]
    if values.slopes is not None:
        return mode | {"heights": _packed(place, "<f4")}
    stops = np.array([[int(c[i : i + 2], 16) / 255 for i in (0, 2, 4)] for c in _VIRIDIS.split()])
    axis = np.linspace(0.0, 1.0, len(stops))
    colors = np.stack([np.interp(place, axis, stops[:, k]) for k in range(3)], axis=1)
    return mode | {"colors": _bytes(colors)}


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


MOST_CELLS = 50_000

_LONGEST_WINDOW_TITLE = 100  # characters in the title of the window

# the parts of one program, each using those before it
_PROGRAM = ("arrays", "drawing", "texts", "controls")

_PAGE_FOLDER = Path(__file__).resolve().parent


def page(
    regions: Regions, *, window: Box | None = None, whole: Regions | None = None, output: int = 0
) -> str:
    """Return the page as text.

    Parameters
    ----------
    regions : Regions
        With one or two free inputs: a plane of the network, if it has more.
    window : Box, optional
        What to show of the whole space; by default around the vertices.
    whole : Regions, optional
        All regions of the network that the plane belongs to: their graph is shown
        beside the plane.
    output : int
        The output that cells can be coloured by.

    Raises
    ------
    DomainError
        If more than two inputs are free.
    PolyregionsError
        If there is no such output.
    FormatError
        If there are more than 50,000 cells.
    """
    check_regions(regions)
    if whole is not None:
        check_regions(whole)
    if len(regions) > MOST_CELLS:
        raise FormatError(
            f"the page holds up to {MOST_CELLS:,} cells, not {len(regions):,}; "
            f"take a smaller box, or --max-regions {MOST_CELLS}"
        )
    data = json.dumps(
        payload(regions, window, whole, output), separators=(",", ":"), allow_nan=False
    )
    text = (_PAGE_FOLDER / "page.html").read_text(encoding="utf-8")
    parts = {
        "TITLE": escape(
            f"{shown(regions.network.name, _LONGEST_WINDOW_TITLE)}: {len(regions):,} regions"
        ),
        "STYLE": (_PAGE_FOLDER / "viewer.css").read_text(encoding="utf-8"),
        "PROGRAM": "\n".join(
            (_PAGE_FOLDER / f"{part}.js").read_text(encoding="utf-8") for part in _PROGRAM
        ),
        # a name with "</script>" or "<!--" in it must not end the data
        "DATA": data.replace("<", "\\u003c"),
    }
    # in one pass, so that a name cannot name another part
    return re.sub("%(TITLE|STYLE|PROGRAM|DATA)%", lambda mark: parts[mark[1]], text)


def write_page(
    regions: Regions,
    path: str | PathLike[str],
    *,
    window: Box | None = None,
    whole: Regions | None = None,
    output: int = 0,
) -> None:
    """Write a page to look around in, one file that needs no network, whole or not at all.

    Parameters
    ----------
    regions : Regions
    path : str or path-like
        ``.html``.
    window, whole, output
        As for :func:`page`.

    Raises
    ------
    FormatError
        If the name does not end in ``.html``, or there are more than 50,000 cells.
    DomainError, PolyregionsError
        As :func:`page`.

    Examples
    --------
    >>> import tempfile
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [0])])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_page(pr.enumerate_regions(net, pr.Box.cube(2, 1.0)), f"{folder}/cells.html")
    """
    check_regions(regions)
    if Path(path).suffix.lower() != ".html":
        raise FormatError(f"{Path(path).name} does not end in .html; rename the output file")
    text = page(regions, window=window, whole=whole, output=output)
    with atomic_write(path) as stream:
        stream.write(text.encode("utf-8", errors="replace"))
