"""On which regions a condition on the outputs holds, somewhere or everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.affine_maps import ExactMaps, exact_maps
from polyregions.arrays import floats
from polyregions.domain.chart import chart_point
from polyregions.errors import PolyregionsError, kind_of
from polyregions.exact.closed import ClosedPolytope
from polyregions.exact.simplex import column_of
from polyregions.geometry.witness import nearest_float
from polyregions.network import Layer, Network
from polyregions.pattern import unpack
from polyregions.questions.box_regions import inequality_row
from polyregions.questions.input_rows import box_given
from polyregions.questions.optimum import sum_given
from polyregions.questions.property import OutputInequality, OutputSet, check_outputs, whole_factor
from polyregions.questions.region_search import regions_near
from polyregions.regions import Region, Regions
from polyregions.run.given import DomainLike, NetworkLike, network_given
from polyregions.run.limits import Threaded, options_given, with_options
from polyregions.walk.subproblem import prefix_indices, refine

__all__ = ["Whereabouts", "where"]


@dataclass(frozen=True, eq=False)
class Whereabouts:
    """The regions on which a condition holds somewhere.

    Attributes
    ----------
    regions : Regions
        Those whose closure holds an input that satisfies the condition: a selection of all,
        with the edges between them. Partial if a limit was reached.
    everywhere : numpy.ndarray of bool, shape (R,)
        Whether all inputs of the region's closure satisfy it.
    touching : numpy.ndarray of bool, shape (R,)
        Whether those that satisfy it have no interior: a face, a corner, a level set.
    settled : float
        The share of the box, by volume, whose part of `regions` is known: 1 if all are. Rounded;
        nothing rests on it.
    boxes, visited : int
        Boxes looked at, and regions that were looked at.
    """

    regions: Regions
    everywhere: NDArray[np.bool_]
    touching: NDArray[np.bool_]
    settled: float
    boxes: int
    visited: int

    @property
    def finished(self) -> bool:
        """Whether no region is missing."""
        return self.regions.selection

    def __len__(self) -> int:
        return len(self.regions)

    def __repr__(self) -> str:
        state = "all" if self.finished else f"partial, {self.settled:.1%} of the box settled"
        return (
            f"<Whereabouts: {len(self)} regions, {self.everywhere.sum()} of them everywhere, "
            f"{state}; {self.boxes} boxes, {self.visited} regions looked at>"
        )


@with_options(Threaded)
def where(
    network: NetworkLike,
    domain: DomainLike,
    output: int | Sequence[float] = 0,
    *,
    above: float | None = None,
    below: float | None = None,
    condition: Sequence[OutputSet] | None = None,
    **how: Unpack[Threaded],
) -> Whereabouts:
    """Return the regions on which a condition on the outputs holds, somewhere or everywhere.

    Parameters
    ----------
    network : Network, path or torch module
    domain : Box, or one (lower, upper) per input
    output : int or sequence of numbers
        Which output, or a coefficient for each: then it is about the sum.
    above, below : float, optional
        The condition: the output is at least that, at most that, or both. Equality satisfies it.
    condition : sequence of sets of inequalities, optional
        In place of `output`, `above` and `below`: all inequalities of one of the sets hold, as
        in :attr:`polyregions.questions.property.Case.unsafe`.
    threads : int
        For bounds; the result is the same for any number.
    time_limit : float, optional
        Seconds of searching; then the result holds what is in the part of the box that is
        settled. To decide the regions found until then may take as long again.
    progress : bool or callable, optional
        As of :func:`polyregions.maximum`.
    on_interrupt : {"raise", "return"}
        Whether Ctrl-C in the search raises or returns what was found.

    Returns
    -------
    Whereabouts
        Regions are taken with their boundary: one that the condition's set only touches is
        among them, and is marked.

    Raises
    ------
    NetworkError
        If there is no network.
    DomainError
        If the domain is no box of the network's inputs.
    PolyregionsError
        If there is no condition, or it is about outputs that there are not, or has numbers that
        no floats hold; if a limit is no positive number.

    Notes
    -----
    *Algorithm.* Boxes on which the condition is proven to be broken are dropped; of the others
    regions are listed (:func:`~polyregions.questions.region_search.regions_near`). Each of these
    is cut, on all of the domain, by one more unit for each inequality, whose bit is 1 where the
    inequality is broken: their bits decide a part with interior points. A region of which no part
    satisfies the condition is asked by linear programs in integers whether it is touched.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
    >>> found = where(net, pr.Box.cube(1, 1.0), above=0.5)
    >>> found.regions.bits.tolist(), found.everywhere.tolist()
    ([[1, 0], [1, 1]], [False, False])
    >>> where(net, pr.Box.cube(1, 1.0), above=1.0).touching.tolist()
    [True, True]
    """
    network = network_given(network)
    box = box_given(domain, network, "regions are sought")
    options = options_given(Threaded, how)
    sets = _condition_given(network, output, above, below, condition)
    cutting = _Cutting(network, sets)
    listed = regions_near(network, box, sets, options)
    inside, everywhere = cutting.decided(listed.regions)
    maps = exact_maps(network, box)
    touching = np.zeros(len(inside), dtype=bool)
    for index in np.flatnonzero(~inside).tolist():
        touching[index] = _touched(maps, listed.regions[index], sets)
    kept = inside | touching
    # once more, for the edges between them
    regions = refine(listed.regions[kept.tolist()], network)
    return Whereabouts(
        regions,
        everywhere[kept],
        touching[kept],
        listed.settled,
        listed.boxes,
        listed.visited,
    )


class _Cutting:
    """The network with one more unit for each inequality, on where it is broken."""

    def __init__(self, network: Network, sets: tuple[OutputSet, ...]) -> None:
        rows = list(dict.fromkeys(row for members in sets for row in members))
        self.members = [[rows.index(row) for row in of] for of in sets]
        matrix = np.zeros((len(rows), network.output_dimension))
        bounds = [_write_floats(row, line) for row, line in zip(rows, matrix, strict=True)]
        # a bound of many digits is a sum of floats, which are taken off layer by layer
        shifts = -np.array(list(zip_longest(*bounds, fillvalue=0.0)))
        steps = [matrix, *[np.eye(len(rows))] * (len(shifts) - 1)]
        layers = [Layer.affine(step, shift) for step, shift in zip(steps, shifts, strict=True)]
        layers[-1] = Layer.relu(steps[-1], shifts[-1])
        last = Layer.affine(np.ones((1, len(rows))), [0.0])
        self.units = network.hidden_units
        self.network = Network((*network.layers, *layers, last), network.name)

    def decided(self, regions: Regions) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return where the condition holds on interior points, and where it does everywhere.

        Notes
        -----
        Inequalities are closed, so that one that is not broken on a part holds on its closure;
        the closures of a region's parts cover the region's.
        """
        parts = refine(regions, self.network)
        broken = unpack(parts.patterns, parts.network.hidden_units)[:, self.units :] == 1
        holds = np.any([~broken[:, of].any(axis=1) for of in self.members], axis=0)
        owner = prefix_indices(parts, regions)
        inside, everywhere = np.zeros(len(regions), dtype=bool), np.ones(len(regions), dtype=bool)
        inside[owner[holds]] = True
        everywhere[owner[~holds]] = False
        return inside, everywhere


