"""What `benchmarks/exports.py` says of exported files, and that it sees what is wrong in them."""

import importlib.util
import re
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from io_helpers import exact_forward

import polyregions as pr
from polyregions.geometry.witness import nearest_float
from polyregions.io.networks import save_network

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "exports.py"


@pytest.fixture(scope="module")
def exports():
    spec = importlib.util.spec_from_file_location("exports", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def case(exports):
    """Regions, points with all vertices among them, and the exact values."""
    rng = np.random.default_rng(4)
    layers = [
        pr.Layer.with_slopes(rng.normal(size=(6, 3)), rng.normal(size=6) / 3, -0.1, 1),
        pr.Layer.relu(rng.normal(size=(4, 6)), rng.normal(size=4) / 3),
        pr.Layer.affine(rng.normal(size=(2, 4)), [0.5, 0.0]),
    ]
    regions = pr.enumerate_regions(pr.Network(layers), pr.Box([-1, 0.25, -2], [1, 0.25, 1]))
    points = np.vstack(
        [exports.all_vertices(regions), exports.random_points(regions.domain, 200, 0)]
    )
    return regions, points, exports.exact_values(regions.network, points)


def needs(program):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


def test_exact_values_are_those_of_fractions(exports, case, monkeypatch):
    regions, points, expected = case
    wanted = [
        [nearest_float(y) for y in exact_forward(regions.network, list(map(Fraction, x)))]
        for x in points.tolist()
    ]
    assert not len(exports.bits_differ(expected, np.array(wanted)))
    monkeypatch.setattr(exports, "CHUNK", 7)
    assert not len(exports.bits_differ(exports.exact_values(regions.network, points), expected))
    assert exports.bits_differ(np.nextafter(expected, 9.0), expected).tolist() == [
        *range(len(points))
    ]


def test_vertices_are_those_of_the_regions(exports, case):
    regions, _, _ = case
    own = {tuple(x) for region in regions for x in region.polytope().vertices.tolist()}
    assert {tuple(x) for x in exports.all_vertices(regions).tolist()} == own


def test_the_c_file(exports, case, tmp_path):
    needs("cc")
    regions, points, expected = case
    assert exports.check_c(regions, tmp_path, points, expected) == 0
    # a bit in the highest word of the first number of one region's map
    region = exports.c_values(tmp_path / "net.c", regions.network, points).numbers[-1]
    head, tables = (tmp_path / "net.c").read_text("ascii").split("uint32_t MAP", 1)
    entry = rf"(?s)(/\* {region} \*/.*?)0x(\w+)u}}"
    tables = re.sub(entry, lambda m: f"{m[1]}{int(m[2], 16) ^ 1:#x}u}}", tables, count=1)
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "net.c").write_text(f"{head}uint32_t MAP{tables}", "ascii")
    found = exports.c_values(tmp_path / "wrong" / "net.c", regions.network, points)
    assert set(found.numbers[exports.bits_differ(found.values, expected)]) == {region}


def test_the_matlab_file_in_scipy(exports, case, tmp_path):
    regions, points, expected = case
    pr.export(regions, tmp_path / "net.mat")
    tables = exports.read_tables(tmp_path / "net.mat")
    free = points[:, [0, 2]]
    found = exports.scipy_values(tables, free)
    verdict = exports.judge(regions, tables, points, expected, found)
    assert not len(verdict.wrong)
    assert not len(verdict.misplaced)
    assert len(points) - 200 >= len(verdict.beside) > 0  # some vertices alone
    assert verdict.distance < 8

    hit = int(found.numbers[-1])
    F = tables.F.copy()
    F[hit] *= 1 + 2.0**-48
    wrong = tables._replace(F=F)
    verdict = exports.judge(regions, wrong, points, expected, exports.scipy_values(wrong, free))
    assert len(points) - 1 in verdict.wrong
    assert set(found.numbers[verdict.wrong]) == {hit}

    lost = exports.Evaluated(found.numbers, np.full_like(found.values, np.nan))
    assert len(exports.judge(regions, tables, points, expected, lost).wrong) == len(points)

    b = list(tables.b)
    b[hit] = b[hit] - 1.0  # so that its points are in another one
    wrong = tables._replace(b=b)
    found = exports.scipy_values(wrong, free)
    verdict = exports.judge(regions, tables, points, expected, found)
    assert len(points) - 1 in verdict.misplaced


def test_the_command(exports, tmp_path, monkeypatch, capsys):
    needs("cc")
    needs("octave")
    rng = np.random.default_rng(1)
    layers = [(rng.normal(size=(5, 2)), rng.normal(size=5) / 3), (rng.normal(size=(2, 5)), [0, 1])]
    save_network(pr.Network.from_arrays(layers), tmp_path / "net.npz")
    arguments = [str(tmp_path / "net.npz"), "--cube", "1", "--points", "300", "--mat-points", "200"]
    monkeypatch.setattr("sys.argv", ["exports.py", *arguments])
    assert exports.main() == 0
    said = capsys.readouterr().out
    vertices = int(re.search(r"(\d+) vertices", said)[1])
    assert f"C: {vertices + 300} points, 0 differ, 0 in another region" in said
    assert f"scipy: {vertices + 200} points, 0 wrong, 0 misplaced" in said
    assert re.search(rf"GNU Octave [\d.]+: {vertices + 200} points, 0 wrong, 0 misplaced", said)
    # what differs is a failure
    monkeypatch.setattr(exports, "check_c", lambda *_: 1)
    assert exports.main() == 1
