"""What can be done is one list: that of docs/api.md, the commands and `polyregions.__all__`."""

import ast
import inspect
import re
from pathlib import Path

import pytest
import typer

import polyregions as pr
from polyregions import cli

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Path(cli.__file__).parent


def verbs(page):
    """Return (what, command, functions) of each row of the table "Verbs"."""
    part = re.search(r"^## Verbs$(.*?)^## ", page, re.DOTALL | re.MULTILINE)[1]
    rows = [re.split(r" ?\| ?", line.strip("| \n")) for line in re.findall(r"^\|.*$", part, re.M)]
    return [
        (what, command.strip("`"), re.findall(r"`(\w+)`", functions))
        for what, command, functions in rows[2:]
    ]


TABLE = verbs((ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
COMMANDS = typer.main.get_command(cli.app).commands
FUNCTIONS = {name for name in pr.__all__ if not inspect.isclass(getattr(pr, name))}


def test_every_command_is_in_the_table_and_no_other():
    assert {command.split()[0] for _, command, _ in TABLE if command} == set(COMMANDS)


def test_every_public_function_is_in_the_table_once_and_no_other():
    listed = [name for _, _, functions in TABLE for name in functions]
    assert sorted(listed) == sorted(FUNCTIONS)


@pytest.mark.parametrize(("command", "option"), [row[1].split() for row in TABLE if " " in row[1]])
def test_the_command_has_the_option(command, option):
    assert option in {name for one in COMMANDS[command].params for name in one.opts}


def used_by(module):
    """Return what a module of the command line imports, by itself or by others that it imports."""
    seen, waiting, names = set(), {module}, set()
    while waiting:
        seen |= waiting
        trees = [ast.parse((LIBRARY / f"{one}.py").read_text(encoding="utf-8")) for one in waiting]
        imports = [
            (node.module, alias.name)
            for tree in trees
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        ]
        names |= {name for _, name in imports}
        own = [pair for pair in imports if str(pair[0]).startswith("polyregions.cli")]
        known = {part.removeprefix("polyregions.cli.") for pair in own for part in pair}
        waiting = {one for one in known if (LIBRARY / f"{one}.py").exists()} - seen
    return names


@pytest.mark.parametrize("row", [row for row in TABLE if row[1]], ids=lambda row: row[1])
def test_the_command_calls_the_functions(row):
    home = COMMANDS[row[1].split()[0]].callback.__module__
    used = used_by(
        "__init__" if home == "polyregions.cli" else home.removeprefix("polyregions.cli.")
    )
    assert {getattr(pr, name).__name__ for name in row[2]} <= used


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_has_one_name(name):
    assert getattr(pr, name).__name__ == name


def test_certificate_of_a_network(tmp_path):
    net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
    regions = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))
    pr.certify(regions, tmp_path / "net.cert")
    layers = [(layer.weight, layer.bias, layer.lower, layer.upper) for layer in net.layers]
    by_network = pr.check(net, tmp_path / "net.cert")
    by_layers = pr.check(layers, tmp_path / "net.cert")
    numbers = [(one.regions, one.edges, one.exact) for one in (by_network, by_layers)]
    assert numbers[0] == numbers[1]
    assert numbers[0][:2] == (3, 2)
    for wrong in ("net.npz", regions, [(1, 2, 3)], 5):
        with pytest.raises(TypeError, match="load"):
            pr.check(wrong, tmp_path / "net.cert")
