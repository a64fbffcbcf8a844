"""Training runs counted in subspaces through the origin and random training images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from polyregions.experiments.counting import counts
from polyregions.experiments.data import Images
from polyregions.experiments.descent import Snapshot
from polyregions.experiments.evolution import evolution, network_columns, rng_of, training_of
from polyregions.experiments.places import random_rows, through
from polyregions.experiments.runner import Job, Key, TableRow
from polyregions.theory.bounds import hanin_rolnick_scale

__all__ = ["subspace_jobs"]


def subspace_jobs(
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
        evolution(
            network_columns(widths) | {"seed": seed, "run": run},
            epochs,
            inner,
            partial(training_of, widths, images, epochs, seed, run),
            partial(measure, run),
        )
        for widths in architectures
        for run in range(runs)
    ]
