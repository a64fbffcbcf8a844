"""Births, deaths and survivors of regions in a plane, while networks learn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from polyregions.experiments.catalogue import Configuration, Experiment
from polyregions.experiments.data import Images
from polyregions.experiments.descent import Snapshot
from polyregions.experiments.drawing import curve
from polyregions.experiments.evolution import evolution, network_columns, rng_of, training_of
from polyregions.experiments.places import random_rows, through
from polyregions.experiments.runner import Job, Key, Table, TableRow
from polyregions.experiments.tracker import RegionTracker, by_architecture
from polyregions.experiments.tracker import figure_of_records as figure

__all__ = ["BIRTHS", "Config"]


@dataclass(frozen=True)
class Config(Configuration):
    """What is run.

    Parameters
    ----------
    architectures : tuple of tuple of int
        Hidden widths.
    epochs : tuple of float
        The checkpoints.
    runs : int
        Networks per architecture.
    planes : int
        Per network: the window [-20, 20]^2 in planes through the origin and two images.
    """

    architectures: tuple[tuple[int, ...], ...] = ((10,) * 2, (16,) * 4, (32,) * 3)
    epochs: tuple[float, ...] = (
        0.0, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0,
    )  # fmt: skip
    runs: int = 2
    planes: int = 3

    @classmethod
    def full(cls, seed: int = 0) -> Config:
        """Return the sizes of the training experiment's paper."""
        fractions = tuple(1.0 / 2**k for k in range(5, 0, -1))
        epochs = (0.0, *fractions, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0)
        return cls(seed, ((10,) * 2, (32,) * 4, (64,) * 4), epochs, 10, 5)


def births_jobs(config: Config, images: Images) -> Sequence[Job]:
    """Return the jobs; columns are those of :class:`~polyregions.experiments.tracker.Record`."""
    return [
        _tracking_job(config, images, widths, number, plane)
        for widths in config.architectures
        for number in range(config.runs)
        for plane in range(config.planes)
    ]


def _tracking_job(
    config: Config, images: Images, widths: Sequence[int], number: int, plane: int
) -> Job:
    chosen = random_rows(len(images.pixels), 2, rng_of(config.seed, 3, number, 2, plane))
    seen: list[Snapshot] = []
    tracker: RegionTracker = RegionTracker(
        lambda: seen[len(tracker.records)].network, through(images.pixels[chosen])
    )

    def snapshots() -> Iterator[Snapshot]:
        for snapshot in training_of(widths, images, config.epochs, config.seed, number):
            seen.append(snapshot)
            yield snapshot

    def measure(snapshot: Snapshot, _: Key) -> TableRow:
        # after a resumption, checkpoints that the file has already are looked at again
        for missed in seen[len(tracker.records) :]:
            tracker.record(missed.epoch)
        return asdict(tracker.records[-1]) | {"epoch": snapshot.epoch}

    return evolution(
        network_columns(widths) | {"seed": config.seed, "run": number, "plane": plane},
        config.epochs,
        [{}],
        snapshots,
        measure,
    )


def findings(table: Table) -> list[str]:
    """Return what the table says, in words: how much is replaced, and what stays to the end."""
    lines = []
    for name, part in by_architecture(table):
        epochs, regions, _ = curve(part, "epoch", "regions")
        births, founders = (curve(part, "epoch", column)[1] for column in ("births", "founders"))
        lines.append(
            f"{name}{regions[0]:,.0f} regions at the start, {regions[-1]:,.0f} at epoch "
            f"{epochs[-1]:g}; {births[1:].sum():,.0f} were born on the way, and "
            f"{founders[-1]:,.0f} of the first ones ({founders[-1] / regions[0]:.1%}) are there "
            f"at the end"
        )
    return lines


BIRTHS = Experiment("births", Config, births_jobs, findings, figure)
