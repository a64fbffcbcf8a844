"""The two inputs that a picture shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from polyregions.cli.options import Task
from polyregions.domain import Box
from polyregions.errors import PolyregionsError

__all__ = ["AxesOption", "on_axes"]

AxesOption = Annotated[
    tuple[int, int] | None,
    typer.Option("--axes", metavar="I J", help="Show two inputs; the others at the box's centre."),
]


def on_axes(task: Task, axes: tuple[int, int]) -> Task:
    """Return the task with two free inputs, the others held at the centre of their interval."""
    n = task.network.input_dimension
    if task.domain is None:
        raise PolyregionsError("--axes needs a box: the whole space has no centre; give --cube R")
    if axes[0] == axes[1] or not all(0 <= axis < n for axis in axes):
        raise PolyregionsError(
            f"--axes {axes[0]} {axes[1]} does not name two inputs; they are numbered 0 to {n - 1}"
        )
    if not isinstance(task.domain, Box):
        raise PolyregionsError(
            "--axes needs a box: a polytope has no centre to hold inputs at; "
            "take a plane with --plane-through, or --fix"
        )
    lower, upper = task.domain.lower.copy(), task.domain.upper.copy()
    held = [axis for axis in range(n) if axis not in axes]
    lower[held] = upper[held] = lower[held] / 2 + upper[held] / 2
    return replace(task, domain=Box(lower, upper))
