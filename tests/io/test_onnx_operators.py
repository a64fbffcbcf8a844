"""Every operator that is lowered, against the reference evaluator of onnx."""

import numpy as np
import pytest

from polyregions.errors import FormatError, NetworkError, PolyregionsError
from polyregions.errors import UnsupportedOperatorError as Unsupported
from polyregions.io import DroppedOperatorWarning, load

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx_graphs import chain, evaluate, graph, node, save

RNG = np.random.default_rng(5)
RELU = ("Relu", [], {})


def numbers(*shape):
    return RNG.normal(size=shape)


def ints(*values):
    return np.array(values, dtype=np.int64)


def one(operator, shape, extras=(), *, opset=17, **attributes):
    """An operator between two that bend, so that it meets an affine and a bent input."""
    constants = {f"c{i}": extra for i, extra in enumerate(extras) if extra is not None}
    names = ["" if extra is None else f"c{i}" for i, extra in enumerate(extras)]
    return chain([RELU, (operator, names, attributes), RELU], constants, shape, opset=opset)


def merged(operator, shape, extras=(), *, opset=17, **attributes):
    """The same on an affine input."""
    constants = {f"c{i}": extra for i, extra in enumerate(extras) if extra is not None}
    names = ["" if extra is None else f"c{i}" for i, extra in enumerate(extras)]
    scale = {"scale": numbers(*shape)}
    return chain(
        [("Mul", ["scale"], {}), (operator, names, attributes), RELU],
        {**constants, **scale},
        shape,
        opset=opset,
    )


