"""Networks, domains and patterns as hypothesis draws and shrinks them.

Few values and many coincidences: zero, repeated and opposite rows, hyperplanes that meet in a
point or touch the domain, units that are dead or pass their value on. All numbers have few bits.
"""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed")

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from polyregions.domain import Box, Domain, Polytope
from polyregions.network import Layer, Network

__all__ = ["bits", "cases", "domains", "few", "networks"]

# the same examples in every run, and no clock: kernels may be compiled meanwhile
few = settings(
    max_examples=40,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

_SLOPES = st.sampled_from([(0.0, 1.0), (0.0, 1.0), (0.5, 1.0), (-1.0, 1.0), (1.0, 0.0), (1.0, 1.0)])
_WEIGHTS = st.sampled_from([1.0, -1.0, 2.0, -0.5, 0.0])
_BIASES = st.sampled_from([0.0, 1.0, -1.0, 0.5, -0.5])


def _lists(entry: st.SearchStrategy[float], count: int) -> st.SearchStrategy[list[float]]:
    return st.lists(entry, min_size=count, max_size=count)


@st.composite
def _layers(draw: st.DrawFn, inputs: int, width: int) -> Layer:
    rows: list[list[float]] = []
    for _ in range(width):
        # the hyperplane of another unit, from either side
        if rows and draw(st.integers(0, 3)) == 3:
            factor = draw(st.sampled_from([1.0, -1.0, 3.0, -0.5]))
            rows.append([factor * entry for entry in draw(st.sampled_from(rows))])
        else:
            rows.append([*draw(_lists(_WEIGHTS, inputs)), draw(_BIASES)])
    table = np.array(rows)
    slopes = np.array([draw(_SLOPES) for _ in rows])
    return Layer.with_slopes(table[:, :-1], table[:, -1], slopes[:, 0], slopes[:, 1])


@st.composite
def networks(draw: st.DrawFn, inputs: int, *, units: int = 6) -> Network:
    """Networks of one to three layers and at most so many units, one of which bends."""
    depth = draw(st.integers(1, 3))
    widths = [draw(st.integers(1 + (depth < 3), max(2, units // depth))) for _ in range(depth)]
    below = [inputs, *widths]
    layers = [draw(_layers(a, b)) for a, b in zip(below, widths, strict=False)]
    if not any(layer.bends.any() for layer in layers):
        layers[0] = Layer.relu(layers[0].weight, layers[0].bias)
    return Network((*layers, Layer.affine(np.ones((1, widths[-1])), [0.0])), name="drawn")


@st.composite
def domains(draw: st.DrawFn, inputs: int) -> Domain | None:
    """The whole space, a box, perhaps with an input held, or a polytope about a drawn point."""
    kind = draw(st.sampled_from(["box", "held", "polytope", "whole space"]))
    if kind == "whole space":
        return None
    lower = -np.array(draw(_lists(st.sampled_from([1.0, 0.0, 2.0]), inputs)))
    upper = lower + draw(_lists(st.sampled_from([2.0, 1.0, 3.0]), inputs))
    if kind == "held" and inputs > 1:
        place = draw(st.integers(0, inputs - 1))
        upper[place] = lower[place]
    if kind != "polytope":
        return Box(lower, upper)
    eye = np.eye(inputs)
    rows = draw(st.lists(_lists(_WEIGHTS, inputs).filter(any), max_size=3))
    normals = np.array(rows).reshape(-1, inputs)
    slack = draw(st.lists(st.integers(1, 3), min_size=len(normals), max_size=len(normals)))
    middle = (lower + upper) / 2
    offsets = normals @ middle + np.array(slack) / 4
    return Polytope(np.concatenate([eye, -eye, normals]), np.concatenate([upper, -lower, offsets]))


@st.composite
def cases(draw: st.DrawFn, *, units: int = 6) -> tuple[Network, Domain | None]:
    """A network and a domain of as many inputs, one to three."""
    inputs = draw(st.integers(1, 3))
    return draw(networks(inputs, units=units)), draw(domains(inputs))


def bits(least: int = 1, most: int = 130) -> st.SearchStrategy[list[int]]:
    """Lists of bits that fill one to three words."""
    return st.lists(st.integers(0, 1), min_size=least, max_size=most)
