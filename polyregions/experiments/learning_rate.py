"""Random labels of random points learned at several rates.

Hanin & Rolnick 2019 (arXiv 1906.00904): of the rates of Adam, 10^-3 gives most regions, and
10^-2 fails to learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polyregions.experiments.catalogue import Configuration, Experiment
from polyregions.experiments.drawing import curve, groups
from polyregions.experiments.memorisation import learning_figure, points_job
from polyregions.experiments.runner import Job, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


__all__ = ["LEARNING_RATE", "Config"]


@dataclass(frozen=True)
class Config(Configuration):
    """What is run.

    Parameters
    ----------
    widths : tuple of int
        Of the hidden layers.
    samples : int
        Points to learn.
    rates : tuple of float
    epochs : tuple of float
    runs : int
        Networks per rate; the same ones, on the same points, for every rate.
    """

    widths: tuple[int, ...] = (32,) * 3
    samples: int = 1000
    rates: tuple[float, ...] = (1e-5, 1e-4, 1e-3, 1e-2)
    epochs: tuple[float, ...] = (0.0, 20.0, 100.0, 300.0, 1000.0)
    runs: int = 2

    @classmethod
    def full(cls, seed: int = 0) -> Config:
        """Return sizes like those of the paper."""
        epochs = (0.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 1500.0, 2000.0)
        return cls(seed, (32,) * 3, 2000, (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2), epochs, 10)


def learning_rate_jobs(config: Config, _: None) -> Sequence[Job]:
    """Return the jobs; see :func:`polyregions.experiments.memorisation.points_job`."""
    return [
        points_job(config.widths, config.samples, rate, config.epochs, seed=config.seed, run=number)
        for rate in config.rates
        for number in range(config.runs)
    ]


def findings(table: Table) -> list[str]:
    """Return what the table says, in words: regions and what is learned at each rate."""
    lines = []
    for (rate,), part in groups(table, "rate"):
        epochs, regions, errors = curve(part, "epoch", "whole")
        _, accuracy, _ = curve(part, "epoch", "accuracy")
        lines.append(
            f"rate {rate:g}: {regions[-1]:,.0f} ± {errors[-1]:,.0f} regions of the plane at epoch "
            f"{epochs[-1]:g} (start {regions[0]:,.0f}, at most {regions.max():,.0f}), "
            f"{accuracy[-1]:.1%} of the labels learned"
        )
    return lines


def figure(table: Table) -> Figure:
    """Draw the regions of the plane, and what is learned, against the epoch."""
    return learning_figure(table, "rate", lambda rate: f"rate {rate:g}")


LEARNING_RATE = Experiment(
    "learning-rate", Config, learning_rate_jobs, findings, figure, uses_images=False
)
