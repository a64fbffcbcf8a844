"""Networks whose number of regions is known exactly.

Each function returns a :class:`KnownNetwork`: a network, a domain and the number of
activation regions of the one in the other. All parameters are floats without
rounding, so the count is that of the network as given.
"""

from polyregions.theory.constructions.hyperplanes import (
    axis_grid,
    braid,
    catalan,
    central_general_position,
    convolution,
    five_lines,
    general_position,
    resonance,
    shi,
    type_b,
    type_d,
)
from polyregions.theory.constructions.known import (
    KnownNetwork,
    absolute_value,
    all_active,
    all_dead,
    arrangement,
    duplicate_unit,
    folding,
    maximal_one_dimensional,
    maximum_example,
    minimum_example,
    orthants,
    permute_units,
    phantom_adjacency,
    rescale_unit,
    tent,
)

__all__ = [
    "KnownNetwork",
    "absolute_value",
    "all_active",
    "all_dead",
    "arrangement",
    "axis_grid",
    "braid",
    "catalan",
    "central_general_position",
    "convolution",
    "duplicate_unit",
    "five_lines",
    "folding",
    "general_position",
    "maximal_one_dimensional",
    "maximum_example",
    "minimum_example",
    "orthants",
    "permute_units",
    "phantom_adjacency",
    "rescale_unit",
    "resonance",
    "shi",
    "tent",
    "type_b",
    "type_d",
]
