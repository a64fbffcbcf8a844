"""The training experiment in subspaces of 3, 4 and 5 dimensions, counted exactly.

The papers count on lines and planes. Here the count over N^n / n!, the scale of Theorem 5
of Hanin & Rolnick 2019 (arXiv 1906.00904), is followed in more dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polyregions.errors import PolyregionsError
from polyregions.experiments.catalogue import Configuration, Experiment
from polyregions.experiments.data import Images
from polyregions.experiments.drawing import curve, draw, groups, panels, training_axis
from polyregions.experiments.evolution import subspace_jobs
from polyregions.experiments.runner import Job, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


__all__ = ["DIMENSIONS", "Config"]


@dataclass(frozen=True)
class Config(Configuration):
    """What is run.

    Parameters
    ----------
    dimensions : tuple of int
        Of the subspaces, through the origin and as many random training images.
    architectures : tuple of tuple of int
        Hidden widths, one entry per dimension: counts grow like N^n / n!.
    epochs : tuple of float
    runs : int
        Networks per dimension.
    subspaces : int
        Per network.
    """

    dimensions: tuple[int, ...] = (3, 4, 5)
    architectures: tuple[tuple[int, ...], ...] = ((16,) * 3, (8,) * 3, (8,) * 2)
    epochs: tuple[float, ...] = (0.0, 1.0, 4.0, 16.0, 64.0, 256.0)
    runs: int = 2
    subspaces: int = 1

    @classmethod
    def full(cls, seed: int = 0) -> Config:
        """Return networks with some hundred thousand regions."""
        epochs = (0.0, 0.5, 1.0, 4.0, 16.0, 64.0, 256.0, 1024.0)
        return cls(seed, (3, 4, 5), ((32,) * 3, (12,) * 3, (8,) * 3), epochs, 5, 2)


def dimensions_jobs(config: Config, images: Images) -> Sequence[Job]:
    """Return the jobs; see :func:`polyregions.experiments.evolution.subspace_jobs`."""
    if len(config.dimensions) != len(config.architectures):
        raise PolyregionsError(
            f"there are {len(config.dimensions)} dimensions but {len(config.architectures)} "
            f"architectures; give one for each"
        )
    jobs: list[Job] = []
    for n, widths in zip(config.dimensions, config.architectures, strict=True):
        jobs += subspace_jobs(
            images, [widths], (n,), config.epochs,
            seed=config.seed, runs=config.runs, subspaces=config.subspaces,
        )  # fmt: skip
    return jobs


def findings(table: Table) -> list[str]:
    """Return what the table says, in words: start, least and end for each n."""
    lines = []
    for (n, widths, units), part in groups(table, "n", "widths", "units"):
        epochs, ratios, errors = curve(part, "epoch", "whole_ratio")
        low, high = int(ratios.argmin()), int(ratios.argmax())
        lines.append(
            f"n = {n}, {widths} (N = {units}): whole subspace / (N^n/n!) starts at "
            f"{ratios[0]:.3f} ± {errors[0]:.3f}, is largest {ratios[high]:.3f} at epoch "
            f"{epochs[high]:g}, least {ratios[low]:.3f} at epoch {epochs[low]:g}, ends at "
            f"{ratios[-1]:.3f} ± {errors[-1]:.3f}; {part['whole'].min():,} to "
            f"{part['whole'].max():,} regions"
        )
    return lines


def figure(table: Table) -> Figure:
    """Draw count / (N^n / n!) against the epoch, a curve per n."""
    drawing, axes = panels(2, columns=2)
    for axis, column, title in zip(
        axes, ("whole_ratio", "window_ratio"), ("whole subspace", "window [-20, 20]ⁿ"), strict=True
    ):
        for index, ((n, widths), part) in enumerate(groups(table, "n", "widths")):
            draw(axis, part, "epoch", column, index, f"n = {n}, {widths}")
        training_axis(axis, table["epoch"])
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_ylabel("regions / (Nⁿ/n!)")
        axis.set_ylim(bottom=0)
    axes[0].legend(fontsize=7, frameon=False)
    return drawing


DIMENSIONS = Experiment("dimensions", Config, dimensions_jobs, findings, figure)
