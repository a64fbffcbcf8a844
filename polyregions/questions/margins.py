"""The margin of a class: by how much its output leads over the largest of the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from polyregions.errors import NetworkError
from polyregions.io.comparisons import largest
from polyregions.io.exact_matrices import selection
from polyregions.io.signals import combine, source
from polyregions.network import Network
from polyregions.network.composition import compose
from polyregions.questions.optimum import output_given
from polyregions.run.given import NetworkLike, network_given

__all__ = ["margin"]


def margin(network: NetworkLike, output: int) -> Network:
    """Return the network x -> y_k(x) - (the largest of the other outputs there).

    Where it is positive, class k is the only one chosen; where it is negative, another one is.

    Parameters
    ----------
    network : Network, path or torch module
        Of at least two outputs.
    output : int
        The class k; negative counts from the last.

    Returns
    -------
    Network
        Exactly this function, of one output. Its pattern bits are those of the network, then
        those of the comparisons, one less than there are other outputs.

    Raises
    ------
    NetworkError
        If there is no network, or it has one output only.
    PolyregionsError
        If there is no such output.

    Notes
    -----
    *Algorithm.* A tournament of the other outputs, each comparison one unit:
    max(a, b) = b + relu(a - b). All else is as :func:`polyregions.compose` has it.

    Examples
    --------
    >>> import polyregions as pr
    >>> layers = [([[1.0], [-1.0]], [0, 0]), ([[1, 0], [0, 1], [0, 0]], [0, 0, 0])]
    >>> net = pr.Network.from_arrays(layers)
    >>> net.forward([[0.25], [-0.5]])
    array([[0.25, 0.  , 0.  ],
           [0.  , 0.5 , 0.  ]])
    >>> margin(net, 0).forward([[0.25], [-0.5]])
    array([[ 0.25],
           [-0.5 ]])
    """
    network = network_given(network)
    count = network.output_dimension
    if count == 1:
        raise NetworkError(
            "a margin is over other outputs, but the network has one only; a class of two by the "
            "sign of one output leads by that output itself"
        )
    chosen = output_given(output, count)
    outputs = source((count,))
    others = np.delete(np.arange(count), chosen)
    winner = largest(outputs, others[None])
    lead = combine(
        [
            (outputs, selection(np.array([chosen]), count)),
            (winner, -selection(np.zeros(1, int), 1)),
        ],
        (1,),
    )
    return replace(compose(network, *lead.layers), name=f"margin {chosen} of {network.name}")
