"""Gradient moments, laws and bounds on expectations."""

from fractions import Fraction
from math import comb, inf, pi, sqrt

import numpy as np
import pytest
from scipy import integrate, stats

from polyregions.errors import PolyregionsError
from polyregions.network import Network
from polyregions.network.region_maps import maps_of_layers
from polyregions.pattern import pack
from polyregions.theory.draws import Settings, draw_network
from polyregions.theory.expectations import (
    boundary_volume_bound,
    gaussian_ball_expectation,
    line_bound,
    published_bound,
    sharp_bound,
    smallest_side,
)
from polyregions.theory.laws import (
    BIAS_KINDS,
    BiasLaw,
    WeightLaw,
    chi_squared_moment,
    gradient_constant,
    gradient_moment,
    gradient_moment_estimate,
)

C = sqrt(2) / (sqrt(2 * pi) * 0.5)


@pytest.mark.parametrize("kind", ["normal", "uniform", "laplace", "logistic"])
def test_largest_density(kind):
    law = BiasLaw(kind, 0.7)
    density = {
        "normal": stats.norm(scale=0.7),
        "uniform": stats.uniform(-0.7 * sqrt(3), 1.4 * sqrt(3)),
        "laplace": stats.laplace(scale=0.7 / sqrt(2)),
        "logistic": stats.logistic(scale=0.7 * sqrt(3) / pi),
    }[kind]
    assert density.std() == pytest.approx(0.7)
    assert law.largest_density == pytest.approx(density.pdf(0.0))
    sample = law.sample(np.random.default_rng(0), 20_000)
    assert stats.kstest(sample, density.cdf).pvalue > 1e-3


def test_laws_without_density():
    assert BiasLaw("normal", 0.0) == BiasLaw("zero") == BiasLaw("zero", 3.0)
    assert {kind for kind in BIAS_KINDS if not BiasLaw(kind).has_density} == {"sign", "zero"}
    assert BiasLaw("sign").largest_density == inf
    assert not WeightLaw("sign").has_density
    rng = np.random.default_rng(0)
    assert set(WeightLaw("sign", Fraction(4)).sample(rng, (9, 4)).ravel()) == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: BiasLaw("cauchy"), "there is no bias law"),
        (lambda: WeightLaw("cauchy"), "there is no weight law"),
        (lambda: BiasLaw("normal", -1.0), "must be a number >= 0"),
        (lambda: BiasLaw("normal", float("nan")), "must be a number >= 0"),
        (lambda: WeightLaw(gain=Fraction(0)), "gain of the weights must be positive"),
        (lambda: gradient_moment((2, 3), 1, 3), "even and positive"),
        (lambda: gradient_moment((4, 3), 1, 4, WeightLaw("uniform")), "normal weights only"),
        (lambda: sharp_bound(3, 2, 1.0, 1.0, codimension=3), "between 0 and 2"),
        (lambda: gaussian_ball_expectation(3, 2, 0.0), "radius of the ball must be positive"),
    ],
)
def test_refusals_are_one_sentence(make, words):
    with pytest.raises(PolyregionsError, match=words) as refusal:
        make()
    assert "\n" not in str(refusal.value)


def test_chi_squared_moments():
    for k in (1, 2, 5):
        for m in (1, 2, 3):
            assert chi_squared_moment(k, m) == pytest.approx(stats.chi2(k).moment(m))


def test_he_normal_second_and_fourth_moments():
    for n, widths in ((2, (8, 8, 8)), (3, (5, 4)), (784, (32, 32, 32))):
        factor = Fraction(1)
        for layer in range(1, len(widths) + 1):
            assert gradient_moment((n, *widths), layer, 2) == 2
            expected = 4 * (1 + Fraction(2, n)) * factor
            assert gradient_moment((n, *widths), layer, 4) == expected
            factor *= 1 + Fraction(5, widths[layer - 1])


def test_moments_scale_with_the_variance():
    he, other = WeightLaw(), WeightLaw("normal", Fraction(3))
    ratio = gradient_moment((3, 5, 4), 2, 4, other) / gradient_moment((3, 5, 4), 2, 4, he)
    assert ratio == Fraction(3, 2) ** 4


@pytest.mark.slow
def test_the_law_of_gradients_is_that_of_actual_networks():
    # the coin argument: gradients at a fixed point of drawn networks, second layer
    settings = Settings((2, 3, 3), biases=BiasLaw("uniform", 0.5), seed=3)
    point = np.array([0.3, -0.8])
    values = []
    for index in range(4000):
        network = draw_network(settings, index)
        z = network.layers[0].weight @ point + network.layers[0].bias
        values.append((network.layers[1].weight[0] * (z > 0)) @ network.layers[0].weight)
    powers = (np.array(values) ** 2).sum(axis=1) ** 2
    exact = float(gradient_moment(settings.widths, 2, 4))
    assert abs(powers.mean() - exact) < 4 * powers.std() / sqrt(len(powers))


