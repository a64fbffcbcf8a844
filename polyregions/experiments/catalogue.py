"""Which experiments there are."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from polyregions.errors import PolyregionsError

__all__ = ["NAMES", "experiment"]

# in the order of the papers, then what is new here
NAMES: dict[str, str] = {
    "regions-in-a-plane": "the picture: regions in the plane through three images, at the start",
    "training": "regions in planes through the origin and two images, while networks learn",
    "label-corruption": "regions along lines through images, for more and more random labels",
    "memorisation": "regions of the plane while points with random labels are learned by heart",
    "learning-rate": "the same task at several learning rates",
    "scale": "larger and smaller biases and weights: density near 0 against the whole count",
    "lines": "regions along lines over the number of units, while networks learn",
    "distance": "how far training, test and random points are from the nearest boundary",
    "sawtooth": "the tent network, and what a little noise on its weights leaves of it",
    "dimensions": "new: the training experiment in subspaces of 3, 4 and 5 dimensions",
    "depth": "new: count / (N^n / n!) against depth, at equal numbers N of units",
    "births": "new: regions that are born, die and survive between checkpoints",
}


def experiment(name: str) -> Any:
    """Return the module of an experiment.

    Parameters
    ----------
    name : str
        A key of :data:`NAMES`.

    Returns
    -------
    module
        With ``Config``, ``run``, ``findings`` and ``figure``.

    Raises
    ------
    PolyregionsError
        If there is no such experiment.

    Examples
    --------
    >>> experiment("sawtooth").Config().depths
    (2, 4, 6, 8, 10)
    """
    if name not in NAMES:
        raise PolyregionsError(f"there is no experiment {name!r}; take one of {', '.join(NAMES)}")
    return import_module(f"polyregions.experiments.{name.replace('-', '_')}")
