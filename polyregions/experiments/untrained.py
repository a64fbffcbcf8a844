"""Networks as they are drawn, before training: a picture, other scales, and noise.

Hanin & Rolnick 2019: the picture of the regions in the plane through three images; how many
regions lie near 0 follows the scale of biases and weights, how many there are in all does not
(arXiv 1906.00904, Lemma 6), except without any bias; the 2^k pieces of the sawtooth need weights
that are just so, and noise destroys almost all of them (arXiv 1901.09021).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from polyregions.domain import Box
from polyregions.experiments.data import CLASSES, Images, all_regions, counts
from polyregions.experiments.drawing import draw, groups, key, mean_and_error, panels
from polyregions.experiments.evolution import initial_parameters, network_columns, rng_of
from polyregions.experiments.runner import (
    Configuration,
    Experiment,
    Job,
    Key,
    Table,
    TableRow,
    networks_job,
)
from polyregions.network import Layer, Network
from polyregions.network.slices import Plane
from polyregions.theory.constructions import tent
from polyregions.theory.laws import HE_NORMAL, STANDARD_NORMAL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["REGIONS_IN_A_PLANE", "SAWTOOTH", "SCALE"]


@dataclass(frozen=True)
class RegionsInAPlaneConfig(Configuration):
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
    def full(cls, seed: int = 0) -> RegionsInAPlaneConfig:
        """Return more networks; the sizes are those of the paper."""
        return cls(seed, runs=400)


def _plane_jobs(config: RegionsInAPlaneConfig, images: Images) -> Sequence[Job]:
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
    sizes = (images.pixels.shape[1], *config.widths, CLASSES)

    def drawn(key: Key) -> Network:
        rng = rng_of(config.seed, 1, key["run"], *config.widths)
        return Network.from_arrays(initial_parameters(sizes, rng))

    return [networks_job(keys, drawn, partial(_plane_row, config, images))]


def _plane_row(
    config: RegionsInAPlaneConfig, images: Images, key: Key, network: Network
) -> TableRow:
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
    from polyregions.analysis.corners import facet_segments, region_corners, rows_of_regions
    from polyregions.plot.values import facet_layers, pattern_colors, to_hex

    colours = to_hex(pattern_colors(regions.patterns))
    rows = rows_of_regions(regions)
    polygons = list(region_corners(regions, table=rows))
    cells = zip(colours, polygons, strict=True)
    segments = facet_segments(regions, polygons, rows)
    facets = zip(facet_layers(regions).tolist(), segments, strict=True)
    points = (images.pixels[chosen] - plane.origin) @ plane.basis
    return row | {
        "cells": json.dumps([[colour, corners.round(4).tolist()] for colour, corners in cells]),
        "facets": json.dumps([[layer, ends.round(4).tolist()] for layer, ends in facets]),
        "points": json.dumps(points.round(4).tolist()),
    }


def _plane_findings(table: Table) -> list[str]:
    """Return what the table says, in words: the counts."""
    window, whole = table["window"], table["whole"]
    return [
        f"{table['widths'][0]}: {window[0]} regions in the square of the picture, {whole[0]} in "
        f"the whole plane",
        f"mean of {len(window)} networks: {window.mean():.1f} in the square, {whole.mean():.1f} in "
        f"the whole plane (N^2/2 = {table['units'][0] ** 2 / 2:g})",
    ]


def _plane_figure(table: Table) -> Figure:
    """Draw the square: a colour per pattern, facets by the layer of their unit."""
    drawing, axes = panels(1, width=4.2, height=4.0)  # refuses first without matplotlib
    from matplotlib.collections import LineCollection, PolyCollection

    from polyregions.plot.values import layer_color

    axis = axes[0]
    cells, facets, points = (json.loads(table[name][0]) for name in ("cells", "facets", "points"))
    axis.grid(False)
    axis.add_collection(
        PolyCollection([corners for _, corners in cells], facecolors=[c for c, _ in cells])
    )
    colours = [layer_color(layer) for layer, _ in facets]
    axis.add_collection(LineCollection([ends for _, ends in facets], colors=colours, linewidths=1))
    for layer in sorted({layer for layer, _ in facets}):
        colour = layer_color(layer)
        axis.plot([], [], color=colour, label=f"layer {layer + 1}")
    for digit, (x, y) in enumerate(points):
        axis.plot(x, y, "o", color="black", markersize=12, markerfacecolor="white")
        axis.annotate(str(digit), (x, y), ha="center", va="center", fontsize=8)
    corners = np.concatenate([np.array(corners) for _, corners in cells])
    low, high = corners.min(axis=0), corners.max(axis=0)
    axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    axis.set_title(f"{table['widths'][0]}: {table['window'][0]} regions", loc="left", fontsize=10)
    if facets:
        key(drawing)
    return drawing


REGIONS_IN_A_PLANE = Experiment(
    "regions-in-a-plane", RegionsInAPlaneConfig, _plane_jobs, _plane_findings, _plane_figure
)


@dataclass(frozen=True)
class ScaleConfig(Configuration):
    """What is run.

    Parameters
    ----------
    widths : tuple of int
        Of the hidden layers; two inputs.
    powers : int
        Scales are 2^-powers, ..., 2^powers, by which floats are multiplied exactly;
        biases are scaled by 0, too.
    runs : int
        Networks, scaled in every way: He-normal weights and standard normal biases.
    """

    widths: tuple[int, ...] = (16,) * 3
    powers: int = 6
    runs: int = 6

    @classmethod
    def full(cls, seed: int = 0) -> ScaleConfig:
        """Return larger networks, and more."""
        return cls(seed, (32,) * 3, 10, 20)


def _scale_jobs(config: ScaleConfig, _: None) -> Sequence[Job]:
    """Return the jobs; ``window`` is [-1, 1]^2, ``whole`` the plane."""
    scales = [2.0**power for power in range(-config.powers, config.powers + 1)]
    keys = [
        network_columns(config.widths)
        | {"scaled": scaled, "scale": scale, "seed": config.seed, "run": number}
        for scaled, values in (("biases", [0.0, *scales]), ("weights", scales))
        for scale in values
        for number in range(config.runs)
    ]

    def measure(_: Key, network: Network) -> TableRow:
        return counts(network, window=Box.cube(2, 1.0), whole=None)

    return [networks_job(keys, partial(_scaled_network, config), measure)]


def _scaled_network(config: ScaleConfig, key: Key) -> Network:
    rng = rng_of(config.seed, 1, key["run"])
    weights = key["scale"] if key["scaled"] == "weights" else 1.0
    biases = key["scale"] if key["scaled"] == "biases" else 1.0
    sizes = (2, *config.widths, 1)
    return Network.from_arrays(
        (
            weights * HE_NORMAL.sample(rng, (above, below)),
            biases * STANDARD_NORMAL.sample(rng, above),
        )
        for below, above in pairwise(sizes)
    )


def _scale_findings(table: Table) -> list[str]:
    """Return what the table says, in words: both counts over all scales."""
    lines = []
    for (scaled,), part in groups(table, "scaled"):
        positive = {name: column[part["scale"] > 0] for name, column in part.items()}
        near = [mean_and_error(rows["window"])[0] for _, rows in groups(positive, "scale")]
        whole = [mean_and_error(rows["whole"])[0] for _, rows in groups(positive, "scale")]
        lines.append(
            f"{scaled} times {positive['scale'].min():g} to {positive['scale'].max():g}: "
            f"{near[0]:,.1f} to {near[-1]:,.1f} regions in [-1, 1]^2, {min(whole):,.1f} to "
            f"{max(whole):,.1f} in the whole plane"
        )
        if (part["scale"] == 0).any():
            zero = part["whole"][part["scale"] == 0]
            lines.append(f"{scaled} times 0: {mean_and_error(zero)[0]:,.1f} in the whole plane")
    return lines


def _scale_figure(table: Table) -> Figure:
    """Draw both counts against the scale; without biases at the left."""
    parts = list(groups(table, "scaled"))
    drawing, axes = panels(len(parts))
    for axis, ((scaled,), part) in zip(axes, parts, strict=True):
        draw(axis, part, "scale", "whole", 0, "whole plane")
        draw(axis, part, "scale", "window", 1, "[-1, 1]²")
        least = float(part["scale"][part["scale"] > 0].min())
        axis.set_xscale("symlog", base=2, linthresh=least, linscale=0.5)
        axis.set_yscale("log")
        axis.set(xlabel=f"scale of the {scaled}", ylabel="regions")
    key(drawing)
    return drawing


SCALE = Experiment(
    "scale", ScaleConfig, _scale_jobs, _scale_findings, _scale_figure, uses_images=False
)


@dataclass(frozen=True)
class SawtoothConfig(Configuration):
    """What is run.

    Parameters
    ----------
    depths : tuple of int
        Layers of the tent network, of two units each: 2^depth regions.
    noises : tuple of float
        Standard deviations of what is added to every weight and bias.
    runs : int
        Draws of the noise.
    """

    depths: tuple[int, ...] = (2, 4, 6, 8, 10)
    noises: tuple[float, ...] = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)
    runs: int = 50

    @classmethod
    def full(cls, seed: int = 0) -> SawtoothConfig:
        """Return deeper networks, and more draws."""
        return cls(seed, (2, 4, 6, 8, 10, 12, 14), (0.0, 0.001, 0.01, 0.03, 0.1, 0.3, 1.0), 500)


def _sawtooth_jobs(config: SawtoothConfig, _: None) -> Sequence[Job]:
    """Return the jobs; ``window`` is (0, 1), ``whole`` the line, ``share`` that of 2^depth."""
    keys: list[Key] = [
        {"depth": depth, "units": 2 * depth, "noise": noise, "seed": config.seed, "run": number}
        for depth in config.depths
        for noise in config.noises
        for number in range(config.runs if noise else 1)
    ]

    def noisy_tent(key: Key) -> Network:
        rng = rng_of(config.seed, 1, key["depth"], key["run"])
        return _noisy(tent(key["depth"]).network, key["noise"], rng)

    def measure(key: Key, network: Network) -> TableRow:
        row = counts(network, window=Box.interval(1, 0.0, 1.0), whole=None)
        return {"share": row["window"] / 2 ** key["depth"], **row}

    return [networks_job(keys, noisy_tent, measure)]


def _noisy(network: Network, deviation: float, rng: np.random.Generator) -> Network:
    """Return a network with normal noise added to every weight and bias of its hidden layers.

    Examples
    --------
    >>> exact = tent(3).network
    >>> _noisy(exact, 0.0, np.random.default_rng(0)).fingerprint == exact.fingerprint
    True
    """
    layers = [
        Layer.with_slopes(
            layer.weight + deviation * rng.standard_normal(layer.weight.shape),
            layer.bias + deviation * rng.standard_normal(layer.bias.shape),
            layer.lower,
            layer.upper,
        )
        for layer in network.layers[:-1]
    ]
    return Network((*layers, network.layers[-1]), name=network.name)


def _sawtooth_findings(table: Table) -> list[str]:
    """Return what the table says, in words: pieces without and with noise, by depth."""
    lines = []
    for (depth,), part in groups(table, "depth"):
        shown = ", ".join(
            f"{mean_and_error(rows['window'])[0]:,.1f} at {noise:g}"
            for (noise,), rows in groups(part, "noise")
        )
        left = part["share"][part["noise"] == part["noise"].max()].mean()
        lines.append(f"{depth} layers, mean regions on (0, 1) by noise: {shown} ({left:.1%} left)")
    return lines


def _sawtooth_figure(table: Table) -> Figure:
    """Draw the regions on (0, 1) against depth, a curve per noise."""
    drawing, axes = panels(1, width=6.0, height=4.0)
    for index, ((noise,), part) in enumerate(groups(table, "noise")):
        label = f"noise {noise:g}" if noise else "the tent: 2^depth"
        draw(axes[0], part, "depth", "window", index, label)
    depths = np.unique(table["depth"])
    axes[0].plot(depths, 2 * depths + 1, ":", color="black", linewidth=0.8, label="N + 1")
    axes[0].set_yscale("log", base=2)
    axes[0].set(xlabel="layers of two units", ylabel="regions on (0, 1)")
    axes[0].set_xticks(depths)
    key(drawing)
    return drawing


SAWTOOTH = Experiment(
    "sawtooth",
    SawtoothConfig,
    _sawtooth_jobs,
    _sawtooth_findings,
    _sawtooth_figure,
    uses_images=False,
)
