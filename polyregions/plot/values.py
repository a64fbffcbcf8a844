"""What cells can be coloured by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.adjacency import facet_unit, layer_of_unit, walk_layers
from polyregions.analysis.affine_maps import affine_maps
from polyregions.analysis.lipschitz import gradient_norms
from polyregions.errors import PolyregionsError
from polyregions.plot.colors import CLASS_COLORS, LAYER_COLORS, pattern_colors
from polyregions.regions import Regions

__all__ = ["COLORINGS", "Values", "cell_values", "facet_layers"]

Floats = NDArray[np.float64]

COLORINGS = ("pattern", "layer", "output", "gradient", "class", "distance")


@dataclass(frozen=True, eq=False)
class Values:
    """How cells are coloured.

    Attributes
    ----------
    colors : numpy.ndarray, shape (R, 3), or None
        Fixed colours in [0, 1].
    numbers : numpy.ndarray, shape (R,), or None
        Numbers for a colour map, instead.
    label : str
    legend : tuple of (str, str)
        Text and colour, where colours are categories.
    """

    colors: Floats | None
    numbers: Floats | None
    label: str
    legend: tuple[tuple[str, str], ...] = ()


def cell_values(regions: Regions, by: str = "pattern", output: int = 0) -> Values:
    """Return what cells are coloured by.

    Parameters
    ----------
    regions : Regions
    by : {"pattern", "layer", "output", "gradient", "class", "distance"}
        Pattern: stable over pictures. Layer: the lowest layer that carries one of the
        cell's facets. Output: the output's value at the witness. Gradient: the operator
        2-norm. Class: the largest output at the witness (one output: its sign).
        Distance: facets crossed from the region nearest to the window's centre.
    output : int
    """
    if by == "pattern":
        return Values(pattern_colors(regions.patterns), None, "activation pattern")
    if by == "layer":
        layers = np.full(len(regions), -1, dtype=np.int64)
        of_edge = facet_layers(regions)
        lowest = np.full(len(regions), len(regions.network.widths), dtype=np.int64)
        for end in regions.edges.T:
            np.minimum.at(lowest, end, of_edge)
        layers = np.where(lowest < len(regions.network.widths), lowest, -1)
        return _categories(layers, "cut by layer", _soft(LAYER_COLORS), first=1)
    if by == "class":
        values = regions.network.forward(regions.witnesses)
        single = values.shape[1] == 1
        classes = (values[:, 0] > 0).astype(np.int64) if single else values.argmax(axis=1)
        return _categories(classes, "sign" if single else "class", CLASS_COLORS)
    if by == "output":
        maps = affine_maps(regions)
        row = range(maps.shift.shape[1])[output]
        middle = np.einsum("rn,rn->r", maps.matrix[:, row], regions.witnesses)
        return Values(None, middle + maps.shift[:, row], f"output {row}")
    if by == "gradient":
        return Values(None, gradient_norms(regions), "norm of the gradient")
    if by == "distance":
        centre = np.median(regions.witnesses, axis=0)
        start = int(np.argmin(((regions.witnesses - centre) ** 2).sum(axis=1)))
        return Values(None, walk_layers(regions, start).astype(np.float64), "facets crossed")
    raise PolyregionsError(f"cells cannot be coloured by {by!r}; take {', '.join(COLORINGS)}")


def facet_layers(regions: Regions) -> NDArray[np.int64]:
    """Return the bent layer (0, 1, …) that carries each edge's facet, shape (E,)."""
    return layer_of_unit(regions.network.widths)[facet_unit(regions)]


def _categories(
    labels: NDArray[np.int64], title: str, palette: tuple[str, ...], *, first: int = 0
) -> Values:
    table = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in palette])
    colors = table[labels % len(palette)]
    colors[labels < 0] = 0.9
    legend = tuple(
        (f"{title} {label + first}" if label >= 0 else "no facet", palette[label % len(palette)])
        for label in np.unique(labels).tolist()
    )
    return Values(colors, None, title, legend)


def _soft(palette: tuple[str, ...]) -> tuple[str, ...]:
    """Return lighter colours, so that dark facets show on them."""
    softened = []
    for color in palette:
        parts = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
        softened.append("#" + "".join(f"{(part + 2 * 255) // 3:02x}" for part in parts))
    return tuple(softened)
