"""Which experiments there are, and what one is: a configuration, rows, findings and a figure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from importlib import import_module
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

from polyregions.errors import PolyregionsError
from polyregions.experiments.data import Images, load_images
from polyregions.experiments.runner import Job, Table, run_jobs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["NAMES", "Configuration", "Experiment", "experiment", "overridden"]

_Config = TypeVar("_Config", bound="Configuration")


@dataclass(frozen=True)
class Configuration:
    """A configuration; its fields have the form of their defaults.

    A default of 3 asks for an integer of at least 1, of 0.5 for a number of at least 0, a
    tuple for one or more of what it holds.

    Parameters
    ----------
    seed : int
        At least 0. Everything that is random depends on it, and on numbers in the row.

    Raises
    ------
    PolyregionsError
        If a value has another form.
    """

    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "seed":
                fits = isinstance(value, int) and not isinstance(value, bool) and value >= 0
                if not fits:
                    raise PolyregionsError(f"the seed must be an integer >= 0, not {value!r}")
                continue
            object.__setattr__(self, field.name, _fitting_value(field.name, value, field.default))

    def as_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON holds it."""
        as_json: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return as_json


def overridden(config: _Config, assignment: str) -> _Config:
    """Return a configuration with one field changed, such as ``"runs=3"``.

    Parameters
    ----------
    config : Settings
    assignment : str
        The name of a field and a JSON value.

    Raises
    ------
    PolyregionsError
        If there is no such field or the value does not fit it.

    Examples
    --------
    >>> overridden(experiment("sawtooth").Config(), "depths=[3]").depths
    (3,)
    """
    name, _, text = assignment.partition("=")
    known = {field.name: field.default for field in fields(config)}
    if name not in known:
        raise PolyregionsError(
            f"this experiment has no setting {name!r}; take one of {', '.join(known)}"
        )
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    changed: dict[str, Any] = {name: value}
    return replace(config, **changed)


def _fitting_value(name: str, value: Any, example: Any) -> Any:
    if isinstance(example, tuple):
        if not isinstance(value, (list, tuple)) or not value:
            raise PolyregionsError(
                f"{name} must be a list like {_example_text(example)}, not {value!r}"
            )
        return tuple(_fitting_value(name, entry, example[0]) for entry in value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not isfinite(value):
        raise PolyregionsError(
            f"{name} must hold numbers, as {_example_text(example)}, not {value!r}"
        )
    if isinstance(example, int):
        if value != int(value) or value < 1:
            raise PolyregionsError(f"{name} must hold integers of at least 1, not {value!r}")
        return int(value)
    if value < 0:
        raise PolyregionsError(f"{name} must hold numbers of at least 0, not {value!r}")
    return float(value)


def _example_text(example: Any) -> str:
    return json.dumps(example)


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


# the module of each experiment, whose value there has its name in capitals
_MODULES = {
    "untrained": ("regions-in-a-plane", "scale", "sawtooth"),
    "subspaces": ("training", "dimensions", "depth"),
    "lines": ("label-corruption", "lines", "distance"),
    "memorisation": ("memorisation", "learning-rate"),
    "births": ("births",),
}


@dataclass(frozen=True)
class Experiment:
    """One question about networks: what is run, the rows it makes, and what they say.

    Attributes
    ----------
    name : str
    Config : type
        Of its configurations.
    jobs : callable
        From a configuration and images (None if it uses none) to the jobs that make the rows.
    findings : callable
        From the table to what it says, in words.
    figure : callable
        From the table to a figure of matplotlib.
    uses_images : bool
    completed : callable
        Adds to the table what follows from its columns.
    """

    name: str
    Config: Any
    jobs: Callable[[Any, Any], Sequence[Job]]
    findings: Callable[[Table], list[str]]
    figure: Callable[[Table], Figure]
    uses_images: bool = True
    completed: Callable[[Table], Table] = dict

    def run(
        self, config: Configuration | None = None, *, data: Images | None = None, **options: Any
    ) -> Table:
        """Make the table.

        Parameters
        ----------
        config : Configuration, optional
            One of ``Config``.
        data : Images, optional
            By default the digits.
        **options
            ``file`` and ``progress`` of :func:`polyregions.experiments.runner.run_jobs`.

        Returns
        -------
        dict of str to numpy.ndarray
            The table, by columns.

        Examples
        --------
        Regions of a sawtooth on [0, 1], and on the line:

        >>> sawtooth = experiment("sawtooth")
        >>> table = sawtooth.run(sawtooth.Config(depths=(1,), noises=(0.0,)))
        >>> table["window"].tolist(), table["whole"].tolist()
        ([2], [3])
        """
        config = config or self.Config()
        images = (data or load_images()) if self.uses_images else None
        jobs, identity = self.jobs(config, images), images.fingerprint if images else ""
        return self.completed(run_jobs(self.name, config.as_dict(), jobs, data=identity, **options))


def experiment(name: str) -> Experiment:
    """Return an experiment.

    Parameters
    ----------
    name : str
        A key of :data:`NAMES`.

    Returns
    -------
    Experiment

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
    home = next(module for module, names in _MODULES.items() if name in names)
    module = import_module(f"polyregions.experiments.{home}")
    found: Experiment = getattr(module, name.replace("-", "_").upper())
    return found
