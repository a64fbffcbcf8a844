"""Figures to files."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyregions.errors import FormatError
from polyregions.files.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PICTURE_SUFFIXES", "save_figure"]

PICTURE_SUFFIXES = (".png", ".pdf", ".svg")


def save_figure(drawing: Axes | Figure, path: str | PathLike[str]) -> None:
    """Write the figure of some axes to a file, whole or not at all.

    Parameters
    ----------
    drawing : matplotlib.axes.Axes or matplotlib.figure.Figure
    path : str or path-like
        ``.png``, ``.pdf`` or ``.svg``. The same picture gives the same bytes.

    Raises
    ------
    FormatError
        If the name has another suffix.
    """
    import matplotlib as mpl

    suffix = Path(path).suffix.lower()
    if suffix not in PICTURE_SUFFIXES:
        raise FormatError(
            f"{Path(path).name} has no known picture format; "
            f"end the name in {', '.join(PICTURE_SUFFIXES)}"
        )
    figure: Any = drawing if hasattr(drawing, "savefig") else drawing.figure
    # no dates and no random names in the file
    metadata = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}[suffix]
    with atomic_write(path) as stream, mpl.rc_context({"svg.hashsalt": "polyregions"}):
        figure.savefig(stream, format=suffix[1:], metadata=metadata, dpi=200)
