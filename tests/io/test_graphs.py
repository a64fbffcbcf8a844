import json
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest

import polyregions as pr
from polyregions.io.graphs import to_networkx, write_graph
from polyregions.pattern import to_text

READERS = {
    ".graphml": lambda path: nx.read_graphml(path, node_type=int),
    ".gexf": lambda path: nx.read_gexf(path, node_type=int),
    ".json": lambda path: nx.node_link_graph(json.loads(path.read_text()), edges="edges"),
}

STRANGE = 'a "b" <c> & \x07 \udcff é'

each_suffix = pytest.mark.parametrize("suffix", READERS)

# what networkx writes graphs with, and how it reads each back where it can
WRITERS = {
    "adjlist": (nx.write_adjlist, lambda path: nx.read_adjlist(path, nodetype=int)),
    "edgelist": (nx.write_edgelist, lambda path: nx.read_edgelist(path, nodetype=int)),
    "gexf": (nx.write_gexf, READERS[".gexf"]),
    "gml": (nx.write_gml, lambda path: nx.read_gml(path, destringizer=int)),
    "graph6": (nx.write_graph6, nx.read_graph6),
    "graphml": (nx.write_graphml, READERS[".graphml"]),
    "graphml_lxml": (nx.write_graphml_lxml, READERS[".graphml"]),
    "graphml_xml": (nx.write_graphml_xml, READERS[".graphml"]),
    "latex": (lambda graph, path: nx.write_latex(graph, path, pos=nx.circular_layout(graph)), None),
    "multiline_adjlist": (
        nx.write_multiline_adjlist,
        lambda path: nx.read_multiline_adjlist(path, nodetype=int),
    ),
    "network_text": (lambda graph, path: nx.write_network_text(graph, str(path)), None),
    "pajek": (nx.write_pajek, lambda path: nx.Graph(nx.read_pajek(path))),
    "sparse6": (nx.write_sparse6, nx.read_sparse6),
    "weighted_edgelist": (
        nx.write_weighted_edgelist,
        lambda path: nx.read_weighted_edgelist(path, nodetype=int),
    ),
}
# these keep the attributes of edges
ATTRIBUTED = {"edgelist", "gexf", "gml", "multiline_adjlist", "pajek"}
ATTRIBUTED |= {name for name in WRITERS if name.startswith("graphml")}


@pytest.fixture(params=["three_lines", "doubled_line", "deep"])
def regions(request):
    network = request.getfixturevalue(request.param)
    return pr.enumerate_regions(network, pr.Box.cube(network.input_dimension, 1.0))


@each_suffix
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
        for axis, value in enumerate(regions.witnesses[node]):
            assert data[f"x{axis}"] == graph.nodes[node][f"x{axis}"] == value
    for i, j, data in read.edges(data=True):
        assert data["units"] == graph.edges[i, j]["units"]


@each_suffix
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


def test_edges_in_memory_carry_all_units(doubled_line):
    regions = pr.enumerate_regions(doubled_line, pr.Box.cube(2, 1.0))
    graph = regions.to_networkx()
    assert {units for _, _, units in graph.edges(data="units")} == {"0;1", "2"}
    for index, edge in enumerate(regions.edges.tolist()):
        units = tuple(int(unit) for unit in graph.edges[edge]["units"].split(";"))
        assert units == regions.units_of_edge(index)


# Pajek keeps texts only, and warns about numbers
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Node attribute x. is not processed:UserWarning")
@pytest.mark.parametrize("writer", WRITERS)
def test_every_writer_of_networkx_takes_the_graph(regions, writer, tmp_path):
    graph = regions.to_networkx()
    write, read = WRITERS[writer]
    write(graph, tmp_path / "graph")
    assert (tmp_path / "graph").stat().st_size > 0
    if read is None:
        return
    back = read(tmp_path / "graph")
    if writer == "pajek":  # whose nodes are texts
        back = nx.relabel_nodes(back, int)
    assert {frozenset(edge) for edge in back.edges} == {frozenset(edge) for edge in graph.edges}
    if writer in ATTRIBUTED:
        for i, j, units in graph.edges(data="units"):
            assert str(back.edges[i, j]["units"]) == units


def test_networkx_makes_json_of_the_graph(regions):
    graph = regions.to_networkx()
    text = json.dumps(nx.node_link_data(graph, edges="edges"), allow_nan=False)
    back = nx.node_link_graph(json.loads(text), edges="edges")
    assert nx.utils.graphs_equal(back, graph)
    json.dumps(nx.cytoscape_data(graph), allow_nan=False)
    json.dumps(nx.adjacency_data(graph), allow_nan=False)


@pytest.mark.parametrize("writer", ["graphml", "gexf", "gml", "edgelist", "pajek"])
@pytest.mark.filterwarnings("ignore:Node attribute x. is not processed:UserWarning")
def test_writers_take_a_strange_name(three_lines, writer, tmp_path):
    network = pr.Network(three_lines.layers, name=STRANGE)
    graph = pr.enumerate_regions(network, pr.Box.cube(2, 1.0)).to_networkx()
    write, read = WRITERS[writer]
    write(graph, tmp_path / "graph")
    assert read(tmp_path / "graph").number_of_nodes() == 7


def test_the_order_of_nodes_and_edges_is_the_result_s(deep):
    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))
    graph = to_networkx(regions)
    assert list(graph.nodes) == list(range(len(regions)))
    assert sorted(graph.edges) == [tuple(edge) for edge in regions.edges.tolist()]


