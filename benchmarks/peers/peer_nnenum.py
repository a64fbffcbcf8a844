"""nnenum, from the folder `src` of a checkout on PYTHONPATH: exact path enumeration, no property.

Each star set that is left at the end is one pattern of the units that it had to split.
"""

import contextlib
import io

import numpy as np
from measure import measure, problem
from nnenum.enumerate import enumerate_network
from nnenum.network import FullyConnectedLayer, NeuralNetwork, ReluLayer
from nnenum.settings import Settings

layers, radius = problem()
inputs = layers[0][0].shape[1]
cube = np.array([[-radius, radius]] * inputs)


def network():
    parts = []
    for weight, bias in layers:
        width, before = weight.shape
        parts.append(FullyConnectedLayer(len(parts), weight, bias, (before,)))
        parts.append(ReluLayer(len(parts), (width,)))
    return NeuralNetwork(parts[:-1])  # the last layer bends nothing


def run():
    # its settings for one process that splits every unit and approximates nothing
    Settings.NUM_PROCESSES = 1
    Settings.BRANCH_MODE = Settings.BRANCH_EXACT
    Settings.TRY_QUICK_OVERAPPROX = False
    Settings.PRINT_PROGRESS = False
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        result = enumerate_network(cube, network())
    if result.result_str == "error":
        # it prints what was raised, and goes on
        raised = [line for line in said.getvalue().splitlines() if "Error" in line[:40]]
        raise SystemExit(raised[-1] if raised else "an error inside of it")
    return result.total_stars, None, ""


if __name__ == "__main__":  # it starts a process, which may import this file
    measure(run, "checkout")
