"""Geometry of patterns: charts of domains, rows of polytopes, crossings of facets."""
