"""What an exact run will take, from a short one."""

from __future__ import annotations

import time
from dataclasses import dataclass

from polyregions.domain import Domain
from polyregions.markup import titled
from polyregions.network import Network
from polyregions.pattern import n_words
from polyregions.run.limits import limits_of
from polyregions.run.problem import problem_of
from polyregions.run.progress import Interrupt, OnInterrupt
from polyregions.tree.subdivision import count_tree
from polyregions.walk.steps import drive
from polyregions.walk.walk_state import bytes_needed, root_state

__all__ = ["Cost", "cost_per_region"]

# Hint: what one edge takes in a Parquet table: steps between sorted numbers, and the unit.
_EDGE_BYTES = 4.0


@dataclass(frozen=True)
class Cost:
    """What a region costs on this machine, in one thread, as a short run shows it.

    Attributes
    ----------
    tree_seconds, walk_seconds : float
        Time per region.
    memory_bytes, disk_bytes : float
        Of the walk, per region: its arrays, and its result in Parquet.
    lower_bound : int
        Regions found in the short runs: proven.
    """

    tree_seconds: float
    walk_seconds: float
    memory_bytes: float
    disk_bytes: float
    lower_bound: int

    def _repr_html_(self) -> str:
        return titled("Cost per region", vars(self))


def cost_per_region(
    network: Network,
    domain: Domain | None,
    *,
    seconds: float = 1.0,
    on_interrupt: OnInterrupt = "raise",
) -> Cost:
    """Count and walk for a short while, and measure.

    Parameters
    ----------
    network : Network
    domain : Box, Polytope or None
    seconds : float
        For each of the two.
    on_interrupt : {"raise", "return"}
        What Ctrl-C does: raise ``KeyboardInterrupt``, or shorten the measurement.

    Returns
    -------
    Cost

    Raises
    ------
    DomainError
        If the domain does not fit the network.
    PolyregionsError
        If `seconds` is not positive.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> cost_per_region(net, pr.Box.cube(1, 1.0)).lower_bound
    3
    """
    limits = limits_of(time_limit=seconds)
    count_tree(network, domain, max_regions=1, on_interrupt=on_interrupt)  # loads kernels
    begin = time.perf_counter()
    count = count_tree(network, domain, time_limit=seconds, on_interrupt=on_interrupt)
    tree = time.perf_counter() - begin
    problem = problem_of(network, domain)
    with Interrupt(on_interrupt) as interrupt:
        first = limits_of(max_regions=1)
        drive(problem, root_state(problem), limits=first, interrupt=interrupt)  # loads kernels
        begin = time.perf_counter()
        found = root_state(problem)
        drive(problem, found, limits=limits, interrupt=interrupt)
        walk = time.perf_counter() - begin
    edges = found.edges_found / found.count
    numbers = n_words(network.hidden_units) + network.input_dimension
    return Cost(
        tree / max(count.regions, 1),
        walk / max(found.done, 1),
        bytes_needed(found, 0) / found.count,
        8.0 * numbers + _EDGE_BYTES * edges,
        max(count.regions, found.count),
    )
