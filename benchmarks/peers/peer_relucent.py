"""relucent: a search over neighbours with Gurobi, restricted to the cube."""

import relucent
from measure import measure, problem
from relucent.model.model import LinearLayer, ReLULayer, ReLUNetwork

layers, radius = problem()


def run():
    parts = []
    for weight, bias in layers[:-1]:
        parts += [LinearLayer(weight, bias), ReLULayer()]
    parts.append(LinearLayer(*layers[-1]))
    cells = relucent.Complex(ReLUNetwork(parts))
    found = cells.bfs(
        relucent.generic_topology_start(cells) * 0.01,
        nworkers=1,
        cube_radius=radius,
        cube_mode="intersect",
        verify=False,
        verbose=0,
    )
    failed = len(found.bad_shi_computations)
    remark = "" if found.complete else f"says incomplete, {failed} failures"
    return len(cells), cells.G.number_of_edges(), remark


if __name__ == "__main__":  # it may start processes, which import this file
    measure(run, relucent.__version__)
