"""Small ONNX graphs for tests, written node by node; importing this skips without onnx."""

import io
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

__all__ = ["chain", "evaluate", "graph", "save"]

node = helper.make_node


def graph(nodes, constants, shape, *, opset=17, element=TensorProto.DOUBLE):
    """A graph from x to y."""
    return helper.make_model(
        helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info("x", element, shape)],
            [helper.make_tensor_value_info("y", element, None)],
            [numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", opset)],
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
    shape = [dim.dim_value or 1 for dim in model.graph.input[0].type.tensor_type.shape.dim]
    dtype = helper.tensor_dtype_to_np_dtype(model.graph.input[0].type.tensor_type.elem_type)
    evaluator = ReferenceEvaluator(model)
    rows = [evaluator.run(None, {"x": x.reshape(shape).astype(dtype)})[0] for x in points]
    return np.array([np.asarray(row, dtype=float).reshape(-1) for row in rows])


def save(model, folder: Path) -> Path:
    file = folder / "net.onnx"
    buffer = io.BytesIO()
    onnx.save(model, buffer)
    file.write_bytes(buffer.getvalue())
    return file
