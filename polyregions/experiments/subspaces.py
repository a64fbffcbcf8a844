"""Regions in subspaces through images, while networks learn: in planes, in space, by depth.

Hanin & Rolnick 2019 (arXiv 1906.00904) count in planes: over N^2 the count starts near 1/2, dips,
and rebounds; it never grows as it could. Here the count over N^n / n!, the scale of their
Theorem 5, is also followed in more dimensions, and against depth at equal numbers N of units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from polyregions.errors import PolyregionsError
from polyregions.experiments.data import Images, counts, random_rows, through
from polyregions.experiments.drawing import curve, draw, epoch_panels, groups, key, panels
from polyregions.experiments.evolution import Snapshot, rng_of, training_job
from polyregions.experiments.runner import Configuration, Experiment, Job, Key, Table, TableRow
from polyregions.theory.bounds import hanin_rolnick_scale
from polyregions.theory.theorem5 import equal_widths

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DEPTH", "DIMENSIONS", "TRAINING"]


def _subspace_jobs(
    images: Images,
    architectures: Sequence[Sequence[int]],
    dimensions: Sequence[int],
    epochs: Sequence[float],
    *,
    seed: int,
    runs: int,
    subspaces: int,
) -> list[Job]:
    """Return a job per architecture and run: a row per epoch, dimension and subspace.

    Parameters
    ----------
    images : Images
        All are trained on.
    architectures : sequence of sequence of int
        Hidden widths.
    dimensions : sequence of int
        Of the subspaces: n = 2 is a plane through the origin and two images.
    epochs : sequence of float
    seed, runs, subspaces : int
        Subspace s of run r is the same for every architecture.

    Notes
    -----
    Columns: ``window`` counts regions in [-20, 20]^n, ``whole`` on the whole subspace;
    ``window_ratio`` and ``whole_ratio`` are these over N^n / n!.
    """
    inner = [{"n": n, "subspace": number} for n in dimensions for number in range(subspaces)]

    def measure(run: int, snapshot: Snapshot, place: Key) -> TableRow:
        n, number = place["n"], place["subspace"]
        chosen = random_rows(len(images.pixels), n, rng_of(seed, 3, run, n, number))
        where = through(images.pixels[chosen])
        network = where.restrict(snapshot.network)
        row = counts(network, window=where.domain, whole=None)
        scale = float(hanin_rolnick_scale(network.hidden_units, n))
        return {
            "images": " ".join(map(str, chosen.tolist())),
            "window_ratio": row["window"] / scale,
            "whole_ratio": row["whole"] / scale,
            **row,
        }

    return [
        training_job(widths, images, epochs, seed, run, inner, partial(measure, run))
        for widths in architectures
        for run in range(runs)
    ]


@dataclass(frozen=True)
class TrainingConfig(Configuration):
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
    def full(cls, seed: int = 0) -> TrainingConfig:
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


def _training_jobs(config: TrainingConfig, images: Images) -> Sequence[Job]:
    """Return the jobs; see :func:`_subspace_jobs`."""
    return _subspace_jobs(
        images, config.architectures, (2,), config.epochs,
        seed=config.seed, runs=config.runs, subspaces=config.planes,
    )  # fmt: skip


def _training_findings(table: Table) -> list[str]:
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


def _training_figure(table: Table) -> Figure:
    """Draw count / N^2 against the epoch: the whole plane, and the window."""
    titles = {"whole_ratio": "whole plane", "window_ratio": "window [-20, 20]²"}
    halved = table | {column: table[column] / 2 for column in titles}
    return epoch_panels(halved, titles, "widths", "regions / N²", level=0.5)


TRAINING = Experiment(
    "training", TrainingConfig, _training_jobs, _training_findings, _training_figure
)


def _jobs_by_dimension(
    config: DimensionsConfig | DepthConfig,
    images: Images,
    architectures: Sequence[Sequence[Sequence[int]]],
    what: str,
) -> list[Job]:
    """Return the jobs where each dimension has architectures of its own."""
    if len(config.dimensions) != len(architectures):
        raise PolyregionsError(
            f"there are {len(config.dimensions)} dimensions but {len(architectures)} {what}; "
            f"give one for each"
        )
    return [
        job
        for n, of_dimension in zip(config.dimensions, architectures, strict=True)
        for job in _subspace_jobs(
            images, of_dimension, (n,), config.epochs,
            seed=config.seed, runs=config.runs, subspaces=config.subspaces,
        )
    ]  # fmt: skip


@dataclass(frozen=True)
class DimensionsConfig(Configuration):
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
    def full(cls, seed: int = 0) -> DimensionsConfig:
        """Return networks with some hundred thousand regions."""
        epochs = (0.0, 0.5, 1.0, 4.0, 16.0, 64.0, 256.0, 1024.0)
        return cls(seed, (3, 4, 5), ((32,) * 3, (12,) * 3, (8,) * 3), epochs, 5, 2)


def _dimensions_jobs(config: DimensionsConfig, images: Images) -> Sequence[Job]:
    """Return the jobs; see :func:`_subspace_jobs`."""
    each = [[widths] for widths in config.architectures]
    return _jobs_by_dimension(config, images, each, "architectures")


def _dimensions_findings(table: Table) -> list[str]:
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


def _dimensions_figure(table: Table) -> Figure:
    """Draw count / (N^n / n!) against the epoch, a curve per n."""
    titles = {"whole_ratio": "whole subspace", "window_ratio": "window [-20, 20]ⁿ"}
    named = [f"n = {n}, {widths}" for n, widths in zip(table["n"], table["widths"], strict=True)]
    return epoch_panels(table | {"name": np.array(named)}, titles, "name", "regions / (Nⁿ/n!)")


DIMENSIONS = Experiment(
    "dimensions", DimensionsConfig, _dimensions_jobs, _dimensions_findings, _dimensions_figure
)


@dataclass(frozen=True)
class DepthConfig(Configuration):
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
    def full(cls, seed: int = 0) -> DepthConfig:
        """Return larger networks, and more."""
        return cls(seed, (2, 3, 4, 5), (96, 64, 32, 24), (1, 2, 3, 4, 6, 8), (0.0, 256.0), 10, 3)


def _depth_jobs(config: DepthConfig, images: Images) -> Sequence[Job]:
    """Return the jobs; see :func:`_subspace_jobs`."""
    each = [[equal_widths(units, depth) for depth in config.depths] for units in config.units]
    return _jobs_by_dimension(config, images, each, "numbers of units")


def _depth_findings(table: Table) -> list[str]:
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


def _depth_figure(table: Table) -> Figure:
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
    key(drawing)
    return drawing


def _with_depths(table: Table) -> Table:
    depths = np.array([widths.count("-") + 1 for widths in table["widths"].tolist()])
    return {"depth": depths, **table}


DEPTH = Experiment(
    "depth", DepthConfig, _depth_jobs, _depth_findings, _depth_figure, completed=_with_depths
)
