"""Patterns beyond facets where hyperplanes coincide and units vanish."""

from fractions import Fraction

import numpy as np
import pytest
from random_nets import FAMILIES, random_case

from polyregions.domain import Box
from polyregions.domain.chart import chart_of
from polyregions.geometry.exact_facet_crossing import bits_beyond, germ_bits
from polyregions.network import Layer, Network
from polyregions.network.exact_network import exact_network, exact_rows
from polyregions.pattern import unpack
from polyregions.walk.rational_walk import exact_region, start_bits, walk_exactly


def neighbors(network, domain, bits):
    exact = exact_network(network, chart_of(domain, network.input_dimension))
    region = exact_region(exact, bits)
    return {facet.units: facet.neighbor.tolist() for facet in region.facets}


def test_a_later_unit_on_the_same_hyperplane_is_signed_anew():
    # x, 2x in layer 1; relu(x) + relu(2x) and -relu(x) and relu(x) - 1 in layer 2
    network = Network.from_arrays(
        [
            ([[1], [2]], [0, 0]),
            ([[1, 1], [-1, 0], [1, 0]], [0, 0, -0.5]),
            ([[1, 1, 1]], [0]),
        ]
    )
    box = Box.cube(1, 1.0)
    # on x < 0 units 2 and 3 vanish identically; beyond 0 they are x + 2x > 0 and -x < 0
    assert neighbors(network, box, [0, 0, 0, 0, 0]) == {(0, 1): [1, 1, 1, 0, 0]}
    assert neighbors(network, box, [1, 1, 1, 0, 0]) == {
        (0, 1, 2, 3): [0, 0, 0, 0, 0],
        (4,): [1, 1, 1, 0, 1],
    }


def test_a_tent_folds_back_on_one_hyperplane():
    # |x| = relu(x) + relu(-x): the unit |x| vanishes at 0 and is positive on both sides
    network = Network.from_arrays([([[1], [-1]], [0, 0]), ([[1, 1]], [0]), ([[1]], [0])])
    assert neighbors(network, Box.cube(1, 1.0), [1, 0, 1]) == {(0, 1, 2): [0, 1, 1]}


def test_slopes_and_units_that_pass_their_value_on():
    # |x| with slopes -1, 1, and x passed on, then |x| + x: zero on x < 0, 2x on x > 0
    network = Network(
        (
            Layer.with_slopes([[1], [1]], [0, 0], [-1, 1], [1, 1]),
            Layer.relu([[1, 1]], [0]),
            Layer.affine([[1]], [0]),
        )
    )
    assert neighbors(network, Box.cube(1, 1.0), [0, 0]) == {(0,): [1, 1]}
    assert neighbors(network, Box.cube(1, 1.0), [1, 1]) == {(0, 1): [0, 0]}
    assert neighbors(network, None, [0, 0]) == {(0,): [1, 1]}


def test_a_facet_of_the_domain_is_not_crossed():
    network = Network.from_arrays([([[1, 0], [1, 1]], [1, 0]), ([[1, 1]], [0])])
    found = neighbors(network, Box.cube(2, 1.0), [1, 1])
    assert found == {(1,): [1, 0]}  # unit 0 bends on the box's face


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_short_cut_equals_the_germ_and_every_crossing_returns(family):
    network, domain = random_case(family, 7)
    exact = exact_network(network, chart_of(domain, network.input_dimension))
    for words in walk_exactly(network, domain).patterns:
        bits = unpack(words, network.hidden_units)
        rows = exact_rows(exact, bits)
        for facet in exact_region(exact, bits).facets:
            outward = [-entry for entry in rows[facet.units[0]][:-1]]
            beyond = germ_bits(exact, facet.point, [outward])
            np.testing.assert_array_equal(
                bits_beyond(exact, bits, rows, facet.units, facet.point), beyond
            )
            back = [f.neighbor.tolist() for f in exact_region(exact, beyond).facets]
            assert bits.tolist() in back


def test_germs_take_the_first_direction_that_tells():
    network = Network.from_arrays([([[1, 0], [0, 1], [1, -1]], [0, 0, 0]), ([[1, 1, 1]], [0])])
    exact = exact_network(network, chart_of(Box.cube(2, 1.0), 2))
    origin = (Fraction(0), Fraction(0))
    assert germ_bits(exact, origin, [(1, 0), (0, 1)]).tolist() == [1, 1, 1]
    assert germ_bits(exact, origin, [(0, 1), (1, 0)]).tolist() == [1, 1, 0]
    assert germ_bits(exact, origin, []).tolist() == [0, 0, 0]


@pytest.mark.parametrize("family", FAMILIES)
def test_start_is_a_region(family):
    for seed in range(200, 210):
        network, domain = random_case(family, seed)
        exact = exact_network(network, chart_of(domain, network.input_dimension))
        assert exact_region(exact, start_bits(exact)) is not None
