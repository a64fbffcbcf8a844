"""A folder that only grows: chunks of arrays, and a manifest of those that count.

A chunk is written whole under its own name, then a new manifest that lists it takes the
place of the old one. Whenever the process dies, the last manifest and the chunks it
lists are complete; what it does not list is no part of the checkpoint.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from polyregions.arrays import Arrays
from polyregions.errors import CheckpointError
from polyregions.files.archives import (
    OtherVersionError,
    directory_digest,
    read_manifest,
    read_npz,
    signed,
    value_of,
    write_npz,
)
from polyregions.files.atomic import atomic_write

__all__ = [
    "Checkpoint",
    "Chunk",
    "Totals",
    "append",
    "bytes_held",
    "damaged",
    "open_checkpoint",
    "read_chunks",
    "remove",
    "units_named",
    "what_differs",
]


_CHECKPOINT_FORMAT = "polyregions checkpoint"
_CHECKPOINT_VERSION = 1
_MANIFEST = "manifest.json"
_FINISHED = "finished.json"  # the manifest's name when the result has been saved
_LOCK_FILE = "lock"
_CHUNK_NAME = re.compile(r"\d{6,}\.npz")

# what a difference between a checkpoint and the present walk means
_DIFFERENCES = {
    "package": "was written by another version of polyregions",
    "network": "belongs to another network",
    "domain": "belongs to another domain",
    "arithmetic": "belongs to a walk in other arithmetic",
    "units": "was written where other units are constant, on another kind of machine",
}


@dataclass(frozen=True)
class Totals:
    """How far a walk had come when a chunk was written."""

    regions: int = 0
    edges: int = 0
    expanded: int = 0
    prefixes: int = 0
    round: int = 0
    exact_decisions: int = 0
    resolving: bool = False


@dataclass(frozen=True)
class _Identity:
    """What a manifest says that its walk is about; the keys of _DIFFERENCES."""

    package: str
    network: str
    domain: str
    arithmetic: str
    units: str


@dataclass(frozen=True)
class _File:
    """What a manifest says of a chunk's file."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Chunk:
    """A file of the checkpoint: its size, a digest of its contents, and the totals with it."""

    name: str
    size: int
    digest: str
    totals: Totals


@dataclass(eq=False)
class Checkpoint:
    """An open checkpoint.

    Attributes
    ----------
    folder : Path
    identity : mapping of str to str
        What the walk is about; see :func:`open_checkpoint`.
    chunks : list of Chunk
        Those of the last manifest.
    """

    folder: Path
    identity: Mapping[str, str]
    chunks: list[Chunk]

    @property
    def totals(self) -> Totals:
        """How far the saved walk has come."""
        return self.chunks[-1].totals if self.chunks else Totals()


@contextmanager
def open_checkpoint(
    folder: Path, identity: Mapping[str, str], *, resume: bool
) -> Iterator[Checkpoint]:
    """Open the checkpoint in a folder, or start an empty one where there is none.

    No other process can open it during the ``with`` block.

    Parameters
    ----------
    folder : Path
    identity : mapping
        Keys network, domain, arithmetic, units, package: a walk can be resumed only
        where all are the same.
    resume : bool
        Whether an existing checkpoint is to be continued.

    Raises
    ------
    CheckpointError
        If there is a checkpoint and `resume` is not set, if it belongs to something else,
        is damaged or in use, or if the folder cannot be written.
    """
    try:
        folder.mkdir(exist_ok=True)
        _refuse_foreign(folder)
        lock = _locked(folder)
    except OSError as error:
        raise CheckpointError(
            f"the checkpoint folder {folder} cannot be written ({error.strerror}); choose an "
            f"output in another folder"
        ) from None
    try:
        chunks = _existing(folder, identity, resume)
        checkpoint = Checkpoint(folder, identity, chunks or [])
        _remove_strays(checkpoint)
        if chunks is None:
            _write_manifest(checkpoint)
        yield checkpoint
    finally:
        # the system frees the lock, also when the process dies
        os.close(lock)


def units_named(folder: Path) -> str | None:
    """Return what the checkpoint in a folder says of the units that vary, if there is one."""
    try:
        manifest = read_manifest(folder / _MANIFEST, _CHECKPOINT_FORMAT, _CHECKPOINT_VERSION)
        return value_of(_Identity, manifest.get("identity")).units
    except (OSError, ValueError):
        return None  # `open_checkpoint` says what is wrong


