"""Theorem 5 of Hanin & Rolnick 2019 against exact counts of random networks, one shape or many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import product
from os import PathLike
from typing import Any, Literal

from polyregions.analysis.cells import MOST_DIMENSIONS, cell_counts
from polyregions.errors import PolyregionsError
from polyregions.markup import html_table, titled
from polyregions.run.progress import OnSteps
from polyregions.theory.bounds import (
    hanin_rolnick_scale,
    montufar_2017,
    serra_2018,
    zaslavsky,
    zero_bias_cones,
)
from polyregions.theory.draws import (
    Draw,
    Settings,
    Summary,
    count_draws,
    draw_network,
    summaries,
    summary,
)
from polyregions.theory.expectations import (
    PUBLISHED_FACTOR,
    published_bound,
    sharp_bound,
    smallest_side,
)
from polyregions.theory.laws import (
    HE_NORMAL,
    LITERAL_CONDITION,
    STANDARD_NORMAL,
    BiasLaw,
    GradientConstant,
    WeightLaw,
    gradient_constant,
)

__all__ = [
    "GridReport",
    "Theorem5Report",
    "Verdict",
    "equal_widths",
    "grid_settings",
    "report_of",
    "verify_grid",
    "verify_theorem5",
]

Outcome = Literal["holds", "violated", "undecided", "does not apply"]


@dataclass(frozen=True)
class Verdict:
    """One bound and what the draws say about it.

    Attributes
    ----------
    bound : str
        Name of the bound.
    about : {"mean", "every draw"}
        What it bounds.
    value : float, int or None
        The bound; None where it does not apply.
    observed : float
        The mean, or the largest draw.
    outcome : {"holds", "violated", "undecided", "does not apply"}
        A bound on the mean holds if the whole confidence interval lies below it, is
        violated if the whole interval lies above, and undecided between.
    confirmed : bool
        Whether the bound's constants are known for certain.
    remark : str
    """

    bound: str
    about: Literal["mean", "every draw"]
    value: float | int | None
    observed: float
    outcome: Outcome
    confirmed: bool = True
    remark: str = ""


@dataclass(frozen=True)
class Theorem5Report:
    """What one law of random networks says about Theorem 5.

    Attributes
    ----------
    settings : Settings
    draws : tuple of Draw
        Exact counts, in order of the draws.
    cells : tuple of Summary
        Entry r: cells of codimension r. Entry 0 are the regions; how far it goes depends
        on n (all for n <= 2, and for n = 3 where asked for; regions and facets above).
    scale : Fraction
        N^n / n!.
    ratio : float
        Mean number of regions over that.
    gradient : GradientConstant or None
        None where the laws have no density, so that the theorem does not apply.
    c_bias, c : float
        Largest density of a bias; C = C_grad * C_bias (infinite without density).
    sharp : tuple of float
        Bounds on the mean of `cells`; empty where the theorem does not apply.
    published : float or None
    maxima : dict of str to int
        Bounds on every draw.
    verdicts : tuple of Verdict
    remarks : tuple of str
    """

    settings: Settings
    draws: tuple[Draw, ...]
    cells: tuple[Summary, ...]
    scale: Fraction
    ratio: float
    gradient: GradientConstant | None
    c_bias: float
    c: float
    sharp: tuple[float, ...]
    published: float | None
    maxima: dict[str, int]
    verdicts: tuple[Verdict, ...]
    remarks: tuple[str, ...]

    @property
    def regions(self) -> Summary:
        """The number of regions."""
        return self.cells[0]

    @property
    def proven(self) -> bool:
        """Whether every count is proven."""
        return all(draw.proven for draw in self.draws)

    @property
    def violated(self) -> tuple[Verdict, ...]:
        """The bounds that the draws contradict."""
        return tuple(verdict for verdict in self.verdicts if verdict.outcome == "violated")

    def _repr_html_(self) -> str:
        settings, regions = self.settings, self.regions
        rows = {
            "widths": settings.widths,
            "side of the cube": settings.side,
            "draws": len(self.draws),
            "mean number of regions": regions.mean,
            "95 % interval": regions.interval,
            "N^n / n!": self.scale,
            "proven": self.proven,
        }
        verdicts = [(v.bound, v.about, v.value, v.observed, v.outcome) for v in self.verdicts]
        header = ("bound", "on", "is", "observed", "outcome")
        return titled("Theorem 5", rows) + html_table(verdicts, header)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON holds it.

        Returns
        -------
        dict

        Examples
        --------
        >>> verify_theorem5([2, 4], side=2.0, draws=2).as_dict()["hidden_units"]
        4
        """
        settings, regions = self.settings, self.regions
        applies = self.gradient is not None
        return {
            **settings.as_dict(),
            "input_dimension": settings.n,
            "hidden_units": settings.units,
            "draws": len(self.draws),
            "mean": regions.mean,
            "standard_error": regions.standard_error,
            "interval": list(regions.interval),
            "proven": self.proven,
            "exact_decisions": sum(draw.exact_decisions for draw in self.draws),
            "regions": [draw.regions for draw in self.draws],
            "edges": [draw.edges for draw in self.draws],
            "cells": [found.as_dict() for found in self.cells],
            "hanin_rolnick_scale": float(self.scale),
            "ratio": self.ratio,
            "constants": {
                "c_grad": None if self.gradient is None else self.gradient.as_dict(),
                "c_bias": self.c_bias if applies else None,
                "c": self.c if applies else None,
                "T": PUBLISHED_FACTOR * self.c if applies else None,
                "delta_0": smallest_side(self.c) if applies else None,
                "published_constants_confirmed": False,
            },
            "bounds": {
                "hanin_rolnick_2019": self.published,
                "sharp": list(self.sharp),
                **self.maxima,
            },
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
            "remarks": list(self.remarks),
        }


