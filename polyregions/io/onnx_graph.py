"""ONNX graphs, operator by operator, through exact lowering.

A graph is read as the rational function that its operators and constants
define: ReLU, products and sums of real numbers. Only the nodes that the output
depends on are read. The only runtime needed is the ``onnx`` package itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np

from polyregions.errors import FormatError, UnsupportedOperatorError
from polyregions.files.reading import MAX_FILE_BYTES, import_extra, naming, regular_file
from polyregions.io import signals
from polyregions.io.algebra import Operand, parameters_of, value_of
from polyregions.io.onnx_model import (
    DROPPED_NODES,
    Node,
    array_of,
    kept_values,
    needed_nodes,
    node_of,
    parse_model,
)
from polyregions.io.onnx_operators import ONNX_COMPUTING
from polyregions.io.onnx_shapes import ONNX_SHAPES
from polyregions.io.onnx_windows import ONNX_WINDOWS
from polyregions.io.outputs import joined_outputs, listing
from polyregions.io.signals import Shape
from polyregions.network import Network

__all__ = ["OPERATORS", "load_onnx", "require_supported", "supported_operators"]

OPERATORS: dict[str, Callable[..., Any]] = {**ONNX_COMPUTING, **ONNX_SHAPES, **ONNX_WINDOWS}

# those that read comparisons of values that depend on the input
_READ_SWITCHES = ("Cast", "Mul", "Not", "Where")

_ONNX_REASONS = {
    **dict.fromkeys(("RNN", "LSTM", "GRU", "Scan"), "it is recurrent"),
    **dict.fromkeys(("Loop", "If"), "it steers by values"),
    **dict.fromkeys(("DynamicQuantizeLinear", "QuantizeLinear"), "it rounds values"),
    **dict.fromkeys(
        (
            "Bernoulli",
            "Multinomial",
            "RandomNormal",
            "RandomNormalLike",
            "RandomUniform",
            "RandomUniformLike",
        ),
        "it draws random numbers",
    ),
    **dict.fromkeys(
        DROPPED_NODES, "it is not piecewise linear and may only be the very last operator"
    ),
}

# Add and Gemm broadcast differently before
_OLDEST_OPSET = 7
# what attributes and shapes of the wrong kind make an operator raise
_MALFORMED = (TypeError, ValueError, LookupError, OverflowError, AttributeError, ArithmeticError)

# entries that may be computed from constants: a number, and so many for each stored one
_COMPUTED_ENTRIES = 2**22
_COMPUTED_TIMES = 8


def supported_operators() -> tuple[str, ...]:
    """Return the names of the operators that :func:`~polyregions.io.onnx_graph.load_onnx` reads.

    Examples
    --------
    >>> "Gemm" in supported_operators()
    True
    """
    return tuple(sorted(OPERATORS))


def require_supported(node: Node) -> None:
    """Refuse a node whose operator or one of whose attributes is not known.

    Raises
    ------
    UnsupportedOperatorError
    """
    operator = OPERATORS.get(node.operator)
    if operator is None:
        reason = f" ({reason})" if (reason := _ONNX_REASONS.get(node.operator)) else ""
        raise UnsupportedOperatorError(
            f"operator {node.label} is not supported{reason}; supported are "
            f"{', '.join(supported_operators())}"
        )
    known = _attributes(operator)
    unknown = sorted(set(node.attributes) - known)
    if unknown:
        raise UnsupportedOperatorError(
            f"attribute {unknown[0]!r} of operator {node.label} is not supported; "
            f"supported are {', '.join(sorted(known)) or 'none'}"
        )


def _attributes(operator: Callable[..., Any]) -> set[str]:
    """Return the names of the attributes that a function takes, one by one or as a dictionary."""
    known: set[str] = set()
    for name, parameter in parameters_of(operator).items():
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            known.add(name)
        elif parameter.kind is parameter.VAR_KEYWORD:
            (shared,) = get_args(get_type_hints(getattr(operator, "func", operator))[name])
            known |= shared.__annotations__.keys()
    return known


def load_onnx(
    path: str | Path, *, name: str | None = None, output: str | int | None = None
) -> Network:
    """Read a piecewise-linear network from an ONNX file.

    The input may have any shape; it is flattened to n values in C order. A
    first dimension without a fixed size is a batch and counts as 1. A fixed
    first dimension larger than 1 belongs to the input.

    Parameters
    ----------
    path : str or Path
    name : str, optional
        Name of the network; by default that of the file.
    output : str or int, optional
        Which output of the graph is read, by its name or its number from 0. By default
        all that hold real numbers, side by side in the graph's order, with a warning.

    Returns
    -------
    Network
        The rational function of the graph's constants. Operators that cannot
        be merged without rounding become pass-through layers. A division by a
        constant that is no power of two warns, see
        :func:`polyregions.io.lowering.divide`. Softmax, LogSoftmax, Sigmoid and ArgMax
        are left out at the very end of the graph, with what classifiers make of them
        (labels, a probability beside its complement), with a warning.

    Raises
    ------
    MissingExtraError
        If the package ``onnx`` is not installed.
    FormatError
        If the file is missing, truncated, not ONNX, or its graph is broken; if there is no
        such output.
    UnsupportedOperatorError
        If the output depends on an operator without an exact form here.
    NetworkError
        If the graph makes no network: shapes, numbers, no hidden unit.

    Notes
    -----
    *Algorithm*: nodes are visited as the outputs need them, in whatever order the file
    has them. A value is a constant or a :class:`Signal`; each operator makes a new
    signal, and the layers are laid out from the output's signal at the end. What is
    computed from constants alone is folded where that is exact.
    """
    onnx = import_extra("onnx", "onnx", "reading ONNX")
    file = regular_file(path)
    model = parse_model(onnx, file)
    plain = file.with_suffix("") if file.suffix.lower() == ".gz" else file
    with naming(file):
        return _read_graph(onnx, model, file.parent, plain.stem if name is None else name, output)


def _read_graph(
    onnx: Any, model: Any, folder: Path, name: str, output: str | int | None
) -> Network:
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if not versions:
        raise FormatError("the model names no operator set; it may be truncated: export it again")
    if min(versions) < _OLDEST_OPSET:
        raise FormatError(
            f"the model uses operator set {min(versions)}; "
            f"convert it to {_OLDEST_OPSET} or later with onnx.version_converter"
        )
    graph = model.graph
    kept, said = kept_values(onnx, graph, output)
    nodes = [node_of(onnx, proto) for proto in needed_nodes(graph, kept)]
    try:
        for node in nodes:
            require_supported(node)
    except UnsupportedOperatorError as error:
        if len(kept) == 1:
            raise
        names = listing(repr(entry.name) for entry in graph.output)
        raise UnsupportedOperatorError(f"{error}; choose one of {names} with output=") from None
    values = _initial_values(onnx, graph, nodes, kept, folder)
    stored = [*values.values(), *(entry for node in nodes for entry in node.attributes.values())]
    left = _COMPUTED_ENTRIES + _COMPUTED_TIMES * _constant_entries(stored)
    for node in nodes:
        results = _node_outputs(node, values)
        left -= _constant_entries(results)
        if left < 0:
            raise FormatError(
                f"operator {node.label}: the graph computes too many constants; "
                f"fold them before the export (onnxsim, for instance)"
            )
        # further outputs, such as the mask of a dropout, have no value
        values.update(zip(node.outputs, results, strict=False))
    network = signals.to_network(joined_outputs({value: values.get(value) for value in kept}), name)
    for warning in said:
        warnings.warn(warning, stacklevel=2)
    return network


def _constant_entries(values: Iterable[Any]) -> int:
    """Return how many entries the constants among some values have."""
    return sum(value.size for value in values if isinstance(value, np.ndarray))


def _initial_values(
    onnx: Any, graph: Any, nodes: Sequence[Node], kept: Sequence[str], folder: Path
) -> dict[str, Operand]:
    if len(graph.sparse_initializer):
        raise FormatError("the graph has sparse initializers; export it with dense ones")
    stored = {tensor.name: tensor for tensor in graph.initializer}
    inputs = [entry for entry in graph.input if entry.name not in stored]
    if len(inputs) != 1:
        names = ", ".join(entry.name for entry in inputs) or "none"
        raise FormatError(f"the graph needs exactly one input, but has {len(inputs)} ({names})")
    read = {*kept, *(name for node in nodes for name in node.inputs)}
    values: dict[str, Operand] = {}
    held = 0
    for name in sorted(read & stored.keys()):
        values[name] = array = array_of(onnx, stored[name], folder)
        held += array.nbytes
        if held > MAX_FILE_BYTES:
            # tensors may share the bytes of an external file
            raise FormatError(f"its constants have more than {MAX_FILE_BYTES} bytes in all")
    values[inputs[0].name] = signals.source(_onnx_input_shape(onnx, inputs[0]))
    return values


def _onnx_input_shape(onnx: Any, entry: Any) -> Shape:
    tensor = entry.type.tensor_type
    if not entry.type.HasField("tensor_type") or not tensor.HasField("shape"):
        raise FormatError(f"input {entry.name!r} has no shape; export the model with one")
    kind = onnx.TensorProto
    if tensor.elem_type not in (kind.FLOAT, kind.DOUBLE, kind.FLOAT16, kind.BFLOAT16):
        raise FormatError(f"input {entry.name!r} is not of a floating-point type")
    sizes = [dim.dim_value for dim in tensor.shape.dim]
    if len(sizes) > 1 and sizes[0] <= 0:
        sizes[0] = 1  # a batch of one point
    if not sizes or min(sizes) <= 0:
        raise FormatError(
            f"input {entry.name!r} has the dynamic shape "
            f"{[dim.dim_value or dim.dim_param or '?' for dim in tensor.shape.dim]}; "
            f"only the first of several dimensions may be dynamic: export with fixed sizes"
        )
    return tuple(int(size) for size in sizes)


def _node_outputs(node: Node, values: dict[str, Operand]) -> tuple[Operand, ...]:
    """Return the outputs of a node."""
    inputs: list[Operand | None] = []
    for name in node.inputs:
        if name and name not in values:
            raise FormatError(f"operator {node.label} reads {name!r}, which nothing computes")
        inputs.append(values[name] if name else None)
    operator, attributes = OPERATORS[node.operator], dict(node.attributes)
    # attributes and shapes may be of the wrong kind in a malformed file
    malformed = "has malformed inputs or attributes; export the model again"
    with naming(f"operator {node.label}", malformed, _MALFORMED):
        outputs = len(node.outputs)
        if node.operator == "Split" and attributes.setdefault("num_outputs", outputs) != outputs:
            raise FormatError("num_outputs is not the number of its outputs")
        _check_given(operator, inputs, attributes)
        if node.operator not in _READ_SWITCHES:
            inputs = [None if entry is None else value_of(entry) for entry in inputs]
        result = operator(*inputs, **attributes)
    return result if isinstance(result, tuple) else (result,)


def _check_given(
    operator: Callable[..., Any], inputs: Sequence[Operand | None], attributes: Mapping[str, Any]
) -> None:
    """Refuse a node without an input that its operator needs."""
    for place, (name, parameter) in enumerate(parameters_of(operator).items()):
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            return
        given = inputs[place] if place < len(inputs) else attributes.get(name)
        if given is None and parameter.default is parameter.empty:
            raise FormatError(f"input {place} is missing")
