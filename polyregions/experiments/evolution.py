"""Networks measured while they train, a row at every checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from polyregions.experiments.data import CLASSES, Images
from polyregions.experiments.descent import Snapshot, initial_parameters, trained
from polyregions.experiments.places import counts, random_rows, through
from polyregions.experiments.runner import Job, Key, TableRow, Unit
from polyregions.theory.bounds import hanin_rolnick_scale

__all__ = ["architecture", "evolution", "network_columns", "rng_of", "subspace_jobs", "training_of"]


def rng_of(seed: int, *numbers: int) -> np.random.Generator:
    """Return a generator that depends on a seed and the numbers of what it is for."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=numbers))


def architecture(widths: Sequence[int]) -> str:
    """Return hidden widths as a column shows them.

    Examples
    --------
    >>> architecture((32, 32))
    '32-32'
    """
    return "-".join(map(str, widths))


def network_columns(widths: Sequence[int]) -> Key:
    """Return the first columns of a row: the architecture and its number of units."""
    return {"widths": architecture(widths), "units": sum(widths)}


def training_of(
    widths: Sequence[int],
    images: Images,
    epochs: Sequence[float],
    seed: int,
    run: int,
    *,
    labels: NDArray[np.int64] | None = None,
) -> Iterator[Snapshot]:
    """Yield one run of one architecture on images; it depends on seed, run and widths.

    Parameters
    ----------
    widths : sequence of int
        Of the hidden layers.
    images : Images
    epochs : sequence of float
    seed, run : int
    labels : numpy.ndarray, optional
        Instead of those of the images.
    """
    sizes = (images.pixels.shape[1], *widths, CLASSES)
    return trained(
        initial_parameters(sizes, rng_of(seed, 1, run, *widths)),
        images.pixels,
        images.labels if labels is None else labels,
        epochs,
        rng_of(seed, 2, run, *widths),
    )


def evolution(
    key: Key,
    epochs: Sequence[float],
    inner: Sequence[Key],
    snapshots: Callable[[], Iterator[Snapshot]],
    measure: Callable[[Snapshot, Key], TableRow],
) -> Job:
    """Return the job that measures one training: a row per epoch and inner key.

    Parameters
    ----------
    key : dict
        What names the training.
    epochs : sequence of float
    inner : sequence of dict
        What is measured at each epoch, such as ``{"plane": 0}``.
    snapshots : callable
        Starts the training; yields at each epoch.
    measure : callable
        (snapshot, inner key) to further columns.
    """
    ordered = sorted(set(epochs))

    def units() -> Generator[Unit, None, None]:
        for snapshot in snapshots():
            network = snapshot.network.fingerprint[:16]
            state: TableRow = {
                "step": snapshot.step,
                "loss": snapshot.loss,
                "accuracy": snapshot.accuracy,
            }
            for place in inner:
                row = partial(_measured_row, state, measure, snapshot, place)
                yield Unit(key | {"epoch": snapshot.epoch} | place, network, row)

    return Job(tuple(key | {"epoch": epoch} | place for epoch in ordered for place in inner), units)


def _measured_row(
    state: TableRow, measure: Callable[[Snapshot, Key], TableRow], snapshot: Snapshot, place: Key
) -> TableRow:
    return state | measure(snapshot, place)


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
