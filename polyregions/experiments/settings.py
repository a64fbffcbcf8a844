"""What the configurations of all experiments share: checked values, overrides from text."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from typing import Any, TypeVar

from polyregions.errors import PolyregionsError

__all__ = ["Settings", "overridden"]

_Config = TypeVar("_Config", bound="Settings")


@dataclass(frozen=True)
class Settings:
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
    >>> from polyregions.experiments.sawtooth import Config
    >>> overridden(Config(), "depths=[3]").depths
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
