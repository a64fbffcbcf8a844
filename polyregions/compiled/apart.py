"""Kernels that stand apart: callers call them by address, and do not compile them again.

Numba links every callee into its caller and optimises both together, so a kernel at the bottom
is compiled once for every kernel above it: half of all compiling. A kernel that stands apart has
a name that is the same in every process, its callers only declare it, and a caller that comes
from disk loads it first. A call then costs some nanoseconds, for all fields of its arguments, so
this is for large kernels.

This rests on names that Numba does not document, read in the versions below; with any other,
kernels are linked as Numba does it.
"""

from __future__ import annotations

import hashlib
from importlib import import_module
from typing import Any

import numba
from llvmlite import binding as llvm
from llvmlite import ir
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.runtime.nrt import rtsys

__all__ = [
    "POSSIBLE",
    "Needs",
    "OnlyLinked",
    "StableName",
    "load_needed",
    "load_only",
    "note_needs",
    "without_idle",
]

POSSIBLE = (0, 61) <= tuple(map(int, numba.__version__.split(".")[:2])) <= (0, 68)

Needs = dict[tuple[str, str, tuple[Any, ...]], None]  # kernels, in the order of loading


class StableName(Compiler):
    """Compiles a function under a name made of its source, not of the order of compiling."""

    def _compile_bytecode(self) -> Any:
        identity, flags = self.state.func_id, self.state.flags
        source = f"{identity.modname}.{identity.func_qualname} {flags.no_cpython_wrapper}"
        digest = hashlib.sha256(source.encode()).digest()
        identity.unique_id = int.from_bytes(digest[:6], "big")
        return super()._compile_bytecode()


class OnlyLinked(StableName):
    """Makes no machine code of a kernel that callers alone call, each with a copy of its own."""

    def _compile_bytecode(self) -> Any:
        if self.state.flags.no_cpython_wrapper:  # not so for entries
            codegen = self.state.targetctx.codegen()
            self.state.library = LinkedLibrary(codegen, self.state.func_id.func_qualname)
            self.state.library.enable_object_caching()
        return super()._compile_bytecode()


class LinkedLibrary(JITCodeLibrary):
    """The code of a kernel that is never called by address: what is linked into its callers."""

    def _finalize_final_module(self) -> None:
        self._finalized = True
        self._get_module_for_linking()  # kept for callers, before the code is replaced
        # Numba writes to the addresses of environments
        names = ir.Module()
        for variable in self._final_module.global_variables:
            if variable.name.startswith("_ZN08NumbaEnv"):
                pointer = ir.IntType(8).as_pointer()
                ir.GlobalVariable(names, pointer, variable.name).initializer = pointer(None)
        self._final_module = llvm.parse_assembly(str(names))
        super()._finalize_final_module()


class ApartLibrary(JITCodeLibrary):
    """The code of a kernel that is not linked into its callers."""

    def _get_module_for_linking(self) -> Any:
        own, nothing = self._final_module, llvm.parse_assembly("")
        nothing.data_layout, nothing.triple = own.data_layout, own.triple
        return nothing

    def serialize_using_object_code(self) -> Any:
        # nobody links it, so of its code the names are enough: those that it may be called by
        names = ir.Module()
        for function in self.get_defined_functions():
            ir.GlobalVariable(names, ir.IntType(8), function.name).initializer = ir.IntType(8)(0)
        symbols = llvm.parse_assembly(str(names)).as_bitcode()
        return self.name, "object", (self._get_compiled_object(), symbols)


def note_needs(dispatcher: Any, result: Any, known: dict[Any, Needs], *, apart: bool) -> None:
    """Note what a compiled kernel calls by address, for its file and for its callers.

    Parameters
    ----------
    dispatcher : numba Dispatcher
    result : numba CompileResult
        Just compiled, or just loaded.
    known : dict
        By argument types, what has to be loaded before; filled here when it was compiled.
    apart : bool
        Whether callers shall call this kernel by address.
    """
    kinds, library = tuple(result.signature.args), result.library
    needs = known.setdefault(kinds, {})
    for callee in library._linking_libraries:
        needs.update(getattr(callee, "needed_by_callers", {}))  # Numba's own helpers have none
    library.needed_by_callers = needs
    if apart:
        function = dispatcher.py_func
        library.__class__ = ApartLibrary
        library.needed_by_callers = {(function.__module__, function.__name__, kinds): None}


def load_needed(needs: Needs) -> None:
    """Load, or else compile, the kernels that another calls by address."""
    for module, name, kinds in needs:
        getattr(import_module(module), name).compile(kinds)


def without_idle(data: Any) -> Any:
    """Return what is written of a kernel without what nothing in it reads.

    Those are environments of functions without Python constants; to load one is to import its
    module.
    """
    if not POSSIBLE:
        return data
    *rest, environments = data
    return (*rest, tuple(one for one in environments if one.consts))


def load_only(cache: Any, signature: Any, context: Any) -> Any:
    """Load a kernel, or return None, without what compiling needs: half of Numba, and of scipy.

    Parameters
    ----------
    cache : numba Cache
    signature : tuple of numba types
    context : numba target context
        It is made ready for compiling when something is compiled.
    """
    rtsys.initialize(context)
    with cache._guard_against_spurious_io_errors():
        return cache._load_overload(signature, context)
