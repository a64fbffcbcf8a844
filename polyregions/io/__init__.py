"""Networks in, boxes in; results have their own modules."""

from polyregions.io.lowering import RoundedDivisionWarning
from polyregions.io.networks import load
from polyregions.io.npz import save_network
from polyregions.io.torch_modules import from_torch
from polyregions.io.vnnlib import BoxFile, load_box

__all__ = [
    "BoxFile",
    "RoundedDivisionWarning",
    "from_torch",
    "load",
    "load_box",
    "save_network",
]
