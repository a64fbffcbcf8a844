"""How far points are from the nearest boundary between regions, while networks learn.

Hanin & Rolnick 2019 (arXiv 1901.09021): on average between 0.4 / N and 2 / N.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.distances import boundary_distances
from polyregions.experiments.catalogue import Configuration, Experiment
from polyregions.experiments.data import Images, random_rows, split_images
from polyregions.experiments.drawing import curve, draw, groups, key, panels, training_axis
from polyregions.experiments.evolution import Snapshot, rng_of, training_job
from polyregions.experiments.runner import Job, Key, Table, TableRow
from polyregions.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure


__all__ = ["DISTANCE", "Config"]

_AT_ONCE = 2**22  # numbers that the gradients of a batch of points may have


@dataclass(frozen=True)
class Config(Configuration):
    """What is run.

    Parameters
    ----------
    architectures : tuple of tuple of int
        Hidden widths.
    epochs : tuple of float
    runs : int
        Networks per architecture.
    points : int
        Training images, held-out images and uniform points of the unit cube, each.
    held_out : float
        Share of the images that is not trained on.
    """

    architectures: tuple[tuple[int, ...], ...] = (
        (16,) * 4, (32,) * 4, (50,) * 4, (60,) * 5, (100,) * 5,
    )  # fmt: skip
    epochs: tuple[float, ...] = (0.0, 1.0, 4.0, 16.0, 64.0, 256.0)
    runs: int = 2
    points: int = 100
    held_out: float = 0.2

    @classmethod
    def full(cls, seed: int = 0) -> Config:
        """Return sizes like those of the paper."""
        architectures = tuple(
            (width,) * depth for depth in (4, 5) for width in (16, 32, 50, 75, 100)
        )
        epochs = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 20.0)
        return cls(seed, architectures, epochs, 10, 500)


def distance_jobs(config: Config, images: Images) -> Sequence[Job]:
    """Return the jobs; ``mean`` is of the minimum over units of |z(x)| / ‖grad z(x)‖.

    Regions are exact; the distance is a closed form, evaluated in floating point.
    """
    shown, away = split_images(images, config.held_out, config.seed)
    return [
        _distances_job(config, shown, away, widths, number)
        for widths in config.architectures
        for number in range(config.runs)
    ]


def _distances_job(
    config: Config, images: Images, away: Images, widths: Sequence[int], number: int
) -> Job:
    rng = rng_of(config.seed, 3, number)
    places = {
        "train": images.pixels[random_rows(len(images.pixels), config.points, rng)],
        "test": away.pixels[random_rows(len(away.pixels), config.points, rng)],
        "random": rng.uniform(size=(config.points, images.pixels.shape[1])),
    }

    def measure(snapshot: Snapshot, place: Key) -> TableRow:
        found = _distances_in_parts(snapshot.network, places[place["points"]])
        mean = float(found.mean())
        return {"mean": mean, "median": float(np.median(found)), "times_units": mean * sum(widths)}

    inner = [{"points": name} for name in places]
    return training_job(widths, images, config.epochs, config.seed, number, inner, measure)


def _distances_in_parts(network: Network, points: NDArray[np.float64]) -> NDArray[np.float64]:
    step = max(1, _AT_ONCE // (network.hidden_units * network.input_dimension))
    return np.concatenate(
        [
            boundary_distances(network, points[start : start + step])
            for start in range(0, len(points), step)
        ]
    )


def findings(table: Table) -> list[str]:
    """Return what the table says, in words: N times the mean distance."""
    lines = []
    for (name,), part in groups(table, "points"):
        means = [curve(rows, "epoch", "times_units")[1] for _, rows in groups(part, "widths")]
        inside = np.mean([0.4 <= mean <= 2 for curve_ in means for mean in curve_])
        lines.append(
            f"{name} points: N times the mean distance is {min(m[0] for m in means):.2f} to "
            f"{max(m[0] for m in means):.2f} at the start, {min(m[-1] for m in means):.2f} to "
            f"{max(m[-1] for m in means):.2f} at the end, {min(m.min() for m in means):.2f} to "
            f"{max(m.max() for m in means):.2f} throughout; {inside:.0%} of the means lie between "
            f"0.4 and 2"
        )
    return lines


def figure(table: Table) -> Figure:
    """Draw N times the mean distance against the epoch, a panel per kind of points."""
    parts = list(groups(table, "points"))
    drawing, axes = panels(len(parts), width=3.8)
    for axis, ((name,), part) in zip(axes, parts, strict=True):
        for index, ((widths,), rows) in enumerate(groups(part, "widths")):
            draw(axis, rows, "epoch", "times_units", index, widths)
        for value in (0.4, 2.0):
            axis.axhline(value, color="black", linewidth=0.8, linestyle=":")
        training_axis(axis, table["epoch"])
        axis.set_yscale("log")
        ticks = [0.4, 0.6, 0.8, 1.0, 1.4, 2.0]
        axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_yticks([], minor=True)
        axis.set_title(f"{name} points", loc="left", fontsize=10)
        axis.set_ylabel("N × mean distance")
    key(drawing)
    return drawing


DISTANCE = Experiment("distance", Config, distance_jobs, findings, figure)
