"""Theorem 5 against exact counts: means that are known, bounds, verdicts, reports."""

import json
from math import sqrt

import pytest

from polyregions.errors import PolyregionsError
from polyregions.theory.draws import Draw, Settings
from polyregions.theory.laws import BiasLaw, WeightLaw
from polyregions.theory.theorem5 import (
    equal_widths,
    grid_settings,
    report_of,
    verify_grid,
    verify_theorem5,
)

HALF = BiasLaw("normal", 0.5)
ZERO = BiasLaw("zero")

# widths, biases, side (None: the whole space), mean and standard error of 400 networks, draws
MEANS = [
    ((2, 8, 8), HALF, 2.0, 70.8, 1.1, 400),
    ((2, 4, 4, 4), BiasLaw(), 10.0, 41.1, 0.8, 400),
    ((2, 12), HALF, 2.0, 51.8, 0.5, 200),
    ((3, 8), HALF, 2.0, 57.5, 0.4, 200),
    ((2, 8, 8), BiasLaw(), None, 133.3, 1.6, 100),
    ((1, 8, 8), BiasLaw(), None, 16.96, 0.04, 200),
    ((1, 1, 1), BiasLaw(), None, 2.5, 0.0, 400),
    ((2, 8, 8), ZERO, None, 31.6, 0.2, 100),
    ((2, 8, 8, 8), ZERO, None, 46.7, 0.3, 60),
]


@pytest.mark.slow
@pytest.mark.parametrize("line", MEANS, ids=lambda line: f"{line[0]} {line[1]} {line[2]}")
def test_known_means(line):
    widths, biases, side, mean, error, draws = line
    report = verify_theorem5(widths, biases=biases, side=side, draws=draws, seed=2)
    assert report.proven
    assert not report.violated
    assert report.regions.agrees_with(mean, error=error)
    # the test could fail: a mean 15 % larger would not agree
    assert not report.regions.agrees_with(1.15 * mean, error=error)


def test_the_whole_space_does_not_know_the_scale_of_the_biases():
    counts = [
        [draw.regions for draw in verify_theorem5((2, 5, 5), biases=law, side=None, draws=20).draws]
        for law in (BiasLaw("normal", 0.25), BiasLaw("normal", 4.0))
    ]
    assert counts[0] == counts[1]


def test_one_layer_in_the_whole_space_is_zaslavsky():
    report = verify_theorem5((2, 8), side=None, draws=10)
    assert {draw.regions for draw in report.draws} == {37}
    assert report.maxima["zaslavsky"] == 37


def test_report_of_a_cube():
    report = verify_theorem5((2, 8, 8), biases=HALF, draws=30, seed=4)
    assert report.gradient is not None
    assert report.gradient.value == sqrt(2)
    assert report.c == pytest.approx(1.128379, abs=1e-6)
    assert report.published == pytest.approx(667_544, abs=0.5)
    assert [round(bound, 1) for bound in report.sharp] == [684.4, 1294.5, 611.2]
    assert report.ratio == report.regions.mean / 128
    # Euler, draw by draw and so in the mean
    assert report.cells[0].mean - report.cells[1].mean + report.cells[2].mean == pytest.approx(1)
    published = next(v for v in report.verdicts if v.bound == "hanin_rolnick_2019")
    assert published.outcome == "holds"
    assert not published.confirmed
    assert "not confirmed" in published.remark
    assert all(verdict.confirmed for verdict in report.verdicts if verdict is not published)
    assert any("every order" in remark for remark in report.remarks)


def test_json_holds_the_report():
    report = verify_theorem5((2, 4, 4), draws=5)
    values = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert values["mean"] == report.regions.mean
    assert values["standard_error"] == report.regions.standard_error
    assert values["interval"] == list(report.regions.interval)
    assert values["draws"] == 5
    assert values["regions"] == [draw.regions for draw in report.draws]
    assert values["bounds"]["sharp"] == list(report.sharp)
    assert values["bounds"]["hanin_rolnick_2019"] == report.published
    assert values["bounds"]["serra_2018"] == report.maxima["serra_2018"]
    assert [v["outcome"] for v in values["verdicts"]] == [v.outcome for v in report.verdicts]
    assert values["constants"]["published_constants_confirmed"] is False
    assert values["constants"]["c_grad"]["moment"] == "2"
    for law in (ZERO, BiasLaw("sign")):
        json.dumps(verify_theorem5((2, 3), biases=law, draws=2).as_dict(), allow_nan=False)
    json.dumps(verify_theorem5((2, 3), side=None, draws=2).as_dict(), allow_nan=False)


def outcomes(settings, counts):
    report = report_of(settings, [Draw(count, count, 0, True) for count in counts])
    return {verdict.bound: verdict.outcome for verdict in report.verdicts}


