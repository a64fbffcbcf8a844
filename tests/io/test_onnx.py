from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from io_helpers import check_fuzz, check_unreadable, data_file, exact_forward, rationals

from polyregions.errors import FormatError, MissingExtraError, NetworkError
from polyregions.errors import UnsupportedOperatorError as Unsupported
from polyregions.io import RoundedDivisionWarning, load
from polyregions.network import Network

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

node = helper.make_node
RNG = np.random.default_rng(0)
W0 = RNG.normal(size=(3, 6)).astype(np.float32)
B0 = RNG.normal(size=6).astype(np.float32)
W1 = RNG.normal(size=(6, 2)).astype(np.float32)
X = np.array([0.1, -0.7, 0.3])


def model(nodes, constants, shape=(1, 3), opset=13, output=(1, 2), element=TensorProto.FLOAT):
    """A graph from x to y."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", element, shape)],
        [helper.make_tensor_value_info("y", element, output)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def perceptron(before=(), middle=(), after=(), shape=(1, 3), opset=13, **constants):
    """x, before, W0, b0, middle, Relu, W1, after, y; steps are (operator, extras, attributes)."""
    nodes = []
    value = "x"

    def step(operator, extras=(), **attributes):
        nonlocal value
        names = [extra or value for extra in extras] if None in extras else [value, *extras]
        nodes.append(node(operator, names, [f"v{len(nodes)}"], **attributes))
        value = nodes[-1].output[0]

    for operator, extras, attributes in before:
        step(operator, extras, **attributes)
    step("MatMul", ["W0"])
    step("Add", ["b0"])
    for operator, extras, attributes in middle:
        step(operator, extras, **attributes)
    step("Relu")
    step("MatMul", ["W1"])
    for operator, extras, attributes in after:
        step(operator, extras, **attributes)
    nodes[-1].output[0] = "y"
    return model(nodes, {"W0": W0, "b0": B0, "W1": W1, **constants}, shape, opset)


def saved(folder: Path, content) -> Path:
    file = folder / "net.onnx"
    file.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    return file


def compare(network: Network, content, points=20, tolerance=1e-5) -> None:
    """Compare with the reference evaluator of onnx on random points."""
    evaluator = ReferenceEvaluator(content)
    entry = next(
        i for i in content.graph.input if i.name not in {t.name for t in content.graph.initializer}
    )
    shape = [dim.dim_value or 1 for dim in entry.type.tensor_type.shape.dim]
    for x in np.random.default_rng(1).normal(size=(points, network.input_dimension)):
        (expected,) = evaluator.run(None, {entry.name: x.reshape(shape).astype(np.float32)})
        got = network.forward(np.float32(x))
        scale = 1 + np.abs(expected).max()
        np.testing.assert_allclose(got, expected.reshape(-1), rtol=0, atol=tolerance * scale)


c = np.float32
CASES = {
    "plain": perceptron(),
    "sub before": perceptron([("Sub", ["m"], {})], m=c([[1, 2, 3]])),
    "constant minus x": perceptron([("Sub", ["m", None], {})], m=c([[1, 2, 3]])),
    "scaled input": perceptron([("Mul", ["s"], {})], s=c(1 / 255)),
    "standardised": perceptron([("Sub", ["m"], {}), ("Div", ["s"], {})], m=c([1, 2, 3]), s=c(4)),
    "two biases": perceptron(middle=[("Add", ["m"], {})], m=c(0.1) * np.ones(6, np.float32)),
    "scaled middle": perceptron(middle=[("Mul", ["s"], {})], s=RNG.normal(size=6).astype(c)),
    "negated middle": perceptron(middle=[("Sub", ["s", None], {})], s=c(0)),
    "divided output": perceptron(after=[("Div", ["s"], {})], s=c([0.5, -8])),
    "relu twice": perceptron(middle=[("Relu", [], {})]),
    "relu on the input": perceptron([("Relu", [], {})]),
    "relu at the end": perceptron(after=[("Relu", [], {})]),
    "identity, dropout, cast": perceptron(
        [("Identity", [], {}), ("Cast", [], {"to": 11}), ("Cast", [], {"to": 1})],
        [("Dropout", [], {})],
    ),
    "flatten": perceptron([("Flatten", [], {"axis": 1})], shape=(1, 1, 3, 1)),
    "flatten, negative axis": perceptron([("Flatten", [], {"axis": -2})], shape=(1, 3, 1)),
    "reshape": perceptron([("Reshape", ["r"], {})], shape=(1, 1, 3), r=np.array([1, -1])),
    "reshape with zero": perceptron([("Reshape", ["r"], {})], shape=(1, 3, 1), r=np.array([0, -1])),
    "squeeze": perceptron([("Squeeze", ["r"], {})], shape=(1, 3, 1), r=np.array([2])),
    "squeeze, old": perceptron([("Squeeze", [], {"axes": [2]})], shape=(1, 3, 1), opset=11),
    "squeeze all": perceptron([("Squeeze", [], {})], shape=(1, 3, 1)),
    "unsqueeze": perceptron([("Unsqueeze", ["r"], {})], shape=(3,), r=np.array([0])),
    "unsqueeze, old": perceptron(
        [("Unsqueeze", [], {"axes": [0, 3]}), ("Flatten", [], {})], shape=(1, 3), opset=11
    ),
    "two rows": perceptron(shape=(2, 3)),
    "rows and columns": perceptron(shape=(2, 2, 3)),
    "broadcast input": perceptron([("Add", ["m"], {})], m=RNG.normal(size=(4, 3)).astype(c)),
    "broadcast middle": perceptron(
        middle=[("Mul", ["m"], {})], m=RNG.normal(size=(4, 1)).astype(c)
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_the_reference_evaluator(tmp_path, name):
    compare(load(saved(tmp_path, CASES[name])), CASES[name])


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"transB": 1},
        {"alpha": 0.5, "beta": -2.0},
        {"alpha": 0.3, "beta": 0.7},
        {"transA": 1},
        {"transA": 1, "transB": 1, "alpha": -1.0},
    ],
)
@pytest.mark.parametrize("bias", [(), (1,), (6,), (1, 6), None])
def test_gemm(tmp_path, attributes, bias):
    inputs = ["x", "w", *([] if bias is None else ["b"])]
    content = model(
        [node("Gemm", inputs, ["z"], **attributes), node("Relu", ["z"], ["y"])],
        {"w": W0.T if attributes.get("transB") else W0, "b": RNG.normal(size=bias or ()).astype(c)},
        shape=(3, 1) if attributes.get("transA") else (1, 3),
    )
    compare(load(saved(tmp_path, content)), content)


@pytest.mark.parametrize(("shape", "transpose"), [((3, 2), 0), ((3, 1), 0), ((1, 3), 1)])
def test_gemm_with_the_constant_on_the_left(tmp_path, shape, transpose):
    content = model(
        [node("Gemm", ["w", "x"], ["z"], transA=1, transB=transpose), node("Relu", ["z"], ["y"])],
        {"w": W0},
        shape=shape,
    )
    compare(load(saved(tmp_path, content)), content)


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 2), (2, 3, 4)])
@pytest.mark.parametrize("weight", [W0.T, W0[:, 0]])
def test_matmul_with_the_constant_on_the_left(tmp_path, shape, weight):
    content = model(
        [node("MatMul", ["w", "x"], ["z"]), node("Relu", ["z"], ["y"])], {"w": weight}, shape=shape
    )
    compare(load(saved(tmp_path, content)), content)


@pytest.mark.parametrize("shape", [(3,), (1, 3), (2, 4, 3)])
def test_matmul_with_a_vector(tmp_path, shape):
    content = model(
        [node("MatMul", ["x", "w"], ["z"]), node("Relu", ["z"], ["y"])],
        {"w": W0[:, 0]},
        shape=shape,
    )
    compare(load(saved(tmp_path, content)), content)


def test_constants_from_nodes_and_folded_shapes(tmp_path):
    """A view(x.size(0), -1) and a transposed weight, as torch exported them for years."""
    content = model(
        [
            node("Shape", ["x"], ["s"]),
            node("Constant", [], ["zero"], value=numpy_helper.from_array(np.array(0))),
            node("Gather", ["s", "zero"], ["batch"], axis=0),
            node("Unsqueeze", ["batch"], ["batches"], axes=[0]),
            node("Constant", [], ["rest"], value_ints=[-1]),
            node("Concat", ["batches", "rest"], ["target"], axis=0),
            node("Reshape", ["x", "target"], ["flat"]),
            node("Constant", [], ["w"], value=numpy_helper.from_array(W0.T.copy())),
            node("Transpose", ["w"], ["wt"], perm=[1, 0]),
            node("MatMul", ["flat", "wt"], ["z"]),
            node("Relu", ["z"], ["y"]),
        ],
        {},
        shape=("batch", 3, 1),
        opset=12,
    )
    compare(load(saved(tmp_path, content)), content)


def test_parameters_are_kept_bit_by_bit_and_merged(tmp_path):
    network = load(saved(tmp_path, CASES["plain"]))
    expected = Network.from_arrays([(W0.T, B0), (W1.T, np.zeros(2))])
    assert network.fingerprint == expected.fingerprint
    assert network.name == "net"


def test_float32_scales_merge_without_a_layer_more(tmp_path):
    assert len(load(saved(tmp_path, CASES["scaled input"])).layers) == 2
    assert len(load(saved(tmp_path, CASES["scaled middle"])).layers) == 2


@pytest.mark.parametrize(
    ("middle", "constant", "combine"),
    [
        ("Add", 1e-20, lambda z, k: z + k),
        ("Mul", 0.1, lambda z, k: z * k),
        ("Sub", 1e-20, lambda z, k: z - k),
        ("Div", 8.0, lambda z, k: z / k),
    ],
)
def test_nothing_is_rounded(tmp_path, middle, constant, combine):
    """In double precision merging would round; compare in rational arithmetic."""
    rng = np.random.default_rng(3)
    w, b, v = rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=(4, 2))
    content = model(
        [
            node("Sub", ["x", "m"], ["x1"]),
            node("MatMul", ["x1", "w"], ["z0"]),
            node("Add", ["z0", "b"], ["z1"]),
            node(middle, ["z1", "k"], ["z2"]),
            node("Relu", ["z2"], ["z3"]),
            node("MatMul", ["z3", "v"], ["y"]),
        ],
        {"m": np.array([0.1, 0.2, 0.3]), "w": w, "b": b, "k": np.array(constant), "v": v},
        element=TensorProto.DOUBLE,
    )
    network = load(saved(tmp_path, content))
    x = rationals(X)
    shifted = [p - q for p, q in zip(x, rationals(np.array([0.1, 0.2, 0.3])), strict=True)]
    columns = zip(w.T, rationals(b), strict=True)
    z = [
        combine(
            sum(p * q for p, q in zip(rationals(row), shifted, strict=True)) + shift,
            Fraction(constant),
        )
        for row, shift in columns
    ]
    h = [max(entry, Fraction(0)) for entry in z]
    expected = [sum(p * q for p, q in zip(rationals(row), h, strict=True)) for row in v.T]
    assert exact_forward(network, x) == expected


def test_division_that_must_round_warns(tmp_path):
    content = perceptron([("Div", ["s"], {})], s=c(3))
    with pytest.warns(RoundedDivisionWarning, match="no power of two"):
        network = load(saved(tmp_path, content))
    compare(network, content)


def test_exact_quotients_do_not_warn(tmp_path):
    content = model(
        [
            node("MatMul", ["x", "w"], ["v"]),
            node("Div", ["v", "k"], ["z"]),
            node("Relu", ["z"], ["y"]),
        ],
        {"w": 3 * np.ones((3, 2), np.float32), "k": c(3)},
    )
    assert (load(saved(tmp_path, content)).layers[0].weight == 1).all()


def test_nodes_in_any_order(tmp_path):
    content = CASES["constant minus x"]
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(content.graph.node))
        shuffled = damaged(lambda m: m.graph.ClearField("node"), content)
        shuffled.graph.node.extend([content.graph.node[i] for i in order])
        got = load(saved(tmp_path, shuffled))
        assert got.fingerprint == load(saved(tmp_path, content)).fingerprint


def test_unused_nodes_and_outputs_are_not_read(tmp_path):
    content = perceptron(middle=[("Dropout", [], {})])
    content.graph.node.insert(0, node("Softmax", ["x"], ["unused"]))
    compare(load(saved(tmp_path, content)), content)


def test_external_data_beside_the_model(tmp_path):
    content = CASES["plain"]
    copy = onnx.ModelProto()
    copy.CopyFrom(content)
    file = tmp_path / "net.onnx"
    onnx.save(copy, file, save_as_external_data=True, location="net.bin", size_threshold=0)
    assert load(file).fingerprint == load(saved(tmp_path, content)).fingerprint
    copy.CopyFrom(content)
    onnx.save(copy, file, save_as_external_data=True, location="net.bin", size_threshold=0)
    (tmp_path / "net.bin").write_bytes(b"short")
    with pytest.raises(FormatError, match=r"'net\.bin' ends before"):
        load(file)
    (tmp_path / "net.bin").unlink()
    with pytest.raises(FormatError, match=r"outside the model in 'net\.bin'.*no file"):
        load(file)


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "", ".", "link.bin", "a\0b"])
def test_external_data_elsewhere_is_refused(tmp_path, location):
    (tmp_path / "link.bin").symlink_to("/etc/passwd")
    content = onnx.ModelProto()
    content.CopyFrom(CASES["plain"])
    tensor = content.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    with pytest.raises(FormatError, match=r"no file beside|is not a file"):
        load(saved(tmp_path, content))


def damaged(change, source=CASES["plain"]):
    content = onnx.ModelProto()
    content.CopyFrom(source)
    change(content)
    return content


def one(operator, inputs=("x",), constants=(), **attributes):
    return model(
        [node(operator, inputs, ["z"], name="the_node", **attributes), node("Relu", ["z"], ["y"])],
        dict(constants),
    )


BAD = {
    "lrn": (one("LRN", size=3), Unsupported, r"LRN \(node the_node\).*Gemm"),
    "softmax": (one("Softmax"), Unsupported, "Softmax.*very last"),
    "recurrent": (one("LSTM", ["x", "w", "w"], {"w": W0}), Unsupported, "LSTM.*recurrent"),
    "random": (one("RandomNormalLike"), Unsupported, "RandomNormalLike.*random"),
    "steering": (one("If"), Unsupported, "If.*steers"),
    "other domain": (one("Gelu", domain="com.microsoft"), Unsupported, r"com\.microsoft\.Gelu"),
    "attribute": (one("Flatten", depth=1), Unsupported, "'depth' of operator Flatten"),
    "transpose": (one("Transpose", perm=[1, 2]), FormatError, "Transpose.*malformed"),
    "product": (one("MatMul", ["x", "x"]), Unsupported, "both inputs depend"),
    "divide by x": (one("Div", ["w", "x"], {"w": c(1)}), Unsupported, "divides by a value"),
    "divide by zero": (one("Div", ["x", "w"], {"w": c(0)}), NetworkError, "zero"),
    "cast to int": (one("Cast", to=7), Unsupported, "Cast.*other than real numbers"),
    "training": (
        one("Dropout", ["x", "r", "t"], {"r": c(0.5), "t": np.array(True)}),
        Unsupported,
        "training mode",
    ),
    "constants only": (
        one("Add", ["w", "v"], {"w": np.array(1.0), "v": np.array(1e-30)}),
        Unsupported,
        "both inputs are constants.*rounded; fold constants",
    ),
    "output of constants": (
        model([node("Add", ["w", "w"], ["y"])], {"w": c(1)}),
        FormatError,
        "does not depend on the input",
    ),
    "shapes": (one("MatMul", ["x", "w"], {"w": W0.T}), NetworkError, "MatMul.*do not chain"),
    "rank": (one("MatMul", ["x", "w"], {"w": W0.T[None]}), NetworkError, "do not fit together"),
    "broadcast": (one("Add", ["x", "w"], {"w": B0}), NetworkError, "Add.*do not broadcast"),
    "reshape": (one("Reshape", ["x", "r"], {"r": np.array([2, 2])}), NetworkError, "3 values"),
    "reshape -1": (one("Reshape", ["x", "r"], {"r": np.array([-1, -1])}), FormatError, "malformed"),
    "reshape by x": (one("Reshape", ["x", "x"]), Unsupported, "only a constant"),
    "reshape to nowhere": (one("Reshape", ["x"]), FormatError, "shape is missing"),
    "squeeze": (
        one("Squeeze", ["x", "r"], {"r": np.array([1])}),
        FormatError,
        "cannot be squeezed",
    ),
    "flatten axis": (one("Flatten", axis=5), FormatError, "axis 5"),
    "no input": (one("Relu", []), FormatError, "input 0 is missing"),
    "nan": (one("Add", ["x", "w"], {"w": c(np.nan)}), NetworkError, "Add.*not a finite"),
    "text": (one("Add", ["x", "w"], {"w": np.array(["a"], object)}), NetworkError, "real numbers"),
    "huge broadcast": (
        one("Add", ["x", "w"], {"w": np.zeros((10**5, 1), c)}),
        NetworkError,
        "layer",
    ),
    "huge gather": (
        model(
            [node("Gather", ["w", "i"], ["w1"]), node("Reshape", ["x", "w1"], ["y"])],
            {"w": np.zeros((9, 10**3), np.int64), "i": np.zeros(10**4, np.int64)},
        ),
        FormatError,
        "too large",
    ),
    "old": (perceptron(opset=6), FormatError, "operator set 6"),
    "no opset": (damaged(lambda m: m.ClearField("opset_import")), FormatError, "no operator set"),
    "no graph": (damaged(lambda m: m.ClearField("graph")), FormatError, "not a readable ONNX"),
    "empty graph": (model([], {}), FormatError, "does not depend on the input"),
    "no nodes": (damaged(lambda m: m.graph.ClearField("node")), FormatError, "does not depend"),
    "no hidden unit": (model([node("Identity", ["x"], ["y"])], {}), NetworkError, "hidden"),
    "no output": (damaged(lambda m: m.graph.ClearField("output")), FormatError, "no output"),
    "no inputs": (damaged(lambda m: m.graph.ClearField("input")), FormatError, "exactly one input"),
    "no constants": (
        damaged(lambda m: m.graph.ClearField("initializer")),
        FormatError,
        "reads 'W0'",
    ),
    "circle": (
        model([node("Add", ["x", "y"], ["z"]), node("Relu", ["z"], ["y"])], {}),
        FormatError,
        "in a circle",
    ),
    "two makers": (
        model([node("Relu", ["x"], ["y"]), node("Abs", ["x"], ["y"])], {}),
        FormatError,
        "two of its values are called 'y'",
    ),
    "made and stored": (
        model([node("Relu", ["x"], ["w"]), node("Relu", ["w"], ["y"])], {"w": W0}),
        FormatError,
        "two of its values are called 'w'",
    ),
    "short data": (
        damaged(lambda m: m.graph.initializer[0].dims.append(10**9)),
        FormatError,
        "does not hold the data",
    ),
    "negative": (
        damaged(lambda m: m.graph.initializer[0].dims.append(-1)),
        FormatError,
        "negative",
    ),
    "dynamic": (perceptron(shape=(1, "n")), FormatError, r"dynamic shape \[1, 'n'\]"),
    "dynamic vector": (perceptron(shape=("n",)), FormatError, "dynamic shape"),
    "no shape": (
        damaged(lambda m: m.graph.input[0].type.tensor_type.ClearField("shape")),
        FormatError,
        "no shape",
    ),
    "integers": (
        model([node("Relu", ["x"], ["y"])], {}, element=TensorProto.INT64),
        FormatError,
        "floating-point",
    ),
    "huge input": (perceptron(shape=(10**6, 10**6)), NetworkError, "more than"),
    "wide input": (
        model([node("Relu", ["x"], ["y"])], {}, shape=(1, 10**6)),
        NetworkError,
        "more than the 131072",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_refuses(tmp_path, name):
    content, error, message = BAD[name]
    with pytest.raises(error, match=message):
        load(saved(tmp_path, content))


def test_a_batch_of_any_size_counts_as_one_point(tmp_path):
    assert load(saved(tmp_path, perceptron(shape=("batch", 3)))).input_dimension == 3
    assert load(saved(tmp_path, perceptron(shape=(None, 3)))).input_dimension == 3


def test_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r'pip install "polyregions\[onnx\]"'):
        load(saved(tmp_path, CASES["plain"]))


def test_refuses_unreadable_files(tmp_path):
    check_unreadable(load, CASES["plain"].SerializeToString(), tmp_path / "bad.onnx")


def evaluated(file: Path, points: np.ndarray) -> np.ndarray:
    """Outputs of the reference evaluator."""
    read = onnx.load(file)
    shape = [dim.dim_value or 1 for dim in read.graph.input[0].type.tensor_type.shape.dim]
    run = ReferenceEvaluator(read).run
    inputs = (x.astype(np.float32).reshape(shape) for x in points)
    return np.array([run(None, {read.graph.input[0].name: x})[0].ravel() for x in inputs])


@pytest.mark.parametrize("name", ["plain", "standardised", "reshape", "squeeze, old"])
def test_survives_damaged_files(tmp_path, name):
    # float data may change unnoticed; the graph may not be misread without a refusal
    content, file = CASES[name].SerializeToString(), tmp_path / "bad.onnx"
    assert check_fuzz(load, content, file, count=150, reread=evaluated) > 30


@pytest.mark.parametrize(
    ("name", "inputs", "widths"),
    [
        ("tiny", 1, (2, 2)),
        ("vdp", 3, (32, 32)),
        ("cartpole", 4, (64, 64)),
        ("lunarlander", 8, (64, 64)),
        ("acasxu_1_1", 5, (50,) * 6),
        ("mnist_256x2", 784, (256, 256)),
    ],
)
def test_real_networks(name, inputs, widths):
    file = data_file(f"nets/{name}.onnx")
    network = load(file)
    assert (network.input_dimension, network.widths) == (inputs, widths)
    assert len(network.layers) == len(widths) + 1
    compare(network, onnx.load(file), points=10, tolerance=1e-4)


def test_real_convolution_with_max_pooling():
    """Sparse layers: dense ones would take more than 5 GB."""
    file = data_file("nets/mnist_conv_maxpool.onnx")
    network = load(file)
    assert network.widths == (23328, 9216, 4608, 2304, 1152)
    assert sum(layer.matrix.size for layer in network.layers) < 2**24
    compare(network, onnx.load(file), points=2, tolerance=1e-4)


def test_a_real_network_survives_damage(tmp_path):
    content = data_file("nets/tiny.onnx").read_bytes()
    assert check_fuzz(load, content, tmp_path / "bad.onnx", seed=1) > 20
