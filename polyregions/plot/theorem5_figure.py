"""Counts of random networks against Theorem 5, log-log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from polyregions.plot.figure import figure_of_panels
from polyregions.theory.bounds import hanin_rolnick_scale
from polyregions.theory.theorem5 import Theorem5Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["theorem5_figure"]

# told apart by colour and by marker; the first four differ in grey too
_ARCHITECTURE_COLOURS = ("#0b5394", "#c2571a", "#38761d", "#7b3f98", "#8c6d1f", "#555555")
_ARCHITECTURE_MARKERS = ("o", "s", "^", "D", "v", "P")


def theorem5_figure(reports: Sequence[Theorem5Report]) -> Figure:
    """Return mean counts against N, a panel per input dimension and a colour per depth.

    Parameters
    ----------
    reports : sequence of Theorem5Report
        At least one, with sides.

    Returns
    -------
    matplotlib.figure.Figure
        Means with their bootstrap intervals; lines for N^n / n!, for the sharp bound and
        for the published bound, whose constants are not confirmed. Bounds depend on
        depth, side and laws through C: where they differ at one N, the largest is drawn.
    """
    inputs = sorted({report.settings.n for report in reports})
    depths = sorted({len(report.settings.hidden) for report in reports})
    figure, by_inputs = figure_of_panels(
        len(inputs), columns=3, size=(4.2, 3.9), dpi=100, border=0.6
    )
    # one entry of the legend per name, whichever panel it is in
    entries: dict[str, Any] = {}
    for panel, n in zip(by_inputs, inputs, strict=True):
        here = [report for report in reports if report.settings.n == n]
        _draw_bounds(panel, here, n)
        _draw_means(panel, here, depths)
        panel.set(xscale="log", yscale="log", title=f"n = {n}", xlabel="hidden units N")
        panel.set_ylabel("regions in the cube")
        ticks = sorted({report.settings.units for report in here})
        panel.set_xticks(ticks, [str(tick) for tick in ticks])
        panel.set_xticks([], minor=True)
        panel.set_xlim(0.85 * ticks[0], ticks[-1] / 0.85)
        panel.grid(True, which="major", linewidth=0.4, alpha=0.5)
        handles, labels = panel.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower center",
        ncols=min(3, len(inputs)),
        fontsize="small",
        frameon=False,
    )
    return figure


def _draw_means(panel: Any, reports: Sequence[Theorem5Report], depths: Sequence[int]) -> None:
    for k, depth in enumerate(depths):
        chosen = [report for report in reports if len(report.settings.hidden) == depth]
        if not chosen:
            continue
        # depths stand side by side, so that equal means do not hide each other
        shift = 1.0 + 0.03 * (k - (len(depths) - 1) / 2)
        means = np.array([report.regions.mean for report in chosen])
        ends = np.array([report.regions.interval for report in chosen]).T
        panel.errorbar(
            [report.settings.units * shift for report in chosen],
            means,
            yerr=np.abs(ends - means),
            fmt=_ARCHITECTURE_MARKERS[k % len(_ARCHITECTURE_MARKERS)],
            color=_ARCHITECTURE_COLOURS[k % len(_ARCHITECTURE_COLOURS)],
            markersize=5,
            capsize=2,
            label=f"mean, {depth} layer{'s' if depth > 1 else ''} (95 % interval)",
        )


def _draw_bounds(panel: Any, reports: Sequence[Theorem5Report], n: int) -> None:
    units = sorted({report.settings.units for report in reports})
    fine = np.geomspace(0.85 * units[0], units[-1] / 0.85, 50)
    one = float(hanin_rolnick_scale(1, n))
    panel.plot(fine, one * fine**n, color="black", linewidth=1.2, label="$N^n/n!$")
    sharp = _largest_bounds(
        reports, units, lambda report: report.sharp[0] if report.sharp else None
    )
    published = _largest_bounds(reports, units, lambda report: report.published)
    for name, found, style in (
        ("sharp bound (largest C here)", sharp, "--x"),
        ("published bound (largest C here, constants not confirmed)", published, ":+"),
    ):
        if found:
            panel.plot(
                list(found),
                list(found.values()),
                style,
                color="black",
                linewidth=1.2,
                label=name,
            )


def _largest_bounds(
    reports: Sequence[Theorem5Report],
    units: Sequence[int],
    bound: Callable[[Theorem5Report], float | None],
) -> dict[int, float]:
    found = {}
    for total in units:
        values = [bound(report) for report in reports if report.settings.units == total]
        known = [value for value in values if value is not None]
        if known:
            found[total] = max(known)
    return found
