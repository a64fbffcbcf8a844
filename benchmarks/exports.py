"""Do exported files have the network's values? Each point is compared with the exact value.

    python benchmarks/exports.py digits2.npz --cube 1
    python benchmarks/exports.py vdp.onnx --box-file vdp_0.vnnlib --mat-points 20000

Points are random ones in the box, and all vertices of all regions, rounded to floats. The network
is evaluated in them in integers, layer by layer. The C file must have the same bits as its values,
rounded. The MATLAB file, read by scipy and by GNU Octave, must have them up to the rounding of
``F x + g``, after a search for the region with the least ``max(A x - b)``, which is what
docs/howto/pwa.md says: all regions are looked at for each point, hence fewer points.
"""

from __future__ import annotations

import argparse
import ctypes
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

import flint
import numpy as np
from scipy.io import loadmat

import polyregions as pr
from polyregions.analysis.affine_maps import free_inputs
from polyregions.arrays import Floats, Integers
from polyregions.domain.chart import chart_of
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.geometry.region_polytope import chart_vertices
from polyregions.geometry.witness import nearest_float
from polyregions.io.vnnlib import load_box
from polyregions.network.exact_network import Outputs, exact_network, inputs_of, layer_rows
from polyregions.network.flat import quotient
from polyregions.pwa.pieces import maps_on_inputs
from polyregions.regions.polytopes import chart_polytopes
from polyregions.rounding import ROUNDOFF, TINY

CHUNK = 4096  # points at a time

LOOP = """
void all_values(long count, const double x[], double y[], int number[])
{
    long k;

    for (k = 0; k < count; k++)
        number[k] = net_value(x + k * INPUTS, y + k * OUTPUTS);
}
"""

OCTAVE = """
s = load('net.mat');
file = fopen('points.bin'); X = fread(file, [s.inputs, Inf], 'double'); fclose(file);
X = X(s.free_inputs, :);
number = zeros(1, columns(X)); y = zeros(s.outputs, columns(X));
for first = 1:CHUNK:columns(X)
  here = first:min(first + CHUNK - 1, columns(X));
  x = X(:, here); best = Inf(1, numel(here));
  for i = 1:numel(s.A)
    worst = max(s.A{i} * x - s.b{i}, [], 1);
    better = find(worst < best);
    if ! isempty(better)
      best(better) = worst(better);
      number(here(better)) = i;
      y(:, here(better)) = s.F{i} * x(:, better) + s.g{i};
    end
  end
end
file = fopen('values.bin', 'w'); fwrite(file, [number; y], 'double'); fclose(file);
printf('%s', version);
"""


class Evaluated(NamedTuple):
    """The region of each point, shape (k,), and the values, shape (k, outputs)."""

    numbers: Integers
    values: Floats


def exact_values(network: pr.Network, points: Floats) -> Floats:
    """Return the exact values at some points, each rounded once, shape (k, outputs)."""
    exact = exact_network(
        network, chart_of(None, network.input_dimension), depth=len(network.layers)
    )
    found = [np.empty((0, network.output_dimension))]
    for piece in chunks(points):
        columns, _ = dyadic_matrix(np.column_stack([piece, np.ones(len(piece))]).T)
        inputs = inputs_of(columns)
        for layer in exact.layers:
            slopes = zip(layer_rows(layer, inputs), layer.lower, layer.upper, strict=True)
            above = [[(high if z > 0 else low) * z for z in row] for row, low, high in slopes]
            factor = layer.weight_scale * layer.slope_scale
            inputs = Outputs(flint.fmpz_mat(above), [factor * one for one in inputs.one])
        scale = int(inputs.one[0])  # of all columns
        found.append(
            np.array([[quotient(int(z), scale) for z in row] for row in inputs.values.tolist()]).T
        )
    return np.concatenate(found)


def chunks(points: Floats) -> Iterator[Floats]:
    return (points[start : start + CHUNK] for start in range(0, len(points), CHUNK))


def all_vertices(regions: pr.Regions) -> Floats:
    """Return the vertices of all regions, rounded to floats, each once."""
    chart = chart_of(regions.domain, regions.network.input_dimension)
    found = [chart_vertices(chart, polytope).as_floats() for polytope in chart_polytopes(regions)]
    return np.unique(np.concatenate(found), axis=0)


