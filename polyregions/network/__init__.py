"""Networks, and the forms that questions take them in: flat, stable, numbered, modular, exact."""

from polyregions.arrays import MAX_DENSE
from polyregions.network.layer import Layer
from polyregions.network.network import Network, input_point, input_points

__all__ = ["MAX_DENSE", "Layer", "Network", "input_point", "input_points"]
