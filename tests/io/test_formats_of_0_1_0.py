"""Files of version 0.1.0, as it wrote them, still open and check."""

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from oracles import layers_of

import polyregions as pr
from polyregions.proof.checker import check
from polyregions.scale import enumerate_to_file

FILES = Path(__file__).parents[1] / "data" / "0.1.0"
BOX = pr.Box.cube(2, 2.0)
POLYTOPE = pr.Polytope([[1, 1], [-1, 0], [0, -1]], [2, 1, 1])


def assert_same(opened: pr.Regions, found: pr.Regions) -> None:
    said, known = opened.summary(), found.summary()
    # which decisions floats leave open is no part of a result
    assert {**said, "exact_decisions": 0} == {**known, "exact_decisions": 0}
    assert opened.domain == found.domain
    np.testing.assert_array_equal(opened.patterns, found.patterns)
    np.testing.assert_array_equal(opened.edges, found.edges)


@pytest.mark.parametrize(("name", "domain"), [("whole_space", None), ("polytope", POLYTOPE)])
def test_results_and_certificates(name, domain):
    net = pr.load(FILES / "small.npz")
    opened = pr.open_regions(FILES / f"{name}.npz")
    assert_same(opened, pr.enumerate_regions(net, domain))
    report = check(layers_of(net), FILES / f"{name}.cert")
    assert (report.regions, report.edges) == (len(opened), len(opened.edges))


def test_points_that_no_float_can_express():
    opened = pr.open_regions(FILES / "thin.npz")
    assert [*opened.exact_witnesses] == [1]
    assert 0 < opened.exact_witnesses[1][0] < Fraction(5e-324)
    assert check(layers_of(pr.load(FILES / "thin_net.npz")), FILES / "thin.cert").regions == 3


def test_a_folder_of_tables():
    pytest.importorskip("pyarrow")
    opened = pr.open_regions(FILES / "box.parquet")
    assert_same(opened, pr.enumerate_regions(pr.load(FILES / "small.npz"), BOX))


def test_a_partial_result_and_its_checkpoint(tmp_path, monkeypatch):
    partial = pr.open_regions(FILES / "stopped.npz")
    assert (len(partial), partial.complete) == (8, False)
    shutil.copytree(FILES / "stopped.npz.checkpoint", tmp_path / "out.npz.checkpoint")
    net = pr.load(FILES / "small.npz")
    monkeypatch.setattr(pr, "__version__", "0.1.0")
    assert enumerate_to_file(net, BOX, tmp_path / "out.npz", resume=True).complete
    assert_same(pr.open_regions(tmp_path / "out.npz"), pr.enumerate_regions(net, BOX))
