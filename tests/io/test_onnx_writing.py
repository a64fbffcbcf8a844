"""A network that is written as ONNX is read back as the same function, and runs as it."""

import numpy as np
import pytest

import polyregions as pr
from polyregions.errors import FormatError
from polyregions.io import save_network

onnx = pytest.importorskip("onnx")
SLOPES = [
    (0.0, 1.0, True),  # ReLU
    ([0, 1, 0.25], [1, 1, 1], True),  # one that does not bend, one leaky
    ([2, 0, 3.0], [2, 1, 3], None),  # that scale
    ([0.3, -1, 0], [2, 1.5, 3], None),  # any
    ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], True),
]


def network_with(lower, upper):
    rng = np.random.default_rng(0)
    first = pr.Layer.with_slopes(rng.normal(size=(3, 2)), rng.normal(size=3), lower, upper)
    second = pr.Layer.relu(rng.normal(size=(3, 3)), rng.normal(size=3))
    return pr.Network((first, second, pr.Layer.affine(rng.normal(size=(2, 3)), [0.0, 0.1])))


@pytest.mark.parametrize(("lower", "upper", "same_layers"), SLOPES)
def test_the_same_function_comes_back(lower, upper, same_layers, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    from tests.analysis.test_simplify import assert_equal_on

    network, file = network_with(lower, upper), tmp_path / "net.onnx"
    save_network(network, file)
    onnx.checker.check_model(str(file), full_check=True)
    back = pr.load(file)
    assert_equal_on(network, back, pr.Box.cube(2, 2.0))
    if same_layers:
        assert back.fingerprint == network.fingerprint
    points = np.random.default_rng(1).normal(size=(50, 2))
    got = runtime.InferenceSession(file).run(None, {"input": points})[0]
    np.testing.assert_allclose(got, network.forward(points), rtol=1e-12, atol=1e-12)
    first = file.read_bytes()
    save_network(network, file)
    assert file.read_bytes() == first


def test_what_cannot_be_written_is_refused(tmp_path, three_lines):
    for name, said in (("net.pt", "saved as .npz or .onnx"), ("no/net.onnx", "cannot be written")):
        with pytest.raises(FormatError, match=said):
            save_network(three_lines, tmp_path / name)
    with pytest.raises(pr.NetworkError, match="a network is expected"):
        save_network("net.npz", tmp_path / "net.onnx")
