"""The figure shows the numbers of the reports."""

import sys

import pytest

from polyregions.errors import MissingExtraError
from polyregions.theory.laws import BiasLaw
from polyregions.theory.theorem5 import grid_settings, verify_grid, verify_theorem5

pytest.importorskip("matplotlib")

from polyregions.plot.figure import save_figure
from polyregions.plot.theorem5_figure import theorem5_figure


@pytest.fixture(scope="module")
def reports():
    settings = grid_settings([2, 3], [4, 8], [1, 2], [2.0], [BiasLaw("normal", 0.5)])
    return verify_grid(settings, 6).reports


def lines(panel):
    return {line.get_label(): line for line in panel.get_lines()}


def test_means_and_bounds_are_those_of_the_reports(reports):
    panels = theorem5_figure(reports).axes
    assert [panel.get_title() for panel in panels] == ["n = 2", "n = 3"]
    for n, panel in zip((2, 3), panels, strict=True):
        assert (panel.get_xscale(), panel.get_yscale()) == ("log", "log")
        here = [report for report in reports if report.settings.n == n]
        drawn = lines(panel)
        scale = drawn["$N^n/n!$"]
        x, y = scale.get_xdata()[0], scale.get_ydata()[0]
        assert y == pytest.approx(x**n / (2 if n == 2 else 6))
        for name, bound in (("sharp", lambda r: r.sharp[0]), ("published", lambda r: r.published)):
            [line] = [drawn[label] for label in drawn if label.startswith(name)]
            assert list(line.get_xdata()) == [4, 8]
            expected = [max(bound(r) for r in here if r.settings.units == N) for N in (4, 8)]
            assert list(line.get_ydata()) == expected
        for depth, container in zip((1, 2), panel.containers, strict=True):
            chosen = [r for r in here if len(r.settings.hidden) == depth]
            assert list(container.lines[0].get_ydata()) == [r.regions.mean for r in chosen]
            assert container.get_label().startswith(f"mean, {depth} layer")
            [bars] = container.lines[2]
            ends = [tuple(segment[:, 1]) for segment in bars.get_segments()]
            expected = [r.regions.interval for r in chosen]
            assert ends == [pytest.approx(interval) for interval in expected]


def test_the_constants_are_marked_in_the_legend(reports):
    [legend] = theorem5_figure(reports).legends
    assert any("not confirmed" in text.get_text() for text in legend.get_texts())


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_files(reports, tmp_path, suffix):
    first, again = tmp_path / f"first{suffix}", tmp_path / f"again{suffix}"
    for path in (first, again):
        save_figure(theorem5_figure(reports), path)
    assert first.read_bytes() == again.read_bytes()
    begin = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}[suffix]
    assert first.read_bytes().startswith(begin)


def test_a_report_without_bounds_has_a_figure():
    report = verify_theorem5((2, 4), biases=BiasLaw("zero"), draws=3)
    [panel] = theorem5_figure([report]).axes
    assert not any(label.startswith("sharp") for label in lines(panel))


def test_a_missing_extra_is_named(reports, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"polyregions\[plot\]"):
        theorem5_figure(reports)
