"""Boundaries beside images while networks learn: regions along lines, distances of points.

Hanin & Rolnick 2019: along a line about a constant times the number N of units, and a distance
between 0.4 / N and 2 / N on average (arXiv 1901.09021); slightly more regions with more noise on
the labels (arXiv 1906.00904).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.distances import boundary_distances
from polyregions.experiments.data import (
    Images,
    counts,
    line_from_origin,
    line_through,
    random_rows,
    shuffled_labels,
    split_images,
)
from polyregions.experiments.drawing import (
    curve,
    draw,
    epoch_curves,
    epoch_panels,
    groups,
    key,
    panels,
    training_axis,
)
from polyregions.experiments.evolution import Snapshot, rng_of, training_job
from polyregions.experiments.runner import Configuration, Experiment, Job, Key, Table, TableRow
from polyregions.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DISTANCE", "LABEL_CORRUPTION", "LINES"]

_AT_ONCE = 2**22  # numbers that the gradients of a batch of points may have


@dataclass(frozen=True)
class LinesConfig(Configuration):
    """What is run.

    Parameters
    ----------
    architectures : tuple of tuple of int
        Hidden widths.
    epochs : tuple of float
    runs : int
        Networks per architecture.
    lines : int
        Per network, each through two random training images.
    """

    architectures: tuple[tuple[int, ...], ...] = ((16,) * 4, (32,) * 4, (20,) * 3, (40,) * 3)
    epochs: tuple[float, ...] = (0.0, 1.0, 4.0, 16.0, 64.0, 256.0)
    runs: int = 2
    lines: int = 10

    @classmethod
    def full(cls, seed: int = 0) -> LinesConfig:
        """Return sizes like those of the paper."""
        architectures = (*((w,) * 4 for w in (16, 32, 64)), *((w,) * 3 for w in (20, 40, 60, 80)))
        return cls(seed, architectures, (0.0, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0), 10, 100)


def _lines_jobs(config: LinesConfig, images: Images) -> Sequence[Job]:
    """Return the jobs; ``segment`` is what lies between the two images, ``whole`` the line."""
    return [
        _lines_job(config, images, widths, number)
        for widths in config.architectures
        for number in range(config.runs)
    ]


def _lines_job(config: LinesConfig, images: Images, widths: Sequence[int], number: int) -> Job:
    def measure(snapshot: Snapshot, place: Key) -> TableRow:
        rng = rng_of(config.seed, 3, number, 1, place["line"])
        first, second = random_rows(len(images.pixels), 2, rng).tolist()
        where = line_through(images.pixels[first], images.pixels[second])
        row = counts(where.restrict(snapshot.network), segment=where.domain, whole=None)
        return {"images": f"{first} {second}", "per_unit": row["whole"] / sum(widths), **row}

    inner = [{"line": line} for line in range(config.lines)]
    return training_job(widths, images, config.epochs, config.seed, number, inner, measure)


def _lines_findings(table: Table) -> list[str]:
    """Return what the table says, in words: regions per unit over all checkpoints."""
    lines = []
    for (widths, units), part in groups(table, "widths", "units"):
        _, ratios, _ = curve(part, "epoch", "per_unit")
        lines.append(
            f"{widths}: regions of the whole line / N (N = {units}) starts at {ratios[0]:.3f}, "
            f"lies between {ratios.min():.3f} and {ratios.max():.3f}, ends at {ratios[-1]:.3f}; "
            f"single lines {part['per_unit'].min():.3f} to {part['per_unit'].max():.3f}"
        )
    return lines


def _lines_figure(table: Table) -> Figure:
    """Draw regions / N of whole lines, and of the segments, against the epoch."""
    over = table | {"segment_per_unit": table["segment"] / table["units"]}
    titles = {"per_unit": "whole lines", "segment_per_unit": "between the images"}
    drawing = epoch_panels(over, titles, "widths", "regions / N")
    drawing.axes[0].axhline(1.0, color="black", linewidth=0.8, linestyle=":")
    return drawing


LINES = Experiment("lines", LinesConfig, _lines_jobs, _lines_findings, _lines_figure)


@dataclass(frozen=True)
class LabelCorruptionConfig(Configuration):
    """What is run.

    Parameters
    ----------
    widths : tuple of int
        Of the hidden layers.
    shares : tuple of float
        Of the training labels that are replaced by random ones.
    epochs : tuple of float
    runs : int
        Networks per share.
    lines : int
        Per network, each through the origin and a random held-out image.
    held_out : float
        Share of the images that is not trained on.
    """

    widths: tuple[int, ...] = (32,) * 3
    shares: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    epochs: tuple[float, ...] = (0.0, 5.0, 20.0, 50.0, 100.0, 200.0)
    runs: int = 2
    lines: int = 15
    held_out: float = 0.2

    @classmethod
    def full(cls, seed: int = 0) -> LabelCorruptionConfig:
        """Return the sizes of the paper."""
        epochs = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 150.0, 200.0)
        return cls(seed, (32,) * 3, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), epochs, 40, 100)


def _label_corruption_jobs(config: LabelCorruptionConfig, images: Images) -> Sequence[Job]:
    """Return the jobs; ``segment`` is the way from the origin to the image, ``whole`` the line."""
    shown, away = split_images(images, config.held_out, config.seed)
    return [
        _corruption_job(config, shown, away, share, number)
        for share in config.shares
        for number in range(config.runs)
    ]


def _corruption_job(
    config: LabelCorruptionConfig, images: Images, away: Images, share: float, number: int
) -> Job:
    labels = shuffled_labels(images.labels, share, rng_of(config.seed, 4, number))

    def measure(snapshot: Snapshot, place: Key) -> TableRow:
        rng = rng_of(config.seed, 3, number, 1, place["line"])
        chosen = int(random_rows(len(away.pixels), 1, rng)[0])
        where = line_from_origin(away.pixels[chosen])
        row = counts(where.restrict(snapshot.network), segment=where.domain, whole=None)
        return {"image": chosen, "per_unit": row["whole"] / sum(config.widths), **row}

    inner = [{"line": line} for line in range(config.lines)]
    return training_job(
        config.widths, images, config.epochs, config.seed, number, inner, measure,
        labels=labels, share=share,
    )  # fmt: skip


def _label_corruption_findings(table: Table) -> list[str]:
    """Return what the table says, in words: the count against N for each share."""
    lines = []
    for (share, units), part in groups(table, "share", "units"):
        epochs, regions, errors = curve(part, "epoch", "whole")
        _, accuracy, _ = curve(part, "epoch", "accuracy")
        lines.append(
            f"{share:.0%} random labels: {regions[0]:.1f} regions on a whole line at the start "
            f"(N = {units}), {regions[-1]:.1f} ± {errors[-1]:.1f} at epoch {epochs[-1]:g}, "
            f"between {regions.min():.1f} and {regions.max():.1f} (accuracy on the labels "
            f"{accuracy[-1]:.3f})"
        )
    return lines


def _label_corruption_figure(table: Table) -> Figure:
    """Draw the regions of whole lines against the epoch, a curve per share."""
    drawing, axes = panels(1, width=6.0, height=4.0)
    units = int(table["units"][0])
    epoch_curves(
        axes[0], table, "whole", "share", "{:.0%} random labels".format,
        level=units, level_name=f"N = {units}",
    )  # fmt: skip
    axes[0].set_ylabel("regions on a line through 0 and an image")
    key(drawing)
    return drawing


LABEL_CORRUPTION = Experiment(
    "label-corruption",
    LabelCorruptionConfig,
    _label_corruption_jobs,
    _label_corruption_findings,
    _label_corruption_figure,
)


@dataclass(frozen=True)
class DistanceConfig(Configuration):
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
    def full(cls, seed: int = 0) -> DistanceConfig:
        """Return sizes like those of the paper."""
        architectures = tuple(
            (width,) * depth for depth in (4, 5) for width in (16, 32, 50, 75, 100)
        )
        epochs = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 20.0)
        return cls(seed, architectures, epochs, 10, 500)


def _distance_jobs(config: DistanceConfig, images: Images) -> Sequence[Job]:
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
    config: DistanceConfig, images: Images, away: Images, widths: Sequence[int], number: int
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


def _distance_findings(table: Table) -> list[str]:
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


def _distance_figure(table: Table) -> Figure:
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


DISTANCE = Experiment(
    "distance", DistanceConfig, _distance_jobs, _distance_findings, _distance_figure
)
