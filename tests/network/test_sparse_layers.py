"""Layers stored sparse are the same layers, and comparisons of zeros are decided exactly."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import polyregions as pr
from polyregions.domain.chart import chart_of
from polyregions.io import lowering, signals
from polyregions.io.windows import Sliding, convolve, max_pool, windows
from polyregions.network import layer
from polyregions.network import network as values
from polyregions.network.exact_network import exact_network, exact_point, exact_signs
from polyregions.pattern import pack


def pair() -> tuple[pr.Network, pr.Network]:
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=s) * (rng.random(s) < 0.4) for s in ((6, 4), (5, 6), (2, 5))]
    biases = [rng.normal(size=len(w)) for w in weights]
    layers = [
        tuple(
            (pr.Layer.affine if w is weights[-1] else pr.Layer.relu)(form(w), b)
            for w, b in zip(weights, biases, strict=True)
        )
        for form in (np.array, csr_array)
    ]
    return pr.Network(layers[0]), pr.Network(layers[1])


def test_storage_does_not_show(monkeypatch):
    monkeypatch.setattr(values, "_DIGESTED_ENTRIES", 8)
    dense, sparse = pair()
    x = np.random.default_rng(1).normal(size=(30, 4))
    assert sparse.fingerprint == dense.fingerprint
    np.testing.assert_array_equal(sparse.layers[0].weight, dense.layers[0].weight)
    np.testing.assert_allclose(sparse.forward(x), dense.forward(x), atol=1e-14)
    np.testing.assert_allclose(sparse.forward(x[0]), dense.forward(x[0]), atol=1e-14)
    patterns = dense.pattern(x)
    assert (sparse.pattern(x) == patterns).all()
    for ours, theirs in zip(
        sparse.affine_map(patterns[0]), dense.affine_map(patterns[0]), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-14)
    box = pr.Box([-1, -1, 0.5, 0], [1, 1, 0.5, 0])
    found = [pr.enumerate_regions(net, box).patterns for net in (dense, sparse)]
    assert (found[0] == found[1]).all()


def test_a_layer_too_large_to_be_dense_says_so(monkeypatch):
    monkeypatch.setattr(layer, "MAX_DENSE", 20)
    with pytest.raises(pr.NetworkError, match="too large as a dense matrix"):
        _ = pair()[1].layers[0].weight


@pytest.mark.parametrize("wrong", [csr_array((0, 3)), csr_array([[np.nan]])])
def test_bad_sparse_layers_are_refused(wrong):
    with pytest.raises(pr.NetworkError, match=r"has a weight that is not|has no unit"):
        pr.Layer.relu(wrong, np.zeros(wrong.shape[0]))


def test_pooled_zeros_are_decided_exactly():
    """Where two units are off their comparison is exactly zero, so its bit is 0."""
    rng = np.random.default_rng(2)
    signal = signals.source((1, 1, 4, 4))
    signal = convolve(
        signal, rng.normal(size=(2, 1, 2, 2)), None, Sliding((1, 1), [(0, 0)] * 2, (1, 1))
    )
    pool = windows((3, 3), (2, 2), Sliding((1, 1), [(0, 0)] * 2, (1, 1)))
    network = signals.to_network(max_pool(lowering.bend(signal, 0.0, 1.0), pool), "pooled")
    exact = exact_network(network, chart_of(None, 16))
    # with few bits ties are common, too
    x = rng.integers(-2, 3, size=(60, 16)) / 2
    expected = pack(np.array([[s > 0 for s in exact_signs(exact, exact_point(p))] for p in x]))
    assert (network.pattern(x) == expected).all()
