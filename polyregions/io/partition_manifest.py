"""What the manifest of a folder of Parquet tables says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polyregions.errors import FormatError
from polyregions.files.archives import OtherVersionError, read_manifest, value_of

__all__ = [
    "MANIFEST_FILE",
    "PARTITIONS_FORMAT",
    "PARTITIONS_VERSION",
    "PROBLEM",
    "Head",
    "ListedPart",
    "is_result",
    "manifest_of",
]

PARTITIONS_FORMAT, PARTITIONS_VERSION = "polyregions partitions", 1
MANIFEST_FILE, PROBLEM = "manifest.json", "problem.npz"
_NAME = re.compile(r"(regions|edges)/part-[0-9]{5,9}\.parquet")


@dataclass(frozen=True)
class ListedPart:
    """What the manifest says of a part; 0.1.0 wrote no checksums."""

    file: str
    rows: int
    bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Head:
    """What the manifest says of the result."""

    input_dimension: int
    regions: int
    edges: int
    complete: bool
    proven: bool
    parts: dict[str, Any]


def manifest_of(folder: Path) -> tuple[Head, dict[str, list[ListedPart]]]:
    """Return what the manifest says, and the parts of each kind.

    Raises
    ------
    FormatError
        If there is none, or it is damaged or of another kind or version.
    """
    try:
        manifest = read_manifest(
            folder / MANIFEST_FILE, PARTITIONS_FORMAT, PARTITIONS_VERSION, unsigned=True
        )
        head = value_of(Head, manifest)
        kinds = {kind: head.parts.get(kind) for kind in ("regions", "edges")}
        if not all(isinstance(listed, list) for listed in kinds.values()):
            raise ValueError("its parts are no lists")
        parts = {
            kind: [value_of(ListedPart, part) for part in listed or ()]
            for kind, listed in kinds.items()
        }
        if not all(_NAME.fullmatch(part.file) for listed in parts.values() for part in listed):
            raise ValueError("it names a file outside")
        return head, parts
    except OSError as error:
        raise FormatError(
            f"{folder.name} is a folder whose {MANIFEST_FILE} cannot be read ({error.strerror}); "
            f"give one written by 'polyregions enumerate -o NAME.parquet'"
        ) from None
    except OtherVersionError as error:
        raise FormatError(f"{folder.name} has {error}; install a newer polyregions") from None
    except ValueError as error:
        raise FormatError(
            f"{MANIFEST_FILE} in {folder.name} is damaged or of another kind ({error}); write it "
            f"again"
        ) from None


def is_result(folder: Path) -> bool:
    """Return whether a folder is a result of this kind and holds nothing else."""
    try:
        _, parts = manifest_of(folder)
        found = {file.relative_to(folder).as_posix() for file in folder.rglob("*")}
    except (FormatError, OSError):
        return False
    listed = {part.file for kind in parts.values() for part in kind}
    return found <= listed | {MANIFEST_FILE, PROBLEM, *parts}
