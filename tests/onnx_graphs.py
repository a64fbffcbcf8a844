"""Small ONNX graphs for tests, written node by node; importing this skips without onnx."""

import io
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

__all__ = ["chain", "evaluate", "graph", "run", "save"]

node = helper.make_node


def graph(nodes, constants, shape, *, opset=17, element=TensorProto.DOUBLE, outputs=("y",)):
    """A graph from x to y, or to other outputs."""
    return helper.make_model(
        helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info("x", element, shape)],
            [helper.make_tensor_value_info(name, element, None) for name in outputs],
            [numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)],
        # what the onnxruntime of today reads
        ir_version=10,
    )


def chain(steps, constants, shape, **options):
    """Steps (operator, extra inputs, attributes) from x to y, each reading the one before."""
    nodes = []
    value = "x"
    for operator, extras, attributes in steps:
        nodes.append(node(operator, [value, *extras], [f"v{len(nodes)}"], **attributes))
        value = nodes[-1].output[0]
    nodes[-1].output[0] = "y"
    return graph(nodes, constants, shape, **options)


def evaluate(model, points):
    """Outputs of the reference evaluator, one row per point."""
    return _rows(ReferenceEvaluator(model), model, points)


def run(model, points):
    """Outputs of onnxruntime, one row per point; skips where it is not installed."""
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    # it would quantise some products
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = runtime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return _rows(session, model, points)


def _rows(program, model, points):
    shape = [dim.dim_value or 1 for dim in model.graph.input[0].type.tensor_type.shape.dim]
    dtype = helper.tensor_dtype_to_np_dtype(model.graph.input[0].type.tensor_type.elem_type)
    rows = [program.run(None, {"x": x.reshape(shape).astype(dtype)}) for x in points]
    return np.array(
        [np.concatenate([np.asarray(y, dtype=float).reshape(-1) for y in row]) for row in rows]
    )


def save(model, folder: Path) -> Path:
    file = folder / "net.onnx"
    buffer = io.BytesIO()
    onnx.save(model, buffer)
    file.write_bytes(buffer.getvalue())
    return file
