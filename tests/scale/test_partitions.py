"""Results as folders of Parquet tables, against the same results in memory."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from random_nets import FAMILIES, random_case
from slivers import slivers

import polyregions as pr
from polyregions.cli import main
from polyregions.errors import FormatError, MissingExtraError
from polyregions.io import save_network
from polyregions.io.partitions import open_partitions
from polyregions.pattern import to_text
from polyregions.scale import enumerate_to_file

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "parquet.md"


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """Power does not fail in a test."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


@pytest.fixture
def many_parts(monkeypatch):
    """Small parts, so that edges cross from one to another."""
    monkeypatch.setattr("polyregions.scale.assembly.LEAST_PART", 16)


def assert_same(left: pr.Regions, right: pr.Regions) -> None:
    for field in ("patterns", "witnesses", "edges"):
        assert getattr(left, field).dtype == getattr(right, field).dtype
        np.testing.assert_array_equal(getattr(left, field), getattr(right, field))
    assert left.summary() == right.summary()
    assert dict(left.exact_witnesses) == dict(right.exact_witnesses)
    assert left.network.fingerprint == right.network.fingerprint
    assert left.network.name == right.network.name
    assert left.domain == right.domain


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(2))
def test_round_trip(family, seed, tmp_path, many_parts):
    net, box = random_case(family, seed, units=10)
    written = enumerate_to_file(net, box, tmp_path / "out.parquet", interval=0)
    regions = pr.enumerate_regions(net, box)
    assert (written.regions, written.edges) == (len(regions), len(regions.edges))
    assert_same(pr.open_regions(tmp_path / "out.parquet"), regions)


@pytest.mark.slow
def test_regions_too_thin_for_floats(tmp_path, many_parts):
    thin = 0
    for number, (_, net, box) in enumerate(slivers()):
        regions = pr.enumerate_regions(net, box)
        if regions.exact_witnesses:
            enumerate_to_file(net, box, tmp_path / f"{number}.parquet")
            assert_same(pr.open_regions(tmp_path / f"{number}.parquet"), regions)
            thin += len(regions.exact_witnesses)
    assert thin > 5


def test_more_than_one_word(tmp_path, many_parts):
    rng = np.random.default_rng(0)
    layers = [(rng.normal(size=(70, 2)), rng.normal(size=70)), (np.ones((1, 70)), [0.0])]
    net, box = pr.Network.from_arrays(layers), pr.Box.cube(2, 0.5)
    enumerate_to_file(net, box, tmp_path / "out.parquet")
    assert_same(pr.open_regions(tmp_path / "out.parquet"), pr.enumerate_regions(net, box))


def test_a_partial_result(deep, tmp_path, many_parts):
    box = pr.Box.cube(3, 1.0)
    written = enumerate_to_file(deep, box, tmp_path / "out.parquet", max_regions=100)
    assert not written.complete
    assert_same(
        pr.open_regions(tmp_path / "out.parquet"), pr.enumerate_regions(deep, box, max_regions=100)
    )
    assert not json.loads((tmp_path / "out.parquet" / "manifest.json").read_bytes())["complete"]


# the tables themselves


@pytest.fixture
def result(deep, tmp_path, many_parts):
    enumerate_to_file(deep, pr.Box.cube(3, 1.0), tmp_path / "deep.parquet")
    return tmp_path / "deep.parquet"


def test_columns(deep, result):
    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))
    table = parquet.read_table(result / "regions")
    assert table.column_names == ["region", "pattern", "x0", "x1", "x2", "flags", "exact"]
    assert table["region"].to_pylist() == list(range(len(regions)))
    assert [text.hex() for text in table["pattern"].to_pylist()] == list(
        map(to_text, regions.patterns)
    )
    np.testing.assert_array_equal(table["x1"].to_numpy(), regions.witnesses[:, 1])
    edges = parquet.read_table(result / "edges")
    assert edges.column_names == ["source", "target", "unit", "units"]
    for edge, row in enumerate(edges.to_pylist()):
        units = regions.units_of_edge(edge)
        assert (row["source"], row["target"]) == tuple(regions.edges[edge])
        assert row["unit"] == units[0]
        assert row["units"] == (list(units) if len(units) > 1 else None)
    assert edges["units"].null_count == len(edges)


def test_units_of_coinciding_hyperplanes(doubled_line, tmp_path):
    box = pr.Box.cube(2, 1.0)
    enumerate_to_file(doubled_line, box, tmp_path / "out.parquet")
    regions = pr.enumerate_regions(doubled_line, box)
    edges = parquet.read_table(tmp_path / "out.parquet" / "edges").to_pylist()
    expected = [regions.units_of_edge(edge) for edge in range(len(regions.edges))]
    assert [tuple(row["units"] or [row["unit"]]) for row in edges] == expected
    assert (0, 1) in expected


