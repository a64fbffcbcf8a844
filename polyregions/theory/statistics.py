"""Mean, standard error and bootstrap interval of what was measured draw by draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from polyregions.errors import PolyregionsError

__all__ = ["CONFIDENCE", "Summary", "summary"]

CONFIDENCE = 0.95
_RESAMPLES = 10_000
_RESAMPLES_AT_A_TIME = 500


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
    array = np.asarray(values, dtype=np.float64)
    if array.size < 2:
        raise PolyregionsError(
            f"an interval needs at least two draws, not {array.size}; draw more networks"
        )
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, 0)))
    means = np.concatenate(
        [
            rng.choice(array, (min(_RESAMPLES_AT_A_TIME, _RESAMPLES - start), array.size)).mean(
                axis=1
            )
            for start in range(0, _RESAMPLES, _RESAMPLES_AT_A_TIME)
        ]
    )
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail]).tolist()
    return Summary(
        array.size,
        float(array.mean()),
        float(array.std(ddof=1) / sqrt(array.size)),
        (low, high),
        float(array.min()),
        float(array.max()),
    )
