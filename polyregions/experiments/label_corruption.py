"""Regions along lines through test images, for more and more random labels.

Hanin & Rolnick 2019 (arXiv 1906.00904): about N throughout, slightly more with more noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polyregions.experiments.catalogue import Configuration, Experiment
from polyregions.experiments.data import Images, shuffled_labels, split_images
from polyregions.experiments.drawing import curve, draw, groups, panels, training_axis
from polyregions.experiments.evolution import Snapshot, rng_of, training_job
from polyregions.experiments.places import counts, line_from_origin, random_rows
from polyregions.experiments.runner import Job, Key, Table, TableRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure


__all__ = ["LABEL_CORRUPTION", "Config"]


@dataclass(frozen=True)
class Config(Configuration):
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
    def full(cls, seed: int = 0) -> Config:
        """Return the sizes of the paper."""
        epochs = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 150.0, 200.0)
        return cls(seed, (32,) * 3, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), epochs, 40, 100)


def label_corruption_jobs(config: Config, images: Images) -> Sequence[Job]:
    """Return the jobs; ``segment`` is the way from the origin to the image, ``whole`` the line."""
    shown, away = split_images(images, config.held_out, config.seed)
    return [
        _corruption_job(config, shown, away, share, number)
        for share in config.shares
        for number in range(config.runs)
    ]


def _corruption_job(config: Config, images: Images, away: Images, share: float, number: int) -> Job:
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


def findings(table: Table) -> list[str]:
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


def figure(table: Table) -> Figure:
    """Draw the regions of whole lines against the epoch, a curve per share."""
    drawing, axes = panels(1, width=6.0, height=4.0)
    for index, ((share,), part) in enumerate(groups(table, "share")):
        draw(axes[0], part, "epoch", "whole", index, f"{share:.0%} random labels")
    units = int(table["units"][0])
    axes[0].axhline(units, color="black", linewidth=0.8, linestyle=":", label=f"N = {units}")
    training_axis(axes[0], table["epoch"])
    axes[0].set_ylim(bottom=0)
    axes[0].set_ylabel("regions on a line through 0 and an image")
    axes[0].legend(fontsize=7, frameon=False)
    return drawing


LABEL_CORRUPTION = Experiment("label-corruption", Config, label_corruption_jobs, findings, figure)
