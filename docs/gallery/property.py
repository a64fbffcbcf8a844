"""Find the largest output, and prove a property."""

from pathlib import Path

import polyregions as pr
from polyregions import examples

net = pr.load(examples.path("pendulum"))  # or your .onnx
Path("torque.vnnlib").write_text("""\
(declare-const X_0 Real) (declare-const X_1 Real) (declare-const Y_0 Real)
(assert (and (>= X_0 -1) (<= X_0 1) (>= X_1 -1) (<= X_1 1)))
(assert (>= Y_0 1.5))  ; what a counterexample satisfies
""")

# loaded
largest = pr.maximum(net, pr.Box.cube(2, 1.0))
at = [float(x) for x in largest.point]
print("largest torque:", float(largest.value), "at", at)
print("which is exactly", str(largest.value)[:24], "...")
print("torque below 1.5 everywhere:", pr.verify(net, "torque.vnnlib"))
regions = pr.enumerate_regions(net, pr.Box.cube(2, 1.0))
axes = pr.plot_cells(regions, color="output", labels=["angle / π", "velocity / 8"])
pr.plot_points(regions, [at], axes)
pr.save_figure(axes, "property.png", dpi=80)
