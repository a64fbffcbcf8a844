"""Domains, and the chart in which each lies in a cube."""

from polyregions.domain.domains import Box, Domain, Polytope

__all__ = ["Box", "Domain", "Polytope"]
