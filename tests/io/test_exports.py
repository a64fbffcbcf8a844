"""Every export is read back by its own ecosystem's reader."""

import csv
import json
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest

import polyregions as pr
from polyregions.analysis.adjacency import (
    adjacency,
    degrees,
    distance_statistics,
    facet_unit,
    region_of,
    shortest_path,
    walk_layers,
)
from polyregions.analysis.corners import solids
from polyregions.analysis.volumes import volumes
from polyregions.io.graphs import write_graph
from polyregions.io.meshes import write_mesh
from polyregions.io.tables import edge_table, region_table, write_table
from polyregions.pattern import to_text


@pytest.fixture(scope="module")
def regions(doubled_line):
    return pr.enumerate_regions(doubled_line, pr.Box.cube(2, 1.0))


@pytest.fixture(scope="module")
def cells(deep):
    return pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))


def test_tables_as_parquet(regions, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    sizes = volumes(regions)
    write_table(region_table(regions, volume=sizes), tmp_path / "regions.parquet")
    read = parquet.read_table(tmp_path / "regions.parquet").to_pydict()
    assert read["volume"] == sizes.tolist()
    assert read["pattern"] == [to_text(words) for words in regions.patterns]
    np.testing.assert_array_equal(np.column_stack([read["x0"], read["x1"]]), regions.witnesses)
    write_table(edge_table(regions), tmp_path / "edges.parquet")
    read = parquet.read_table(tmp_path / "edges.parquet").to_pydict()
    assert list(zip(read["source"], read["target"], strict=True)) == [
        tuple(edge) for edge in regions.edges.tolist()
    ]
    assert set(read["units"]) == {"0;1", "2"}


def test_tables_as_csv(regions, tmp_path):
    write_table(region_table(regions), tmp_path / "regions.csv")
    with (tmp_path / "regions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["x1"]) for row in rows] == regions.witnesses[:, 1].tolist()
    assert [int(row["degree"]) for row in rows] == degrees(regions).tolist()


def test_tables_as_npz(regions, tmp_path):
    write_table(edge_table(regions), tmp_path / "edges.npz")
    with np.load(tmp_path / "edges.npz", allow_pickle=False) as read:
        np.testing.assert_array_equal(read["source"], regions.edges[:, 0])
        assert read["units"].tolist() == edge_table(regions)["units"].tolist()


def test_tables_that_cannot_be(regions, tmp_path):
    with pytest.raises(pr.FormatError, match="no known table format"):
        write_table(edge_table(regions), tmp_path / "edges.xls")
    with pytest.raises(pr.FormatError, match="column 'volume' has shape"):
        region_table(regions, volume=[1.0])


def test_a_missing_pyarrow_names_the_extra(regions, tmp_path, monkeypatch):
    import importlib

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(pr.MissingExtraError, match=r"polyregions\[parquet\]"):
        write_table(edge_table(regions), tmp_path / "edges.parquet")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", ["graphml", "gexf", "json"])
def test_graphs_are_read_by_networkx(regions, tmp_path, suffix):
    path = tmp_path / f"graph.{suffix}"
    write_graph(regions, path)
    if suffix == "graphml":
        graph = nx.read_graphml(path, node_type=int)
    elif suffix == "gexf":
        graph = nx.read_gexf(path, node_type=int)
    else:
        graph = nx.node_link_graph(json.loads(path.read_text()), edges="edges")
    assert {tuple(sorted(edge)) for edge in graph.edges} == set(map(tuple, regions.edges.tolist()))
    assert [graph.nodes[i]["pattern"] for i in range(len(regions))] == [
        to_text(words) for words in regions.patterns
    ]
    assert {data["units"] for *_, data in graph.edges(data=True)} == {"0;1", "2"}


def test_the_sparse_matrix_is_read_by_scipy(regions, tmp_path):
    import scipy.sparse as sp

    sp.save_npz(tmp_path / "matrix.npz", adjacency(regions))
    read = sp.load_npz(tmp_path / "matrix.npz")
    upper = np.argwhere(np.triu(read.toarray()))
    np.testing.assert_array_equal(upper, regions.edges)
    np.testing.assert_array_equal(read.toarray(), read.toarray().T)


@pytest.mark.slow
def test_solids_are_read_by_meshio(cells, tmp_path):
    meshio = pytest.importorskip("meshio", reason="meshio is not installed")
    bodies, sizes = solids(cells), volumes(cells)
    # meshio mixes up the data of polyhedra unless equal numbers of corners come together
    together = sorted(range(len(bodies)), key=lambda k: len(bodies[k].points))
    bodies, sizes = [bodies[k] for k in together], sizes[together]
    write_mesh(bodies, tmp_path / "cells.vtu", volume=sizes, region=np.arange(len(cells)))
    read = meshio.read(tmp_path / "cells.vtu")
    assert sum(len(block.data) for block in read.cells) == len(cells)
    assert {block.type[:10] for block in read.cells} == {"polyhedron"}
    found = np.sort(np.concatenate(read.cell_data["volume"]))
    np.testing.assert_array_equal(found, np.sort(sizes))
    # the volume of each cell from its faces as they were read (divergence theorem)
    recomputed = [signed_volume(read.points, faces) for block in read.cells for faces in block.data]
    np.testing.assert_allclose(np.sort(recomputed), np.sort(sizes), atol=1e-12)

    colors = np.tile([10, 20, 30], (len(cells), 1))
    write_mesh(bodies, tmp_path / "cells.ply", colors=colors)
    read = meshio.read(tmp_path / "cells.ply")
    faces = [face for block in read.cells for face in block.data]
    assert len(faces) == sum(len(face) - 2 for body in bodies for face in body.faces)
    assert signed_volume(read.points, faces) == pytest.approx(8.0)


def signed_volume(points, faces):
    total = 0.0
    for face in faces:
        first, *rest = (points[k] for k in face)
        for b, c in pairwise(rest):
            total += np.dot(first, np.cross(b, c)) / 6
    return total


def test_solids_need_three_inputs(regions, tmp_path):
    with pytest.raises(pr.DomainError, match="three free inputs"):
        solids(regions)
    with pytest.raises(pr.FormatError, match="no known mesh format"):
        write_mesh([], tmp_path / "cells.stl")


def test_statistics_of_the_graph(cells):
    graph = nx.Graph(cells.edges.tolist())
    lengths = dict(nx.all_pairs_shortest_path_length(graph))
    size = len(cells)
    every = [lengths[i][j] for i in range(size) for j in range(size) if i != j]
    found = distance_statistics(cells)
    assert found.largest == max(every)
    assert found.mean == pytest.approx(np.mean(every))
    assert found.sources == size
    assert distance_statistics(cells, sources=3).largest <= max(every)
    assert degrees(cells).tolist() == [graph.degree[i] for i in range(size)]


def test_ways_between_inputs(cells):
    x, y = [0.9, 0.8, 0.7], [-0.9, -0.6, -0.8]
    start, end = region_of(cells, x), region_of(cells, y)
    path = shortest_path(cells, start, end)
    layers = walk_layers(cells, start)
    assert path[0] == start
    assert path[-1] == end
    assert len(path) - 1 == layers[end] > 2
    pairs = set(map(tuple, cells.edges.tolist()))
    assert all(tuple(sorted(step)) in pairs for step in pairwise(path))
    assert layers[start] == 0
    assert (np.abs(np.diff(layers[cells.edges], axis=1)) <= 1).all()


def test_inputs_in_no_region(cells, three_lines):
    with pytest.raises(pr.DomainError, match="outside"):
        region_of(cells, [2.0, 0.0, 0.0])
    square = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0), max_regions=1)
    missing = [-x for x in square.witnesses[0]]
    with pytest.raises(pr.DomainError, match="no region of this result"):
        region_of(square, missing)


