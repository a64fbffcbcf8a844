"""The dual graph of a result: a node for every region, an edge for every shared facet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from polyregions.pattern import to_text, unpack

if TYPE_CHECKING:
    import networkx as nx

    from polyregions.regions.regions import Regions

__all__ = [
    "Scalar",
    "graph_attributes",
    "graph_edges",
    "graph_nodes",
    "to_networkx",
    "xml_characters",
]

Scalar = str | int | float | bool

_PIECE = 4096  # rows turned into text at a time
_NOT_XML = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_networkx(regions: Regions) -> nx.Graph[int]:
    """Return the dual graph.

    Parameters
    ----------
    regions : Regions

    Returns
    -------
    networkx.Graph
        Graph attributes ``network``, ``fingerprint``, ``domain``,
        ``hidden_units``, ``complete``, ``proven``. Node attributes ``pattern``
        (hexadecimal text) and ``x0``, ``x1``, ... (the witness). Edge attribute
        ``units``: the units whose sign changes, ``"3"``, or ``"3;7"`` where
        hyperplanes coincide.

    Notes
    -----
    All attributes are texts and numbers, so that every writer of networkx takes them;
    characters that XML does not know are replaced in the name of the network. The units
    of an edge as numbers: ``[int(unit) for unit in units.split(";")]``, or
    :meth:`polyregions.Regions.units_of_edge`.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> graph = to_networkx(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)))
    >>> list(graph.edges(data=True))
    [(0, 1, {'units': '0'})]
    """
    import networkx as nx

    graph: nx.Graph[int] = nx.Graph()
    graph.graph.update(graph_attributes(regions))
    graph.graph["network"] = xml_characters(regions.network.name)
    axes = [f"x{axis}" for axis in range(regions.network.input_dimension)]
    for index, pattern, witness in graph_nodes(regions):
        graph.add_node(index, pattern=pattern, **dict(zip(axes, witness, strict=True)))
    for source, target, units in graph_edges(regions):
        graph.add_edge(source, target, units=units)
    return graph


def graph_attributes(regions: Regions) -> dict[str, Scalar]:
    """Return what is said of the graph as a whole."""
    return {
        "network": regions.network.name,
        "fingerprint": regions.network.fingerprint,
        **({"assumed": regions.network.assumed} if regions.network.assumed else {}),
        "domain": "whole space" if regions.domain is None else regions.domain.expression(),
        "hidden_units": regions.network.hidden_units,
        "complete": regions.complete,
        "proven": regions.proven,
    }


def graph_nodes(regions: Regions) -> Iterator[tuple[int, str, list[float]]]:
    """Yield (number, pattern, witness) of every region."""
    for start in range(0, len(regions), _PIECE):
        patterns = regions.patterns[start : start + _PIECE]
        points = regions.witnesses[start : start + _PIECE].tolist()
        for offset, (pattern, point) in enumerate(zip(patterns, points, strict=True)):
            yield start + offset, to_text(pattern), point


def graph_edges(regions: Regions) -> Iterator[tuple[int, int, str]]:
    """Yield (region, region, units that switch) of every edge."""
    names = [str(unit) for unit in range(regions.network.hidden_units)]
    for start in range(0, len(regions.edges), _PIECE):
        edges = regions.edges[start : start + _PIECE]
        masks = regions.patterns[edges[:, 0]] ^ regions.patterns[edges[:, 1]]
        row, unit = np.nonzero(unpack(masks, regions.network.hidden_units))
        ends = np.searchsorted(row, np.arange(len(edges) + 1)).tolist()
        units = unit.tolist()
        for offset, (source, target) in enumerate(edges.tolist()):
            switching = units[ends[offset] : ends[offset + 1]]
            yield source, target, ";".join([names[unit] for unit in switching])


def xml_characters(text: str) -> str:
    """Return a text with the characters replaced that XML does not know."""
    return _NOT_XML.sub("\ufffd", text)
