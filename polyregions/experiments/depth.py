"""Count / (N^n / n!) against depth at equal numbers N of units, before and after training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polyregions.errors import PolyregionsError
from polyregions.experiments.catalogue import Configuration, Experiment
from polyregions.experiments.data import Images
from polyregions.experiments.drawing import curve, draw, groups, panels
from polyregions.experiments.evolution import subspace_jobs
from polyregions.experiments.runner import Job, Table
from polyregions.theory.grid import equal_widths

if TYPE_CHECKING:
    from matplotlib.figure import Figure


__all__ = ["DEPTH", "Config"]


@dataclass(frozen=True)
class Config(Configuration):
    """What is run.

    Parameters
    ----------
    dimensions : tuple of int
        Of the subspaces, through the origin and as many random training images.
    units : tuple of int
        N for each dimension, spread over the layers.
    depths : tuple of int
        Numbers of hidden layers.
    epochs : tuple of float
        Of which the first and the last are drawn.
    runs : int
        Networks per depth.
    subspaces : int
        Per network.
    """

    dimensions: tuple[int, ...] = (2, 3, 4)
    units: tuple[int, ...] = (48, 32, 20)
    depths: tuple[int, ...] = (1, 2, 3, 4, 6)
    epochs: tuple[float, ...] = (0.0, 256.0)
    runs: int = 3
    subspaces: int = 1

    @classmethod
    def full(cls, seed: int = 0) -> Config:
        """Return larger networks, and more."""
        return cls(seed, (2, 3, 4, 5), (96, 64, 32, 24), (1, 2, 3, 4, 6, 8), (0.0, 256.0), 10, 3)


def depth_jobs(config: Config, images: Images) -> Sequence[Job]:
    """Return the jobs; see :func:`polyregions.experiments.evolution.subspace_jobs`."""
    if len(config.dimensions) != len(config.units):
        raise PolyregionsError(
            f"there are {len(config.dimensions)} dimensions but {len(config.units)} numbers of "
            f"units; give one for each"
        )
    jobs: list[Job] = []
    for n, units in zip(config.dimensions, config.units, strict=True):
        jobs += subspace_jobs(
            images, [equal_widths(units, depth) for depth in config.depths], (n,), config.epochs,
            seed=config.seed, runs=config.runs, subspaces=config.subspaces,
        )  # fmt: skip
    return jobs


def findings(table: Table) -> list[str]:
    """Return what the table says, in words: the ratio by depth, first and last epoch."""
    lines = []
    for (n, units, epoch), part in groups(table, "n", "units", "epoch"):
        depths, ratios, errors = curve(part, "depth", "whole_ratio")
        shown = ", ".join(
            f"{ratio:.3f} ± {error:.3f} at depth {depth:g}"
            for depth, ratio, error in zip(depths, ratios, errors, strict=True)
        )
        lines.append(f"n = {n}, N = {units}, epoch {epoch:g}: {shown}")
    return lines


def figure(table: Table) -> Figure:
    """Draw count / (N^n / n!) against depth, a panel per n."""
    parts = list(groups(table, "n", "units"))
    drawing, axes = panels(len(parts), width=3.6)
    ends = sorted({table["epoch"].min(), table["epoch"].max()})
    for axis, ((n, units), part) in zip(axes, parts, strict=True):
        for index, epoch in enumerate(ends):
            rows = {name: column[part["epoch"] == epoch] for name, column in part.items()}
            draw(axis, rows, "depth", "whole_ratio", 2 * index, f"epoch {epoch:g}, whole subspace")
            draw(
                axis, rows, "depth", "window_ratio", 2 * index + 1,
                f"epoch {epoch:g}, window", linestyle="--",
            )  # fmt: skip
        axis.set_title(f"n = {n}, N = {units}", loc="left", fontsize=10)
        axis.set(xlabel="hidden layers", ylabel="regions / (Nⁿ/n!)")
        axis.set_ylim(bottom=0)
    axes[0].legend(fontsize=7, frameon=False)
    return drawing


def _with_depths(table: Table) -> Table:
    depths = np.array([widths.count("-") + 1 for widths in table["widths"].tolist()])
    return {"depth": depths, **table}


DEPTH = Experiment("depth", Config, depth_jobs, findings, figure, completed=_with_depths)
