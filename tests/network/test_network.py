from itertools import pairwise

import numpy as np
import pytest
from oracles import brute_force

import polyregions as pr
from polyregions.errors import NetworkError

RNG = np.random.default_rng(0)


def arrays(*widths):
    """Weights as they are stored here, (out, in)."""
    return [
        (RNG.normal(size=(out, width)), RNG.normal(size=out)) for width, out in pairwise(widths)
    ]


def turned(pairs):
    """Weights as Keras and JAX store them, (in, out)."""
    return [(weight.T, bias) for weight, bias in pairs]


@pytest.mark.parametrize("widths", [(2, 4, 3, 1), (1, 2, 2, 2), (3, 3, 3)])
def test_weights_of_shape_in_out_are_transposed(widths):
    pairs = arrays(*widths)
    network = pr.Network.from_arrays(turned(pairs), transpose=True)
    assert network.fingerprint == pr.Network.from_arrays(pairs).fingerprint
    # evaluated as Keras and JAX do
    y = x = RNG.normal(size=(20, widths[0]))
    for index, (kernel, bias) in enumerate(turned(pairs)):
        y = y @ kernel + bias
        y = y if index == len(pairs) - 1 else np.maximum(y, 0)
    np.testing.assert_allclose(network.forward(x), y, atol=1e-12)


def test_a_transposed_network_has_the_regions_of_brute_force():
    pairs = turned(arrays(2, 4, 3, 1))
    network = pr.Network.from_arrays([(w.tolist(), b) for w, b in pairs], transpose=True)
    box = pr.Box.cube(2, 2.0)
    found, expected = pr.enumerate_regions(network, box), brute_force(network, box)
    assert found.patterns.tobytes() == expected.patterns.tobytes()
    assert found.edges.tolist() == expected.edges.tolist()


@pytest.mark.parametrize("widths", [(2, 8, 1), (2, 2, 3, 1), (3, 3, 3, 2)])
def test_shapes_that_fit_the_other_way_round_are_named(widths):
    pairs = arrays(*widths)
    with pytest.raises(NetworkError, match=r"\(in, out\), as Keras and JAX .* transpose=True$"):
        pr.Network.from_arrays(turned(pairs))
    with pytest.raises(NetworkError, match=r"\(out, in\); leave transpose=True out"):
        pr.Network.from_arrays(pairs, transpose=True)
    with pytest.raises(NetworkError, match="transpose the weight"):
        pr.Layer.relu(*turned(pairs)[-1])


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize(
    "pairs",
    [
        [(np.ones((2, 3)), np.ones(4)), (np.ones((4, 1)), [0.0])],
        [(np.ones(3), np.ones(3)), (np.ones((3, 1)), [0.0])],
        [([[1.0, 2.0], [1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])],
        [(np.ones((2, 3)), 1.0), (np.ones((3, 1)), [0.0])],
    ],
)
def test_shapes_that_fit_no_way_are_refused_as_before(pairs, transpose):
    with pytest.raises(NetworkError, match=r"a layer needs a weight|real numbers"):
        pr.Network.from_arrays(pairs, transpose=transpose)