@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_estimates_agree_with_exact_moments(kind):
    law = WeightLaw(kind)
    mean, error = gradient_moment_estimate((3, 4, 4), 3, 2, law, samples=40_000)
    assert abs(mean - 2) < 4 * error


def test_monte_carlo_is_used_and_said_where_there_is_no_closed_form():
    constant = gradient_constant((3, 4, 4), WeightLaw("uniform"), samples=20_000)
    assert constant.method == "Monte Carlo"
    assert constant.interval is not None
    assert constant.interval[0] < constant.value == constant.interval[1]
    assert (
        constant.value == gradient_constant((3, 4, 4), WeightLaw("uniform"), samples=20_000).value
    )
    # bounded weights have smaller fourth moments than normal ones of their variance
    assert constant.value < gradient_constant((3, 4, 4)).value
    # second moments are those of the variance, whatever the law
    assert gradient_constant((2, 4), WeightLaw("uniform")).moment == 2


def test_odd_orders_are_bounded_by_the_next_even_one():
    assert gradient_constant((3, 8)).order == 4
    assert gradient_constant((1, 8)).value == sqrt(2)


def test_worked_bounds():
    assert sharp_bound(16, 2, 2.0, C) == pytest.approx(684.4, abs=0.05)
    assert published_bound(16, 2, 2.0, C) == pytest.approx(667_544, abs=0.5)
    assert sharp_bound(12, 2, 10.0, C / 2) == pytest.approx(2237, abs=0.5)
    assert published_bound(12, 2, 10.0, C / 2) == pytest.approx(2.35e6, rel=2e-3)
    assert sharp_bound(12, 2, 2.0, C) == pytest.approx(391, abs=0.5)
    assert published_bound(12, 2, 2.0, C) == pytest.approx(3.75e5, rel=2e-3)
    assert smallest_side(C) == pytest.approx(1 / (2 * C))


def test_sharp_bound_in_the_plane_is_eulers():
    for units, reach in ((5, 0.3), (16, 2.0)):
        vertices, sides = comb(units, 2) * reach**2, 2 * units * reach
        assert sharp_bound(units, 2, reach, 1.0) == pytest.approx(1 + sides + vertices)
        # a_0 - a_1 + a_2 = 1 holds for the bounds as well
        cells = [sharp_bound(units, 2, reach, 1.0, codimension=r) for r in range(3)]
        assert cells[0] - cells[1] + cells[2] == pytest.approx(1.0)


def test_four_is_enough_as_constant():
    for n in range(1, 7):
        for units in (n, n + 1, 16, 100):
            for reach in (1.0, 2.0, 10.0):
                four = published_bound(units, n, reach, 1.0, factor=4)
                assert sharp_bound(units, n, reach, 1.0) <= four
    assert published_bound(3, 5, 2.0, 1.0) == 8


def test_ball_expectation_against_an_integral():
    # k = 1: a Gaussian line meets the unit disc iff |b| < ‖w‖
    chance = integrate.quad(lambda r: r * np.exp(-(r**2) / 2) * (2 * stats.norm.cdf(r) - 1), 0, 40)[
        0
    ]
    assert gaussian_ball_expectation(1, 2, 1.0) == pytest.approx(1 + chance)
    assert gaussian_ball_expectation(8, 2, 1e9) == pytest.approx(37, rel=1e-6)


def test_bounds_of_the_second_paper():
    assert line_bound(10, 2.0, 0.5) == 11
    assert boundary_volume_bound(10, 2, 0.5, 4.0, factor=2) == 4 * boundary_volume_bound(
        10, 2, 0.5, 4.0
    )


def test_maps_of_layers_are_the_units():
    rng = np.random.default_rng(0)
    network = Network.from_arrays(
        [(rng.normal(size=s), rng.normal(size=s[0])) for s in ((4, 3), (5, 4), (2, 5))]
    )
    points = rng.normal(size=(10, 3))
    first = points @ network.layers[0].weight.T + network.layers[0].bias
    second = np.maximum(first, 0) @ network.layers[1].weight.T + network.layers[1].bias
    values = np.concatenate([first, second], axis=1)
    maps = [layer.value[layer.which] for layer in maps_of_layers(network, pack(values > 0))]
    rows = np.concatenate(maps[:-1], axis=1)
    found = np.einsum("kzi,ki->kz", rows[:, :, :-1], points) + rows[:, :, -1]
    np.testing.assert_allclose(found, values, atol=1e-12)