def verify_theorem5(
    widths: Sequence[int],
    weights: WeightLaw = HE_NORMAL,
    biases: BiasLaw = STANDARD_NORMAL,
    side: float | None = 2.0,
    draws: int = 100,
    seed: int = 0,
    *,
    cells: bool = False,
    workers: int | None = None,
    progress: OnSteps = None,
    file: str | PathLike[str] | None = None,
) -> Theorem5Report:
    """Count the regions of random networks exactly and compare them with every bound.

    Parameters
    ----------
    widths : sequence of int
        Input dimension, then the widths of the hidden layers.
    weights, biases : WeightLaw, BiasLaw
        By default He-normal weights and standard normal biases.
    side : float or None
        Of the cube around the origin; None is the whole space, where Theorem 5 says
        nothing.
    draws : int
        At least two.
    seed : int
    cells : bool
        For n = 3, count vertices and curves too, which takes longer.
    workers, progress, file
        See :func:`polyregions.theory.draws.count_draws`.

    Returns
    -------
    Theorem5Report

    Raises
    ------
    PolyregionsError
        If a setting makes no sense: one sentence.

    Examples
    --------
    >>> report = verify_theorem5((2, 8, 8), biases=BiasLaw("normal", 0.5), draws=20, seed=1)
    >>> report.proven, len(report.draws), round(report.sharp[0], 1), round(report.published)
    (True, 20, 684.4, 667544)
    >>> [verdict.outcome for verdict in report.verdicts if verdict.about == "mean"]
    ['holds', 'holds', 'holds', 'holds', 'holds']
    """
    settings = Settings(tuple(widths), weights, biases, side, seed)
    if draws < 2:
        summary([0.0] * max(draws, 0))  # refuses before the work, in the same words
    [counted] = count_draws([settings], draws, workers=workers, progress=progress, file=file)
    return report_of(settings, counted, cells=cells)


def report_of(settings: Settings, draws: Sequence[Draw], *, cells: bool = False) -> Theorem5Report:
    """Compare counts that have been made with every bound; see :func:`verify_theorem5`."""
    n, units, side = settings.n, settings.units, settings.side
    by_codimension = _cell_summaries(settings, draws, everything=cells)
    density = settings.weights.has_density and settings.biases.has_density
    scale = hanin_rolnick_scale(units, n)
    gradient = gradient_constant(settings.widths, settings.weights) if density else None
    c_bias = settings.biases.largest_density
    c = float("inf") if gradient is None else gradient.value * c_bias
    sharp: tuple[float, ...] = ()
    published = None
    if gradient is not None and side is not None:
        sharp = tuple(
            sharp_bound(units, n, side, c, codimension=r) for r in range(len(by_codimension))
        )
        if side >= smallest_side(c):
            published = published_bound(units, n, side, c)
    maxima = _maxima(settings)
    return Theorem5Report(
        settings,
        tuple(draws),
        by_codimension,
        scale,
        by_codimension[0].mean / float(scale),
        gradient,
        c_bias,
        c,
        sharp,
        published,
        maxima,
        (
            *_mean_verdicts(settings, by_codimension, c, sharp, published),
            *(
                _verdict(name, "every draw", value, by_codimension[0])
                for name, value in maxima.items()
            ),
        ),
        _remarks(settings, gradient),
    )


