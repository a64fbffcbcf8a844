"""Regions along lines through two images, while networks learn.

Hanin & Rolnick 2019 (arXiv 1901.09021): about a constant times the number N of units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polyregions.experiments.catalogue import Configuration, Experiment
from polyregions.experiments.data import Images
from polyregions.experiments.drawing import curve, draw, groups, panels, training_axis
from polyregions.experiments.evolution import Snapshot, rng_of, training_job
from polyregions.experiments.places import counts, line_through, random_rows
from polyregions.experiments.runner import Job, Key, Table, TableRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure


__all__ = ["LINES", "Config"]


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
    lines : int
        Per network, each through two random training images.
    """

    architectures: tuple[tuple[int, ...], ...] = ((16,) * 4, (32,) * 4, (20,) * 3, (40,) * 3)
    epochs: tuple[float, ...] = (0.0, 1.0, 4.0, 16.0, 64.0, 256.0)
    runs: int = 2
    lines: int = 10

    @classmethod
    def full(cls, seed: int = 0) -> Config:
        """Return sizes like those of the paper."""
        architectures = (*((w,) * 4 for w in (16, 32, 64)), *((w,) * 3 for w in (20, 40, 60, 80)))
        return cls(seed, architectures, (0.0, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0), 10, 100)


def lines_jobs(config: Config, images: Images) -> Sequence[Job]:
    """Return the jobs; ``segment`` is what lies between the two images, ``whole`` the line."""
    return [
        _lines_job(config, images, widths, number)
        for widths in config.architectures
        for number in range(config.runs)
    ]


def _lines_job(config: Config, images: Images, widths: Sequence[int], number: int) -> Job:
    def measure(snapshot: Snapshot, place: Key) -> TableRow:
        rng = rng_of(config.seed, 3, number, 1, place["line"])
        first, second = random_rows(len(images.pixels), 2, rng).tolist()
        where = line_through(images.pixels[first], images.pixels[second])
        row = counts(where.restrict(snapshot.network), segment=where.domain, whole=None)
        return {"images": f"{first} {second}", "per_unit": row["whole"] / sum(widths), **row}

    inner = [{"line": line} for line in range(config.lines)]
    return training_job(widths, images, config.epochs, config.seed, number, inner, measure)


def findings(table: Table) -> list[str]:
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


def figure(table: Table) -> Figure:
    """Draw regions / N of whole lines, and of the segments, against the epoch."""
    drawing, axes = panels(2, columns=2)
    over = table | {"segment_per_unit": table["segment"] / table["units"]}
    for axis, column, title in zip(
        axes, ("per_unit", "segment_per_unit"), ("whole lines", "between the images"), strict=True
    ):
        for index, ((widths,), part) in enumerate(groups(over, "widths")):
            draw(axis, part, "epoch", column, index, widths)
        training_axis(axis, table["epoch"])
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_ylabel("regions / N")
        axis.set_ylim(bottom=0)
    axes[0].axhline(1.0, color="black", linewidth=0.8, linestyle=":")
    axes[0].legend(fontsize=7, frameon=False)
    return drawing


LINES = Experiment("lines", Config, lines_jobs, findings, figure)
