"""Where the decision changes: the boundary between classes, piece by piece.

The comparison of two outputs is one more unit: behind the outputs stands a tournament of
comparisons, and its regions are enumerated like any others. Facets across which the
winner changes are the decision boundary, every one, each proven by the walk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.analysis.adjacency import facet_unit
from polyregions.analysis.affine_maps import exact_on_domain, free_inputs
from polyregions.analysis.corners import rows_of_regions
from polyregions.arrays import Floats, Integers
from polyregions.domain import Domain
from polyregions.errors import DomainError, PolyregionsError, kind_of
from polyregions.geometry.double_description import face_measure
from polyregions.geometry.region_polytope import chart_polytope
from polyregions.network import Layer, Network, input_point
from polyregions.network.exact_network import exact_rows
from polyregions.pattern import unpack
from polyregions.regions import Regions, check_regions
from polyregions.run.given import DomainLike, NetworkLike, domain_given, network_given
from polyregions.walk.breadth_first import enumerate_regions
from polyregions.walk.subproblem import refine

__all__ = [
    "DecisionBoundary",
    "NearestPoint",
    "Piece",
    "comparing_network",
    "decision_boundary",
    "decision_in",
    "met_regions",
    "nearest_decision_point",
]


_SAMPLED_POINTS = 4096


@dataclass(frozen=True, eq=False)
class DecisionBoundary:
    """The regions of a network with its comparisons, and their classes.

    Attributes
    ----------
    regions : Regions
        Of :func:`comparing_network`: activation regions, cut along the comparisons.
    classes : numpy.ndarray of int64, shape (R,)
        The class on each region: the largest output, or for one output 1 where it is
        above the level and 0 elsewhere. Of outputs that are equal on a whole region it is
        the first, as `numpy.argmax` has it.
    edges : numpy.ndarray of int64, shape (P,)
        The edges of `regions` across which the class changes: the pieces.
    """

    regions: Regions
    classes: Integers
    edges: Integers

    def __len__(self) -> int:
        return len(self.edges)

    def pairs(self) -> Integers:
        """Return the two classes that each piece separates, smaller first.

        Returns
        -------
        numpy.ndarray of int64, shape (P, 2)

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [-0.5])])
        >>> decision_boundary(net, pr.Box.interval(2, 0.0, 1.0)).pairs().tolist()
        [[0, 1]]
        """
        return np.sort(self.classes[self.regions.edges[self.edges]], axis=1)

    def pieces(self) -> Iterator[Piece]:
        """Yield the pieces with their exact corners; meant for few dimensions.

        Yields
        ------
        Piece

        Raises
        ------
        DomainError
            If the domain is the whole space, where pieces may be unbounded.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [-0.5])])
        >>> (piece,) = decision_boundary(net, pr.Box.interval(2, 0.0, 1.0)).pieces()
        >>> [tuple(map(str, corner)) for corner in piece.corners]
        [('0', '1/2'), ('1/2', '0')]
        """
        regions = self.regions
        if regions.domain is None:
            raise DomainError("pieces of the boundary need a box; they may be unbounded")
        network, exact = regions.network, exact_on_domain(regions)
        chart = exact.chart
        units = facet_unit(regions)
        for edge, pair in zip(self.edges.tolist(), self.pairs().tolist(), strict=True):
            bits = unpack(regions.patterns[regions.edges[edge, 0]], network.hidden_units)
            row = [int(entry) for entry in exact_rows(exact, bits)[units[edge]]]
            polytope = chart_polytope(exact, bits)
            face = sum(
                1 << k
                for k, vertex in enumerate(polytope.vertices)
                if sum(a * x for a, x in zip(row, vertex, strict=True)) == 0
            )
            corners = [chart.to_input(point) for point in polytope.points()]
            members = [k for k in range(len(corners)) if face >> k & 1]
            measure = float(face_measure(polytope, face, chart.dimension - 1, corners))
            yield Piece(edge, (pair[0], pair[1]), tuple(corners[k] for k in members), measure)


@dataclass(frozen=True)
class Piece:
    """One flat piece of the decision boundary: a facet of dimension n - 1.

    Attributes
    ----------
    edge : int
        The edge of ``DecisionBoundary.regions`` that it is.
    classes : tuple of int
        The two classes that it separates.
    corners : tuple of tuple of Fraction
        Its exact vertices; the piece is their convex hull.
    measure : float
        Its (n - 1)-dimensional volume: number of points, length, area, …
    """

    edge: int
    classes: tuple[int, int]
    corners: tuple[tuple[Fraction, ...], ...]
    measure: float


def comparing_network(
    network: Network, classes: Sequence[int] | None = None, *, level: float = 0.0
) -> Network:
    """Return the network with further layers of units that find the largest output.

    Parameters
    ----------
    network : Network
    classes : sequence of int, optional
        Outputs that are compared with each other, in rising order; all by default. Each
        of the others has a unit at the end that is 1 where it is below the largest of these.
    level : float
        What a network with one output is compared with, instead.

    Notes
    -----
    *Algorithm.* A tournament: outputs meet in pairs, a < b, in a unit σ(f_b - f_a) whose
    bit is 1 iff b wins, so that a tie goes to the lower one. The winner's value
    f_a + σ(f_b - f_a) meets the next in the next layer. K outputs take K - 1 units.

    Examples
    --------
    >>> net = Network.from_arrays([([[1.0]], [0.0]), ([[1], [2], [0]], [0, -1, 0.5])])
    >>> comparing_network(net).widths
    (1, 1, 1)
    """
    layers = list(network.layers)
    outputs = network.output_dimension
    if outputs == 1:
        layers += [Layer.relu([[1.0]], [-level]), Layer.affine([[1.0]], [0.0])]
        return Network(tuple(layers), name=network.name)
    among = np.arange(outputs) if classes is None else np.asarray(classes)
    # the values of those still in, and of the others, as sums of the last layer's
    values, others = np.eye(outputs)[among], np.delete(np.eye(outputs), among, axis=0)
    while len(values) > 1:
        games, left = len(values) // 2, (len(values) + 1) // 2
        differences = values[1 : 2 * games : 2] - values[0 : 2 * games : 2]
        layers.append(_unit_layer(differences, np.concatenate([values[::2], others])))
        passed = np.eye(games + left + len(others))
        values, others = passed[games : games + left], passed[games + left :]
        values[:games] += passed[:games]
    if len(others):
        layers.append(_unit_layer(values - others, values))
        values = np.eye(len(others) + 1)[-1:]
    return Network((*layers, Layer.affine(values, [0.0])), name=network.name)


def _unit_layer(bent: Floats, passed: Floats) -> Layer:
    """Return a layer of ReLU units and others that pass their value on."""
    lower = np.repeat([0.0, 1.0], [len(bent), len(passed)])
    return Layer.with_slopes(np.concatenate([bent, passed]), np.zeros(len(lower)), lower, 1.0)


def decision_boundary(
    network: NetworkLike, domain: DomainLike, *, level: float = 0.0, **limits: Any
) -> DecisionBoundary:
    """Return every piece of the decision boundary in a domain.

    Parameters
    ----------
    network : Network
        The class of an input is its largest output; of a network with one output,
        whether the output is above `level`.
    domain : Box, Polytope or None
    level : float
        Used for one output only.
    **limits
        Passed to :func:`polyregions.enumerate_regions`; the result is partial if
        ``regions.complete`` is False.

    Returns
    -------
    DecisionBoundary

    Raises
    ------
    DomainError
        If the domain does not fit the network.

    Notes
    -----
    *Algorithm.* Outputs that are largest at some sampled points meet in a tournament
    (:func:`comparing_network`); of each other output the walk proves that it is largest
    nowhere. Where it is, it joins the tournament, and the walk is repeated.

    Examples
    --------
    f = σ(x) + σ(y) - 1/2: the boundary in the unit square is the segment x + y = 1/2.

    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [-0.5])])
    >>> boundary = decision_boundary(net, pr.Box.interval(2, 0.0, 1.0))
    >>> [round(piece.measure, 6) for piece in boundary.pieces()]
    [0.707107]
    """
    network = network_given(network)
    where = domain_given(domain, network.input_dimension)

    def find(compared: Network) -> Regions:
        return enumerate_regions(compared, where, **limits)

    return _decided(network, level, _samples(where, network.input_dimension), find)


def decision_in(regions: Regions, *, level: float = 0.0) -> DecisionBoundary:
    """Return the decision boundary inside given regions, which may be a partial result.

    Each region is cut into those of the comparing network, on which the class is constant.

    Parameters
    ----------
    regions : Regions
    level : float
        As for :func:`decision_boundary`.

    Returns
    -------
    DecisionBoundary

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [-0.5])])
    >>> cut = decision_in(pr.enumerate_regions(net, pr.Box.cube(2, 1.0)))
    >>> len(cut.regions), cut.classes.tolist()
    (7, [0, 0, 0, 0, 1, 1, 1])
    """
    check_regions(regions)
    network = regions.network
    points = np.concatenate([regions.witnesses, _samples(regions.domain, network.input_dimension)])
    return _decided(network, level, points, partial(refine, regions))


def met_regions(boundary: DecisionBoundary) -> DecisionBoundary:
    """Return a decision boundary with those of its regions alone that have a piece.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [-0.5])])
    >>> cut = decision_in(pr.enumerate_regions(net, pr.Box.cube(2, 1.0)))
    >>> len(cut.regions), len(met_regions(cut).regions), len(cut) == len(met_regions(cut))
    (7, 6, True)
    """
    kept = np.unique(boundary.regions.edges[boundary.edges]).astype(np.int64)
    return _separated(boundary.regions[kept.tolist()], boundary.classes[kept])


def _separated(regions: Regions, classes: Integers) -> DecisionBoundary:
    """Return the boundary between classes of regions."""
    edges = np.flatnonzero(classes[regions.edges[:, 0]] != classes[regions.edges[:, 1]])
    return DecisionBoundary(regions, classes, edges.astype(np.int64))


def _samples(domain: Domain | None, dimension: int) -> Floats:
    """Return points to guess from which outputs are largest somewhere."""
    rng = np.random.default_rng(0)
    if domain is None:
        scales = 10.0 ** rng.uniform(-2, 2, size=(_SAMPLED_POINTS, 1))
        return np.asarray(scales * rng.normal(size=(_SAMPLED_POINTS, dimension)))
    low, high = domain.box.lower, domain.box.upper
    share = rng.random((_SAMPLED_POINTS, dimension))
    return np.asarray((1 - share) * low + share * high)


def _decided(
    network: Network, level: float, points: Floats, find: Callable[[Network], Regions]
) -> DecisionBoundary:
    """Find the regions of the comparing network, with all outputs that win somewhere."""
    outputs = network.output_dimension
    with np.errstate(all="ignore"):  # a guess: what overflows may be any output
        among = np.unique(network.forward(points).argmax(axis=1))
    while True:
        regions = find(comparing_network(network, among.tolist(), level=level))
        bits = unpack(regions.patterns, regions.network.hidden_units)[:, network.hidden_units :]
        if outputs == 1:
            classes: Integers = bits[:, 0].astype(np.int64)
            break
        others = np.setdiff1d(np.arange(outputs), among)
        reaching = others[(bits[:, len(among) - 1 :] == 0).any(axis=0)]
        if not len(reaching):
            classes = _winners(bits, among)
            break
        among = np.union1d(among, reaching)
    return _separated(regions, classes)


def _winners(bits: NDArray[np.uint8], among: Integers) -> Integers:
    """Replay the tournament by the bits of its units, shape (R, ...) to (R,)."""
    players = np.tile(among, (len(bits), 1))
    start = 0
    while players.shape[1] > 1:
        games = players.shape[1] // 2
        won = bits[:, start : start + games]
        winners = np.where(won == 1, players[:, 1 : 2 * games : 2], players[:, 0 : 2 * games : 2])
        players = np.concatenate([winners, players[:, 2 * games :]], axis=1)
        start += games
    best: Integers = players[:, 0].astype(np.int64)
    return best


@dataclass(frozen=True, eq=False)
class NearestPoint:
    """A nearest point of the decision boundary (of a numerical solver: approximate).

    Attributes
    ----------
    point : numpy.ndarray of float64, shape (n,)
    distance : float
        Euclidean, in the free inputs.
    classes : tuple of int
        The classes that meet there.
    edge : int
        The piece it lies on, an edge of ``DecisionBoundary.regions``.
    problems : int
        How many convex problems were solved.
    """

    point: Floats
    distance: float
    classes: tuple[int, int]
    edge: int
    problems: int


def nearest_decision_point(boundary: DecisionBoundary, x: ArrayLike) -> NearestPoint | None:
    """Return the point of the decision boundary nearest to an input; None if there is none.

    Parameters
    ----------
    boundary : DecisionBoundary
    x : array_like, shape (n,)

    Returns
    -------
    NearestPoint or None

    Raises
    ------
    NetworkError
        If `x` is no input of the network.
    PolyregionsError
        If `boundary` is none, or the solver fails on a piece that may be the nearest.

    Notes
    -----
    *Algorithm.* Best first. The distance to a piece is at least that to each half-space
    of its region and to its own hyperplane; pieces are taken in the order of this
    bound, each as a convex problem over its region (cvxpy), until no bound is below the
    least distance found. Distances from floating-point rows and a numerical solver.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [-0.5])])
    >>> boundary = decision_boundary(net, pr.Box.interval(2, 0.0, 1.0))
    >>> nearest_decision_point(boundary, [0.5, 0.5]).point.round(4).tolist()
    [0.25, 0.25]
    """
    if not isinstance(boundary, DecisionBoundary):
        raise PolyregionsError(
            f"a decision boundary is expected, not {kind_of(boundary)}: "
            f"decision_boundary(network, domain) finds it"
        )
    import cvxpy

    cp: Any = cvxpy

    regions, network = boundary.regions, boundary.regions.network
    start = input_point(network, x)
    if not len(boundary):
        return None
    free = free_inputs(regions)
    table = rows_of_regions(regions)
    slack = table.rows[:, :-1] @ start[free] + table.rows[:, -1]
    away = np.zeros(len(regions))
    owner = np.repeat(np.arange(len(regions)), np.diff(table.starts))
    np.maximum.at(away, owner, -slack)
    plane = np.zeros((len(regions.edges), len(free) + 1))
    plane[table.edges] = table.rows
    own = np.abs(plane[boundary.edges, :-1] @ start[free] + plane[boundary.edges, -1])
    bound = np.maximum(own, away[regions.edges[boundary.edges]].max(axis=1))
    best: NearestPoint | None = None
    pairs = boundary.pairs()
    for count, number in enumerate(np.argsort(bound, kind="stable").tolist()):
        if best is not None and bound[number] >= best.distance:
            break
        edge = int(boundary.edges[number])
        problem = regions[int(regions.edges[edge, 0])].as_cvxpy()
        on_plane = plane[edge, :-1] @ problem.x[free] + plane[edge, -1] == 0
        goal = cp.Minimize(cp.norm(problem.x[free] - start[free]))
        asked = cp.Problem(goal, [*problem.constraints, on_plane])
        asked.solve()
        if problem.x.value is None:
            raise PolyregionsError(
                f"the solver finds no point on piece {edge} of the boundary ({asked.status}), "
                f"which may be the nearest: it is too thin; its exact corners are among pieces()"
            )
        distance = float(np.linalg.norm(problem.x.value[free] - start[free]))
        if best is None or distance < best.distance:
            low, high = pairs[number].tolist()
            best = NearestPoint(problem.x.value.copy(), distance, (low, high), edge, count + 1)
    if best is None:
        return None
    return NearestPoint(best.point, best.distance, best.classes, best.edge, count + 1)
