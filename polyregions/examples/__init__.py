"""Trained networks that come with the package.

They classify scikit-learn's handwritten digits from the first 2 or 4 principal
components, scaled to [-1, 1]; ``tools/train_examples.py`` trained them.
"""

from __future__ import annotations

from pathlib import Path

from polyregions.errors import FormatError

__all__ = ["names", "path"]

_FOLDER = Path(__file__).resolve().parent


def names() -> tuple[str, ...]:
    """Return the names of the shipped networks.

    Examples
    --------
    >>> names()
    ('digits2', 'digits4')
    """
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.npz")))


def path(name: str) -> Path:
    """Return the file of a shipped network.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Raises
    ------
    FormatError
        If no network of that name is shipped.

    Examples
    --------
    >>> path("digits2").name
    'digits2.npz'
    """
    if name not in names():
        raise FormatError(f"there is no example {name!r}; the examples are {', '.join(names())}")
    return _FOLDER / f"{name}.npz"
