"""Random networks of a law, counted in parallel and kept in a file; means and intervals."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from math import isfinite, sqrt
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polyregions.arrays import Floats, Integers
from polyregions.domain import Box
from polyregions.errors import CheckpointError, PolyregionsError
from polyregions.exact.stopping import Stopped
from polyregions.files.atomic import atomic_write
from polyregions.network import Network
from polyregions.run.limits import Pace
from polyregions.run.progress import OnSteps, shown_steps
from polyregions.theory.laws import HE_NORMAL, STANDARD_NORMAL, BiasLaw, WeightLaw

__all__ = [
    "CONFIDENCE",
    "Draw",
    "Settings",
    "Summary",
    "count_draws",
    "draw_network",
    "read_draws",
    "summaries",
    "summary",
]

CONFIDENCE = 0.95
_RESAMPLES = 10_000
_DRAWN_AT_A_TIME = 2**18

_DRAWS_FORMAT = "polyregions draws 1"

# Seconds between two writes of the draws file: what is lost at worst.
_SECONDS_BETWEEN_SAVES = 5.0
_MOST_AT_A_TIME = 512  # draws of a law that are counted together: enough to hide Python's cost


@dataclass(frozen=True)
class Summary:
    """What independent draws say about a mean.

    Attributes
    ----------
    draws : int
    mean, standard_error : float
    interval : (float, float)
        95 % percentile bootstrap interval of the mean.
    smallest, largest : float
    """

    draws: int
    mean: float
    standard_error: float
    interval: tuple[float, float]
    smallest: float
    largest: float

    def as_dict(self) -> dict[str, Any]:
        """Return the summary for a file."""
        return asdict(self) | {"interval": list(self.interval), "confidence": CONFIDENCE}

    def agrees_with(self, value: float, *, error: float = 0.0, deviations: float = 3.0) -> bool:
        """Return whether a number with a standard error of its own is compatible."""
        return abs(self.mean - value) <= deviations * sqrt(self.standard_error**2 + error**2)

    def __str__(self) -> str:
        return f"{self.mean:,.2f} ± {self.standard_error:,.2f}"


def summary(values: Sequence[float] | ArrayLike, *, seed: int = 0) -> Summary:
    """Summarise one number per draw.

    Parameters
    ----------
    values : array_like, shape (draws,)
        At least two.
    seed : int
        Of the bootstrap.

    Raises
    ------
    PolyregionsError
        If there are fewer than two draws.

    Notes
    -----
    *Algorithm.* Percentile bootstrap: the mean of 10,000 resamples with replacement.

    Examples
    --------
    >>> found = summary([1, 2, 3, 4])
    >>> found.mean, round(found.standard_error, 4), found.interval
    (2.5, 0.6455, (1.5, 3.5))
    """
    return summaries([values], seed=seed)[0]


def summaries(columns: Sequence[Sequence[float] | ArrayLike], *, seed: int = 0) -> list[Summary]:
    """Summarise several numbers per draw, each as `summary` does it alone.

    Examples
    --------
    >>> summaries([[1, 2, 3, 4], [2, 2, 3, 3]])[0] == summary([1, 2, 3, 4])
    True
    """
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    size = arrays[0].size
    if size < 2:
        raise PolyregionsError(
            f"an interval needs at least two draws, not {size}; draw more networks"
        )
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, 0)))
    means = np.empty((len(arrays), _RESAMPLES))
    some = max(1, _DRAWN_AT_A_TIME // size)
    for start in range(0, _RESAMPLES, some):
        stop = min(start + some, _RESAMPLES)
        # one seed draws the same numbers of draws for every column
        drawn = rng.integers(0, size, (stop - start, size))
        for array, found in zip(arrays, means, strict=True):
            found[start:stop] = array[drawn].mean(axis=1)
    tail = (1 - CONFIDENCE) / 2
    intervals = np.quantile(means, [tail, 1 - tail], axis=1).T.tolist()
    return [
        Summary(
            size,
            float(array.mean()),
            float(array.std(ddof=1) / sqrt(size)),
            (low, high),
            float(array.min()),
            float(array.max()),
        )
        for array, (low, high) in zip(arrays, intervals, strict=True)
    ]


@dataclass(frozen=True)
class Settings:
    """A law of random networks and where their regions are counted.

    Parameters
    ----------
    widths : tuple of int
        Input dimension n, then the widths of the hidden layers. There is one output.
    weights : WeightLaw
    biases : BiasLaw
    side : float or None
        Side δ of the cube [-δ/2, δ/2]^n; None is the whole space.
    seed : int
        Draw i depends on (seed, i) only.

    Raises
    ------
    PolyregionsError
        If a width or the side is not positive, or the seed is negative.

    Examples
    --------
    >>> settings = Settings((2, 8, 8), side=2.0)
    >>> settings.n, settings.units, settings.domain
    (2, 16, Box.interval(2, -1.0, 1.0))
    """

    widths: tuple[int, ...]
    weights: WeightLaw = HE_NORMAL
    biases: BiasLaw = STANDARD_NORMAL
    side: float | None = 2.0
    seed: int = 0

    def __post_init__(self) -> None:
        widths = tuple(self.widths)
        if len(widths) < 2:
            raise PolyregionsError(
                "give the input dimension and at least one hidden layer, for example 2 8 8"
            )
        if any(width != int(width) or width < 1 for width in widths):
            raise PolyregionsError(
                f"widths must be positive integers, not {' '.join(map(str, widths))}"
            )
        object.__setattr__(self, "widths", tuple(int(width) for width in widths))
        if self.side is not None:
            if not (self.side > 0 and isfinite(self.side)):
                raise PolyregionsError(
                    f"the side of the cube must be a positive number, not {self.side}"
                )
            object.__setattr__(self, "side", float(self.side))
        if self.seed < 0:
            raise PolyregionsError(f"the seed must be at least 0, not {self.seed}")

    @property
    def n(self) -> int:
        """Input dimension."""
        return self.widths[0]

    @property
    def hidden(self) -> tuple[int, ...]:
        """Widths of the hidden layers."""
        return self.widths[1:]

    @property
    def units(self) -> int:
        """Number N of hidden units."""
        return sum(self.hidden)

    @property
    def domain(self) -> Box | None:
        """The cube, or None for the whole space."""
        return None if self.side is None else Box.cube(self.n, self.side / 2)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings for a file.

        Returns
        -------
        dict

        Examples
        --------
        >>> Settings((2, 8, 8)).as_dict()["widths"]
        [2, 8, 8]
        """
        return {
            "widths": list(self.widths),
            "weights": self.weights.as_dict(),
            "biases": self.biases.as_dict(),
            "side": self.side,
            "seed": self.seed,
        }


