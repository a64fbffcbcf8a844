"""The dual graph of a result: in memory for networkx, or as a file.

Nodes are the indices 0..R-1 of the regions; an edge joins two regions that share
a facet. Files are written in pieces, so that a graph of millions of edges needs
little memory beyond the result itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from math import isfinite
from os import PathLike
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from polyregions.files.atomic import atomic_write
from polyregions.files.reading import known_suffix
from polyregions.regions import Regions, check_regions
from polyregions.regions.graph import (
    Columns,
    Scalar,
    graph_attributes,
    graph_edges,
    graph_nodes,
    node_columns,
    xml_characters,
)

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["GRAPH_SUFFIXES", "to_networkx", "write_graph"]

_SPREAD = 1000.0  # how wide a GEXF file draws a graph: Gephi's nodes are 10 wide, as it is
_XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def to_networkx(regions: Regions) -> nx.Graph[int]:
    """Return the dual graph of a result: :meth:`polyregions.Regions.to_networkx`."""
    check_regions(regions)
    return regions.to_networkx()


def write_graph(
    regions: Regions, path: str | PathLike[str], attributes: str | Iterable[str] = ()
) -> None:
    """Write the dual graph to a file, whole or not at all.

    Parameters
    ----------
    regions : Regions
    path : str or path-like
        ``.graphml``, ``.gexf`` or ``.json`` (node-link data).
    attributes : iterable of str
        Further attributes of nodes, as :meth:`polyregions.Regions.to_networkx` takes them.

    Raises
    ------
    FormatError
        If the name has another suffix.
    PolyregionsError
        If there is no such attribute.

    Notes
    -----
    Attributes are those of :meth:`polyregions.Regions.to_networkx`, and ``label``, the number of
    a region as text. GEXF has no graph attributes, so there they stand in the description. With
    at most three free inputs, or if ``"position"`` is asked for, GEXF says where a node lies
    (``viz:position``: the witness's first three free inputs, moved and scaled to about 1,000
    units across), so that Gephi draws the graph as the regions lie; ``viz:size`` grows with the
    number of neighbors.

    JSON has no infinite numbers: there the volume of an unbounded region is ``null``.

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
    columns = node_columns(regions, attributes)
    with atomic_write(path) as stream:
        for piece in writer(regions, columns):
            # a file name that is not valid Unicode may have given the network its name
            stream.write(piece.encode("utf-8", errors="replace"))


def _graphml(regions: Regions, columns: Columns) -> Iterator[str]:
    graph = graph_attributes(regions)
    keys = [("graph", name, _xml_type(value)) for name, value in graph.items()]
    keys += [("node", "label", "string")]
    keys += [("node", name, _column_type(column)) for name, column in columns.items()]
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
    node_keys = [ids["node", name] for name in ("label", *columns)]
    for index, values in enumerate(graph_nodes(columns)):
        data = "".join(
            f'<data key="{key}">{_xml_text(value)}</data>'
            for key, value in zip(node_keys, (index, *values), strict=True)
        )
        yield f'<node id="{index}">{data}</node>\n'
    units_key = ids["edge", "units"]
    for source, target, units in graph_edges(regions):
        yield (
            f'<edge source="{source}" target="{target}">'
            f'<data key="{units_key}">{units}</data></edge>\n'
        )
    yield "</graph>\n</graphml>\n"


