"""Births, deaths and survivors of regions in a plane, while networks learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from polyregions.domain import Box
from polyregions.errors import PolyregionsError
from polyregions.experiments.data import Images, all_regions, random_rows, through
from polyregions.experiments.drawing import COLOURS, curve, draw, groups, key, panels, training_axis
from polyregions.experiments.evolution import (
    Snapshot,
    evolution,
    network_columns,
    rng_of,
    training_of,
)
from polyregions.experiments.runner import (
    Configuration,
    Experiment,
    Job,
    Key,
    Table,
    TableRow,
    as_table,
)
from polyregions.io.torch_modules import from_torch
from polyregions.network import Network
from polyregions.network.slices import Slice
from polyregions.pattern import Words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "BIRTHS",
    "Config",
    "Record",
    "RegionTracker",
    "by_architecture",
    "common",
    "figure_of_records",
]


@dataclass(frozen=True)
class Record:
    """The regions at one checkpoint against those at the checkpoint before.

    Attributes
    ----------
    epoch : float
    regions : int
    births, deaths : int
        Patterns that are new, and that are gone.
    survivors : int
        Patterns at both checkpoints; ``births + survivors == regions``.
    founders : int
        Patterns that are here and were at the first checkpoint.
    proven : bool
    exact_decisions : int
    """

    epoch: float
    regions: int
    births: int
    deaths: int
    survivors: int
    founders: int
    proven: bool
    exact_decisions: int


class RegionTracker:
    """Count births and deaths of regions between checkpoints of any training loop.

    A pattern is the identity of a region: it survives if some input still has it.

    Parameters
    ----------
    source : torch.nn.Module or callable
        What is trained, read anew by each :meth:`record`; or a function without
        arguments that returns a :class:`~polyregions.network.Network`.
    place : Slice, optional
        Where to look; by default the whole input. Its window is the domain unless one is
        given; a slice with the window None is looked at whole.
    domain : Box, optional
        In coordinates of the slice. Without it and without a slice: the whole space.

    Attributes
    ----------
    records : list of Record

    Examples
    --------
    >>> shift = 0.0
    >>> def network():
    ...     return Network.from_arrays([([[1.0], [1.0]], [shift, -0.5]), ([[1.0, 1.0]], [0.0])])
    >>> tracker = RegionTracker(network, domain=Box.cube(1, 1.0))
    >>> tracker.record(0).regions
    3
    >>> shift = -2.0  # the first unit's boundary leaves the window
    >>> record = tracker.record(1)
    >>> record.births, record.deaths, record.survivors
    (1, 2, 1)
    """

    def __init__(self, source: Any, place: Slice | None = None, domain: Box | None = None) -> None:
        self._read: Callable[[], Network] = (
            (lambda: from_torch(source)) if hasattr(source, "state_dict") else source
        )
        if not callable(self._read):
            raise PolyregionsError(
                f"a tracker needs a torch module or a function that returns a network, "
                f"not {type(source).__name__}"
            )
        self._place = place
        self._domain = place.domain if domain is None and place is not None else domain
        self._first: Words | None = None
        self._last: Words | None = None
        self.records: list[Record] = []

    def record(self, epoch: float) -> Record:
        """Count the regions as they are now and compare them with the last time.

        Parameters
        ----------
        epoch : float
            Or whatever numbers the checkpoints.

        Returns
        -------
        Record
            Added to ``records``, too.

        Raises
        ------
        PolyregionsError
            If the network cannot be read, or has another number of units than before.

        Examples
        --------
        >>> net = Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
        >>> RegionTracker(lambda: net, domain=Box.cube(1, 1.0)).record(0).births
        2
        """
        network = self._read()
        if not isinstance(network, Network):
            raise PolyregionsError(
                f"the function of a tracker must return a Network, not {type(network).__name__}"
            )
        on_place = network if self._place is None else self._place.restrict(network)
        regions = all_regions(on_place, self._domain)
        now = regions.patterns
        before = now[:0] if self._last is None else self._last
        first = now if self._first is None else self._first
        if before.shape[1] != now.shape[1]:
            raise PolyregionsError("the network has another number of units than before")
        survivors = common(before, now)
        found = Record(
            float(epoch),
            len(now),
            len(now) - survivors,
            len(before) - survivors,
            survivors,
            common(first, now),
            regions.proven,
            regions.exact_decisions,
        )
        self._first, self._last = first, now
        self.records.append(found)
        return found

    def table(self) -> Table:
        """Return the records as columns.

        Returns
        -------
        dict of str to numpy.ndarray, shape (records,) each
            As :func:`polyregions.io.tables.write_table` takes it.

        Examples
        --------
        >>> net = Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
        >>> tracker = RegionTracker(lambda: net, domain=Box.cube(1, 1.0))
        >>> for epoch in range(2):
        ...     _ = tracker.record(epoch)
        >>> tracker.table()["survivors"]
        array([0, 2])
        """
        return as_table([asdict(record) for record in self.records])

    def figure(self) -> Figure:
        """Draw counts, births, deaths and survivors against the epoch.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.

        Examples
        --------
        >>> net = Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
        >>> tracker = RegionTracker(lambda: net, domain=Box.cube(1, 1.0))
        >>> for epoch in range(2):
        ...     _ = tracker.record(epoch)
        >>> tracker.figure().axes[0].get_xlabel()
        'epoch (symlog, linear up to 1)'
        """
        return figure_of_records(self.table())


def common(first: Words, second: Words) -> int:
    """Return how many patterns two sorted arrays of distinct patterns share.

    Examples
    --------
    >>> common(np.array([[1], [2]], dtype=np.uint64), np.array([[2], [3]], dtype=np.uint64))
    1
    """
    both = np.concatenate([first, second])
    together: NDArray[np.uint64] = both[np.lexsort(both.T)]
    # distinct within each array: a pattern that stands twice stands in both
    return int((together[1:] == together[:-1]).all(axis=1).sum())


def figure_of_records(table: Table) -> Figure:
    """Draw counts, births, deaths, survivors and founders against the epoch."""
    parts = list(by_architecture(table))
    drawing, axes = panels(len(parts), width=3.9)
    for axis, (name, part) in zip(axes, parts, strict=True):
        for index, column in enumerate(("regions", "survivors", "founders", "births", "deaths")):
            # nothing is born or dies before the first checkpoint
            later = part["epoch"] > part["epoch"].min()
            rows = part if column == "regions" else {k: v[later] for k, v in part.items()}
            if len(rows["epoch"]):
                draw(axis, rows, "epoch", column, index, column, color=COLOURS[index])
        training_axis(axis, table["epoch"])
        axis.set_ylim(bottom=0)
        axis.set_title(name.rstrip(": ") or "regions", loc="left", fontsize=10)
        axis.set_ylabel("regions")
    key(drawing)
    return drawing


def by_architecture(table: Table) -> Iterator[tuple[str, Table]]:
    """Yield one part per architecture; a tracker's own table has one without a name."""
    if "widths" not in table:
        yield "", table
        return
    for (widths,), part in groups(table, "widths"):
        yield f"{widths}: ", part


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
    """Return the jobs; columns are those of :class:`~polyregions.experiments.births.Record`."""
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


BIRTHS = Experiment("births", Config, births_jobs, findings, figure_of_records)
