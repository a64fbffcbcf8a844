"""Networks as ONNX graphs of Gemm and Relu in double precision, which hold the same floats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from polyregions.arrays import Floats
from polyregions.files.atomic import atomic_write
from polyregions.files.reading import import_extra
from polyregions.network import Network

__all__ = ["save_onnx"]

_OPSET = 16  # the first whose PRelu onnxruntime has in double precision
_IR_VERSION = 8  # that of onnx 1.11, the first with this operator set


def save_onnx(network: Network, path: Path) -> None:
    """Write a network as an ONNX graph; see :func:`polyregions.io.save_network`.

    Notes
    -----
    *Algorithm.* A Gemm per layer. Units are a Relu where all of a layer are, a PRelu where the
    slopes above zero of those that bend are 1, with slope 1 below for those that do not. Other
    slopes multiply the positive and the negative part, and are read back as two units.
    """
    onnx = import_extra("onnx", "onnx", "writing ONNX")
    nodes: list[Any] = []
    tensors: list[Any] = []

    def constant(name: str, values: Floats) -> str:
        tensors.append(onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(operator: str, name: str, *inputs: str, **attributes: Any) -> str:
        nodes.append(
            onnx.helper.make_node(operator, list(inputs), [name], name=f"{name}_node", **attributes)
        )
        return name

    value = "input"
    for place, layer in enumerate(network.layers):
        weight = constant(f"W{place}", layer.weight)
        bias = constant(f"b{place}", layer.bias)
        value = node("Gemm", f"z{place}", value, weight, bias, transB=1)
        straight = layer.lower == layer.upper
        scale = np.where(straight, layer.upper, 1.0)
        if (layer.lower == 0).all() and (layer.upper == 1).all():
            value = node("Relu", f"y{place}", value)
        elif (straight | (layer.upper == 1)).all():
            if not straight.all():
                slopes = constant(f"slopes{place}", np.where(straight, 1.0, layer.lower))
                value = node("PRelu", f"y{place}", value, slopes)
            if (scale != 1).any():
                value = node("Mul", f"s{place}", value, constant(f"scale{place}", scale))
        else:
            upper, lower = (
                constant(f"upper{place}", layer.upper),
                constant(f"lower{place}", -layer.lower),
            )
            above = node("Mul", f"above{place}", node("Relu", f"p{place}", value), upper)
            turned = node("Relu", f"q{place}", node("Neg", f"n{place}", value))
            value = node("Add", f"y{place}", above, node("Mul", f"below{place}", turned, lower))
    nodes[-1].output[0] = "output"
    double = onnx.TensorProto.DOUBLE
    sizes = {"input": network.input_dimension, "output": network.output_dimension}
    ends = [
        onnx.helper.make_tensor_value_info(name, double, ["batch", size])
        for name, size in sizes.items()
    ]
    graph = onnx.helper.make_graph(nodes, "network", ends[:1], ends[1:], tensors)
    model = onnx.helper.make_model(
        graph,
        producer_name="polyregions",
        ir_version=_IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
    )
    with atomic_write(path) as stream:
        stream.write(model.SerializeToString(deterministic=True))
