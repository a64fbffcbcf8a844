"""Which outputs of an ONNX graph are read, what at their end is left out, and what they need."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from polyregions.errors import FormatError
from polyregions.io.outputs import chosen_outputs, end_note, joined_note, no_reals_note

__all__ = ["DROPPED_NODES", "kept_values", "needed_nodes"]

# they keep the regions of what they read: each is injective up to a shift, or only
# compares outputs, and none has a hyperplane of its own before the last layer
DROPPED_NODES = ("ArgMax", "LogSoftmax", "Sigmoid", "Softmax")

# what classifiers do to labels and probabilities after that: they name, move or round
# them, and make two of one (1 - p beside p)
_FOLLOWING = (
    "ArrayFeatureExtractor",
    "Binarizer",
    "Cast",
    "Concat",
    "Flatten",
    "Gather",
    "Greater",
    "GreaterOrEqual",
    "Identity",
    "LabelEncoder",
    "Normalizer",
    "Reshape",
    "Squeeze",
    "Sub",
    "Unsqueeze",
    "ZipMap",
)


# the node that computes each value
Makers = dict[str, Any]


def kept_values(
    onnx: Any, graph: Any, output: str | int | None
) -> tuple[tuple[str, ...], list[Warning]]:
    """Return the names of the values that are read as the network's output, and what to say.

    Parameters
    ----------
    output : str, int or None
        The name or number of one output; None for all that hold real numbers.

    Returns
    -------
    tuple of str
    list of Warning
        What is left out, and that several outputs stand side by side.

    Raises
    ------
    FormatError
        If there is no such output.

    Notes
    -----
    *Algorithm*: an output gives way to the value that a softmax or the like reads, if that
    is all that the output depends on. So labels and probabilities of a classifier end in the
    same value, which is read once.
    """
    names = [entry.name for entry in graph.output]
    chosen = [graph.output[number] for number in chosen_outputs(names, output)]
    kept: list[str] = []
    left_out: dict[str, list[str]] = {}
    warnings: list[Warning] = []
    makers = _makers(graph)
    constants = {tensor.name for tensor in graph.initializer} | {
        name for name, proto in makers.items() if proto.op_type == "Constant"
    }
    for entry in chosen:
        value, dropped = _before_the_end(makers, constants, entry.name)
        if dropped:
            known = left_out.setdefault(value, [])
            known += [operator for operator in dropped if operator not in known]
        elif not _holds_reals(onnx, entry) and len(chosen) > 1:
            warnings.append(no_reals_note(entry.name))
            continue
        if value not in kept:
            kept.append(value)
    if not kept:
        raise FormatError("none of the graph's outputs holds real numbers; export one that does")
    warnings += [end_note(operators, value) for value, operators in left_out.items()]
    warnings += joined_note(kept)
    return tuple(kept), warnings


def _before_the_end(makers: Makers, constants: set[str], output: str) -> tuple[str, list[str]]:
    """Return the name of the value before a softmax and the like, and these."""
    dropped: list[str] = []
    seen = {output}
    while True:
        ends, operators = _dropped_from(makers, constants, output)
        if len(ends) != 1 or not ends.isdisjoint(seen):
            return output, dropped
        (output,) = ends
        seen.add(output)
        dropped = [*(name for name in operators if name not in dropped), *dropped]


def _dropped_from(makers: Makers, constants: set[str], output: str) -> tuple[set[str], list[str]]:
    """Return what the softmaxes read that an output is a function of; nothing if of more."""
    ends: set[str] = set()
    operators: list[str] = []
    stack, seen = [output], {output}
    while stack:
        proto = makers.get(stack.pop())
        if proto is None or proto.domain not in ("", "ai.onnx", "ai.onnx.ml") or not proto.input:
            return set(), []
        if proto.op_type in DROPPED_NODES:
            operators.append(proto.op_type)
            ends.add(proto.input[0])
        elif proto.op_type in _FOLLOWING:
            read = [name for name in proto.input if name not in constants | seen]
            seen.update(read)
            stack.extend(read)
        else:
            return set(), []
    return ends, operators


def _holds_reals(onnx: Any, entry: Any) -> bool:
    """Whether an output holds real numbers, as far as the graph says."""
    if not entry.HasField("type"):
        return True
    kind = onnx.TensorProto
    floats = (kind.UNDEFINED, kind.FLOAT, kind.DOUBLE, kind.FLOAT16, kind.BFLOAT16)
    return entry.type.HasField("tensor_type") and entry.type.tensor_type.elem_type in floats


def needed_nodes(graph: Any, values: Iterable[str]) -> list[Any]:
    """Return the nodes that values depend on, each after those that it reads.

    Raises
    ------
    FormatError
        If nodes depend on each other, or one value is computed twice.

    Notes
    -----
    *Algorithm*: a depth-first search from the values, so the order does not depend on that
    of the file.
    """
    makers = _makers(graph)
    ordered: list[Any] = []
    done: set[int] = set()
    under_way: set[int] = set()
    stack = [(makers[name], False) for name in values if name in makers][::-1]
    while stack:
        proto, inputs_done = stack.pop()
        if inputs_done:
            ordered.append(proto)
            done.add(id(proto))
        elif id(proto) in under_way and id(proto) not in done:
            raise FormatError("its nodes read each other in a circle; export the model again")
        elif id(proto) not in done:
            under_way.add(id(proto))
            stack.append((proto, True))
            stack.extend((makers[name], False) for name in reversed(proto.input) if name in makers)
    return ordered


def _makers(graph: Any) -> Makers:
    """Return the node that computes each value."""
    taken = {entry.name for entry in (*graph.input, *graph.initializer)}
    makers: Makers = {}
    for proto in graph.node:
        for name in proto.output:
            if not name:
                continue
            if name in taken:
                raise FormatError(f"two of its values are called {name!r}; export the model again")
            taken.add(name)
            makers[name] = proto
    return makers
