"""Regions of the plane while random labels of random points are learned by heart.

Hanin & Rolnick 2019 (arXiv 1906.00904): the count starts near N^2 / 2 and rises with the
number of points, until there are too many to learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polyregions.experiments.data import Images
from polyregions.experiments.drawing import curve, draw, groups, panels, training_axis
from polyregions.experiments.points import points_job
from polyregions.experiments.runner import Table, run_jobs
from polyregions.experiments.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["USES_IMAGES", "Config", "figure", "findings", "run"]


USES_IMAGES = False


@dataclass(frozen=True)
class Config(Settings):
    """What is run.

    Parameters
    ----------
    widths : tuple of int
        Of the hidden layers.
    samples : tuple of int
        Numbers of points to learn.
    epochs : tuple of float
    runs : int
        Networks per number of points.
    """

    widths: tuple[int, ...] = (32,) * 3
    samples: tuple[int, ...] = (30, 100, 300, 1000)
    epochs: tuple[float, ...] = (0.0, 20.0, 100.0, 300.0, 1000.0, 2000.0)
    runs: int = 2

    @classmethod
    def full(cls, seed: int = 0) -> Config:
        """Return sizes like those of the paper."""
        samples = (10, 30, 100, 300, 1000, 3000, 10000)
        epochs = (0.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 1500.0, 2000.0)
        return cls(seed, (32,) * 3, samples, epochs, 10)


def run(config: Config | None = None, *, data: Images | None = None, **options: Any) -> Table:
    """Count; see :func:`polyregions.experiments.points.points_job` for the columns.

    Parameters
    ----------
    config : Config, optional
    data : Images, optional
        Not used: the points are random.
    **options
        ``file`` and ``progress`` of :func:`polyregions.experiments.runner.run_jobs`.
    """
    config = config or Config()
    jobs = [
        points_job(config.widths, samples, 1e-3, config.epochs, seed=config.seed, run=number)
        for samples in config.samples
        for number in range(config.runs)
    ]
    return run_jobs("memorisation", config, jobs, **options)


def findings(table: Table) -> list[str]:
    """Return what the table says, in words: start and end for each number of points."""
    lines = []
    for (samples, units), part in groups(table, "samples", "units"):
        epochs, regions, errors = curve(part, "epoch", "whole")
        _, accuracy, _ = curve(part, "epoch", "accuracy")
        lines.append(
            f"{samples} points: {regions[0]:,.0f} ± {errors[0]:,.0f} regions of the plane at the "
            f"start (N^2/2 = {units**2 / 2:,.0f}), {regions[-1]:,.0f} ± {errors[-1]:,.0f} at epoch "
            f"{epochs[-1]:g}, where {accuracy[-1]:.1%} of the labels are learned"
        )
    return lines


def figure(table: Table) -> Figure:
    """Draw the regions of the plane, and what is learned, against the epoch."""
    drawing, axes = panels(2, columns=2)
    for index, ((samples,), part) in enumerate(groups(table, "samples")):
        draw(axes[0], part, "epoch", "whole", index, f"{samples} points")
        draw(axes[1], part, "epoch", "accuracy", index, f"{samples} points")
    half = int(table["units"][0]) ** 2 / 2
    axes[0].axhline(half, color="black", linewidth=0.8, linestyle=":", label="N²/2")
    for axis, label in zip(axes, ("regions of the plane", "labels learned"), strict=True):
        training_axis(axis, table["epoch"])
        axis.set_ylim(bottom=0)
        axis.set_ylabel(label)
    axes[0].legend(fontsize=7, frameon=False)
    return drawing