def c_values(source: Path, network: pr.Network, points: Floats) -> Evaluated:
    """Compile ``net.c`` and call it at each point."""
    program, library = source.with_name("loop.c"), source.with_name("loop.so")
    program.write_text(f'#include "{source.name}"\n{LOOP}', encoding="ascii")
    subprocess.run(
        ["cc", "-std=c99", "-O2", "-shared", "-fPIC", program, "-o", library, "-lm"], check=True
    )
    points = np.ascontiguousarray(points)
    numbers = np.full(len(points), -1, dtype=np.intc)
    values = np.full((len(points), network.output_dimension), np.nan)
    run = ctypes.CDLL(str(library)).all_values
    run.restype = None
    arrays = (ctypes.c_void_p(array.ctypes.data) for array in (points, values, numbers))
    run(ctypes.c_long(len(points)), *arrays)
    return Evaluated(numbers.astype(np.int64), values)


def bits_differ(found: Floats, expected: Floats) -> Integers:
    """Return the points with a value that is not the expected one, bit for bit."""
    same = found.view(np.uint64) == np.ascontiguousarray(expected).view(np.uint64)
    return np.flatnonzero(~same.all(axis=1))


class Tables(NamedTuple):
    """What a MATLAB file has: lists A, b; F and g of shapes (R, outputs, d) and (R, outputs)."""

    A: list[Floats]
    b: list[Floats]
    F: Floats
    g: Floats


def read_tables(path: Path) -> Tables:
    read = loadmat(path)
    A, b, F, g = (list(read[name].ravel()) for name in "AbFg")
    return Tables(A, b, np.stack(F), np.stack(g)[:, :, 0])


def scipy_values(tables: Tables, points: Floats) -> Evaluated:
    """Evaluate the tables in numpy at points in the free inputs, as `OCTAVE` does."""
    numbers = np.zeros(len(points), dtype=np.int64)
    for start, piece in zip(range(0, len(points), CHUNK), chunks(points), strict=True):
        best = np.full(len(piece), np.inf)
        for region, (A, b) in enumerate(zip(tables.A, tables.b, strict=True)):
            worst = (A @ piece.T - b).max(axis=0)
            better = worst < best
            best[better] = worst[better]
            numbers[start : start + CHUNK][better] = region
    values = (tables.F[numbers] @ points[:, :, None])[:, :, 0] + tables.g[numbers]
    return Evaluated(numbers, values)


