"""How kernels run: compiled once they are on disk, as plain Python until then.

Numba compiles each kernel once per machine and keeps it on disk (:mod:`.kernel_files`). That takes
a minute, and most first questions are answered sooner without: a kernel is plain Python, and
runs as such while a second process compiles (:mod:`.start`). The two run
the same statements on the same arrays, so a walk can change over between two steps.

What may differ between them is the last digit of a float (a compiled kernel may fuse a product
and a sum, or reorder what only proposes). Every decision rests on a bound that covers either,
so counts, patterns and edges are the same; the last digits of a witness need not be. Whoever
promises the same bytes takes :func:`only_compiled`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core.dispatcher import Dispatcher
from numba.core.types import unliteral

from polyregions.compiled.apart import POSSIBLE, OnlyLinked, StableName
from polyregions.compiled.kernel_files import keep_on_disk
from polyregions.compiled.start import (
    Stopwatch,
    Times,
    compiled_beside,
    only_compiled,
    run_plain_until_compiled,
    watched,
)

__all__ = [
    "Stopwatch",
    "Times",
    "apart_exact_order_kernel",
    "compiled_beside",
    "entry",
    "exact_order_kernel",
    "inlined_exact_order_kernel",
    "kernel",
    "kernels",
    "only_compiled",
    "watched",
]

_KERNELS: list[Any] = []
# Bytes of a function: a hint, larger kernels are called by address. Smaller ones are worth
# optimising together with their callers.
_LARGE = 700

Function = TypeVar("Function", bound=Callable[..., Any])


def _compile(
    function: Function, fastmath: Any, *, inline: bool = False, apart: bool = False
) -> Function:
    """Return the kernel of a function: compiled for its callers, and for Python if it must be."""
    apart = apart or (not inline and len(function.__code__.co_code) >= _LARGE)
    dispatcher: Any = _dispatcher(function, fastmath, inline=inline, apart=apart)
    if dispatcher is function:  # as it is where compilation is disabled
        return function
    _KERNELS.append(dispatcher)
    keep_on_disk(dispatcher, "", apart=apart)
    from_python = cache(partial(_called_from_python, dispatcher, fastmath))
    run_plain_until_compiled(dispatcher, from_python)
    with suppress(AttributeError):  # another Numba
        template = dispatcher.get_call_template
        dispatcher.get_call_template = lambda args, kws: template(*_without_literals(args, kws))
    return cast(Function, dispatcher)


def _dispatcher(function: Any, fastmath: Any, *, inline: bool, apart: bool) -> Any:
    # _nrt=False: kernels allocate nothing, so arrays need no (atomic) reference counts,
    # which would take a third of the time; small proposing kernels are worth inlining;
    # no C callback is ever made of a kernel, and few are called from Python
    options: dict[str, Any] = {
        "fastmath": fastmath,
        "_nrt": False,
        "no_cfunc_wrapper": True,
        "no_cpython_wrapper": True,
        "forceinline": inline,
    }
    if POSSIBLE:
        options["pipeline_class"] = StableName if apart else OnlyLinked
    return numba.njit(nogil=True, error_model="numpy", **options)(function)


def _called_from_python(dispatcher: Any, fastmath: Any) -> Any:
    """Return a kernel that Python can call, where the compiled one has no entrance."""
    again = entry(_dispatcher(dispatcher.py_func, fastmath, inline=False, apart=False))
    keep_on_disk(again, "entry-", apart=False)
    run_plain_until_compiled(again, lambda: again)
    return again


def _without_literals(args: Any, kws: Any) -> tuple[Any, Any]:
    """Let a call with a constant share the kernel that takes any number, not compile another."""
    plain: Any = unliteral
    return tuple(map(plain, args)), {name: plain(arg) for name, arg in dict(kws).items()}


def kernels() -> list[Any]:
    """Return the kernels of all modules that are imported."""
    return list(_KERNELS)


def kernel(function: Function) -> Function:
    """Compile a kernel whose float results only *propose*: loops may be reordered.

    Nothing that a proof rests on may be computed here: comparisons assume that
    there is no NaN and no infinity.
    """
    return _compile(function, {"nnan", "ninf", "nsz", "contract", "reassoc", "arcp"}, inline=True)


def inlined_exact_order_kernel(function: Function) -> Function:
    """Compile an exact-order kernel into its callers: for small ones that take many arrays.

    A call passes every field of every array; for a tuple of arrays that takes longer than
    a few arithmetic operations.
    """
    return _compile(function, {"contract"}, inline=True)


def entry(kernel: Function) -> Function:
    """Let a kernel be called from Python, which costs compiling; most are called by others.

    A kernel without can be called, too, as tests do; it is compiled once more for that.
    """
    if not isinstance(kernel, Dispatcher):  # compilation is disabled
        return np.errstate(all="ignore")(kernel)
    kernel.targetoptions.pop("no_cpython_wrapper", None)
    return cast(Function, kernel)


def exact_order_kernel(function: Function) -> Function:
    """Compile a kernel whose float results are *bounded*.

    Operations keep their order. Only contraction to fused multiply-add is allowed:
    it removes roundings, so every bound of the form (number of operations) * 2**-53
    stays valid.
    """
    return _compile(function, {"contract"})


def apart_exact_order_kernel(function: Function) -> Function:
    """Compile an exact-order kernel that is called by address, few as its own lines may be.

    For one that calls much, and has several callers: each would be as large again.
    """
    return _compile(function, {"contract"}, apart=True)