def test_manifest(deep, result):
    manifest = json.loads((result / "manifest.json").read_bytes())
    regions = pr.open_regions(result)
    assert manifest["regions"] == len(regions)
    assert manifest["edges"] == len(regions.edges)
    assert manifest["network"]["fingerprint"] == deep.fingerprint
    assert manifest["domain"] == {"lower": [-1.0] * 3, "upper": [1.0] * 3}
    parts = manifest["parts"]
    assert len(parts["regions"]) > 3
    ends = np.cumsum([part["rows"] for part in parts["regions"]])
    assert [part["first"] for part in parts["regions"]] == [0, *ends[:-1]]
    # an edge stands with its source
    for part, place in zip(parts["edges"], parts["regions"], strict=True):
        sources = parquet.read_table(result / part["file"])["source"].to_numpy()
        assert ((sources >= place["first"]) & (sources < place["first"] + place["rows"])).all()


def test_a_result_is_replaced_whole(three_lines, deep, result):
    enumerate_to_file(three_lines, pr.Box.cube(2, 1.0), result)
    assert len(pr.open_regions(result)) == 7
    assert sorted(path.name for path in result.parent.iterdir()) == ["deep.parquet"]


def test_the_page_of_the_docs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    rng = np.random.default_rng(0)
    layers = [(rng.normal(size=(8, 4)), rng.normal(size=8) / 3), (np.ones((1, 8)), [0.0])]
    save_network(pr.Network.from_arrays(layers), "net.npz")
    assert main(["enumerate", "net.npz", "-o", "net.parquet"]) == 0
    snippets = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    ran = []
    for snippet in snippets:
        needed = set(re.findall(r"import (pandas|duckdb|pyarrow)", snippet))
        if needed - {"pyarrow"}:
            try:
                for name in needed:
                    __import__(name)
            except ImportError:
                continue
        exec(compile(snippet, str(PAGE), "exec"), {})  # noqa: S102 - our own page
        ran.append(snippet)
    assert ran


# bad folders


def refused(folder: Path, match: str) -> None:
    with pytest.raises(FormatError, match=match) as error:
        pr.open_regions(folder)
    assert "\n" not in str(error.value)


def test_no_manifest(result):
    (result / "manifest.json").unlink()
    refused(result, r"manifest\.json cannot be read")
    refused(result.parent, r"manifest\.json cannot be read")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": "x"}', b"\xff"])
def test_garbage_manifest(result, content):
    (result / "manifest.json").write_bytes(content)
    refused(result, "damaged or of another kind")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"version": 2}, "format version 2"),
        ({"parts": {"regions": []}}, "damaged"),
        ({"parts": {"regions": [], "edges": []}}, "damaged"),
        ({"parts": None}, "damaged"),
        ({"parts": {"regions": [{"file": "../x", "rows": 1}], "edges": []}}, "outside"),
        ({"input_dimension": 2}, "damaged"),
        ({"input_dimension": "many"}, "damaged"),
        ({"complete": False}, "damaged"),
        ({"regions": 3}, "damaged"),
    ],
)
def test_changed_manifest(result, change, match):
    manifest = json.loads((result / "manifest.json").read_bytes()) | change
    (result / "manifest.json").write_text(json.dumps(manifest))
    refused(result, "was changed" if "version" not in change else match)
    del manifest["check"]
    (result / "manifest.json").write_text(json.dumps(manifest))
    refused(result, match)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["regions", "edges"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "empty", "byte", "swapped"])
def test_damaged_part(result, kind, damage):
    path = result / kind / "part-00001.parquet"
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "swapped":
        path.write_bytes((result / kind / "part-00002.parquet").read_bytes())
    else:
        changed = bytearray(whole)
        changed[80] ^= 255
        path.write_bytes({"truncated": whole[:-9], "empty": b"", "byte": changed}[damage])
    refused(result, "cannot be read|damaged")


def test_missing_problem(result):
    (result / "problem.npz").unlink()
    refused(result, "cannot be read")


def test_edges_of_another_result(three_lines, result, tmp_path):
    enumerate_to_file(three_lines, pr.Box.cube(2, 1.0), tmp_path / "other.parquet")
    (result / "problem.npz").write_bytes((tmp_path / "other.parquet/problem.npz").read_bytes())
    refused(result, "damaged|another")


def test_open_partitions_of_no_folder(tmp_path):
    with pytest.raises(FormatError):
        open_partitions(tmp_path / "nothing")


# bad places


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_name_that_is_taken(three_lines, tmp_path, kind):
    path = tmp_path / "out.parquet"
    if kind == "file":
        path.write_text("mine")
    else:
        path.mkdir()
        (path / "mine.txt").write_text("mine")
    with pytest.raises(FormatError, match="choose another name"):
        enumerate_to_file(three_lines, pr.Box.cube(2, 1.0), path)
    assert [file.name for file in tmp_path.iterdir()] == ["out.parquet"]


def test_without_pyarrow(three_lines, tmp_path, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(MissingExtraError, match=r"polyregions\[parquet\]"):
        enumerate_to_file(three_lines, pr.Box.cube(2, 1.0), tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == []


def test_command(tmp_path, monkeypatch, capsys, three_lines):
    monkeypatch.chdir(tmp_path)
    save_network(three_lines, "net.npz")
    assert main(["enumerate", "net.npz", "-o", "out.parquet"]) == 0
    assert "7 regions, 9 edges (proven)" in capsys.readouterr().out
    (tmp_path / "taken.parquet").mkdir()
    assert main(["enumerate", "net.npz", "-o", "taken.parquet"]) == 2
    assert "choose another name" in capsys.readouterr().err