def _gexf(regions: Regions, columns: Columns) -> Iterator[str]:
    graph = graph_attributes(regions)
    description = "; ".join(f"{name}: {_xml_text(value)}" for name, value in graph.items())
    yield (
        f'{_XML_HEAD}<gexf xmlns="http://www.gexf.net/1.2draft" '
        f'xmlns:viz="http://www.gexf.net/1.2draft/viz" version="1.2">\n'
        f"<meta><creator>polyregions</creator>"
        f"<description>{description}</description></meta>\n"
        f'<graph mode="static" defaultedgetype="undirected" '
        f"name={_xml_attribute(regions.network.name)}>\n"
        f'<attributes class="node" mode="static">\n'
    )
    for number, (name, column) in enumerate(columns.items()):
        kind = _column_type(column).replace("int", "integer")
        yield f'<attribute id="{number}" title="{name}" type="{kind}"/>\n'
    yield (
        '</attributes>\n<attributes class="edge" mode="static">\n'
        '<attribute id="0" title="units" type="string"/>\n</attributes>\n<nodes>\n'
    )
    drawn = _layout_of_nodes(regions, "x" in columns)
    for index, (values, viz) in enumerate(zip(graph_nodes(columns), drawn, strict=True)):
        data = "".join(
            f'<attvalue for="{number}" value="{_xml_text(value)}"/>'
            for number, value in enumerate(values)
        )
        yield f'<node id="{index}" label="{index}"><attvalues>{data}</attvalues>{viz}</node>\n'
    yield "</nodes>\n<edges>\n"
    for index, (source, target, units) in enumerate(graph_edges(regions)):
        yield (
            f'<edge id="{index}" source="{source}" target="{target}"><attvalues>'
            f'<attvalue for="0" value="{units}"/></attvalues></edge>\n'
        )
    yield "</edges>\n</graph>\n</gexf>\n"


def _layout_of_nodes(regions: Regions, placed: bool) -> Iterator[str]:
    """Yield where a GEXF file draws each node, if anywhere, and how large."""
    columns, size = node_columns(regions, ["position", "degree"]), len(regions)
    if not size:
        return
    degrees = columns["degree"].astype(np.float64)
    places = np.array([columns.get(axis, np.zeros(size)) for axis in "xyz"])
    # nodes of one region's width, about, where regions are spread evenly
    sizes = np.sqrt(degrees / max(1.0, degrees.mean())) * _SPREAD / (4 * np.sqrt(size))
    low, high = places.min(axis=1, keepdims=True), places.max(axis=1, keepdims=True)
    widest = (high / 2 - low / 2).max()  # halves: the sum of two floats may overflow
    at = (places / 2 - (low / 4 + high / 4)) * (_SPREAD / widest) if widest > 0 else 0 * places
    placed = placed or _few_inputs(regions)
    for (x, y, z), width in zip(at.T.tolist(), sizes.tolist(), strict=True):
        place = f'<viz:position x="{x!r}" y="{y!r}" z="{z!r}"/>' if placed else ""
        yield f'<viz:size value="{width!r}"/>{place}'


def _few_inputs(regions: Regions) -> bool:
    domain = regions.domain
    return (regions.network.input_dimension if domain is None else len(domain.free)) <= 3


def _node_link_json(regions: Regions, columns: Columns) -> Iterator[str]:
    attributes = json.dumps(graph_attributes(regions))
    yield f'{{"directed": false, "multigraph": false, "graph": {attributes},\n"nodes": ['
    for index, values in enumerate(graph_nodes(columns)):
        data = "".join(
            f', "{name}": {_json_text(value)}' for name, value in zip(columns, values, strict=True)
        )
        yield f'{"," if index else ""}\n{{"id": {index}, "label": "{index}"{data}}}'
    yield '],\n"edges": ['
    for index, (source, target, units) in enumerate(graph_edges(regions)):
        yield (
            f'{"," if index else ""}\n{{"source": {source}, "target": {target}, '
            f'"units": "{units}"}}'
        )
    yield "]}\n"


_GRAPH_WRITERS: dict[str, Callable[[Regions, Columns], Iterator[str]]] = {
    ".graphml": _graphml,
    ".gexf": _gexf,
    ".json": _node_link_json,
}

GRAPH_SUFFIXES = tuple(_GRAPH_WRITERS)


def _xml_type(value: Scalar) -> str:
    names: dict[type, str] = {bool: "boolean", int: "int", float: "double", str: "string"}
    return names[type(value)]


def _column_type(column: NDArray[Any]) -> str:
    return "string" if column.ndim > 1 else _xml_type(column.dtype.type(0).item())


def _xml_text(value: Scalar) -> str:
    if isinstance(value, float):
        # as Java writes and reads it, and Python reads it, too
        return repr(value) if isfinite(value) else str(value).replace("inf", "Infinity")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return escape(xml_characters(text))


def _json_text(value: Scalar) -> str:
    return "null" if isinstance(value, float) and not isfinite(value) else json.dumps(value)


def _xml_attribute(text: str) -> str:
    return quoteattr(xml_characters(text))
