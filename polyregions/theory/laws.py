"""The random laws of weights and biases that Theorem 5 is about, and some it excludes.

All laws here are symmetric about 0 and all parameters are independent. Then the
gradient of a unit has the same law at every input: see
:mod:`polyregions.theory.gradients`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isfinite, pi, sqrt
from typing import Any, Literal, get_args

import numpy as np

from polyregions.arrays import Floats
from polyregions.errors import PolyregionsError

__all__ = ["BIAS_KINDS", "HE_NORMAL", "STANDARD_NORMAL", "WEIGHT_KINDS", "BiasLaw", "WeightLaw"]

WeightKind = Literal["normal", "uniform", "sign"]
BiasKind = Literal["normal", "uniform", "laplace", "logistic", "sign", "zero"]
WEIGHT_KINDS: tuple[str, ...] = get_args(WeightKind)
BIAS_KINDS: tuple[str, ...] = get_args(BiasKind)


@dataclass(frozen=True)
class WeightLaw:
    """Independent weights of variance ``gain / fan_in``.

    Parameters
    ----------
    kind : {"normal", "uniform", "sign"}
        "sign" is ± the standard deviation, a law without density.
    gain : Fraction
        2 is He's initialisation, 1 LeCun's.

    Examples
    --------
    >>> WeightLaw().variance(8), WeightLaw("uniform", Fraction(1, 3)).has_density
    (Fraction(1, 4), True)
    """

    kind: WeightKind = "normal"
    gain: Fraction = Fraction(2)

    def __post_init__(self) -> None:
        if self.kind not in WEIGHT_KINDS:
            raise PolyregionsError(
                f"there is no weight law {self.kind!r}; take one of {', '.join(WEIGHT_KINDS)}"
            )
        if not self.gain > 0:
            raise PolyregionsError(f"the gain of the weights must be positive, not {self.gain}")
        object.__setattr__(self, "gain", Fraction(self.gain))

    @property
    def has_density(self) -> bool:
        """Whether the weights have a joint density, as Theorem 5 requires."""
        return self.kind != "sign"

    def variance(self, fan_in: int) -> Fraction:
        """Return the variance of one weight of a unit that reads `fan_in` values."""
        return self.gain / fan_in

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """Draw weights; the last axis runs over the values a unit reads."""
        deviation = sqrt(self.variance(shape[-1]))
        return _sample(rng, self.kind, deviation, shape)

    def as_dict(self) -> dict[str, Any]:
        """Return the law for a file."""
        return {"kind": self.kind, "gain": str(self.gain)}

    def __str__(self) -> str:
        return f"{self.kind}, variance {self.gain}/fan-in"


HE_NORMAL = WeightLaw()


@dataclass(frozen=True)
class BiasLaw:
    """Independent biases.

    Parameters
    ----------
    kind : {"normal", "uniform", "laplace", "logistic", "sign", "zero"}
        "sign" is ± the standard deviation and "zero" no bias at all: laws without density.
    standard_deviation : float

    Examples
    --------
    The bound on the density that Theorem 5 calls C_bias: 1 / (sqrt(2π) σ) for normal
    biases, 1 / (2a) for uniform ones on [-a, a].

    >>> round(BiasLaw("normal", 0.5).largest_density, 6)
    0.797885
    >>> round(BiasLaw("uniform", 3.0 / sqrt(3)).largest_density, 6)
    0.166667
    >>> BiasLaw("zero").largest_density
    inf
    """

    kind: BiasKind = "normal"
    standard_deviation: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in BIAS_KINDS:
            raise PolyregionsError(
                f"there is no bias law {self.kind!r}; take one of {', '.join(BIAS_KINDS)}"
            )
        scale = float(self.standard_deviation)
        if not (isfinite(scale) and scale >= 0):
            raise PolyregionsError(
                f"the standard deviation of the biases must be a number >= 0, not {scale}"
            )
        # one name for one law: biases without spread are zero
        if self.kind == "zero" or scale == 0:
            object.__setattr__(self, "kind", "zero")
            scale = 0.0
        object.__setattr__(self, "standard_deviation", scale)

    @property
    def has_density(self) -> bool:
        """Whether biases have a density, as Theorem 5 requires."""
        return self.kind not in ("sign", "zero")

    @property
    def largest_density(self) -> float:
        """C_bias: the supremum of the density of one bias; infinite without density."""
        if not self.has_density:
            return float("inf")
        factor = {
            "normal": 1 / sqrt(2 * pi),
            "uniform": 1 / (2 * sqrt(3)),
            "laplace": 1 / sqrt(2),
            "logistic": pi / (4 * sqrt(3)),
        }[self.kind]
        return factor / self.standard_deviation

    def sample(self, rng: np.random.Generator, size: int) -> Floats:
        """Draw biases."""
        return _sample(rng, self.kind, self.standard_deviation, (size,))

    def as_dict(self) -> dict[str, Any]:
        """Return the law for a file."""
        return {"kind": self.kind, "standard_deviation": self.standard_deviation}

    def __str__(self) -> str:
        return "zero" if self.kind == "zero" else f"{self.kind}, s.d. {self.standard_deviation:g}"


STANDARD_NORMAL = BiasLaw()


def _sample(
    rng: np.random.Generator, kind: str, deviation: float, shape: tuple[int, ...]
) -> Floats:
    if kind == "normal":
        return deviation * rng.standard_normal(shape)
    if kind == "uniform":
        return deviation * sqrt(3) * rng.uniform(-1.0, 1.0, shape)
    if kind == "laplace":
        return deviation / sqrt(2) * rng.laplace(size=shape)
    if kind == "logistic":
        return deviation * sqrt(3) / pi * rng.logistic(size=shape)
    if kind == "sign":
        return deviation * rng.choice([-1.0, 1.0], shape)
    return np.zeros(shape)
