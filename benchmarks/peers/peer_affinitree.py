"""affinitree: a decision tree of the network; its leaves in the cube."""

from importlib.metadata import version

from affinitree import AffFunc, AffTree, Architecture, Polytope, builder
from measure import measure, problem

layers, radius = problem()
inputs = layers[0][0].shape[1]


def run():
    architecture = Architecture(inputs)
    # the last layer bends nothing
    for weight, bias in layers[:-1]:
        architecture.linear(AffFunc.from_mats(weight, bias))
        architecture.relu()
    cube = Polytope.hyperrectangle(inputs, [(-radius, radius)] * inputs)
    inside = AffTree.from_poly(cube, AffFunc.identity(inputs))
    return builder.from_layers(architecture, inside).num_terminals(), None, ""


measure(run, version("affinitree"))
