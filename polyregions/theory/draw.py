"""A law of random networks with a place to count, and what counting one network gives."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

from polyregions.domain import Box
from polyregions.errors import PolyregionsError
from polyregions.theory.laws import HE_NORMAL, STANDARD_NORMAL, BiasLaw, WeightLaw

__all__ = ["Draw", "Settings"]


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
        """Return the settings for a file."""
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