def test_the_lowest_unit_of_an_edge(regions):
    assert [regions.units_of_edge(e)[0] for e in range(len(regions.edges))] == facet_unit(
        regions
    ).tolist()


@pytest.mark.parametrize("suffix", ["csv", "npz"])
def test_a_report_is_a_table(suffix, tmp_path):
    """A structured array where pandas is absent, else a DataFrame; columns read back alike."""
    net = pr.Network.from_arrays([([[1.0], [-1.0]], [0.0, 0.25]), ([[1, 1]], [0])])
    regions = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))
    report = regions.report([[0.1], [0.6]], [1.0, 2.0]).regions
    names = list(report.dtype.names if isinstance(report, np.ndarray) else report)
    columns = {name: np.asarray(report[name]) for name in names}
    structured = np.rec.fromarrays(list(columns.values()), names=names)
    for number, table in enumerate((report, structured, columns)):
        write_table(table, tmp_path / f"{number}.{suffix}")
    first, *others = (tmp_path / f"{number}.{suffix}" for number in range(3))
    if suffix == "csv":
        assert first.read_text().splitlines()[0].split(",") == names
        assert len(first.read_text().splitlines()) == 1 + len(report)
        assert {other.read_text() for other in others} == {first.read_text()}
    else:
        with np.load(first) as read:
            assert list(read) == names
            assert all(np.array_equal(read[n], columns[n], equal_nan=True) for n in names)
    for wrong in (3, None, [1], np.zeros(3)):
        with pytest.raises(pr.FormatError, match="a table is a mapping"):
            write_table(wrong, tmp_path / f"wrong.{suffix}")


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".parquet"])
def test_columns_of_any_name_have_one_length(tmp_path, suffix):
    table = {"file": np.arange(3), "allow_pickle": np.arange(3) * 0.5}
    write_table(table, tmp_path / f"table{suffix}")
    if suffix == ".npz":
        with np.load(tmp_path / "table.npz") as saved:
            assert {name: saved[name].tolist() for name in saved} == {
                name: column.tolist() for name, column in table.items()
            }
    with pytest.raises(pr.FormatError, match="one length"):
        write_table(table | {"short": np.arange(2)}, tmp_path / f"other{suffix}")
