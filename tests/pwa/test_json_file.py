"""The JSON file read back and compared with the network in rational arithmetic."""

import json
from fractions import Fraction

import numpy as np
import pytest
from io_helpers import exact_forward
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.analysis.affine_maps import exact_affine_map
from polyregions.analysis.shape import vertices
from polyregions.geometry.witness import nearest_float
from polyregions.pattern import to_text


def exported(regions, folder):
    pr.export(regions, folder / "net.json")
    return json.loads((folder / "net.json").read_bytes())


def free_and_fixed(regions):
    n = regions.network.input_dimension
    free = np.arange(n) if regions.domain is None else regions.domain.free
    return free, np.setdiff1d(np.arange(n), free)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_number_is_the_exact_one_rounded_once(family, tmp_path):
    network, domain = random_case(family, 3, units=6)
    regions = pr.enumerate_regions(network, domain)
    whole = exported(regions, tmp_path)
    free, fixed = free_and_fixed(regions)
    assert whole["free_inputs"] == free.tolist()
    assert len(whole["regions"]) == len(regions)
    for index, (entry, region) in enumerate(zip(whole["regions"], regions, strict=True)):
        assert entry["index"] == index
        assert entry["pattern"] == to_text(region.pattern)
        held = [Fraction(float(region.witness[i])) for i in fixed]
        for row, F, g in zip(
            exact_affine_map(network, region.pattern), entry["F"], entry["g"], strict=True
        ):
            shift = row[-1] + sum((row[i] * v for i, v in zip(fixed, held, strict=True)), 0)
            assert [nearest_float(row[i]) for i in free] == F
            assert nearest_float(shift) == g
        corners = vertices(region)
        assert entry["vertices"] == corners.as_floats()[:, free].tolist()
        rays = [[entry / max(map(abs, ray)) for entry in ray] for ray in corners.rays]
        assert entry["rays"] == [list(map(nearest_float, ray)) for ray in rays]
        facets = region.halfspaces()
        assert [[-a for a in row] for row in entry["A"]] == facets.normals.tolist()
        assert entry["b"] == facets.offsets.tolist()
        assert entry["neighbors"] == facets.beyond.tolist()
        for neighbor, units in zip(entry["neighbors"], entry["units"], strict=True):
            assert (neighbor >= 0) == bool(units)
            if units:
                beyond = whole["regions"][neighbor]
                assert units in beyond["units"]
                assert index in beyond["neighbors"]


def test_the_pieces_are_the_network(tmp_path, deep):
    whole = exported(pr.enumerate_regions(deep, pr.Box.cube(3, 1.0)), tmp_path)
    rng = np.random.default_rng(0)
    for x in rng.uniform(-1, 1, size=(40, 3)):
        inside = [e for e in whole["regions"] if (np.array(e["A"]) @ x <= e["b"]).all()]
        assert len(inside) == 1
        F, g = np.array(inside[0]["F"]), np.array(inside[0]["g"])
        exact = [float(y) for y in exact_forward(deep, [Fraction(float(v)) for v in x])]
        assert (abs(F @ x + g - exact) <= 8 * 2.0**-53 * (abs(F) @ abs(x) + abs(g))).all()


def test_the_head(tmp_path, three_lines):
    box = pr.Box([-1.0, 0.5], [1.0, 0.5])
    whole = exported(pr.enumerate_regions(three_lines, box), tmp_path)
    assert whole.pop("regions")
    assert whole == {
        "format": "polyregions pwa",
        "version": 1,
        "network": "three lines",
        "fingerprint": three_lines.fingerprint,
        "inputs": 2,
        "outputs": 1,
        "domain": {"lower": [-1.0, 0.5], "upper": [1.0, 0.5]},
        "free_inputs": [0],
        "complete": True,
        "proven": True,
    }
    triangle = pr.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
    whole = exported(pr.enumerate_regions(three_lines, triangle), tmp_path)
    assert whole["domain"] == {"A": triangle.A.tolist(), "b": triangle.b.tolist()}
    assert exported(pr.enumerate_regions(three_lines, None), tmp_path)["domain"] is None


def test_a_partial_result_says_so(tmp_path, three_lines):
    regions = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    whole = exported(regions[:3], tmp_path)
    assert not whole["complete"]
    assert len(whole["regions"]) == 3
    assert max(max(region["neighbors"]) for region in whole["regions"]) < 3


def test_vertices_are_for_few_inputs(tmp_path):
    rng = np.random.default_rng(4)
    network = pr.Network.from_arrays([(rng.normal(size=(2, 5)), [0.1, 0.2]), ([[1.0, 1]], [0])])
    whole = exported(pr.enumerate_regions(network, pr.Box.cube(5, 1.0)), tmp_path)
    assert {(r["vertices"], r["rays"]) for r in whole["regions"]} == {(None, None)}
    box = pr.Box([-1.0] * 4 + [0.0], [1.0] * 4 + [0.0])
    whole = exported(pr.enumerate_regions(network, box), tmp_path)
    assert all(len(region["vertices"]) > 4 for region in whole["regions"])


def test_rays_of_any_length(tmp_path):
    network = pr.Network.from_arrays(
        [([[3e-200, 1.0], [1.0, 3e-200]], [1.0, 0.5]), ([[1e-250, -3e-250]], [0.1]), ([[1]], [0])]
    )
    whole = exported(pr.enumerate_regions(network, None), tmp_path)
    rays = [ray for region in whole["regions"] for ray in region["rays"]]
    assert len(rays) > 3
    assert {max(map(abs, ray)) for ray in rays} == {1.0}


def test_a_vertex_beyond_all_floats(tmp_path):
    network = pr.Network.from_arrays([([[1e-200]], [0.0]), ([[1e-200]], [-1.0]), ([[1.0]], [0.0])])
    regions = pr.enumerate_regions(network, None)
    with pytest.raises(pr.NetworkError, match="too far away"):
        pr.export(regions, tmp_path / "net.json")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_no_text(tmp_path):
    network = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])], name='a\udcff\n"b')
    whole = exported(pr.enumerate_regions(network, pr.Box.cube(1, 1.0)), tmp_path)
    assert whole["network"] == network.name
