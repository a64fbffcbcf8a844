"""Regions of the plane while random labels of random points are learned by heart.

Hanin & Rolnick 2019 (arXiv 1906.00904): the count starts near N^2 / 2 and rises with the
number of points, until there are too many to learn. Of the rates of Adam, 10^-3 gives most
regions, and 10^-2 fails to learn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polyregions.domain import Box
from polyregions.experiments.data import counts
from polyregions.experiments.drawing import curve, epoch_curves, groups, key, panels
from polyregions.experiments.evolution import (
    Snapshot,
    evolution,
    initial_parameters,
    network_columns,
    rng_of,
    trained,
)
from polyregions.experiments.runner import Configuration, Experiment, Job, Key, Table, TableRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LEARNING_RATE", "MEMORISATION", "points_job"]

# holds nearly all points of a standard normal law
_WINDOW = Box.cube(2, 4.0)


def points_job(
    widths: Sequence[int],
    samples: int,
    rate: float,
    epochs: Sequence[float],
    *,
    seed: int,
    run: int,
) -> Job:
    """Return the job that trains one network on points and counts regions of the plane.

    Parameters
    ----------
    widths : sequence of int
        Of the hidden layers; two inputs, two outputs.
    samples : int
        Standard normal points, each with a random one of two labels.
    rate : float
        Of Adam.
    epochs : sequence of float
    seed, run : int
        The points depend on them and on the number of points, the network on them alone.

    Notes
    -----
    Columns: ``whole`` counts regions of the plane, ``window`` those in [-4, 4]^2;
    ``over_square`` is the former over N^2.
    """

    def snapshots() -> Iterator[Snapshot]:
        rng = rng_of(seed, 5, run, samples)
        points, labels = rng.standard_normal((samples, 2)), rng.integers(0, 2, samples)
        parameters = initial_parameters((2, *widths, 2), rng_of(seed, 1, run, *widths))
        order = rng_of(seed, 2, run, *widths)
        return trained(parameters, points, labels, epochs, order, rate=rate)

    def measure(snapshot: Snapshot, _: Key) -> TableRow:
        row = counts(snapshot.network, window=_WINDOW, whole=None)
        return {"over_square": row["whole"] / sum(widths) ** 2, **row}

    key = network_columns(widths) | {"samples": samples, "rate": rate, "seed": seed, "run": run}
    return evolution(key, epochs, [{}], snapshots, measure)


@dataclass(frozen=True)
class MemorisationConfig(Configuration):
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
    def full(cls, seed: int = 0) -> MemorisationConfig:
        """Return sizes like those of the paper."""
        samples = (10, 30, 100, 300, 1000, 3000, 10000)
        epochs = (0.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 1500.0, 2000.0)
        return cls(seed, (32,) * 3, samples, epochs, 10)


def _memorisation_jobs(config: MemorisationConfig, _: None) -> Sequence[Job]:
    """Return the jobs; see :func:`points_job`."""
    return [
        points_job(config.widths, samples, 1e-3, config.epochs, seed=config.seed, run=number)
        for samples in config.samples
        for number in range(config.runs)
    ]


def _memorisation_findings(table: Table) -> list[str]:
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


def _memorisation_figure(table: Table) -> Figure:
    """Draw the regions of the plane, and what is learned, against the epoch."""
    half = int(table["units"][0]) ** 2 / 2
    return _learning_figure(table, "samples", lambda samples: f"{samples} points", half)


MEMORISATION = Experiment(
    "memorisation",
    MemorisationConfig,
    _memorisation_jobs,
    _memorisation_findings,
    _memorisation_figure,
    uses_images=False,
)


def _learning_figure(
    table: Table, column: str, label: Callable[[Any], str], half: float | None = None
) -> Figure:
    """Draw what is counted and what is learned, a curve per value of a column."""
    drawing, axes = panels(2)
    epoch_curves(axes[0], table, "whole", column, label, level=half, level_name="N²/2")
    epoch_curves(axes[1], table, "accuracy", column, label)
    for axis, name in zip(axes, ("regions of the plane", "labels learned"), strict=True):
        axis.set_ylabel(name)
    key(drawing)
    return drawing


@dataclass(frozen=True)
class LearningRateConfig(Configuration):
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
    def full(cls, seed: int = 0) -> LearningRateConfig:
        """Return sizes like those of the paper."""
        epochs = (0.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 1500.0, 2000.0)
        return cls(seed, (32,) * 3, 2000, (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2), epochs, 10)


def _learning_rate_jobs(config: LearningRateConfig, _: None) -> Sequence[Job]:
    """Return the jobs; see :func:`points_job`."""
    return [
        points_job(config.widths, config.samples, rate, config.epochs, seed=config.seed, run=number)
        for rate in config.rates
        for number in range(config.runs)
    ]


def _learning_rate_findings(table: Table) -> list[str]:
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


def _learning_rate_figure(table: Table) -> Figure:
    """Draw the regions of the plane, and what is learned, against the epoch."""
    return _learning_figure(table, "rate", lambda rate: f"rate {rate:g}")


LEARNING_RATE = Experiment(
    "learning-rate",
    LearningRateConfig,
    _learning_rate_jobs,
    _learning_rate_findings,
    _learning_rate_figure,
    uses_images=False,
)
