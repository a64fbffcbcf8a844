"""Attributes of the graph's nodes, against the functions that know them otherwise."""

import networkx as nx
import numpy as np
import pytest

import polyregions as pr
from polyregions.analysis.adjacency import degrees
from polyregions.analysis.volumes import volumes

EVERY = ["class", "outputs", "gradient", "volume", "degree", "position"]


@pytest.fixture(scope="module")
def regions():
    rng = np.random.default_rng(5)
    network = pr.Network.from_arrays(
        [(rng.normal(size=(5, 3)), rng.normal(size=5) / 4), (rng.normal(size=(2, 5)), [0.0, 0.1])]
    )
    return pr.enumerate_regions(network, pr.Box([-1, 0.25, -2], [1, 0.25, 3]))


def test_values(regions):
    graph = regions.to_networkx(EVERY)
    outputs = regions.network.forward(regions.witnesses)
    size, degree = volumes(regions), degrees(regions)
    for k, node in graph.nodes(data=True):
        assert node["class"] == outputs[k].argmax()
        assert [node["y0"], node["y1"]] == outputs[k].tolist()
        matrix, _ = regions[k].affine_map()
        slopes = [[node[f"dy{i}_dx{j}"] for j in range(3)] for i in range(2)]
        assert slopes == matrix.tolist()
        assert node["volume"] == size[k]
        assert node["degree"] == degree[k] == graph.degree[k]
        assert [node["x"], node["y"]] == regions.witnesses[k, [0, 2]].tolist()
        assert "z" not in node
        assert {type(value) for value in node.values()} == {int, float, str}


def test_one_output_is_above_zero_or_not(three_lines):
    regions = pr.enumerate_regions(three_lines, None)
    graph = regions.to_networkx("class")
    expected = (three_lines.forward(regions.witnesses)[:, 0] > 0).astype(int)
    assert [graph.nodes[k]["class"] for k in range(7)] == expected.tolist()
    assert set(expected) == {0, 1}
    sizes = [graph["volume"] for _, graph in regions.to_networkx(["volume"]).nodes(data=True)]
    assert sorted(sizes)[0] == 0.125
    assert sorted(sizes)[1:] == [np.inf] * 6


def test_without_attributes_nothing_changes(regions):
    node = regions.to_networkx().nodes[0]
    assert list(node) == ["pattern", "x0", "x1", "x2"]
    assert list(regions[:0].to_networkx(EVERY)) == []


@pytest.mark.parametrize("suffix", ["graphml", "gexf"])
def test_writers_of_networkx_take_them(regions, tmp_path, suffix):
    graph = regions.to_networkx(EVERY)
    path = tmp_path / f"graph.{suffix}"
    getattr(nx, f"write_{suffix}")(graph, path)
    again = getattr(nx, f"read_{suffix}")(path, node_type=int)
    for k, node in graph.nodes(data=True):
        assert node.items() <= again.nodes[k].items()


@pytest.mark.parametrize("wrong", ["colour", ["class", "size"], 3, [3], None, [None]], ids=str)
def test_what_is_no_attribute(regions, wrong):
    with pytest.raises(pr.PolyregionsError, match="some of class, outputs, gradient, volume"):
        regions.to_networkx(wrong)
