import subprocess
import sys

import pytest

import polyregions as pr

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
        "count_regions",
        "enumerate_regions",
        "fix",
        "from_torch",
        "load",
        "open_regions",
        "random_subspace",
        "traverse",
    ]


@pytest.mark.parametrize("name", pr.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(pr, name).__doc__
    assert name in dir(pr)


def test_every_error_is_a_polyregions_error():
    errors = [getattr(pr, name) for name in pr.__all__ if name.endswith("Error")]
    assert all(issubclass(error, pr.PolyregionsError) for error in errors)


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pr.nothing


def test_version():
    assert pr.__version__ == "0.1.0"


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in run.stdout.split()}


def test_the_import_loads_nothing_heavy():
    assert not modules_after("import polyregions") & HEAVY


def test_a_walk_needs_no_optional_package_and_no_modelling():
    loaded = modules_after(
        "import polyregions as pr\n"
        "net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])\n"
        "assert len(pr.enumerate_regions(net, pr.Box.cube(1, 1.0))) == 2"
    )
    unwanted = HEAVY - {"flint", "llvmlite", "numba", "scipy"}
    assert not loaded & unwanted


def test_the_command_line_starts_without_the_solver():
    loaded = modules_after("import polyregions.cli")
    assert not loaded & (HEAVY - {"rich", "typer"})
