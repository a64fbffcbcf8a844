"""The one place where the experiments count."""

from __future__ import annotations

from typing import Any

from polyregions.domain import Domain
from polyregions.network import Network
from polyregions.regions import Regions

__all__ = ["all_regions", "counts"]


def all_regions(network: Network, domain: Domain | None) -> Regions:
    """Return every region of a network in a domain.

    Raises
    ------
    PartialResultError
        If there are more than a walk can number: a part must not enter a table.
    """
    from polyregions.analysis.adjacency import require_complete
    from polyregions.walk.breadth_first import enumerate_regions

    regions = enumerate_regions(network, domain)
    require_complete(regions, "experiments")
    return regions


def counts(network: Network, **domains: Domain | None) -> dict[str, Any]:
    """Return the columns that say how many regions a network has in some domains.

    Parameters
    ----------
    network : Network
    **domains : Box, Polytope or None
        None is the whole space.

    Returns
    -------
    dict
        A column per domain, ``complete``, ``proven`` (all of them), ``exact_decisions``.

    Examples
    --------
    >>> net = Network.from_arrays([([[1.0], [1.0]], [0.0, -5.0]), ([[1.0, 1.0]], [0.0])])
    >>> from polyregions.domain import Box
    >>> counts(net, window=Box.cube(1, 1.0), whole=None)
    {'window': 2, 'whole': 3, 'complete': True, 'proven': True, 'exact_decisions': 0}
    """
    row: dict[str, Any] = {}
    complete, proven, exact = True, True, 0
    for name, domain in domains.items():
        regions = all_regions(network, domain)
        row[name] = len(regions)
        complete &= regions.complete
        proven &= regions.proven
        exact += regions.exact_decisions
    return row | {"complete": complete, "proven": proven, "exact_decisions": exact}
