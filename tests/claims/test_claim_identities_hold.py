"""The identities hold on complete results, and fail on results that are not."""

import numpy as np
import pytest
from identities import cells, check_identities
from random_nets import FAMILIES, random_case
from zoo import ZOO

from polyregions.domain import Box
from polyregions.network import Network
from polyregions.pattern import unpack
from polyregions.walk.rational_walk import walk_exactly


def result(network, domain):
    found = walk_exactly(network, domain)
    return unpack(found.patterns, network.hidden_units), found.edges


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(300, 303))
@pytest.mark.parametrize("family", FAMILIES)
def test_random_nets(family, seed):
    network, domain = random_case(family, seed)
    generic = family in {"generic", "fixed coordinate"}
    check_identities(network, domain, *result(network, domain), generic=generic)


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", [case for case in ZOO if case.regions < 70], ids=lambda case: case.network.name
)
def test_zoo(case):
    check_identities(case.network, case.domain, *result(case.network, case.domain))


def deep_plane_net():
    rng = np.random.default_rng(4)
    shapes = [(6, 2), (6, 6), (1, 6)]
    return Network.from_arrays(
        [(rng.normal(size=shape), 0.3 * rng.normal(size=shape[0])) for shape in shapes]
    )


def test_cells_of_a_generic_net_in_the_plane():
    network, box = deep_plane_net(), Box.cube(2, 1.0)
    bits, edges = result(network, box)
    assert len(bits) > 20
    check_identities(network, box, bits, edges, generic=True)
    # three lines through a point are not generic: item 3 counts too few
    star = Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, 0]), ([[1, 1, 1]], [0])])
    assert cells(star, box, result(star, box)[0]) == ((6, 6, 1), 6)


def test_a_missing_region_or_edge_is_noticed():
    network, box = deep_plane_net(), Box.cube(2, 1.0)
    bits, edges = result(network, box)
    with pytest.raises(AssertionError):
        check_identities(network, box, bits, edges[1:])
    kept = edges[(edges < len(bits) - 1).all(axis=1)]
    with pytest.raises(AssertionError):
        check_identities(network, box, bits[:-1], kept)
    swapped = edges.copy()
    swapped[0] = [0, len(bits) - 1]
    with pytest.raises(AssertionError):
        check_identities(network, box, bits, swapped)
