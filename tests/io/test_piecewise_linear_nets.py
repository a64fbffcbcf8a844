"""Nets of every kind of layer: the same counts by two loaders and by brute force."""

import numpy as np
import pytest
from oracles import brute_force

import polyregions as pr
from polyregions.io import load
from polyregions.theory import constructions as known

torch = pytest.importorskip("torch", reason="the extra torch is not installed")
pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx import TensorProto  # noqa: E402
from onnx_graphs import chain, graph, node, save  # noqa: E402

nn = torch.nn
functional = torch.nn.functional


class Residual(nn.Module):
    shape = (2,)

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(2, 3), nn.Linear(3, 2), nn.Linear(2, 1)

    def forward(self, x):
        return self.last(functional.relu(x + self.second(functional.relu(self.first(x)))))

    def onnx(self):
        return graph(
            [
                node("Gemm", ["x", "first.weight", "first.bias"], ["a"], transB=1),
                node("Relu", ["a"], ["b"]),
                node("Gemm", ["b", "second.weight", "second.bias"], ["c"], transB=1),
                node("Add", ["x", "c"], ["d"]),
                node("Relu", ["d"], ["e"]),
                node("Gemm", ["e", "last.weight", "last.bias"], ["y"], transB=1),
            ],
            arrays(self),
            (1, 2),
            element=TensorProto.FLOAT,
        )


class Convolutional(nn.Module):
    shape = (1, 3, 3)

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2)
        self.last = nn.Linear(2, 2)
        with torch.no_grad():
            self.norm.running_mean.normal_()
            self.norm.running_var.uniform_(0.5, 2)
            self.norm.weight.normal_()
            self.norm.bias.normal_()

    def forward(self, x):
        h = functional.avg_pool2d(functional.relu(self.norm(self.conv(x))), 2)
        return functional.relu(self.last(h.flatten(1)))

    def onnx(self):
        names = ("weight", "bias", "running_mean", "running_var")
        return chain(
            [
                ("Conv", ["conv.weight", "conv.bias"], {}),
                ("BatchNormalization", [f"norm.{n}" for n in names], {"epsilon": 1e-5}),
                ("Relu", [], {}),
                ("AveragePool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}),
                ("Flatten", [], {}),
                ("Gemm", ["last.weight", "last.bias"], {"transB": 1}),
                ("Relu", [], {}),
            ],
            arrays(self),
            (1, 1, 3, 3),
            element=TensorProto.FLOAT,
        )


class Leaky(nn.Module):
    shape = (2,)

    def __init__(self):
        super().__init__()
        self.first, self.second, self.slope = nn.Linear(2, 4), nn.Linear(4, 3), nn.PReLU(3)
        with torch.no_grad():
            self.slope.weight.copy_(torch.tensor([-0.5, 0.25, 1.5]))

    def forward(self, x):
        return self.slope(self.second(functional.leaky_relu(self.first(x), 0.125)))

    def onnx(self):
        return chain(
            [
                ("Gemm", ["first.weight", "first.bias"], {"transB": 1}),
                ("LeakyRelu", [], {"alpha": 0.125}),
                ("Gemm", ["second.weight", "second.bias"], {"transB": 1}),
                ("PRelu", ["slope.weight"], {}),
            ],
            arrays(self),
            (1, 2),
            element=TensorProto.FLOAT,
        )


class Maxout(nn.Module):
    shape = (2,)

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(2, 6), nn.Linear(2, 2)

    def forward(self, x):
        h = self.first(x).reshape(-1, 2, 3).amax(2)
        z = self.second(h)
        return torch.maximum(z[:, :1], z[:, 1:])

    def onnx(self):
        return graph(
            [
                node("Gemm", ["x", "first.weight", "first.bias"], ["a"], transB=1),
                node("Reshape", ["a", "shape"], ["b"]),
                node("ReduceMax", ["b"], ["c"], axes=[2], keepdims=0),
                node("Gemm", ["c", "second.weight", "second.bias"], ["d"], transB=1),
                node("Split", ["d"], ["e", "f"], axis=1),
                node("Max", ["e", "f"], ["y"]),
            ],
            {**arrays(self), "shape": np.array([-1, 2, 3])},
            (1, 2),
            element=TensorProto.FLOAT,
        )


class Clipped(nn.Module):
    shape = (2,)

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x):
        return functional.relu6(self.second(functional.hardtanh(self.first(x), -0.5, 0.25)) + 1)

    def onnx(self):
        return chain(
            [
                ("Gemm", ["first.weight", "first.bias"], {"transB": 1}),
                ("Clip", ["low", "high"], {}),
                ("Gemm", ["second.weight", "second.bias"], {"transB": 1}),
                ("Add", ["one"], {}),
                ("Clip", ["zero", "six"], {}),
            ],
            {
                **arrays(self),
                **{
                    name: np.float32(value)
                    for name, value in (
                        ("low", -0.5),
                        ("high", 0.25),
                        ("one", 1),
                        ("zero", 0),
                        ("six", 6),
                    )
                },
            },
            (1, 2),
            element=TensorProto.FLOAT,
        )


def arrays(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.numpy().copy() for name, tensor in module.state_dict().items()}


NETS = [Residual, Convolutional, Leaky, Maxout, Clipped]


