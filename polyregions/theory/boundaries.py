"""Boundaries between regions as Hanin & Rolnick 2019 measure them (arXiv 1901.09021).

Regions on lines, distances to the nearest boundary, volumes of the sets where several meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.adjacency import facet_units, require_complete
from polyregions.analysis.distances import boundary_distances
from polyregions.domain import Box
from polyregions.domain.chart import chart_of
from polyregions.errors import PolyregionsError
from polyregions.geometry.double_description import DoubleDescription, face_measure
from polyregions.markup import titled
from polyregions.network import Layer, Network
from polyregions.pattern import unpack
from polyregions.regions import Regions
from polyregions.regions.polytopes import chart_polytopes
from polyregions.run.progress import OnSteps, shown_steps
from polyregions.theory.draws import Settings, Summary, draw_network, summary
from polyregions.theory.expectations import boundary_volume_bound, line_bound
from polyregions.theory.laws import gradient_constant

__all__ = [
    "BoundaryReport",
    "BoundaryVolumes",
    "SetSize",
    "boundary_volumes",
    "regions_on_segment",
    "verify_boundaries",
]


_MOST_INPUTS = 4


@dataclass(frozen=True)
class BoundaryVolumes:
    """Volumes of B_1, …, B_n in a box, rounded to floats.

    Attributes
    ----------
    activation : tuple of float
        Entry k - 1: the (n - k)-volume where k units' boundaries meet; the last entry is
        the number of vertices.
    bending : tuple of float
        The same where all k units are *good*: a path of active units joins each to the
        output, so that the function itself bends there.
    """

    activation: tuple[float, ...]
    bending: tuple[float, ...]


def boundary_volumes(
    network: Network, box: Box, *, regions: Regions | None = None
) -> BoundaryVolumes:
    """Measure the boundaries of a ReLU network in a box, from its enumerated complex.

    Parameters
    ----------
    network : Network
        In general position, with no zero among the weights behind its first layer.
    box : Box
        All coordinates free, at most four.
    regions : Regions, optional
        The enumeration of the same network in the same box, if it is at hand.

    Raises
    ------
    PolyregionsError
        If there are more than four inputs, one is fixed, or the network is not in
        general position in the box.
    PartialResultError
        If `regions` was stopped early.

    Notes
    -----
    *Algorithm.* The facets of each region are known from the (proven) edges of the
    enumeration; its vertices follow in exact arithmetic. Around a piece of B_k lie 2^k
    regions, one of them with all k units active, and there the piece is measured: a
    triangulation of exact simplices, whose volumes are roots, rounded and added up.

    Examples
    --------
    Three lines in [-1, 1]^2, of lengths 2, 2 and sqrt(4.5), meet in three points:

    >>> net = Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> volumes = boundary_volumes(net, Box.cube(2, 1.0))
    >>> [round(size, 6) for size in volumes.activation]
    [6.12132, 3.0]
    """
    n = network.input_dimension
    if n > _MOST_INPUTS or len(box.free) != n:
        raise PolyregionsError(
            f"boundaries are measured for at most {_MOST_INPUTS} inputs, none of them "
            f"fixed; take a smaller network"
        )
    from polyregions.walk.breadth_first import enumerate_regions

    found = enumerate_regions(network, box) if regions is None else regions
    require_complete(found, "boundary volumes")
    chart = chart_of(box, n)
    bits = unpack(found.patterns, network.hidden_units)
    if (unpack(found.edge_units, network.hidden_units).sum(axis=1) != 1).any():
        raise PolyregionsError(
            "boundaries of several units coincide, so they cannot be measured unit by unit"
        )
    activation, bending = np.zeros(n), np.zeros(n)
    # units whose boundaries meet in each vertex, and vertices on the box's boundary
    meeting: dict[tuple[Fraction, ...], set[int]] = {}
    on_walls: set[tuple[Fraction, ...]] = set()
    walls = (1 << 2 * n) - 1  # their rows come first
    polytopes = zip(chart_polytopes(found), facet_units(found), strict=True)
    for r, (polytope, facets) in enumerate(polytopes):
        active = [k for k, unit in enumerate(facets) if bits[r, unit]]
        good = _good(network, bits[r])[facets]
        corners = [chart.to_input(point) for point in polytope.points()]
        for corner, tight in zip(corners, polytope.tight, strict=True):
            meeting.setdefault(corner, set()).update(
                unit for k, unit in enumerate(facets) if tight >> 2 * n + k & 1
            )
            if tight & walls:
                on_walls.add(corner)
        for rows, face in _faces(polytope, active).items():
            if face.bit_count() > n - len(rows):  # else it is of lower dimension
                volume = float(face_measure(polytope, face, n - len(rows), corners))
                activation[len(rows) - 1] += volume
                if good[list(rows)].all():
                    bending[len(rows) - 1] += volume
    if any(len(units) + (corner in on_walls) > n for corner, units in meeting.items()):
        raise PolyregionsError(
            "the boundaries of more units meet in a point than there are inputs, or as many on "
            "the side of the box: they cannot be measured unit by unit; move the box or a bias"
        )
    return BoundaryVolumes(tuple(activation.tolist()), tuple(bending.tolist()))


def _faces(polytope: DoubleDescription, chosen: Sequence[int]) -> dict[tuple[int, ...], int]:
    """Return the faces that are cut out by some of the chosen units' rows alone.

    By these rows, each as the bits of its vertices. Rows of units stand behind the box's.
    """
    n = polytope.dimension
    faces: dict[tuple[int, ...], int] = {}
    for vertex, tight in enumerate(polytope.tight):
        carried = [row for row in chosen if tight >> 2 * n + row & 1]
        for k in range(1, len(carried) + 1):
            for rows in combinations(carried, k):
                faces[rows] = faces.get(rows, 0) | 1 << vertex
    return faces


def _good(network: Network, bits: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return, per unit, whether every later layer has an active unit.

    Without zeros among the weights that is a path of active units to the output.
    """
    widths = network.widths
    ends = np.cumsum(widths)
    alive = [bool(bits[end - width : end].any()) for width, end in zip(widths, ends, strict=True)]
    later = [all(alive[layer + 1 :]) for layer in range(len(widths))]
    return np.repeat(later, widths)


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
        ``1 + |I| N C``, where ``|I|`` is the length.
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

    def _repr_html_(self) -> str:
        rows = {
            "widths": self.settings.widths,
            "draws": self.distance.draws,
            f"regions on a line of length {self.line_length:g}": self.line_regions.mean,
            "their bound": self.line_bound,
            "distance to the nearest boundary": self.distance.mean,
            "N times that": self.distance_times_units,
            "violated": self.violated,
        }
        return titled("Boundaries of random networks", rows)

    @property
    def violated(self) -> tuple[str, ...]:
        """Names of the bounds that the draws contradict."""
        bounds = [("regions on a line", self.line_regions, self.line_bound)]
        bounds += [(f"volume of B_{size.k}", size.activation, size.bound) for size in self.sizes]
        return tuple(
            name for name, found, bound in bounds if bound is not None and found.interval[0] > bound
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON holds it.

        Returns
        -------
        dict

        Examples
        --------
        >>> verify_boundaries(Settings((2, 4)), draws=2).as_dict()["line"]["length"]
        2.0
        """
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
    progress: OnSteps = None,
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
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with (draws done, draws in all).

    Returns
    -------
    BoundaryReport

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
    measured = n <= _MOST_INPUTS and settings.biases.has_density
    lines, distances = [], []
    volumes = []
    with shown_steps(progress, "draws", "made") as report:
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
            if report is not None:
                report(index + 1, draws)
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