def _cell_summaries(
    settings: Settings, draws: Sequence[Draw], *, everything: bool
) -> tuple[Summary, ...]:
    n, box = settings.n, settings.domain
    rows = [[draw.regions, draw.edges] for draw in draws]
    if n == 2 and settings.biases.has_density and settings.weights.has_density:
        rows = [[a, b, 1 - a + b] for a, b in rows]  # Euler: a - b + c = 1
    elif everything and 2 < n <= MOST_DIMENSIONS and box is not None:
        networks = (draw_network(settings, index) for index in range(len(draws)))
        rows = [list(cell_counts(network, box).by_codimension) for network in networks]
    return tuple(summaries(list(zip(*rows, strict=True)), seed=settings.seed))


def _maxima(settings: Settings) -> dict[str, int]:
    n, hidden = settings.n, settings.hidden
    maxima = {"montufar_2017": montufar_2017(n, hidden), "serra_2018": serra_2018(n, hidden)}
    if len(hidden) == 1:
        maxima["zaslavsky"] = zaslavsky(settings.units, n)
    if settings.biases.kind == "zero":
        maxima["zero_bias_cones"] = zero_bias_cones(n, hidden)
    return maxima


def _mean_verdicts(
    settings: Settings,
    cells: Sequence[Summary],
    c: float,
    sharp: Sequence[float],
    published: float | None,
) -> list[Verdict]:
    regions = cells[0]
    if not sharp:
        why = "the laws have no density" if c == float("inf") else "the whole space has no side"
        return [
            _verdict(name, "mean", None, regions, remark=why)
            for name in ("hanin_rolnick_2019", "sharp")
        ]
    remark = "constants T = 2^5 C and δ_0 = 1/(2 C) not confirmed"
    if published is None:
        remark = f"the side is below δ_0 = {smallest_side(c):.4g} (constant not confirmed)"
    verdicts = [
        _verdict("hanin_rolnick_2019", "mean", published, regions, confirmed=False, remark=remark)
    ]
    if settings.side is not None and settings.side * c >= 1 and settings.units >= settings.n:
        four = published_bound(settings.units, settings.n, settings.side, c, factor=4)
        verdicts.append(_verdict("corollary, T = 4 C", "mean", four, regions))
    for r, (found, bound) in enumerate(zip(cells, sharp, strict=True)):
        name = "sharp" if r == 0 else f"sharp, codimension {r}"
        verdicts.append(_verdict(name, "mean", bound, found))
    return verdicts


def _verdict(
    bound: str,
    about: Literal["mean", "every draw"],
    value: float | int | None,
    found: Summary,
    *,
    confirmed: bool = True,
    remark: str = "",
) -> Verdict:
    if about == "mean":
        low, high = found.interval
        observed = found.mean
    else:
        low = high = observed = found.largest
    outcome: Outcome = "undecided"
    if value is None:
        outcome = "does not apply"
    elif high <= value:
        outcome = "holds"
    elif low > value:
        outcome = "violated"
    return Verdict(bound, about, value, observed, outcome, confirmed, remark)


def _remarks(settings: Settings, gradient: GradientConstant | None) -> tuple[str, ...]:
    remarks = []
    for name, law in (("weights", settings.weights), ("biases", settings.biases)):
        if not law.has_density:
            remarks.append(f"the {name} ({law}) have no density, so Theorem 5 does not apply")
    if gradient is not None:
        if settings.weights.kind == "normal":
            remarks.append(LITERAL_CONDITION)
        how = f"C_grad from moments of order {gradient.order}, {gradient.method}"
        if gradient.interval is not None:
            low, high = gradient.interval
            how += f", 99 % interval {low:.4f} to {high:.4f} whose upper end is used"
        remarks.append(how)
    if settings.side is None:
        remarks.append(
            f"counts in the whole space do not depend on the scale of the biases; about "
            f"{zaslavsky(settings.units, settings.n):,}, as for N hyperplanes, is usual"
        )
    return tuple(remarks)


