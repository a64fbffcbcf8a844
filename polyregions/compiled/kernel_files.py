"""Compiled kernels on disk: whose they are, and whether they are whole.

A cached kernel is stale when *any* module with kernels has changed, because kernels call each
other across modules; Numba's own stamp looks at one file only, so it is replaced by one of
them all. Every file ends with the SHA-256 of what is before it: "proven" rests on this machine
code, so a file that was cut or damaged is never run, but compiled again. (A checksum is no
protection against somebody who may write there: see SECURITY.md.)

A folder that holds kernels of these sources need not be writable. Kernels of other sources,
which other versions left behind, are removed once nobody has used them for a month.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import IO, Any

import numba
from numba.core.caching import IndexDataCacheFile, _CacheLocator

from polyregions.compiled.apart import (
    POSSIBLE,
    Needs,
    load_needed,
    load_only,
    note_needs,
    without_idle,
)

__all__ = ["LOG", "CheckedFiles", "keep_on_disk", "kept"]

_DIGEST = hashlib.sha256().digest_size
LOG = logging.getLogger("polyregions")
_KERNEL = re.compile(rb"kernel\r?\ndef ")
_IMPORT = re.compile(rb"^from (polyregions[\w.]*) import", re.MULTILINE)

_OURS = re.compile(r"[0-9a-f]{16}-.+\.nb[ic]")
_DAY = 86_400.0
_UNUSED_SECONDS = 30 * _DAY


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
_PREFIX = f"{_STAMP[0][:16]}-"


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
        super().__init__(folder, _PREFIX + name, _STAMP)
        self._folder = folder
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
            self._save_data(name, (self.needs.get(key[0], {}), without_idle(data)))
            self._save_index({**self._load_index(), key: name})
            _remove_unused(self._folder)
        except OSError as error:
            _tell_once(f"compiled kernels cannot be kept on disk ({error.strerror or error})")

    def load(self, key: Any) -> Any:
        """Read a kernel, once those that it calls by address are loaded."""
        found = super().load(key)
        if found is None:
            return None
        self.needs[key[0]], data = found
        load_needed(self.needs[key[0]])
        _note_use(self._index_path)
        for name in self._load_index().values():
            _note_use(self._data_path(name))
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


def _note_use(path: str) -> None:
    """Let a file's time of access be today's, whatever the file system notes itself."""
    with suppress(OSError):
        known = os.stat(path)
        if time.time() - known.st_atime > _DAY:
            os.utime(path, ns=(time.time_ns(), known.st_mtime_ns))


@cache
def _remove_unused(folder: str) -> None:
    """Remove kernels of other sources that nobody has used for long, once in a process.

    A process that had just found one compiles it again, as if it had been damaged.
    """
    with suppress(OSError):
        for entry in os.scandir(folder):
            if _OURS.fullmatch(entry.name) and not entry.name.startswith(_PREFIX):
                with suppress(OSError):
                    known = entry.stat(follow_symlinks=False)
                    if time.time() - max(known.st_atime, known.st_mtime) > _UNUSED_SECONDS:
                        os.unlink(entry.path)


@contextmanager
def _where_kernels_are() -> Iterator[None]:
    """Let Numba take a folder that it may not write to, if kernels of these sources are there."""
    locator: Any = _CacheLocator
    usual = locator.ensure_cache_path

    def ensure(self: Any) -> None:
        try:
            usual(self)
        except OSError:
            if not any(name.startswith(_PREFIX) for name in os.listdir(self.get_cache_path())):
                raise

    locator.ensure_cache_path = ensure
    try:
        yield
    finally:
        locator.ensure_cache_path = usual


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
    # no such folder: kernels are compiled in every process
    with suppress(RuntimeError), _where_kernels_are():
        dispatcher.enable_caching()
        with suppress(AttributeError):  # another Numba: its own files will do
            cache = dispatcher._cache
            files = CheckedFiles(cache._cache_path, prefix + cache._impl.filename_base)
            cache._cache_file = files
            if POSSIBLE:
                cache.load_overload = partial(load_only, cache)
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
