"""The certified walk beside the rational one, and one thread beside two."""

from __future__ import annotations

import numpy as np

import polyregions as pr
from polyregions.domain import Domain
from polyregions.walk.rational_walk import walk_exactly

__all__ = ["same_bytes", "same_walk"]


def same_walk(network: pr.Network, domain: Domain | None) -> pr.Regions:
    """Walk twice: patterns and edges must be those of the walk in exact arithmetic."""
    regions, expected = pr.enumerate_regions(network, domain), walk_exactly(network, domain)
    np.testing.assert_array_equal(regions.patterns, expected.patterns)
    np.testing.assert_array_equal(regions.edges, expected.edges)
    assert regions.complete
    assert regions.proven
    return regions


def same_bytes(network: pr.Network, domain: Domain | None, threads: int = 2) -> None:
    """The result of several threads must be that of one, byte by byte."""
    alone = pr.enumerate_regions(network, domain)
    together = pr.enumerate_regions(network, domain, threads=threads)
    for name in ("patterns", "witnesses", "edges"):
        assert getattr(alone, name).tobytes() == getattr(together, name).tobytes(), name
    assert alone.exact_decisions == together.exact_decisions