def test_a_violated_bound_is_said():
    settings = Settings((3, 4, 4), biases=HALF)
    sharp = report_of(settings, [Draw(9, 9, 0, True)] * 2).sharp[0]
    found = outcomes(settings, [2 * int(sharp)] * 10)
    assert found["sharp"] == "violated"
    assert found["serra_2018"] == found["montufar_2017"] == "violated"
    assert found["hanin_rolnick_2019"] == "holds"
    assert outcomes(settings, [10**12] * 10)["hanin_rolnick_2019"] == "violated"
    # an interval around the bound decides nothing about a mean, but one draw too many does
    around = outcomes(settings, [1, 2 * int(sharp)] * 5)
    assert around["sharp"] == "undecided"
    most = verify_theorem5((3, 4, 4), biases=HALF, draws=2).maxima["serra_2018"]
    assert outcomes(settings, [1] * 9 + [most])["serra_2018"] == "holds"
    assert outcomes(settings, [1] * 9 + [most + 1])["serra_2018"] == "violated"


@pytest.mark.parametrize(
    ("weights", "biases"),
    [(WeightLaw(), ZERO), (WeightLaw(), BiasLaw("sign")), (WeightLaw("sign"), BiasLaw())],
)
def test_laws_without_density_are_counted_but_not_judged(weights, biases):
    report = verify_theorem5((2, 5), weights, biases, draws=5)
    assert report.regions.mean > 1
    assert report.published is None
    assert report.sharp == ()
    named = {v.bound: v.outcome for v in report.verdicts}
    assert named["hanin_rolnick_2019"] == named["sharp"] == "does not apply"
    assert named["serra_2018"] == "holds"
    assert any("no density" in remark for remark in report.remarks)


def test_zero_biases_have_cones():
    report = verify_theorem5((2, 8), biases=ZERO, side=None, draws=10)
    assert {draw.regions for draw in report.draws} == {16}
    assert report.maxima["zero_bias_cones"] == 16


def test_small_sides_are_outside_the_published_theorem():
    report = verify_theorem5((2, 5), biases=HALF, side=0.01, draws=20)
    named = {verdict.bound: verdict for verdict in report.verdicts}
    assert named["hanin_rolnick_2019"].outcome == "does not apply"
    assert "below" in named["hanin_rolnick_2019"].remark
    assert named["sharp"].outcome == "holds"
    assert "corollary, T = 4 C" not in named


@pytest.mark.slow
def test_cells_of_every_codimension_in_space():
    report = verify_theorem5((3, 4, 4), biases=HALF, draws=10, cells=True)
    assert len(report.cells) == len(report.sharp) == 4
    assert not report.violated
    means = [found.mean for found in report.cells]
    assert means[0] - means[1] + means[2] - means[3] == pytest.approx(1)


def test_uniform_laws_use_monte_carlo_and_say_so():
    report = verify_theorem5((3, 4), WeightLaw("uniform"), BiasLaw("uniform", 0.5), draws=5)
    assert report.gradient is not None
    assert report.gradient.method == "Monte Carlo"
    assert any("Monte Carlo" in remark for remark in report.remarks)
    assert not report.violated


def test_a_single_draw_is_refused_before_the_work(monkeypatch):
    monkeypatch.setattr("polyregions.theory.theorem5.count_draws", None)
    monkeypatch.setattr("polyregions.theory.theorem5.count_draws", None)
    with pytest.raises(PolyregionsError, match="at least two draws, not 1"):
        verify_theorem5((2, 3), draws=1)
    with pytest.raises(PolyregionsError, match="at least two draws, not 0"):
        verify_grid([Settings((2, 3))], draws=0)


def test_grid():
    settings = grid_settings([2, 3], [6], [1, 2], [1.0, 2.0], [HALF], seed=5)
    assert len(settings) == 8
    grid = verify_grid(settings, 10)
    for law, report in zip(settings, grid.reports, strict=True):
        alone = verify_theorem5(law.widths, biases=HALF, side=law.side, draws=10, seed=5)
        assert report == alone
    spread = grid.depth_spread()
    assert len(spread) == 4
    pairs = zip(grid.reports[::2], grid.reports[1::2], strict=True)
    for (_, factor), pair in zip(spread, pairs, strict=True):
        means = sorted(report.regions.mean for report in pair)
        assert factor == means[1] / means[0]


def test_equal_widths():
    assert equal_widths(24, 4) == (6, 6, 6, 6)
    assert equal_widths(5, 3) == (2, 2, 1)
    with pytest.raises(PolyregionsError, match="cannot fill"):
        equal_widths(3, 4)
