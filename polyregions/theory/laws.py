"""The random laws of weights and biases that Theorem 5 is about, and its constants for them.

C_bias bounds the density of a bias, C_grad says how large the gradients of the units are on
average. Theorem 5 asks for E‖∇z(x)‖^m <= C_grad^m for every unit z and *every* m >= 1. For
Gaussian weights no constant does that, since (E‖∇z‖^m)^(1/m) grows with m without
bound. Its proof uses m <= n only, so here C_grad is the largest (E‖∇z‖^m)^(1/m) over
units and m <= n; by Lyapunov's inequality that of the even number m = n or n + 1 is
enough.

All laws here are symmetric about 0 and all parameters are independent. Then the units that are
active at an input x behave as fair coins, independent of the sizes of all weights: a
unit's row and bias have the same law as their negatives, and so have the weights that
read it. The law of ∇z(x) is then the same at every x, and that of a product
``w D W ⋯ D W`` with random 0/1 diagonal matrices D.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb, isfinite, pi, prod, sqrt
from typing import Any, Literal, get_args

import numpy as np

from polyregions.arrays import Floats
from polyregions.errors import PolyregionsError

__all__ = [
    "BIAS_KINDS",
    "HE_NORMAL",
    "LITERAL_CONDITION",
    "STANDARD_NORMAL",
    "WEIGHT_KINDS",
    "BiasLaw",
    "GradientConstant",
    "WeightLaw",
    "chi_squared_moment",
    "gradient_constant",
    "gradient_moment",
    "gradient_moment_estimate",
]

WeightKind = Literal["normal", "uniform", "sign"]
BiasKind = Literal["normal", "uniform", "laplace", "logistic", "sign", "zero"]
WEIGHT_KINDS: tuple[str, ...] = get_args(WeightKind)
BIAS_KINDS: tuple[str, ...] = get_args(BiasKind)

LITERAL_CONDITION = (
    "Theorem 5 asks for moments of the gradients of every order; Gaussian weights have no "
    "such constant, and the proof needs orders up to n only, which are used here"
)

_SAMPLES = 200_000
_POINTS_AT_A_TIME = 20_000
_DEVIATIONS = 2.5758293035489004  # a 99 % confidence interval


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


@dataclass(frozen=True)
class GradientConstant:
    """C_grad and where it comes from.

    Attributes
    ----------
    order : int
        The even moment m that was used.
    layer : int
        The layer, from 1, with the largest gradients.
    moment : Fraction or float
        E‖∇z‖^m of a unit of that layer: exact, or an estimate.
    value : float
        What the bounds use: ``moment**(1/m)``, or the upper end of `interval`.
    interval : (float, float) or None
        99 % confidence interval of C_grad; None if the moment is exact.
    method : {"exact", "Monte Carlo"}
    """

    order: int
    layer: int
    moment: Fraction | float
    value: float
    interval: tuple[float, float] | None
    method: Literal["exact", "Monte Carlo"]

    def as_dict(self) -> dict[str, Any]:
        """Return the constant for a file; an exact moment is a fraction as text."""
        exact = isinstance(self.moment, Fraction)
        return {
            "value": self.value,
            "order": self.order,
            "layer": self.layer,
            "moment": str(self.moment) if exact else self.moment,
            "interval": None if self.interval is None else list(self.interval),
            "method": self.method,
        }


def chi_squared_moment(k: int, m: int) -> int:
    """Return E[(χ²_k)^m] = k (k + 2) ⋯ (k + 2m - 2).

    Examples
    --------
    >>> chi_squared_moment(2, 2), chi_squared_moment(0, 1)
    (8, 0)
    """
    return prod(k + 2 * i for i in range(m))


def _active_moment(width: int, m: int) -> Fraction:
    """Return E[(χ²_K)^m] where K counts the heads of `width` fair coins."""
    total = sum(comb(width, k) * chi_squared_moment(k, m) for k in range(width + 1))
    return Fraction(total, 2**width)


def gradient_moment(
    widths: Sequence[int], layer: int, order: int, weights: WeightLaw = HE_NORMAL
) -> Fraction:
    """Return E‖∇z(x)‖^order of a unit, exactly.

    Parameters
    ----------
    widths : sequence of int
        Input dimension, then the widths of the hidden layers.
    layer : int
        Hidden layer of the unit, from 1.
    order : int
        Even. Any order for normal weights; 2 for every law.
    weights : WeightLaw

    Raises
    ------
    PolyregionsError
        If there is no closed form here.

    Notes
    -----
    *Algorithm.* For normal weights of variance v_j, with order 2m,
    E[(v_1 χ²_{n_0})^m] * prod_{j < layer} E[(v_{j+1} χ²_{Bin(n_j, 1/2)})^m]: a Gaussian
    row times a fixed matrix has a length that depends on the matrix's size only.

    Examples
    --------
    >>> [gradient_moment((2, 8, 8, 8), layer, 4) for layer in (1, 2, 3)]
    [Fraction(8, 1), Fraction(13, 1), Fraction(169, 8)]
    >>> [round(float(gradient_moment((784, 32, 32, 32), layer, 4)), 4) for layer in (1, 2, 3)]
    [4.0102, 4.6368, 5.3613]
    >>> gradient_moment((2, 8, 8), 2, 6), gradient_moment((5, 3, 3), 2, 2)
    (Fraction(171, 1), Fraction(2, 1))
    """
    if order < 2 or order % 2:
        raise PolyregionsError(f"the order of a moment must be even and positive, not {order}")
    if order > 2 and weights.kind != "normal":
        raise PolyregionsError(
            f"moments of order {order} are known for normal weights only; "
            f"estimate them with gradient_moment_estimate"
        )
    m = order // 2
    moment = weights.variance(widths[0]) ** m * chi_squared_moment(widths[0], m)
    for width in widths[1:layer]:
        moment *= weights.variance(width) ** m * _active_moment(width, m)
    return moment


def gradient_moment_estimate(
    widths: Sequence[int],
    layer: int,
    order: int,
    weights: WeightLaw,
    *,
    seed: int = 0,
    samples: int = _SAMPLES,
) -> tuple[float, float]:
    """Return a Monte Carlo estimate of E‖∇z(x)‖^order and its standard error.

    Examples
    --------
    >>> mean, error = gradient_moment_estimate((2, 8, 8), 2, 4, HE_NORMAL, samples=20_000)
    >>> bool(abs(mean - 13) < 4 * error)
    True
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(layer, order)))
    powers = []
    for start in range(0, samples, _POINTS_AT_A_TIME):
        count = min(_POINTS_AT_A_TIME, samples - start)
        # from the unit down to the input: a row vector through each layer in turn
        row = weights.sample(rng, (count, widths[layer - 1]))
        for below in range(layer - 2, -1, -1):
            row = row * rng.integers(0, 2, row.shape)
            matrix = weights.sample(rng, (count, widths[below + 1], widths[below]))
            row = np.einsum("si,sij->sj", row, matrix)
        powers.append((row**2).sum(axis=1) ** (order / 2))
    values = np.concatenate(powers)
    return float(values.mean()), float(values.std(ddof=1) / sqrt(len(values)))


