"""Kernels run as plain Python, or now so and now compiled, in the middle of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from polyregions.compiled.start import plain_twin

# modules that are not compiled themselves, and call kernels
DRIVERS = (
    "polyregions.network.stable_units",
    "polyregions.walk.walk_state",
    "polyregions.tree.planar_subtree",
    "polyregions.walk.first_region",
    "polyregions.walk.steps",
    "polyregions.walk.alike",
    "polyregions.tree.subtree",
    "polyregions.walk.degenerate_regions",
)


def kernels_of_drivers() -> list[tuple[Any, str, Any]]:
    """Return (module, name, kernel) of all kernels that plain code calls."""
    found = [
        (module, name, value)
        for module in map(import_module, DRIVERS)
        for name, value in vars(module).items()
        if isinstance(value, Dispatcher)
    ]
    # resolve is a kernel that is imported when it is first needed
    return [one for one in found if one[0].__name__ != DRIVERS[-1] or one[1] == "resolve"]


@contextmanager
def run_plain(chosen: Callable[[], bool] = lambda: True) -> Iterator[list[str]]:
    """Let calls of kernels go to their plain twins whenever `chosen()`; yield their names."""
    called: list[str] = []

    def mixed(kernel: Any) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            if not chosen():
                return kernel(*args)
            called.append(kernel.py_func.__name__)
            with np.errstate(all="ignore"):
                return plain_twin(kernel)(*args)

        return call

    kernels = kernels_of_drivers()
    for module, name, kernel in kernels:
        setattr(module, name, mixed(kernel))
    try:
        yield called
    finally:
        for module, name, kernel in kernels:
            setattr(module, name, kernel)
