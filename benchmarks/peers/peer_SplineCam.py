"""SplineCam, from a checkout on PYTHONPATH: polygons of a plane, layer by layer, on the processor.

Its own loop over layers wants a CUDA device; the functions that the loop calls do not, so they
are called here, in double precision.
"""

import os
import sys
import types

# it was written for a torch whose script compiler took it; later ones run it uncompiled
os.environ.setdefault("PYTORCH_JIT", "0")
# only its ready-made image models need torchvision
sys.modules.setdefault("torchvision", types.ModuleType("torchvision")).models = None

import splinecam  # noqa: E402
import torch  # noqa: E402
from measure import measure, problem  # noqa: E402

layers, radius = problem()
if layers[0][0].shape[1] != 2:
    raise SystemExit("two inputs only")
torch.set_num_threads(1)
parts = []
for weight, bias in layers:
    part = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
    with torch.no_grad():
        part.weight.copy_(torch.tensor(weight))
        part.bias.copy_(torch.tensor(bias))
    parts += [part, torch.nn.ReLU()]
model = torch.nn.Sequential(*parts[:-1]).eval()
corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
square = radius * torch.tensor(corners, dtype=torch.float64)


@torch.no_grad()
def run():
    plane = splinecam.utils.get_proj_mat(square)
    wrapped = splinecam.wrappers.model_wrapper(
        model, input_shape=(2,), T=plane, dtype=torch.float64, device="cpu"
    )
    stages = wrapped.layers
    polygons = [(plane[:, :-1].T @ (square.T - plane[:, -1:])).T]
    maps = stages[0].get_weights()[None]
    # the first stage is the plane, the last one bends nothing
    for number in range(1, len(stages) - 1):
        polygons, parents = splinecam.graph.to_next_layer_partition(
            polygons, maps, number, wrapped, torch.float64, "cpu"
        )
        means = splinecam.utils.get_region_means(polygons, 2, torch.float64, "cpu")
        active = stages[number].get_activation_pattern(stages[:number].forward(means))
        weights = stages[number].get_weights()
        maps = splinecam.utils.get_Abw(active, weights, maps[torch.as_tensor(parents)])
    return len(polygons), None, ""


measure(run, "checkout")
