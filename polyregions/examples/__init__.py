"""Trained networks that come with the package.

``digits2`` and ``digits4`` classify scikit-learn's handwritten digits from the first 2 or 4
principal components, scaled to [-1, 1]; ``tools/train_examples.py`` trained them. ``pendulum``
answers with a torque to the angle and the velocity of a pendulum, divided by π and 8;
``tools/train_controller.py`` trained it.
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
    ('digits2', 'digits4', 'pendulum')
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
