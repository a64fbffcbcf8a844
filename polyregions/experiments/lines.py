"""Regions along lines through images, while networks learn their labels, or random ones.

Hanin & Rolnick 2019: about a constant times the number N of units (arXiv 1901.09021), slightly
more with more noise on the labels (arXiv 1906.00904).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polyregions.experiments.catalogue import Configuration, Experiment
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
    epoch_curves,
    epoch_panels,
    groups,
    key,
    panels,
)
from polyregions.experiments.evolution import Snapshot, rng_of, training_job
from polyregions.experiments.runner import Job, Key, Table, TableRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LABEL_CORRUPTION", "LINES"]


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
