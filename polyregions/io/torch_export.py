"""Programs of ``torch.export`` (.pt2), read without torch.

A .pt2 archive is a zip file of JSON (the graph of ATen operators) and raw
numbers. ``torch.export.load`` unpickles parts of it, which may run code; here
only the JSON and the numbers are read, so nothing in the file can run.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.files.reading import naming, read_bytes
from polyregions.io import signals
from polyregions.io.algebra import Operand
from polyregions.io.blocks import MAX_WEIGHTS, Block
from polyregions.io.exact_floats import MAX_REPEATED
from polyregions.io.outputs import Maker, chosen_outputs, joined_outputs, kept_outputs
from polyregions.io.signals import Shape, Signal
from polyregions.io.torch_archive import (
    REAL_TYPES,
    Archive,
    Json,
    Stored,
    json_of,
    name_read,
    open_archive,
    operator_of,
    outputs_of,
    results_of,
    stored_tensors,
)
from polyregions.io.torch_operators import DROPPED_AT_THE_END, lowered, lowering_of
from polyregions.io.torch_shapes import TORCH_VIEWS
from polyregions.network import Network

__all__ = ["load_pt2", "read_pt2"]

_PLAIN = ("as_bool", "as_float", "as_floats", "as_int", "as_ints", "as_scalar_type", "as_string")
# no argument, and arguments that say how to compute, but not what
_NO_VALUE = ("as_none", "as_device", "as_layout", "as_memory_format")
_CHANGED = "it reads a value that an operator in place has changed; use inplace=False"

# operators whose second result is an index
_WITH_INDEX = ("max.dim", "min.dim")


def load_pt2(
    path: str | Path, *, name: str | None = None, output: str | int | None = None
) -> Network:
    """Read a piecewise-linear network exported by ``torch.export.save``.

    Parameters
    ----------
    path : str or Path
        Written by torch 2.8 or later, with one input. A dynamic first dimension of the
        input counts as 1; a fixed one belongs to the input.
    name : str, optional
        Name of the network; by default that of the file.
    output : str or int, optional
        Which output, by its key in what the module returns (``"value"``, ``"heads.0"``) or
        its number; by default all that hold real numbers, side by side.

    Returns
    -------
    Network
        With the program's parameters, float32 widened without change.

    Raises
    ------
    FormatError
        If the file is missing, truncated, not such an archive, or stores its
        weights as pickles.
    UnsupportedOperatorError
        If the program uses an operator without an exact form here.
    NetworkError
        If the program makes no network.

    Warns
    -----
    DroppedOperatorWarning
        If an output is left out, or what a softmax or the like at its end makes.
    JoinedOutputsWarning
        If several outputs stand side by side.
    """
    file = Path(path)
    return read_pt2(read_bytes(file), str(file), file.stem if name is None else name, output)


def read_pt2(data: bytes, where: str, name: str, output: str | int | None = None) -> Network:
    """Read the bytes of an exported program; `where` names them in messages."""
    # a damaged archive may have any JSON anywhere
    damaged = (
        "is not a readable torch.export archive (torch 2.8 or later); it may be truncated: copy or "
        "export it again"
    )
    with naming(where, damaged):
        return _read_program(open_archive(data), name, output)


def _read_program(archive: Archive, name: str, output: str | int | None) -> Network:
    models = [m for m in archive.members if m.startswith("models/") and m.endswith(".json")]
    if len(models) != 1:
        raise FormatError(f"the archive has {len(models)} models; export exactly one")
    model = models[0].removeprefix("models/").removesuffix(".json")
    module = json_of(archive, models[0])["graph_module"]
    graph, specs = module["graph"], module["signature"]["input_specs"]
    inputs = [
        spec["user_input"]["arg"]["as_tensor"]["name"] for spec in specs if "user_input" in spec
    ]
    if len(inputs) != 1:
        raise FormatError(f"the program has {len(inputs)} inputs; export one with exactly one")
    wanted, notes = _kept_results(module, output)
    nodes = _needed_calls(graph["nodes"], wanted)
    values = _StoredValues(stored_tensors(archive, model, specs))
    values[inputs[0]] = signals.source(_torch_input_shape(graph, inputs[0]))
    room = _Room(archive.size + MAX_REPEATED)
    shared: dict[str, set[str]] = {}
    try:
        for node in nodes:
            _compute_node(node, values, shared, room)
    except UnsupportedOperatorError as error:
        if len(wanted) == 1:
            raise
        raise UnsupportedOperatorError(f"{error}; or choose one output with output=") from None
    results = {value: _read({"name": value}, values) for value in wanted}
    network = signals.to_network(joined_outputs(results), name)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return network


def _kept_results(
    module: Json, output: str | int | None
) -> tuple[tuple[str, ...], list[UserWarning]]:
    """Return the names of the values that are read as the network's output, and what to say."""
    outputs, graph = outputs_of(module), module["graph"]
    chosen = [outputs[k] for k in chosen_outputs([one.name for one in outputs], output)]
    makers = {name: node for node in graph["nodes"] for name in results_of(node)}

    def maker_of(value: str) -> Maker | None:
        node = makers.get(value)
        if node is None:
            return None
        operator, place = operator_of(node), results_of(node).index(value)
        read: Json = next((e["arg"] for e in node["inputs"] if e["name"] in ("self", "input")), {})
        left_out = operator in DROPPED_AT_THE_END if place == 0 else operator in _WITH_INDEX
        if "as_tensor" not in read or not (left_out or operator in TORCH_VIEWS):
            return None
        return Maker(operator, (read["as_tensor"]["name"],), left_out)

    return kept_outputs(
        chosen, maker_of, lambda value: graph["tensor_values"][value]["dtype"] in REAL_TYPES
    )


