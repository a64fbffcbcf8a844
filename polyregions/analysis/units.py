"""What each unit does on the domain: proven bounds, whether it switches, facets it carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import inf

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.adjacency import require_complete
from polyregions.analysis.affine_maps import exact_maps, free_inputs, largest_value
from polyregions.arrays import Floats, Integers
from polyregions.domain import Box
from polyregions.errors import PolyregionsError
from polyregions.exact.facets import interior_point
from polyregions.geometry.witness import float_below
from polyregions.network import Network
from polyregions.network.backward_bounds import ROUND_SIDES, Boxes, Range, backward_bounds
from polyregions.network.exact_network import exact_network, exact_values, values_at
from polyregions.network.flat import first_map, quotient
from polyregions.network.stable_units import ranges_known, signs_known
from polyregions.pattern import unpack
from polyregions.regions import Regions
from polyregions.regions.polytopes import chart_polytopes
from polyregions.rounding import ROUNDOFF
from polyregions.run.given import DomainLike, NetworkLike
from polyregions.run.problem import Problem, problem_of
from polyregions.run.progress import AfterStep, OnSteps, counted, shown_steps

__all__ = ["Bounds", "UnitBounds", "UnitSummary", "unit_bounds", "unit_summary"]

# Hints: they choose how sharp bounds are, never whether they hold.
_MOST_VERTEX_INPUTS = 6  # beyond, a region has too many vertices
_MOST_TRIED = 2**22  # weights of a layer; beyond, one round side has to do
_MOST_EXACT_ENTRIES = 2**21  # of a first layer that is evaluated in fractions
_MOST_RIVALS = 64  # vertices per bound that are compared in fractions
_VERTEX_ENTRIES = 2**21  # values of a layer that are held at a time


@dataclass(frozen=True, eq=False)
class UnitSummary:
    """Per unit, shape (N,) each.

    Attributes
    ----------
    active : numpy.ndarray of int64
        Regions on which the unit is active.
    facets : numpy.ndarray of int64
        Facets inside the domain that its hyperplane carries, alone or with others.
    regions : numpy.ndarray of int64
        Regions that have such a facet.
    total : int
        Number of regions.
    """

    active: Integers
    facets: Integers
    regions: Integers
    total: int

    @property
    def always_on(self) -> Integers:
        """Units that are active on every region."""
        return np.flatnonzero(self.active == self.total).astype(np.int64)

    @property
    def always_off(self) -> Integers:
        """Units that are inactive on every region."""
        return np.flatnonzero(self.active == 0).astype(np.int64)


def unit_summary(regions: Regions) -> UnitSummary:
    """Return what each unit does on the domain.

    Parameters
    ----------
    regions : Regions
        Complete.

    Returns
    -------
    UnitSummary

    Raises
    ------
    PartialResultError
        If the enumeration was stopped early.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, 2.0]), ([[1, 1]], [0])])
    >>> summary = unit_summary(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)))
    >>> summary.always_on, summary.always_off, summary.facets
    (array([1]), array([], dtype=int64), array([1, 0]))
    """
    require_complete(regions, "statistics of units")
    size = regions.network.hidden_units
    active, facets, touched = (np.zeros(size, dtype=np.int64) for _ in range(3))
    for start in range(0, len(regions), 16384):
        active += unpack(regions.patterns[start : start + 16384], size).sum(axis=0, dtype=np.int64)
    seen: list[NDArray[np.int64]] = []
    for start in range(0, len(regions.edges), 16384):
        edges = regions.edges[start : start + 16384].astype(np.int64)
        masks = regions.patterns[edges[:, 0]] ^ regions.patterns[edges[:, 1]]
        edge, unit = np.nonzero(unpack(masks, size))
        facets += np.bincount(unit, minlength=size)
        seen.append(np.unique((edges[edge] * size + unit[:, None]).ravel()))
    if seen:
        pairs = np.unique(np.concatenate(seen))
        touched = np.bincount(pairs % size, minlength=size).astype(np.int64)
    return UnitSummary(active, facets, touched, len(regions))


@dataclass(frozen=True, eq=False)
class Bounds:
    """Proven bounds on some numbers over the closed domain, shape (k,) each.

    Attributes
    ----------
    lower, upper : numpy.ndarray of float64
        Infinite where nothing is known.
    exact_lower, exact_upper : numpy.ndarray of bool
        Where the bound is known to be the least or largest value, rounded outwards to a float.
    """

    lower: Floats
    upper: Floats
    exact_lower: NDArray[np.bool_]
    exact_upper: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.lower)


@dataclass(frozen=True, eq=False)
class UnitBounds:
    """What :func:`unit_bounds` returns.

    Attributes
    ----------
    units : Bounds
        Of the pre-activations of the N units that bend, in the order of pattern bits.
    outputs : Bounds
    """

    units: Bounds
    outputs: Bounds

    @property
    def always_on(self) -> NDArray[np.bool_]:
        """Units whose pre-activation is never negative (and not always zero), shape (N,)."""
        return (self.units.lower >= 0) & ~self.always_off

    @property
    def always_off(self) -> NDArray[np.bool_]:
        """Units whose pre-activation is never positive, shape (N,)."""
        return self.units.upper <= 0

    def __repr__(self) -> str:
        on, off = int(self.always_on.sum()), int(self.always_off.sum())
        exact = int((self.units.exact_lower & self.units.exact_upper).sum())
        return (
            f"<Bounds of {len(self.units)} units: {on} always on, {off} always off, {exact} exact>"
        )


def unit_bounds(
    network: NetworkLike,
    domain: DomainLike,
    *,
    regions: Regions | None = None,
    progress: OnSteps = None,
) -> UnitBounds:
    """Return proven bounds on every unit's pre-activation, and on the outputs, over a domain.

    What a mixed-integer model of the network needs: its big-M constants, which never cut off a
    point of the domain.

    Parameters
    ----------
    network : Network
    domain : Box, Polytope or None
        Closed. Over the whole space bounds are 0 or infinite.
    regions : Regions, optional
        The complete enumeration of the same network in the same domain: with at most six free
        inputs bounds become exact, in milliseconds per region, else they tell at least which
        units never switch.
    progress : bool or callable, optional
        With regions: True shows it on stderr; a callable is called with the numbers of regions
        looked at and to be looked at.

    Returns
    -------
    UnitBounds

    Raises
    ------
    PolyregionsError
        If `regions` are those of another network or another domain, or `progress` is neither
        bool nor callable.
    PartialResultError
        If `regions` were stopped early.

    Notes
    -----
    *Algorithm.* Units of the first layer that bends: exactly, corner by corner of a box, by a
    linear program in integers on a polytope. Deeper ones: by substitution backwards, in floats
    with a bound on all rounding (`network.backward_bounds`), where a polytope counts as the box
    around it; and by what the walk knows (`network.stable_units`). With regions: every
    pre-activation is affine on every region, so it is extreme at a vertex of some region; all
    vertices are evaluated in floats with a bound on rounding, and those that compete for an
    extreme again in fractions; where more than 64 compete, the bound is off by rounding.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, 2.0]), ([[1, 1]], [0])])
    >>> bounds = unit_bounds(net, pr.Box.cube(1, 1.0))
    >>> bounds.units.lower, bounds.units.upper, bounds.always_on
    (array([-1.,  1.]), array([1., 3.]), array([False,  True]))
    """
    with shown_steps(progress, "regions", "looked at") as report:
        return _proven_bounds(problem_of(network, domain), regions, report)


def _proven_bounds(problem: Problem, regions: Regions | None, report: AfterStep) -> UnitBounds:
    signs = signs_known(problem.reduction)
    if regions is not None:
        _check_same(regions, problem)
        seen = unit_summary(regions)
        signs[seen.active == seen.total] = 1
        signs[seen.active == 0] = -1
    known = ranges_known(problem.network, signs)
    exact = [np.zeros((2, len(ends.low)), dtype=bool) for ends in known]
    if problem.domain is not None:
        _write_first_layer(problem, known, exact)
        known = _backwards(problem, known)
        if regions is not None and len(free_inputs(regions)) <= _MOST_VERTEX_INPUTS:
            _at_vertices(problem.network, regions, known, exact, report)
    bends = [layer.bends for layer in problem.network.layers[:-1]]
    units = [
        (ends.low[mask] + 0.0, ends.high[mask] + 0.0, *flags[:, mask])  # a zero has no sign
        for ends, flags, mask in zip(known, exact, bends, strict=False)
    ]
    return UnitBounds(
        Bounds(*(np.concatenate(column) for column in zip(*units, strict=True))),
        Bounds(known[-1].low + 0.0, known[-1].high + 0.0, *exact[-1]),
    )


def _backwards(problem: Problem, known: Sequence[Range]) -> list[Range]:
    """Sharpen bounds over the box around the domain."""
    assert problem.domain is not None
    box, widths = problem.domain.box, [len(ends.low) for ends in known]
    pairs = zip([problem.network.input_dimension, *widths], widths, strict=False)
    many = max(below * above for below, above in pairs) > _MOST_TRIED
    one_box = [Range(low[None], high[None]) for low, high in known]
    boxes = Boxes(box.lower[None], box.upper[None])
    found, _ = backward_bounds(problem.network, boxes, one_box, ROUND_SIDES[: 1 if many else None])
    return [Range(low[0], high[0]) for low, high in found]


def _check_same(regions: Regions, problem: Problem) -> None:
    require_complete(regions, "bounds of units")
    if regions.network.fingerprint != problem.network.fingerprint:
        raise PolyregionsError(
            "the regions are those of another network; enumerate this one, or leave regions= out"
        )
    if regions.domain != problem.domain:
        raise PolyregionsError(
            "the regions are those of another domain; pass regions.domain as the domain"
        )


def _write_first_layer(
    problem: Problem, known: Sequence[Range], exact: Sequence[NDArray[np.bool_]]
) -> None:
    """Write the exact bounds of the first layer that bends, in place."""
    network, chart = problem.network, problem.chart
    place = next(k for k, layer in enumerate(network.layers) if layer.bends.any())
    if len(known[place].low) * chart.dimension > _MOST_EXACT_ENTRIES:
        return
    table, scale = first_map(exact_network(network, chart, depth=place + 1), place)
    walls = chart.rows.tolist()
    start = None if isinstance(problem.domain, Box) else interior_point(walls)
    for i, row in enumerate(table):
        if start is None:
            reach = sum(abs(int(entry)) for entry in row[:-1])
            ends = Fraction(int(row[-1]) - reach), Fraction(int(row[-1]) + reach)
        else:
            least, _ = largest_value([-entry for entry in row], walls, start)
            most, _ = largest_value(row, walls, start)
            ends = -least, most
        known[place].low[i] = float_below(ends[0] / scale)
        known[place].high[i] = -float_below(-ends[1] / scale)
    exact[place][:] = True


def _at_vertices(
    network: Network,
    regions: Regions,
    known: Sequence[Range],
    exact: Sequence[NDArray[np.bool_]],
    report: AfterStep,
) -> None:
    """Write the extremes over the vertices of all regions, in place."""
    polytopes = counted(chart_polytopes(regions), len(regions), report)
    columns = {vertex for polytope in polytopes for vertex in polytope.vertices}
    maps = exact_maps(network, regions.domain)  # with the outputs as if they bent
    inputs = [maps.chart.transform * flint.fmpz_mat([[u] for u in column]) for column in columns]
    fractions = cache(lambda number: exact_values(maps.exact, inputs[number]))
    places = [
        (k, i)
        for k, layer in enumerate(network.layers)
        for i in np.flatnonzero(layer.bends).tolist()
    ]
    places += [(len(network.layers) - 1, i) for i in range(network.output_dimension)]
    for side, sign in enumerate((-1, 1)):
        estimates, numbers = _rivals(network, inputs, places, sign)
        for column, (k, i) in enumerate(places):
            largest = Fraction(0)
            settled, estimate = False, inf
            rivals = zip(estimates[column].tolist(), numbers[column].tolist(), strict=True)
            for turn, (estimate, number) in enumerate(rivals):
                settled = turn > 0 and estimate <= largest
                if settled or turn == _MOST_RIVALS:
                    break
                value = sign * fractions(number)[column]
                largest = max(largest, value) if turn else value
            else:
                settled = True  # there are no more
            attained = -sign * float_below(-largest)
            # what is attained and was proven before is the end, too
            exact[k][side, i] = settled = settled or attained == known[k][side][i]
            if settled or estimate < inf:
                end = (
                    attained if settled else -sign * float_below(-max(largest, Fraction(estimate)))
                )
                # the largest value of -z is minus the least of z
                known[k][side][i] = (max if sign < 0 else min)(known[k][side][i], end)


def _rivals(
    network: Network, inputs: Sequence[flint.fmpz_mat], places: Sequence[tuple[int, int]], sign: int
) -> tuple[Floats, Integers]:
    """Return, for each place, the inputs where ``sign`` times its value may be largest.

    Returns
    -------
    estimates : numpy.ndarray of float64, shape (places, most + 1), falling
        Upper bounds on the values there; what is not listed is not above the last one.
    numbers : numpy.ndarray of int64, of the same shape
    """
    n, most = network.input_dimension, _MOST_RIVALS + 1
    estimates, numbers = np.empty((len(places), 0)), np.empty((len(places), 0), dtype=np.int64)
    step = max(1, _VERTEX_ENTRIES // len(places))
    for start in range(0, len(inputs), step):
        some = inputs[start : start + step]
        points = np.array([[quotient(int(x[i, 0]), int(x[n, 0])) for i in range(n)] for x in some])
        rounding = np.abs(points) * ROUNDOFF * 1.01 + 2.0**-1074
        layers = list(values_at(network, points, rounding))
        here = np.array([sign * layers[k].values[:, i] + layers[k].errors[:, i] for k, i in places])
        here += 2.0 * ROUNDOFF * np.abs(here)
        here[~np.isfinite(here)] = inf  # beyond floats: anything is possible
        found = np.broadcast_to(np.arange(start, start + len(some)), here.shape)
        estimates, numbers = np.hstack([estimates, here]), np.hstack([numbers, found])
        order = np.argsort(-estimates, axis=1, kind="stable")[:, :most]
        estimates = np.take_along_axis(estimates, order, axis=1)
        numbers = np.take_along_axis(numbers, order, axis=1)
    return estimates, numbers
