"""A loaded network against the program it was read from, where that can be run."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from polyregions.files.reading import format_suffix, import_extra, read_bytes
from polyregions.io.exact_floats import Floats
from polyregions.io.onnx_model import kept_values, needed_nodes, parse_model, whole_tensor
from polyregions.io.torch_files import load_module
from polyregions.io.torch_modules import without_dropped
from polyregions.network import Network

__all__ = ["largest_difference"]

_POINTS = 10
_SECONDS = 10.0

Program = Callable[[Floats], Floats | None]


def largest_difference(
    network: Network,
    path: str | Path,
    *,
    output: str | int | None = None,
    seconds: float = _SECONDS,
) -> float | None:
    """Return how far a loaded network is from its source on random points.

    Parameters
    ----------
    network : Network
        As read from the file.
    path : str or Path
    output : str or int, optional
        The output of the program that was read, as in :func:`~polyregions.io.load`.
    seconds : float
        When to give up.

    Returns
    -------
    float or None
        The largest difference of an output at ten points from the standard normal
        distribution, the same in every call; infinite where an output is no finite
        number or there are more or fewer of them. ONNX graphs are run by the reference
        evaluator of ``onnx``, in their own precision, as far as the output needs them;
        modules in .pt and .pth files by torch in double precision. None for other files,
        which hold no program that can be run safely, and where the program fails, takes
        too long, or is known to be run wrongly.

    Examples
    --------
    >>> from polyregions import examples
    >>> from polyregions.io.networks import load
    >>> file = examples.path("digits2")
    >>> largest_difference(load(file), file) is None  # arrays, and no program to run
    True
    """
    file = Path(path)
    points = np.random.default_rng(0).normal(size=(_POINTS, network.input_dimension))
    # what a source of single precision can hold
    points = points.astype(np.float32).astype(np.float64)
    programs: dict[str, Program] = {
        **dict.fromkeys((".onnx", ".onnx.gz"), lambda x: _run_onnx(file, x, output)),
        **dict.fromkeys((".ckpt", ".pt", ".pth"), lambda x: _run_torch(file, x)),
    }
    program = programs.get(format_suffix(file))
    expected = None if program is None else _result_in_time(program, points, seconds)
    if expected is None:
        return None
    got = network.forward(points)
    if got.shape != expected.shape or not np.isfinite(got).all() or not np.isfinite(expected).all():
        return float("inf")
    return float(np.abs(got - expected).max())


def _result_in_time(program: Program, points: Floats, seconds: float) -> Floats | None:
    """Return what a program makes of the points; None if it fails or takes too long.

    Notes
    -----
    *Algorithm*: a program cannot be stopped, but it can be left behind: it runs in a
    thread that does not keep the process alive.
    """
    results: list[Floats | None] = []

    def run() -> None:
        try:
            with np.errstate(all="ignore"):
                results.append(program(points))
        # evaluators know fewer operators and shapes than there are, and fail in their own ways
        except Exception:
            results.append(None)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        thread = Thread(target=run, daemon=True)
        thread.start()
        thread.join(seconds)
    return results[0] if results else None


def _run_onnx(file: Path, points: Floats, output: str | int | None) -> Floats | None:
    onnx = import_extra("onnx", "onnx", "reading ONNX")
    from onnx.reference import ReferenceEvaluator

    model = parse_model(onnx, file)
    graph = model.graph
    kept, _ = kept_values(onnx, graph, output)
    nodes = needed_nodes(graph, kept)
    if any(_is_misread(model, node) for node in nodes):
        return None
    stored = {tensor.name: tensor for tensor in graph.initializer}
    read = {*kept, *(name for node in nodes for name in node.input)}
    (entry,) = (value for value in graph.input if value.name not in stored)
    needed = onnx.helper.make_graph(
        nodes,
        "needed",
        [entry],
        [onnx.helper.make_empty_tensor_value_info(name) for name in kept],
        [whole_tensor(onnx, stored[name], file.parent) for name in sorted(read & stored.keys())],
    )
    run: Any = ReferenceEvaluator(
        onnx.helper.make_model(needed, opset_imports=model.opset_import)
    ).run
    shape = [max(1, dim.dim_value) for dim in entry.type.tensor_type.shape.dim]
    dtype: Any = onnx.helper.tensor_dtype_to_np_dtype(entry.type.tensor_type.elem_type)
    rows = [run(None, {entry.name: x.reshape(shape).astype(dtype)}) for x in points]
    return np.array(
        [np.concatenate([np.asarray(y, dtype=np.float64).reshape(-1) for y in row]) for row in rows]
    )


def _is_misread(model: Any, node: Any) -> bool:
    """Whether the reference evaluator runs a node wrongly, which would look like our error."""
    if node.op_type == "BatchNormalization":
        # before operator set 14 it mixes the statistics of the batch in
        return any(e.domain in ("", "ai.onnx") and e.version < 14 for e in model.opset_import)
    attributes = {entry.name: entry for entry in node.attribute}
    # windows at the end, and their number, are not those of onnxruntime and torch
    if "ceil_mode" in attributes and attributes["ceil_mode"].i:
        return True
    # nor are the pads that it reckons: of convolutions before onnx 1.23, of maxima still
    reckoned = "auto_pad" in attributes and attributes["auto_pad"].s != b"NOTSET"
    return reckoned and node.op_type in ("Conv", "MaxPool")


def _run_torch(file: Path, points: Floats) -> Floats | None:
    torch = import_extra("torch", "torch", "reading torch files")
    module = load_module(file, read_bytes(file))
    if not isinstance(module, torch.nn.Module):
        return None
    module = without_dropped(torch, module.double().eval())
    with torch.no_grad():
        rows = module(torch.from_numpy(points))
    return np.asarray(rows.numpy().reshape(len(points), -1))
