"""Cells from Euler's formula against cells found by brute force in exact arithmetic."""

import pytest
from identities import cells

import polyregions as pr
from polyregions.analysis.cells import cell_counts
from polyregions.errors import PartialResultError, PolyregionsError
from polyregions.network import Network
from polyregions.pattern import unpack
from polyregions.theory.boundaries import boundary_volumes
from polyregions.theory.draws import Settings, draw_network
from polyregions.theory.laws import BiasLaw

CASES = [((1, 4, 4), 3), ((2, 4, 4), 3), ((2, 2, 3, 3), 3), ((3, 4), 2), ((3, 3, 2), 2)]


@pytest.mark.slow
@pytest.mark.parametrize(("widths", "draws"), CASES, ids=str)
def test_against_brute_force(widths, draws):
    settings = Settings(widths, biases=BiasLaw("normal", 0.5), seed=8)
    for index in range(draws):
        network, box = draw_network(settings, index), settings.domain
        regions = pr.enumerate_regions(network, box)
        found = cell_counts(network, box, regions=regions)
        brute = cells(network, box, unpack(regions.patterns, network.hidden_units))
        assert found.proven
        assert found.by_codimension == brute.by_codimension
        if len(widths) > 2 or widths[0] > 1:
            assert found.border == brute.border or widths[0] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("widths", "draws"), [((2, 8, 8), 5), ((3, 5, 5), 5), ((3, 8), 5)], ids=str
)
def test_vertices_of_the_complex_agree(widths, draws):
    settings = Settings(widths, biases=BiasLaw("normal", 0.5), seed=8)
    for index in range(draws):
        network, box = draw_network(settings, index), settings.domain
        volumes = boundary_volumes(network, box)
        assert volumes.activation[-1] == cell_counts(network, box).by_codimension[-1]


def test_networks_in_special_position_are_refused():
    star = Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, 0]), ([[1, 1, 1]], [0])])
    with pytest.raises(PolyregionsError, match="general position"):
        cell_counts(star, pr.Box.cube(2, 1.0))
    pencil = Network.from_arrays(
        [([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]], [0, 0, 0, 0]), ([[1, 1, 1, 1]], [0])]
    )
    with pytest.raises(PolyregionsError, match="general position"):
        cell_counts(pencil, pr.Box.cube(3, 1.0))


def test_refusals():
    network = draw_network(Settings((4, 3)), 0)
    with pytest.raises(PolyregionsError, match="at most 3 inputs"):
        cell_counts(network, pr.Box.cube(4, 1.0))
    network = draw_network(Settings((2, 6)), 0)
    box = pr.Box.cube(2, 1.0)
    partial = pr.enumerate_regions(network, box, max_regions=2)
    with pytest.raises(PartialResultError, match="partial"):
        cell_counts(network, box, regions=partial)
