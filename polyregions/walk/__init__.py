"""The walk: breadth first from region to adjacent region, and its exact twin."""
