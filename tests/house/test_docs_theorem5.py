"""The table of docs/theorem5.md is what its command counts: its quickest rows, again."""

from math import factorial
from pathlib import Path

import pytest

from polyregions import count_regions
from polyregions.theory.draws import Settings, draw_network
from polyregions.theory.laws import BiasLaw
from polyregions.theory.theorem5 import verify_theorem5

PAGE = Path(__file__).resolve().parents[2] / "docs" / "theorem5.md"


def rows():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]
    return [row for row in cells if len(row) == 9 and row[0].isdigit()]


def test_the_table_is_whole():
    assert [int(row[0]) for row in rows()] == [n for n in range(2, 7) for _ in range(4)]
    for row in rows():
        widths = [int(width) for width in row[1].split(",")]
        assert sum(widths) == 24


@pytest.mark.slow
@pytest.mark.parametrize("index", range(4))
def test_rows_in_the_plane(index):
    n, widths, mean, interval, scale, ratio, sharp, published, serra = rows()[index]
    hidden = [int(width) for width in widths.split(",")]
    report = verify_theorem5([int(n), *hidden], biases=BiasLaw("normal", 0.5), draws=100)
    regions = report.regions
    assert mean == f"{regions.mean:,.1f} ± {regions.standard_error:,.1f}"
    assert interval == " – ".join(f"{end:,.1f}" for end in regions.interval)
    assert float(scale.replace(",", "")) == report.scale
    assert float(ratio) == pytest.approx(report.ratio, abs=5e-4)
    assert float(sharp.replace(",", "")) == pytest.approx(report.sharp[0], abs=0.5)
    assert float(published.replace(",", "")) == pytest.approx(report.published, rel=5e-3)
    assert int(serra.replace(",", "")) == report.maxima["serra_2018"]
    assert report.proven


def large_rows():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]
    return [row for row in cells if len(row) == 8 and row[0].isdigit()]


def test_ratios_of_many_units():
    assert len(large_rows()) >= 8
    for n, widths, _, mean, scale, ratio, share, _ in large_rows():
        units = sum(int(width.replace(",", "")) for width in widths.split(", "))
        middle = float(mean.split(" ± ")[0].replace(",", ""))
        assert float(scale.replace(",", "")) == round(units ** int(n) / factorial(int(n)))
        assert float(share) == pytest.approx(middle / units ** int(n), abs=6e-5)
        assert float(ratio) == pytest.approx(float(share) * factorial(int(n)), abs=4e-4)


def test_a_row_of_many_units():
    settings = Settings((2, 1000), biases=BiasLaw("normal", 0.5), side=2.0)
    counts = [count_regions(draw_network(settings, i), settings.domain) for i in range(20)]
    (row,) = (row for row in large_rows() if row[:2] == ["2", "1,000"])
    assert row[3].startswith(f"{sum(counts) / 20:,.0f} ± ")
