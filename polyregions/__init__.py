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
from polyregions.markup import PAINTERS
from polyregions.network import Layer, Network
from polyregions.network.slices import Line, Plane, Slice, fix, random_subspace
from polyregions.regions import Region, Regions

if TYPE_CHECKING:
    from polyregions.analysis.linear_regions import count_all_patterns, linear_regions
    from polyregions.analysis.simplification import simplify
    from polyregions.analysis.units import unit_bounds
    from polyregions.experiments import experiment
    from polyregions.io import input_box
    from polyregions.io.comparison import largest_difference
    from polyregions.io.graphs import write_graph
    from polyregions.io.networks import load, open_regions
    from polyregions.io.sklearn_models import from_sklearn
    from polyregions.io.torch_modules import from_torch
    from polyregions.network.composition import compose, difference, linear, side_by_side
    from polyregions.plot import (
        plot_cells,
        plot_contours,
        plot_growth,
        plot_line,
        plot_points,
        plot_slices,
        plot_solids,
        save_figure,
    )
    from polyregions.proof.certification import certify, check
    from polyregions.pwa.files import export
    from polyregions.questions.conditions import where
    from polyregions.questions.equality import equal, equal_classes
    from polyregions.questions.level_sets import boundary, level
    from polyregions.questions.margins import margin
    from polyregions.questions.nearest_input import nearest
    from polyregions.questions.optimum import maximum, minimum
    from polyregions.questions.steepest import lipschitz
    from polyregions.scale import enumerate_to_file
    from polyregions.scale.cluster import count_on_cluster
    from polyregions.scale.cluster_proof import certify_on_cluster
    from polyregions.scale.cluster_walk import enumerate_on_cluster
    from polyregions.scale.forecast import cost_per_region
    from polyregions.scale.preparation import compile_kernels
    from polyregions.scale.saved_runs import count_with_checkpoint
    from polyregions.theory.boundaries import verify_boundaries
    from polyregions.theory.bounds import compared_bounds
    from polyregions.theory.lemmas import check_lemmas
    from polyregions.theory.theorem5 import verify_grid, verify_theorem5
    from polyregions.tree.estimation import estimate_regions
    from polyregions.tree.subdivision import count_regions, count_tree
    from polyregions.viewer import write_page
    from polyregions.walk.breadth_first import enumerate_regions, explore, traverse
    from polyregions.walk.polyline import regions_along, shortest_path

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
    "boundary",
    "certify",
    "certify_on_cluster",
    "check",
    "check_lemmas",
    "compared_bounds",
    "compile_kernels",
    "compose",
    "cost_per_region",
    "count_all_patterns",
    "count_on_cluster",
    "count_regions",
    "count_tree",
    "count_with_checkpoint",
    "difference",
    "enumerate_on_cluster",
    "enumerate_regions",
    "enumerate_to_file",
    "equal",
    "equal_classes",
    "estimate_regions",
    "experiment",
    "explore",
    "export",
    "fix",
    "from_sklearn",
    "from_torch",
    "input_box",
    "largest_difference",
    "level",
    "linear",
    "linear_regions",
    "lipschitz",
    "load",
    "margin",
    "maximum",
    "minimum",
    "nearest",
    "open_regions",
    "plot_cells",
    "plot_contours",
    "plot_growth",
    "plot_line",
    "plot_points",
    "plot_slices",
    "plot_solids",
    "random_subspace",
    "regions_along",
    "save_figure",
    "shortest_path",
    "side_by_side",
    "simplify",
    "traverse",
    "unit_bounds",
    "verify",
    "verify_boundaries",
    "verify_grid",
    "verify_theorem5",
    "where",
    "write_graph",
    "write_page",
]

# functions by the module that is loaded at their first use: their rooms import compiled code or are
# large, and "import polyregions" takes no longer than "import numpy"
_LATE = {
    "analysis.linear_regions": ["count_all_patterns", "linear_regions"],
    "analysis.simplification": ["simplify"],
    "analysis.units": ["unit_bounds"],
    "experiments": ["experiment"],
    "io": ["input_box"],
    "io.comparison": ["largest_difference"],
    "io.graphs": ["write_graph"],
    "io.networks": ["load", "open_regions"],
    "io.sklearn_models": ["from_sklearn"],
    "io.torch_modules": ["from_torch"],
    "network.composition": ["compose", "difference", "linear", "side_by_side"],
    "plot": [
        "plot_cells",
        "plot_contours",
        "plot_growth",
        "plot_line",
        "plot_points",
        "plot_slices",
        "plot_solids",
        "save_figure",
    ],
    "proof.certification": ["certify", "check"],
    "pwa.files": ["export"],
    "questions.conditions": ["where"],
    "questions.equality": ["equal", "equal_classes"],
    "questions.level_sets": ["boundary", "level"],
    "questions.margins": ["margin"],
    "questions.nearest_input": ["nearest"],
    "questions.optimum": ["maximum", "minimum"],
    "questions.steepest": ["lipschitz"],
    "questions.verification": ["verify"],
    "scale": ["enumerate_to_file"],
    "scale.cluster": ["count_on_cluster"],
    "scale.cluster_proof": ["certify_on_cluster"],
    "scale.cluster_walk": ["enumerate_on_cluster"],
    "scale.forecast": ["cost_per_region"],
    "scale.preparation": ["compile_kernels"],
    "scale.saved_runs": ["count_with_checkpoint"],
    "theory.boundaries": ["verify_boundaries"],
    "theory.bounds": ["compared_bounds"],
    "theory.lemmas": ["check_lemmas"],
    "theory.theorem5": ["verify_grid", "verify_theorem5"],
    "tree.estimation": ["estimate_regions"],
    "tree.subdivision": ["count_regions", "count_tree"],
    "viewer": ["write_page"],
    "walk.breadth_first": ["enumerate_regions", "explore", "traverse"],
    "walk.polyline": ["regions_along", "shortest_path"],
}
_LATE_HOME = {name: home for home, names in _LATE.items() for name in names}


def _small_picture(regions: Regions) -> bytes | None:
    """Draw the picture beside a table of regions, in a notebook that shows one."""
    picture: bytes | None = import_module("polyregions.plot.cell_plot").thumbnail(regions)
    return picture


PAINTERS[Regions] = _small_picture


def __getattr__(name: str) -> Any:
    if name not in _LATE_HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_LATE_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
