"""Which outputs are read, what is left out at their end, and the comparison with the source."""

import gzip
import json
import time
import warnings

import numpy as np
import pytest
from io_helpers import check_fuzz

from polyregions.cli import main
from polyregions.errors import FormatError
from polyregions.errors import UnsupportedOperatorError as Unsupported
from polyregions.io import DroppedOperatorWarning, JoinedOutputsWarning, load
from polyregions.io.comparison import largest_difference
from polyregions.io.onnx_graph import load_onnx

pytest.importorskip("onnx", reason="the extra onnx is not installed")

import onnx
from onnx import TensorProto, helper
from onnx_graphs import evaluate, graph, node, run, save

RNG = np.random.default_rng(3)
W, U, V = (RNG.normal(size=shape).astype(np.float32) for shape in ((3, 5), (5, 4), (5, 1)))
BODY = [node("MatMul", ["x", "W"], ["z"]), node("Relu", ["z"], ["h"])]
HEADS = [node("MatMul", ["h", "U"], ["action"]), node("MatMul", ["h", "V"], ["value"])]
LABELS = np.array([7, 3, 5, 1])
CONSTANTS = {"W": W, "U": U, "V": V, "labels": LABELS, "one": np.float32(1)}


def several(*nodes, outputs, **constants):
    return graph(
        [*BODY, *HEADS, *nodes],
        {**CONSTANTS, **constants},
        (1, 3),
        element=TensorProto.FLOAT,
        outputs=outputs,
    )


def typed(model, **kinds):
    """The same with the element types of some outputs, or without any."""
    for entry in model.graph.output:
        if (kind := kinds.get(entry.name)) is None:
            continue
        entry.CopyFrom(helper.make_tensor_value_info(entry.name, kind, None))
    return model


