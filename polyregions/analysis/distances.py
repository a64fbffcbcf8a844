"""The distance from an input to the nearest activation boundary, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import flint
import numpy as np
from numpy.typing import ArrayLike

from polyregions.analysis.measures import float_root
from polyregions.domain.chart import Chart, chart_of
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.network import input_point
from polyregions.network.exact_network import exact_network, exact_rows
from polyregions.pattern import unpack
from polyregions.run.given import DomainLike, NetworkLike, domain_given, network_given

__all__ = ["BoundaryDistance", "boundary_distance"]


@dataclass(frozen=True)
class BoundaryDistance:
    """The nearest activation boundary to an input.

    Attributes
    ----------
    squared : Fraction
        The exact square of the Euclidean distance.
    unit : int
        A unit whose boundary it is.
    """

    squared: Fraction
    unit: int

    @property
    def value(self) -> float:
        """The distance as a float, infinite if it is larger than all."""
        return float_root(self.squared)


def boundary_distance(
    network: NetworkLike, x: ArrayLike, domain: DomainLike = None
) -> BoundaryDistance | None:
    """Return the distance from an input to the nearest point where a unit changes sign.

    Parameters
    ----------
    network : Network
    x : array_like, shape (n,)
    domain : Box or Polytope, optional
        Move in its free inputs only; its walls are no boundaries.

    Returns
    -------
    BoundaryDistance or None
        None if no unit changes sign anywhere: all are constant on the region of x.

    Notes
    -----
    *Algorithm.* min over units of ``|z(x)| / ||grad z||``, gradients in the region of x
    (Hanin & Rolnick 2019b): the nearest hyperplane of the region is reached before any
    other boundary. All in integers. If z(x) = 0 for a unit that is not constant, the
    distance is 0.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[3, 4], [1, 0]], [-1, 2]), ([[1, 1]], [0])])
    >>> boundary_distance(net, [0.0, 0.0])
    BoundaryDistance(squared=Fraction(1, 25), unit=0)
    """
    network = network_given(network)
    n = network.input_dimension
    domain = domain_given(domain, n)
    point = input_point(network, x)
    bits = unpack(network.pattern(point), network.hidden_units)
    chart_of(domain, n)  # refuses a domain that does not fit
    free = range(n) if domain is None else domain.free.tolist()
    # inputs as they are: the identity chart, homogeneous
    transform = flint.fmpz_mat(
        n + 1, n + 1, [int(i == j) for i in range(n + 1) for j in range(n + 1)]
    )
    inputs = Chart(transform, flint.fmpz_mat(0, n + 1), n)
    exact = exact_network(network, inputs)
    column, _ = dyadic_matrix(np.append(point, 1.0)[:, None])
    scale = int(column[n, 0])
    best: BoundaryDistance | None = None
    for unit, row in enumerate(exact_rows(exact, bits)[: exact.hidden_units]):
        square = sum(int(row[i]) ** 2 for i in free)
        if not square:
            continue
        value = sum(int(row[i]) * int(column[i, 0]) for i in range(n + 1))
        squared = Fraction(value**2, square * scale**2)
        if best is None or squared < best.squared:
            best = BoundaryDistance(squared, unit)
    return best
