"""The house of docs/house.md is the one of the code, and nothing in it imports upwards."""

import ast
import graphlib
import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
OUT_OF_DATE = "who imports whom has changed: run python docs/rooms.py"


def load_rooms():
    spec = importlib.util.spec_from_file_location("rooms", DOCS / "rooms.py")
    rooms = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rooms)
    return rooms


rooms = load_rooms()


@pytest.fixture(scope="module")
def found():
    return rooms.imports(rooms.package_folder())


def test_every_room_is_known(found):
    assert {one.room for one in found} - {""} <= set(rooms.ROOMS)
    folder = rooms.package_folder()
    there = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    there |= {path.parent.name for path in folder.glob("*/__init__.py")}
    assert there == set(rooms.ROOMS)


@pytest.mark.parametrize("lazy", [False, True])
def test_nothing_imports_upwards(found, lazy):
    assert rooms.upward(found, lazy=lazy) == []


def test_walk_and_tree_do_not_know_each_other(found):
    walk = [one for one in found if one.room == "walk" and ".tree" in one.target]
    tree = [one for one in found if one.room == "tree" and ".walk" in one.target]
    assert walk == tree == []


def test_no_modules_import_each_other(found):
    below, contents = {}, {one.module for one in found}
    for one in found:
        target = one.target.removeprefix("polyregions.")
        if one.target != target and target != one.module:
            below.setdefault(one.module, set()).add(target)
            # importing a module runs the contents of its folder first
            folder = target.rpartition(".")[0]
            if folder in contents and folder not in (one.module, one.module.rpartition(".")[0]):
                below[one.module].add(folder)
    order = graphlib.TopologicalSorter(below)
    order.prepare()  # CycleError names a circle


@pytest.mark.parametrize("checker", ["checker", "tree_checker"])
def test_the_checkers_stand_apart(found, checker):
    apart = {"polyregions.proof.certificate_file", "polyregions.proof.tree_bounds"}
    own = {one.target for one in found if f"polyregions.{one.module}" in apart}
    own |= {one.target for one in found if one.module == f"proof.{checker}"}
    assert "polyregions.proof.certificate_file" in own
    assert {target for target in own if target.startswith("polyregions")} <= apart


@pytest.mark.parametrize("heavy", ["matplotlib", "torch", "onnx", "dask", "distributed", "pyarrow"])
def test_heavy_packages_are_imported_where_they_are_used(found, heavy):
    early = [one.module for one in found if not one.lazy and one.target.split(".")[0] == heavy]
    assert early == []


def test_the_table_is_of_the_code(found):
    page = (DOCS / "house.md").read_text(encoding="utf-8")
    assert page == rooms.with_table(page, found), OUT_OF_DATE


def test_the_page_says_what_every_room_holds():
    page = (DOCS / "house.md").read_text(encoding="utf-8")
    part = page.partition("## What the rooms hold\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| ([^|]*) \|", part, re.MULTILINE)[1:]
    assert sorted(re.findall(r"`(\w+)`", " ".join(cells))) == sorted(rooms.ROOMS)


def test_the_picture_is_of_the_code(found):
    assert (DOCS / "rooms.svg").read_text(encoding="utf-8") == rooms.picture(found), OUT_OF_DATE


def imports_of(source):
    return list(rooms._imports("cells.some", ast.parse(source), False))


@pytest.mark.parametrize(
    ("source", "now", "later"),
    [
        ("from polyregions.plot import plot_cells", [("cells.some", "plot")], []),
        ("import polyregions.walk.steps", [("cells.some", "walk")], []),
        ("from polyregions import cli", [("cells.some", "cli")], []),
        ("from polyregions import Box", [("cells.some", "polyregions")], []),
        ("def f():\n    from polyregions.plot import save", [], [("cells.some", "plot")]),
        ("import polyregions\nx = polyregions.Box", [("cells.some", "polyregions")], []),
        ("import polyregions\nx = polyregions.__version__", [], []),
        ("class A:\n    import polyregions.theory.laws", [("cells.some", "theory")], []),
        ("try:\n    import polyregions.cli\nexcept ImportError: pass", [("cells.some", "cli")], []),
        ("if TYPE_CHECKING:\n    from polyregions.plot import save", [], []),
        ("from polyregions.geometry.rows import OK\nimport numpy", [], []),
    ],
)
def test_upward_imports_are_seen(source, now, later):
    found = imports_of(source)
    assert rooms.upward(found, lazy=False) == now
    assert rooms.upward(found, lazy=True) == later


def test_relative_imports_are_refused():
    with pytest.raises(SyntaxError, match="relative import"):
        imports_of("from .rows import OK")