def append(checkpoint: Checkpoint, arrays: Mapping[str, NDArray[Any]], totals: Totals) -> None:
    """Add a chunk.

    Raises
    ------
    CheckpointError
        If it cannot be written; the checkpoint is then what it was before.
    """
    name = _chunk_name(len(checkpoint.chunks))
    path = checkpoint.folder / name
    try:
        with atomic_write(path) as stream:
            write_npz(stream, arrays)
        chunk = Chunk(name, path.stat().st_size, directory_digest(path), totals)
        _sync(checkpoint.folder)
    except OSError as error:
        raise _no_space(checkpoint.folder, error) from None
    checkpoint.chunks.append(chunk)
    try:
        _write_manifest(checkpoint)
    except BaseException:
        checkpoint.chunks.pop()
        raise


def bytes_held(checkpoint: Checkpoint) -> int:
    """Return the size of all chunks together.

    Raises
    ------
    CheckpointError
        If that of one is not what the manifest says.
    """
    for chunk in checkpoint.chunks:
        try:
            if (checkpoint.folder / chunk.name).stat().st_size != chunk.size:
                raise ValueError("its size has changed")
        except (OSError, ValueError) as error:
            raise damaged(checkpoint.folder, f"{chunk.name}: {error}") from None
    return sum(chunk.size for chunk in checkpoint.chunks)


def read_chunks(checkpoint: Checkpoint) -> Iterator[tuple[Totals, Arrays]]:
    """Yield the arrays of every chunk in order, each with the totals at its end.

    Raises
    ------
    CheckpointError
        If a chunk is missing, truncated or changed.
    """
    bytes_held(checkpoint)
    for chunk in checkpoint.chunks:
        path = checkpoint.folder / chunk.name
        try:
            if directory_digest(path) != chunk.digest:
                raise ValueError("its contents have changed")
            arrays = read_npz(path)
        except (OSError, ValueError) as error:
            raise damaged(checkpoint.folder, f"{chunk.name}: {error}") from None
        yield chunk.totals, arrays


def remove(checkpoint: Checkpoint) -> None:
    """Delete the checkpoint: the result has been saved.

    Raises
    ------
    CheckpointError
        If a file cannot be deleted.
    """
    folder = checkpoint.folder
    try:
        # from here on the folder says itself that nothing in it is needed
        os.replace(folder / _MANIFEST, folder / _FINISHED)
        checkpoint.chunks.clear()
        _remove_strays(checkpoint)
        with suppress(OSError):  # where an open file cannot be deleted
            (folder / _LOCK_FILE).unlink()
    except OSError as error:
        raise CheckpointError(
            f"the result is saved, but {folder} cannot be deleted ({error.strerror}); delete it"
        ) from None
    with suppress(OSError):  # files of somebody else
        folder.rmdir()


def _refuse_foreign(folder: Path) -> None:
    """Refuse a folder without a manifest that holds what would be cleared away."""
    foreign = [file.name for file in _strays(folder, ()) if not _is_partial(file)]
    if foreign and not (folder / _MANIFEST).exists() and not _is_finished(folder):
        raise CheckpointError(
            f"the folder {folder} holds {foreign[0]!r}, but {_MANIFEST} is missing, which "
            f"makes it a checkpoint; choose another output, or move the folder away"
        )


def what_differs(saved: Mapping[str, str], identity: Mapping[str, str]) -> str | None:
    """Return what makes a checkpoint one of something else, or None."""
    return next((_DIFFERENCES[key] for key in _DIFFERENCES if saved[key] != identity[key]), None)


