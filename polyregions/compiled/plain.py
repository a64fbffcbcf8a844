"""The plain twin of a kernel: the same statements, run by Python."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any

from numba.core.dispatcher import Dispatcher

__all__ = ["callees", "plain_twin"]

_TWINS: dict[Any, Callable[..., Any]] = {}
_LOCK = threading.RLock()


def plain_twin(dispatcher: Any) -> Callable[..., Any]:
    """Return a function with the code of a kernel, whose calls go to plain twins, too.

    Arrays and tuples are those of the kernel, so one may go on where the other stopped.
    Arithmetic is that of numpy's numbers: integers wrap and floats overflow as in compiled
    code, and numpy warns of it; see `numpy.errstate`.

    Parameters
    ----------
    dispatcher : numba Dispatcher
        A kernel.

    Returns
    -------
    callable
    """
    with _LOCK:  # nobody gets a twin whose names are not all there yet
        if dispatcher not in _TWINS:
            function = dispatcher.py_func
            names: dict[str, Any] = {"__name__": function.__name__}
            _TWINS[dispatcher] = FunctionType(function.__code__, names, function.__name__)
            names.update(
                (name, plain_twin(value) if isinstance(value, Dispatcher) else value)
                for name, value in _globals_used(function)
            )
        return _TWINS[dispatcher]


def callees(dispatcher: Any) -> set[Any]:
    """Return a kernel and all kernels that it calls, directly or not."""
    found, waiting = set(), [dispatcher]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            used = (value for _, value in _globals_used(one.py_func))
            waiting.extend(value for value in used if isinstance(value, Dispatcher))
    return found


def _globals_used(function: Any) -> list[tuple[str, Any]]:
    around = function.__globals__
    return [(name, around[name]) for name in function.__code__.co_names if name in around]
