"""The dual graph of a result: in memory for networkx, or as a file.

Nodes are the indices 0..R-1 of the regions; an edge joins two regions that share
a facet. Files are written in pieces, so that a graph of millions of edges needs
little memory beyond the result itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from os import PathLike
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from polyregions.files.atomic import atomic_write
from polyregions.files.reading import known_suffix
from polyregions.regions import Regions, check_regions
from polyregions.regions.graph import (
    Scalar,
    graph_attributes,
    graph_edges,
    graph_nodes,
    xml_characters,
)

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["GRAPH_SUFFIXES", "to_networkx", "write_graph"]

_XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def to_networkx(regions: Regions) -> nx.Graph[int]:
    """Return the dual graph of a result: :meth:`polyregions.Regions.to_networkx`."""
    check_regions(regions)
    return regions.to_networkx()


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

    Examples
    --------
    >>> import tempfile
    >>> import networkx as nx
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_graph(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)), f"{folder}/g.graphml")
    ...     nx.read_graphml(f"{folder}/g.graphml", node_type=int).edges[0, 1]
    {'units': '0'}
    """
    check_regions(regions)
    writer = _GRAPH_WRITERS[known_suffix(path, GRAPH_SUFFIXES, "graph")]
    with atomic_write(path) as stream:
        for piece in writer(regions):
            # a file name that is not valid Unicode may have given the network its name
            stream.write(piece.encode("utf-8", errors="replace"))


def _graphml(regions: Regions) -> Iterator[str]:
    graph = graph_attributes(regions)
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
    for index, pattern, point in graph_nodes(regions):
        data = "".join(
            f'<data key="{key}">{value!r}</data>'
            for key, value in zip(axis_keys, point, strict=True)
        )
        yield f'<node id="{index}"><data key="{pattern_key}">{pattern}</data>{data}</node>\n'
    units_key = ids["edge", "units"]
    for source, target, units in graph_edges(regions):
        yield (
            f'<edge source="{source}" target="{target}">'
            f'<data key="{units_key}">{units}</data></edge>\n'
        )
    yield "</graph>\n</graphml>\n"


def _gexf(regions: Regions) -> Iterator[str]:
    graph = graph_attributes(regions)
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
    for index, pattern, point in graph_nodes(regions):
        values = "".join(
            f'<attvalue for="{axis}" value="{value!r}"/>' for axis, value in enumerate(point, 1)
        )
        yield (
            f'<node id="{index}" label="{index}"><attvalues>'
            f'<attvalue for="0" value="{pattern}"/>{values}</attvalues></node>\n'
        )
    yield "</nodes>\n<edges>\n"
    for index, (source, target, units) in enumerate(graph_edges(regions)):
        yield (
            f'<edge id="{index}" source="{source}" target="{target}"><attvalues>'
            f'<attvalue for="0" value="{units}"/></attvalues></edge>\n'
        )
    yield "</edges>\n</graph>\n</gexf>\n"


def _node_link_json(regions: Regions) -> Iterator[str]:
    attributes = json.dumps(graph_attributes(regions))
    yield f'{{"directed": false, "multigraph": false, "graph": {attributes},\n"nodes": ['
    for index, pattern, point in graph_nodes(regions):
        values = "".join(f', "x{axis}": {value!r}' for axis, value in enumerate(point))
        yield f'{"," if index else ""}\n{{"id": {index}, "pattern": "{pattern}"{values}}}'
    yield '],\n"edges": ['
    for index, (source, target, units) in enumerate(graph_edges(regions)):
        yield (
            f'{"," if index else ""}\n{{"source": {source}, "target": {target}, '
            f'"units": "{units}"}}'
        )
    yield "]}\n"


_GRAPH_WRITERS: dict[str, Callable[[Regions], Iterator[str]]] = {
    ".graphml": _graphml,
    ".gexf": _gexf,
    ".json": _node_link_json,
}

GRAPH_SUFFIXES = tuple(_GRAPH_WRITERS)


def _xml_type(value: Scalar) -> str:
    names: dict[type, str] = {bool: "boolean", int: "int", float: "double", str: "string"}
    return names[type(value)]


def _xml_text(value: Scalar) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return escape(xml_characters(text))


def _xml_attribute(text: str) -> str:
    return quoteattr(xml_characters(text))
