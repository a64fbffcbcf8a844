"""Where a walk begins: one region, proven to exist."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from polyregions.geometry.exact import exact_rows
from polyregions.geometry.flat import OK, region_rows, row_scratch
from polyregions.geometry.witness import chart_points
from polyregions.network import Network
from polyregions.traversal.problem import Problem

__all__ = ["start_region"]

_TRIES = 4


def start_region(problem: Problem) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the varying bits of one region and a point in it (chart coordinates).

    Notes
    -----
    *Algorithm.* The pattern of a generic point, accepted if every row of the pattern's
    polytope is positive there beyond its rounding bound. On degenerate networks that
    fail this, a germ in exact arithmetic: the pattern beside a point in infinitesimal
    steps along independent directions always belongs to a full-dimensional region.
    """
    flat = problem.flat
    m = flat.dimension
    rows, errors = np.zeros((m + 1, flat.size)), np.zeros(flat.size)
    scratch = row_scratch(flat)
    # multiples of an irrational number: points that no plane in use is likely to contain
    golden = (np.sqrt(5.0) - 1.0) / 2.0
    for attempt in range(_TRIES):
        point = (golden * np.arange(1 + attempt * m, 1 + (attempt + 1) * m)) % 1.0 - 0.5
        if problem.chart.homogeneous:
            point[-1] = 0.5
        inputs = chart_points(problem.chart, problem.domain, point[None, :])[0]
        bits = problem.reduction.shrink(_bits_near(problem.network, inputs))
        if region_rows(flat, bits, rows, errors, scratch) == OK and np.all(
            point @ rows[:m] + rows[m] > 2 * errors
        ):
            return bits, point
    from polyregions.lp.rational import interior_point
    from polyregions.traversal.rational_walk import start_bits

    bits = start_bits(problem.exact)
    interior = interior_point(exact_rows(problem.exact, bits))
    if interior is None:  # pragma: no cover - excluded by the choice of start_bits
        raise AssertionError("the start's pattern has an empty region")
    return problem.reduction.shrink(bits), np.array([float(value) for value in interior])


def _bits_near(network: Network, x: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the pattern at a float input as plain floats see it: a proposal."""
    bits = []
    with np.errstate(over="ignore", invalid="ignore"):
        for layer in network.layers[:-1]:
            z = layer.matrix @ x + layer.bias
            positive = z > 0
            bits.append(positive[layer.bends])
            x = z * np.where(positive, layer.upper, layer.lower)
    return np.concatenate(bits).astype(np.uint8)
