"""Fixtures that several test modules use."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

import polyregions as pr

# a shell that starts the tests in the background has Ctrl-C ignored, which programs respect
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real networks beside the project; tests skip where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("POLYREGIONS_DATA", default))
    if not (folder / "nets").is_dir():
        pytest.skip(f"no real networks at {folder}; set POLYREGIONS_DATA to test on them")
    return folder


@pytest.fixture(scope="module")
def client():
    """A cluster of two processes on this machine."""
    pytest.importorskip("distributed", reason="distributed is not installed")
    from polyregions.scale.cluster import connected

    with connected("local", threads=2) as client:
        yield client


@pytest.fixture(scope="session")
def three_lines() -> pr.Network:
    """Three lines in the plane: x = 0, y = 0, x + y = 1/2."""
    return pr.Network.from_arrays(
        [([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])], name="three lines"
    )


@pytest.fixture(scope="session")
def doubled_line() -> pr.Network:
    """Two units with one hyperplane and a third unit: edges carry one unit or two."""
    return pr.Network.from_arrays(
        [([[1, 0], [-2, 0], [0, 1]], [0, 0, 0.25]), ([[1, 1, 1]], [0])], name="doubled <line> & co"
    )


@pytest.fixture(scope="session")
def deep() -> pr.Network:
    """A small generic deep network with three inputs."""
    rng = np.random.default_rng(7)
    return pr.Network.from_arrays(
        [
            (rng.normal(size=(8, 3)), rng.normal(size=8) / 3),
            (rng.normal(size=(8, 8)) / 2, rng.normal(size=8) / 3),
            (rng.normal(size=(1, 8)), [0.0]),
        ],
        name="deep",
    )
