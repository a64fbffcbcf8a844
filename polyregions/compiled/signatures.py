"""The argument types of a kernel as plain text, to name them to another process."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numba
import numpy as np
from numba.core import types

__all__ = ["as_text", "from_text"]


def as_text(kind: Any) -> Any:
    """Return a Numba type as lists, strings and numbers, which JSON can hold.

    Raises
    ------
    TypeError
        If it is none of the types that kernels take: numbers, arrays, records of numbers,
        and tuples of them.

    Examples
    --------
    >>> as_text(types.float64[:, ::1])
    ['array', 'float64', 2, 'C', False, True]
    """
    if isinstance(kind, types.Array):
        return [
            "array", as_text(kind.dtype), kind.ndim, kind.layout, not kind.mutable, kind.aligned
        ]  # fmt: skip
    if isinstance(kind, types.Record):
        return ["record", [[name, as_text(field.type)] for name, field in kind.fields.items()]]
    if isinstance(kind, types.BaseTuple):
        items: Any = kind
        cls = getattr(kind, "instance_class", tuple)
        return ["tuple", cls.__module__, cls.__qualname__, [as_text(item) for item in items.types]]
    if isinstance(kind, types.Number | types.Boolean):
        return str(kind)
    raise TypeError(f"no kernel takes {kind}")


def from_text(text: Any) -> Any:
    """Return the type that `as_text` wrote.

    Examples
    --------
    >>> pair = types.Tuple([types.int64, types.uint64[::1]])
    >>> from_text(as_text(pair)) == pair
    True
    """
    if isinstance(text, str):
        return getattr(types, "boolean" if text == "bool" else text)
    if text[0] == "array":
        _, dtype, ndim, layout, readonly, aligned = text
        return types.Array(from_text(dtype), ndim, layout, readonly=readonly, aligned=aligned)
    if text[0] == "record":
        fields = [(name, str(from_text(kind))) for name, kind in text[1]]
        return numba.from_dtype(np.dtype(fields, align=True))
    _, module, name, items = text
    cls = getattr(import_module(module), name)
    members = [from_text(item) for item in items]
    if cls is tuple:
        return types.Tuple(members)
    return types.BaseTuple.from_types(members, cls)
