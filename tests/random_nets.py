"""Small random networks by family, generic and degenerate, for comparison with oracles."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from polyregions.domain import Box
from polyregions.network import Layer, Network

__all__ = ["FAMILIES", "he_normal", "random_case"]

FAMILIES = (
    "generic",
    "zero bias",
    "duplicates",
    "integer",
    "touching",
    "dead",
    "scaled up",
    "scaled down",
    "slopes",
    "fixed coordinate",
    "whole space",
    "integer whole space",
)


def he_normal(shape: tuple[int, ...], seed: int = 0, bias: float = 0.3) -> Network:
    """Weights N(0, 2 / fan-in), biases N(0, bias^2), one linear output."""
    rng = np.random.default_rng(seed)
    return Network.from_arrays(
        [
            (rng.normal(size=(out, into)) * np.sqrt(2 / into), rng.normal(size=out) * bias)
            for into, out in pairwise([*shape, 1])
        ]
    )


def random_case(
    family: str, seed: int, units: int = 8, inputs: int | None = None
) -> tuple[Network, Box | None]:
    """A network with about `units` bent units and a domain, from one of FAMILIES.

    It has one to three free inputs, or as many as are asked for.
    """
    rng = np.random.default_rng([FAMILIES.index(family), seed])
    some = int(rng.integers(1, 4))
    n = some if inputs is None else inputs
    depth = int(rng.integers(1, 4))
    widths = [max(1, units // depth - int(rng.integers(0, 2))) for _ in range(depth)]
    shapes = list(zip(widths, [n, *widths], strict=False))
    weights = [rng.normal(size=shape) * np.sqrt(2 / shape[1]) for shape in shapes]
    biases = [rng.normal(size=shape[0]) * 0.3 for shape in shapes]
    domain: Box | None = Box.cube(n, 1.0)
    if family == "zero bias":
        biases = [np.zeros_like(b) for b in biases]
    elif family == "duplicates":
        # few bits, so that a multiple by 3 is exact
        weights = [np.round(w * 64) / 64 for w in weights]
        biases = [np.round(b * 64) / 64 for b in biases]
        for w, b in zip(weights, biases, strict=True):
            for i in range(1, len(b), 2):
                source, factor = int(rng.integers(0, i)), rng.choice([1.0, 2.0, 3.0, -1.0, -0.5])
                w[i], b[i] = factor * w[source], factor * b[source]
    elif family.startswith("integer"):
        weights = [rng.integers(-2, 3, size=shape).astype(float) for shape in shapes]
        biases = [rng.integers(-1, 2, size=shape[0]).astype(float) for shape in shapes]
        domain = Box.cube(n, float(rng.integers(1, 4)))
    elif family == "touching":
        weights[0] = np.round(weights[0] * 4) / 4
        for i in range(widths[0]):
            kind = rng.integers(0, 3)
            corner = rng.choice([-1.0, 1.0], size=n)
            if kind == 0:  # the hyperplane of a face of the box
                weights[0][i] = 0.0
                weights[0][i, rng.integers(0, n)] = rng.choice([-1.0, 1.0])
                biases[0][i] = rng.choice([-1.0, 1.0])
            elif kind == 1:  # touches the box in a corner, or passes through it
                weights[0][i] = np.abs(weights[0][i]) * corner
                biases[0][i] = -weights[0][i] @ corner
            else:  # passes through a corner
                biases[0][i] = -weights[0][i] @ corner
    elif family == "dead":
        for w, b in zip(weights, biases, strict=True):
            kind = rng.integers(0, 4, size=len(b))
            w[kind == 0] = 0.0  # constant
            b[kind == 0] = rng.choice([-1.0, 0.0, 1.0], size=int((kind == 0).sum()))
            b[kind == 1] = -50.0  # never active in the box
            b[kind == 2] = 0.0  # zero wherever all its inputs are dead
    elif family.startswith("scaled"):
        weights[0] *= 1e6 if family == "scaled up" else 1e-6
    elif family == "fixed coordinate":
        weights[0] = np.column_stack([weights[0], rng.normal(size=widths[0])])
        domain = Box([-1.0] * n + [0.25], [0.75] * n + [0.25])
    if family.endswith("whole space"):
        domain = None
    layers = [Layer.relu(w, b) for w, b in zip(weights, biases, strict=True)]
    if family == "slopes":
        lower = [-1.0, 0.0, 0.125, 1.0, 2.0]
        upper = [1.0, 1.0, 1.0, 1.0, 0.0]
        picks = [rng.integers(0, 5, size=width) for width in widths]
        picks[0][0] = 1  # at least one unit must bend
        layers = [
            Layer.with_slopes(w, b, np.array(lower)[pick], np.array(upper)[pick])
            for w, b, pick in zip(weights, biases, picks, strict=True)
        ]
    layers.append(Layer.affine(np.ones((1, widths[-1])), [0.0]))
    return Network(tuple(layers), name=f"{family} {seed}"), domain
