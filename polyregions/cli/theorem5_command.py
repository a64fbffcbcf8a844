"""``polyregions theorem5``: random networks against Theorem 5, counted exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperCommand

from polyregions.cli import options, report
from polyregions.cli import saving as storage
from polyregions.cli.report import announced_compilation
from polyregions.errors import PolyregionsError
from polyregions.run.progress import shown_lines

if TYPE_CHECKING:
    from polyregions.theory.boundaries import BoundaryReport
    from polyregions.theory.draws import Settings, Summary
    from polyregions.theory.laws import BiasLaw, WeightLaw
    from polyregions.theory.lemmas import LemmaReport
    from polyregions.theory.theorem5 import GridReport, Theorem5Report, Verdict

_LISTS = ("--widths", "--side", "--bias-std", "--inputs", "--units", "--depths")
_GRID_ONLY = ("--inputs", "--units", "--depths")

_WORST_FIRST = ("violated", "undecided", "holds", "does not apply")


class ListCommand(TyperCommand):
    """A command whose list options take several values at once: ``--widths 2 8 8``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat a list option before each of its numbers, as the parser expects."""
        return super().parse_args(ctx, spread_lists(args))


def spread_lists(args: Sequence[str]) -> list[str]:
    """Return arguments with each number of a list option under a name of its own.

    Examples
    --------
    >>> spread_lists(["--widths", "2", "8", "--json"])
    ['--widths', '2', '--widths', '8', '--json']
    """
    result: list[str] = []
    name: str | None = None
    for argument in args:
        if argument in _LISTS:
            # a name without numbers is left for the parser to complain about
            name = argument
            result.append(name)
        elif name is not None and _is_number(argument):
            if result[-1] != name:
                result.append(name)
            result.append(argument)
        else:
            name = None
            result.append(argument)
    return result


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Law:
    """Of which networks, and where they are counted."""

    widths: Annotated[
        list[int] | None,
        typer.Option("--widths", metavar="n N1 N2 ..", help="Inputs, then hidden widths: 2 8 8."),
    ] = None
    weights: Annotated[
        str, typer.Option("--weights", metavar="LAW", help="normal, uniform or sign.")
    ] = "normal"
    gain: Annotated[
        str, typer.Option("--gain", metavar="G", help="Weights have variance G / fan-in.")
    ] = "2"
    bias: Annotated[
        str,
        typer.Option(
            "--bias", metavar="LAW", help="normal, uniform, laplace, logistic, sign or zero."
        ),
    ] = "normal"
    bias_std: Annotated[
        list[float] | None,
        typer.Option("--bias-std", metavar="S", help="Standard deviation. Default: 1."),
    ] = None
    side: Annotated[
        list[float] | None,
        typer.Option("--side", metavar="D", help="Count in [-D/2, D/2]^n. Default: 2."),
    ] = None
    whole_space: options.WholeSpaceOption = False
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Draw i depends on S and i.")] = 0


@dataclass(frozen=True)
class Grid:
    """Many architectures at once."""

    grid: Annotated[
        bool, typer.Option("--grid", help="Many architectures: --inputs, --units, --depths.")
    ] = False
    inputs: Annotated[
        list[int] | None, typer.Option("--inputs", metavar="n ..", help="With --grid.")
    ] = None
    units: Annotated[
        list[int] | None,
        typer.Option("--units", metavar="N ..", help="With --grid: units, spread over the layers."),
    ] = None
    depths: Annotated[
        list[int] | None, typer.Option("--depths", metavar="L ..", help="With --grid.")
    ] = None


@dataclass(frozen=True)
class Extras:
    """What is measured beside regions."""

    cells: Annotated[
        bool, typer.Option("--cells", help="For n = 3, count cells of every codimension.")
    ] = False
    boundaries: Annotated[
        bool,
        typer.Option("--boundaries", help="Also lines, distances and volumes of boundaries."),
    ] = False
    lemmas: Annotated[
        bool, typer.Option("--lemmas", help="Also check the lemmas on the first ten draws.")
    ] = False


@options.grouped
def theorem5(
    law: Law,
    grid: Grid,
    extras: Extras,
    draws: Annotated[
        int, typer.Option("--draws", metavar="K", help="Networks per architecture.")
    ] = 100,
    draws_file: Annotated[
        Path | None,
        typer.Option("--draws-file", metavar="FILE", help="Keep counts; resume from them."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option("--threads", metavar="K", help="Workers. Default: one per core."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Figure: .png, .pdf or .svg."),
    ] = None,
    as_json: options.AsJson = False,
) -> int:
    """Count random networks exactly and compare with Theorem 5 and every other bound."""
    settings = _settings(law, grid)
    if grid.grid and (extras.cells or extras.boundaries or extras.lemmas):
        raise PolyregionsError("--cells, --boundaries and --lemmas go with --widths, not --grid")
    if (extras.boundaries or extras.lemmas) and law.whole_space:
        raise PolyregionsError("--boundaries and --lemmas need a cube; give a --side")
    if plot is not None:
        from polyregions.plot.figure import PICTURE_SUFFIXES

        storage.check_output(plot, PICTURE_SUFFIXES, [draws_file] if draws_file else [])
    if draws_file is not None:
        storage.check_output(draws_file, [".json"], [])
    with announced_compilation(), _shown_draws() as progress:
        reports = _counted_draws(settings, draws, threads, progress, draws_file, extras.cells)
    if not as_json:  # whatever becomes of the rest
        report.print_lines(
            *(_grid_lines(reports) if grid.grid else _report_lines(reports.reports[0]))
        )
    beside, lines, broken = _measured(settings[0], draws, extras)
    if as_json:
        values = reports.as_dict() if grid.grid else {**reports.reports[0].as_dict(), **beside}
        report.print_json(values)
    else:
        report.print_lines(*lines)
    if plot is not None:
        from polyregions.plot.figure import save_figure
        from polyregions.plot.theorem5_figure import theorem5_figure

        save_figure(theorem5_figure(reports.reports), plot)
        report.tell(f"figure saved to {plot}")
    broken += sum(len(found.violated) for found in reports.reports)
    if broken:
        return report.complain(f"VIOLATED: {broken} statements, see above", code=1)
    return 0


def _settings(law: Law, grid: Grid) -> tuple[Settings, ...]:
    from polyregions.theory.draws import Settings
    from polyregions.theory.theorem5 import grid_settings

    weight_law, bias_laws = _laws(law.weights, law.gain, law.bias, law.bias_std or [1.0])
    if law.whole_space and law.side:
        raise PolyregionsError("--whole-space and --side name different domains; give one of them")
    given = [
        name
        for name, value in zip(_GRID_ONLY, (grid.inputs, grid.units, grid.depths), strict=True)
        if value
    ]
    if grid.grid:
        if law.widths or law.whole_space or len(given) < len(_GRID_ONLY):
            raise PolyregionsError(
                "--grid takes --inputs, --units and --depths instead of --widths, and no "
                "--whole-space; for example --grid --inputs 2 3 --units 12 --depths 1 2 3"
            )
        return grid_settings(
            grid.inputs or [], grid.units or [], grid.depths or [], law.side or [2.0], bias_laws,
            weights=weight_law, seed=law.seed,
        )  # fmt: skip
    if given:
        raise PolyregionsError(f"{given[0]} goes with --grid; without it give --widths")
    if not law.widths:
        raise PolyregionsError("give --widths, for example --widths 2 8 8, or a --grid")
    sides: list[float | None] = [None] if law.whole_space else list(law.side or [2.0])
    if len(sides) > 1 or len(bias_laws) > 1:
        raise PolyregionsError("several --side or --bias-std need --grid; give one of each")
    return (Settings(tuple(law.widths), weight_law, bias_laws[0], sides[0], law.seed),)


def _laws(
    weights: str, gain: str, bias: str, deviations: Sequence[float]
) -> tuple[WeightLaw, list[BiasLaw]]:
    from polyregions.theory.laws import BiasLaw, WeightLaw

    try:
        if len(gain.lower().partition("e")[2]) > 4:  # 10 to a power of too many digits
            raise ValueError
        exact_gain = Fraction(gain)
    except (ValueError, ZeroDivisionError):
        raise PolyregionsError(f"the gain must be a number like 2 or 1/3, not {gain}") from None
    # the laws refuse names they do not know
    weight_law = WeightLaw(cast("Any", weights), exact_gain)
    return weight_law, [BiasLaw(cast("Any", bias), deviation) for deviation in deviations]


def _counted_draws(
    settings: tuple[Settings, ...],
    draws: int,
    threads: int | None,
    progress: Callable[[int, int], None],
    draws_file: Path | None,
    cells: bool,
) -> GridReport:
    from polyregions.theory.theorem5 import GridReport, verify_grid, verify_theorem5

    if len(settings) > 1:
        return verify_grid(settings, draws, workers=threads, progress=progress, file=draws_file)
    [law] = settings
    one: Theorem5Report = verify_theorem5(
        law.widths, law.weights, law.biases, law.side, draws, law.seed,
        cells=cells, workers=threads, progress=progress, file=draws_file,
    )  # fmt: skip
    return GridReport((one,))


def _measured(
    settings: Settings, draws: int, extras: Extras
) -> tuple[dict[str, Any], list[str], int]:
    """Return what --boundaries and --lemmas add: values, lines, and contradictions."""
    from dataclasses import asdict

    values: dict[str, Any] = {}
    lines: list[str] = []
    broken = 0
    if extras.boundaries:
        from polyregions.theory.boundaries import verify_boundaries

        with _shown_draws() as progress:
            measured = verify_boundaries(settings, draws, progress=progress)
        values["boundaries"] = measured.as_dict()
        lines += _boundary_lines(measured)
        broken += len(measured.violated)
    if extras.lemmas:
        from polyregions.theory.lemmas import check_lemmas

        checked = check_lemmas(settings, min(draws, 10))
        values["lemmas"] = [asdict(lemma) | {"holds": lemma.holds} for lemma in checked]
        lines += _lemma_lines(checked)
        broken += sum(not lemma.holds for lemma in checked)
    return values, lines, broken


def _shown_draws() -> AbstractContextManager[Callable[[int, int], None]]:
    return shown_lines(lambda done, total: f"{done:,} of {total:,} draws", "drawing networks")


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


def _report_lines(found: Theorem5Report) -> list[str]:
    """Return one report in sentences and a table of bounds."""
    settings, regions = found.settings, found.regions
    state = "all proven" if found.proven else "NOT ALL PROVEN"
    lines = [
        f"{'-'.join(map(str, settings.widths))}: {settings.units} hidden units; weights "
        f"{settings.weights}; biases {settings.biases}; {report.domain_text(settings.domain)}; "
        f"{regions.draws} draws, seed {settings.seed}",
        f"mean {regions} regions, {_interval_text(regions)}; "
        f"from {number(regions.smallest)} to {number(regions.largest)} ({state})",
        f"N^n / n! = {number(float(found.scale))}, mean / (N^n / n!) = {found.ratio:.4g}",
    ]
    if found.gradient is not None:
        lines.append(
            f"C_grad = {found.gradient.value:.6g}, C_bias = {found.c_bias:.6g}, C = {found.c:.6g}"
        )
    lines += [_verdict_line(verdict) for verdict in found.verdicts]
    lines += [f"note: {remark}" for remark in found.remarks]
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


def _grid_lines(grid: GridReport) -> list[str]:
    """Return the table of a grid, then what depth changes."""
    header = [
        "n", "N", "widths", "side", "bias", "mean", "s.e.", "95 % interval", "N^n/n!", "ratio",
        "sharp", "published", "Serra", "verdict",
    ]  # fmt: skip
    table = [header]
    for found in grid.reports:
        settings, regions = found.settings, found.regions
        low, high = regions.interval
        outcomes = {verdict.outcome for verdict in found.verdicts}
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
                number(float(found.scale)),
                f"{found.ratio:.3g}",
                number(found.sharp[0] if found.sharp else None),
                number(found.published),
                number(found.maxima["serra_2018"]),
                worst if worst == "holds" else worst.upper(),
            ]
        )
    lines = report.table_lines(table)
    lines += [
        f"n = {law.n}, N = {law.units}, side {law.side:g}, biases {law.biases}: "
        f"means over depths differ by a factor of {factor:.2f}"
        for law, factor in grid.depth_spread()
    ]
    lines.append("constants of the published bound are not confirmed")
    return lines + [
        f"VIOLATED: {verdict.bound} of {'-'.join(map(str, found.settings.widths))}"
        for found in grid.reports
        for verdict in found.violated
    ]


def _boundary_lines(found: BoundaryReport) -> list[str]:
    """Return lines, distances and boundary sets as text."""
    constant = found.distance_constant
    by_constant = "" if constant is None else f" = {constant:.3g} / (C N)"
    lines = [
        f"on segments of length {found.line_length:g}: {found.line_regions} regions, "
        f"bound 1 + |I| N C = {number(found.line_bound)}",
        f"distance of points of the unit cube to the nearest boundary: {found.distance.mean:.4g} "
        f"± {found.distance.standard_error:.2g} = {found.distance_times_units:.3g} / N"
        + by_constant,
    ]
    lines += [
        f"B_{size.k}: volume {size.activation}, where the function bends {size.bending}, "
        f"bound {number(size.bound)}, with the paper's 2^{size.k} {number(size.published)} "
        f"(not confirmed)"
        for size in found.sizes
    ]
    return lines + [f"VIOLATED: {name}" for name in found.violated]


def _lemma_lines(reports: Sequence[LemmaReport]) -> list[str]:
    """Return one line per lemma, and one per failure."""
    lines = []
    for found in reports:
        outcome = "HOLDS" if found.holds else "VIOLATED"
        checked = f"({found.checked:,} checked)"
        lines.append(f"{outcome:<14}  {found.lemma}: {found.statement} {checked}")
        lines += [f"    {failure}" for failure in found.failures]
    return lines
