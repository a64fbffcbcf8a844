"""Count / (N^n / n!) against depth at equal numbers N of units, before and after training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polyregions.errors import PolyregionsError
from polyregions.experiments.data import Images, load_images
from polyregions.experiments.drawing import curve, draw, groups, panels
from polyregions.experiments.runner import Job, Table, run_jobs
from polyregions.experiments.settings import Settings
from polyregions.experiments.subspaces import subspace_jobs
from polyregions.theory.grid import equal_widths

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["USES_IMAGES", "Config", "figure", "findings", "run"]


USES_IMAGES = True


@dataclass(frozen=True)
class Config(Settings):
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


def run(config: Config | None = None, *, data: Images | None = None, **options: Any) -> Table:
    """Count; see :func:`polyregions.experiments.subspaces.subspace_jobs` for the columns.

    Parameters
    ----------
    config : Config, optional
        With as many numbers of units as dimensions.
    data : Images, optional
        By default the digits.
    **options
        ``file`` and ``progress`` of :func:`polyregions.experiments.runner.run_jobs`.
    """
    config = config or Config()
    images = data or load_images()
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
    table = run_jobs("depth", config, jobs, data=images.fingerprint, **options)
    depths = np.array([widths.count("-") + 1 for widths in table["widths"].tolist()])
    return {"depth": depths, **table}


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
