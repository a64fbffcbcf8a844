"""Piecewise-linear operators of public networks, against the programs that run them."""

from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from io_helpers import exact_forward, rationals
from oracles import brute_force

import polyregions as pr
from polyregions.errors import FormatError, NetworkError
from polyregions.errors import UnsupportedOperatorError as Unsupported
from polyregions.io import load
from polyregions.io.rearranging import COORDINATES, ROUNDINGS

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx import TensorProto
from onnx_graphs import chain, evaluate, graph, node, run, save

RNG = np.random.default_rng(11)
RELU = ("Relu", [], {})
single = partial(graph, element=TensorProto.FLOAT)


def numbers(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def ints(*values):
    return np.array(values, dtype=np.int64)


def one(operator, shape, extras=(), *, opset=19, **attributes):
    """An operator between two that bend."""
    constants = {f"c{i}": extra for i, extra in enumerate(extras) if extra is not None}
    names = ["" if extra is None else f"c{i}" for i, extra in enumerate(extras)]
    steps = [RELU, (operator, names, attributes), RELU]
    return chain(steps, constants, shape, opset=opset, element=TensorProto.FLOAT)


W, B = numbers(3, 4), numbers(4)
A = [node("MatMul", ["x", "W"], ["a0"]), node("Add", ["a0", "B"], ["a"])]
CONSTANTS = {"W": W, "B": B, "zero": np.float32(0), "s": np.float32(0.01), "V": numbers(4, 4)}


def choice(*nodes, **constants):
    """Nodes that read a = W x + B and make y."""
    return single([*A, *nodes], {**CONSTANTS, **constants}, (1, 3))


def contraction(equation, shape, other, *, constant_first=False):
    names = ["w", "r"] if constant_first else ["r", "w"]
    return single(
        [
            node("Relu", ["x"], ["r"]),
            node("Einsum", names, ["a"], equation=equation),
            node("Relu", ["a"], ["y"]),
        ],
        {"w": numbers(*other)},
        shape,
    )


def product(shape, stack, *, constant_first=False):
    names = ["w", "r"] if constant_first else ["r", "w"]
    return single(
        [node("Relu", ["x"], ["r"]), node("MatMul", names, ["a"]), node("Relu", ["a"], ["y"])],
        {"w": numbers(*stack)},
        shape,
    )


def sorting(count, taken, **attributes):
    return single(
        [
            node("MatMul", ["x", "w"], ["a"]),
            node("TopK", ["a", "k"], ["y", "places"], **attributes),
        ],
        {"w": numbers(3, count), "k": ints(taken)},
        (1, 3),
    )


GROUP_SORT = [
    node("Reshape", ["a", "pairs"], ["p"]),
    node("TopK", ["p", "two"], ["q", "places"], axis=-1),
    node("Reshape", ["q", "flat"], ["y"]),
]
SCALER = partial(node, "Scaler", ["x"], ["u"], domain="ai.onnx.ml")
RECKONED_PADS = ("SAME_UPPER", "SAME_LOWER", "VALID")
CASES = {
    "reduce min": one("ReduceMin", (2, 3), axes=[1], opset=17),
    "reduce min of everything": one("ReduceMin", (2, 3), keepdims=0),
    "reduce l1": chain(
        [("MatMul", ["W"], {}), ("ReduceL1", [], {"axes": [1]}), RELU],
        {"W": W},
        (2, 3),
        element=TensorProto.FLOAT,
    ),
    "mean": choice(
        node("Mean", ["a", "V0", "a", "B"], ["m"]), node("Relu", ["m"], ["y"]), V0=numbers(1, 4)
    ),
    "hard sigmoid": one("HardSigmoid", (1, 4)),
    "hard sigmoid with numbers": choice(node("HardSigmoid", ["a"], ["y"], alpha=0.3, beta=-0.25)),
    "thresholded relu at 0": choice(node("ThresholdedRelu", ["a"], ["y"], alpha=0.0)),
    "soft shrink": choice(node("Shrink", ["a"], ["y"], bias=0.3, lambd=0.3)),
    "tile": one("Tile", (1, 2, 3), [ints(2, 1, 3)]),
    "depth to space": one("DepthToSpace", (1, 8, 2, 3), blocksize=2),
    "depth to space, crd": one("DepthToSpace", (1, 8, 2, 3), blocksize=2, mode="CRD"),
    "space to depth": one("SpaceToDepth", (1, 2, 4, 6), blocksize=2),
    "gather at places": one("GatherND", (2, 3, 2), [np.array([[[1, 2], [0, -1]]])]),
    "upsample": one("Upsample", (1, 1, 2, 3), [np.float32([1, 1, 2, 3])], opset=9),
    "upsample, old": one("Upsample", (1, 1, 2, 3), opset=8, scales=[1.0, 1.0, 2.0, 3.0]),
    "resize of set 10": one("Resize", (1, 1, 2, 3), [np.float32([1, 1, 2, 1.5])], opset=10),
    "resize along axes": one(
        "Resize", (1, 1, 2, 3), [None, None, ints(4, 5)], axes=[2, 3], mode="nearest"
    ),
    "transposed conv": one("ConvTranspose", (1, 2, 3), [numbers(2, 3, 2), numbers(3)], strides=[2]),
    "transposed conv, groups": one(
        "ConvTranspose", (1, 4, 3, 2), [numbers(4, 2, 2, 3)], strides=[2, 1], group=2
    ),
    "transposed conv, pads": one(
        "ConvTranspose",
        (2, 1, 3),
        [numbers(1, 1, 3)],
        strides=[3],
        pads=[1, 2],
        output_padding=[2],
        dilations=[2],
    ),
    "transposed conv, same": one(
        "ConvTranspose", (1, 1, 3), [numbers(1, 1, 3)], strides=[2], auto_pad="SAME_LOWER"
    ),
    "transposed conv of a shape": one(
        "ConvTranspose", (1, 1, 3), [numbers(1, 1, 4)], strides=[2], output_shape=[5]
    ),
    "einsum": contraction("bij,jk->bik", (1, 2, 3), (3, 4)),
    "einsum, implicit": contraction("ij,jk", (2, 3), (3, 4)),
    "einsum, stack": contraction("hij,bhi->bhj", (1, 2, 3), (2, 3, 2), constant_first=True),
    "einsum, dots": contraction("...j,jk->...k", (1, 2, 3), (3, 4)),
    "einsum, outer": contraction("i,j->ij", (3,), (2,)),
    "einsum, diagonal": contraction("ii,i->i", (3, 3), (3,)),
    "einsum, traced": single(
        [node("Einsum", ["x"], ["a"], equation="bii->b"), node("Relu", ["a"], ["y"])], {}, (2, 3, 3)
    ),
    "stack of matrices": product((2, 3), (4, 3, 2)),
    "stack of matrices, broadcast": product((2, 1, 2, 3), (4, 3, 2)),
    "stack of matrices and a vector": product((3,), (4, 3, 2)),
    "stack of matrices on the left": product((4, 3, 2), (4, 2, 3), constant_first=True),
    "vector on the right": product((3,), (4, 2, 3), constant_first=True),
    "scaler": single(
        [
            SCALER(offset=[0.1, 0.2, 0.3], scale=[2.0, 0.7, 1.5]),
            node("MatMul", ["u", "W"], ["v"]),
            node("Relu", ["v"], ["y"]),
        ],
        CONSTANTS,
        (1, 3),
    ),
    "scaler of one number": single(
        [SCALER(offset=[0.1], scale=[3.0]), node("Relu", ["u"], ["y"])], {}, (1, 3)
    ),
    "group sort": choice(*GROUP_SORT, pairs=ints(1, 2, 2), two=ints(2), flat=ints(1, 4)),
    "max and min of halves": choice(
        node("Split", ["a", "halves"], ["p", "q"], axis=1),
        node("Max", ["p", "q"], ["u"]),
        node("Min", ["p", "q"], ["v"]),
        node("Concat", ["u", "v"], ["y"], axis=1),
        halves=ints(2, 2),
    ),
    **{
        f"the {k} {'largest' if largest else 'smallest'} of {n}": sorting(n, k, largest=largest)
        for n, k, largest in [(2, 1, 1), (3, 3, 0), (4, 2, 1), (5, 5, 1), (7, 6, 0), (8, 8, 1)]
    },
    "where as relu": choice(
        node("Greater", ["a", "zero"], ["c"]), node("Where", ["c", "a", "zero"], ["y"])
    ),
    "where as leaky relu": choice(
        node("GreaterOrEqual", ["a", "zero"], ["c"]),
        node("Mul", ["a", "s"], ["m"]),
        node("Where", ["c", "a", "m"], ["y"]),
    ),
    "where the other way": choice(
        node("Less", ["a", "zero"], ["c"]),
        node("Mul", ["a", "s"], ["m"]),
        node("Where", ["c", "m", "a"], ["y"]),
    ),
    "where not": choice(
        node("LessOrEqual", ["a", "zero"], ["n"]),
        node("Not", ["n"], ["c"]),
        node("Where", ["c", "a", "zero"], ["y"]),
    ),
    "where as a maximum": choice(
        node("Relu", ["a"], ["r"]),
        node("MatMul", ["r", "V"], ["b"]),
        node("Less", ["b", "a"], ["c"]),
        node("Where", ["c", "a", "b"], ["y"]),
    ),
    "where above a constant": choice(
        node("Greater", ["a", "k"], ["c"]), node("Where", ["c", "a", "k"], ["y"]), k=numbers(4)
    ),
    "where on the input": single(
        [
            node("Greater", ["x", "zero"], ["c"]),
            node("Mul", ["x", "s"], ["m"]),
            node("Where", ["c", "x", "m"], ["y"]),
        ],
        CONSTANTS,
        (1, 3),
    ),
    "where behind a bend": choice(
        node("Relu", ["a"], ["r"]),
        node("Sub", ["r", "k"], ["z"]),
        node("Greater", ["z", "zero"], ["c"]),
        node("Mul", ["z", "s"], ["m"]),
        node("Where", ["c", "z", "m"], ["y"]),
        k=numbers(4),
    ),
    "where through a cast": choice(
        node("Greater", ["a", "zero"], ["c"]),
        node("Cast", ["c"], ["d"], to=TensorProto.BOOL),
        node("Where", ["d", "a", "zero"], ["y"]),
    ),
    "product with a comparison": choice(
        node("Greater", ["a", "zero"], ["c"]),
        node("Cast", ["c"], ["f"], to=TensorProto.FLOAT),
        node("Mul", ["f", "a"], ["y"]),
    ),
    "where a mask says": choice(
        node("Relu", ["a"], ["r"]),
        node("Where", ["mask", "r", "k"], ["u"]),
        node("Where", ["other", "u", "a"], ["v"]),
        node("Relu", ["v"], ["y"]),
        mask=np.array([[True, False, True, True]]),
        other=np.array([True, False, False, True]),
        k=numbers(4),
    ),
    **{
        f"conv, {auto}, strides {strides}": one(
            "Conv", (1, 2, 5, 4), [numbers(2, 2, 2, 3)], auto_pad=auto, strides=strides
        )
        for auto in RECKONED_PADS
        for strides in ([1, 1], [2, 2])
    },
    **{
        f"max pool, {auto}": one(
            "MaxPool", (1, 2, 5, 4), auto_pad=auto, kernel_shape=[2, 3], strides=[2, 2]
        )
        for auto in RECKONED_PADS
    },
}


NOT_BY_REFERENCE = (
    # its pads are not those of onnxruntime
    *(name for name in CASES if name.startswith(("conv, ", "max pool, "))),
    "resize of set 10",
    "transposed conv of a shape",
    "transposed conv, groups",
    "upsample, old",
)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("program", [evaluate, run])
@pytest.mark.filterwarnings("ignore::polyregions.io.RoundedDivisionWarning")
def test_equals_the_programs_that_run_it(tmp_path, name, program):
    network = load(save(CASES[name], tmp_path))
    points = np.random.default_rng(1).normal(size=(20, network.input_dimension)).astype(np.float32)
    if program is evaluate and name in NOT_BY_REFERENCE:
        pytest.skip("the reference evaluator of onnx does not run it, or runs it wrongly")
    expected = program(CASES[name], points)
    np.testing.assert_allclose(network.forward(points), expected, rtol=0, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "attributes"),
    [("MaxPool", {}), ("AveragePool", {}), ("AveragePool", {"count_include_pad": 1})],
)
@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("pads", [(0, 0), (1, 0), (0, 1), (1, 1), (2, 1)])
@pytest.mark.filterwarnings("ignore::polyregions.io.RoundedDivisionWarning")
def test_pooling_in_ceil_mode(tmp_path, kind, attributes, stride, pads):
    """Only onnxruntime: the reference evaluator differs from it, and from torch."""
    for extent in (4, 5, 6):
        model = one(
            kind,
            (1, 1, extent),
            kernel_shape=[3],
            strides=[stride],
            pads=pads,
            ceil_mode=1,
            **attributes,
        )
        network = load(save(model, tmp_path))
        points = np.random.default_rng(1).normal(size=(3, extent)).astype(np.float32)
        expected = run(model, points)
        np.testing.assert_allclose(network.forward(points), expected, rtol=0, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("coordinate", sorted(COORDINATES))
@pytest.mark.parametrize("rounding", sorted(ROUNDINGS))
def test_resizing_to_the_nearest(tmp_path, coordinate, rounding):
    names = {"coordinate_transformation_mode": coordinate, "nearest_mode": rounding}
    points = np.random.default_rng(1).normal(size=(2, 5)).astype(np.float32)
    scales = [np.float32([1, 1, scale]) for scale in (2, 0.5, 1.5)]
    for sizes in [*(ints(1, 1, size) for size in (1, 3, 7, 11)), *scales]:
        given = [None, None, sizes] if sizes.dtype == np.int64 else [None, sizes]
        opset = 11 if coordinate == "tf_half_pixel_for_nn" else 19
        if opset == 11:
            given = [np.float32([]), *([np.float32([]), sizes] if len(given) == 3 else [sizes])]
        model = one("Resize", (1, 1, 5), given, opset=opset, mode="nearest", **names)
        got = load(save(model, tmp_path)).forward(points)
        np.testing.assert_allclose(got, run(model, points), rtol=0, atol=1e-6)


TINY = {
    "group sort": single(
        [
            node("MatMul", ["x", "w"], ["a"]),
            node("TopK", ["a", "k"], ["y", "places"], axis=-1),
        ],
        {"w": np.float32([[1, 2, -1], [2, -1, 1]]), "k": ints(3)},
        (1, 2),
    ),
    "soft shrink": single([node("Shrink", ["x"], ["y"], bias=0.5, lambd=0.5)], {}, (1, 2)),
    "hard sigmoid": single([node("HardSigmoid", ["x"], ["y"], alpha=0.75)], {}, (1, 2)),
    "smallest": single(
        [node("Abs", ["x"], ["a"]), node("ReduceMin", ["a"], ["y"], axes=[1])], {}, (1, 2)
    ),
    "where": single(
        [
            node("MatMul", ["x", "w"], ["a"]),
            node("Greater", ["a", "k"], ["c"]),
            node("Where", ["c", "a", "k"], ["y"]),
        ],
        {"w": np.float32([[1, 2], [2, -1]]), "k": np.float32([0.25, -0.5])},
        (1, 2),
    ),
    "transposed conv": chain(
        [("ConvTranspose", ["w"], {"strides": [2]}), RELU],
        {"w": np.float32([[[1, -2, 1]]])},
        (1, 1, 2),
        element=TensorProto.FLOAT,
    ),
}


@pytest.mark.parametrize("name", TINY)
def test_tiny_versions_against_brute_force(tmp_path, name):
    network, box = load(save(TINY[name], tmp_path)), pr.Box.cube(2, 1.0)
    regions, expected = pr.enumerate_regions(network, box), brute_force(network, box)
    assert regions.proven
    np.testing.assert_array_equal(regions.patterns, expected.patterns)
    np.testing.assert_array_equal(regions.edges, expected.edges)


def test_a_scaler_is_the_function_of_the_numbers_in_the_file(tmp_path):
    """Neither 1 / scale nor the difference is rounded to what a program would compute."""
    model = single([SCALER(offset=[0.1], scale=[0.3]), node("Relu", ["u"], ["y"])], {}, (1, 1))
    network = load(save(model, tmp_path))
    x = rationals(np.array([1.0]))
    expected = (x[0] - Fraction(float(np.float32(0.1)))) * Fraction(float(np.float32(0.3)))
    assert exact_forward(network, x) == [expected]


JUMPS = {
    "thresholded relu": (choice(node("ThresholdedRelu", ["a"], ["y"])), "jumps at alpha = 1.0"),
    "hard shrink": (choice(node("Shrink", ["a"], ["y"])), "jumps at lambd = 0.5"),
    "step": (
        choice(node("Greater", ["a", "zero"], ["c"]), node("Where", ["c", "B", "zero"], ["y"])),
        "may jump there",
    ),
    "relu away from its kink": (
        choice(node("Greater", ["a", "B"], ["c"]), node("Where", ["c", "a", "zero"], ["y"])),
        "may jump there",
    ),
    "a slope that is rounded": (
        # 0.01 a is not a sum of 32-bit numbers times 64-bit ones
        chain(
            [("MatMul", ["w"], {}), ("Greater", ["z"], {}), ("Where", ["o", "z"], {})],
            {"w": RNG.normal(size=(3, 2)), "z": np.zeros(()), "o": np.ones(2)},
            (1, 3),
        ),
        "may jump there",
    ),
    "a comparison as a value": (
        choice(
            node("Greater", ["a", "zero"], ["c"]),
            node("Cast", ["c"], ["f"], to=TensorProto.FLOAT),
            node("Add", ["f", "a"], ["y"]),
        ),
        "which jumps",
    ),
}


@pytest.mark.parametrize("name", JUMPS)
def test_what_may_jump_is_refused(tmp_path, name):
    model, message = JUMPS[name]
    with pytest.raises(Unsupported, match=message):
        load(save(model, tmp_path))


BAD = {
    "scaler": (
        single([SCALER(offset=[1.0, 2.0], scale=[1.0]), node("Relu", ["u"], ["y"])], {}, (1, 3)),
        NetworkError,
        "2 numbers does not fit",
    ),
    "scaler without numbers": (
        single([SCALER(), node("Relu", ["u"], ["y"])], {}, (1, 3)),
        NetworkError,
        "0 numbers",
    ),
    "equation of too many": (
        contraction("ij,jk,kl->il", (2, 3), (3, 4)),
        FormatError,
        "not one of 2 operands",
    ),
    "equation": (contraction("ij,jk->iz", (2, 3), (3, 4)), FormatError, "malformed"),
    "equation of other ranks": (contraction("ij,j->i", (2, 3), (3, 4)), FormatError, "not fit"),
    "shapes": (contraction("ij,jk->ik", (2, 3), (4, 4)), NetworkError, "do not fit together"),
    "sum of constants": (contraction("ij,jk->i", (2, 3), (3, 4)), Unsupported, "adds up"),
    "product of signals": (
        single([node("Einsum", ["x", "x"], ["y"], equation="ij,ij->i")], {}, (1, 3)),
        Unsupported,
        "2 of its 2 inputs depend",
    ),
    "resize, linear": (
        one("Resize", (1, 1, 3), [None, np.float32([1, 1, 2])], mode="linear"),
        Unsupported,
        "'linear' is not supported",
    ),
    "resize, odd scale": (
        one("Resize", (1, 1, 3), [None, np.float32([1, 1, 0.7])]),
        Unsupported,
        "leave the places to rounding",
    ),
    "resize to much": (
        one("Resize", (1, 1, 3), [None, None, ints(1, 1, 2**40)]),
        NetworkError,
        "resizes",
    ),
    "resize to much, twice": (
        one("Resize", (1, 1, 1, 2**11), [None, None, ints(1, 1, 2**20, 2)]),
        NetworkError,
        "resizes",
    ),
    "sort of many": (
        single([node("TopK", ["x", "k"], ["y", "i"])], {"k": ints(2)}, (1, 2000)),
        NetworkError,
        "sorts 2000 values",
    ),
    "tile": (one("Tile", (1, 3), [ints(1, 2**40)]), FormatError, "too large"),
    "gather at too many axes": (one("GatherND", (1, 3), [ints(0, 1, 2)]), FormatError, "not fit"),
    "gather beyond": (one("GatherND", (1, 3), [ints(0, 3)]), FormatError, "malformed"),
    "blocks": (one("DepthToSpace", (1, 3, 2, 2), blocksize=2), FormatError, "malformed"),
    "no block": (one("SpaceToDepth", (1, 3, 2, 2), blocksize=0), FormatError, "malformed"),
    "top of none": (sorting(3, 0), NetworkError, "takes 0 of 3"),
    "transposed conv": (
        one("ConvTranspose", (1, 2, 3), [numbers(3, 1, 2)]),
        NetworkError,
        "do not fit 2 channels",
    ),
    "transposed conv, pads": (
        one("ConvTranspose", (1, 1, 2), [numbers(1, 1, 1)], pads=[1, 1]),
        NetworkError,
        "leave nothing",
    ),
    "transposed conv, output padding": (
        one("ConvTranspose", (1, 1, 2), [numbers(1, 1, 1)], output_padding=[1]),
        FormatError,
        "not below strides",
    ),
    "transposed conv, same but short": (
        one("ConvTranspose", (1, 1, 2), [numbers(1, 1, 1)], strides=[2], auto_pad="SAME_UPPER"),
        Unsupported,
        "shorter than the stride",
    ),
    "transposed conv, huge": (
        one("ConvTranspose", (1, 1, 2), [numbers(1, 1, 1)], strides=[2**40]),
        NetworkError,
        "too many",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_refuses(tmp_path, name):
    model, error, message = BAD[name]
    with pytest.raises(error, match=message) as caught:
        load(save(model, tmp_path))
    assert "\n" not in str(caught.value)
