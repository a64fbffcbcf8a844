"""Every network with a known count, counted by the rational walk."""

import numpy as np
import pytest
from zoo import ZOO

from polyregions.errors import NetworkError
from polyregions.network import Network
from polyregions.theory import constructions as known
from polyregions.walk.rational_walk import walk_exactly


@pytest.mark.slow
@pytest.mark.parametrize("case", ZOO, ids=lambda case: case.network.name)
def test_count(case):
    assert len(walk_exactly(case.network, case.domain).patterns) == case.regions


def test_counts_in_the_literature():
    counts = {case.network.name: case.regions for case in ZOO}
    assert counts["Shi 4"] == 125
    assert counts["Catalan 3"] == 30
    assert counts["type B 3"] == 48
    assert counts["type D 3"] == 24
    assert counts["maximal [3, 4, 5]"] == 120
    assert counts["folding 2^2, 3"] == 112
    assert counts["absolute value 2, relu"] == 176


def test_all_active_and_all_dead_are_what_they_say():
    active, dead = known.all_active(3, [4, 3]), known.all_dead(3, [4, 3])
    assert walk_exactly(active.network, active.domain).patterns.tolist() == [[2**7 - 1]]
    assert walk_exactly(dead.network, dead.domain).patterns.tolist() == [[0]]


@pytest.mark.parametrize(
    "start", [known.five_lines(), known.folding(2, 1), known.absolute_value(1)]
)
def test_invariances(start):
    units = start.network.widths[0]
    changed = known.permute_units(start.network, 0, list(range(units))[::-1])
    changed = known.rescale_unit(changed, 0, 1, 2.0**-20)
    changed = known.duplicate_unit(changed, 0, 0)
    changed = known.duplicate_unit(changed, 0, units)
    points = np.random.default_rng(0).uniform(-1, 1, size=(20, 2))
    np.testing.assert_allclose(changed.forward(points), start.network.forward(points), rtol=1e-9)
    found, original = walk_exactly(changed, start.domain), walk_exactly(start.network, start.domain)
    assert len(found.patterns) == start.regions
    assert len(found.edges) == len(original.edges)


def test_invariances_reach_the_layer_asked_for():
    network = Network.from_arrays(
        [([[1.0], [2.0]], [0, 1]), ([[1.0, 2.0], [3.0, 4.0]], [5, 6]), ([[7.0, 8.0]], [0])]
    )
    changed = known.rescale_unit(network, 1, 0, 2.0)
    np.testing.assert_array_equal(changed.layers[1].weight, [[2, 4], [3, 4]])
    np.testing.assert_array_equal(changed.layers[1].bias, [10, 6])
    np.testing.assert_array_equal(changed.layers[2].weight, [[3.5, 8]])
    with pytest.raises(NetworkError, match="power of two"):
        known.rescale_unit(network, 1, 0, 3.0)
    with pytest.raises(NetworkError, match="power of two"):
        known.rescale_unit(network, 1, 0, -2.0)
