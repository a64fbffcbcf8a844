"""Draw the pictures of the pages: python docs/figures.py [NAME ...] writes those that DRAWN names.

Needs the extra ``plot``; scripts of the gallery need scikit-learn.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

import polyregions as pr
from polyregions import examples
from polyregions.analysis.corners import region_corners
from polyregions.analysis.linear_regions import linear_regions
from polyregions.pattern import unpack
from polyregions.plot.cell_plot import plot_cells

DOCS = Path(__file__).resolve().parent


def network() -> pr.Network:
    """Return the network of the pages: two inputs, three units, then one."""
    return pr.Network.from_arrays(
        [
            ([[1, 0.25], [-0.5, 1], [1, 1]], [-0.25, 0, 0.5]),
            ([[1, 1, -0.75]], [-0.25]),
            ([[1]], [0]),
        ],
        name="three units and one",
    )


def draw_classes() -> None:
    """Draw the shipped network of digits by class."""
    regions = pr.enumerate_regions(pr.load(examples.path("digits2")), pr.Box.cube(2, 1.0))
    figure, axes = plt.subplots(figsize=(5.2, 4.6), dpi=120, layout="constrained")
    plot_cells(regions, axes, color="class")
    figure.savefig(DOCS / "digits2.png", metadata={"Software": None}, pil_kwargs={"optimize": True})


def draw_controller() -> None:
    """Draw the controller of the notebook by its torque."""
    net = pr.load(examples.path("pendulum"))
    regions = pr.enumerate_regions(net, pr.Box.cube(2, 1.0))
    figure, axes = plt.subplots(figsize=(5.2, 4.6), dpi=120, layout="constrained")
    plot_cells(regions, axes, color="output", labels=["angle / π", "velocity / 8"])
    axes.set_title(f"torque on {len(regions)} regions", loc="left", fontsize=10)
    figure.savefig(
        DOCS / "controller.png", metadata={"Software": None}, pil_kwargs={"optimize": True}
    )


def draw_regions() -> None:
    """Draw regions with their patterns beside linear regions, and the graph over both."""
    net = network()
    regions = pr.enumerate_regions(net, pr.Box.cube(2, 1.0))
    linear = linear_regions(regions)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.4), dpi=80)
    plot_cells(regions, left)
    bits = unpack(regions.patterns, net.hidden_units)
    polygons = list(region_corners(regions))
    for row, polygon in zip(bits, polygons, strict=True):
        left.annotate("".join(map(str, row)), np.mean(polygon, axis=0), ha="center", va="center")
    # the picture's own title and legend make room for one line
    left.set_title("", loc="left")
    left.get_legend().remove()
    left.set(xlabel="", ylabel="")
    left.set_title(f"{len(regions)} regions (R2), with their patterns", fontsize=10)
    shades = ("#cfe0f1", "#f3d9a4", "#d5c3dd", "#cfe3c3", "#eeb9a4")
    for label, polygon in zip(linear.open, polygons, strict=True):
        right.fill(*np.transpose(polygon), color=shades[int(label) % len(shades)])
    right.set_title(
        f"{linear.counts['R4']} linear regions (R4), and which regions touch", fontsize=10
    )
    for source, target in regions.edges:
        ends = np.array([np.mean(polygons[source], axis=0), np.mean(polygons[target], axis=0)])
        right.plot(*ends.T, color="0.15", linewidth=0.8, marker="o", markersize=3)
    for axes in (left, right):
        axes.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal")
    figure.tight_layout()
    figure.savefig(DOCS / "regions.png", metadata={"Software": None})


def run_script(script: Path) -> None:
    """Run a script of the gallery, and keep its picture, its page and what it prints beside it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-W", "ignore::UserWarning", script]
        run = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE)
        for written in [*Path(folder).glob("*.png"), *Path(folder).glob("*.html")]:
            (script.parent / written.name).write_bytes(written.read_bytes())
    if run.stdout:
        script.with_suffix(".txt").write_bytes(run.stdout)


SCRIPTS = sorted(DOCS.glob("gallery/*.py"))
DRAWN = {
    "regions": draw_regions,
    "digits2": draw_classes,
    "controller": draw_controller,
    **{f"gallery/{script.stem}": partial(run_script, script) for script in SCRIPTS},
}

if __name__ == "__main__":
    for name in sys.argv[1:] or DRAWN:
        DRAWN[name]()
