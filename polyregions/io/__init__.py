"""Networks in, boxes in, results in and out: importing this room loads no reader.

What is listed here is loaded with its module at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polyregions.io.lowering import (
        DroppedOperatorWarning,
        JoinedOutputsWarning,
        RoundedDivisionWarning,
    )
    from polyregions.io.networks import input_box, load, save_network
    from polyregions.io.points import read_idx
    from polyregions.io.torch_modules import from_torch
    from polyregions.io.vnnlib import BoxFile, DomainFile, load_box, load_domain

__all__ = [
    "BoxFile",
    "DomainFile",
    "DroppedOperatorWarning",
    "JoinedOutputsWarning",
    "RoundedDivisionWarning",
    "from_torch",
    "input_box",
    "load",
    "load_box",
    "load_domain",
    "read_idx",
    "save_network",
]

_HOMES = {
    "lowering": ["DroppedOperatorWarning", "JoinedOutputsWarning", "RoundedDivisionWarning"],
    "networks": ["input_box", "load", "save_network"],
    "points": ["read_idx"],
    "torch_modules": ["from_torch"],
    "vnnlib": ["BoxFile", "DomainFile", "load_box", "load_domain"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    return value
