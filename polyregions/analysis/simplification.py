"""The smaller network that is proven equal on a domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from polyregions.analysis.units import UnitBounds, unit_bounds
from polyregions.arrays import Arrays, Integers
from polyregions.domain import Domain
from polyregions.errors import shown
from polyregions.network import Layer, Network
from polyregions.network.condensing import Condensed, condense, used_units
from polyregions.regions import Regions
from polyregions.run.given import DomainLike, NetworkLike, domain_given, network_given
from polyregions.run.progress import OnSteps

__all__ = ["LayerCount", "Simplification", "simplify"]


@dataclass(frozen=True)
class LayerCount:
    """What became of the units of one layer that bend.

    ``units`` is the sum of ``always_on``, ``always_off``, ``unread``, ``merged`` and ``left``.

    Attributes
    ----------
    layer : int
        Its place in the given network, from 0; layers without such units are not listed.
    units : int
        Units that bend in the given network.
    always_on, always_off : int
        Never negative, or never positive, on the domain: proven by their bounds.
    unread : int
        Others that no output depends on.
    merged : int
        Others for which an equal or proportional unit stands in, or that cancel each other.
    left : int
        Units that still bend.
    linear_left : int
        Of those that are always on or off, how many stay as units that do not bend, together
        with units that carry what they read.
    """

    layer: int
    units: int
    always_on: int
    always_off: int
    unread: int
    merged: int
    left: int
    linear_left: int


@dataclass(frozen=True, eq=False)
class Simplification:
    """A network and a smaller one that is equal on a domain, and why.

    Attributes
    ----------
    original : Network
    domain : Box, Polytope or None
    network : Network
        The same function on the closed domain, as fractions at every point.
    table : tuple of LayerCount
    bounds : UnitBounds
        Of the units of `original`: the proof that units which are gone never switch.
    units : numpy.ndarray of int64
        For each pattern bit of `network` that of `original`, whose pre-activation is the same on
        the domain, and so are its bounds; -1 for a unit that is constantly zero, which stands
        in a network that has no other.
    """

    original: Network
    domain: Domain | None
    network: Network
    table: tuple[LayerCount, ...]
    bounds: UnitBounds
    units: Integers

    def save(self, path: str | Path) -> None:
        """Write the smaller network to an .onnx or .npz file, exactly.

        Parameters
        ----------
        path : str or Path
            See :func:`polyregions.io.save_network`.

        Raises
        ------
        FormatError
            If the suffix is another or the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1], [1], [2]], [0, -3, 0]), ([[1, 1, 1]], [0])])
        >>> smaller = pr.simplify(net, pr.Box.cube(1, 1.0))
        >>> file = tempfile.mkdtemp() + "/small.npz"
        >>> smaller.save(file)
        >>> pr.load(file).hidden_units
        1
        """
        from polyregions.io.networks import save_network

        save_network(self.network, path)

    def bounds_table(self) -> Arrays:
        """Return the bounds as a table: a row for each unit of `original` that bends.

        Returns
        -------
        dict of str to numpy.ndarray, shape (N,)
            Columns ``unit`` (its pattern bit), ``layer``, ``lower``, ``upper``, ``exact_lower``,
            ``exact_upper``, and ``becomes``: the bit of `network` that has its place, or -1.
            :func:`polyregions.io.tables.write_table` writes it to a file.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1], [1], [2]], [0, -3, 0]), ([[1, 1, 1]], [0])])
        >>> smaller = pr.simplify(net, pr.Box.cube(1, 1.0))
        >>> table = smaller.bounds_table()
        >>> table["lower"], table["becomes"]
        (array([-1., -4., -2.]), array([ 0, -1, -1]))
        """
        bounds, size = self.bounds.units, self.original.hidden_units
        becomes = np.full(size, -1, dtype=np.int64)
        kept = np.flatnonzero(self.units >= 0)[::-1]
        becomes[self.units[kept]] = kept
        places = [
            np.full(int(layer.bends.sum()), place)
            for place, layer in enumerate(self.original.layers)
        ]
        return {
            "unit": np.arange(size),
            "layer": np.concatenate(places).astype(np.int64),
            "lower": bounds.lower,
            "upper": bounds.upper,
            "exact_lower": bounds.exact_lower,
            "exact_upper": bounds.exact_upper,
            "becomes": becomes,
        }

    def summary(self) -> dict[str, Any]:
        """Return the numbers that describe the result.

        Returns
        -------
        dict
            Sizes ``before`` and ``after``, the ``table``, and that it is ``proven``.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1], [1], [2]], [0, -3, 0]), ([[1, 1, 1]], [0])])
        >>> smaller = pr.simplify(net, pr.Box.cube(1, 1.0))
        >>> smaller.summary()["after"]
        {'layers': 2, 'units': 1, 'bends': 1, 'weights': 2}
        """
        before, after = map(_sizes, (self.original, self.network))
        return {
            "before": before,
            "after": after,
            "table": [asdict(row) for row in self.table],
            "proven": True,
        }

    def __repr__(self) -> str:
        before, after = self.original.hidden_units, self.network.hidden_units
        name = shown(self.original.name, 80)
        return f"<Simplification of {name}: {after} of {before} units bend, proven>"


def simplify(
    network: NetworkLike,
    domain: DomainLike,
    *,
    regions: Regions | None = None,
    progress: OnSteps = None,
) -> Simplification:
    """Return a smaller network that is proven equal on a domain.

    Units that are always off on the domain go, those that are always on no longer bend, equal
    units become one, and what no output depends on goes.

    Parameters
    ----------
    network : Network
    domain : Box, Polytope or None
        Closed.
    regions : Regions, optional
        The complete enumeration of the same network in the same domain; it tells exactly which
        units never switch. Without it some that never do may be left.
    progress : bool or callable, optional
        With regions, as for :func:`unit_bounds`.

    Returns
    -------
    Simplification

    Raises
    ------
    PolyregionsError
        If `regions` are those of another network or another domain, or `progress` is neither
        bool nor callable.
    PartialResultError
        If `regions` were stopped early.

    Notes
    -----
    *Algorithm.* A unit is one-sided if a proven bound says so (:func:`unit_bounds`): then it is
    multiplication by a slope at every point of the domain. All else is algebra on the numbers of
    the network in integers (`network.condensing`): a sum that floats do not hold is not made.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1], [1], [2]], [0, -3, 0]), ([[1, 1, 1]], [0])])
    >>> smaller = simplify(net, pr.Box.cube(1, 1.0))
    >>> smaller
    <Simplification of network: 1 of 3 units bend, proven>
    >>> smaller.network.layers[1].weight, smaller.units
    (array([[3.]]), array([0]))
    """
    network = network_given(network)
    domain = domain_given(domain, network.input_dimension)
    bounds = unit_bounds(network, domain, regions=regions, progress=progress)
    fixed = {}
    if domain is not None:
        constant = np.setdiff1d(np.arange(network.input_dimension), domain.free).tolist()
        fixed = {i: Fraction(float(domain.box.lower[i])) for i in constant}
    straight = _straightened(network, bounds)
    condensed = condense(straight, fixed)
    smaller = Network(condensed.layers, name=network.name, assumed=network.assumed)
    bends = np.concatenate([layer.bends for layer in network.layers])
    bits = np.append(np.where(bends, np.cumsum(bends) - 1, -1), -1)
    bent = zip(smaller.layers, condensed.origins, strict=False)
    units = np.concatenate([bits[origins[layer.bends]] for layer, origins in bent])
    table = _table(network, bounds, straight, condensed)
    return Simplification(network, domain, smaller, table, bounds, units)


def _straightened(network: Network, bounds: UnitBounds) -> list[Layer]:
    """Return the layers, with equal slopes where a unit is one-sided."""
    layers, start = [], 0
    for layer in network.layers:
        bent = np.flatnonzero(layer.bends)
        here = slice(start, start + len(bent))
        start += len(bent)
        lower, upper = np.array(layer.lower), np.array(layer.upper)
        on, off = bent[bounds.always_on[here]], bent[bounds.always_off[here]]
        lower[on], upper[off] = upper[on], lower[off]
        layers.append(replace(layer, lower=lower, upper=upper))
    return layers


def _table(
    network: Network, bounds: UnitBounds, straight: Sequence[Layer], condensed: Condensed
) -> tuple[LayerCount, ...]:
    used = used_units(straight)
    rows, start = [], 0
    for place, layer in enumerate(network.layers):
        bent = np.flatnonzero(layer.bends)
        if not len(bent):
            continue
        here = slice(start, start + len(bent))
        start += len(bent)
        on, off = bounds.always_on[here], bounds.always_off[here]
        unread = ~np.isin(bent, used[place]) & ~on & ~off
        left = linear = 0
        if place in condensed.places:
            now = condensed.places.index(place)
            bends = condensed.layers[now].bends
            left = int((bends & (condensed.origins[now] >= 0)).sum())
            linear = int((~bends).sum())
        counts = {
            "always_on": int(on.sum()),
            "always_off": int(off.sum()),
            "unread": int(unread.sum()),
            "left": left,
        }
        merged = len(bent) - sum(counts.values())
        rows.append(LayerCount(place, len(bent), merged=merged, linear_left=linear, **counts))
    return tuple(rows)


def _sizes(network: Network) -> dict[str, int]:
    """Return how large a network is."""
    return {
        "layers": len(network.layers),
        "units": sum(len(layer.bias) for layer in network.layers[:-1]),
        "bends": network.hidden_units,
        "weights": sum(
            int(layer.matrix.shape[0]) * int(layer.matrix.shape[1]) for layer in network.layers
        ),
    }
