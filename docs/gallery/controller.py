"""Turn a controller into a piecewise-affine function: JSON, MATLAB and C."""

from pathlib import Path

import polyregions as pr
from polyregions import examples

net = pr.load(examples.path("pendulum"))  # or your .onnx

# loaded
regions = pr.enumerate_regions(net, pr.Box.cube(2, 1.0))
for name in ("pendulum.json", "pendulum.mat", "pendulum.c"):
    pr.export(regions, name)
    print(name, Path(name).stat().st_size, "bytes")
axes = pr.plot_cells(regions, color="output", labels=["angle / π", "velocity / 8"])
pr.save_figure(axes, "controller.png", dpi=80)
