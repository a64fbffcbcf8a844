"""Does the number of regions grow like N^n / n!, whatever the depth, for n = 2 to 6?

Writes the table and the figure of docs/theorem5.md. Every count is proven.

    python benchmarks/theorem5_table.py --draws-file draws.json

takes some minutes; with a draws file it can be stopped and resumed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from polyregions.plot.figure import save_figure
from polyregions.plot.theorem5_figure import theorem5_figure
from polyregions.theory.laws import BiasLaw
from polyregions.theory.theorem5 import GridReport, grid_settings, verify_grid

# what is measured are compiled kernels
os.environ["POLYREGIONS_COMPILE_FIRST"] = "1"

DOCS = Path(__file__).resolve().parents[1] / "docs"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
HEADER = (
    "| n | widths | mean exact count | 95 % interval | N^n/n! | ratio | sharp bound "
    "| published bound [?] | Serra 2018 |\n|---|---|---|---|---|---|---|---|---|\n"
)


def short(value: float) -> str:
    """Return a number with three digits, or all of it where those are few."""
    return f"{round(value):,}" if value < 1e6 else f"{value:.3g}"


def table(grid: GridReport, units: int) -> str:
    """Return the rows with the given number of units as Markdown."""
    lines = []
    for report in grid.reports:
        settings, regions = report.settings, report.regions
        if settings.units != units:
            continue
        low, high = regions.interval
        lines.append(
            f"| {settings.n} | {', '.join(map(str, settings.hidden))} "
            f"| {regions.mean:,.1f} ± {regions.standard_error:,.1f} | {low:,.1f} – {high:,.1f} "
            f"| {short(float(report.scale))} | {report.ratio:.3f} "
            f"| {short(report.sharp[0])} | {short(report.published or 0.0)} "
            f"| {report.maxima['serra_2018']:,} |\n"
        )
    return HEADER + "".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--units", type=int, nargs="+", default=[6, 12, 24])
    parser.add_argument("--inputs", type=int, nargs="+", default=[2, 3, 4, 5, 6])
    parser.add_argument("--draws-file", type=Path)
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder of theorem5.md")
    options = parser.parse_args()
    settings = grid_settings(
        options.inputs, options.units, [1, 2, 3, 4], [2.0], [BiasLaw("normal", 0.5)]
    )
    begin = last = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > 10:
            last = time.monotonic()
            print(f"{done} of {total} draws, {last - begin:.0f} s", file=sys.stderr, flush=True)

    grid = verify_grid(settings, options.draws, progress=progress, file=options.draws_file)
    print(f"{time.monotonic() - begin:.0f} s", file=sys.stderr)
    if not all(report.proven for report in grid.reports):
        print("not all counts are proven; nothing was written", file=sys.stderr)
        return 1
    page = options.docs / "theorem5.md"
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    page.write_text(
        before + BEGIN + table(grid, max(options.units)) + END + after, encoding="utf-8"
    )
    save_figure(theorem5_figure(grid.reports), options.docs / "theorem5.png")
    violated = [verdict for report in grid.reports for verdict in report.violated]
    for verdict in violated:
        print(f"VIOLATED: {verdict}", file=sys.stderr)
    return 1 if violated else 0


if __name__ == "__main__":
    raise SystemExit(main())
