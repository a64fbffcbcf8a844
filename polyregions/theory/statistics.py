"""Mean, standard error and bootstrap interval of what was measured draw by draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polyregions.errors import PolyregionsError

__all__ = ["CONFIDENCE", "Summary", "summaries", "summary"]

CONFIDENCE = 0.95
_RESAMPLES = 10_000
_DRAWN_AT_A_TIME = 2**18


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
