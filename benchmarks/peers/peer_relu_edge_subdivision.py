"""relu_edge_subdivision, from a checkout on PYTHONPATH: vertices and edges of the complex.

It finds vertices with the signs of all units. Regions follow from them here, outside of its
own time: each vertex is in the closure of the regions whose signs agree with it where it has any.
"""

import itertools

import numpy as np
import torch
from edge_subdivision import skeletal_subdivision
from measure import measure, problem
from NN import Net

layers, radius = problem()
inputs = layers[0][0].shape[1]
network = Net([inputs, *(len(bias) for _, bias in layers[:-1])])
with torch.no_grad():
    for part, (weight, bias) in zip(network.fcs, layers[:-1], strict=True):
        part.weight.copy_(torch.tensor(weight, dtype=torch.float32))
        part.bias.copy_(torch.tensor(bias, dtype=torch.float32))
last = []


def run():
    with torch.no_grad():
        found = skeletal_subdivision(network, (-radius, radius), device="cpu", verbose=False)
    last[:] = [found[2].numpy()]
    return 0, None, "no adjacency of regions; counted from its vertices"


def regions():
    """Count the sign vectors around all vertices, inside the cube."""
    signs = last[0][:, 2 * inputs :]
    around = set()
    for vertex in signs:
        zeros = np.flatnonzero(vertex == 0)
        for choice in itertools.product((-1, 1), repeat=len(zeros)):
            vertex[zeros] = choice
            around.add(vertex.tobytes())
        vertex[zeros] = 0
    return len(around)


measure(run, "checkout", regions)
