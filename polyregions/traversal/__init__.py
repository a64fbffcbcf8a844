"""Walks over the regions of a network: breadth-first, and its exact twin."""
