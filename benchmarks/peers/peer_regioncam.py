"""regioncam: the faces of a planar subdivision, in single precision."""

from importlib.metadata import version

import numpy as np
import regioncam
from measure import measure, problem

layers, radius = problem()
if layers[0][0].shape[1] != 2:
    raise SystemExit("two inputs only")


def run():
    plane = regioncam.Regioncam(size=radius)
    for weight, bias in layers[:-1]:
        plane.linear(np.ascontiguousarray(weight.T, np.float32), bias.astype(np.float32))
        plane.relu()
    inner = sum(not edge.is_image_boundary for edge in plane.edges)
    return plane.num_faces, inner, ""


measure(run, version("regioncam"))
