"""A loaded network against the program it was read from, where that can be run."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from polyregions.io.exact_floats import Floats
from polyregions.io.files import import_extra, read_bytes
from polyregions.io.onnx_graph import kept_output
from polyregions.io.torch_files import load_module
from polyregions.io.torch_modules import without_dropped
from polyregions.network import Network

__all__ = ["largest_difference"]

_POINTS = 10


def largest_difference(network: Network, path: str | Path) -> float | None:
    """Return how far a loaded network is from its source on random points.

    Parameters
    ----------
    network : Network
        As read from the file.
    path : str or Path

    Returns
    -------
    float or None
        The largest difference of an output at ten points from the standard normal
        distribution, the same in every call. ONNX graphs are run by the reference
        evaluator of ``onnx``, in their own precision; modules in .pt and .pth files
        by torch in double precision. None for other files: they hold no program that
        can be run safely.
    """
    file = Path(path)
    points = np.random.default_rng(0).normal(size=(_POINTS, network.input_dimension))
    # what a source of single precision can hold
    points = points.astype(np.float32).astype(np.float64)
    suffix = file.suffix.lower()
    if suffix == ".onnx":
        expected = _run_onnx(file, points)
    elif suffix in (".ckpt", ".pt", ".pth"):
        expected = _run_torch(file, points)
    else:
        return None
    if expected is None:
        return None
    got = network.forward(points)
    return float(np.abs(got - expected).max()) if got.shape == expected.shape else float("inf")


def _run_onnx(file: Path, points: Floats) -> Floats | None:
    onnx = import_extra("onnx", "onnx", "reading ONNX")
    from onnx.reference import ReferenceEvaluator

    model = onnx.load(file)
    graph = model.graph
    graph.output[0].name = kept_output(graph, graph.output[0].name)
    stored = {tensor.name for tensor in graph.initializer}
    (entry,) = (value for value in graph.input if value.name not in stored)
    tensor = entry.type.tensor_type
    shape = [dim.dim_value if dim.dim_value > 0 else 1 for dim in tensor.shape.dim]
    dtype: Any = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            run: Any = ReferenceEvaluator(model).run
            rows = [
                np.asarray(run(None, {entry.name: x.reshape(shape).astype(dtype)})[0])
                for x in points
            ]
        # the evaluator knows fewer operators and shapes than there are
        except Exception:
            return None
    return np.array([row.reshape(-1) for row in rows], dtype=np.float64)


def _run_torch(file: Path, points: Floats) -> Floats | None:
    torch = import_extra("torch", "torch", "reading torch files")
    module = load_module(file, read_bytes(file))
    if not isinstance(module, torch.nn.Module):
        return None
    module = without_dropped(torch, module.double().eval())
    with torch.no_grad():
        rows = module(torch.from_numpy(points))
    return np.asarray(rows.numpy().reshape(len(points), -1))
