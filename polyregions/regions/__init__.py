"""Regions as values: what a walk found, and what one region says about itself."""

from polyregions.regions.regions import Region, Regions, check_region, check_regions

__all__ = ["Region", "Regions", "check_region", "check_regions"]