@pytest.fixture(scope="module", params=NETS, ids=lambda net: net.__name__)
def case(request):
    torch.manual_seed(11)
    module = request.param().eval()
    network = pr.from_torch(module, input_shape=module.shape)
    n = network.input_dimension
    fixed = np.linspace(-0.5, 0.75, n)
    # of an image, the middle pixel and one beside it, which most windows read
    free = np.isin(np.arange(n), [n // 2, n // 2 - 1])
    box = pr.Box(np.where(free, -4.0, fixed), np.where(free, 4.0, fixed))
    return module, network, box, pr.enumerate_regions(network, box)


@pytest.mark.slow
def test_the_network_is_the_module(case):
    module, network, _, _ = case
    x = np.random.default_rng(0).normal(size=(50, network.input_dimension))
    with torch.no_grad():
        expected = module.double()(torch.from_numpy(x).reshape(50, *module.shape)).numpy()
    module.float()
    # the constant of an averaged norm is rounded once
    np.testing.assert_allclose(network.forward(x), expected.reshape(50, -1), atol=1e-13)


def test_both_loaders_agree(case, tmp_path):
    module, network, box, regions = case
    other = load(save(module.onnx(), tmp_path))
    # an attribute of ONNX is a float32: 1e-5 is not the same number in both
    if not isinstance(module, Convolutional):
        assert other.fingerprint == network.fingerprint
    again = pr.enumerate_regions(other, box)
    assert (again.patterns == regions.patterns).all()
    assert (again.edges == regions.edges).all()
    assert regions.proven
    assert len(regions) >= 8


@pytest.mark.slow
def test_brute_force_agrees(case):
    _, network, box, regions = case
    assert network.hidden_units <= 12
    expected = brute_force(network, box)
    assert (regions.patterns == expected.patterns).all()
    assert (regions.edges == expected.edges).all()


def test_every_sampled_pattern_is_found(case):
    _, network, box, regions = case
    x = np.random.default_rng(1).uniform(box.lower, box.upper, size=(20_000, box.dimension))
    sampled = np.unique(network.pattern(x), axis=0)
    found = {row.tobytes() for row in regions.patterns}
    assert len(sampled) > 0.6 * len(found)
    assert {row.tobytes() for row in sampled} <= found


@pytest.mark.parametrize(
    ("shape", "window", "filters", "count"),
    [
        ((1, 3), (1, 2), 2, 15),
        ((1, 3), (1, 2), 3, 40),
        ((1, 4), (1, 2), 2, 55),
        ((2, 2), (1, 2), 2, 16),
        ((1, 4), (1, 2), 3, 217),
    ],
)
def test_one_convolution_on_the_whole_space(tmp_path, shape, window, filters, count):
    """The counts of Xiong et al. 2020, theory.md section 4."""
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(filters, 1, *window)), rng.normal(size=filters)
    module = nn.Sequential(nn.Conv2d(1, filters, window), nn.ReLU()).double()
    with torch.no_grad():
        module[0].weight.copy_(torch.from_numpy(weight))
        module[0].bias.copy_(torch.from_numpy(bias))
    steps = [("Conv", ["w", "b"], {}), ("Relu", [], {})]
    model = chain(steps, {"w": weight, "b": bias}, (1, 1, *shape))
    for network in (load(save(model, tmp_path)), pr.from_torch(module, input_shape=(1, *shape))):
        assert len(pr.enumerate_regions(network, None)) == count


def test_the_example_of_six_definitions(tmp_path):
    """f = max(-y, min(0, -x)), once by Min and Max and once by the units of theory.md."""
    by_operators = graph(
        [
            node("Split", ["x"], ["x0", "x1"], axis=1),
            node("Neg", ["x0"], ["a"]),
            node("Min", ["a", "zero"], ["b"]),
            node("Neg", ["x1"], ["c"]),
            node("Max", ["c", "b"], ["y"]),
        ],
        {"zero": np.array(0.0)},
        (1, 2),
    )
    network = load(save(by_operators, tmp_path))
    x = np.random.default_rng(0).normal(size=(100, 2))
    expected = np.maximum(-x[:, 1], np.minimum(0, -x[:, 0]))
    np.testing.assert_allclose(network.forward(x)[:, 0], expected, atol=1e-15)
    assert len(pr.enumerate_regions(network, None)) == 4
    stated = known.maximum_example()
    constants = {}
    steps = []
    for index, layer in enumerate(stated.network.layers):
        constants |= {f"w{index}": layer.weight.T, f"b{index}": layer.bias}
        steps += [("MatMul", [f"w{index}"], {}), ("Add", [f"b{index}"], {}), ("Relu", [], {})]
    by_units = load(save(chain(steps[:-1], constants, (1, 2)), tmp_path))
    np.testing.assert_allclose(by_units.forward(x)[:, 0], expected, atol=1e-15)
    assert len(pr.enumerate_regions(by_units, None)) == stated.regions == 5


def test_absolute_values_of_the_inputs(tmp_path):
    """Theory.md section 5, item 4: 44 regions in the open square."""
    lines = np.array([[20, 1], [1, 20], [11, 10], [-9, 10]], dtype=float)
    model = chain(
        [("Abs", [], {}), ("Gemm", ["w", "b"], {"transB": 1}), ("Relu", [], {})],
        {"w": lines, "b": np.array([-10.0, -10.0, -9.0, 1.0])},
        (1, 2),
    )
    network = load(save(model, tmp_path))
    assert len(pr.enumerate_regions(network, pr.Box.cube(2, 1.0))) == 44


def test_minimum_of_two_units(tmp_path):
    """min(relu(x), relu(y)): the comparison vanishes where both are off."""
    model = graph(
        [
            node("Relu", ["x"], ["a"]),
            node("Split", ["a"], ["b", "c"], axis=1),
            node("Min", ["b", "c"], ["y"]),
        ],
        {},
        (1, 2),
    )
    network = load(save(model, tmp_path))
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0))
    expected = brute_force(network, pr.Box.cube(2, 1.0))
    assert (regions.patterns == expected.patterns).all()
    assert len(regions) == 5
