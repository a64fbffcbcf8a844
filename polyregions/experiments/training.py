"""Regions in planes through the origin and two images, while networks learn.

Hanin & Rolnick 2019 (arXiv 1906.00904): the count over N^2 starts near 1/2, dips, and
rebounds; it never grows as it could.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polyregions.experiments.catalogue import Configuration, Experiment
from polyregions.experiments.data import Images
from polyregions.experiments.drawing import curve, draw, groups, panels, training_axis
from polyregions.experiments.evolution import subspace_jobs
from polyregions.experiments.runner import Job, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


__all__ = ["TRAINING", "Config"]


@dataclass(frozen=True)
class Config(Configuration):
    """What is run.

    Parameters
    ----------
    architectures : tuple of tuple of int
        Hidden widths.
    epochs : tuple of float
        An epoch of the digits has 14 batches, one of MNIST 468.
    runs : int
        Networks per architecture.
    planes : int
        Per network, each through the origin and two random training images.
    """

    architectures: tuple[tuple[int, ...], ...] = ((16,) * 4, (20,) * 3, (32,) * 3)
    epochs: tuple[float, ...] = (0.0, 0.25, 1.0, 4.0, 16.0, 64.0, 256.0, 1024.0)
    runs: int = 2
    planes: int = 3

    @classmethod
    def full(cls, seed: int = 0) -> Config:
        """Return the sizes of the paper."""
        fractions = tuple(1.0 / 2**k for k in range(5, 0, -1))
        return cls(
            seed,
            (
                (16,) * 4, (32,) * 4, (64,) * 4, (20,) * 3, (40,) * 3, (60,) * 3, (80,) * 3,
            ),
            (0.0, *fractions, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0),
            10,
            5,
        )  # fmt: skip


def training_jobs(config: Config, images: Images) -> Sequence[Job]:
    """Return the jobs; see :func:`polyregions.experiments.evolution.subspace_jobs`."""
    return subspace_jobs(
        images, config.architectures, (2,), config.epochs,
        seed=config.seed, runs=config.runs, subspaces=config.planes,
    )  # fmt: skip


def findings(table: Table) -> list[str]:
    """Return what the table says, in words: start, dip and end of each architecture."""
    lines = []
    for (widths, units), part in groups(table, "widths", "units"):
        epochs, ratios, errors = curve(part, "epoch", "whole_ratio")
        ratios, errors = ratios / 2, errors / 2
        low = int(ratios.argmin())
        lines.append(
            f"{widths}: whole plane / N^2 (N = {units}) starts at {ratios[0]:.3f} ± "
            f"{errors[0]:.3f}, is least at epoch {epochs[low]:g} ({ratios[low]:.3f}), largest "
            f"{ratios.max():.3f} at epoch {epochs[ratios.argmax()]:g}, ends at {ratios[-1]:.3f} "
            f"± {errors[-1]:.3f} (accuracy {part['accuracy'][-1]:.3f})"
        )
    return lines


def figure(table: Table) -> Figure:
    """Draw count / N^2 against the epoch: the whole plane, and the window."""
    drawing, axes = panels(2, columns=2)
    for axis, column, title in zip(
        axes, ("whole_ratio", "window_ratio"), ("whole plane", "window [-20, 20]²"), strict=True
    ):
        for index, ((widths,), part) in enumerate(groups(table, "widths")):
            halved = part | {"over_square": part[column] / 2}
            draw(axis, halved, "epoch", "over_square", index, widths)
        axis.axhline(0.5, color="black", linewidth=0.8, linestyle=":")
        training_axis(axis, table["epoch"])
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_ylim(bottom=0)
        axis.set_ylabel("regions / N²")
    axes[0].legend(fontsize=7, frameon=False)
    return drawing


TRAINING = Experiment("training", Config, training_jobs, findings, figure)
