"""The dual graph of a result: in memory for networkx, or as a file.

Nodes are the indices 0..R-1 of the regions; an edge joins two regions that share
a facet. Files are written in pieces, so that a graph of millions of edges needs
little memory beyond the result itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from polyregions.errors import FormatError
from polyregions.io.atomic import atomic_write
from polyregions.pattern import to_text, unpack
from polyregions.regions import Regions, check_regions

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["GRAPH_SUFFIXES", "to_networkx", "write_graph"]

Scalar = str | int | float | bool

_PIECE = 4096  # rows turned into text at a time
_NOT_XML = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


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
    check_regions(regions)
    import networkx as nx

    graph: nx.Graph[int] = nx.Graph()
    graph.graph.update(_graph_attributes(regions))
    graph.graph["network"] = _xml_characters(regions.network.name)
    axes = [f"x{axis}" for axis in range(regions.network.input_dimension)]
    for index, pattern, witness in _nodes(regions):
        graph.add_node(index, pattern=pattern, **dict(zip(axes, witness, strict=True)))
    for source, target, units in _edges(regions):
        graph.add_edge(source, target, units=units)
    return graph


def write_graph(regions: Regions, path: str | PathLike[str]) -> None:
    """Write the dual graph to a file, whole or not at all.

    Parameters
    ----------
    regions : Regions
    path : str or path-like
        ``.graphml``, ``.gexf`` or ``.json`` (node-link data).

    Raises
    ------
    FormatError
        If the name has another suffix.

    Notes
    -----
    Attributes are those of :func:`to_networkx`. GEXF has no graph attributes, so there they
    stand in the description.

    Read them with ``networkx.read_graphml(path, node_type=int)``,
    ``networkx.read_gexf(path, node_type=int)`` or
    ``networkx.node_link_graph(json.load(file), edges="edges")``.
    """
    check_regions(regions)
    writer = _WRITERS.get(Path(path).suffix.lower())
    if writer is None:
        raise FormatError(
            f"{Path(path).name} has no known graph format; "
            f"end the name in {', '.join(GRAPH_SUFFIXES)}"
        )
    with atomic_write(path) as stream:
        for piece in writer(regions):
            # a file name that is not valid Unicode may have given the network its name
            stream.write(piece.encode("utf-8", errors="replace"))


def _graph_attributes(regions: Regions) -> dict[str, Scalar]:
    return {
        "network": regions.network.name,
        "fingerprint": regions.network.fingerprint,
        **({"assumed": regions.network.assumed} if regions.network.assumed else {}),
        "domain": "whole space" if regions.domain is None else regions.domain.expression(),
        "hidden_units": regions.network.hidden_units,
        "complete": regions.complete,
        "proven": regions.proven,
    }


def _nodes(regions: Regions) -> Iterator[tuple[int, str, list[float]]]:
    for start in range(0, len(regions), _PIECE):
        patterns = regions.patterns[start : start + _PIECE]
        points = regions.witnesses[start : start + _PIECE].tolist()
        for offset, (pattern, point) in enumerate(zip(patterns, points, strict=True)):
            yield start + offset, to_text(pattern), point


def _edges(regions: Regions) -> Iterator[tuple[int, int, str]]:
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


def _graphml(regions: Regions) -> Iterator[str]:
    graph = _graph_attributes(regions)
    n = regions.network.input_dimension
    keys = [("graph", name, _xml_type(value)) for name, value in graph.items()]
    keys += [("node", "pattern", "string")]
    keys += [("node", f"x{axis}", "double") for axis in range(n)]
    keys += [("edge", "units", "string")]
    ids = {(owner, name): f"d{index}" for index, (owner, name, _) in enumerate(keys)}
    yield _XML_HEAD + '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
    for owner, name, kind in keys:
        yield (
            f'<key id="{ids[owner, name]}" for="{owner}" attr.name="{name}" attr.type="{kind}"/>\n'
        )
    yield '<graph edgedefault="undirected">\n'
    for name, value in graph.items():
        yield f'<data key="{ids["graph", name]}">{_xml_text(value)}</data>\n'
    pattern_key = ids["node", "pattern"]
    axis_keys = [ids["node", f"x{axis}"] for axis in range(n)]
    for index, pattern, point in _nodes(regions):
        data = "".join(
            f'<data key="{key}">{value!r}</data>'
            for key, value in zip(axis_keys, point, strict=True)
        )
        yield f'<node id="{index}"><data key="{pattern_key}">{pattern}</data>{data}</node>\n'
    units_key = ids["edge", "units"]
    for source, target, units in _edges(regions):
        yield (
            f'<edge source="{source}" target="{target}">'
            f'<data key="{units_key}">{units}</data></edge>\n'
        )
    yield "</graph>\n</graphml>\n"


def _gexf(regions: Regions) -> Iterator[str]:
    graph = _graph_attributes(regions)
    n = regions.network.input_dimension
    description = "; ".join(f"{name}: {_xml_text(value)}" for name, value in graph.items())
    yield (
        f'{_XML_HEAD}<gexf xmlns="http://www.gexf.net/1.2draft" version="1.2">\n'
        f"<meta><creator>polyregions</creator>"
        f"<description>{description}</description></meta>\n"
        f'<graph mode="static" defaultedgetype="undirected" '
        f"name={_xml_attribute(regions.network.name)}>\n"
        f'<attributes class="node" mode="static">\n'
        f'<attribute id="0" title="pattern" type="string"/>\n'
    )
    for axis in range(n):
        yield f'<attribute id="{axis + 1}" title="x{axis}" type="double"/>\n'
    yield (
        '</attributes>\n<attributes class="edge" mode="static">\n'
        '<attribute id="0" title="units" type="string"/>\n</attributes>\n<nodes>\n'
    )
    for index, pattern, point in _nodes(regions):
        values = "".join(
            f'<attvalue for="{axis}" value="{value!r}"/>' for axis, value in enumerate(point, 1)
        )
        yield (
            f'<node id="{index}" label="{index}"><attvalues>'
            f'<attvalue for="0" value="{pattern}"/>{values}</attvalues></node>\n'
        )
    yield "</nodes>\n<edges>\n"
    for index, (source, target, units) in enumerate(_edges(regions)):
        yield (
            f'<edge id="{index}" source="{source}" target="{target}"><attvalues>'
            f'<attvalue for="0" value="{units}"/></attvalues></edge>\n'
        )
    yield "</edges>\n</graph>\n</gexf>\n"


def _json(regions: Regions) -> Iterator[str]:
    attributes = json.dumps(_graph_attributes(regions))
    yield f'{{"directed": false, "multigraph": false, "graph": {attributes},\n"nodes": ['
    for index, pattern, point in _nodes(regions):
        values = "".join(f', "x{axis}": {value!r}' for axis, value in enumerate(point))
        yield f'{"," if index else ""}\n{{"id": {index}, "pattern": "{pattern}"{values}}}'
    yield '],\n"edges": ['
    for index, (source, target, units) in enumerate(_edges(regions)):
        yield (
            f'{"," if index else ""}\n{{"source": {source}, "target": {target}, '
            f'"units": "{units}"}}'
        )
    yield "]}\n"


_WRITERS: dict[str, Callable[[Regions], Iterator[str]]] = {
    ".graphml": _graphml,
    ".gexf": _gexf,
    ".json": _json,
}

GRAPH_SUFFIXES = tuple(_WRITERS)


def _xml_type(value: Scalar) -> str:
    names: dict[type, str] = {bool: "boolean", int: "int", float: "double", str: "string"}
    return names[type(value)]


def _xml_text(value: Scalar) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return escape(_xml_characters(text))


def _xml_attribute(text: str) -> str:
    return quoteattr(_xml_characters(text))


def _xml_characters(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
