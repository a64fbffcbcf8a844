"""How many regions does `level` look at? python benchmarks/level.py [NETWORK ...]

A network 3-64-64-64-1 is trained to be the signed distance to a torus (torch, some seconds, the
same weights for a version of torch), and its surface, distance 0, is sought in the cube; then the
middle value of the output of each network that is named, in [-1, 1]^n. Beside the regions that
were looked at, the number of all, by the tree, which may take minutes.
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise

import numpy as np
import torch

import polyregions as pr

STEPS = 1500


def torus(points: np.ndarray) -> np.ndarray:
    """Return signed distances to a torus about the third axis."""
    ring = np.hypot(points[:, 0], points[:, 1]) - 0.55
    return np.hypot(ring, points[:, 2]) - 0.22


def trained() -> pr.Network:
    """Return the trained network."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    shape = (3, 64, 64, 64)
    layers: list[torch.nn.Module] = []
    for below, above in pairwise(shape):
        layers += [torch.nn.Linear(below, above), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(shape[-1], 1))
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        points = rng.uniform(-1, 1, (1024, 3))
        wanted = torch.tensor(torus(points), dtype=torch.float32)
        given = model(torch.tensor(points, dtype=torch.float32))[:, 0]
        loss = ((given - wanted) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rates.step()
    return pr.from_torch(model)


def row(name: str, network: pr.Network, value: float) -> str:
    """Ask, count, and return a row of the table."""
    box = pr.Box.cube(network.input_dimension, 1.0)
    begin = time.process_time()
    found = pr.level(network, box, value)
    seconds = time.process_time() - begin
    begin = time.process_time()
    everything = pr.count_regions(network, box)
    counting = time.process_time() - begin
    return (
        f"| {name} | {value:.6g} | {len(found):,} | {found.visited:,} | {everything:,} "
        f"| {found.visited / everything:.2%} | {seconds:.1f} | {counting:.1f} |"
    )


def main(files: list[str]) -> None:
    """Print a table."""
    small = pr.Network.from_arrays([([[1.0, 0.0, 0.0]], [0.0]), ([[1.0]], [0.0])])
    for ask in (pr.level, pr.count_regions):
        ask(small, pr.Box.cube(3, 1.0))  # load kernels
    print("| network | value | pieces | looked at | all regions | share | s of CPU | s to count |")
    print("|---|---|---|---|---|---|---|---|")
    print(row("torus, 3-64-64-64-1", trained(), 0.0), flush=True)
    for file in files:
        network = pr.load(file)
        points = np.random.default_rng(0).uniform(-1, 1, (9999, network.input_dimension))
        middle = float(np.median(network.forward(points)[:, 0]))
        print(row(network.name, network, middle), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
