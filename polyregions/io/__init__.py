"""Networks in, boxes in; results have their own modules."""

from polyregions.io.idx import read_idx
from polyregions.io.lowering import (
    DroppedOperatorWarning,
    JoinedOutputsWarning,
    RoundedDivisionWarning,
)
from polyregions.io.networks import load
from polyregions.io.npz import save_network
from polyregions.io.torch_modules import from_torch
from polyregions.io.vnnlib import BoxFile, load_box

__all__ = [
    "BoxFile",
    "DroppedOperatorWarning",
    "JoinedOutputsWarning",
    "RoundedDivisionWarning",
    "from_torch",
    "load",
    "load_box",
    "read_idx",
    "save_network",
]
