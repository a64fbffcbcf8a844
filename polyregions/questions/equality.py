"""Are two networks equal on a domain? Proven, or where they differ most, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Unpack

from polyregions.analysis.affine_maps import exact_maps
from polyregions.analysis.simplification import simplify
from polyregions.arrays import Point
from polyregions.network.composition import difference
from polyregions.questions.input_rows import bounded_domain
from polyregions.questions.optimum import highest_of
from polyregions.questions.output_search import exact_outputs
from polyregions.run.display import number_text
from polyregions.run.given import DomainLike, NetworkLike, network_given
from polyregions.run.options import Threaded, options_given, with_options

__all__ = ["Comparison", "equal"]


@dataclass(frozen=True)
class Comparison:
    """How far two networks are apart on a domain, exactly, or an interval that holds it.

    Attributes
    ----------
    value : Fraction
        The largest absolute difference of an output that was found, at `point`.
    bound : Fraction or float
        No two outputs differ by more: `value` itself if that is proven, infinite if nothing is
        known.
    point : tuple of Fraction
    first, second : tuple of Fraction
        The outputs of the networks at the point, exactly.
    boxes, cells : int
        Boxes looked at, and the regions of those that were decided region by region.
    """

    value: Fraction
    bound: Fraction | float
    point: Point
    first: tuple[Fraction, ...]
    second: tuple[Fraction, ...]
    boxes: int
    cells: int

    @property
    def proven(self) -> bool:
        """Whether the value is the largest difference."""
        return self.value == self.bound

    @property
    def equal(self) -> bool | None:
        """Whether the networks have the same outputs all over the domain; None if unknown."""
        if self.value > 0:
            return False
        return True if self.proven else None

    def __repr__(self) -> str:
        if self.equal:
            said = "equal, proven"
        elif self.proven:
            said = f"largest difference {number_text(self.value)}"
        else:
            ends = f"{number_text(self.value)} and {number_text(self.bound)}"
            said = f"largest difference between {ends}"
        return f"<Comparison: {said}; {self.boxes} boxes, {self.cells} regions>"


@with_options(Threaded)
def equal(
    first: NetworkLike,
    second: NetworkLike,
    domain: DomainLike,
    **how: Unpack[Threaded],
) -> Comparison:
    """Decide whether two networks are equal on a box or polytope, or where they differ most.

    Parameters
    ----------
    first, second : Network, path or torch module
        Of as many inputs and as many outputs.
    domain : Box, Polytope, or one (lower, upper) per input
        The closed domain.
    threads : int
        The value is the same for any number, the point may be another one.
    time_limit : float, optional
        Seconds, in which they are simplified as well; then an interval is returned.
    progress : bool or callable, optional
        As of :func:`polyregions.maximum`.
    on_interrupt : {"raise", "return"}
        Whether Ctrl-C raises or returns an interval.

    Returns
    -------
    Comparison

    Raises
    ------
    NetworkError
        If there is no network, or the two have different numbers of inputs or outputs.
    DomainError
        If the domain is no box or polytope of the networks' inputs.

    Notes
    -----
    *Algorithm.* Their difference is a network (:func:`polyregions.difference`), and units of
    both that are the same function are one after :func:`polyregions.simplify`, which
    proves what it does: networks whose units were only put in another order, scaled by powers
    of two, or folded, are settled by that. Of what is left the largest absolute output is sought
    as :func:`polyregions.maximum` does.

    Examples
    --------
    >>> import polyregions as pr
    >>> one = pr.Network.from_arrays([([[1.0], [-1.0]], [0, 0]), ([[1, 1]], [0])])
    >>> other = pr.Network.from_arrays([([[-2.0], [1.0]], [0, 0]), ([[0.5, 1]], [0])])
    >>> equal(one, other, pr.Box.cube(1, 1.0))
    <Comparison: equal, proven; 3 boxes, 2 regions>
    >>> third = pr.Network.from_arrays([([[-2.0], [1.0]], [0, 0.25]), ([[0.5, 1]], [0])])
    >>> apart = equal(one, third, pr.Box.cube(1, 1.0))
    >>> apart.equal, apart.value, apart.proven
    (False, Fraction(1, 4), True)
    """
    first, second = network_given(first), network_given(second)
    options = options_given(Threaded, how)
    apart = difference(first, second)
    within = bounded_domain(domain, apart)
    smaller = simplify(apart, within).network
    sums = [[(k, Fraction(sign))] for k in range(apart.output_dimension) for sign in (1, -1)]
    best = highest_of(smaller, within, sums, options)
    one, other = (exact_outputs(exact_maps(net, None), best.point) for net in (first, second))
    return Comparison(best.value, best.bound, best.point, one, other, best.boxes, best.cells)