def gradient_constant(
    widths: Sequence[int],
    weights: WeightLaw = HE_NORMAL,
    *,
    seed: int = 0,
    samples: int = _SAMPLES,
) -> GradientConstant:
    """Return C_grad of a random network in input dimension n = widths[0].

    Parameters
    ----------
    widths : sequence of int
        Input dimension, then the widths of the hidden layers.
    weights : WeightLaw
    seed, samples : int
        Of the Monte Carlo estimate, where there is no exact moment.

    Examples
    --------
    >>> constant = gradient_constant((2, 8, 8))
    >>> constant.method, constant.moment, constant.value == sqrt(2)
    ('exact', Fraction(2, 1), True)
    >>> gradient_constant((4, 8, 8, 8)).moment
    Fraction(507, 32)
    """
    n = widths[0]
    order = n + n % 2
    layers = range(1, len(widths))
    if order == 2 or weights.kind == "normal":
        moments = {layer: gradient_moment(widths, layer, order, weights) for layer in layers}
        layer = max(moments, key=lambda layer: moments[layer])
        moment = moments[layer]
        root = sqrt(moment) if order == 2 else float(moment) ** (1 / order)
        return GradientConstant(order, layer, moment, root, None, "exact")
    estimates = {
        layer: gradient_moment_estimate(widths, layer, order, weights, seed=seed, samples=samples)
        for layer in layers
    }
    layer = max(estimates, key=lambda layer: estimates[layer])
    ends = [
        tuple(max(mean + sign * _DEVIATIONS * error, 0.0) ** (1 / order) for sign in (-1, 1))
        for mean, error in estimates.values()
    ]
    low, high = max(low for low, _ in ends), max(high for _, high in ends)
    return GradientConstant(order, layer, estimates[layer][0], high, (low, high), "Monte Carlo")
