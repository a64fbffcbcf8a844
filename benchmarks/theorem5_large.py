"""Does mean count / N^n approach a constant below 1 / n!? Exact counts of networks of many units.

Writes the second table of docs/theorem5.md, row by row. Every count is proven.

    python benchmarks/theorem5_large.py                the whole table
    python benchmarks/theorem5_large.py --most 1000    networks of so many units at most
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from math import factorial, sqrt
from pathlib import Path
from statistics import mean, stdev

from polyregions import count_tree
from polyregions.theory.draws import Settings, draw_network
from polyregions.theory.laws import BiasLaw

# what is measured are compiled kernels
os.environ["POLYREGIONS_COMPILE_FIRST"] = "1"

PAGE = Path(__file__).resolve().parents[1] / "docs" / "theorem5.md"
BEGIN, END = "<!-- large: begin -->\n", "<!-- large: end -->\n"
HEADER = (
    "| n | widths | draws | mean exact count | N^n/n! | ratio | mean / N^n | seconds a draw |\n"
    "|---|---|---|---|---|---|---|---|\n"
)
# inputs and widths, and how many networks
ROWS = [
    ((2, 100), 100),
    ((2, 1000), 20),
    ((2, 10_000), 5),
    ((2, 100_000), 2),
    ((2, 50, 50), 100),
    ((2, 500, 500), 10),
    ((2, 1000, 1000), 3),
    ((3, 100), 20),
    ((3, 300), 10),
    ((3, 1000), 3),
    ((3, 50, 50), 20),
    ((3, 150, 150), 3),
]


def row(widths: tuple[int, ...], draws: int) -> str:
    """Count networks of a shape; return their row."""
    settings = Settings(widths, biases=BiasLaw("normal", 0.5), side=2.0)
    counts, begin = [], time.process_time()
    for index in range(draws):
        count = count_tree(draw_network(settings, index), settings.domain)
        if not (count.complete and count.proven):
            raise SystemExit(f"{widths}: a count is not complete")
        counts.append(count.regions)
    seconds = (time.process_time() - begin) / draws
    n, units = settings.n, settings.units
    middle, error = mean(counts), stdev(counts) / sqrt(draws)
    scale = units**n / factorial(n)
    return (
        f"| {n} | {', '.join(f'{width:,}' for width in settings.hidden)} | {draws} "
        f"| {middle:,.0f} ± {error:,.0f} | {scale:,.0f} | {middle / scale:.4f} "
        f"| {middle / units**n:.4f} | {seconds:.2g} |\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=100_000, help="units of a network")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    lines = []
    for widths, draws in sorted(ROWS, key=lambda entry: (entry[0][0], len(entry[0]), entry[0])):
        if sum(widths[1:]) <= options.most:
            lines.append(row(widths, draws))
            print(lines[-1], end="", file=sys.stderr, flush=True)
    before, rest = options.page.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    options.page.write_text(
        before + BEGIN + HEADER + "".join(lines) + END + after, encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
