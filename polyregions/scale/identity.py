"""What a walk is about, in a form that two processes can compare."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import numpy as np

import polyregions
from polyregions.files.archives import write_npz
from polyregions.network import Network
from polyregions.pattern import n_words
from polyregions.regions import Regions
from polyregions.regions.archive import arrays_of
from polyregions.run.problem import Problem

__all__ = ["empty_result", "identity_of"]


def empty_result(problem: Problem) -> Regions:
    """Return the result of a walk that has found nothing: a network and a domain."""
    network = problem.network
    return Regions(
        network,
        problem.domain,
        patterns=np.empty((0, n_words(network.hidden_units)), dtype=np.uint64),
        witnesses=np.empty((0, network.input_dimension)),
        edges=np.empty((0, 2), dtype=np.int32),
        complete=False,
        proven=True,
    )


def identity_of(problem: Problem) -> dict[str, str]:
    """Return what must agree between a checkpoint and the walk that takes it up.

    ``units`` names the units that vary over the domain, as floats on this machine
    prove it: numbers in a checkpoint refer to them.
    """
    n = problem.network.input_dimension
    # the file format knows how to write every domain; a network must go with it
    stand_in = Network.from_arrays([(np.ones((1, n)), [0.0]), ([[1.0]], [0.0])], name="")
    patterns = np.empty((0, 1), dtype=np.uint64)
    empty = replace(empty_result(problem), network=stand_in, patterns=patterns)
    stream = io.BytesIO()
    write_npz(stream, arrays_of(empty))
    return {
        "package": polyregions.__version__,
        "network": problem.network.fingerprint,
        "domain": hashlib.sha256(stream.getvalue()).hexdigest(),
        "arithmetic": "certified",
        "units": hashlib.sha256(problem.reduction.kept.astype("<i8").tobytes()).hexdigest(),
    }
