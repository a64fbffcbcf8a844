"""The MATLAB file, opened by scipy and by GNU Octave."""

import json
import shutil
import subprocess
from fractions import Fraction

import numpy as np
import pytest
from io_helpers import exact_forward
from scipy.io import loadmat

import polyregions as pr

OCTAVE = r"""
s = load('net.mat');
X = load('points.txt');
y = zeros(rows(X), s.outputs); number = zeros(rows(X), 1);
for k = 1:rows(X)
  x = X(k, s.free_inputs)';
  for i = 1:numel(s.A)
    if all(s.A{i} * x <= s.b{i})
      y(k, :) = (s.F{i} * x + s.g{i})';
      number(k) = i;
    end
  end
end
facets = cellfun(@rows, s.neighbors)';
printf('%s\n', jsonencode(struct('number', number', 'y', {num2cell(y, 2)'}, 'facets', facets, ...
  'neighbors', vertcat(s.neighbors{:})', 'format', s.format, 'network', s.network)));
fid = fopen('values.bin', 'w'); fwrite(fid, y', 'double'); fclose(fid);
"""


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A folder with a file, the regions in it, and points."""
    folder = tmp_path_factory.mktemp("mat")
    rng = np.random.default_rng(3)
    network = pr.Network.from_arrays(
        [(rng.normal(size=(6, 3)), rng.normal(size=6) / 3), (rng.normal(size=(2, 6)), [0.5, 0])]
    )
    regions = pr.enumerate_regions(network, pr.Box([-1.0, 0.25, -2.0], [1.0, 0.25, 1.0]))
    pr.export(regions, folder / "net.mat")
    points = np.vstack([regions.witnesses, rng.uniform([-1, 0.25, -2], [1, 0.25, 1], (60, 3))])
    points[:, 1] = 0.25
    np.savetxt(folder / "points.txt", points, fmt="%.17g")
    return folder, regions, points


def assert_close_to_exact(regions, points, numbers, values, F, g):
    """Within the bound on the rounding of F x + g: its numbers, and three operations each."""
    for x, number, y in zip(points, numbers, values, strict=True):
        exact = exact_forward(regions.network, [Fraction(float(v)) for v in x])
        free = abs(x[regions.domain.free])
        size = abs(F[number]) @ free + abs(g[number]).ravel()
        for value, wanted, bound in zip(y, exact, size, strict=True):
            assert abs(Fraction(float(value)) - wanted) <= Fraction(float(bound)) * 6 / 2**53


def test_scipy_evaluates_it(case):
    folder, regions, points = case
    read = loadmat(folder / "net.mat")
    A, b, F, g = (read[name].ravel() for name in "AbFg")
    assert len(A) == len(b) == len(F) == len(g) == len(regions)
    assert read["format"].tolist() == ["polyregions pwa"]
    free = read["free_inputs"].ravel().astype(int) - 1
    assert free.tolist() == [0, 2]
    numbers, values = [], []
    for x in points[:, free]:
        inside = [i for i in range(len(A)) if (A[i] @ x <= b[i].ravel()).all()]
        assert len(inside) == 1
        numbers += inside
        values.append(F[inside[0]] @ x + g[inside[0]].ravel())
    assert numbers == regions.find(points).tolist()
    assert_close_to_exact(regions, points, numbers, values, F, g)
    table = regions.halfspaces()
    np.testing.assert_array_equal(np.vstack(A), -table.normals)
    np.testing.assert_array_equal(np.vstack(b).ravel(), table.offsets)
    np.testing.assert_array_equal(np.vstack(read["neighbors"].ravel()).ravel() - 1, table.beyond)
    assert read["lower"].ravel().tolist() == regions.domain.lower.tolist()
    assert read["domain_A"].size == read["domain_b"].size == 0


def test_octave_evaluates_it(case):
    octave = shutil.which("octave-cli") or shutil.which("octave")
    if octave is None:
        pytest.skip("GNU Octave is not installed")
    folder, regions, points = case
    (folder / "evaluate.m").write_text(OCTAVE)
    ran = subprocess.run(
        [octave, "--no-gui", "--no-init-file", "--quiet", "evaluate.m"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    numbers = np.array(said["number"]) - 1
    np.testing.assert_array_equal(numbers, regions.find(points))
    values = np.fromfile(folder / "values.bin").reshape(-1, 2)
    read = loadmat(folder / "net.mat")
    F, g = (read[name].ravel() for name in "Fg")
    assert_close_to_exact(regions, points, numbers, values, F, g)
    table = regions.halfspaces()
    assert said["facets"] == np.diff(table.starts).tolist()
    assert said["neighbors"] == (table.beyond + 1).tolist()
    assert (said["format"], said["network"]) == ("polyregions pwa", regions.network.name)


def test_the_domain_of_the_file(tmp_path, three_lines):
    triangle = pr.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
    pr.export(pr.enumerate_regions(three_lines, triangle), tmp_path / "net.mat")
    read = loadmat(tmp_path / "net.mat")
    np.testing.assert_array_equal(read["domain_A"], triangle.A)
    np.testing.assert_array_equal(read["domain_b"].ravel(), triangle.b)
    regions = pr.enumerate_regions(three_lines, None)
    pr.export(regions, tmp_path / "net.mat")
    read = loadmat(tmp_path / "net.mat")
    assert read["lower"].size == read["domain_A"].size == 0
    assert len(read["A"]) == len(regions)


def test_one_region_without_facets(tmp_path):
    network = pr.Network.from_arrays([([[0.0, 0.0]], [1.0]), ([[2.0]], [3.0])])
    pr.export(pr.enumerate_regions(network, None), tmp_path / "net.mat")
    read = loadmat(tmp_path / "net.mat")
    assert read["A"][0, 0].shape == (0, 2)
    assert read["g"][0, 0].tolist() == [[5.0]]
