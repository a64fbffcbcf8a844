"""Networks with a known number of regions: small, changed without changing it, or deep folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import frexp, prod
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.domain import Box
from polyregions.errors import NetworkError
from polyregions.network import Layer, Network

__all__ = [
    "KnownNetwork",
    "absolute_value",
    "all_active",
    "all_dead",
    "arrangement",
    "duplicate_unit",
    "folding",
    "maximal_one_dimensional",
    "maximum_example",
    "minimum_example",
    "orthants",
    "permute_units",
    "phantom_adjacency",
    "rescale_unit",
    "tent",
]

# numpy types Kronecker products as arrays of any floating type
Floats = NDArray[np.floating[Any]]
Stage = tuple[Layer, Floats, Floats]

# (a, b, c) for the line a x + b y + c = 0; cells in the open unit square: 7 and 11
_LINES_OF_STAGE = {
    3: [[3, 7, -4], [-8, 2, 2], [5, -9, 1]],
    4: [[20, 1, -10], [1, 20, -10], [11, 10, -9], [-9, 10, 1]],
}
_CELLS = {3: 7, 4: 11}


@dataclass(frozen=True, eq=False)
class KnownNetwork:
    """A network, a domain, and the number of activation regions in it.

    Attributes
    ----------
    network : Network
    domain : Box or None
        None is the whole space.
    regions : int
        Patterns whose set in the open domain has interior.
    """

    network: Network
    domain: Box | None
    regions: int


def arrangement(normals: ArrayLike, offsets: ArrayLike, *, name: str = "arrangement") -> Network:
    """Return the network with one hidden layer whose units bend on given hyperplanes.

    Parameters
    ----------
    normals : array_like, shape (m, n)
    offsets : array_like, shape (m,)
        Unit i bends where ``normals[i] @ x + offsets[i] == 0``.

    Examples
    --------
    >>> arrangement([[1, 0], [0, 1]], [0, 0]).widths
    (2,)
    """
    count = np.asarray(offsets).size
    return Network.from_arrays([(normals, offsets), (np.ones((1, count)), [0.0])], name=name)


def orthants(n: int) -> KnownNetwork:
    """Return the identity layer without bias: 2^n orthants.

    Examples
    --------
    >>> orthants(3).regions
    8
    """
    network = arrangement(np.eye(n), np.zeros(n), name=f"orthants {n}")
    return KnownNetwork(network, Box.cube(n, 1.0), 2**n)


def _constant_sign(n: int, widths: Sequence[int], sign: float, name: str) -> KnownNetwork:
    parameters = []
    for inputs, width in zip([n, *widths], widths, strict=False):
        # the first layer's rows have 1-norm 1/2 on the cube; later ones add what is positive
        weight = np.full((width, inputs), 2.0 ** -(inputs + 1))
        parameters.append((weight, np.full(width, sign)))
    parameters.append((np.ones((1, widths[-1])), np.zeros(1)))
    return KnownNetwork(Network.from_arrays(parameters, name=name), Box.cube(n, 1.0), 1)


def all_active(n: int, widths: Sequence[int]) -> KnownNetwork:
    """Return a network whose units are all active on [-1, 1]^n: one region.

    Examples
    --------
    >>> all_active(2, [3, 3]).regions
    1
    """
    return _constant_sign(n, widths, 1.0, "all active")


def all_dead(n: int, widths: Sequence[int]) -> KnownNetwork:
    """Return a network whose units are all inactive on [-1, 1]^n: one region.

    Examples
    --------
    >>> all_dead(2, [3, 3]).regions
    1
    """
    return _constant_sign(n, widths, -1.0, "all dead")


def maximum_example() -> KnownNetwork:
    """Return max(-y, min(0, -x)) on the plane: 5 activation regions.

    Units σ(x), σ(y), σ(-y), then σ(h_1 - h_2 + h_3) and σ(h_1); output first - second.
    The six notions of region R1, …, R6 count 7, 5, 4, 3, 3, 3 on it (Stargalla,
    Hertrich & Reichman 2025, arXiv 2505.16716).

    Examples
    --------
    >>> maximum_example().network.forward([[1.0, 2.0], [-1.0, 2.0], [-1.0, -2.0]]).ravel() + 0.0
    array([-1.,  0.,  2.])
    """
    network = Network.from_arrays(
        [
            ([[1, 0], [0, 1], [0, -1]], [0, 0, 0]),
            ([[1, -1, 1], [1, 0, 0]], [0, 0]),
            ([[1, -1]], [0]),
        ],
        name="max(-y, min(0, -x))",
    )
    return KnownNetwork(network, None, 5)


def minimum_example() -> KnownNetwork:
    """Return min(σ(x), σ(y)) = σ(x) - σ(σ(x) - σ(y)) on the plane: 5 activation regions.

    One of its linear regions is not convex. The first layer's units are x and y, the
    second's σ(x) - σ(y) and σ(x) again, to pass it on.

    Examples
    --------
    >>> minimum_example().network.forward([[1.0, 2.0], [3.0, 2.0], [-1.0, 2.0]]).ravel() + 0.0
    array([1., 2., 0.])
    """
    network = Network.from_arrays(
        [([[1, 0], [0, 1]], [0, 0]), ([[1, -1], [1, 0]], [0, 0]), ([[-1, 1]], [0])],
        name="min(relu(x), relu(y))",
    )
    return KnownNetwork(network, None, 5)


def phantom_adjacency() -> KnownNetwork:
    """Return a network with two regions one bit apart that do not touch.

    j = x, i = x + 5, k = 2 σ(j) - σ(i) + 4. The patterns (j, i, k) = (-, +, +) on
    (-5, -1) and (+, +, +) on (1, ∞) differ in one bit; between them k is negative.

    Examples
    --------
    >>> phantom_adjacency().network.pattern([[-2.0], [2.0]]).ravel()
    array([6, 7], dtype=uint64)
    """
    network = Network.from_arrays(
        [([[1], [1]], [0, 5]), ([[2, -1]], [4]), ([[1]], [0])], name="phantom adjacency"
    )
    return KnownNetwork(network, None, 5)


def _with_layers(network: Network, index: int, layer: Layer, above: Layer) -> Network:
    layers = list(network.layers)
    layers[index : index + 2] = [layer, above]
    return replace(network, layers=tuple(layers))


def _taken(layer: Layer, units: Sequence[int]) -> Layer:
    chosen = list(units)
    return Layer.with_slopes(
        layer.weight[chosen], layer.bias[chosen], layer.lower[chosen], layer.upper[chosen]
    )


def _reading(layer: Layer, columns: list[int], factors: Sequence[float]) -> Layer:
    weight = layer.weight[:, columns] * np.asarray(factors)
    return Layer.with_slopes(weight, layer.bias, layer.lower, layer.upper)


def permute_units(network: Network, layer: int, permutation: Sequence[int]) -> Network:
    """Return the same function with the units of one hidden layer in another order.

    Parameters
    ----------
    network : Network
    layer : int
        Index of a layer that is not the last.
    permutation : sequence of int
        ``permutation[i]`` is the old index of the new unit i.

    Examples
    --------
    >>> net = Network.from_arrays([([[1.0], [2.0]], [0.0, 1.0]), ([[3.0, 4.0]], [0.0])])
    >>> permute_units(net, 0, [1, 0]).layers[1].weight
    array([[4., 3.]])
    """
    order = list(permutation)
    below, above = network.layers[layer], network.layers[layer + 1]
    return _with_layers(
        network, layer, _taken(below, order), _reading(above, order, [1.0] * len(order))
    )


def rescale_unit(network: Network, layer: int, unit: int, factor: float) -> Network:
    """Return the same function with one unit's row times `factor`, its output divided by it.

    Parameters
    ----------
    factor : float
        A positive power of two: any other factor rounds, and so changes the network.

    Raises
    ------
    NetworkError
        If `factor` is not a positive power of two.

    Examples
    --------
    >>> net = Network.from_arrays([([[1.0], [2.0]], [0.0, 1.0]), ([[3.0, 4.0]], [0.0])])
    >>> rescale_unit(net, 0, 1, 4.0).layers[1].weight
    array([[3., 1.]])
    """
    if not factor > 0 or frexp(factor)[0] != 0.5:
        raise NetworkError(f"the factor must be a positive power of two, not {factor}")
    below, above = network.layers[layer], network.layers[layer + 1]
    factors = np.ones(len(below.bias))
    factors[unit] = factor
    scaled = Layer.with_slopes(
        below.weight * factors[:, None], below.bias * factors, below.lower, below.upper
    )
    columns = list(range(len(factors)))
    return _with_layers(network, layer, scaled, _reading(above, columns, (1 / factors).tolist()))


def duplicate_unit(network: Network, layer: int, unit: int) -> Network:
    """Return the same function with one unit repeated, each copy read with half the weight.

    Examples
    --------
    >>> net = Network.from_arrays([([[1.0], [2.0]], [0.0, 1.0]), ([[3.0, 4.0]], [0.0])])
    >>> duplicate_unit(net, 0, 1).layers[1].weight
    array([[3., 2., 2.]])
    """
    below, above = network.layers[layer], network.layers[layer + 1]
    order = [*range(len(below.bias)), unit]
    factors = [1.0] * len(order)
    factors[unit] = factors[-1] = 0.5
    return _with_layers(network, layer, _taken(below, order), _reading(above, order, factors))


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
