"""The dual graph of a result: a node for each region, an edge for each shared facet; its paths."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import index as operator_index
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Arrays, Floats, Integers
from polyregions.errors import PartialResultError, PolyregionsError, kind_of, shown
from polyregions.pattern import to_text, unpack
from polyregions.regions.polytopes import region_volumes

if TYPE_CHECKING:
    import networkx as nx

    from polyregions.regions.regions import Regions

__all__ = [
    "Columns",
    "Scalar",
    "attribute_names",
    "graph_attributes",
    "graph_distances",
    "graph_edges",
    "graph_nodes",
    "node_columns",
    "shortest_path",
    "to_networkx",
    "xml_characters",
]


Columns = Mapping[str, NDArray[Any]]
Scalar = str | int | float | bool

_PIECE = 4096  # rows turned into text at a time
_NOT_XML = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_networkx(regions: Regions, attributes: str | Iterable[str] = ()) -> nx.Graph[int]:
    """Return the dual graph.

    Parameters
    ----------
    regions : Regions
    attributes : iterable of str
        Further attributes of nodes: ``"class"``, the largest output at the witness (of one
        output: 1 where it is above zero, else 0); ``"outputs"``, there, as ``y0``, ``y1``, ...;
        ``"gradient"``, as ``dy0_dx0``, ``dy0_dx1``, ...; ``"volume"`` in the free inputs, meant
        for few of them; ``"degree"``, the number of neighbours; ``"position"``, the first three
        free inputs of the witness, as ``x``, ``y``, ``z``. All in floating point.

    Returns
    -------
    networkx.Graph
        Graph attributes ``network``, ``fingerprint``, ``domain``,
        ``hidden_units``, ``complete``, ``proven``. Node attributes ``pattern``
        (hexadecimal text) and ``x0``, ``x1``, ... (the witness). Edge attribute
        ``units``: the units whose sign changes, ``"3"``, or ``"3;7"`` where
        hyperplanes coincide.

    Raises
    ------
    PolyregionsError
        If an attribute is none of these.

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
    >>> regions = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))
    >>> to_networkx(regions, ["volume", "gradient"]).nodes[1]
    {'pattern': '0000000000000001', 'x0': 0.5, 'volume': 1.0, 'dy0_dx0': 1.0}
    """
    import networkx as nx

    columns = node_columns(regions, attributes)
    graph: nx.Graph[int] = nx.Graph()
    graph.graph.update(graph_attributes(regions))
    graph.graph["network"] = xml_characters(regions.network.name)
    for number, values in enumerate(graph_nodes(columns)):
        graph.add_node(number, **dict(zip(columns, values, strict=True)))
    for source, target, units in graph_edges(regions):
        graph.add_edge(source, target, units=units)
    return graph


def node_columns(regions: Regions, attributes: str | Iterable[str]) -> Columns:
    """Return all attributes of nodes by name; see :func:`to_networkx`.

    Packed patterns are of type uint64 and shape (R, W), all else is one number per region.
    """
    names = attribute_names(attributes)
    columns: dict[str, NDArray[Any]] = {"pattern": regions.patterns}
    columns |= {f"x{axis}": column for axis, column in enumerate(regions.witnesses.T)}
    for name in names:
        columns |= _COLUMNS[name](regions)
    return columns


def attribute_names(attributes: str | Iterable[str]) -> list[str]:
    """Return attributes that were asked for as a list.

    Raises
    ------
    PolyregionsError
        If there is no such attribute; see :func:`to_networkx`.
    """
    asked: Any = attributes  # of any type at run time
    names = [asked] if isinstance(asked, str) or not isinstance(asked, Iterable) else [*asked]
    wrong = [name for name in names if not isinstance(name, str) or name not in _COLUMNS]
    if wrong:
        given = wrong[0] if isinstance(wrong[0], str) else kind_of(wrong[0])
        raise PolyregionsError(
            f"attributes of a graph are some of {', '.join(_COLUMNS)}, not {shown(given, 80)}"
        )
    return names


def _class(regions: Regions) -> Arrays:
    outputs = regions.network.forward(regions.witnesses)
    largest = outputs[:, 0] > 0 if outputs.shape[1] == 1 else outputs.argmax(axis=1)
    return {"class": largest.astype(np.int64)}


def _outputs(regions: Regions) -> Arrays:
    outputs = regions.network.forward(regions.witnesses)
    return {f"y{k}": column for k, column in enumerate(outputs.T)}


def _gradient(regions: Regions) -> Arrays:
    network = regions.network
    shape = (len(regions), network.output_dimension, network.input_dimension)
    slopes = np.array([region.affine_map()[0] for region in regions]).reshape(shape)
    return {f"dy{k}_dx{i}": slopes[:, k, i] for k in range(shape[1]) for i in range(shape[2])}


def _volume_column(regions: Regions) -> Arrays:
    return {"volume": region_volumes(regions, np.arange(len(regions)))}


def _degree(regions: Regions) -> Arrays:
    return {"degree": np.bincount(regions.edges.ravel(), minlength=len(regions))}


def _position(regions: Regions) -> Arrays:
    domain = regions.domain
    points = regions.witnesses if domain is None else regions.witnesses[:, domain.free]
    return dict(zip("xyz", points.T, strict=False))


_COLUMNS: dict[str, Callable[[Regions], Arrays]] = {
    "class": _class,
    "outputs": _outputs,
    "gradient": _gradient,
    "volume": _volume_column,
    "degree": _degree,
    "position": _position,
}


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


def graph_nodes(columns: Columns) -> Iterator[tuple[Scalar, ...]]:
    """Yield the plain values of every node, in the order of the columns: patterns as text."""
    for start in range(0, len(columns["pattern"]), _PIECE):
        parts = [_plain(column[start : start + _PIECE]) for column in columns.values()]
        yield from zip(*parts, strict=True)


def _plain(column: NDArray[Any]) -> list[Scalar]:
    values: list[Scalar] = (
        column.tolist() if column.ndim == 1 else [to_text(words) for words in column]
    )
    return values


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


def graph_distances(regions: Regions, start: SupportsIndex) -> Integers:
    """See :meth:`polyregions.Regions.graph_distances`."""
    found, _ = _search(regions, _checked_number(regions, start))
    return np.where(np.isfinite(found), found, -1).astype(np.int64)


def shortest_path(regions: Regions, start: SupportsIndex, end: SupportsIndex) -> list[int]:
    """See :meth:`polyregions.Regions.shortest_path`."""
    first, last = _checked_number(regions, start), _checked_number(regions, end)
    # from the end: what was before a region is then the next one on the way there
    distances, following = _search(regions, last)
    if not np.isfinite(distances[first]):
        raise PartialResultError(
            f"no path leads from region {first} to {last} inside this partial result; enumerate "
            f"more, or search with pr.shortest_path(network, a, b)"
        )
    numbers = [first]
    while numbers[-1] != last:
        numbers.append(int(following[numbers[-1]]))
    return numbers


def _search(regions: Regions, start: int) -> tuple[Floats, Integers]:
    """Return all distances from a region, infinite where no path leads, and the regions before."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    ends = regions.edges.T
    size = len(regions)
    graph = coo_array((np.ones(len(regions.edges)), tuple(ends)), shape=(size, size)).tocsr()
    distances, before = dijkstra(
        graph,
        directed=False,
        indices=np.array([start]),
        unweighted=True,
        return_predecessors=True,
    )
    return distances[0], before[0].astype(np.int64)


def _checked_number(regions: Regions, value: SupportsIndex) -> int:
    try:
        number = operator_index(value)
    except TypeError:
        raise PolyregionsError(
            f"a region is named by its number, not by {kind_of(value)}; that of a point is "
            f"regions.find(x)"
        ) from None
    if not 0 <= number < len(regions):
        hint = "; regions.find(x) is -1 where a point is in no region" if number == -1 else ""
        raise PolyregionsError(
            f"there is no region {number}: this result holds {len(regions)}, numbered from 0{hint}"
        )
    return number
