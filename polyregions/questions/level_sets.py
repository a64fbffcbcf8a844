"""Where an output has some value, or the class changes: all regions met, and the pieces in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from math import isfinite
from typing import Unpack

import numpy as np

from polyregions.analysis.decision import DecisionBoundary, decision_in, met_regions
from polyregions.arrays import floats
from polyregions.errors import PolyregionsError
from polyregions.network.composition import compose, linear
from polyregions.questions.input_rows import box_given
from polyregions.questions.optimum import sum_given
from polyregions.questions.property import OutputInequality, OutputSet
from polyregions.questions.region_search import Listed, regions_near
from polyregions.run.given import DomainLike, NetworkLike, network_given
from polyregions.run.limits import Threaded, options_given, with_options

__all__ = ["LevelSet", "boundary", "level"]


@dataclass(frozen=True, eq=False)
class LevelSet(DecisionBoundary):
    """A level set or class boundary that was searched for.

    Attributes
    ----------
    regions : Regions
        Of :func:`~polyregions.analysis.decision.comparing_network`, those that have a piece in
        their closure: a selection of all. Partial if a limit was reached.
    classes, edges
        As of :class:`~polyregions.analysis.decision.DecisionBoundary`.
    settled : float
        The share of the box, by volume, whose pieces are known: 1 if all are. Rounded; nothing
        rests on it.
    boxes, visited : int
        Boxes looked at, and regions of the network that were looked at.
    """

    settled: float
    boxes: int
    visited: int

    @property
    def finished(self) -> bool:
        """Whether no piece is missing."""
        return self.regions.selection

    def __repr__(self) -> str:
        state = "all" if self.finished else f"partial, {self.settled:.1%} of the box settled"
        return (
            f"<LevelSet: {len(self)} pieces, {len(self.regions)} regions met, {state}; "
            f"{self.boxes} boxes, {self.visited} regions looked at>"
        )


@with_options(Threaded)
def level(
    network: NetworkLike,
    domain: DomainLike,
    value: float = 0.0,
    output: int | Sequence[float] = 0,
    **how: Unpack[Threaded],
) -> LevelSet:
    """Return where an output has some value: the regions that are met, and the pieces.

    Parameters
    ----------
    network : Network, path or torch module
    domain : Box, or one (lower, upper) per input
    value : float
    output : int or sequence of numbers
        Which output, or a coefficient for each: then it is about the sum.
    threads : int
        For bounds; the result is the same for any number.
    time_limit : float, optional
        Seconds of searching; then the result holds the pieces in the part of the box that is
        settled. To cut the regions found until then may take as long again.
    progress : bool or callable, optional
        As of :func:`polyregions.maximum`.
    on_interrupt : {"raise", "return"}
        Whether Ctrl-C in the search raises or returns what was found.

    Returns
    -------
    LevelSet
        Class 1 is where the output is larger than the value, class 0 where it is not; a piece
        separates the two. So it is flat, of dimension n - 1: inside a region, or the facet of
        one where the output is larger, beyond which it is not. No piece is where the output only
        touches the value, or has it throughout a region.

    Raises
    ------
    NetworkError
        If there is no network.
    DomainError
        If the domain is no box of the network's inputs.
    PolyregionsError
        If there is no such output, the value is no finite number, or a limit is no positive one.

    Notes
    -----
    *Algorithm.* Boxes on which the output is proven to be larger, or smaller, than the value are
    dropped; of the others regions are listed
    (:func:`~polyregions.questions.region_search.regions_near`), and each of these is cut,
    on all of the domain, as :func:`~polyregions.analysis.decision.decision_in` does.

    Examples
    --------
    f = σ(x) + σ(y) is 1/2 on a segment, and on two rays that leave it:

    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [0])])
    >>> found = level(net, pr.Box.cube(2, 1.0), 0.5)
    >>> len(found), found.finished, sorted(round(piece.measure, 3) for piece in found.pieces())
    (3, True, [0.707, 1.0, 1.0])
    """
    network = network_given(network)
    box = box_given(domain, network, "a level set is sought")
    terms = sum_given(output, network.output_dimension)
    options = options_given(Threaded, how)
    height = floats(value, "the value of a level set", PolyregionsError)
    if height.shape != () or not isfinite(height):
        raise PolyregionsError(f"the value of a level set is one finite number, not {value!r}")
    if network.output_dimension > 1 or terms[0][1] != 1:
        row = np.zeros((1, network.output_dimension))
        for index, coefficient in terms:
            row[0, index] = coefficient
        network = replace(compose(network, linear(row)), name=network.name)
    at = Fraction(float(height))
    between: OutputSet = (
        OutputInequality(((0, Fraction(1)),), at),
        OutputInequality(((0, Fraction(-1)),), -at),
    )
    listed = regions_near(network, box, (between,), options)
    return _level_set(listed, float(height))


@with_options(Threaded)
def boundary(
    network: NetworkLike,
    domain: DomainLike,
    **how: Unpack[Threaded],
) -> LevelSet:
    """Return where the class of an input changes: the regions that are met, and the pieces.

    Parameters
    ----------
    network : Network, path or torch module
        The class is the largest output, the first of equal ones; of a network with one output,
        whether it is larger than 0.
    domain : Box, or one (lower, upper) per input
    threads, time_limit, progress, on_interrupt
        As of :func:`level`.

    Returns
    -------
    LevelSet
        Each piece separates two classes. No piece is where outputs only touch.

    Raises
    ------
    NetworkError
        If there is no network.
    DomainError
        If the domain is no box of the network's inputs.
    PolyregionsError
        If a limit is no positive number.

    Notes
    -----
    *Algorithm.* As of :func:`level`: boxes on which no two outputs can be equal and
    the largest are dropped.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 0], [0, 1]], [0, 0])])
    >>> found = boundary(net, pr.Box.cube(2, 1.0))
    >>> found.pairs().tolist(), found.regions.selection
    ([[0, 1], [0, 1]], True)
    """
    network = network_given(network)
    if network.output_dimension == 1:
        return level(network, domain, **how)
    box = box_given(domain, network, "a level set is sought")
    listed = regions_near(
        network, box, _ties(network.output_dimension), options_given(Threaded, how)
    )
    return _level_set(listed, 0.0)


def _ties(outputs: int) -> tuple[OutputSet, ...]:
    """Return for any two outputs a, b the set where they are equal, and no other is larger."""

    def at_most(one: int, other: int) -> OutputInequality:
        """Return Y_one - Y_other <= 0."""
        (low, high), sign = sorted((one, other)), 1 if one < other else -1
        return OutputInequality(((low, Fraction(sign)), (high, Fraction(-sign))), Fraction(0))

    return tuple(
        (at_most(a, b), *(at_most(k, a) for k in range(outputs) if k != a))
        for a, b in combinations(range(outputs), 2)
    )


def _level_set(listed: Listed, value: float) -> LevelSet:
    met = met_regions(decision_in(listed.regions, level=value))
    return LevelSet(
        met.regions, met.classes, met.edges, listed.settled, listed.boxes, listed.visited
    )
