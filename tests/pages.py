"""The names in backquotes on a page, held against the code."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import polyregions as pr

PACKAGE = Path(pr.__file__).parent
ROOT = Path(__file__).resolve().parents[1]


class Code(NamedTuple):
    """What each module names, by its dotted name; what each class has, and its module, by name."""

    modules: dict[str, set[str]]
    classes: dict[str, set[str]]
    homes: dict[str, str]


@cache
def code() -> Code:
    modules, classes, homes = {"": set()}, {}, {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        tree = ast.parse(path.read_text(encoding="utf-8"))
        module = ".".join(parts).removesuffix(".__init__")
        modules[module] = set(_names(ast.walk(tree)))
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                classes.setdefault(node.name, set()).update(_names(node.body))
                homes[node.name] = module
    return Code(modules, classes, homes)


def _names(nodes):
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from (name.id for name in ast.walk(target) if isinstance(name, ast.Name))
        elif isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target)


def named(text: str) -> list[str]:
    """Return what a page names: `room/module.py`, `room/module.py:function`, `Class.field`, ….

    A name is returned with dots, without "polyregions", a suffix or arguments. A path that
    ends otherwise is no module's.
    """
    first = {name.partition(".")[0] for name in code().modules} | set(code().classes)
    found = re.findall(r"`(?:polyregions[./])?(\w+(?:[./]\w+)+(?::\w+)?)(?:\([^`]*\))?`", text)
    members = [name.replace("/__init__.py:", ".").replace(".py:", ".") for name in found]
    modules = [name.removesuffix(".py").removesuffix("/__init__") for name in members]
    dotted = [name.replace("/", ".") for name in modules if not re.search(r"/\w+\.\w+$", name)]
    return [name for name in dotted if name.partition(".")[0] in first]


def exists(name: str) -> bool:
    """Whether a name of `named` is one of the code."""
    modules, classes, _ = code()
    parts = name.split(".")
    if parts[0] == "regions" and parts[1] in classes["Regions"]:
        return True  # pages call a result regions, too
    while parts and ".".join(parts) not in modules:
        parts.pop()
    rest = name.split(".")[len(parts) :]
    if not parts:
        return len(rest) == 2 and rest[1] in classes.get(rest[0], ())
    if len(rest) == 2:
        return rest[0] in modules[".".join(parts)] and rest[1] in classes.get(rest[0], ())
    return not rest or (len(rest) == 1 and rest[0] in modules[".".join(parts)])


def source_of(name: str) -> str:
    """Return the text of the module in which a name that exists is."""
    parts = name.split(".")
    while parts and ".".join(parts) not in code().modules:
        parts.pop()
    if not parts:
        parts = code().homes[name.partition(".")[0]].split(".")
    folder = PACKAGE.joinpath(*parts)
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    return file.read_text(encoding="utf-8")
