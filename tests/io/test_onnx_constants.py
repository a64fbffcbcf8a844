"""Constants that the graph computes: folded where the result is a float, refused otherwise."""

import operator
from fractions import Fraction

import numpy as np
import pytest

from polyregions.errors import FormatError, NetworkError
from polyregions.errors import UnsupportedOperatorError as Unsupported
from polyregions.io import load
from polyregions.io.exact_floats import exact_matmul, exact_product, exact_sum
from polyregions.io.onnx_graph import OPERATORS

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx import TensorProto, helper, numpy_helper
from onnx_graphs import evaluate, graph, node, run, save

RNG = np.random.default_rng(7)


def single(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def ints(*values):
    return np.array(values, dtype=np.int64)


def made(*nodes, shape=(1, 3), opset=19, **constants):
    """x times a matrix w that the nodes compute, of shape (3, ...)."""
    nodes = [*nodes, node("MatMul", ["x", "w"], ["z"]), node("Relu", ["z"], ["y"])]
    return graph(nodes, constants, shape, element=TensorProto.FLOAT, opset=opset)


A, B = single(3, 4), single(3, 4)
Q = RNG.integers(-128, 128, size=(3, 4)).astype(np.int8)
SCALES = np.abs(single(4))
TENSOR = numpy_helper.from_array(np.float32([0.5]))
# (the model, the matrix in rational numbers or None)
CASES = {
    "add": (made(node("Add", ["a", "b"], ["w"]), a=np.float32(0.5), b=Q.astype(np.float32)), None),
    "sum": (
        made(node("Sum", ["a", "b", "a"], ["w"]), a=Q.astype(np.float32), b=np.float32(0.25)),
        None,
    ),
    "sub": (made(node("Sub", ["a", "b"], ["w"]), a=Q.astype(np.float32), b=np.float32(3)), None),
    # the product of two float32 is no float32, but it is a float64
    "mul": (
        made(node("Mul", ["a", "b"], ["w"]), a=A, b=B),
        [
            [Fraction(float(p)) * Fraction(float(q)) for p, q in zip(*r, strict=True)]
            for r in zip(A, B, strict=True)
        ],
    ),
    "div": (made(node("Div", ["a", "b"], ["w"]), a=A, b=np.float32(8)), None),
    "neg, abs": (made(node("Neg", ["a"], ["n"]), node("Abs", ["n"], ["w"]), a=A), None),
    "relu": (made(node("Relu", ["a"], ["w"]), a=A), None),
    "max": (made(node("Max", ["a", "b"], ["w"]), a=A, b=B), None),
    "min": (made(node("Min", ["a", "b", "a"], ["w"]), a=A, b=B), None),
    "matmul": (
        made(node("MatMul", ["a", "b"], ["w"]), a=np.diag(single(3)), b=A),
        None,
    ),
    "matmul of integers": (
        made(
            node("MatMul", ["a", "b"], ["w"]), a=Q.astype(np.float32), b=np.float32(np.eye(4) * 3)
        ),
        None,
    ),
    "where": (
        made(
            node("Greater", ["a", "b"], ["c"]),
            node("Not", ["c"], ["d"]),
            node("Where", ["d", "a", "b"], ["w"]),
            a=A,
            b=B,
        ),
        None,
    ),
    "comparisons": (
        made(
            node("LessOrEqual", ["a", "b"], ["c"]),
            node("GreaterOrEqual", ["a", "zero"], ["d"]),
            node("And", ["c", "d"], ["e"]),
            node("Less", ["b", "zero"], ["f"]),
            node("Or", ["e", "f"], ["g"]),
            node("Cast", ["g"], ["w"], to=TensorProto.FLOAT),
            a=A,
            b=B,
            zero=np.float32(0),
        ),
        None,
    ),
    "constant of shape": (
        made(node("ConstantOfShape", ["s"], ["w"], value=TENSOR), s=ints(3, 4)),
        None,
    ),
    "constant of shape, zero": (
        made(
            node("ConstantOfShape", ["s"], ["o"]),
            node("Add", ["o", "a"], ["w"]),
            s=ints(3, 4),
            a=Q.astype(np.float32),
        ),
        None,
    ),
    "cast": (made(node("Cast", ["a"], ["w"], to=TensorProto.FLOAT), a=Q), None),
    "cast of half": (
        made(node("Cast", ["a"], ["w"], to=TensorProto.FLOAT), a=A.astype(np.float16)),
        None,
    ),
    "dequantised": (
        made(node("DequantizeLinear", ["q", "s", "o"], ["w"]), q=Q, s=SCALES[0], o=np.int8(-7)),
        [[(Fraction(int(q)) + 7) * Fraction(float(SCALES[0])) for q in row] for row in Q],
    ),
    "dequantised along an axis": (
        made(node("DequantizeLinear", ["q", "s"], ["w"], axis=1), q=Q, s=SCALES),
        [
            [Fraction(int(q)) * Fraction(float(s)) for q, s in zip(row, SCALES, strict=True)]
            for row in Q
        ],
    ),
    "moved": (
        made(
            node("Transpose", ["a"], ["t"], perm=[1, 0]),
            node("Gather", ["t", "i"], ["g"], axis=0),
            node("Concat", ["g", "t"], ["c"], axis=0),
            node("Reshape", ["c", "s"], ["r"]),
            node("Transpose", ["r"], ["w"]),
            a=A,
            i=ints(3, 0),
            s=ints(-1, 3),
        ),
        None,
    ),
    "tiled": (made(node("Tile", ["a", "r"], ["w"]), a=A[:, :2], r=ints(1, 2)), None),
    "shapes": (
        made(
            node("Shape", ["x"], ["s"]),
            node("ReduceProd", ["s"], ["n"], keepdims=1),
            node("Size", ["a"], ["m"]),
            node("Div", ["m", "n"], ["k"]),
            node("Concat", ["n", "k"], ["t"], axis=0),
            node("Reshape", ["a", "t"], ["w"]),
            a=A,
        ),
        None,
    ),
    "integers": (
        made(
            node("Range", ["zero", "twelve", "one"], ["r"]),
            node("Div", ["r", "minus_five"], ["d"]),
            node("Mul", ["d", "r"], ["p"]),
            node("Reshape", ["p", "s"], ["q"]),
            node("Cast", ["q"], ["w"], to=TensorProto.FLOAT),
            zero=np.int64(0),
            one=np.int64(1),
            twelve=np.int64(12),
            minus_five=np.int64(-5),
            s=ints(3, 4),
        ),
        None,
    ),
    "rounded down and up": (
        made(
            node("Floor", ["a"], ["f"]),
            node("Ceil", ["b"], ["c"]),
            node("Add", ["f", "c"], ["w"]),
            a=A,
            b=B,
        ),
        None,
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("program", [evaluate, run])
def test_folds_to_what_the_programs_compute(tmp_path, name, program):
    model, exact = CASES[name]
    network = load(save(model, tmp_path))
    points = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    expected = program(model, points)
    np.testing.assert_allclose(network.forward(points), expected, rtol=1e-5, atol=1e-5)
    if exact is not None:
        assert [[Fraction(w) for w in row] for row in network.layers[0].weight.T.tolist()] == exact


BAD = {
    "cast to nothing": (made(node("Cast", ["a"], ["w"], to=999), a=Q), FormatError, "malformed"),
    "add": (made(node("Add", ["a", "b"], ["w"]), a=1e20 * A, b=B), Unsupported, "rounded; fold"),
    "sub": (
        made(node("Sub", ["a", "b"], ["w"]), a=A.astype(float), b=np.array(1e-30)),
        Unsupported,
        "both inputs are constants and the result would be rounded",
    ),
    "mul": (
        made(node("Mul", ["a", "b"], ["w"]), a=RNG.normal(size=(3, 4)), b=np.array(0.1)),
        Unsupported,
        "would be rounded",
    ),
    "div": (made(node("Div", ["a", "b"], ["w"]), a=A, b=np.float32(3)), Unsupported, "rounded"),
    "div by zero": (
        made(node("Div", ["a", "b"], ["w"]), a=A, b=np.float32(0)),
        NetworkError,
        "has a zero",
    ),
    "matmul": (
        made(node("MatMul", ["a", "b"], ["w"]), a=1e9 * single(3, 5), b=single(5, 4)),
        Unsupported,
        "would be rounded",
    ),
    "matmul of other shapes": (
        made(node("MatMul", ["a", "b"], ["w"]), a=A, b=A),
        NetworkError,
        "do not chain",
    ),
    "cast": (
        made(node("Cast", ["a"], ["w"], to=TensorProto.FLOAT), a=np.full((3, 4), 0.1)),
        Unsupported,
        "rounds a constant",
    ),
    "cast around": (
        made(
            node("Cast", ["a"], ["u"], to=TensorProto.UINT64),
            node("Cast", ["u"], ["w"], to=TensorProto.FLOAT),
            a=ints(-1, 1, 1),
        ),
        Unsupported,
        "rounds a constant",
    ),
    "cast of nan": (
        made(node("Cast", ["a"], ["w"], to=TensorProto.INT64), a=np.float32([np.nan])),
        Unsupported,
        "rounds a constant",
    ),
    "integers too large": (
        made(node("Mul", ["a", "a"], ["w"]), a=np.int32([2**20] * 3)),
        FormatError,
        "no int32",
    ),
    "huge": (
        made(node("ConstantOfShape", ["s"], ["w"]), s=ints(2**20, 2**20)),
        FormatError,
        "too large",
    ),
    "huge range": (
        made(node("Range", ["a", "b", "c"], ["w"]), a=ints(0), b=ints(2**60), c=ints(1)),
        FormatError,
        "too large",
    ),
    "huge sum": (
        made(
            node("Add", ["a", "b"], ["w"]),
            a=np.zeros((2**11, 1), np.float32),
            b=np.zeros(2**11, np.float32),
        ),
        FormatError,
        "too large",
    ),
    "many large ones": (
        made(
            *(node("Add", [f"a{i}", "b"], [f"a{i + 1}"]) for i in range(20)),
            node("Relu", ["a20"], ["w"]),
            a0=np.zeros((2**10, 1), np.float32),
            b=np.zeros(2**10, np.float32),
        ),
        FormatError,
        "computes too many constants",
    ),
    "negative shape": (
        made(node("ConstantOfShape", ["s"], ["w"]), s=ints(-1)),
        FormatError,
        "negative",
    ),
    "scales": (
        made(node("DequantizeLinear", ["q", "s"], ["w"], axis=0), q=Q, s=SCALES),
        Unsupported,
        "one for each slice",
    ),
    "quantised signal": (
        made(
            node("QuantizeLinear", ["x", "s"], ["q"]),
            node("DequantizeLinear", ["q", "s"], ["w"]),
            s=SCALES[0],
        ),
        Unsupported,
        r"QuantizeLinear.*rounds values",
    ),
    "equality of signals": (
        graph(
            [node("Equal", ["x", "c"], ["e"]), node("Where", ["e", "x", "c"], ["y"])],
            {"c": A},
            (3, 4),
        ),
        Unsupported,
        "only a constant",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_refuses(tmp_path, name):
    model, error, message = BAD[name]
    with pytest.raises(error, match=message) as caught:
        load(save(model, tmp_path))
    assert "\n" not in str(caught.value)


IN_FRACTIONS = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": operator.truediv,
}


@pytest.mark.parametrize("name", IN_FRACTIONS)
def test_a_result_is_that_of_fractions_or_refused(name):
    rng = np.random.default_rng(0)
    outcomes = {True: 0, False: 0}
    for _ in range(300):
        pair = rng.integers(1, 2 ** rng.integers(1, 40, size=2)) * 2.0 ** rng.integers(-30, 30, 2)
        exact = IN_FRACTIONS[name](*map(Fraction, pair.tolist()))
        try:
            result = OPERATORS[name](*pair.reshape(2, 1))
        except Unsupported:
            outcomes[False] += 1
            # sums and quotients that are floats are never refused
            assert name == "Mul" or Fraction(float(exact)) != exact
            continue
        outcomes[True] += 1
        assert [Fraction(value) for value in result.tolist()] == [exact]
    assert min(outcomes.values()) > 20


def test_integers_are_divided_towards_zero():
    rng = np.random.default_rng(0)
    a, b = rng.integers(-50, 50, size=(2, 100))
    b[b == 0] = 7
    result = OPERATORS["Div"](a, b)
    assert result.dtype == np.int64
    assert result.tolist() == [
        int(Fraction(p, q)) for p, q in zip(a.tolist(), b.tolist(), strict=True)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_products_of_matrices_are_exact_or_refused(seed):
    """Against fractions: never a rounded entry, and integers of moderate size always pass."""
    rng = np.random.default_rng(seed)
    shapes = [((3,), (3,)), ((2, 3), (3, 2)), ((3,), (4, 3, 2)), ((4, 2, 3), (3,)), ((2, 3), (3,))]
    left, right = shapes[seed % len(shapes)]
    a = rng.integers(-99, 99, size=left) * 2.0 ** rng.integers(-30, 30)
    b = rng.integers(-99, 99, size=right) * 0.5
    product = exact_matmul(a, b)
    exact = np.vectorize(Fraction)(a) @ np.vectorize(Fraction)(b)
    assert product is not None
    assert product.shape == np.shape(exact)
    assert np.array_equal(np.vectorize(Fraction)(product), exact)
    wild = a * rng.normal(size=left)
    given = exact_matmul(wild, b)
    if given is not None:
        exact = np.vectorize(Fraction)(wild) @ np.vectorize(Fraction)(b)
        assert np.array_equal(np.vectorize(Fraction)(given), exact)


def test_what_is_not_certain_is_none():
    assert exact_sum(np.array(1.0), np.array(2.0**-60)) is None
    assert exact_product(np.array(0.1), np.array(0.3)) is None
    assert exact_matmul(np.array([1.0, 2.0**-60]), np.array([1.0, 1.0])) is None


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_small_floats_are_widened(tmp_path, dtype):
    types = {"float16": TensorProto.FLOAT16, "bfloat16": TensorProto.BFLOAT16}
    # multiples of 1/4 below 16 are numbers of both types
    w = np.round(RNG.normal(size=(3, 4)) * 8) / 4
    model = graph(
        [node("MatMul", ["x", "w"], ["z"]), node("Relu", ["z"], ["y"])],
        {},
        (1, 3),
        element=types[dtype],
    )
    model.graph.initializer.append(
        helper.make_tensor("w", types[dtype], w.shape, w.ravel().tolist())
    )
    assert np.array_equal(load(save(model, tmp_path)).layers[0].weight, w.T)
