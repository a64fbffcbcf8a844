import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from documented import DOCUMENTED

import polyregions as pr

# what is promised of the rooms since 0.1.0: a name may join, none may leave or move

HEAVY = {
    "cvxpy",
    "dask",
    "distributed",
    "flint",
    "llvmlite",
    "matplotlib",
    "networkx",
    "numba",
    "onnx",
    "pandas",
    "plotly",
    "pyarrow",
    "rich",
    "scipy",
    "sklearn",
    "torch",
    "typer",
}


def test_public_names():
    assert sorted(pr.__all__) == [
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


@pytest.mark.parametrize("name", pr.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(pr, name).__doc__
    assert name in dir(pr)


@pytest.mark.parametrize("module", DOCUMENTED)
def test_documented_names_of_the_rooms(module):
    room = importlib.import_module(f"polyregions.{module}")
    assert set(DOCUMENTED[module]) <= set(room.__all__)
    assert all(getattr(room, name).__doc__ for name in DOCUMENTED[module])


def test_the_reference_lists_what_is_pinned_here():
    page = Path(__file__).resolve().parents[2] / "docs" / "api.md"
    entries = re.findall(r"^   ([a-zA-Z_0-9.]+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    # what pr has itself is listed under that name only
    known = {f"{home}.{name}" for name, home in pr._LATE_HOME.items()}
    rooms = {f"{module}.{name}" for module, names in DOCUMENTED.items() for name in names}
    assert set(entries) == {*pr.__all__, *(rooms - known)}
    assert len(entries) == len(set(entries))


def test_every_error_is_a_polyregions_error():
    errors = [getattr(pr, name) for name in pr.__all__ if name.endswith("Error")]
    assert all(issubclass(error, pr.PolyregionsError) for error in errors)


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pr.nothing


def test_version():
    assert pr.__version__ == "0.1.0"


def all_modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def modules_after(statement: str) -> set[str]:
    return {name.partition(".")[0] for name in all_modules_after(statement)}


def test_the_import_loads_nothing_heavy():
    assert not modules_after("import polyregions") & HEAVY


@pytest.mark.slow
def test_a_walk_needs_no_optional_package_and_no_modelling():
    loaded = modules_after(
        "import polyregions as pr\n"
        "net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])\n"
        "assert len(pr.enumerate_regions(net, pr.Box.cube(1, 1.0))) == 2"
    )
    unwanted = HEAVY - {"flint", "llvmlite", "numba", "scipy"}
    assert not loaded & unwanted


def test_a_count_of_a_small_network_needs_no_sparse_matrices():
    loaded = all_modules_after("from polyregions.cli import main\nassert main(['count']) == 0")
    assert not loaded & {"scipy.sparse", "scipy.linalg", "networkx"}


def test_the_command_line_starts_without_the_solver():
    loaded = modules_after("import polyregions.cli")
    assert not loaded & (HEAVY - {"rich", "typer"})
