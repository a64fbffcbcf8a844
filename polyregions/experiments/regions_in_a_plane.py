"""The picture of Hanin & Rolnick 2019: regions in the plane through three images.

A network at the start of its training, the plane through one image of each of the classes
0, 1 and 2, and the square about their circumcentre of 1.25 times the circumradius.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from polyregions.experiments.catalogue import Configuration, Experiment
from polyregions.experiments.data import CLASSES, Images
from polyregions.experiments.drawing import panels
from polyregions.experiments.evolution import initial_parameters, network_columns, rng_of
from polyregions.experiments.places import all_regions
from polyregions.experiments.runner import Job, Key, Table, TableRow, Unit
from polyregions.network import Network
from polyregions.network.slices import Plane

if TYPE_CHECKING:
    from matplotlib.figure import Figure


__all__ = ["REGIONS_IN_A_PLANE", "Config"]


@dataclass(frozen=True)
class Config(Configuration):
    """What is run.

    Parameters
    ----------
    widths : tuple of int
        Of the hidden layers.
    margin : float
        Half the side of the square over the circumradius of the three images.
    runs : int
        Networks; the first one is drawn.
    """

    widths: tuple[int, ...] = (8,) * 5
    margin: float = 1.25
    runs: int = 20

    @classmethod
    def full(cls, seed: int = 0) -> Config:
        """Return more networks; the sizes are those of the paper."""
        return cls(seed, runs=400)


def regions_in_a_plane_jobs(config: Config, images: Images) -> Sequence[Job]:
    """Count and draw: ``window`` is the square, ``whole`` the plane.

    Notes
    -----
    Columns ``cells`` (polygons with the colour of their pattern), ``facets`` (segments
    with the layer of their unit) and ``points`` (the images) hold the picture as JSON, in
    coordinates of the square; "" but for the first network.
    """
    keys = [
        network_columns(config.widths) | {"seed": config.seed, "run": number}
        for number in range(config.runs)
    ]

    def units() -> Generator[Unit, None, None]:
        for key in keys:
            sizes = (images.pixels.shape[1], *config.widths, CLASSES)
            rng = rng_of(config.seed, 1, key["run"], *config.widths)
            network = Network.from_arrays(initial_parameters(sizes, rng))
            row = partial(_plane_row, config, images, network, key)
            yield Unit(key, network.fingerprint[:16], row)

    return [Job(tuple(keys), units)]


def _plane_row(config: Config, images: Images, network: Network, key: Key) -> TableRow:
    rng = rng_of(config.seed, 3, key["run"])
    chosen = [int(rng.choice(np.flatnonzero(images.labels == digit))) for digit in range(3)]
    plane = Plane.through(*images.pixels[chosen], margin=config.margin)
    on_plane = plane.restrict(network)
    regions, whole = all_regions(on_plane, plane.domain), all_regions(on_plane, None)
    row = {
        "images": " ".join(map(str, chosen)),
        "window": len(regions),
        "window_edges": len(regions.edges),
        "whole": len(whole),
        "complete": regions.complete and whole.complete,
        "proven": regions.proven and whole.proven,
        "exact_decisions": regions.exact_decisions + whole.exact_decisions,
        "cells": "",
        "facets": "",
        "points": "",
    }
    if key["run"] > 0:
        return row
    from polyregions.plot.values import facet_layers, pattern_colors, to_hex

    colours = to_hex(pattern_colors(regions.patterns))
    from polyregions.analysis.corners import facet_segments, region_corners

    polygons = list(region_corners(regions))
    cells = zip(colours, polygons, strict=True)
    facets = zip(facet_layers(regions).tolist(), facet_segments(regions, polygons), strict=True)
    points = (images.pixels[chosen] - plane.origin) @ plane.basis
    return row | {
        "cells": json.dumps([[colour, corners.round(4).tolist()] for colour, corners in cells]),
        "facets": json.dumps([[layer, ends.round(4).tolist()] for layer, ends in facets]),
        "points": json.dumps(points.round(4).tolist()),
    }


def findings(table: Table) -> list[str]:
    """Return what the table says, in words: the counts."""
    window, whole = table["window"], table["whole"]
    return [
        f"{table['widths'][0]}: {window[0]} regions in the square of the picture, {whole[0]} in "
        f"the whole plane",
        f"mean of {len(window)} networks: {window.mean():.1f} in the square, {whole.mean():.1f} in "
        f"the whole plane (N^2/2 = {table['units'][0] ** 2 / 2:g})",
    ]


def figure(table: Table) -> Figure:
    """Draw the square: a colour per pattern, facets by the layer of their unit."""
    drawing, axes = panels(1, width=4.2, height=4.0)  # refuses first without matplotlib
    from matplotlib.collections import LineCollection, PolyCollection

    from polyregions.plot.values import LAYER_COLORS

    axis = axes[0]
    cells, facets, points = (json.loads(table[name][0]) for name in ("cells", "facets", "points"))
    axis.grid(False)
    axis.add_collection(
        PolyCollection([corners for _, corners in cells], facecolors=[c for c, _ in cells])
    )
    colours = [LAYER_COLORS[layer % len(LAYER_COLORS)] for layer, _ in facets]
    axis.add_collection(LineCollection([ends for _, ends in facets], colors=colours, linewidths=1))
    for layer in sorted({layer for layer, _ in facets}):
        colour = LAYER_COLORS[layer % len(LAYER_COLORS)]
        axis.plot([], [], color=colour, label=f"layer {layer + 1}")
    for digit, (x, y) in enumerate(points):
        axis.plot(x, y, "o", color="black", markersize=12, markerfacecolor="white")
        axis.annotate(str(digit), (x, y), ha="center", va="center", fontsize=8)
    corners = np.concatenate([np.array(corners) for _, corners in cells])
    low, high = corners.min(axis=0), corners.max(axis=0)
    axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    axis.set_title(f"{table['widths'][0]}: {table['window'][0]} regions", loc="left", fontsize=10)
    if facets:
        axis.legend(fontsize=7, loc="upper right")
    return drawing


REGIONS_IN_A_PLANE = Experiment(
    "regions-in-a-plane", Config, regions_in_a_plane_jobs, findings, figure
)
