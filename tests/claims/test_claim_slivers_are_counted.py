"""Slivers: regions that any tolerance loses are counted exactly, and proven."""

import numpy as np
import pytest
from oracles import brute_force
from slivers import slivers
from witnesses import check_witnesses

from polyregions import enumerate_regions

CASES = {name: (network, box) for name, network, box in slivers()}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_sliver(name):
    network, box = CASES[name]
    regions = enumerate_regions(network, box)
    expected = brute_force(network, box)
    np.testing.assert_array_equal(regions.patterns, expected.patterns)
    np.testing.assert_array_equal(regions.edges, expected.edges)
    assert regions.complete
    assert regions.proven
    check_witnesses(regions)
