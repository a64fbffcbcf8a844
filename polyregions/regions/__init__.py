"""Regions as values: what a walk found, and what one region says about itself."""

from polyregions.regions.region import Region
from polyregions.regions.regions import Regions, check_region, check_regions

__all__ = ["Region", "Regions", "check_region", "check_regions"]
