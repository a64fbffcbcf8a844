"""The rooms of the house and who imports whom, read from the code.

    python docs/rooms.py            writes docs/rooms.svg and the table of docs/house.md

``tests/house/test_rooms.py`` fails when these are out of date, and when a room imports upwards.
Imports inside functions are *lazy*: they are read separately, because a lazy import cannot
make a cycle at import time and costs nothing until the function runs.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).resolve().parent
BEGIN, END = "<!-- rooms: begin -->\n", "<!-- rooms: end -->\n"

# top floor first; within a floor too a room imports only from rooms further down
FLOORS = (
    ("faces", ("cli", "testing", "viewer")),
    ("pictures", ("experiments", "plot")),
    ("what is asked", ("theory",)),
    ("what is made of regions", ("scale", "questions", "proof", "pwa", "analysis")),
    ("two ways through the cells", ("walk", "tree")),
    ("a run", ("run",)),
    ("in and out", ("io",)),
    ("what was found", ("regions",)),
    ("one cell", ("cells", "geometry")),
    ("what is given", ("examples", "network", "domain")),
    ("ground", ("exact", "pattern", "compiled", "files", "arrays", "rounding", "markup", "errors")),
)
ROOMS = tuple(room for _, rooms in FLOORS for room in rooms)


class Import(NamedTuple):
    """One module of the package, or a package from outside, imported by a module."""

    module: str
    room: str
    target: str
    lazy: bool


def package_folder() -> Path:
    """Return the folder of the package, imported or beside this one."""
    import polyregions

    return Path(polyregions.__file__).parent


def modules(folder: Path) -> Iterator[tuple[str, ast.Module]]:
    """Yield every module of the package with its syntax tree."""
    for path in sorted(folder.rglob("*.py")):
        name = ".".join(path.relative_to(folder).with_suffix("").parts)
        yield name.removesuffix(".__init__"), ast.parse(path.read_text(encoding="utf-8"))


def room_of(name: str) -> str:
    """Return the room of a module; "" for the package itself, its contents and its door."""
    room = name.partition(".")[0]
    return "" if room in {"__init__", "__main__"} else room


def imports(folder: Path) -> list[Import]:
    """Return all imports of all modules, those for type checkers only left out."""
    return [found for name, tree in modules(folder) for found in _imports(name, tree, False)]


def _imports(name: str, node: ast.AST, lazy: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and _is_name(child.test, "TYPE_CHECKING"):
            for other in child.orelse:
                yield from _imports(name, other, lazy)
            continue
        if isinstance(child, ast.Import):
            targets = [alias.name for alias in child.names if alias.name != "polyregions"]
        elif isinstance(child, ast.ImportFrom) and child.level:
            raise SyntaxError(f"{name} has a relative import, which the house does not use")
        elif isinstance(child, ast.ImportFrom) and child.module == "polyregions":
            targets = [f"polyregions.{alias.name}" for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            targets = [str(child.module)]
        elif isinstance(child, ast.Attribute) and _is_name(child.value, "polyregions"):
            # what "import polyregions" is used for
            targets = [f"polyregions.{child.attr}"]
        else:
            targets = []
        for target in targets:
            yield Import(name, room_of(name), target, lazy)
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _imports(name, child, lazy or inside)


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def between_rooms(found: list[Import], lazy: bool) -> dict[str, set[str]]:
    """Return for each room the rooms that its modules import from."""
    rooms: dict[str, set[str]] = {room: set() for room in ROOMS}
    for one in found:
        target = _target_room(one.target)
        if one.room and one.lazy == lazy and target not in {None, one.room}:
            rooms.setdefault(one.room, set()).add(str(target))
    return rooms


def _target_room(target: str) -> str | None:
    head, _, rest = target.partition(".")
    # the version is a constant of the table of contents, not what is above all rooms
    if head != "polyregions" or rest == "__version__":
        return None
    # a name of the table of contents, such as polyregions.Box, is no room
    room = rest.partition(".")[0]
    return room if room in ROOMS else "polyregions"


def upward(found: list[Import], lazy: bool) -> list[tuple[str, str]]:
    """Return (module, room) for imports that do not go downwards, sorted."""
    wrong = set()
    for one in found:
        target = _target_room(one.target)
        if not one.room or one.lazy != lazy or target in {None, one.room}:
            continue
        known = target in ROOMS and one.room in ROOMS
        if not known or ROOMS.index(one.room) >= ROOMS.index(str(target)):
            wrong.add((one.module, str(target)))
    return sorted(wrong)


def table(found: list[Import]) -> str:
    """Return the rooms and what they import as Markdown."""
    at_import, lazily = between_rooms(found, False), between_rooms(found, True)
    lines = ["| floor | room | imports from | lazily also from |\n", "|---|---|---|---|\n"]
    for floor, rooms in FLOORS:
        for room in rooms:
            first = _listed(at_import[room])
            second = _listed(lazily[room] - at_import[room])
            lines.append(f"| {floor} | `{room}` | {first} | {second} |\n")
    return "".join(lines)


def _listed(rooms: set[str]) -> str:
    return ", ".join(f"`{room}`" for room in ROOMS if room in rooms)


WIDTH, ROW, BOX, LABEL = 860, 74, 34, 170


def picture(found: list[Import]) -> str:
    """Return the rooms on their floors as SVG; a line for each import between two rooms.

    Imports from the two lowest floors, which every room uses, are left out.
    """
    place: dict[str, tuple[float, float, float]] = {}
    parts = []
    for level, (floor, rooms) in enumerate(FLOORS):
        y = 16 + level * ROW
        parts.append(f'<text class="floor" x="8" y="{y + 21}">{floor}</text>')
        step = (WIDTH - LABEL) / len(rooms)
        for i, room in enumerate(rooms):
            width = min(step - 12, 120)
            x = LABEL + i * step + (step - width) / 2
            place[room] = (x, y, width)
            parts.append(
                f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="{BOX}" rx="4"/>'
                f'<text x="{x + width / 2:.0f}" y="{y + 21}">{room}</text>'
            )
    low = {room for _, rooms in FLOORS[-2:] for room in rooms}
    lines = []
    at_import, lazily = between_rooms(found, False), between_rooms(found, True)
    for kind, edges in (("lazy", lazily), ("now", at_import)):
        for room in ROOMS:
            for other in ROOMS:
                shown = other in edges[room] and other not in low and room not in low
                if shown and (kind == "now" or other not in at_import[room]):
                    lines.append(_line(kind, place[room], place[other]))
    height = 16 + len(FLOORS) * ROW - (ROW - BOX) + 16
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}">\n<style>'
        "svg{background:#fff}"
        "rect{fill:#eef3f8;stroke:#35506b}"
        "text{font:13px sans-serif;text-anchor:middle;fill:#111}"
        ".floor{text-anchor:start;font-style:italic;fill:#666}"
        "path{fill:none;stroke:#35506b;stroke-opacity:.55}"
        ".lazy{stroke-dasharray:4 4;stroke:#b0562b}"
        "</style>\n" + "\n".join(lines + parts) + "\n</svg>\n"
    )


def _line(kind: str, start: tuple[float, float, float], end: tuple[float, float, float]) -> str:
    """Return a curve from one room to another; sideways on one floor, below it."""
    (x, y, width), (u, v, other) = start, end
    a, b = x + width / 2, u + other / 2
    if v > y:
        top, bottom = y + BOX, v
    elif v < y:
        top, bottom = y, v + BOX
    else:
        top = bottom = y + BOX
    first, second = (24, 24) if v == y else ((bottom - top) / 2, (top - bottom) / 2)
    return (
        f'<path class="{kind}" d="M{a:.0f} {top} C{a:.0f} {top + first:.0f} '
        f'{b:.0f} {bottom + second:.0f} {b:.0f} {bottom}"/>'
    )


def with_table(page: str, found: list[Import]) -> str:
    """Return the text of a page with its table made anew."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + table(found) + END + after


def main() -> int:
    """Write the picture and the table."""
    found = imports(package_folder())
    page = DOCS / "house.md"
    page.write_text(with_table(page.read_text(encoding="utf-8"), found), encoding="utf-8")
    (DOCS / "rooms.svg").write_text(picture(found), encoding="utf-8")
    wrong = upward(found, False)
    for module, room in wrong:
        sys.stderr.write(f"{module} imports upwards, from {room}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
