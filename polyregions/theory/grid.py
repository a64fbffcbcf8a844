"""Theorem 5 over many architectures at equal numbers of units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from os import PathLike
from typing import Any

from polyregions.errors import PolyregionsError
from polyregions.markup import html_table
from polyregions.run.progress import OnSteps
from polyregions.theory.draws import Settings, count_draws
from polyregions.theory.laws import HE_NORMAL, BiasLaw, WeightLaw
from polyregions.theory.statistics import summary
from polyregions.theory.theorem5 import Theorem5Report, report_of

__all__ = ["GridReport", "equal_widths", "grid_settings", "verify_grid"]


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
