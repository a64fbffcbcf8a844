"""Which outputs of an exported program are read, what at their end is left out, what they need."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from polyregions.errors import FormatError
from polyregions.io.outputs import chosen_outputs, end_note, joined_note, listing, no_reals_note
from polyregions.io.torch_archive import REAL_TYPES, Json
from polyregions.io.torch_operators import DROPPED_AT_THE_END
from polyregions.io.torch_shapes import TORCH_VIEWS

__all__ = ["kept_results", "needed_calls", "operator_of", "results_of"]

_PREFIX = "torch.ops.aten."
# operators whose second result is an index
_WITH_INDEX = ("max.dim", "min.dim")


@dataclass(frozen=True)
class _Output:
    """An output: its name for users, and its value's name in the graph, if it is a tensor."""

    name: str
    value: str | None


def operator_of(node: Json) -> str:
    """Return the name of the operator of a node, with its overload."""
    return str(node["target"]).removeprefix(_PREFIX)


def results_of(node: Json) -> list[str]:
    """Return the names of what a node computes."""
    names: list[str] = []
    for output in node["outputs"]:
        ((kind, content),) = output.items()
        if kind == "as_tensors":
            names += [entry["name"] for entry in content]
        elif isinstance(content, dict):
            names.append(content.get("name") or content["as_name"])
    return names


def kept_results(
    module: Json, output: str | int | None
) -> tuple[tuple[str, ...], tuple[UserWarning, ...]]:
    """Return the names of the values that are read as the network's output, and what to say.

    Parameters
    ----------
    module : JSON object
        The graph module of an exported program.
    output : str, int or None
        The name or number of one output; None for all that hold real numbers. An output
        is named by its key or its number in what the module returns, ``"heads.0"`` in
        nested containers.

    Raises
    ------
    FormatError
        If there is no such output.

    Notes
    -----
    *Algorithm*: an output gives way to the value that a softmax or the like reads, so
    labels and probabilities of a classifier end in the same value, which is read once.
    """
    outputs = _outputs(module)
    chosen = [outputs[k] for k in chosen_outputs([one.name for one in outputs], output)]
    graph = module["graph"]
    kept: dict[str, str] = {}
    notes: list[UserWarning] = []
    for one in chosen:
        value, dropped = (
            (None, []) if one.value is None else _before_dropped_calls(graph, one.value)
        )
        if value is None or not _is_of_reals(graph, value):
            notes.append(no_reals_note(one.name))
            continue
        if dropped:
            notes.append(end_note(dropped[::-1]))
        kept.setdefault(value, one.name)
    if not kept:
        names = listing(repr(one.name[:80]) for one in chosen)
        raise FormatError(f"its output ({names}) holds no real numbers; return a tensor of floats")
    notes = list({str(note): note for note in notes}.values())  # each is said once
    return tuple(kept), (*notes, *joined_note(list(kept.values())))


def _outputs(module: Json) -> list[_Output]:
    values: list[str | None] = []
    for spec in module["signature"]["output_specs"]:
        if "user_output" not in spec:
            raise FormatError("the program changes a buffer; export it in evaluation mode")
        values.append(spec["user_output"]["arg"].get("as_tensor", {}).get("name"))
    names = _output_names(module) if len(values) > 1 else ["0"]
    if len(names) != len(values):
        names = [str(number) for number in range(len(values))]
    return [_Output(name, value) for name, value in zip(names, values, strict=True)]


def _output_names(module: Json) -> list[str]:
    """Return the names of the outputs, from the containers that the module returns."""
    call = next(call for call in module["module_call_graph"] if call["fqn"] == "")
    _, tree = json.loads(call["signature"]["out_spec"])
    fields = {
        name: entry["fields"] if isinstance(entry, dict) else entry
        for name, entry in (module.get("treespec_namedtuple_fields") or {}).items()
    }
    return list(_leaf_outputs(tree, "", fields))


def _leaf_outputs(tree: Json, place: str, fields: dict[str, list[str]]) -> Iterator[str]:
    kind, children = tree["type"], tree["children_spec"]
    if kind is None:
        yield place or "0"
        return
    context = json.loads(tree["context"]) if tree["context"] else None
    keys: Sequence[Any] = range(len(children))
    if kind.endswith("namedtuple"):
        keys = fields.get(str(context), [str(key) for key in keys])
    elif isinstance(context, list) and len(context) == len(children):
        keys = context
    for key, child in zip(keys, children, strict=True):
        yield from _leaf_outputs(child, f"{place}.{key}" if place else str(key), fields)


def _before_dropped_calls(graph: Json, value: str) -> tuple[str, list[str]]:
    """Return the name of the value before a softmax and the like, and what comes after it."""
    makers = {name: node for node in graph["nodes"] for name in results_of(node)}
    dropped: list[str] = []
    end = value
    seen = set()
    # what only moves values may follow a softmax, too
    while (node := makers.get(value)) is not None and value not in seen:
        seen.add(value)
        operator, place = operator_of(node), results_of(node).index(value)
        read: Json = next((e["arg"] for e in node["inputs"] if e["name"] in ("self", "input")), {})
        if (operator in DROPPED_AT_THE_END and place == 0) or (
            operator in _WITH_INDEX and place == 1
        ):
            dropped.append(operator)
            end = value = read["as_tensor"]["name"]
        elif operator in TORCH_VIEWS and "as_tensor" in read:
            value = read["as_tensor"]["name"]
        else:
            break
    return end, dropped


def _is_of_reals(graph: Json, value: str) -> bool:
    return graph["tensor_values"][value]["dtype"] in REAL_TYPES


def needed_calls(nodes: list[Json], values: Iterable[str]) -> list[Json]:
    """Return the nodes that values depend on, and those that change a value in place."""
    needed = set(values)
    kept = []
    for node in reversed(nodes):
        if "_." in operator_of(node) or not needed.isdisjoint(results_of(node)):
            kept.append(node)
            needed.update(_names_read(node))
    return kept[::-1]


def _names_read(node: Json) -> Iterator[str]:
    """Yield the names of what a node reads."""
    for entry in node["inputs"]:
        ((_, content),) = entry["arg"].items()
        for part in content if isinstance(content, list) else [content]:
            if isinstance(part, dict):
                inner = part.get("as_tensor", part)
                name = inner.get("name", inner.get("as_name")) if isinstance(inner, dict) else None
                if isinstance(name, str):
                    yield name