@each_suffix
def test_a_strange_network_name(three_lines, suffix, tmp_path):
    network = pr.Network(three_lines.layers, name=STRANGE)
    path = tmp_path / f"graph{suffix}"
    write_graph(pr.enumerate_regions(network, pr.Box.cube(2, 1.0)), path)
    assert READERS[suffix](path).number_of_nodes() == 7


@each_suffix
def test_one_region(suffix, tmp_path):
    network = pr.Network.from_arrays([([[1.0]], [5.0]), ([[1.0]], [0.0])])
    path = tmp_path / f"graph{suffix}"
    write_graph(pr.enumerate_regions(network, pr.Box.cube(1, 1.0)), path)
    read = READERS[suffix](path)
    assert (read.number_of_nodes(), read.number_of_edges()) == (1, 0)


@each_suffix
def test_another_suffix_is_refused(three_lines, suffix, tmp_path):
    regions = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    with pytest.raises(pr.FormatError, match=r"\.graphml"):
        write_graph(regions, tmp_path / f"graph{suffix}.txt")
    assert not list(tmp_path.iterdir())


@each_suffix
def test_pieces_join(deep, suffix, tmp_path, monkeypatch):
    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))
    write_graph(regions, tmp_path / f"whole{suffix}")
    monkeypatch.setattr("polyregions.regions.graph._PIECE", 5)
    write_graph(regions, tmp_path / f"pieces{suffix}")
    assert (tmp_path / f"whole{suffix}").read_bytes() == (tmp_path / f"pieces{suffix}").read_bytes()


EVERY = ["class", "outputs", "gradient", "volume", "degree", "position"]


@each_suffix
def test_attributes_are_those_in_memory(regions, suffix, tmp_path):
    regions = regions[:12]
    path = tmp_path / f"graph{suffix}"
    pr.write_graph(regions, path, EVERY)
    read, expected = READERS[suffix](path), regions.to_networkx(EVERY)
    assert set(read) == set(expected)
    for number, data in read.nodes(data=True):
        here = dict(data)
        assert here.pop("label") == str(number)
        if suffix == ".gexf":
            here.pop("viz")
        assert here == expected.nodes[number]
        assert {key: type(value) for key, value in here.items()} == {
            key: type(value) for key, value in expected.nodes[number].items()
        }


@each_suffix
def test_an_infinite_volume(three_lines, suffix, tmp_path):
    path = tmp_path / f"graph{suffix}"
    pr.write_graph(pr.enumerate_regions(three_lines, None), path, "volume")
    sizes = [size for _, size in READERS[suffix](path).nodes(data="volume")]
    finite = [size for size in sizes if size not in (None, float("inf"))]
    assert finite == [0.125]
    assert sizes.count(None if suffix == ".json" else float("inf")) == 6
    text = path.read_text()
    if suffix == ".json":
        # a strict reader takes it: JSON has no word for infinity
        json.loads(text, parse_constant=pytest.fail)
    else:
        assert text.count("Infinity") == 6  # as Gephi, which is Java, reads it
        assert ">inf<" not in text


def test_gephi_is_told_where_nodes_lie(deep, three_lines, tmp_path):
    for network in (deep, three_lines):
        regions = pr.enumerate_regions(network, pr.Box.cube(network.input_dimension, 1.0))
        pr.write_graph(regions, tmp_path / "graph.gexf")
        nodes = READERS[".gexf"](tmp_path / "graph.gexf").nodes(data="viz")
        places = np.array([[viz["position"][axis] for axis in "xyz"] for _, viz in nodes])
        shape = regions.witnesses - regions.witnesses.mean(axis=0)
        n = network.input_dimension
        drawn = places[:, :n] - places[:, :n].mean(axis=0)
        scale = 1000 / np.ptp(regions.witnesses, axis=0).max()
        np.testing.assert_allclose(drawn, scale * shape, atol=1e-9)
        assert np.ptp(places, axis=0).max() == pytest.approx(1000)
        assert (places[:, n:] == 0).all()
        sizes = np.array([viz["size"] for _, viz in nodes])
        degrees = np.bincount(regions.edges.ravel(), minlength=len(regions))
        np.testing.assert_allclose(sizes**2 / degrees, (sizes**2 / degrees)[0])


def test_places_in_many_inputs_are_written_if_asked_for(tmp_path):
    network = pr.Network.from_arrays([([[1.0, 1, 0, 1]], [0.25]), ([[1.0]], [0.0])])
    regions = pr.enumerate_regions(network, pr.Box.cube(4, 1.0))
    for names, there in ((), False), ("degree", False), ("position", True):
        pr.write_graph(regions, tmp_path / "graph.gexf", names)
        assert ("viz:position" in (tmp_path / "graph.gexf").read_text()) == there


@each_suffix
def test_no_region_and_no_attribute_of_that_name(three_lines, suffix, tmp_path):
    regions = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    pr.write_graph(regions[:0], tmp_path / f"none{suffix}", EVERY)
    assert len(READERS[suffix](tmp_path / f"none{suffix}")) == 0
    with pytest.raises(pr.PolyregionsError, match="class, outputs, gradient"):
        pr.write_graph(regions, tmp_path / f"graph{suffix}", ["clas"])
    assert not (tmp_path / f"graph{suffix}").exists()
