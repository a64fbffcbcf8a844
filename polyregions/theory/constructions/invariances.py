"""Changes of a network that keep its number of regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import frexp

import numpy as np

from polyregions.errors import NetworkError
from polyregions.network import Layer, Network

__all__ = ["duplicate_unit", "permute_units", "rescale_unit"]


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
