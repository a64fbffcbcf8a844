"""Regions of the plane while random labels of random points are learned by heart.

Hanin & Rolnick 2019 (arXiv 1906.00904): the count starts near N^2 / 2 and rises with the
number of points, until there are too many to learn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polyregions.domain import Box
from polyregions.experiments.catalogue import Configuration, Experiment
from polyregions.experiments.drawing import curve, draw, groups, panels, training_axis
from polyregions.experiments.evolution import (
    Snapshot,
    evolution,
    initial_parameters,
    network_columns,
    rng_of,
    trained,
)
from polyregions.experiments.places import counts
from polyregions.experiments.runner import Job, Key, Table, TableRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure


__all__ = ["MEMORISATION", "WINDOW", "Config", "learning_figure", "points_job"]

# holds nearly all points of a standard normal law
WINDOW = Box.cube(2, 4.0)


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
        row = counts(snapshot.network, window=WINDOW, whole=None)
        return {"over_square": row["whole"] / sum(widths) ** 2, **row}

    key = network_columns(widths) | {"samples": samples, "rate": rate, "seed": seed, "run": run}
    return evolution(key, epochs, [{}], snapshots, measure)


@dataclass(frozen=True)
class Config(Configuration):
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


def memorisation_jobs(config: Config, _: None) -> Sequence[Job]:
    """Return the jobs; see :func:`polyregions.experiments.memorisation.points_job`."""
    return [
        points_job(config.widths, samples, 1e-3, config.epochs, seed=config.seed, run=number)
        for samples in config.samples
        for number in range(config.runs)
    ]


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
    half = int(table["units"][0]) ** 2 / 2
    return learning_figure(table, "samples", lambda samples: f"{samples} points", half)


def learning_figure(
    table: Table, column: str, label: Callable[[Any], str], half: float | None = None
) -> Figure:
    """Draw what is counted and what is learned, a curve per value of a column."""
    drawing, axes = panels(2, columns=2)
    for index, ((value,), part) in enumerate(groups(table, column)):
        draw(axes[0], part, "epoch", "whole", index, label(value))
        draw(axes[1], part, "epoch", "accuracy", index, label(value))
    if half is not None:
        axes[0].axhline(half, color="black", linewidth=0.8, linestyle=":", label="N²/2")
    for axis, name in zip(axes, ("regions of the plane", "labels learned"), strict=True):
        training_axis(axis, table["epoch"])
        axis.set_ylim(bottom=0)
        axis.set_ylabel(name)
    axes[0].legend(fontsize=7, frameon=False)
    return drawing


MEMORISATION = Experiment(
    "memorisation", Config, memorisation_jobs, findings, figure, uses_images=False
)
