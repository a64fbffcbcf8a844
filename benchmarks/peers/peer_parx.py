"""parx: a search over facets in the whole space, in Julia or else in its own slow Python.

It has no domain. The regions that meet the cube are counted here, outside of its own time.
"""

import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from measure import measure, problem
from scipy.optimize import linprog

SMALL = 1e-9  # hint: a ball of this radius is a region's, a smaller one rounding's
METHOD = "exact_julia_fast"
if shutil.which("julia") is None:
    # its import refuses to start without a program of that name, which this method never calls
    METHOD = "exact_python"
    stand_in = Path(tempfile.mkdtemp()) / "julia"
    stand_in.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    stand_in.chmod(0o755)
    os.environ["PATH"] = f"{stand_in.parent}{os.pathsep}{os.environ['PATH']}"
os.environ.setdefault("JULIA_NUM_THREADS", "1")

import parx  # noqa: E402
import torch  # noqa: E402

layers, radius = problem()
inputs = layers[0][0].shape[1]
parts = []
for weight, bias in layers:
    part = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
    with torch.no_grad():
        part.weight.copy_(torch.tensor(weight))
        part.bias.copy_(torch.tensor(bias))
    parts += [part, torch.nn.ReLU()]
model = torch.nn.Sequential(*parts[:-1])
start = np.random.default_rng(0).uniform(-radius, radius, (1, inputs))
last = []


def run():
    last[:] = [parx.compute_partition(model, start, method=METHOD)]
    return 0, None, ""


def regions():
    """Count the regions that hold a ball inside the cube, and all of them."""
    partition, meeting = last[0], 0
    sides = np.vstack([np.eye(inputs), -np.eye(inputs)])
    for region in partition.regions:
        normals, offsets = partition.halfspaces(region)
        normals = np.vstack([normals, sides])
        lengths = np.linalg.norm(normals, axis=1)
        # the deepest point: largest radius of a ball, at most 1
        deepest = linprog(
            np.append(np.zeros(inputs), -1.0),
            A_ub=np.column_stack([normals, lengths]),
            b_ub=np.append(offsets, np.full(2 * inputs, radius)),
            bounds=[(None, None)] * inputs + [(None, 1.0)],
        )
        meeting += bool(deepest.success and deepest.x[-1] > SMALL)
    return meeting, len(partition)


if METHOD == "exact_julia_fast":
    parx.precompile()
measure(run, f"{version('parx')}, {METHOD}", regions)
