"""The task of learning random labels of random points in the plane by heart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from polyregions.domain import Box
from polyregions.experiments.counting import counts
from polyregions.experiments.descent import Snapshot, initial_parameters, trained
from polyregions.experiments.evolution import evolution, network_columns, rng_of
from polyregions.experiments.runner import Job, Key, TableRow

__all__ = ["WINDOW", "points_job"]

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