@dataclass(frozen=True)
class Draw:
    """The exact count of one network.

    Attributes
    ----------
    regions, edges : int
        Regions, and facets between them inside the domain.
    exact_decisions : int
        How many decisions needed exact arithmetic.
    proven : bool
    """

    regions: int
    edges: int
    exact_decisions: int
    proven: bool


def _write_draws(
    path: str | PathLike[str],
    settings: Sequence[Settings],
    draws: Sequence[Mapping[int, Draw]],
) -> None:
    """Write counts by law and index, whole or not at all."""
    content = {
        "format": _DRAWS_FORMAT,
        "settings": [law.as_dict() for law in settings],
        "draws": [
            {
                str(index): [draw.regions, draw.edges, draw.exact_decisions, draw.proven]
                for index, draw in sorted(found.items())
            }
            for found in draws
        ],
    }
    with atomic_write(path) as stream:
        stream.write(json.dumps(content).encode())


def read_draws(path: str | PathLike[str], settings: Sequence[Settings]) -> list[dict[int, Draw]]:
    """Return the counts that a file holds; none if there is no file yet.

    Raises
    ------
    CheckpointError
        If it is not a file of draws, or one of other settings.
    """
    name = Path(path)
    if not name.exists():
        return [{} for _ in settings]
    try:
        content = json.loads(name.read_bytes())
        if content["format"] != _DRAWS_FORMAT:
            raise ValueError(content["format"])
        kept = content["settings"]
        draws = [
            {
                int(index): Draw(int(regions), int(edges), int(exact), bool(proven))
                for index, (regions, edges, exact, proven) in found.items()
            }
            for found in content["draws"]
        ]
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        raise CheckpointError(
            f"{name.name} is not a file of draws; name another file or remove it"
        ) from None
    if kept != [law.as_dict() for law in settings] or len(draws) != len(settings):
        raise CheckpointError(
            f"{name.name} holds draws of other settings; name another file or remove it"
        )
    return draws


def draw_network(settings: Settings, index: int) -> Network:
    """Return the network of one draw.

    Examples
    --------
    >>> settings = Settings((2, 3), seed=7)
    >>> draw_network(settings, 5).fingerprint == draw_network(settings, 5).fingerprint
    True
    """
    return Network.from_arrays(_drawn_layers(settings, index), name=f"draw {index}")


def _drawn_layers(settings: Settings, index: int) -> list[tuple[Floats, Floats]]:
    """Draw the weights and biases of all layers."""
    rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(index,)))
    return [
        (settings.weights.sample(rng, (above, below)), settings.biases.sample(rng, above))
        for below, above in zip(settings.widths, (*settings.hidden, 1), strict=True)
    ]


