"""The lemmas on random networks, and that each check can fail."""

from dataclasses import replace

import numpy as np
import pytest

import polyregions as pr
from polyregions.errors import PolyregionsError
from polyregions.network import Layer, Network
from polyregions.theory import lemmas
from polyregions.theory.draws import Settings, draw_network
from polyregions.theory.laws import BiasLaw

HALF = BiasLaw("normal", 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("widths", [(1, 4, 4), (2, 4, 4), (3, 3, 3), (2, 2, 3, 3)], ids=str)
def test_lemmas_hold(widths):
    reports = lemmas.check_lemmas(Settings(widths, biases=HALF, seed=6), 3)
    assert [report.lemma for report in reports] == [
        "Lemmas 1 and 2",
        "Lemma 3",
        "Lemma 6",
        "weight scaling",
        "zero bias",
    ]
    assert [report.failures for report in reports] == [()] * 5
    assert all(report.checked > 0 for report in reports)


def without_the_last(monkeypatch):
    """Let every enumeration lose one region."""
    complete = lemmas._enumerate

    def lossy(network, domain):
        found = complete(network, domain)
        kept = found.edges[(found.edges < len(found) - 1).all(axis=1)]
        return replace(found, patterns=found.patterns[:-1], edges=kept)

    monkeypatch.setattr(lemmas, "_enumerate", lossy)


def test_a_lost_region_is_noticed(monkeypatch):
    network = draw_network(Settings((2, 3, 3), biases=HALF), 0)
    without_the_last(monkeypatch)
    report = lemmas.check_components(network, pr.Box.cube(2, 1.0))
    assert not report.holds
    assert "only by brute force" in report.failures[0]


def test_other_networks_do_not_have_equal_patterns():
    box = pr.Box.cube(2, 1.0)
    networks = [draw_network(Settings((2, 4, 4), biases=HALF), index) for index in range(2)]
    report = lemmas._same_patterns("", "", *networks, [("the box", box, box)])
    assert not report.holds


def test_scaling_one_layer_only_changes_the_count_somewhere():
    # weights and biases do not scale alike: what Lemma 6 and its relatives say is not trivial
    box = pr.Box.cube(2, 1.0)
    changed = 0
    for index in range(5):
        network = draw_network(Settings((2, 4, 4), biases=HALF), index)
        scaled = lemmas._changed(network, lambda layer, depth: (layer.weight, layer.bias * 4.0))
        report = lemmas._same_patterns("", "", network, scaled, [("the box", box, box)])
        changed += not report.holds
    assert changed


def test_cones_that_are_no_regions_are_noticed(monkeypatch):
    network = draw_network(Settings((2, 4, 4), biases=HALF), 0)
    complete = lemmas._enumerate

    def lossy(asked, domain):
        found = complete(asked, domain)
        if asked is network:
            return replace(found, patterns=found.patterns[:5])
        return found

    monkeypatch.setattr(lemmas, "_enumerate", lossy)
    assert not lemmas.check_zero_bias(network).holds


def test_cones_where_later_layers_are_dead():
    # on x < 0, y < 0 the second layer sees zeros only and takes the sign of its biases
    network = Network.from_arrays(
        [(np.eye(2), [0.5, 0.25]), ([[1, 1], [1, -1]], [1.0, -1.0]), ([[1, 1]], [0])]
    )
    report = lemmas.check_zero_bias(network)
    assert report.holds
    assert report.checked == 5


def test_linear_regions_can_be_fewer():
    settings = Settings((2, 2, 2, 2), biases=HALF)
    fewer = 0
    for index in range(8):
        network = draw_network(settings, index)
        regions = pr.enumerate_regions(network, settings.domain)
        assert lemmas.check_linear_regions(network, settings.domain).holds
        fewer += linear_region_count(network, regions) < len(regions)
    assert fewer


def linear_region_count(network, regions):
    """R4 by joining neighbours with close affine maps, in floating point."""
    maps = [np.concatenate([m.ravel() for m in region.affine_map()]) for region in regions]
    parent = list(range(len(maps)))

    def root(i):
        return i if parent[i] == i else root(parent[i])

    for i, j in regions.edges.tolist():
        if np.allclose(maps[i], maps[j], rtol=0, atol=1e-12):
            parent[root(i)] = root(j)
    return len({root(i) for i in range(len(maps))})


def test_refusals():
    network = draw_network(Settings((2, 7, 7)), 0)
    box = pr.Box.cube(2, 1.0)
    with pytest.raises(PolyregionsError, match="at most 12 units, not 14"):
        lemmas.check_components(network, box)
    for check in (lemmas.check_bias_scaling, lemmas.check_weight_scaling):
        with pytest.raises(PolyregionsError, match="power of two"):
            check(network, box, 3.0)
    with pytest.raises(PolyregionsError, match="give a side"):
        lemmas.check_lemmas(Settings((2, 3), side=None))


def test_layers_keep_their_slopes():
    leaky = Network(
        (Layer.with_slopes([[1.0, 2.0]], [1.0], 0.25, 1.0), Layer.affine([[1.0]], [0.0]))
    )
    changed = lemmas._changed(leaky, lambda layer, depth: (layer.weight, layer.bias * depth))
    assert changed.layers[0].lower.tolist() == [0.25]
    assert lemmas.check_bias_scaling(leaky, pr.Box.cube(2, 1.0)).holds
