"""What cells can be coloured by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.adjacency import facet_unit, layer_of_unit, walk_layers
from polyregions.analysis.affine_maps import affine_maps, free_inputs
from polyregions.analysis.decision import decision_in
from polyregions.analysis.lipschitz import gradient_norms
from polyregions.arrays import Floats
from polyregions.errors import PolyregionsError, shown
from polyregions.pattern import Words
from polyregions.regions import Regions

__all__ = [
    "CLASS_COLORS",
    "COLORINGS",
    "LAYER_COLORS",
    "OF_THE_OUTPUTS",
    "PATTERN",
    "Values",
    "cell_values",
    "check_coloring",
    "checked_class_names",
    "class_color",
    "facet_layers",
    "layer_color",
    "pattern_colors",
    "to_hex",
]

# The first seven are those of Okabe & Ito (2008) without black. The other classes, and layers,
# are far from all before them in the perceptual space, also as the two common deficiencies see
# them. Layers are darker than every class: their lines lie on cells of any colour.
CLASS_COLORS = (
    "#56b4e9",
    "#e69f00",
    "#009e73",
    "#f0e442",
    "#0072b2",
    "#d55e00",
    "#cc79a7",
    "#88fafc",
    "#aac7a9",
    "#a9380e",
    "#0b40ff",
    "#378bfd",
)

LAYER_COLORS = ("#2a1f8f", "#8b0f3a", "#00503c", "#5c2d00", "#6a1fb0", "#0f4c75")

_LONGEST_NAME = 30  # characters of a class

_ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))

COLORINGS = ("pattern", "layer", "output", "gradient", "class", "distance")

PATTERN = "activation pattern"

OF_THE_OUTPUTS = ("output", "gradient", "class")  # what a network without its last layers lacks


def class_color(k: int) -> str:
    """Return the colour of class k in every picture, as #rrggbb; it returns after twelve.

    Examples
    --------
    >>> class_color(0), class_color(12)
    ('#56b4e9', '#56b4e9')
    """
    return CLASS_COLORS[k % len(CLASS_COLORS)]


def layer_color(k: int) -> str:
    """Return the colour of what belongs to the bent layer k, 0 being the first."""
    return LAYER_COLORS[k % len(LAYER_COLORS)]


def pattern_colors(patterns: Words) -> Floats:
    """Return a colour for each pattern that depends on nothing but the pattern.

    Parameters
    ----------
    patterns : numpy.ndarray of uint64, shape (R, W)

    Returns
    -------
    numpy.ndarray of float64 in [0, 1], shape (R, 3)
        sRGB.

    Examples
    --------
    >>> to_hex(pattern_colors(np.array([[5], [6]], dtype=np.uint64)))
    ['#9cb4b7', '#dbeaea']
    """
    mixed = np.zeros(len(patterns), dtype=np.uint64)
    for column in np.asarray(patterns, dtype=np.uint64).T:
        mixed = _mix(mixed * np.uint64(0x9E3779B97F4A7C15) + column + np.uint64(1))
    parts = [(mixed >> np.uint64(shift) & np.uint64(0xFFFF)) / 65535.0 for shift in (0, 16, 32)]
    lightness = 0.70 + 0.26 * parts[0]
    # along the blue-yellow axis first, and a little across it
    return _srgb(lightness, 0.05 * (parts[2] - 0.5), 0.20 * (parts[1] - 0.5))


def to_hex(colors: Floats) -> list[str]:
    """Return colours in [0, 1] as #rrggbb."""
    whole = np.rint(np.clip(colors, 0, 1) * 255).astype(int)
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in whole.tolist()]


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix bits (the finaliser of SplitMix64, Steele et al. 2014)."""
    for shift, factor in _ROUNDS:
        values = (values ^ (values >> np.uint64(shift))) * np.uint64(factor)
    return values ^ (values >> np.uint64(31))


def _srgb(lightness: Floats, a: Floats, b: Floats) -> Floats:
    """Convert from the perceptual space OKLab (Ottosson 2020)."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = np.stack(
        [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ],
        axis=1,
    )
    linear = np.clip(linear, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@dataclass(frozen=True, eq=False)
class Values:
    """How cells are coloured.

    Attributes
    ----------
    regions : Regions
        What has these colours: the cells, or for the class the parts of cells on which it
        is constant.
    colors : numpy.ndarray, shape (R, 3), or None
        Fixed colours in [0, 1].
    numbers : numpy.ndarray, shape (R,), or None
        Numbers for a colour map, instead: at the witness, if they vary in a cell.
    label : str
    legend : tuple of (str, str)
        Text and colour, where colours are categories.
    slopes : numpy.ndarray, shape (R, d), or None
        How the number varies in each cell, by free input; None where it is constant.
    borders : numpy.ndarray of int64
        Edges of `regions` that are to be drawn as borders.
    """

    regions: Regions
    colors: Floats | None
    numbers: Floats | None
    label: str
    legend: tuple[tuple[str, str], ...] = ()
    slopes: Floats | None = None
    borders: NDArray[np.int64] | None = None

    def at(self, index: int, points: Floats) -> Floats:
        """Return the numbers at some points of one cell, in free inputs, shape (k,)."""
        assert self.numbers is not None
        if self.slopes is None:
            return np.full(len(points), self.numbers[index])
        start = self.regions.witnesses[index, free_inputs(self.regions)]
        return np.asarray(self.numbers[index] + (points - start) @ self.slopes[index])


def cell_values(
    regions: Regions,
    by: str = "pattern",
    output: int = 0,
    *,
    class_names: Sequence[str] | None = None,
) -> Values:
    """Return what cells are coloured by.

    Parameters
    ----------
    regions : Regions
    by : {"pattern", "layer", "output", "gradient", "class", "distance"}
        Pattern: stable over pictures. Layer: the lowest layer that carries one of the
        cell's facets. Output: the output's value, an affine function on each cell.
        Gradient: the operator 2-norm. Class: the largest output, the first of equal ones
        (one output: its sign), with cells cut along the exact decision boundary.
        Distance: facets crossed from the region nearest to the window's centre.
    output : int
    class_names : sequence of str, optional
        For ``by="class"``: what classes are called, one name for each.

    Raises
    ------
    PolyregionsError
        If there is no such colouring or no such output, or the names are not as many as
        the classes: the outputs, or two for the sign of one.
    """
    check_coloring(by, output, regions.network.output_dimension)
    names = checked_class_names(class_names, regions.network.output_dimension)
    if by == "pattern":
        return Values(regions, pattern_colors(regions.patterns), None, PATTERN)
    if by == "layer":
        layers = np.full(len(regions), -1, dtype=np.int64)
        of_edge = facet_layers(regions)
        lowest = np.full(len(regions), len(regions.network.widths), dtype=np.int64)
        for end in regions.edges.T:
            np.minimum.at(lowest, end, of_edge)
        layers = np.where(lowest < len(regions.network.widths), lowest, -1)
        return _categories(regions, layers, "cut by layer", _soft(LAYER_COLORS), first=1)
    if by == "class":
        cut = decision_in(regions)
        title = "sign" if regions.network.output_dimension == 1 else "class"
        found = _categories(cut.regions, cut.classes, title, CLASS_COLORS, borders=cut.edges)
        if names is None and regions.network.output_dimension == 1:
            names = ["output ≤ 0", "output > 0"]
        if names is None:
            return found
        present = np.unique(cut.classes).tolist()
        return replace(found, legend=tuple((names[k], class_color(k)) for k in present))
    if by == "output":
        maps = affine_maps(regions)
        middle = np.einsum("rn,rn->r", maps.matrix[:, output], regions.witnesses)
        return Values(
            regions,
            None,
            middle + maps.shift[:, output],
            f"output {output}",
            slopes=maps.matrix[:, output][:, free_inputs(regions)],
        )
    if by == "gradient":
        return Values(regions, None, gradient_norms(regions), "norm of the gradient")
    centre = np.median(regions.witnesses, axis=0)
    start = int(np.argmin(((regions.witnesses - centre) ** 2).sum(axis=1)))
    crossed = walk_layers(regions, start).astype(np.float64)
    return Values(regions, None, crossed, "facets crossed")


def check_coloring(by: str, output: int, outputs: int) -> None:
    """Refuse a colouring, or an output that a network of so many outputs does not have."""
    if by not in COLORINGS:
        raise PolyregionsError(f"cells cannot be coloured by {by!r}; take {', '.join(COLORINGS)}")
    if not 0 <= output < outputs:
        have = "only output 0" if outputs == 1 else f"outputs 0 to {outputs - 1}"
        raise PolyregionsError(f"there is no output {output}: the network has {have}")


def checked_class_names(names: Sequence[str] | None, outputs: int) -> list[str] | None:
    """Return names of classes as pictures show them, or refuse another number of them."""
    if names is None:
        return None
    count = 2 if outputs == 1 else outputs
    if isinstance(names, str) or len(names) != count:
        raise PolyregionsError(f"there are {count} classes, not {len(names)}; give a name for each")
    return [shown(str(name), _LONGEST_NAME) for name in names]


def facet_layers(regions: Regions) -> NDArray[np.int64]:
    """Return the bent layer (0, 1, …) that carries each edge's facet, shape (E,)."""
    return layer_of_unit(regions.network.widths)[facet_unit(regions)]


def _categories(
    regions: Regions,
    labels: NDArray[np.int64],
    title: str,
    palette: tuple[str, ...],
    *,
    first: int = 0,
    borders: NDArray[np.int64] | None = None,
) -> Values:
    table = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in palette])
    colors = table[labels % len(palette)]
    colors[labels < 0] = 0.9
    legend = tuple(
        (f"{title} {label + first}" if label >= 0 else "no facet", palette[label % len(palette)])
        for label in np.unique(labels).tolist()
    )
    return Values(regions, colors, None, title, legend, borders=borders)


def _soft(palette: tuple[str, ...]) -> tuple[str, ...]:
    """Return lighter colours, so that dark facets show on them."""
    softened = []
    for color in palette:
        parts = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
        softened.append("#" + "".join(f"{(part + 255) // 2:02x}" for part in parts))
    return tuple(softened)
