"""The reports of ``polyregions theorem5`` as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polyregions.cli.report import domain_text

if TYPE_CHECKING:
    from polyregions.theory.boundaries import BoundaryReport
    from polyregions.theory.grid import GridReport
    from polyregions.theory.lemmas import LemmaReport
    from polyregions.theory.statistics import Summary
    from polyregions.theory.theorem5 import Theorem5Report, Verdict

__all__ = ["boundary_lines", "grid_lines", "lemma_lines", "number", "report_lines"]

_WORST_FIRST = ("violated", "undecided", "holds", "does not apply")


def number(value: float | None) -> str:
    """Return a number for reading: all digits if they are few, three otherwise."""
    if value is None:
        return "-"
    if abs(value) >= 1e7:
        # an integer may be too large for a float
        return f"{value:.3g}" if abs(value) < 1e300 else f"about 2^{int(value).bit_length() - 1}"
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:,.2f}" if abs(value) >= 0.1 else f"{value:.3g}"


def report_lines(report: Theorem5Report) -> list[str]:
    """Return one report in sentences and a table of bounds."""
    settings, regions = report.settings, report.regions
    state = "all proven" if report.proven else "NOT ALL PROVEN"
    lines = [
        f"{'-'.join(map(str, settings.widths))}: {settings.units} hidden units; weights "
        f"{settings.weights}; biases {settings.biases}; {domain_text(settings.domain)}; "
        f"{regions.draws} draws, seed {settings.seed}",
        f"mean {regions} regions, {_interval_text(regions)}; "
        f"from {number(regions.smallest)} to {number(regions.largest)} ({state})",
        f"N^n / n! = {number(float(report.scale))}, mean / (N^n / n!) = {report.ratio:.4g}",
    ]
    if report.gradient is not None:
        lines.append(
            f"C_grad = {report.gradient.value:.6g}, C_bias = {report.c_bias:.6g}, "
            f"C = {report.c:.6g}"
        )
    lines += [_verdict_line(verdict) for verdict in report.verdicts]
    lines += [f"note: {remark}" for remark in report.remarks]
    return lines


def _interval_text(found: Summary) -> str:
    low, high = found.interval
    return f"95 % interval {low:,.2f} to {high:,.2f}"


def _verdict_line(verdict: Verdict) -> str:
    what = "mean" if verdict.about == "mean" else "largest"
    outcome = verdict.outcome.upper()
    text = f"{outcome:<14}  {verdict.bound:<22}  {what} {number(verdict.observed)}"
    if verdict.value is not None:
        sign = ">" if verdict.observed > verdict.value else "<="
        text += f" {sign} {number(verdict.value)}"
    return f"{text}  ({verdict.remark})" if verdict.remark else text


def grid_lines(grid: GridReport) -> list[str]:
    """Return the table of a grid, then what depth changes."""
    header = [
        "n", "N", "widths", "side", "bias", "mean", "s.e.", "95 % interval", "N^n/n!", "ratio",
        "sharp", "published", "Serra", "verdict",
    ]  # fmt: skip
    table = [header]
    for report in grid.reports:
        settings, regions = report.settings, report.regions
        low, high = regions.interval
        outcomes = {verdict.outcome for verdict in report.verdicts}
        worst = next(outcome for outcome in _WORST_FIRST if outcome in outcomes)
        table.append(
            [
                str(settings.n),
                str(settings.units),
                "-".join(map(str, settings.hidden)),
                f"{settings.side:g}",
                f"{settings.biases.standard_deviation:g}",
                f"{regions.mean:,.2f}",
                f"{regions.standard_error:,.2f}",
                f"{low:,.1f} to {high:,.1f}",
                number(float(report.scale)),
                f"{report.ratio:.3g}",
                number(report.sharp[0] if report.sharp else None),
                number(report.published),
                number(report.maxima["serra_2018"]),
                worst if worst == "holds" else worst.upper(),
            ]
        )
    sizes = [max(len(row[k]) for row in table) for k in range(len(header))]
    lines = [
        "  ".join(entry.rjust(size) for entry, size in zip(row, sizes, strict=True)).rstrip()
        for row in table
    ]
    lines += [
        f"n = {law.n}, N = {law.units}, side {law.side:g}, biases {law.biases}: "
        f"means over depths differ by a factor of {factor:.2f}"
        for law, factor in grid.depth_spread()
    ]
    lines.append("constants of the published bound are not confirmed")
    return lines + [
        f"VIOLATED: {verdict.bound} of {'-'.join(map(str, report.settings.widths))}"
        for report in grid.reports
        for verdict in report.violated
    ]


def boundary_lines(report: BoundaryReport) -> list[str]:
    """Return lines, distances and boundary sets as text."""
    constant = report.distance_constant
    by_constant = "" if constant is None else f" = {constant:.3g} / (C N)"
    lines = [
        f"on segments of length {report.line_length:g}: {report.line_regions} regions, "
        f"bound 1 + |I| N C = {number(report.line_bound)}",
        f"distance of points of the unit cube to the nearest boundary: {report.distance.mean:.4g} "
        f"± {report.distance.standard_error:.2g} = {report.distance_times_units:.3g} / N"
        + by_constant,
    ]
    lines += [
        f"B_{size.k}: volume {size.activation}, where the function bends {size.bending}, "
        f"bound {number(size.bound)}, with the paper's 2^{size.k} {number(size.published)} "
        f"(not confirmed)"
        for size in report.sizes
    ]
    return lines + [f"VIOLATED: {name}" for name in report.violated]


def lemma_lines(reports: Sequence[LemmaReport]) -> list[str]:
    """Return one line per lemma, and one per failure."""
    lines = []
    for report in reports:
        outcome = "HOLDS" if report.holds else "VIOLATED"
        checked = f"({report.checked:,} checked)"
        lines.append(f"{outcome:<14}  {report.lemma}: {report.statement} {checked}")
        lines += [f"    {failure}" for failure in report.failures]
    return lines
