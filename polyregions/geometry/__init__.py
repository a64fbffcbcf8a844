"""Geometry of a cell: its rows with their error radii, and the pattern beyond a facet."""
