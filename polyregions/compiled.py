"""How kernels are compiled: two decorators, one disk cache.

Numba compiles each kernel once per machine and keeps it on disk. A cached kernel
is stale when *any* module with kernels has changed, because kernels call each
other across modules; the cache's own stamp looks at one file only, so it is
extended here to all of them. That kernels are being compiled is said once, as a warning
of the logger ``polyregions``: on stderr unless logging is set up otherwise.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import event
from numba.core.types import unliteral

__all__ = ["exact_order_kernel", "inlined_exact_order_kernel", "kernel"]

Function = TypeVar("Function", bound=Callable[..., Any])


def _stamp() -> tuple[str, int]:
    digest = hashlib.sha256(numba.__version__.encode())
    package = Path(__file__).parent
    for path in sorted(package.rglob("*.py")):
        source = path.read_bytes()
        if b"polyregions.compiled" in source:
            digest.update(source)
    return digest.hexdigest(), 0


_STAMP = _stamp()


class _Announcer(event.Listener):
    """Tells why the first call of a kind takes so long."""

    told = False

    def on_start(self, event: Any) -> None:
        function = event.data["dispatcher"].py_func
        if not self.told and function.__module__.startswith(f"{__package__}."):
            self.told = True
            logging.getLogger(__package__).warning(
                "compiling kernels, about a minute: the first run of a kind does this, "
                "later ones are fast"
            )

    def on_end(self, event: Any) -> None:
        """Do nothing: one announcement is enough."""


_ANNOUNCER = _Announcer()
event.register("numba:compile", _ANNOUNCER)  # type: ignore[no-untyped-call]


def _compile(function: Function, fastmath: Any, *, inline: bool) -> Function:
    # _nrt=False: kernels allocate nothing, so arrays need no (atomic) reference counts,
    # which would take a third of the time; small proposing kernels are worth inlining;
    # no C callback is ever made of a kernel
    options: dict[str, Any] = {
        "fastmath": fastmath,
        "_nrt": False,
        "no_cfunc_wrapper": True,
        "forceinline": inline,
    }
    dispatcher: Any = numba.njit(cache=True, nogil=True, error_model="numpy", **options)(function)
    with suppress(AttributeError):  # another Numba, or compilation disabled
        # the name of the index, too: an old index may name types that have moved, and
        # it is read before its stamp is compared
        files = dispatcher._cache._cache_file
        files._source_stamp = _STAMP
        files._index_name = f"{_STAMP[0][:16]}-{files._index_name}"
        files._index_path = str(Path(files._cache_path) / files._index_name)
        # and the names of the data, or another index would find other kernels in them
        files._data_name_pattern = f"{_STAMP[0][:16]}-{files._data_name_pattern}"
        template = dispatcher.get_call_template
        dispatcher.get_call_template = lambda args, kws: template(*_without_literals(args, kws))
    return cast(Function, dispatcher)


def _without_literals(args: Any, kws: Any) -> tuple[Any, Any]:
    """Let a call with a constant share the kernel that takes any number, not compile another."""
    plain: Any = unliteral
    return tuple(map(plain, args)), {name: plain(arg) for name, arg in dict(kws).items()}


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


def exact_order_kernel(function: Function) -> Function:
    """Compile a kernel whose float results are *bounded*.

    Operations keep their order. Only contraction to fused multiply-add is allowed:
    it removes roundings, so every bound of the form (number of operations) * 2**-53
    stays valid.
    """
    return _compile(function, {"contract"}, inline=False)
