"""How the cells grow layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polyregions.errors import PolyregionsError
from polyregions.network import Layer, Network
from polyregions.plot.cells import plot_cells
from polyregions.plot.figure import with_matplotlib
from polyregions.plot.values import COLORINGS, OF_THE_OUTPUTS
from polyregions.walk.breadth_first import enumerate_regions

if TYPE_CHECKING:
    from matplotlib.figure import Figure
from polyregions.run.given import DomainLike, NetworkLike, network_given

__all__ = ["first_layers", "plot_growth"]


def first_layers(network: Network, bent: int) -> Network:
    """Return the network up to its `bent`-th layer with units that bend.

    Its patterns are the first bits of the whole network's.

    Examples
    --------
    >>> net = Network.from_arrays([([[1]], [0]), ([[1]], [0]), ([[1]], [0])])
    >>> first_layers(net, 1).widths
    (1,)
    """
    places = [i for i, layer in enumerate(network.layers) if layer.bends.any()]
    kept = network.layers[: places[range(len(places))[bent - 1]] + 1]
    last = Layer.affine(np.ones((1, len(kept[-1].bias))), [0.0])
    return Network((*kept, last), name=f"{network.name}, first {bent}" if bent > 1 else "layer 1")


def plot_growth(network: NetworkLike, domain: DomainLike, *, color: str = "pattern") -> Figure:
    """Draw the cells of the first layer, of the first two, and so on, side by side.

    Parameters
    ----------
    network : Network
    domain : Box or Polytope
        With two free inputs.
    color : str
        "pattern", "layer" or "distance".

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    PolyregionsError
        If the colour is one of the network's outputs, which its first layers do not have.
    """
    if color in OF_THE_OUTPUTS:
        others = ", ".join(by for by in COLORINGS if by not in OF_THE_OUTPUTS)
        raise PolyregionsError(
            f"the first layers of a network have no outputs to colour by; take {others}, "
            f"not {color}"
        )
    network = network_given(network)
    depth = len(network.widths)
    columns = min(depth, 4)
    rows = -(-depth // columns)
    figure: Figure = with_matplotlib("matplotlib.figure").Figure(
        figsize=(4.2 * columns, 4.4 * rows), layout="constrained", dpi=150
    )
    for bent in range(1, depth + 1):
        regions = enumerate_regions(first_layers(network, bent), domain)
        axes = figure.add_subplot(rows, columns, bent)
        plot_cells(regions, axes, color=color)
        layers = "layer 1" if bent == 1 else f"layers 1-{bent}"
        axes.set_title(f"{layers}: {len(regions):,} regions", loc="left", fontsize=10, pad=18)
        axes.set(xlabel="", ylabel="")
    return figure