def count_draws(
    settings: Sequence[Settings],
    draws: int,
    *,
    workers: int | None = None,
    progress: OnSteps = None,
    file: str | PathLike[str] | None = None,
) -> list[tuple[Draw, ...]]:
    """Count the regions of several random networks of each law.

    Parameters
    ----------
    settings : sequence of Settings
    draws : int
        Networks of each.
    workers : int, optional
        Threads; by default one per core. The result does not depend on it.
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with (draws done, draws in all) after each.
    file : path, optional
        Where counts are kept: those already there are not made again, and a run that
        is stopped leaves its own there. More draws of the same settings may follow.

    Returns
    -------
    list of tuples of Draw
        One tuple per law, in order of the draws.

    Raises
    ------
    CheckpointError
        If the file belongs to other settings.
    KeyboardInterrupt
        If the run was stopped by Ctrl-C; its message says what is kept.
    """
    if draws < 1:
        raise PolyregionsError(f"the number of draws must be positive, not {draws}")
    if workers is not None and workers < 1:
        raise PolyregionsError(f"the number of workers must be positive, not {workers}")
    if not settings:
        raise PolyregionsError("there is nothing to draw; give at least one architecture")
    known = read_draws(file, settings) if file is not None else [{} for _ in settings]

    def save() -> None:
        if file is not None:
            _write_draws(file, settings, known)

    missing = [
        (number, index)
        for number in range(len(settings))
        for index in range(draws)
        if index not in known[number]
    ]
    total = draws * len(settings)
    done = total - len(missing)
    try:
        with (
            shown_steps(progress, "draws", "made") as report,
            closing(_parallel_draws(settings, missing, workers, save)) as counted,
        ):
            for number, index, draw in counted:
                known[number][index] = draw
                done += 1
                if report is not None:
                    report(done, total)
    except KeyboardInterrupt:
        save()
        kept = f"kept in {file}; run it again to go on" if file is not None else "not kept"
        raise KeyboardInterrupt(f"stopped after {done:,} of {total:,} draws, {kept}") from None
    save()
    return [tuple(found[index] for index in range(draws)) for found in known]


Counted = list[tuple[int, int, Draw]]


def _parallel_draws(
    settings: Sequence[Settings],
    tasks: Sequence[tuple[int, int]],
    workers: int | None,
    save: Callable[[], None],
) -> Generator[tuple[int, int, Draw], None, None]:
    """Yield counts as they come. Kernels run without the interpreter's lock: threads do."""
    stop = np.zeros(1, dtype=np.int64)
    paces = [Pace(1, _MOST_AT_A_TIME) for _ in settings]

    def count(number: int, indices: Sequence[int]) -> Counted:
        with paces[number].step():
            draws = _count_some(settings[number], indices, stop)
        return [(number, index, draw) for index, draw in zip(indices, draws, strict=True)]

    def parts() -> Iterator[Future[Counted]]:
        at = 0
        while at < len(tasks):
            number = tasks[at][0]  # those of one law follow one another
            some = tasks[at : at + paces[number].size]
            indices = [index for law, index in some if law == number]
            at += len(indices)
            yield pool.submit(count, number, indices)

    workers = workers or os.cpu_count() or 1
    saved = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        try:
            # no more than one part beyond the workers waits, so that stopping is quick
            waiting = parts()
            running = set(islice(waiting, workers + 1))
            while running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    running |= set(islice(waiting, 1))
                    yield from future.result()
                if time.monotonic() - saved > _SECONDS_BETWEEN_SAVES:
                    save()
                    saved = time.monotonic()
        finally:
            stop[0] = 1
            pool.shutdown(wait=True, cancel_futures=True)


def _count_some(law: Settings, indices: Sequence[int], stop: Integers) -> list[Draw]:
    """Count some draws of a law: together, and by itself what floats leave undecided there.

    Raises
    ------
    Stopped
        As soon as another thread sets ``stop[0]``.
    """
    from polyregions.walk.alike import LEFT_OPEN, AlikeParameters, count_alike
    from polyregions.walk.breadth_first import enumerate_regions

    def look(_: object) -> None:
        if stop[0]:
            raise Stopped

    look(None)
    counts = np.full((len(indices), 2), LEFT_OPEN)
    if law.domain is not None:
        # layer by layer, the draws side by side
        layers = list(zip(*(_drawn_layers(law, index) for index in indices), strict=True))
        parameters = AlikeParameters(
            *(
                tuple(np.stack([pair[part] for pair in layer]) for layer in layers)
                for part in (0, 1)
            )
        )
        counts = count_alike(parameters, law.domain, stop)
    draws = []
    for index, (regions, edges) in zip(indices, counts.tolist(), strict=True):
        if regions != LEFT_OPEN:
            draws.append(Draw(regions, edges, 0, True))
            continue
        found = enumerate_regions(draw_network(law, index), law.domain, progress=look)
        # a walk that ended early must never enter a mean
        if not found.complete:
            raise Stopped
        draws.append(Draw(len(found), len(found.edges), found.exact_decisions, found.proven))
    return draws
