"""Deep networks that fold their input: counts grow exponentially with depth."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from polyregions.domain import Box
from polyregions.network import Layer, Network
from polyregions.theory.constructions.known import KnownNetwork

__all__ = ["absolute_value", "folding", "maximal_one_dimensional", "tent"]

# numpy types Kronecker products as arrays of any floating type
Floats = NDArray[np.floating[Any]]
Stage = tuple[Layer, Floats, Floats]

# (a, b, c) for the line a x + b y + c = 0; cells in the open unit square: 7 and 11
_LINES_OF_STAGE = {
    3: [[3, 7, -4], [-8, 2, 2], [5, -9, 1]],
    4: [[20, 1, -10], [1, 20, -10], [11, 10, -9], [-9, 10, 1]],
}
_CELLS = {3: 7, 4: 11}


def _composed(stages: Sequence[Stage], name: str) -> Network:
    """Return the network that computes ``matrix @ units + shift`` stage after stage.

    The affine map after one stage is multiplied into the next stage's layer. All
    constructions here have few bits, so the products are exact.
    """
    layers = []
    n = stages[0][0].weight.shape[1]
    matrix: Floats = np.eye(n)
    shift: Floats = np.zeros(n)
    for layer, out_matrix, out_shift in stages:
        weight, bias = layer.weight @ matrix, layer.weight @ shift + layer.bias
        layers.append(Layer.with_slopes(weight, bias, layer.lower, layer.upper))
        matrix, shift = out_matrix, out_shift
    layers.append(Layer.affine(matrix, shift))
    return Network(tuple(layers), name=name)


def _line_stage(count: int) -> Stage:
    lines = np.array(_LINES_OF_STAGE[count], dtype=np.float64)
    return Layer.relu(lines[:, :2], lines[:, 2]), np.ones((1, count)), np.zeros(1)


def tent(depth: int) -> KnownNetwork:
    """Return the tent map composed `depth` times on (0, 1): 2^depth regions.

    Units bend at 0 and 1/2 and ``y <- 2 h_1 - 4 h_2``. Deeper units touch 0 without
    crossing it, which makes no region (Telgarsky 2016, arXiv 1602.04485).

    Examples
    --------
    >>> tent(5).regions
    32
    """
    stage = (Layer.relu([[1.0], [1.0]], [0.0, -0.5]), np.array([[2.0, -4.0]]), np.zeros(1))
    return KnownNetwork(
        _composed([stage] * depth, f"tent {depth}"), Box.interval(1, 0.0, 1.0), 2**depth
    )


def maximal_one_dimensional(widths: Sequence[int], *, whole_line: bool = False) -> KnownNetwork:
    """Return a network of one input with the largest number of regions for its widths.

    Parameters
    ----------
    widths : sequence of int
        At least 3 units in each layer.
    whole_line : bool
        Count on the whole line instead of the interval; the number is the same.

    Returns
    -------
    KnownNetwork
        prod(widths + 1) regions.

    Notes
    -----
    *Algorithm.* A layer of n units bends at t_j = (2j - 1) / (2n + 1), downwards for
    j = 3, and each of its n + 1 pieces covers (0, 1). Multiplied by 2n + 1, all
    breakpoints are odd integers and all coefficients are ±1 and -3/2, so the floats
    are exact; the interval (0, 1) becomes (0, 2n + 1).

    Examples
    --------
    >>> maximal_one_dimensional([3, 4, 5]).regions
    120
    """
    stages: list[Stage] = []
    for n in widths:
        sign = np.array([1.0 if j != 3 else -1.0 for j in range(1, n + 1)])
        points = np.arange(1.0, 2 * n, 2)
        out = np.array([-1.5] + [(-1.0) ** j for j in range(2, n + 1)])
        scale = 1.0 if not stages else 2.0 * n + 1.0
        layer = Layer.relu(scale * sign[:, None], -sign * points)
        stages.append((layer, out[None, :], np.array([5.0])))
    network = _composed(stages, f"maximal {list(widths)}")
    domain = None if whole_line else Box.interval(1, 0.0, 2.0 * widths[0] + 1.0)
    return KnownNetwork(network, domain, prod(n + 1 for n in widths))


def folding(pieces: int, folds: int, lines: Literal[3, 4] = 3) -> KnownNetwork:
    """Return layers that fold the unit square, then a layer of lines in it.

    Parameters
    ----------
    pieces : int
        Each layer folds each of the two coordinates into so many pieces.
    folds : int
        Number of folding layers, each of ``2 * pieces`` units.
    lines : {3, 4}
        Units of the last layer: 7 or 11 cells in the open unit square.

    Returns
    -------
    KnownNetwork
        ``pieces**(2 * folds) * cells`` regions (Montúfar et al. 2014, arXiv 1402.1869).

    Examples
    --------
    >>> folding(3, 2).regions, folding(2, 1, lines=4).regions
    (567, 44)
    """
    slopes = [float(pieces)] + [2.0 * pieces] * (pieces - 1)
    weight = np.kron(np.eye(2), np.array(slopes)[:, None])
    bias = np.tile([-2.0 * i for i in range(pieces)], 2)
    alternate: Floats = np.array([[(-1.0) ** i for i in range(pieces)]])
    fold: Stage = (Layer.relu(weight, bias), np.kron(np.eye(2), alternate), np.zeros(2))
    network = _composed([fold] * folds + [_line_stage(lines)], f"folding {pieces}^{folds}, {lines}")
    return KnownNetwork(network, Box.interval(2, 0.0, 1.0), pieces ** (2 * folds) * _CELLS[lines])


def absolute_value(folds: int, units: Literal["relu", "absolute"] = "relu") -> KnownNetwork:
    """Return folds by absolute values on (-1, 1)^2, then four lines: 4^folds * 11 regions.

    The first fold is (|x|, |y|), later ones are |2y - 1| (Pascanu et al. 2013,
    arXiv 1312.6098).

    Parameters
    ----------
    folds : int
    units : {"relu", "absolute"}
        |z| as σ(z) + σ(-z), two units on one hyperplane, or as one unit with slopes -1, 1.

    Examples
    --------
    >>> absolute_value(1).regions, absolute_value(2).regions
    (44, 176)
    """
    stages: list[Stage] = []
    for index in range(folds):
        weight, bias = (np.eye(2), np.zeros(2)) if index == 0 else (2 * np.eye(2), -np.ones(2))
        if units == "relu":
            both = np.array([[1.0], [-1.0]])
            layer = Layer.relu(np.kron(weight, both), np.kron(bias, both[:, 0]))
            stages.append((layer, np.kron(np.eye(2), np.ones((1, 2))), np.zeros(2)))
        else:
            layer = Layer.with_slopes(weight, bias, -1.0, 1.0)
            stages.append((layer, np.eye(2), np.zeros(2)))
    network = _composed([*stages, _line_stage(4)], f"absolute value {folds}, {units}")
    return KnownNetwork(network, Box.cube(2, 1.0), 4**folds * 11)
