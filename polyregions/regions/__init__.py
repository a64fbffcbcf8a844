"""Regions as values: what a walk found, and what one region says about itself."""

from polyregions.regions.regions import Region, Regions

__all__ = ["Region", "Regions"]
