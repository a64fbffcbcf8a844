"""Compiled kernels on disk: whose they are, and whether they are whole.

A cached kernel is stale when *any* module with kernels has changed, because kernels call each
other across modules; Numba's own stamp looks at one file only, so it is replaced by one of
them all. Every file ends with the SHA-256 of what is before it: "proven" rests on this machine
code, so a file that was cut or damaged is never run, but compiled again. (A checksum is no
protection against somebody who may write there: see SECURITY.md.)
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import numba
from llvmlite import binding as llvm
from numba.core.caching import IndexDataCacheFile
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

__all__ = [
    "LOG",
    "POSSIBLE",
    "CheckedFiles",
    "Needs",
    "StableName",
    "keep_on_disk",
    "kept",
    "load_needed",
    "note_needs",
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


class ApartLibrary(JITCodeLibrary):
    """The code of a kernel that is not linked into its callers."""

    def _get_module_for_linking(self) -> Any:
        own, nothing = self._final_module, llvm.parse_assembly("")
        nothing.data_layout, nothing.triple = own.data_layout, own.triple
        return nothing

    def serialize_using_object_code(self) -> Any:
        symbols = super()._get_module_for_linking().as_bitcode()
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


_DIGEST = hashlib.sha256().digest_size
LOG = logging.getLogger("polyregions")
_KERNEL = re.compile(rb"kernel\r?\ndef ")
_IMPORT = re.compile(rb"^from (polyregions[\w.]*) import", re.MULTILINE)


def _stamp() -> tuple[str, int]:
    """Digest the modules with kernels and what they import: kernels hold their constants, too."""
    here = Path(__file__).parent
    sources = {path: path.read_bytes() for path in here.parent.rglob("*.py")}
    waiting = [path for path in sources if path.parent == here or _KERNEL.search(sources[path])]
    stamped: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in stamped:
            stamped.add(path)
            for name in _IMPORT.findall(sources[path]):
                stem = here.parents[1].joinpath(*name.decode().split("."))
                waiting.extend({stem.with_suffix(".py"), stem / "__init__.py"} & sources.keys())
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(stamped):
        digest.update(sources[path])
    return digest.hexdigest(), 0


_STAMP = _stamp()


class CheckedFiles(IndexDataCacheFile):
    """The index and the data files of one kernel, with checksums.

    Parameters
    ----------
    folder : str
    name : str
        What the files of the kernel are called, without their endings.
    """

    def __init__(self, folder: str, name: str) -> None:
        # the stamp is in the names, too: an old index may name types that have moved, and it
        # is read before its stamp is compared
        super().__init__(folder, f"{_STAMP[0][:16]}-{name}", _STAMP)
        self._seen: tuple[int, dict[Any, str]] = (-1, {})
        self.needs: dict[tuple[Any, ...], Needs] = {}

    def holds(self, key: Any) -> bool:
        """Return whether there is a kernel for a signature; cheap enough for every call."""
        try:
            changed = os.stat(self._index_path).st_mtime_ns
        except OSError:
            return False
        if changed != self._seen[0]:
            self._seen = changed, self._load_index()
        name = self._seen[1].get(key)
        return name is not None and _is_undamaged(self._data_path(name))

    def save(self, key: Any, data: Any) -> None:
        """Write a kernel, and which others it calls by address."""
        # named after what it is: of two processes that number files as they come, each could
        # find the other's kernel under its own number
        what = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        name = self._data_name_pattern.format(number=int(what, 16))
        try:
            self._save_data(name, (self.needs.get(key[0], {}), data))
            self._save_index({**self._load_index(), key: name})
        except OSError as error:
            _tell_once(f"compiled kernels cannot be kept on disk ({error.strerror or error})")

    def load(self, key: Any) -> Any:
        """Read a kernel, once those that it calls by address are loaded."""
        found = super().load(key)
        if found is None:
            return None
        self.needs[key[0]], data = found
        load_needed(self.needs[key[0]])
        return data

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[IO[bytes]]:
        content = io.BytesIO()
        with super()._open_for_write(filepath) as file:
            yield content
            file.write(content.getvalue())
            file.write(hashlib.sha256(content.getvalue()).digest())

    def _load_index(self) -> dict[Any, str]:
        if not _is_undamaged(self._index_path):
            return {}
        index: dict[Any, str] = super()._load_index()
        return index

    def _load_data(self, name: str) -> Any:
        if not _is_undamaged(self._data_path(name)):
            raise FileNotFoundError(name)  # a kernel that is not there is compiled again
        return super()._load_data(name)


def _is_undamaged(path: str) -> bool:
    """Return whether a file is there and ends with the checksum of the rest."""
    try:
        content = Path(path).read_bytes()
    except OSError:
        return False
    whole = hashlib.sha256(content[:-_DIGEST]).digest() == content[-_DIGEST:]
    if not whole:
        _tell_once("a compiled kernel on disk is damaged, and is compiled again")
    return whole


@cache
def _tell_once(message: str) -> None:
    LOG.warning(message)


def keep_on_disk(dispatcher: Any, prefix: str, *, apart: bool) -> None:
    """Keep what is compiled of a kernel on disk, where a folder for it may be written.

    Parameters
    ----------
    dispatcher : numba Dispatcher
    prefix : str
        Of the names of its files.
    apart : bool
        Whether callers shall call it by address, where that is possible.
    """
    with suppress(RuntimeError):  # no such folder: kernels are compiled in every process
        dispatcher.enable_caching()
        with suppress(AttributeError):  # another Numba: its own files will do
            cache = dispatcher._cache
            files = CheckedFiles(cache._cache_path, prefix + cache._impl.filename_base)
            cache._cache_file = files
    add_overload = dispatcher.add_overload

    def add(result: Any) -> None:
        if POSSIBLE and kept(dispatcher):
            note_needs(dispatcher, result, files.needs, apart=apart)
        if "no_cpython_wrapper" in dispatcher.targetoptions:  # nothing that Python could call
            dispatcher.overloads[tuple(result.signature.args)] = result
        else:
            add_overload(result)

    dispatcher.add_overload = add


def kept(dispatcher: Any) -> bool:
    """Return whether a kernel has files of its own, which other processes can fill."""
    return isinstance(getattr(dispatcher._cache, "_cache_file", None), CheckedFiles)
