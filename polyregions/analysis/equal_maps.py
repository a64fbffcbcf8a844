"""Which regions carry exactly the same affine map; see :mod:`polyregions.regions.equal_maps`."""

from polyregions.regions.equal_maps import Labels, equal_map_classes

__all__ = ["Labels", "equal_map_classes"]
