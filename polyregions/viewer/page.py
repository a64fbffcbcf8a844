"""Write the page: data, style and program in one file, with nothing to fetch."""

from __future__ import annotations

import json
import re
from html import escape
from os import PathLike
from pathlib import Path

from polyregions.domain import Box
from polyregions.errors import FormatError, shown
from polyregions.files.atomic import atomic_write
from polyregions.regions import Regions, check_regions
from polyregions.viewer.payload import payload

__all__ = ["MOST_CELLS", "page", "write_page"]

MOST_CELLS = 50_000

_LONGEST_NAME = 100  # characters in the title of the window

# the parts of one program, each using those before it
_PROGRAM = ("arrays", "drawing", "texts", "controls")

_FOLDER = Path(__file__).resolve().parent


def page(
    regions: Regions, *, window: Box | None = None, whole: Regions | None = None, output: int = 0
) -> str:
    """Return the page as text.

    Parameters
    ----------
    regions : Regions
        With one or two free inputs: a plane of the network, if it has more.
    window : Box, optional
        What to show of the whole space; by default around the vertices.
    whole : Regions, optional
        All regions of the network that the plane belongs to: their graph is shown
        beside the plane.
    output : int
        The output that cells can be coloured by.

    Raises
    ------
    DomainError
        If more than two inputs are free.
    PolyregionsError
        If there is no such output.
    FormatError
        If there are more than 50,000 cells.
    """
    check_regions(regions)
    if whole is not None:
        check_regions(whole)
    if len(regions) > MOST_CELLS:
        raise FormatError(
            f"the page holds up to {MOST_CELLS:,} cells, not {len(regions):,}; "
            f"take a smaller box, or --max-regions {MOST_CELLS}"
        )
    data = json.dumps(
        payload(regions, window, whole, output), separators=(",", ":"), allow_nan=False
    )
    text = (_FOLDER / "page.html").read_text(encoding="utf-8")
    parts = {
        "TITLE": escape(f"{shown(regions.network.name, _LONGEST_NAME)}: {len(regions):,} regions"),
        "STYLE": (_FOLDER / "viewer.css").read_text(encoding="utf-8"),
        "PROGRAM": "\n".join(
            (_FOLDER / f"{part}.js").read_text(encoding="utf-8") for part in _PROGRAM
        ),
        # a name with "</script>" or "<!--" in it must not end the data
        "DATA": data.replace("<", "\\u003c"),
    }
    # in one pass, so that a name cannot name another part
    return re.sub("%(TITLE|STYLE|PROGRAM|DATA)%", lambda mark: parts[mark[1]], text)


def write_page(
    regions: Regions,
    path: str | PathLike[str],
    *,
    window: Box | None = None,
    whole: Regions | None = None,
    output: int = 0,
) -> None:
    """Write the page to a file, whole or not at all; see :func:`page`.

    Raises
    ------
    FormatError
        If the name does not end in ``.html``.
    """
    check_regions(regions)
    if Path(path).suffix.lower() != ".html":
        raise FormatError(f"{Path(path).name} does not end in .html; rename the output file")
    text = page(regions, window=window, whole=whole, output=output)
    with atomic_write(path) as stream:
        stream.write(text.encode("utf-8", errors="replace"))
