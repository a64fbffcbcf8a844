"""Is every pixel of a picture of classes right? python benchmarks/borders.py [FOLDER]

A picture of 1,000 x 1,000 pixels by ``plot_cells(color="class")`` is compared with the
network evaluated in the middle of each pixel. Pixels that differ must touch a pixel of another
class. FOLDER holds ``nets/mnist_256x2.onnx`` and ``mnist/``, the test images; without it the
plane of MNIST is left out, and said to be. Writes the pictures where it is called.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import polyregions as pr
from polyregions import examples
from polyregions.arrays import Floats, Integers
from polyregions.io.points import read_idx
from polyregions.plot import plot_cells, save_figure
from polyregions.plot.values import CLASS_COLORS

PIXELS = 1000


class Case(NamedTuple):
    """A network of two inputs and the square that is shown."""

    name: str
    network: pr.Network
    domain: pr.Box
    plane: pr.Slice | None = None


def cases(folder: Path | None) -> Iterator[Case]:
    """Yield what is drawn."""
    yield Case("digits2", pr.load(examples.path("digits2")), pr.Box.cube(2, 1.0))
    yield Case("moons", moons(), pr.Box.cube(2, 1.5))
    if folder is None:
        sys.stdout.write("no folder of data: the plane of MNIST is left out\n")
        return
    images = read_idx(next((folder / "mnist").glob("t10k-images*"))).reshape(-1, 784) / 255
    network = pr.load(folder / "nets" / "mnist_256x2.onnx")
    plane = pr.Plane.through(*images[:3], names=["image 0", "image 1", "image 2"])
    yield Case("mnist_256x2", plane.restrict(network), plane.domain, plane)


def moons() -> pr.Network:
    """Return a network that tells two half-moons apart: scikit-learn's points, and its fit."""
    from sklearn.datasets import make_moons
    from sklearn.neural_network import MLPClassifier

    points, labels = make_moons(400, noise=0.1, random_state=0)
    points = (points - points.mean(axis=0)) / 1.5
    model = MLPClassifier((16, 16), max_iter=2000, random_state=0).fit(points, labels)
    return pr.from_sklearn(model)


def compare(case: Case) -> None:
    """Draw, sample, and say what differs."""
    start = perf_counter()
    regions = pr.enumerate_regions(case.network, case.domain)
    found = perf_counter()
    # the frame is the picture, so that pixels have known middles
    figure = Figure(figsize=(10, 10), dpi=PIXELS // 10)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    plot_cells(regions, axes, color="class", facets=False)
    for artist in (*axes.texts, *axes.collections[1:]):
        artist.remove()  # what lies on the colours
    for key in figure.axes[1:]:
        key.remove()
    axes.set_axis_off()
    axes.set_position((0.0, 0.0, 1.0, 1.0))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = perf_counter()
    seen = np.asarray(canvas.buffer_rgba())[::-1, :, :3].astype(int)
    palette = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in CLASS_COLORS])
    shown = ((seen[:, :, None] - palette) ** 2).sum(axis=-1).argmin(axis=-1)
    labels = sampled(case, axes.transData.inverted().transform)
    wrong = shown != labels
    away = wrong & ~near_a_border(labels)
    sys.stdout.write(
        f"{case.name}: {len(regions):,} regions, {len(np.unique(labels))} classes, "
        f"{wrong.sum():,} of {wrong.size:,} pixels differ, {away.sum()} of them away from a border "
        f"(regions {found - start:.1f} s, drawn {drawn - found:.1f} s)\n"
    )
    save_figure(
        plot_cells(regions, color="class", plane=case.plane), f"borders_{case.name}.png", dpi=100
    )
    if away.any() or wrong.shape != (PIXELS, PIXELS):
        sys.exit(f"{case.name}: the picture is wrong")


def sampled(case: Case, to_data: object) -> Integers:
    """Return the class in the middle of each pixel."""
    assert callable(to_data)
    middles = np.arange(PIXELS) + 0.5
    labels = np.empty((PIXELS, PIXELS), dtype=np.int64)
    for row, y in enumerate(middles):
        points: Floats = to_data(np.column_stack([middles, np.full(PIXELS, y)]))
        outputs = case.network.forward(points)
        one = outputs.shape[1] == 1
        labels[row] = outputs[:, 0] > 0 if one else outputs.argmax(axis=1)
    return labels


def near_a_border(labels: Integers) -> np.ndarray:
    """Return where one of the eight pixels around has another class."""
    padded = np.pad(labels, 1, mode="edge")
    height, width = labels.shape
    shifts = [padded[i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return np.any([shifted != labels for shifted in shifts], axis=0)


if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("POLYREGIONS_DATA")
    for case in cases(None if given is None else Path(given)):
        compare(case)
