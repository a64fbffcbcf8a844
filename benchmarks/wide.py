"""How fast is the walk on wide networks? Ratios measured in one run, everything proven.

    python benchmarks/wide.py                     the three tables of the README
    python benchmarks/wide.py --data FOLDER       where the real networks and images are
    python benchmarks/wide.py --quick             one seed, smaller limits

* mnist_256x2 on a plane through three images, against plain 2-h networks of about as
  many regions (512 units have more);
* a convolutional network of some 4,000 hidden units on a plane, against a dense one: time
  per region and row that is looked at;
* prefix regions that drop rows, against a walk that looks at every row.

Processor time of one thread, warm. A row is one that a region's walk looks at: a unit
that varies over the domain or a side of it.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from families import he_normal, text

from polyregions import Box, Network
from polyregions.io import load, lowering, read_idx, signals
from polyregions.io.windows import Sliding, convolve
from polyregions.network.slices import Plane, random_subspace
from polyregions.run.limits import limits_of
from polyregions.run.problem import Problem, problem_of
from polyregions.run.progress import Interrupt
from polyregions.walk.steps import drive
from polyregions.walk.walk_state import WalkState, root_state

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


class Walk(NamedTuple):
    """A finished or limited walk; `seconds` of the processor, without set-up."""

    regions: int
    units: int
    rows: int
    listed: float
    seconds: float

    @property
    def rate(self) -> float:
        return self.regions / self.seconds

    @property
    def per_row(self) -> float:
        return self.seconds / self.regions / self.rows


def walked(network: Network, box: Box, *, most: int | None, prefixes: bool = True) -> Walk:
    """Walk until there are `most` regions."""
    problem = problem_of(network, box)
    found = root_state(problem)
    if not prefixes:
        without_prefixes(found)
    start = time.process_time()
    with Interrupt() as interrupt:
        drive(problem, found, limits=limits_of(max_regions=most), interrupt=interrupt)
    seconds = time.process_time() - start
    rows = listed_rows(problem, found)
    return Walk(found.done, network.hidden_units, problem.flat.size, rows, seconds)


def without_prefixes(found: WalkState) -> None:
    """Forget the levels: no list is made, and every row is looked at in every region."""
    found.prefixes = found.prefixes._replace(depths=np.zeros(0, dtype=np.int64))
    found.prefixes.totals[0] = 0


def listed_rows(problem: Problem, found: WalkState) -> float:
    """How many rows the lists of the longest prefixes have, in the mean over prefixes."""
    prefixes = found.prefixes
    if not len(prefixes.depths):
        return float(problem.flat.size)
    settled = int(prefixes.totals[0]["settled"])
    longest = prefixes.keys[:settled, -1] == len(prefixes.depths) - 1
    return float((prefixes.stops[:settled] - prefixes.starts[:settled])[longest].mean())


def best(network: Network, box: Box, *, most: int | None, runs: int, **options: bool) -> Walk:
    """The fastest of several walks."""
    walks = [walked(network, box, most=most, **options) for _ in range(runs)]
    return min(walks, key=lambda walk: walk.seconds)


def digits(data: Path) -> np.ndarray:
    """The first test image of each of the classes 0, 1 and 2; pixels / 255."""
    images = read_idx(data / "mnist" / "t10k-images-idx3-ubyte.gz")
    labels = read_idx(data / "mnist" / "t10k-labels-idx1-ubyte.gz")
    return np.array([images[np.flatnonzero(labels == c)[0]].reshape(-1) / 255 for c in range(3)])


def images_table(data: Path, runs: int) -> None:
    """Print mnist_256x2 on a plane beside plain networks."""
    if not (data / "nets" / "mnist_256x2.onnx").is_file():
        print(f"no mnist_256x2 at {data}: skipped; set POLYREGIONS_DATA or give --data\n")
        return
    plane = Plane.through(*digits(data))
    network = load(data / "nets" / "mnist_256x2.onnx")
    trained = best(plane.restrict(network), plane.domain, most=None, runs=runs)
    rows = [("mnist_256x2, plane through three images", trained)]
    # the side of the square in which a plain network has about as many regions
    plain = he_normal((2, 512), 0)
    low, high = 0.0, 8.0
    for _ in range(12):
        middle = (low + high) / 2
        count = walked(plain, Box.cube(2, middle), most=2 * trained.regions).regions
        low, high = (middle, high) if count < trained.regions else (low, middle)
    walk = best(plain, Box.cube(2, high), most=None, runs=runs)
    rows.append((f"plain 2-512 on a square of side {2 * high:.2g}", walk))
    part = best(plain, Box.cube(2, 1.0), most=trained.regions, runs=runs)
    rows.append(("plain 2-512 on [-1, 1]^2, as many of its regions", part))
    print("| network | varying units | regions | proven regions/s | mnist_256x2 against it |")
    print("|---|---|---|---|---|")
    for name, one in rows:
        print(
            f"| {name} | {one.rows - 4} | {one.regions:,} | {one.rate:,.0f} "
            f"| {trained.rate / one.rate:.2f} |"
        )
    print()


def convolutional(seed: int) -> Network:
    """Two convolutions of 3 x 3 over a picture of 18 x 18: 16 x 16 x 8 and 14 x 14 x 10 units."""
    rng = np.random.default_rng(seed)
    signal = signals.source((1, 1, 18, 18))
    for into, out in ((1, 8), (8, 10)):
        kernels = rng.normal(size=(out, into, 3, 3)) * np.sqrt(2 / (9 * into))
        bias = rng.normal(size=out) * 0.3
        signal = convolve(signal, kernels, bias, Sliding((1, 1), [(0, 0)] * 2, (1, 1)))
        signal = lowering.bend(signal, 0.0, 1.0)
    return signals.to_network(signal, "convolutional")


def convolution_table(runs: int, most: int) -> None:
    """Print a convolutional network on a plane beside a dense one."""
    network = convolutional(0)
    plane = random_subspace(network.input_dimension, 2, seed=0, radius=1.0)
    dense = he_normal((2, 1024, 1024), 0)
    print("| network | hidden | varying | regions | listed rows | µs per region | ns per row |")
    print("|---|---|---|---|---|---|---|")
    walks = {
        "convolutional, random plane": best(
            plane.restrict(network), plane.domain, most=most, runs=runs
        ),
        "dense 2-64-64": best(he_normal((2, 64, 64), 0), Box.cube(2, 1.0), most=most, runs=runs),
        "dense 2-1024-1024": best(dense, Box.cube(2, 1.0), most=most, runs=runs),
    }
    for name, walk in walks.items():
        print(
            f"| {name} | {walk.units:,} | {walk.rows - 4:,} | {walk.regions:,} "
            f"| {walk.listed:,.0f} | {1e6 / walk.rate:.1f} | {1e9 * walk.per_row:.1f} |"
        )
    first, *others = walks.values()
    ratios = ", ".join(f"{first.per_row / other.per_row:.2f}" for other in others)
    print(f"\nper region and row, convolutional against dense: {ratios}\n")


def prefix_table(runs: int, most: int, seeds: int) -> None:
    """Print walks with and without lists of the rows that matter."""
    print("| shape | regions | rows | listed rows | µs with | µs without | without / with |")
    print("|---|---|---|---|---|---|---|")
    for n in (2, 3, 4):
        shape = (n, 64, 64, 64)
        pairs = []
        for seed in range(seeds):
            network, box = he_normal(shape, seed), Box.cube(n, 1.0)
            both = (
                best(network, box, most=most, runs=runs, prefixes=flag) for flag in (True, False)
            )
            pairs.append(tuple(both))
        ratios = [without.seconds / usual.seconds for usual, without in pairs]
        usual, without = pairs[0]
        print(
            f"| {text(shape)} | {usual.regions:,} | {usual.rows} | {usual.listed:.0f} "
            f"| {1e6 / usual.rate:.1f} | {1e6 / without.rate:.1f} | {median(ratios):.2f} |",
            flush=True,
        )


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("POLYREGIONS_DATA", DATA))
    parser.add_argument("--quick", action="store_true", help="one seed, smaller limits")
    arguments = parser.parse_args()
    runs, most, seeds = (1, 4_000, 1) if arguments.quick else (2, 40_000, 3)
    walked(he_normal((2, 4, 4), 0), Box.cube(2, 1.0), most=None)  # compile or load kernels
    images_table(Path(arguments.data), runs)
    convolution_table(runs, most // 16)
    prefix_table(runs, most, seeds)


if __name__ == "__main__":
    main()
