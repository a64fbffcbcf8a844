"""The file that keeps the counts of a run, so that it can be stopped and resumed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from polyregions.errors import CheckpointError
from polyregions.files.atomic import atomic_write
from polyregions.theory.draw import Draw, Settings

__all__ = ["read_draws", "write_draws"]

_DRAWS_FORMAT = "polyregions draws 1"


def write_draws(
    path: str | PathLike[str],
    settings: Sequence[Settings],
    draws: Sequence[Mapping[int, Draw]],
) -> None:
    """Write counts by law and index, whole or not at all."""
    content = {
        "format": _DRAWS_FORMAT,
        "settings": [law.as_dict() for law in settings],
        "draws": [
            {
                str(index): [draw.regions, draw.edges, draw.exact_decisions, draw.proven]
                for index, draw in sorted(found.items())
            }
            for found in draws
        ],
    }
    with atomic_write(path) as stream:
        stream.write(json.dumps(content).encode())


def read_draws(path: str | PathLike[str], settings: Sequence[Settings]) -> list[dict[int, Draw]]:
    """Return the counts that a file holds; none if there is no file yet.

    Raises
    ------
    CheckpointError
        If it is not a file of draws, or one of other settings.
    """
    name = Path(path)
    if not name.exists():
        return [{} for _ in settings]
    try:
        content = json.loads(name.read_bytes())
        if content["format"] != _DRAWS_FORMAT:
            raise ValueError(content["format"])
        kept = content["settings"]
        draws = [
            {
                int(index): Draw(int(regions), int(edges), int(exact), bool(proven))
                for index, (regions, edges, exact, proven) in found.items()
            }
            for found in content["draws"]
        ]
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        raise CheckpointError(
            f"{name.name} is not a file of draws; name another file or remove it"
        ) from None
    if kept != [law.as_dict() for law in settings] or len(draws) != len(settings):
        raise CheckpointError(
            f"{name.name} holds draws of other settings; name another file or remove it"
        )
    return draws
