import json
from dataclasses import replace

import networkx as nx
import pytest

import polyregions as pr
from polyregions.io.graphs import to_networkx, write_graph
from polyregions.pattern import to_text

READERS = {
    ".graphml": lambda path: nx.read_graphml(path, node_type=int),
    ".gexf": lambda path: nx.read_gexf(path, node_type=int),
    ".json": lambda path: nx.node_link_graph(json.loads(path.read_text()), edges="edges"),
}

pytestmark = pytest.mark.parametrize("suffix", READERS)


@pytest.fixture(params=["three_lines", "doubled_line", "deep"])
def regions(request):
    network = request.getfixturevalue(request.param)
    return pr.enumerate_regions(network, pr.Box.cube(network.input_dimension, 1.0))


def test_networkx_reads_back_the_same_graph(regions, suffix, tmp_path):
    path = tmp_path / f"graph{suffix}"
    write_graph(regions, path)
    read = READERS[suffix](path)
    graph = to_networkx(regions)
    assert not read.is_directed()
    assert not read.is_multigraph()
    assert set(read.nodes) == set(range(len(regions)))
    assert {frozenset(edge) for edge in read.edges} == {frozenset(edge) for edge in graph.edges}
    for node, data in read.nodes(data=True):
        assert data["pattern"] == graph.nodes[node]["pattern"] == to_text(regions.patterns[node])
        point = tuple(data[f"x{axis}"] for axis in range(regions.network.input_dimension))
        assert point == graph.nodes[node]["witness"] == tuple(regions.witnesses[node])
    for i, j, data in read.edges(data=True):
        assert data["units"] == ";".join(map(str, graph.edges[i, j]["units"]))


def test_graph_attributes(regions, suffix, tmp_path):
    path = tmp_path / f"graph{suffix}"
    write_graph(replace(regions, complete=False), path)
    read = READERS[suffix](path)
    if suffix == ".gexf":  # the format has no graph attributes but a name and a description
        assert read.graph["name"] == regions.network.name
        assert regions.network.fingerprint in path.read_text()
        assert "complete: false" in path.read_text()
        return
    assert read.graph["network"] == regions.network.name
    assert read.graph["fingerprint"] == regions.network.fingerprint
    assert read.graph["domain"] == regions.domain.expression()
    assert read.graph["hidden_units"] == regions.network.hidden_units
    assert read.graph["complete"] is False
    assert read.graph["proven"] is True


def test_edges_in_memory_carry_all_units(doubled_line, suffix):
    regions = pr.enumerate_regions(doubled_line, pr.Box.cube(2, 1.0))
    graph = regions.to_networkx()
    assert {units for _, _, units in graph.edges(data="units")} == {(0, 1), (2,)}
    for index, edge in enumerate(regions.edges.tolist()):
        assert graph.edges[edge]["units"] == regions.units_of_edge(index)


def test_the_order_of_nodes_and_edges_is_the_result_s(deep, suffix):
    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))
    graph = to_networkx(regions)
    assert list(graph.nodes) == list(range(len(regions)))
    assert sorted(graph.edges) == [tuple(edge) for edge in regions.edges.tolist()]


def test_a_strange_network_name(three_lines, suffix, tmp_path):
    name = 'a "b" <c> & \x07 \udcff é'
    network = pr.Network(three_lines.layers, name=name)
    path = tmp_path / f"graph{suffix}"
    write_graph(pr.enumerate_regions(network, pr.Box.cube(2, 1.0)), path)
    assert READERS[suffix](path).number_of_nodes() == 7


def test_one_region(suffix, tmp_path):
    network = pr.Network.from_arrays([([[1.0]], [5.0]), ([[1.0]], [0.0])])
    path = tmp_path / f"graph{suffix}"
    write_graph(pr.enumerate_regions(network, pr.Box.cube(1, 1.0)), path)
    read = READERS[suffix](path)
    assert (read.number_of_nodes(), read.number_of_edges()) == (1, 0)


def test_another_suffix_is_refused(three_lines, suffix, tmp_path):
    regions = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    with pytest.raises(pr.FormatError, match=r"\.graphml"):
        write_graph(regions, tmp_path / f"graph{suffix}.txt")
    assert not list(tmp_path.iterdir())


def test_pieces_join(deep, suffix, tmp_path, monkeypatch):
    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))
    write_graph(regions, tmp_path / f"whole{suffix}")
    monkeypatch.setattr("polyregions.io.graphs._PIECE", 5)
    write_graph(regions, tmp_path / f"pieces{suffix}")
    assert (tmp_path / f"whole{suffix}").read_bytes() == (tmp_path / f"pieces{suffix}").read_bytes()
