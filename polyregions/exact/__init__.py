"""Exact arithmetic: dyadic numbers, the simplex over integers, facets of exact polytopes."""
