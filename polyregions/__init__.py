"""Every activation region of a ReLU network in a box, each answer proven.

>>> import polyregions as pr
>>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
>>> regions = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))
>>> len(regions), regions.edges.tolist(), regions.complete, regions.proven
(3, [[0, 1], [1, 2]], True, True)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from polyregions.domain import Box, Polytope
from polyregions.errors import (
    CheckpointError,
    DomainError,
    FormatError,
    MissingExtraError,
    NetworkError,
    PartialResultError,
    PolyregionsError,
    UnsupportedOperatorError,
)
from polyregions.network import Layer, Network
from polyregions.network.slices import Line, Plane, Slice, fix, random_subspace
from polyregions.regions import Region, Regions

if TYPE_CHECKING:
    from polyregions.io.networks import load, open_regions
    from polyregions.io.sklearn_models import from_sklearn
    from polyregions.io.torch_modules import from_torch
    from polyregions.scale.preparation import compile_kernels
    from polyregions.tree.subdivision import count_regions
    from polyregions.walk.breadth_first import enumerate_regions, traverse

__version__ = "0.1.0"

__all__ = [
    "Box",
    "CheckpointError",
    "DomainError",
    "FormatError",
    "Layer",
    "Line",
    "MissingExtraError",
    "Network",
    "NetworkError",
    "PartialResultError",
    "Plane",
    "PolyregionsError",
    "Polytope",
    "Region",
    "Regions",
    "Slice",
    "UnsupportedOperatorError",
    "compile_kernels",
    "count_regions",
    "enumerate_regions",
    "fix",
    "from_sklearn",
    "from_torch",
    "load",
    "open_regions",
    "random_subspace",
    "traverse",
]

# functions whose rooms import compiled code: loaded at first use, so that
# "import polyregions" takes no longer than "import numpy"
_LAZY = {
    "compile_kernels": "polyregions.scale.preparation",
    "count_regions": "polyregions.tree.subdivision",
    "enumerate_regions": "polyregions.walk.breadth_first",
    "from_sklearn": "polyregions.io.sklearn_models",
    "from_torch": "polyregions.io.torch_modules",
    "load": "polyregions.io.networks",
    "open_regions": "polyregions.io.networks",
    "traverse": "polyregions.walk.breadth_first",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LAZY[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
