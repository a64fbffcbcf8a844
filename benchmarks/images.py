"""Is an image's class the same all round it? python benchmarks/images.py NETWORK IMAGES [options]

NETWORK reads all pixels, divided by 255; IMAGES is a file of the MNIST database (idx3-ubyte.gz).
For each of the first images: does ``verify`` decide that in a box of some radius round it, clipped
to [0, 1], no other output is as large? One line per radius: how many hold, are violated, or are
unknown at the limit.
"""

from __future__ import annotations

import argparse
import gzip
from collections import Counter
from fractions import Fraction
from pathlib import Path
from time import perf_counter

import numpy as np

import polyregions as pr
from polyregions.questions.property import Case, OutputInequality, Property


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--radii", type=float, nargs="+", default=[0.005, 0.01, 0.02])
    parser.add_argument("--limit", type=float, default=10.0, help="seconds for an answer")
    given = parser.parse_args()
    network = pr.load(given.network)
    n = network.input_dimension
    with gzip.open(given.images) as file:
        pixels = np.frombuffer(file.read(16 + n * given.count), dtype=np.uint8, offset=16)
    points = pixels.reshape(-1, n) / 255.0
    print("| radius | hold | violated | unknown | seconds |\n|---|---|---|---|---|")
    for radius in given.radii:
        start, counts = perf_counter(), Counter[str]()
        for x in points:
            counts[
                pr.verify(network, keeps_class(network, x, radius), time_limit=given.limit).answer
            ] += 1
        row = [counts[answer] for answer in ("holds", "violated", "unknown")]
        print(
            f"| {radius} | {' | '.join(map(str, row))} | {perf_counter() - start:.0f} |", flush=True
        )


def keeps_class(network: pr.Network, x: np.ndarray, radius: float) -> Property:
    """Return the property that no other output is as large as the largest at x, round x."""
    outputs = network.forward(x)
    own = int(outputs.argmax())
    unsafe = tuple(
        (OutputInequality(tuple(sorted(((own, Fraction(1)), (k, Fraction(-1))))), Fraction(0)),)
        for k in range(len(outputs))
        if k != own
    )
    lower, upper = np.clip(x - radius, 0.0, 1.0), np.clip(x + radius, 0.0, 1.0)
    return Property((Case(lower, upper, unsafe),), len(x))


if __name__ == "__main__":
    main()
