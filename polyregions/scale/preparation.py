"""All kernels compiled beforehand, by one small question of every kind."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from polyregions.compiled import kernels, only_compiled, watched
from polyregions.domain import Box
from polyregions.network import Network
from polyregions.proof.certificate import write_certificate
from polyregions.run.progress import OnSteps, shown_steps
from polyregions.tree.subdivision import count_regions
from polyregions.walk.breadth_first import enumerate_regions

__all__ = ["compile_kernels"]


def compile_kernels(progress: OnSteps = None) -> None:
    """Compile every kernel that is not on disk yet: for images, clusters and CI.

    Without it a first question runs uncompiled while a second process compiles what it needs.

    Parameters
    ----------
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with the number of kernels compiled, and of
        all kernels; those that are on disk already are not counted.

    Examples
    --------
    >>> import polyregions as pr
    >>> pr.compile_kernels()  # doctest: +SKIP
    """
    with (
        shown_steps(progress, "kernels", "compiled") as report,
        only_compiled(),
        watched(report or _silent, len(kernels())),
    ):
        for inputs in (2, 3):
            for network in (_generic(inputs), _degenerate(inputs)):
                for domain in (Box.cube(inputs, 1.0), None):
                    count_regions(network, domain)
                    enumerate_regions(network, domain, threads=2)
                    regions = enumerate_regions(network, domain)
                with TemporaryDirectory() as folder:
                    write_certificate(regions, Path(folder) / "certificate")


def _generic(inputs: int) -> Network:
    rng = np.random.default_rng(0)
    return Network.from_arrays(
        [
            (rng.normal(size=(4, inputs)), rng.normal(size=4)),
            (rng.normal(size=(4, 4)), rng.normal(size=4)),
            (rng.normal(size=(1, 4)), [0.0]),
        ]
    )


def _degenerate(inputs: int) -> Network:
    """Return a network of duplicate units, of hyperplanes that meet in a point, and of ties."""
    rng = np.random.default_rng(0)
    first = rng.integers(-2, 3, size=(4, inputs))
    return Network.from_arrays(
        [
            (np.vstack([first, -first]), np.zeros(8)),
            (rng.integers(-1, 2, size=(6, 8)), np.zeros(6)),
            (np.ones((1, 6)), [0.0]),
        ]
    )


def _silent(done: int, total: int) -> None:
    """Say nothing."""
