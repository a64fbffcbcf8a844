"""VNN-LIB 2.0 files, through the package ``vnnlib``, as terms of version 1.0."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from polyregions.errors import FormatError, MissingExtraError
from polyregions.files.reading import import_extra
from polyregions.io.linear_terms import Term, terms, written
from polyregions.io.signals import MAX_VALUES

__all__ = ["is_version_2", "terms_of_version_2"]

# numbers that take every value between two others
_REAL_SORTS = ("F16", "F32", "F64", "BF16", "Real")
_HEADS = {
    "And": "and",
    "Or": "or",
    "Equal": "=",
    "NotEqual": "!=",
    "LessThan": "<",
    "LessEqual": "<=",
    "GreaterThan": ">",
    "GreaterEqual": ">=",
    "Plus": "+",
    "Minus": "-",
    "Negate": "-",
    "Multiply": "*",
}


def is_version_2(text: str) -> bool:
    """Return whether a text begins as a VNN-LIB file of version 2 does.

    Raises
    ------
    FormatError
        If its first term is not closed, or names a later version.

    Examples
    --------
    >>> is_version_2("(vnnlib-version <2.0>)"), is_version_2("(declare-const X_0 Real)")
    (True, False)
    """
    first = next(terms(text), None)
    if not isinstance(first, tuple) or first[:1] != ("vnnlib-version",):
        return False
    version = written(first[1:]).strip("()<>")
    if version.partition(".")[0] != "2":
        raise FormatError(f"it is of VNN-LIB version {version}; 1.0 and 2.0 are read")
    return True


def terms_of_version_2(text: str) -> Iterator[Term]:
    """Yield the declarations and assertions of a file of version 2.0 as those of version 1.0.

    Entry k, in C order, of the network's one input is ``X_k``; those of its outputs, one
    after the other, are ``Y_0, Y_1, …``.

    Raises
    ------
    MissingExtraError
        If the package ``vnnlib`` is not installed, or too old.
    FormatError
        If it refuses the text, or the file has several networks or inputs, hidden nodes,
        or an input of integers or of an absurd size.
    """
    vnnlib = import_extra("vnnlib", "vnnlib", "reading VNN-LIB 2.0")
    if not hasattr(vnnlib, "parse_query_string"):
        raise MissingExtraError(
            'reading VNN-LIB 2.0 needs a newer package: pip install -U "polyregions[vnnlib]"'
        )
    for _ in terms(text):
        # the package recurses, and must not be given what is nested without end
        pass
    try:
        query = vnnlib.parse_query_string(text)
    except vnnlib.VNNLibException as error:
        raise FormatError(
            f"it is no VNN-LIB 2.0 ({_first_error(str(error))}); correct it"
        ) from None
    if len(query.networks) != 1:
        raise FormatError(
            f"it speaks of {len(query.networks)} networks; give a file about one network"
        )
    (network,) = query.networks
    if len(network.inputs) != 1 or network.hidden:
        raise FormatError("its network has several inputs or hidden nodes; declare one input only")
    (given,) = network.inputs
    if given.dtype.name not in _REAL_SORTS:
        raise FormatError(f"its input holds {given.dtype.name} numbers; declare it as float32")
    size = math.prod(given.shape)
    if not 1 <= size <= MAX_VALUES:
        raise FormatError(f"its input has {size} entries; 1 to {MAX_VALUES} are read")
    first = {str(given.name): ("X", 0)}
    outputs = 0
    for output in network.outputs:
        first[str(output.name)] = ("Y", outputs)
        outputs += math.prod(output.shape)
    for index in range(size):
        yield ("declare-const", f"X_{index}", "Real")
    for assertion in query.assertions:
        yield ("assert", _term(assertion.expr, first))


def _term(node: Any, first: dict[str, tuple[str, int]]) -> Term:
    """Return a node as a term; `first` says where the entries of an array begin."""
    kind = type(node).__name__
    if kind == "Var":
        letter, start = first[str(node.name)]
        place = 0
        for index, extent in zip(node.indices, node.shape, strict=True):
            place = place * extent + index
        return f"{letter}_{start + place}"
    if kind not in _HEADS:
        # a number
        return str(getattr(node, "lexeme", kind))
    operands = (node.head, *node.rest) if kind == "Minus" else node.children()
    return (_HEADS[kind], *(_term(operand, first) for operand in operands))


def _first_error(text: str) -> str:
    """Return the first error of a message that may be JSON."""
    try:
        error = json.loads(text)["errors"][0]
        text = f"line {error['line']}: {error['message']}"
    except (ValueError, LookupError, TypeError):
        pass
    return ascii(" ".join(text.split())[:120])[1:-1]