CONVOLUTIONS = {
    "plain": ((1, 1, 3, 3), (2, 1, 2, 2), {}),
    "channels": ((1, 2, 3, 3), (3, 2, 2, 2), {}),
    "strides": ((1, 1, 5, 4), (1, 1, 2, 2), {"strides": [2, 3]}),
    "pads": ((1, 1, 3, 3), (1, 1, 3, 2), {"pads": [1, 0, 2, 1]}),
    "dilations": ((1, 1, 5, 5), (1, 1, 2, 3), {"dilations": [3, 2]}),
    "groups": ((1, 4, 3, 3), (4, 2, 2, 2), {"group": 2}),
    "depthwise": ((1, 3, 3, 3), (3, 1, 2, 2), {"group": 3}),
    "one axis": ((1, 2, 6), (3, 2, 3), {"pads": [1, 1], "strides": [2]}),
    "three axes": ((1, 1, 3, 2, 3), (2, 1, 2, 2, 2), {}),
    "two images": ((2, 2, 3, 3), (2, 1, 2, 2), {"group": 2, "pads": [0, 1, 0, 1]}),
}
POOLS = {
    "plain": ((1, 2, 4, 4), {"kernel_shape": [2, 2], "strides": [2, 2]}),
    "overlapping": ((1, 1, 4, 4), {"kernel_shape": [2, 3], "strides": [1, 1]}),
    "pads": ((1, 1, 3, 4), {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [1, 1, 0, 1]}),
    "three by three": ((1, 1, 5, 5), {"kernel_shape": [3, 3], "strides": [2, 2]}),
    "one axis": ((1, 2, 6), {"kernel_shape": [3], "strides": [2]}),
}
A, B = numbers(3, 4), numbers(4)
CASES = {
    **{
        f"conv, {name}": one("Conv", shape, [numbers(*filters), numbers(filters[0])], **attributes)
        for name, (shape, filters, attributes) in CONVOLUTIONS.items()
    },
    **{f"max pool, {name}": one("MaxPool", s, **a) for name, (s, a) in POOLS.items()},
    **{f"merged max pool, {name}": merged("MaxPool", s, **a) for name, (s, a) in POOLS.items()},
    **{f"average pool, {name}": one("AveragePool", s, **a) for name, (s, a) in POOLS.items()},
    "average pool, padding counted": one(
        "AveragePool", (1, 1, 3, 3), kernel_shape=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1
    ),
    "global average": one("GlobalAveragePool", (1, 3, 2, 4)),
    "global max": one("GlobalMaxPool", (1, 3, 2, 3)),
    "batch norm": one(
        "BatchNormalization", (1, 3, 2), [numbers(3), numbers(3), numbers(3), numbers(3) ** 2]
    ),
    "batch norm after scale": merged(
        "BatchNormalization", (1, 3), [numbers(3), numbers(3), numbers(3), numbers(3) ** 2]
    ),
    "pad": one("Pad", (1, 2, 3), [ints(0, 1, 0, 0, 0, 2)]),
    "pad with a value": one("Pad", (1, 3), [ints(0, 1, 0, 1), np.array(0.5)]),
    "pad along axes": one("Pad", (1, 3), [ints(1, 1), None, ints(-1)], opset=18),
    "leaky": merged("LeakyRelu", (1, 4), alpha=0.125),
    "leaky, default": merged("LeakyRelu", (1, 4)),
    "prelu": merged("PRelu", (1, 2, 3), [numbers(2, 1)]),
    "abs": merged("Abs", (1, 4)),
    "neg": merged("Neg", (1, 4)),
    "clip": merged("Clip", (1, 4), [np.array(-0.5), np.array(0.75)]),
    "clip above": merged("Clip", (1, 4), [None, np.array(0.25)]),
    "clip below": merged("Clip", (1, 4), [np.array(0.25)]),
    "clip to nothing": merged("Clip", (1, 4), [np.array(-np.inf), np.array(np.inf)]),
    "max with a constant": merged("Max", (1, 4), [np.array([0.5, 0.0, -1.0, 2.0])]),
    "min with constants": merged("Min", (1, 4), [np.array(0.5), np.array([[0.0], [1.0]])]),
    "add to itself": graph(
        [node("Add", ["x", "x"], ["v"]), node("Relu", ["v"], ["y"])], {}, (1, 3)
    ),
    "residual": graph(
        [
            node("MatMul", ["x", "w"], ["a"]),
            node("Relu", ["a"], ["b"]),
            node("MatMul", ["b", "w"], ["c"]),
            node("Add", ["c", "x"], ["d"]),
            node("Relu", ["d"], ["e"]),
            node("Sub", ["e", "a"], ["f"]),
            node("Sum", ["f", "b", "x"], ["g"]),
            node("Abs", ["g"], ["y"]),
        ],
        {"w": np.round(numbers(3, 3) * 64) / 64},
        (1, 3),
    ),
    "branches that broadcast": graph(
        [
            node("MatMul", ["x", "w"], ["a"]),
            node("ReduceMax", ["a"], ["b"], axes=[1], keepdims=1),
            node("Sub", ["a", "b"], ["c"]),
            node("Relu", ["c"], ["y"]),
        ],
        {"w": numbers(3, 4)},
        (2, 3),
    ),
    "max of three": graph(
        [
            node("MatMul", ["x", "w"], ["a"]),
            node("Relu", ["x"], ["b"]),
            node("Max", ["a", "b", "x"], ["y"]),
        ],
        {"w": numbers(3, 3)},
        (1, 3),
    ),
    "min of two": graph(
        [node("MatMul", ["x", "w"], ["a"]), node("Min", ["a", "x"], ["y"])],
        {"w": numbers(3, 3)},
        (1, 3),
    ),
    "concat": graph(
        [
            node("Relu", ["x"], ["a"]),
            node("MatMul", ["a", "w"], ["b"]),
            node("Concat", ["x", "k", "b", "a"], ["c"], axis=-1),
            node("Relu", ["c"], ["y"]),
        ],
        {"w": numbers(3, 2), "k": numbers(1, 2)},
        (1, 3),
    ),
    "split": graph(
        [
            node("Relu", ["x"], ["a"]),
            node("Split", ["a", "sizes"], ["b", "c"], axis=1),
            node("MatMul", ["c", "w"], ["d"]),
            node("Add", ["b", "d"], ["e"]),
            node("Relu", ["e"], ["y"]),
        ],
        {"sizes": ints(1, 3), "w": numbers(3, 1)},
        (1, 4),
    ),
    "split, old": graph(
        [
            node("Split", ["x"], ["b", "c"], axis=1),
            node("Sub", ["b", "c"], ["e"]),
            node("Relu", ["e"], ["y"]),
        ],
        {},
        (1, 4),
        opset=11,
    ),
    "slice": one("Slice", (2, 5), [ints(1, -1), ints(2, -5), ints(0, 1), ints(1, -2)]),
    "slice backwards to the start": one(
        "Slice", (1, 4), [ints(3), ints(-(2**60)), ints(1), ints(-1)]
    ),
    "slice, old": one("Slice", (2, 5), opset=9, starts=[1], ends=[100], axes=[1]),
    "gather": one("Gather", (1, 4), [ints(3, 0, 0)], axis=1),
    "gather one": one("Gather", (1, 4), [np.array(-1)], axis=1),
    "transpose": one("Transpose", (1, 2, 3), perm=[2, 0, 1]),
    "transpose back": one("Transpose", (2, 3)),
    "expand": one("Expand", (1, 3), [ints(2, 1)]),
    "unsqueeze, squeeze": chain(
        [RELU, ("Unsqueeze", ["a"], {}), ("Squeeze", ["a"], {}), RELU], {"a": ints(1)}, (2, 3)
    ),
    "reduce sum": one("ReduceSum", (2, 3), [ints(1)], keepdims=0),
    "reduce mean": one("ReduceMean", (2, 3), axes=[-1]),
    "reduce everything": one("ReduceMean", (2, 2)),
    "reduce max": one("ReduceMax", (2, 3), axes=[0], keepdims=0),
    "gemm of a transposed signal": chain(
        [RELU, ("Gemm", ["w"], {"transA": 1}), RELU], {"w": numbers(2, 4)}, (2, 3)
    ),
    "matmul of merged scales": chain(
        [("Transpose", [], {}), ("MatMul", ["w"], {}), RELU], {"w": numbers(2, 4)}, (2, 3)
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::polyregions.io.RoundedDivisionWarning")
def test_equals_the_reference_evaluator(tmp_path, name):
    network = load(save(CASES[name], tmp_path))
    points = np.random.default_rng(1).normal(size=(20, network.input_dimension))
    expected = evaluate(CASES[name], points)
    np.testing.assert_allclose(network.forward(points), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("last", ["Softmax", "LogSoftmax", "Sigmoid", "ArgMax"])
def test_the_last_operator_is_dropped_and_said_so(tmp_path, last):
    steps = [("MatMul", ["w"], {}), RELU]
    plain = load(save(chain(steps, {"w": A}, (1, 3)), tmp_path))
    with pytest.warns(DroppedOperatorWarning, match=f"{last} is left out"):
        network = load(save(chain([*steps, (last, [], {})], {"w": A}, (1, 3)), tmp_path))
    assert network.fingerprint == plain.fingerprint


def test_power_of_two_averages_are_exact(tmp_path):
    network = load(save(one("GlobalAveragePool", (1, 1, 2, 4)), tmp_path))
    assert set(network.layers[1].weight.ravel()) == {0.125}


def test_a_value_needed_later_is_carried(tmp_path):
    """Four pass-through units bring x past two layers; nothing else is added."""
    model = CASES["residual"]
    network = load(save(model, tmp_path))
    assert network.widths == (3, 3, 3)
    assert [len(layer.bias) for layer in network.layers] == [6, 9, 3, 3]


BAD = {
    "groups": (one("Conv", (1, 3, 3), [numbers(2, 1, 2)]), NetworkError, "groups"),
    "rank": (one("Conv", (1, 3), [numbers(2, 1, 2)]), NetworkError, "three axes"),
    "kernel": (
        one("Conv", (1, 1, 3), [numbers(2, 1, 2)], kernel_shape=[3]),
        FormatError,
        "kernel_shape",
    ),
    "auto pad": (
        one("Conv", (1, 1, 3), [numbers(1, 1, 2)], auto_pad="HALF"),
        Unsupported,
        "auto_pad = 'HALF'",
    ),
    "no window": (one("MaxPool", (1, 1, 3)), FormatError, "MaxPool.*malformed"),
    "too small": (one("MaxPool", (1, 1, 3), kernel_shape=[4]), NetworkError, "does not fit"),
    "stride": (one("MaxPool", (1, 1, 3), kernel_shape=[2], strides=[0]), FormatError, "positive"),
    "big pads": (
        one("MaxPool", (1, 1, 4), kernel_shape=[2], pads=[2, 0]),
        NetworkError,
        "not smaller than the window",
    ),
    "huge": (
        one("Conv", (1, 1, 100), [numbers(1, 1, 1)], pads=[10**9, 10**9]),
        NetworkError,
        "too many",
    ),
    "huge pad": (one("Pad", (1, 3), [ints(0, 10**12, 0, 0)]), NetworkError, "too large"),
    "pad mode": (one("Pad", (1, 3), [ints(0, 1, 0, 0)], mode="reflect"), Unsupported, "reflect"),
    "clip crossed": (
        one("Clip", (1, 3), [np.array(1.0), np.array(0.0)]),
        NetworkError,
        "nothing to vary",
    ),
    "variance": (
        one("BatchNormalization", (1, 2), [B[:2], B[:2], B[:2], np.array([-1.0, 1.0])]),
        NetworkError,
        "not positive",
    ),
    "statistics": (
        one("BatchNormalization", (1, 3), [B[:2], B[:2], B[:2], B[:2]]),
        NetworkError,
        "do not fit",
    ),
    "training": (
        one("BatchNormalization", (1, 2), [B[:2], B[:2], B[:2], B[:2] ** 2], training_mode=1),
        Unsupported,
        "training mode",
    ),
    "split": (
        graph([node("Split", ["x", "s"], ["y", "z"], axis=1)], {"s": ints(1, 5)}, (1, 3)),
        FormatError,
        "do not make 3",
    ),
    "concat": (
        graph([node("Concat", ["x", "k"], ["y"], axis=0)], {"k": numbers(1, 2)}, (1, 3)),
        NetworkError,
        "cannot be joined",
    ),
    "product of branches": (
        graph([node("Mul", ["x", "x"], ["y"])], {}, (1, 3)),
        Unsupported,
        "both inputs depend",
    ),
    "gather by x": (
        graph([node("Gather", ["x", "x"], ["y"])], {}, (1, 3)),
        Unsupported,
        "only a constant",
    ),
    "softmax inside": (
        chain([("Softmax", [], {}), RELU], {}, (1, 3)),
        Unsupported,
        "very last operator",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_refuses(tmp_path, name):
    model, error, message = BAD[name]
    with pytest.raises(error, match=message) as caught:
        load(save(model, tmp_path))
    assert isinstance(caught.value, PolyregionsError)
    assert "\n" not in str(caught.value)