def _existing(folder: Path, identity: Mapping[str, str], resume: bool) -> list[Chunk] | None:
    """Return the chunks to go on from, or None if there is nothing."""
    path = folder / _MANIFEST
    if not path.exists():
        return None
    try:
        manifest = read_manifest(path, _CHECKPOINT_FORMAT, _CHECKPOINT_VERSION)
        if "identity" not in manifest or not isinstance(manifest.get("chunks"), list):
            raise ValueError("it says too little")
        chunks = [_chunk(entry) for entry in manifest["chunks"]]
        saved = asdict(value_of(_Identity, manifest["identity"]))
        if [chunk.name for chunk in chunks] != list(map(_chunk_name, range(len(chunks)))):
            raise ValueError("its chunks are not in order")
    except OSError as error:
        raise _unreadable(folder, str(error.strerror)) from None
    except OtherVersionError as error:
        raise CheckpointError(
            f"the checkpoint {folder} has {error}; take the program that wrote it, or delete the "
            f"folder"
        ) from None
    except ValueError as error:
        raise _unreadable(folder, str(error)) from None
    if not resume:
        raise CheckpointError(
            f"there is a checkpoint of an unfinished run in {folder}; go on with --resume, or "
            f"delete the folder to begin again"
        )
    what = what_differs(saved, identity)
    if what is not None:
        raise CheckpointError(
            f"the checkpoint {folder} {what}; choose another output, or delete the folder to begin "
            f"again"
        )
    return chunks


def _chunk(entry: Any) -> Chunk:
    """Return what a manifest says of a chunk; ValueError if it is malformed."""
    file = value_of(_File, entry)
    return Chunk(file.name, file.size, file.digest, value_of(Totals, entry.get("totals")))


def _chunk_name(index: int) -> str:
    return f"{index:06d}.npz"


def _unreadable(folder: Path, what: str) -> CheckpointError:
    # it may be somebody else's: to delete it is no advice
    return CheckpointError(
        f"the checkpoint {folder} is damaged, or none ({_MANIFEST}: {what}); choose another "
        f"output, or move the folder away"
    )


def damaged(folder: Path, what: str) -> CheckpointError:
    """Return what to raise for a checkpoint that does not hold what it claims."""
    return CheckpointError(
        f"the checkpoint {folder} is damaged ({what}); delete the folder to begin again"
    )


def _write_manifest(checkpoint: Checkpoint) -> None:
    manifest: dict[str, Any] = {
        "format": _CHECKPOINT_FORMAT,
        "version": _CHECKPOINT_VERSION,
        "identity": dict(checkpoint.identity),
        "totals": asdict(checkpoint.totals),
        "chunks": [asdict(chunk) for chunk in checkpoint.chunks],
    }
    try:
        with atomic_write(checkpoint.folder / _MANIFEST) as stream:
            stream.write(signed(manifest))
        _sync(checkpoint.folder)
    except OSError as error:
        raise _no_space(checkpoint.folder, error) from None


def _no_space(folder: Path, error: OSError) -> CheckpointError:
    return CheckpointError(
        f"the checkpoint {folder} cannot be written ({error.strerror}); what it holds stays "
        f"valid: make room and go on with --resume"
    )


def _locked(folder: Path) -> int:
    """Return a file descriptor that keeps other processes out of the folder."""
    lock = os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise CheckpointError(
                f"another process is writing to {folder}; wait for it, or choose another output"
            ) from None
    return lock


def _remove_strays(checkpoint: Checkpoint) -> None:
    """Delete what a process that died left behind: everything of ours that is not listed."""
    listed = [chunk.name for chunk in checkpoint.chunks]
    for file in list(_strays(checkpoint.folder, listed)):
        if file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink()


def _strays(folder: Path, listed: Sequence[str]) -> Iterator[Path]:
    """Yield what has a name of ours and is not listed."""
    for file in folder.iterdir():
        if file.is_dir():
            ours = file.name in ("result", "sorting") and not file.is_symlink()
        else:
            chunk = _CHUNK_NAME.fullmatch(file.name) and file.name not in listed
            ours = bool(chunk) or _is_partial(file) or file.name in ("result.npz", _FINISHED)
        if ours:
            yield file


def _is_partial(file: Path) -> bool:
    return file.name.startswith(".polyregions-") and file.suffix == ".part"


def _is_finished(folder: Path) -> bool:
    """Return whether a manifest says that nothing in the folder is needed."""
    try:
        read_manifest(folder / _FINISHED, _CHECKPOINT_FORMAT, _CHECKPOINT_VERSION)
    except (OSError, ValueError):
        return False
    return True


def _sync(folder: Path) -> None:
    """Make the names in a folder last through a power failure, where the system can."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