def _needed_calls(nodes: list[Json], values: Iterable[str]) -> list[Json]:
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
            if (name := name_read(part)) is not None:
                yield name


class _StoredValues(dict[str, "Operand | int | _Changed"]):
    """Values by name; stored tensors become arrays when they are read first."""

    def __init__(self, stored: Mapping[str, Stored]) -> None:
        super().__init__()
        self._stored = stored

    def __missing__(self, name: str) -> Operand | int:
        array = self._stored[name].array()
        self[name] = array
        return array


class _Room:
    """How much more the values of a program may hold."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._weights = MAX_WEIGHTS
        self._seen: set[Block] = set()

    def take(self, result: Operand | int) -> None:
        """Refuse a result that makes the program too large for its file or for a network."""
        if isinstance(result, np.ndarray):
            # a view takes no memory of its own
            self._entries -= result.size * result.flags.owndata
        elif isinstance(result, Signal):
            blocks = [result.block]
            while blocks:
                block = blocks.pop()
                if block not in self._seen:
                    self._seen.add(block)
                    self._weights -= sum(matrix.nnz for _, matrix in block.terms)
                    blocks += [parent for parent, _ in block.terms]
        if self._entries < 0 or self._weights < 0:
            raise NetworkError(
                f"the program computes more than its file can say: at most {MAX_WEIGHTS} weights, "
                f"and constants of as many entries as the file has bytes, plus {MAX_REPEATED}"
            )


def _torch_input_shape(graph: Json, name: str) -> Shape:
    sizes = graph["tensor_values"][name]["sizes"]
    shape = []
    for place, size in enumerate(sizes):
        if "as_int" in size:
            shape.append(int(size["as_int"]))
        elif place == 0 and len(sizes) > 1:
            shape.append(1)  # a batch of one point
        else:
            raise FormatError(
                f"dimension {place} of the input is dynamic; only the first of several may be: "
                f"export with fixed sizes"
            )
    return tuple(shape)


# --- operators ---------------------------------------------------------------


def _compute_node(
    node: Json,
    values: dict[str, Operand | int | _Changed],
    shared: dict[str, set[str]],
    room: _Room,
) -> None:
    """Compute what a node computes.

    `shared` maps a name to the set of all names that may stand for the same memory. An
    operator in place changes them all, so none of them may be read any more.
    """
    names, operator = results_of(node), operator_of(node)
    lower = lowering_of(operator, names[0])
    with naming(f"operator {operator} (node {names[0]})"):
        arguments = {entry["name"]: _argument(entry["arg"], values) for entry in node["inputs"]}
        result = lowered(operator, lower, arguments)
        results = result if isinstance(result, tuple) else (result,)
        # numpy makes a number of an array without axes
        results = tuple(np.asarray(r) if isinstance(r, np.generic) else r for r in results)
        for one in results:
            room.take(one)
    if "_." in operator:
        first = node["inputs"][0]["arg"]["as_tensor"]["name"]
        for name in shared.get(first, {first}):
            values[name] = _Changed()
    elif operator in TORCH_VIEWS:
        group = set(names)
        for entry in node["inputs"]:
            if "as_tensor" in entry["arg"]:
                name = entry["arg"]["as_tensor"]["name"]
                group |= {name} | shared.get(name, set())
        shared.update(dict.fromkeys(group, group))
    # further results, such as the indices of a maximum, have no value
    values.update(zip(names, results, strict=False))


class _Changed:
    """Stands for a value that was overwritten in place."""


def _argument(argument: Json, values: Mapping[str, Operand | int | _Changed]) -> Any:
    ((kind, content),) = argument.items()
    if kind in ("as_tensor", "as_sym_int"):
        return _read(content, values)
    if kind in ("as_tensors", "as_sym_ints", "as_optional_tensors"):
        return [_read(entry, values) for entry in content]
    if kind in _PLAIN:
        return content
    if kind in _NO_VALUE:
        return None
    raise UnsupportedOperatorError(f"an argument of the kind {kind[3:]!r} is not supported")


def _read(entry: Json, values: Mapping[str, Operand | int | _Changed]) -> Any:
    """Return the value that an argument names, the number that it is, or None."""
    if "as_int" in entry:
        return entry["as_int"]
    name = name_read(entry)
    value = None if name is None else values[name]
    if isinstance(value, _Changed):
        raise UnsupportedOperatorError(_CHANGED)
    return value
