"""polyregions itself, measured as the others are; kernels compiled or loaded before."""

import os
import sys

from measure import measure, problem

import polyregions as pr
from polyregions.tree.subdivision import count_tree

# what is measured are compiled kernels
os.environ["POLYREGIONS_COMPILE_FIRST"] = "1"

layers, radius = problem()
network = pr.Network.from_arrays(layers)
box = pr.Box.cube(network.input_dimension, radius)
arithmetic = sys.argv[3] if len(sys.argv) > 3 else "certified"


def count():
    counted = count_tree(network, box)
    assert counted.complete
    assert counted.proven
    return counted.regions, None, ""


def run():
    regions = pr.enumerate_regions(network, box, arithmetic=arithmetic)
    assert regions.complete
    assert regions.proven
    return len(regions), len(regions.edges), ""


small = pr.Network.from_arrays([([[1.0] * network.input_dimension], [0.1]), ([[1.0]], [0.0])])
if arithmetic == "count":
    count_tree(small, box)
    count_tree(network, box, max_regions=50)
    measure(count, pr.__version__)
else:
    pr.enumerate_regions(small, box)
    if arithmetic == "certified":
        pr.enumerate_regions(network, box, max_regions=50)
    measure(run, pr.__version__)
