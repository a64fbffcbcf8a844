"""The published numbers that a network's count is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from polyregions.network import Layer, Network
from polyregions.theory.bounds import (
    hanin_rolnick_scale,
    montufar_2017,
    serra_2018,
    zaslavsky,
)

__all__ = ["compared_bounds"]

# some seconds of adding up
_MAX_WORK = 2**34


def compared_bounds(network: Network, dimension: int) -> dict[str, int | Fraction | None]:
    """Return the bounds that hold for a network, by name.

    Parameters
    ----------
    network : Network
    dimension : int
        Number n of free inputs.

    Returns
    -------
    dict
        ``hanin_rolnick_scale``: N^n / n!, the growth rate of Theorem 5, not a bound
        by itself. ``zaslavsky``, ``montufar_2017``, ``serra_2018``: upper bounds on
        the number of regions, or None where the theorem does not apply:
        Zaslavsky's needs one hidden layer, Montúfar's layers without units that
        pass their value on, Serra's ReLU units throughout. Serra's is None, too, for
        networks so deep and wide that computing it would take longer than some seconds.

    Examples
    --------
    >>> net = Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
    >>> {name: str(value) for name, value in compared_bounds(net, 1).items()}
    {'hanin_rolnick_scale': '2', 'zaslavsky': '3', 'montufar_2017': '3', 'serra_2018': '3'}
    """
    units, widths = network.hidden_units, network.widths
    bent = [layer for layer in network.layers if layer.bends.any()]
    unmixed = all(layer.bends.all() for layer in bent)
    return {
        "hanin_rolnick_scale": hanin_rolnick_scale(units, dimension),
        "zaslavsky": zaslavsky(units, dimension) if len(bent) == 1 else None,
        "montufar_2017": montufar_2017(dimension, widths) if unmixed else None,
        "serra_2018": serra_2018(dimension, widths)
        if all(map(_is_relu, bent)) and _serra_work(dimension, widths) <= _MAX_WORK
        else None,
    }


def _serra_work(dimension: int, widths: Sequence[int]) -> int:
    """Return about how many bits are added up: d^2 terms a layer, of 2^(units above) at most."""
    work, above = 0, sum(widths)
    for width in widths:
        dimension = min(dimension, width)
        work += (dimension + 1) ** 2 * above
        above -= width
    return work


def _is_relu(layer: Layer) -> bool:
    return bool((layer.lower == 0).all() and (layer.upper != 0).all())
