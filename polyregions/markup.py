"""Results as notebooks show them: a table, and a small picture of what has one."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from html import escape
from typing import Any

from polyregions.errors import shown

__all__ = ["PAINTERS", "html_table", "titled", "with_picture"]

# What draws a small PNG of a result, by its class; None where it has none. The package's door
# fills it in: pictures are made above the rooms where results are.
PAINTERS: dict[type, Callable[[Any], bytes | None]] = {}

_LONGEST_TEXT = 200  # characters of an entry


def html_table(rows: Iterable[Iterable[object]], header: Iterable[object] = ()) -> str:
    """Return a table of HTML, in which nothing that an entry says is markup.

    Examples
    --------
    >>> html_table([("regions", 1234), ("name", "<b>")]).split("</tr>")
    ['<table><tr><td>regions</td><td>1,234</td>', '<tr><td>name</td><td>&lt;b&gt;</td>', '</table>']
    """
    first = "".join(f"<th>{escape(_text(entry))}</th>" for entry in header)
    lines = ["".join(f"<td>{escape(_text(entry))}</td>" for entry in row) for row in rows]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in [first, *lines] if line)}</table>"


def titled(title: str, rows: Mapping[str, object]) -> str:
    """Return a table of names and values under a title."""
    named = [(name.replace("_", " "), value) for name, value in rows.items()]
    return f"<b>{escape(_text(title))}</b>{html_table(named)}"


def with_picture(value: object, html: str) -> str:
    """Return HTML beside a small picture of a value, if there is one of its class."""
    paint = PAINTERS.get(type(value))
    picture = None if paint is None else paint(value)
    if picture is None:
        return html
    source = b64encode(picture).decode("ascii")
    image = f'<img alt="" src="data:image/png;base64,{source}">'
    return f'<div style="display:flex;gap:20px;align-items:center"><div>{html}</div>{image}</div>'


def _text(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float | Fraction):
        return f"{float(value):.6g}"
    if isinstance(value, tuple | list):
        return ", ".join(map(_text, value)) or "none"
    return shown(str(value), _LONGEST_TEXT)
