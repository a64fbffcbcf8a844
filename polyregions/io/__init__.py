"""Networks in, boxes in; results have their own modules."""

from polyregions.io.idx import read_idx
from polyregions.io.lowering import (
    DroppedOperatorWarning,
    JoinedOutputsWarning,
    RoundedDivisionWarning,
)
from polyregions.io.networks import input_box, load
from polyregions.io.npz import save_network
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