def _write_floats(row: OutputInequality, line: NDArray[np.float64]) -> list[float]:
    """Write coefficients, times a positive number, into a line; return the bound times that.

    Returns
    -------
    list of float
        Numbers whose sum is the bound, at least one.

    Raises
    ------
    PolyregionsError
        If no such number makes floats of the coefficients, and sums of floats of the bound.
    """
    numbers = [*(c for _, c in row.coefficients), row.bound]
    if any(c.denominator & (c.denominator - 1) for c in numbers):
        factor = whole_factor(numbers)
        numbers = [c * factor for c in numbers]
    *coefficients, rest = numbers
    parts = [nearest_float(rest)]
    while np.isfinite(parts[-1]) and (rest := rest - Fraction(parts[-1])) and parts[-1]:
        parts.append(nearest_float(rest))
    for (index, _), coefficient in zip(row.coefficients, coefficients, strict=True):
        line[index] = nearest_float(coefficient)
    if rest or line[[index for index, _ in row.coefficients]].tolist() != coefficients:
        raise PolyregionsError(
            f"an inequality of Y_{row.coefficients[0][0]} has more digits than floats hold; write "
            f"at most 15"
        )
    return parts


def _touched(maps: ExactMaps, region: Region, sets: tuple[OutputSet, ...]) -> bool:
    """Return whether the closure of a region holds an input that is mapped into one of the sets."""
    units, outputs, walls = maps.rows(region.pattern)
    inside = column_of(chart_point(region.domain, region.exact_witness))
    closure = ClosedPolytope.of([*units, *walls], inside)
    for members in sets:
        part: ClosedPolytope | None = closure
        for row in members:
            cut = inequality_row(row, outputs, maps.scale)
            part = None if part is None else part.cut(cut)
        if part is not None:
            return True
    return False


def _condition_given(
    network: Network,
    output: int | Sequence[float],
    above: float | None,
    below: float | None,
    condition: Sequence[OutputSet] | None,
) -> tuple[OutputSet, ...]:
    if condition is None:
        terms = sum_given(output, network.output_dimension)
        rows = []
        for name, end, sign in (("below", below, 1), ("above", above, -1)):
            if end is not None:
                bound = floats(end, name, PolyregionsError)
                if bound.shape != () or not np.isfinite(bound):
                    raise PolyregionsError(f"{name} is one finite number, not {end!r}")
                signed = tuple((index, sign * c) for index, c in terms)
                rows.append(OutputInequality(signed, sign * Fraction(float(bound))))
        if not rows:
            raise PolyregionsError(
                "a condition needs a bound of the output, above or below, or a condition of its own"
            )
        return (tuple(rows),)
    if above is not None or below is not None:
        raise PolyregionsError("give a condition, or above and below, not both")
    sets: Any = condition  # of any type at run time
    if not np.iterable(sets) or not all(
        isinstance(members, tuple)
        and members
        and all(isinstance(row, OutputInequality) for row in members)
        for members in sets
    ):
        raise PolyregionsError(
            f"a condition is a sequence of sets, each a tuple of at least one OutputInequality, "
            f"as in load_property(path).cases[0].unsafe; not {kind_of(condition)}"
        )
    chosen = tuple(condition)
    if not chosen:
        raise PolyregionsError("a condition needs at least one set of inequalities")
    check_outputs(chosen, network)
    if any(row.strict or row.inputs for members in chosen for row in members):
        raise PolyregionsError(
            "a condition is of inequalities of outputs that are not strict; this one has others"
        )
    return chosen
