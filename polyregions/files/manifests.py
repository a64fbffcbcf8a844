"""JSON files that say what a folder holds, read into small frozen values."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

__all__ = ["OtherVersionError", "read_manifest", "signed", "value_of"]

Parsed = TypeVar("Parsed")

_MAX_MANIFEST_BYTES = 2**26
_MAX_NUMBER = 2**63
_CHECK = "check"


class OtherVersionError(ValueError):
    """The manifest is of another version of its format; the message says which."""


def read_manifest(path: Path, kind: str, version: int, *, unsigned: bool = False) -> dict[str, Any]:
    """Return the object of a JSON file of a known format and version.

    Parameters
    ----------
    path : Path
    kind : str
        What ``format`` must be.
    version : int
    unsigned : bool
        Whether one without ``check`` is read as well: 0.1.0 signed no results.

    Raises
    ------
    OtherVersionError
        If the version is another.
    ValueError
        If it is no JSON, too large, of another kind, or not as it was when it was signed.
    OSError
        If it cannot be read.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_MANIFEST_BYTES:
        raise ValueError("it is no file, or too large")
    try:
        manifest = json.loads(path.read_bytes())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(manifest, dict) or manifest.get("format") != kind:
        raise ValueError("it is of another kind")
    found = manifest.get("version")
    if type(found) is not int or found != version:
        raise OtherVersionError(
            f"format version {found if type(found) is int else 'unknown'}, but this program "
            f"reads version {version}"
        )
    check = manifest.pop(_CHECK, None)
    if check != _manifest_checksum(manifest) and not (unsigned and check is None):
        raise ValueError("it was changed")
    return manifest


def signed(manifest: Mapping[str, Any]) -> bytes:
    """Return the bytes of a manifest with ``check``, a SHA-256 of all else."""
    return json.dumps({**manifest, _CHECK: _manifest_checksum(manifest)}, indent=1).encode() + b"\n"


def value_of(kind: type[Parsed], entry: object) -> Parsed:
    """Return a frozen value from a JSON object that has its fields, of the annotated types.

    Integers are at least 0 and below 2^63. Fields with a default may be absent, and further
    ones are ignored.

    Raises
    ------
    ValueError
        If a field is missing or of another type.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Part:
    ...     file: "str"
    ...     rows: "int" = 0
    >>> value_of(Part, {"file": "a", "rows": 3})
    Part(file='a', rows=3)
    """
    if not isinstance(entry, dict):
        raise ValueError(f"{kind.__name__.lower().lstrip('_')} is no object")
    hints = get_type_hints(kind)
    given: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name not in entry:
            if field.default is MISSING:
                raise ValueError(f"{field.name} is missing")
            continue
        value = given[field.name] = entry[field.name]
        hint = hints[field.name]
        types = get_args(hint) if isinstance(hint, UnionType) else (get_origin(hint) or hint,)
        if type(value) not in types or (type(value) is int and not 0 <= value < _MAX_NUMBER):
            raise ValueError(f"{field.name} has a value that it cannot have")
    return kind(**given)


def _manifest_checksum(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