def octave_values(folder: Path, points: Floats, outputs: int) -> tuple[Evaluated, str]:
    """Let GNU Octave evaluate ``net.mat``; return its version, too."""
    points.tofile(folder / "points.bin")
    (folder / "evaluate.m").write_text(OCTAVE.replace("CHUNK", str(CHUNK)), encoding="ascii")
    ran = subprocess.run(
        ["octave", "--no-gui", "--no-init-file", "--quiet", "evaluate.m"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        sys.exit(f"octave: {ran.stderr}")
    said = np.fromfile(folder / "values.bin").reshape(-1, 1 + outputs)
    return Evaluated(said[:, 0].astype(np.int64) - 1, said[:, 1:]), ran.stdout


class Verdict(NamedTuple):
    """How the values of a MATLAB file are. Points are told by their index.

    Attributes
    ----------
    misplaced : numpy.ndarray of int
        Points that are further from their region than rounded rows explain.
    wrong : numpy.ndarray of int
        Points with a value that is further from that of their region's exact map than the
        rounding of F x + g explains; where the region is the exact one, this is the network's.
    beside : numpy.ndarray of int
        Points whose region is not the exact one.
    distance : float
        The largest distance from the network's value, in unit roundoffs of |F| |x| + |g|.
    """

    misplaced: Integers
    wrong: Integers
    beside: Integers
    distance: float


def judge(
    regions: pr.Regions, tables: Tables, points: Floats, expected: Floats, found: Evaluated
) -> Verdict:
    """Compare what was found in a MATLAB file with exact values."""
    free = points[:, free_inputs(regions)]
    numbers, values = found
    beside = np.flatnonzero(numbers != regions.find(points))
    wanted = expected.copy()
    wanted[beside] = map_values(regions, numbers[beside], free[beside])
    # Each term of F x + g has been rounded at most d + 2 times, number and sum; the expected value
    # and the difference once each; and the bound itself is a sum of floats.
    d = free.shape[1]
    size = (abs(tables.F)[numbers] @ abs(free)[:, :, None])[:, :, 0] + abs(tables.g)[numbers]
    right = abs(values - wanted) <= (d + 6) * ROUNDOFF * size + d * TINY
    distance = np.divide(abs(values - expected), size, out=np.zeros_like(size), where=size > 0)
    # what rounding makes of A x - b in any region, where it is not positive
    rows, offsets = abs(np.vstack(tables.A)).max(axis=0), abs(np.vstack(tables.b)).max()
    slack = (d + 6) * ROUNDOFF * (abs(free) @ rows + offsets) + d * TINY
    placed = [violation(tables, numbers[k], free[k]) <= slack[k] for k in beside]
    return Verdict(
        beside[~np.array(placed, dtype=bool)],
        np.flatnonzero(~right.all(axis=1)),
        beside,
        float(distance.max(initial=0.0)) / ROUNDOFF,
    )


def violation(tables: Tables, number: int, point: Floats) -> float:
    """Return the largest entry of A x - b."""
    return float((tables.A[number] @ point - tables.b[number][:, 0]).max())


def map_values(regions: pr.Regions, numbers: Integers, points: Floats) -> Floats:
    """Return what the exact maps of some regions are at points in the free inputs, rounded."""
    maps = maps_on_inputs(regions)
    values = np.empty((len(points), maps.outputs))
    for number in np.unique(numbers):
        _, rows, _ = maps.rows(regions.patterns[number])
        matrix = [[int(entry) for entry in row] for row in rows]
        for k in np.flatnonzero(numbers == number):
            x = [*map(Fraction, points[k].tolist()), Fraction(1)]
            sums = (sum(a * v for a, v in zip(row, x, strict=True)) for row in matrix)
            values[k] = [nearest_float(Fraction(total, maps.scale)) for total in sums]
    return values


def random_points(box: pr.Box, count: int, seed: int) -> Floats:
    # rounding may lead out of the box
    inner = np.random.default_rng(seed).uniform(box.lower, box.upper, (count, box.dimension))
    return np.clip(inner, box.lower, box.upper)


def check_c(regions: pr.Regions, folder: Path, points: Floats, expected: Floats) -> int:
    """Export to C, compare, and return how many points differ."""
    pr.export(regions, folder / "net.c", max_bytes=2**30)
    found = c_values(folder / "net.c", regions.network, points)
    differ = bits_differ(found.values, expected)
    exact = regions.find(points)
    elsewhere = int(np.count_nonzero((exact >= 0) & (exact != found.numbers)))
    print(f"C: {len(points):,} points, {len(differ):,} differ, {elsewhere:,} in another region")
    return len(differ) + elsewhere


def check_mat(regions: pr.Regions, folder: Path, points: Floats, expected: Floats) -> int:
    """Export to MATLAB, compare in scipy and Octave, and return how many points are wrong."""
    pr.export(regions, folder / "net.mat")
    tables = read_tables(folder / "net.mat")
    by_scipy = scipy_values(tables, points[:, free_inputs(regions)])
    by_octave, version = octave_values(folder, points, regions.network.output_dimension)
    bad = 0
    for name, found in (("scipy", by_scipy), (f"GNU Octave {version}", by_octave)):
        verdict = judge(regions, tables, points, expected, found)
        bad += len(verdict.wrong) + len(verdict.misplaced)
        print(
            f"{name}: {len(points):,} points, {len(verdict.wrong):,} wrong, "
            f"{len(verdict.misplaced):,} misplaced, {len(verdict.beside):,} on a border and in a "
            f"region beside, at most {verdict.distance:.1f} roundoffs from the network"
        )
    same = np.count_nonzero(by_scipy.numbers == by_octave.numbers)
    bits = len(points) - len(bits_differ(by_octave.values, by_scipy.values))
    print(f"scipy and Octave: the same region at {same:,} points, the same bits at {bits:,}")
    return bad


def main() -> int:
    """Parse the command line, compare, and return 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", type=Path)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--cube", type=float, metavar="RADIUS")
    where.add_argument("--box-file", type=Path, metavar="FILE", help="a VNN-LIB file")
    parser.add_argument("--points", type=int, default=10**6, help="random points for C")
    parser.add_argument("--mat-points", type=int, default=10**5, help="of them for MATLAB")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for program in ("cc", "octave"):
        if shutil.which(program) is None:
            parser.error(f"{program} is not installed; the files need a C compiler and GNU Octave")
    network = pr.load(given.network)
    if given.box_file is None:
        box = pr.Box.cube(network.input_dimension, given.cube)
    else:
        box = load_box(given.box_file).box
    start = perf_counter()

    def told(text: str) -> None:
        print(f"{text} ({perf_counter() - start:.0f} s)", flush=True)

    regions = pr.enumerate_regions(network, box)
    told(f"{given.network.stem}: {len(regions):,} regions of {len(box.free)} inputs")
    vertices = all_vertices(regions)
    told(f"{len(vertices):,} vertices")
    # vertices first, so that MATLAB sees all of them
    points = np.vstack([vertices, random_points(box, given.points, given.seed)])
    expected = exact_values(network, points)
    told(f"{len(points):,} exact values")
    with TemporaryDirectory() as name:
        folder = Path(name)
        bad = check_c(regions, folder, points, expected)
        told("C done")
        some = slice(len(vertices) + given.mat_points)
        bad += check_mat(regions, folder, points[some], expected[some])
        told("MATLAB done")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