@dataclass(frozen=True)
class GridReport:
    """One report per architecture, side and bias law.

    Attributes
    ----------
    reports : tuple of Theorem5Report
    """

    reports: tuple[Theorem5Report, ...]

    def _repr_html_(self) -> str:
        rows = [
            (
                r.settings.widths,
                r.settings.side,
                r.regions.mean,
                r.regions.interval,
                r.scale,
                [verdict.bound for verdict in r.violated],
            )
            for r in self.reports
        ]
        return html_table(rows, ("widths", "side", "mean", "95 % interval", "N^n/n!", "violated"))

    def as_dict(self) -> dict[str, Any]:
        """Return the reports as JSON holds them.

        Returns
        -------
        dict

        Examples
        --------
        >>> report = verify_grid(grid_settings([2], [4], [1], [2.0], [BiasLaw()]), 2)
        >>> len(report.as_dict()["reports"])
        1
        """
        return {"reports": [report.as_dict() for report in self.reports]}

    def depth_spread(self) -> list[tuple[Settings, float]]:
        """Return how far means differ over depths, where all else is equal.

        Returns
        -------
        list of (Settings, float)
            One entry per group of two or more depths: its first settings, and the largest
            mean over the smallest. By Theorem 5 neither bound depends on depth through
            anything but C_grad.

        Examples
        --------
        >>> report = verify_grid(grid_settings([2], [4], [1, 2], [2.0], [BiasLaw()]), 2)
        >>> [spread > 1 for _, spread in report.depth_spread()]
        [True]
        """
        groups: dict[tuple[Any, ...], list[Theorem5Report]] = {}
        for report in self.reports:
            s = report.settings
            groups.setdefault((s.n, s.units, s.side, s.weights, s.biases), []).append(report)
        return [
            (
                group[0].settings,
                max(r.regions.mean for r in group) / min(r.regions.mean for r in group),
            )
            for group in groups.values()
            if len(group) > 1
        ]


def equal_widths(units: int, depth: int) -> tuple[int, ...]:
    """Return `depth` widths that sum to `units` and differ by at most one, larger ones first.

    Examples
    --------
    >>> equal_widths(16, 3)
    (6, 5, 5)
    """
    if not 1 <= depth <= units:
        raise PolyregionsError(
            f"{units} units cannot fill {depth} layers; give a depth between 1 and the units"
        )
    share, rest = divmod(units, depth)
    return tuple(share + (layer < rest) for layer in range(depth))


def grid_settings(
    inputs: Sequence[int],
    units: Sequence[int],
    depths: Sequence[int],
    sides: Sequence[float],
    biases: Sequence[BiasLaw],
    *,
    weights: WeightLaw = HE_NORMAL,
    seed: int = 0,
) -> tuple[Settings, ...]:
    """Return the settings of a grid, in the order of its table: depth runs fastest.

    Examples
    --------
    >>> [s.widths for s in grid_settings([2, 3], [8], [1, 2], [2.0], [BiasLaw()])]
    [(2, 8), (2, 4, 4), (3, 8), (3, 4, 4)]
    """
    return tuple(
        Settings((n, *equal_widths(total, depth)), weights, law, side, seed)
        for n, total, side, law, depth in product(inputs, units, sides, biases, depths)
    )


def verify_grid(
    settings: Sequence[Settings],
    draws: int = 100,
    *,
    workers: int | None = None,
    progress: OnSteps = None,
    file: str | PathLike[str] | None = None,
) -> GridReport:
    """Count random networks of several laws and compare them with every bound.

    Parameters
    ----------
    settings : sequence of Settings
        See :func:`grid_settings`.
    draws : int
        At least two, of each.
    workers, progress, file
        See :func:`polyregions.theory.draws.count_draws`.

    Returns
    -------
    GridReport

    Raises
    ------
    PolyregionsError
        If there are fewer than two draws.

    Examples
    --------
    >>> settings = grid_settings([2], [6], [1, 2], [2.0], [BiasLaw()])
    >>> len(verify_grid(settings, 5).depth_spread())
    1
    """
    if draws < 2:
        summary([0.0] * max(draws, 0))  # refuses before the work, in the same words
    counted = count_draws(settings, draws, workers=workers, progress=progress, file=file)
    return GridReport(
        tuple(report_of(law, found) for law, found in zip(settings, counted, strict=True))
    )
