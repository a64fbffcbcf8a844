"""Maps of all layers: regions that agree below share one, and it is that of each alone."""

import numpy as np

from polyregions.network import Layer, Network
from polyregions.network.region_maps import maps_of_layers
from polyregions.pattern import pack


def mixed_network(rng) -> Network:
    """Return a network with leaky units, and layers that bend in part or not at all."""
    weights = [
        (rng.normal(size=s), rng.normal(size=s[0])) for s in ((4, 2), (3, 4), (5, 3), (2, 5))
    ]
    first, second, third, last = weights
    leaky = Layer(*first, np.array([0.1, 0.0, -0.5, 1.0]), np.array([1.0, 1.0, 2.0, 1.0]))
    half = Layer(*third, np.array([0.0, 1.0, 0.0, 1.0, 0.3]), np.ones(5))
    return Network((leaky, Layer.affine(*second), half, Layer.affine(*last)))


def slow_maps(network: Network, bits) -> list:
    """Return the map of each layer on one region, by one product after the other."""
    n, start, maps = network.input_dimension, 0, []
    value = np.eye(n, n + 1)
    for layer in network.layers:
        value = layer.weight @ value
        value[:, n] += layer.bias
        maps.append(value)
        slopes = layer.upper.copy()
        bent = np.flatnonzero(layer.bends)
        off = bent[~bits[start : start + len(bent)]]
        slopes[off] = layer.lower[off]
        start += len(bent)
        value = value * slopes[:, None]
    return maps


def test_shared_maps_are_those_of_each_region():
    rng = np.random.default_rng(5)
    network = mixed_network(rng)
    bits = rng.random((40, network.hidden_units)) < 0.5
    bits = np.concatenate([bits, bits[:7]])  # equal patterns, too
    layers = list(maps_of_layers(network, pack(bits)))
    for index, own in enumerate(bits):
        alone = list(maps_of_layers(network, pack(own[None])))
        for layer, single, slow in zip(layers, alone, slow_maps(network, own), strict=True):
            place = layer.which[index]
            np.testing.assert_array_equal(layer.value[place], single.value[0])
            np.testing.assert_array_equal(layer.error[place], single.error[0])
            assert (np.abs(layer.value[place] - slow) <= 2 * layer.error[place]).all()


def test_there_is_one_map_for_each_prefix():
    rng = np.random.default_rng(6)
    network = mixed_network(rng)
    bits = rng.random((40, network.hidden_units)) < 0.5
    below = 0
    for layer in maps_of_layers(network, pack(bits)):
        assert len(layer.value) == len({tuple(row) for row in bits[:, :below].tolist()})
        below += int(layer.bends.sum())
    assert below == network.hidden_units


def test_of_no_regions_there_are_no_maps():
    network = mixed_network(np.random.default_rng(7))
    *_, last = maps_of_layers(network, np.empty((0, 1), dtype=np.uint64))
    assert last.value[last.which].shape == (0, 2, 3)