def quiet(path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_onnx(path, **options)


TWO = several(outputs=("action", "value"))


@pytest.mark.parametrize("program", [evaluate, run])
def test_all_real_outputs_stand_side_by_side_and_it_is_said(tmp_path, program):
    with pytest.warns(JoinedOutputsWarning, match="'action' and 'value' side by side.*output="):
        network = load(save(TWO, tmp_path))
    assert network.output_dimension == 5
    points = RNG.normal(size=(10, 3)).astype(np.float32)
    np.testing.assert_allclose(network.forward(points), program(TWO, points), atol=1e-5)


@pytest.mark.parametrize(("output", "columns"), [("action", slice(4)), ("value", slice(4, 5))])
def test_one_output_by_name_or_number(tmp_path, output, columns):
    path = save(TWO, tmp_path)
    network = load_onnx(path, output=output)
    points = RNG.normal(size=(10, 3)).astype(np.float32)
    expected = evaluate(TWO, points)[:, columns]
    np.testing.assert_allclose(network.forward(points), expected, atol=1e-5)
    number = ["action", "value"].index(output)
    assert load_onnx(path, output=number).fingerprint == network.fingerprint
    assert largest_difference(network, path, output=output) < 1e-5


@pytest.mark.parametrize("output", ["reward", "", 2, -1, True, 1.0, b"action"])
def test_an_output_that_is_not_there(tmp_path, output):
    with pytest.raises(FormatError, match="'action' or 'value', or a number below 2"):
        load_onnx(save(TWO, tmp_path), output=output)


def test_endless_names_are_cut(tmp_path):
    model = several(outputs=[f"o{i}" for i in range(1000)])
    with pytest.raises(FormatError, match="or 990 more, or a number below 1000"):
        load_onnx(save(model, tmp_path), output="none")


def test_an_output_may_be_the_hidden_layer_or_a_constant(tmp_path):
    model = several(node("Identity", ["one"], ["scale"]), outputs=("h", "scale", "value"))
    network = quiet(save(model, tmp_path))
    points = RNG.normal(size=(10, 3)).astype(np.float32)
    np.testing.assert_allclose(network.forward(points), evaluate(model, points), atol=1e-5)


# as classifiers of scikit-learn are exported: labels and probabilities, several or two
SOFT = [
    node("Softmax", ["action"], ["p"], axis=1),
    node("ArgMax", ["p"], ["best"], axis=1, keepdims=1),
    node("ArrayFeatureExtractor", ["labels", "best"], ["named"], domain="ai.onnx.ml"),
    node("Cast", ["named"], ["cast"], to=TensorProto.INT64),
    node("Reshape", ["cast", "flat"], ["label"]),
    node("Normalizer", ["p"], ["q"], domain="ai.onnx.ml", norm="L1"),
    node("ZipMap", ["q"], ["map"], domain="ai.onnx.ml", classlabels_int64s=[7, 3, 5, 1]),
]
BINARY = [
    node("Sigmoid", ["value"], ["p"]),
    node("Sub", ["one", "p"], ["r"]),
    node("Concat", ["r", "p"], ["both"], axis=1),
    node("ArgMax", ["both"], ["best"], axis=1, keepdims=1),
    node("ArrayFeatureExtractor", ["labels", "best"], ["named"], domain="ai.onnx.ml"),
    node("Cast", ["named"], ["cast"], to=TensorProto.INT64),
    node("Reshape", ["cast", "flat"], ["label"]),
    node("ZipMap", ["both"], ["map"], domain="ai.onnx.ml", classlabels_int64s=[7, 3]),
]


@pytest.mark.parametrize(("nodes", "kept"), [(SOFT, "action"), (BINARY, "value")])
def test_labels_and_probabilities_give_way_to_what_they_are_made_of(tmp_path, nodes, kept):
    model = several(*nodes, outputs=("label", "map"), flat=np.array([-1]))
    typed(model, label=TensorProto.INT64)
    plain = load(save(several(outputs=(kept,)), tmp_path))
    with pytest.warns(DroppedOperatorWarning, match=f"left out: .*values '{kept}'") as caught:
        network = load(save(model, tmp_path))
    assert {warning.category for warning in caught} == {DroppedOperatorWarning}
    assert network.fingerprint == plain.fingerprint
    for output in ("label", 0, "map"):
        assert quiet(save(model, tmp_path), output=output).fingerprint == plain.fingerprint


def test_an_output_without_real_numbers_is_left_out_with_a_warning(tmp_path):
    model = several(node("Shape", ["x"], ["shape"]), outputs=("value", "shape"))
    typed(model, shape=TensorProto.INT64)
    with pytest.warns(DroppedOperatorWarning, match="'shape' holds no real numbers"):
        network = load(save(model, tmp_path))
    assert network.fingerprint == load(save(several(outputs=("value",)), tmp_path)).fingerprint


def test_what_is_computed_from_probabilities_is_no_label(tmp_path):
    model = several(
        node("Softmax", ["action"], ["p"]),
        node("MatMul", ["p", "bins"], ["y"]),
        outputs=("y",),
        bins=np.float32([[1], [2], [3], [4]]),
    )
    with pytest.raises(Unsupported, match=r"Softmax.*very last"):
        load(save(model, tmp_path))


def test_an_operator_of_one_output_names_the_way_out(tmp_path):
    model = several(node("Exp", ["value"], ["scale"]), outputs=("action", "scale"))
    with pytest.raises(Unsupported, match=r"Exp.*choose one of 'action' and 'scale' with output="):
        load(save(model, tmp_path))
    assert load_onnx(save(model, tmp_path), output="action").output_dimension == 4


def test_compressed(tmp_path):
    file = save(several(outputs=("value",)), tmp_path)
    packed = tmp_path / "deep.net.ONNX.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    network = load(packed)
    assert (network.name, network.fingerprint) == ("deep.net", load(file).fingerprint)
    assert largest_difference(network, packed) < 1e-5
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(FormatError, match="damaged gzip data"):
        load(packed)


def test_a_compressed_file_that_would_become_much_larger_is_refused(tmp_path, monkeypatch):
    packed = tmp_path / "bomb.onnx.gz"
    packed.write_bytes(gzip.compress(bytes(2**21)))
    monkeypatch.setattr("polyregions.files.reading._ALWAYS_ALLOWED", 2**20)
    with pytest.raises(FormatError, match="unpacks to more than"):
        load(packed)


# the comparison of `info`


def told(capsys, *arguments):
    code = main(["info", *map(str, arguments)])
    return code, capsys.readouterr().out


def test_info_runs_only_what_the_network_needs(tmp_path, capsys):
    """A loop of 2^60 rounds beside the network: it is neither read nor run."""
    body = helper.make_graph(
        [node("Identity", ["going"], ["on"]), node("Add", ["v", "v"], ["w"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, None),
        ],
    )
    model = several(
        node("Loop", ["rounds", "", "one"], ["endless"], body=body),
        outputs=("value",),
        rounds=np.int64(2**60),
    )
    code, out = told(capsys, save(model, tmp_path), "--json")
    assert code == 0
    assert json.loads(out)["largest_difference_from_source"] < 1e-5


def test_info_gives_up_on_a_program_that_takes_too_long(tmp_path, monkeypatch):
    file = save(TWO, tmp_path)
    network = quiet(file)
    monkeypatch.setattr(
        "polyregions.io.comparison._run_onnx", lambda *given: time.sleep(1e-1) or np.zeros((10, 5))
    )
    assert largest_difference(network, file, seconds=1e-3) is None
    assert largest_difference(network, file) > 0


@pytest.mark.parametrize("error", [ValueError, MemoryError, RecursionError, SystemError, OSError])
def test_info_survives_a_program_that_fails(tmp_path, monkeypatch, error, capsys):
    def fail(*given):
        raise error("no")

    monkeypatch.setattr("polyregions.io.comparison._run_onnx", fail)
    code, out = told(capsys, save(several(outputs=("value",)), tmp_path), "--json")
    assert code == 0
    assert json.loads(out)["largest_difference_from_source"] is None


def test_info_survives_damaged_files(tmp_path):
    """What can still be read can be compared, or cannot: nothing else."""

    def read(file):
        network = quiet(file)
        difference = largest_difference(network, file)
        assert difference is None or difference >= 0
        return network

    content = save(TWO, tmp_path).read_bytes()
    assert check_fuzz(read, content, tmp_path / "bad.onnx", count=60, seed=2) > 10


def test_info_with_weights_outside_the_file(tmp_path, capsys):
    model = several(outputs=("value",))
    file = tmp_path / "net.onnx"
    onnx.save(model, file, save_as_external_data=True, location="net.bin", size_threshold=0)
    code, out = told(capsys, file, "--json")
    assert code == 0
    assert json.loads(out)["largest_difference_from_source"] < 1e-5


def test_an_infinite_difference_is_no_broken_json(tmp_path, capsys):
    model = several(
        node("Mul", ["value", "large"], ["y"]),
        node("Mul", ["y", "large"], ["larger"]),
        outputs=("larger",),
        large=np.float32(3e38),
    )
    file = save(model, tmp_path)
    code, out = told(capsys, file, "--json")
    assert code == 0
    assert json.loads(out)["largest_difference_from_source"] == "infinite"
    assert "points: inf" in told(capsys, file)[1]


@pytest.mark.parametrize(("opset", "compared"), [(9, False), (13, False), (15, True)])
def test_the_evaluator_is_not_asked_about_old_batch_norms(tmp_path, opset, compared):
    """Below operator set 14 the reference evaluator of onnx mixes batch statistics in."""
    statistics = {f"s{i}": np.abs(RNG.normal(size=3)).astype(np.float32) for i in range(4)}
    model = graph(
        [node("BatchNormalization", ["x", *statistics], ["n"]), node("Relu", ["n"], ["y"])],
        statistics,
        (1, 3),
        element=TensorProto.FLOAT,
        opset=opset,
    )
    file = save(model, tmp_path)
    network = load(file)
    points = RNG.normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_allclose(network.forward(points), run(model, points), atol=1e-5)
    difference = largest_difference(network, file)
    assert difference < 1e-5 if compared else difference is None


@pytest.mark.parametrize(
    ("operator", "auto", "compared"),
    [
        ("Conv", "SAME_LOWER", False),
        ("Conv", "SAME_UPPER", False),
        ("Conv", "VALID", False),
        ("Conv", "NOTSET", True),
        ("MaxPool", "SAME_LOWER", False),
        ("MaxPool", "NOTSET", True),
        ("AveragePool", "SAME_LOWER", True),
    ],
)
def test_the_evaluator_is_not_asked_about_pads_that_it_reckons_wrongly(
    tmp_path, operator, auto, compared
):
    """Those of convolutions before onnx 1.23, and those of maxima."""
    weights = {"w": RNG.normal(size=(2, 2, 2, 2)).astype(np.float32)} if operator == "Conv" else {}
    window = {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": auto}
    model = graph(
        [
            node("Relu", ["x"], ["r"]),
            node(operator, ["r", *weights], ["n"], **window),
            node("Relu", ["n"], ["y"]),
        ],
        weights,
        (1, 2, 5, 4),
        element=TensorProto.FLOAT,
    )
    file = save(model, tmp_path)
    network = load(file)
    points = RNG.normal(size=(5, 40)).astype(np.float32)
    np.testing.assert_allclose(network.forward(points), run(model, points), atol=1e-5)
    difference = largest_difference(network, file)
    assert difference < 1e-5 if compared else difference is None
