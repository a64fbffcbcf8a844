"""The quantities of Hanin & Rolnick 2019 (arXiv 1901.09021): lines, distances, volumes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from polyregions.domain import Box
from polyregions.errors import PolyregionsError
from polyregions.network import Layer, Network
from polyregions.theory.boundary_volumes import MOST_VOLUME_DIMENSIONS, boundary_volumes
from polyregions.theory.draws import Settings, draw_network
from polyregions.theory.expectations import boundary_volume_bound, line_bound
from polyregions.theory.gradients import boundary_distances, gradient_constant
from polyregions.theory.statistics import Summary, summary

__all__ = ["BoundaryReport", "SetSize", "regions_on_segment", "verify_boundaries"]


@dataclass(frozen=True)
class SetSize:
    """The (n - k)-volume of B_k, where the boundaries of k units meet.

    Attributes
    ----------
    k : int
    activation, bending : Summary
        Of all boundaries, and of those where the function bends.
    bound, published : float or None
        C(N, k) C^k vol, and the same with the paper's factor 2^k (not confirmed); None
        where the laws have no density.
    """

    k: int
    activation: Summary
    bending: Summary
    bound: float | None
    published: float | None


@dataclass(frozen=True)
class BoundaryReport:
    """What the draws say about lines, distances and boundaries.

    Attributes
    ----------
    settings : Settings
    line_length : float
        Of the segment through the origin, in a random direction.
    line_regions : Summary
    line_bound : float or None
        1 + |I| N C.
    distance : Summary
        Mean distance of uniform points of the unit cube to the nearest boundary.
    distance_times_units : float
        N times that; the paper reports 0.4 to 2 for trained networks.
    distance_constant : float or None
        N C times that: the theorem says that it is at least some absolute constant.
    sizes : tuple of SetSize
        k = 1, …, n; empty for more inputs than can be measured.
    """

    settings: Settings
    line_length: float
    line_regions: Summary
    line_bound: float | None
    distance: Summary
    distance_times_units: float
    distance_constant: float | None
    sizes: tuple[SetSize, ...]

    @property
    def violated(self) -> tuple[str, ...]:
        """Names of the bounds that the draws contradict."""
        bounds = [("regions on a line", self.line_regions, self.line_bound)]
        bounds += [(f"volume of B_{size.k}", size.activation, size.bound) for size in self.sizes]
        return tuple(
            name for name, found, bound in bounds if bound is not None and found.interval[0] > bound
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON holds it."""
        return {
            **self.settings.as_dict(),
            "draws": self.distance.draws,
            "line": {
                "length": self.line_length,
                "regions": self.line_regions.as_dict(),
                "bound": self.line_bound,
            },
            "distance": {
                **self.distance.as_dict(),
                "times_units": self.distance_times_units,
                "constant": self.distance_constant,
                "one_over_units": 1 / self.settings.units,
            },
            "boundary_sets": [
                {
                    "k": size.k,
                    "activation": size.activation.as_dict(),
                    "bending": size.bending.as_dict(),
                    "bound": size.bound,
                    "with_factor_2_to_the_k_unconfirmed": size.published,
                }
                for size in self.sizes
            ],
            "violated": list(self.violated),
        }


def regions_on_segment(
    network: Network, origin: np.ndarray[Any, Any], direction: np.ndarray[Any, Any], length: float
) -> int:
    """Return the regions on ``origin + t direction`` for 0 < t < length, exactly.

    Examples
    --------
    >>> net = Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> regions_on_segment(net, np.array([-1.0, 0.25]), np.array([1.0, 0.0]), 2.0)
    3
    """
    from polyregions.walk.breadth_first import enumerate_regions

    # the line is a layer that passes its values on, so nothing is rounded
    line = Layer.affine(np.asarray(direction)[:, None], origin)
    on_line = Network((line, *network.layers), name=network.name)
    return len(enumerate_regions(on_line, Box.interval(1, 0.0, length)))


def verify_boundaries(
    settings: Settings,
    draws: int = 50,
    *,
    points: int = 100,
    progress: Callable[[int, int], None] | None = None,
) -> BoundaryReport:
    """Measure lines, distances and boundary sets on random networks.

    Parameters
    ----------
    settings : Settings
        With a side; the networks are those of :func:`~polyregions.theory.theorem5.verify_theorem5`.
    draws : int
        At least two.
    points : int
        Random points per network for the distances.
    progress : callable, optional
        Called with (draws done, draws in all).

    Raises
    ------
    PolyregionsError
        If the settings have no side.

    Examples
    --------
    >>> report = verify_boundaries(Settings((2, 4)), draws=10)
    >>> report.violated, len(report.sizes), report.sizes[1].activation.mean <= report.sizes[1].bound
    ((), 2, True)
    """
    from polyregions.walk.breadth_first import enumerate_regions

    side, domain, n = settings.side, settings.domain, settings.n
    if side is None or domain is None:
        raise PolyregionsError("boundaries are measured in a cube; give a side")
    measured = n <= MOST_VOLUME_DIMENSIONS and settings.biases.has_density
    lines, distances = [], []
    volumes = []
    for index in range(draws):
        network = draw_network(settings, index)
        # apart from the stream of the network itself, so that networks do not depend on it
        rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(index, 1)))
        direction = rng.standard_normal(n)
        direction /= np.linalg.norm(direction)
        lines.append(regions_on_segment(network, -direction * (side / 2), direction, side))
        uniform = rng.uniform(0.0, 1.0, (points, n))
        distances.append(float(boundary_distances(network, uniform).mean()))
        if measured:
            regions = enumerate_regions(network, domain)
            volumes.append(boundary_volumes(network, domain, regions=regions))
        if progress is not None:
            progress(index + 1, draws)
    c = None
    if settings.weights.has_density and settings.biases.has_density:
        c = gradient_constant(settings.widths, settings.weights).value
        c *= settings.biases.largest_density
    distance = summary(distances, seed=settings.seed)
    units = settings.units
    sizes = tuple(
        SetSize(
            k,
            summary([found.activation[k - 1] for found in volumes], seed=settings.seed),
            summary([found.bending[k - 1] for found in volumes], seed=settings.seed),
            None if c is None else boundary_volume_bound(units, k, c, side**n),
            None if c is None else boundary_volume_bound(units, k, c, side**n, factor=2.0),
        )
        for k in range(1, n + 1 if measured else 1)
    )
    return BoundaryReport(
        settings,
        side,
        summary(lines, seed=settings.seed),
        None if c is None else line_bound(units, side, c),
        distance,
        distance.mean * units,
        None if c is None else distance.mean * units * c,
        sizes,
    )
