"""Networks made of networks and affine maps: one after the other, side by side, their difference.

Nothing is rounded: the result is the composition of the given rational functions at every point,
fractions included.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array, eye_array, hstack

from polyregions.arrays import floats
from polyregions.errors import NetworkError
from polyregions.network.layer import Layer
from polyregions.network.layer_sequences import LayerSequence, chained, stacked
from polyregions.network.network import Network, layers_given, network_made_of

__all__ = ["check_comparable", "compose", "difference", "linear", "side_by_side"]


def linear(matrix: ArrayLike | csr_array[Any], bias: ArrayLike | None = None) -> Layer:
    """Return the affine map x -> matrix @ x + bias, to be composed with networks.

    It is a layer whose units pass their values on. It has no activation regions, so it is no
    network by itself; what :func:`compose`, :func:`side_by_side` and :func:`difference` make of
    it and of a network is one.

    Parameters
    ----------
    matrix : array_like or scipy.sparse.csr_array, shape (out, in)
        One row for each value that it gives: rows of the identity select values, and
        ``[[1, -1]]`` subtracts the second from the first.
    bias : array_like, shape (out,), optional
        Zero by default.

    Returns
    -------
    Layer

    Raises
    ------
    NetworkError
        If shapes do not fit, or an entry is not a finite number that a float holds.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [-1.0]], [0, 0]), ([[1, 0], [0, 1]], [0, 0])])
    >>> net.forward([-3.0])
    array([0., 3.])
    >>> net.compose(pr.linear([[1, -1]])).forward([-3.0])
    array([-3.])
    """
    weight: Any = matrix if hasattr(matrix, "tocsr") else floats(matrix, "the entries of a matrix")
    if weight.ndim != 2:
        raise NetworkError(
            f"an affine map has a matrix of shape (out, in), but got {weight.shape}; "
            f"write one row as [[a, b, ...]]"
        )
    shift = np.zeros(weight.shape[0]) if bias is None else bias
    return Layer.affine(weight, shift)


def compose(first: Network | Layer, *others: Network | Layer) -> Network:
    """Return the network that computes `first`, then each of the others of what it gives.

    Parameters
    ----------
    first, *others : Network or Layer
        :func:`linear` makes layers of matrices.

    Returns
    -------
    Network
        Exactly this function. Its pattern bits are those of the first one that has any, then
        those of the next.

    Raises
    ------
    NetworkError
        If one reads another number of values than the one before it gives, or no unit bends.

    Notes
    -----
    *Algorithm.* An affine map is multiplied into the layer above it where the product is exact
    in floats and no larger. Otherwise it stays as a layer of units that pass their values on:
    they have no pattern bit, and make no region.

    Examples
    --------
    The size of an angle in degrees, given in turns; then ten steps of the closed loop that takes
    ``x`` to ``x - abs(x) / 2``:

    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [-1.0]], [0, 0]), ([[1, 1]], [0])])
    >>> turns = pr.compose(pr.linear([[360]]), net)
    >>> turns.forward([-0.5]), turns.layers[0].weight.tolist()
    (array([180.]), [[360.0], [-360.0]])
    >>> step = pr.compose(pr.side_by_side(pr.linear([[1]]), net), pr.linear([[1, -0.5]]))
    >>> pr.compose(*[step] * 10).forward([1.0])
    array([0.00097656])
    """
    return network_made_of((first, *others), chained, " then ")


def side_by_side(first: Network | Layer, *others: Network | Layer) -> Network:
    """Return the network of the same inputs that has the outputs of all, one after the other.

    Its regions are the common refinement: the intersections of their regions that have interior
    points.

    Parameters
    ----------
    first, *others : Network or Layer
        Of the same number of inputs; :func:`linear` makes layers of matrices.

    Returns
    -------
    Network
        Layer by layer the units of all, in their order; so are its pattern bits. Values
        of one with fewer layers are passed on by units that have none.

    Raises
    ------
    NetworkError
        If they read different numbers of inputs, or no unit bends.

    Examples
    --------
    A state beside the control that a network gives it:

    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 1]], [0.5]), ([[2.0]], [0])])
    >>> pr.side_by_side(pr.linear([[1, 0], [0, 1]]), net).forward([1.0, 2.0])
    array([1., 2., 7.])
    """
    return network_made_of((first, *others), stacked, " beside ")


def check_comparable(first: Network | Layer, second: Network | Layer) -> None:
    """Refuse networks that have different numbers of outputs.

    Raises
    ------
    NetworkError
    """
    given = [len(layers_given(one)[-1].bias) for one in (first, second)]
    if given[0] != given[1]:
        raise NetworkError(
            f"outputs are compared one by one, but there are {given[0]} and {given[1]}; "
            f"compose with an affine map that selects as many"
        )


def difference(first: Network | Layer, second: Network | Layer) -> Network:
    """Return the network x -> first(x) - second(x).

    Parameters
    ----------
    first, second : Network or Layer
        Of as many inputs, and as many outputs.

    Returns
    -------
    Network
        Its pattern bits are those of :func:`side_by_side`.

    Raises
    ------
    NetworkError
        If they have different numbers of inputs or outputs, or no unit bends.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [-1.0]], [0, 0]), ([[1, -1]], [0])])
    >>> pr.difference(net, pr.linear([[1]])).forward([[-0.7], [0.4]])
    array([[0.],
           [0.]])
    """
    check_comparable(first, second)
    identity = eye_array(len(layers_given(first)[-1].bias))
    subtracting = linear(hstack([identity, -identity], format="csr"))

    def subtracted(sequences: Any) -> LayerSequence:
        return chained([stacked(sequences), (subtracting,)])

    return network_made_of((first, second), subtracted, " minus ")
