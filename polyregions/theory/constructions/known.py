"""Networks with a known number of regions: small ones, and changes that keep the count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import frexp

import numpy as np
from numpy.typing import ArrayLike

from polyregions.domain import Box
from polyregions.errors import NetworkError
from polyregions.network import Layer, Network

__all__ = [
    "KnownNetwork",
    "all_active",
    "all_dead",
    "arrangement",
    "duplicate_unit",
    "maximum_example",
    "minimum_example",
    "orthants",
    "permute_units",
    "phantom_adjacency",
    "rescale_unit",
]


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
