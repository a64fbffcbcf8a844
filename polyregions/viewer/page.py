"""Write the page: data, style and program in one file, with nothing to fetch."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polyregions.analysis.affine_maps import free_inputs
from polyregions.arrays import Floats, Integers
from polyregions.domain import Box, Domain
from polyregions.errors import DomainError, FormatError, PolyregionsError, shown
from polyregions.files.atomic import atomic_write
from polyregions.network import Network
from polyregions.network.slices import Slice
from polyregions.plot.figure import (
    axis_names,
    check_drawable,
    checked_classes,
    placed_points,
    shown_box,
)
from polyregions.plot.values import check_coloring, checked_class_names
from polyregions.regions import Regions
from polyregions.viewer.payload import PageExtras, payload

__all__ = ["MOST_CELLS", "check_frames", "write_page"]

MOST_CELLS = 50_000

_LONGEST_WINDOW_TITLE = 100  # characters in the title of the window

# the parts of one program, each using those before it
_PROGRAM = (
    "arrays",
    "state",
    "colors",
    "svg",
    "plane",
    "solids",
    "picture",
    "whole",
    "texts",
    "pointer",
    "controls",
    "address",
)

_PAGE_FOLDER = Path(__file__).resolve().parent


def _page(frames: Sequence[Regions], view: Box, whole: Regions | None, extras: PageExtras) -> str:
    """Return the page as text."""
    data: dict[str, Any] = payload(frames, view, whole, extras)
    text = (_PAGE_FOLDER / "page.html").read_text(encoding="utf-8")
    count = f"{len(frames[0]):,} regions" if len(frames) == 1 else f"{len(frames)} frames"
    parts = {
        "TITLE": escape(f"{shown(extras.title, _LONGEST_WINDOW_TITLE)}: {count}"),
        "STYLE": (_PAGE_FOLDER / "viewer.css").read_text(encoding="utf-8"),
        "PROGRAM": "\n".join(
            (_PAGE_FOLDER / f"{part}.js").read_text(encoding="utf-8") for part in _PROGRAM
        ),
        # a name with "</script>" or "<!--" in it must not end the data
        "DATA": json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
    }
    # in one pass, so that a name cannot name another part
    return re.sub("%(TITLE|STYLE|PROGRAM|DATA)%", lambda mark: parts[mark[1]], text)


def _frames(regions: Regions | Sequence[Regions]) -> list[Regions]:
    several = isinstance(regions, (list, tuple))
    frames: list[Any] = list(regions) if several else [regions]
    if not frames:
        raise PolyregionsError("a page of no regions shows nothing; give one result or several")
    for each in frames:
        check_drawable(each)
    check_frames([(each.network, each.domain) for each in frames])
    count = sum(map(len, frames))
    if count > MOST_CELLS:
        raise FormatError(
            f"the page holds up to {MOST_CELLS:,} cells, not {count:,}; "
            f"take a smaller box, or --max-regions {MOST_CELLS // len(frames)}"
        )
    return frames


def check_frames(places: Sequence[tuple[Network, Domain | None]]) -> None:
    """Refuse networks on domains that are not the frames of one page, before they are walked."""
    network, domain = places[0]
    free = network.input_dimension if domain is None else len(domain.free)
    if free > 3:
        raise DomainError(
            f"the page shows one to three free inputs, not {free}; choose two with "
            f"--axes I J, or a plane"
        )
    if free == 3 and domain is None:
        raise DomainError("the page shows three free inputs in a box, not the whole space")
    for number, (other, there) in enumerate(places):
        if _network_shape(other) != _network_shape(network):
            raise PolyregionsError(
                f"frames 0 and {number} are of networks of different shapes; "
                f"a film shows one network as it changes"
            )
        if there != domain:
            raise DomainError(
                f"frames 0 and {number} are of different domains; a film shows one place"
            )


def _network_shape(network: Network) -> tuple[Any, ...]:
    return network.input_dimension, network.widths, network.output_dimension


def _frame_names(frames: list[Regions], names: Sequence[str] | None) -> list[str]:
    if names is None:
        return [each.network.name for each in frames]
    if isinstance(names, str) or len(names) != len(frames):
        raise PolyregionsError(f"there are {len(frames)} frames, not {len(names)}; name each")
    return list(map(str, names))


def _placed_data(
    regions: Regions,
    view: Box,
    points: ArrayLike | None,
    classes: ArrayLike | None,
    plane: Slice | None,
) -> tuple[Floats, Integers | None]:
    if points is None:
        if classes is not None:
            raise PolyregionsError("classes without points belong to nothing; give points")
        return np.zeros((0, len(view.free))), None
    _, at = placed_points(regions, points, plane)
    numbers = None if classes is None else checked_classes(classes, len(at))
    if not ((at >= view.lower[view.free]) & (at <= view.upper[view.free])).all(axis=1).any():
        raise DomainError(f"none of the {len(at)} points is in the picture; take another window")
    return at, numbers


def _marks(regions: Regions, plane: Slice | None) -> list[tuple[str, Floats]]:
    if plane is None:
        return []
    free = free_inputs(regions)
    return [(name, plane.coordinates(point)[free]) for name, point in plane.marks]


def write_page(
    regions: Regions | Sequence[Regions],
    path: str | PathLike[str],
    *,
    names: Sequence[str] | None = None,
    window: Box | None = None,
    whole: Regions | None = None,
    plane: Slice | None = None,
    labels: Sequence[str] | None = None,
    points: ArrayLike | None = None,
    classes: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
    color: str = "pattern",
    output: int = 0,
) -> None:
    """Write the page to a file, whole or not at all.

    Parameters
    ----------
    regions : Regions or sequence of Regions
        With one to three free inputs: a plane of the network, if it has more. Several are the
        frames of a film: of networks of one shape, such as checkpoints of a training, on one
        domain.
    path : str or path-like
        Ends in ``.html``.
    names : sequence of str, optional
        Of the frames; by default those of the networks.
    window : Box, optional
        What to show of the whole space; by default around the vertices.
    whole : Regions, optional
        All regions of the network that the plane belongs to: their graph is shown
        beside the plane.
    plane : Slice, optional
        The slice that the free inputs are coordinates of: its axes are named, and the points
        that it was laid through are marked.
    labels : sequence of str, optional
        Names of the axes.
    points : array_like, shape (k, n), optional
        Data points: inputs of the network; with `plane` those of the whole network, which
        are drawn where they project to.
    classes : array_like of int, shape (k,), optional
        Class of each point.
    class_names : sequence of str, optional
        What classes are called: the outputs, or the sign of one.
    title : str, optional
        By default the name of the network.
    color : str
        What cells are coloured by at first, one of
        :data:`polyregions.plot.values.COLORINGS`; the page can change it.
    output : int
        The output for ``color="output"``. All outputs are on the page, or as many
        as make 500,000 affine maps, this one among them.

    Raises
    ------
    DomainError
        If more than three inputs are free, three of the whole space are, the domains of
        frames differ, or points do not fit or are all outside.
    PolyregionsError
        If there is no such colouring or output, names are not as many as what they name,
        or networks of frames differ in shape.
    FormatError
        If there are more than 50,000 cells, or the name of the file does not end in ``.html``.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [-0.5])])
    >>> regions = pr.enumerate_regions(net, pr.Box.cube(2, 1.0))
    >>> write_page(regions, "corner.html", color="class")  # doctest: +SKIP
    """
    frames = _frames(regions)
    if Path(path).suffix.lower() != ".html":
        raise FormatError(f"{Path(path).name} does not end in .html; rename the output file")
    first = frames[0]
    view = shown_box(first, window)
    if whole is not None:
        check_drawable(whole)
    outputs = first.network.output_dimension
    check_coloring(color, output, outputs)
    at, numbers = _placed_data(first, view, points, classes, plane)
    extras = PageExtras(
        title=str(first.network.name if title is None else title),
        names=_frame_names(frames, names),
        axes=axis_names(first, labels, plane),
        class_names=checked_class_names(class_names, outputs),
        points=at,
        classes=numbers,
        marks=_marks(first, plane),
        color=color,
        output=output,
    )
    text = _page(frames, view, whole, extras)
    with atomic_write(path) as stream:
        stream.write(text.encode("utf-8", errors="replace"))
