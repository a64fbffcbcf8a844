"""The part of a domain that is near a point."""

from __future__ import annotations

from numbers import Real

import numpy as np

from polyregions.arrays import Floats
from polyregions.domain.domains import Box, Domain, Polytope
from polyregions.errors import DomainError

__all__ = ["cube_about"]


def cube_about(domain: Domain | None, x: Floats, radius: float) -> Domain:
    """Return the part of a domain whose points differ from one by at most a radius per input.

    Parameters
    ----------
    domain : Box, Polytope or None
        None is the whole space.
    x : numpy.ndarray of float64, shape (n,)
        In the domain or on its boundary.
    radius : float

    Returns
    -------
    Box or Polytope
        The cube about the point, whose sides are the floats ``x - radius`` and ``x + radius``,
        cut with the domain.

    Raises
    ------
    DomainError
        If the radius is no positive number, or too small to change an input or too large.

    Examples
    --------
    >>> cube_about(Box.cube(2, 1.0), np.array([1.0, 0.5]), 0.25)
    Box([0.75, 0.25], [1.0, 0.75])
    """
    free = np.arange(len(x)) if domain is None else domain.free
    given: object = radius  # of any type at run time
    if not (isinstance(given, Real) and radius > 0):
        raise DomainError(f"a radius must be a positive number, not {radius!r}")
    with np.errstate(over="ignore"):
        low, high = x - float(radius), x + float(radius)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise DomainError(f"the radius {radius!r} leads beyond all floats; leave it out")
    if not ((low < x) & (x < high))[free].all():
        raise DomainError(f"the radius {radius!r} is lost in the rounding of the point; enlarge it")
    if domain is None:
        return Box(low, high)
    if isinstance(domain, Box):
        return Box(np.maximum(domain.lower, low), np.minimum(domain.upper, high))
    sides = np.eye(len(x))
    return Polytope(np.vstack([domain.A, sides, -sides]), np.concatenate([domain.b, high, -low]))
