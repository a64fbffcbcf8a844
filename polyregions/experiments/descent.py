"""How networks are drawn and trained: one loop for every experiment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.files.reading import import_extra
from polyregions.io.torch_modules import from_torch
from polyregions.network import Network

__all__ = ["BATCH", "BIAS_DEVIATION", "Snapshot", "initial_parameters", "trained"]

BATCH = 128
BIAS_DEVIATION = 1e-3

Parameters = list[tuple[NDArray[np.float32], NDArray[np.float32]]]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A network at one moment of its training.

    Attributes
    ----------
    epoch : float
    step : int
        Batches until then.
    network : Network
    loss, accuracy : float
        On all that it is trained on.
    """

    epoch: float
    step: int
    network: Network
    loss: float
    accuracy: float


def initial_parameters(
    sizes: Sequence[int], rng: np.random.Generator, *, bias_deviation: float = BIAS_DEVIATION
) -> Parameters:
    """Draw He-normal weights N(0, 2 / fan-in) and small normal biases.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden widths, outputs.
    rng : numpy.random.Generator
    bias_deviation : float

    Examples
    --------
    >>> [w.shape for w, b in initial_parameters((4, 8, 2), np.random.default_rng(0))]
    [(8, 4), (2, 8)]
    """
    return [
        (
            (sqrt(2 / below) * rng.standard_normal((above, below))).astype(np.float32),
            (bias_deviation * rng.standard_normal(above)).astype(np.float32),
        )
        for below, above in pairwise(sizes)
    ]


def trained(
    parameters: Parameters,
    inputs: NDArray[np.float64],
    labels: NDArray[np.int64],
    epochs: Sequence[float],
    rng: np.random.Generator,
    *,
    rate: float = 1e-3,
) -> Iterator[Snapshot]:
    """Yield a network as it is at given epochs of its training.

    Parameters
    ----------
    parameters : list of (weight, bias)
        At the start.
    inputs : numpy.ndarray, shape (k, n)
    labels : numpy.ndarray of int, shape (k,)
    epochs : sequence of float
        Fractions are rounded up to whole batches; 0 is the start.
    rng : numpy.random.Generator
        Shuffles the inputs before each epoch.
    rate : float

    Raises
    ------
    MissingExtraError
        If torch is not installed.

    Notes
    -----
    *Algorithm.* Adam with torch's defaults but for the rate, batches of 128 without the
    rest of an epoch, softmax cross-entropy, single precision. One thread, so that the same
    seed gives the same floats on one machine.
    """
    torch = import_extra("torch", "experiments", "training networks")
    module = _module(torch, parameters)
    x = torch.from_numpy(inputs.astype(np.float32))
    y = torch.from_numpy(labels.astype(np.int64))
    optimiser = torch.optim.Adam(module.parameters(), lr=rate)
    batch = min(BATCH, len(x))
    per_epoch = len(x) // batch
    step = 0
    order = np.arange(len(x))
    for epoch in sorted(set(epochs)):
        with _one_thread(torch):
            while step < ceil(epoch * per_epoch):
                place = step % per_epoch
                if place == 0:
                    order = rng.permutation(len(x))
                chosen = torch.from_numpy(order[place * batch : (place + 1) * batch])
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(module(x[chosen]), y[chosen]).backward()
                optimiser.step()
                step += 1
            with torch.no_grad():
                scores = module(x)
                loss = float(torch.nn.functional.cross_entropy(scores, y))
                accuracy = float((scores.argmax(dim=1) == y).float().mean())
            network = from_torch(module, name=f"epoch {epoch:g}")
        yield Snapshot(epoch, step, network, loss, accuracy)


def _module(torch: Any, parameters: Parameters) -> Any:
    layers: list[Any] = []
    for weight, bias in parameters:
        linear = torch.nn.utils.skip_init(torch.nn.Linear, weight.shape[1], weight.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight))
            linear.bias.copy_(torch.from_numpy(bias))
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


@contextmanager
def _one_thread(torch: Any) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
