"""Where regions are counted: boxes with exact float bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.errors import DomainError

__all__ = ["Box"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, init=False)
class Box:
    """An axis-parallel box; a coordinate with equal bounds is a constant.

    Regions are counted in the *open* box of the free coordinates.

    Parameters
    ----------
    lower, upper : array_like of float, shape (n,)

    Raises
    ------
    DomainError
        If bounds differ in length, are not finite, are in the wrong order, or
        leave no free coordinate.

    Examples
    --------
    >>> box = Box([0.0, 1.0, -1.0], [2.0, 1.0, 1.0])
    >>> box.dimension, box.free.tolist()
    (3, [0, 2])
    """

    lower: Floats
    upper: Floats

    def __init__(self, lower: ArrayLike, upper: ArrayLike) -> None:
        try:
            low = np.array(lower, dtype=np.float64).reshape(-1) + 0.0
            high = np.array(upper, dtype=np.float64).reshape(-1) + 0.0
        except (TypeError, ValueError) as error:
            raise DomainError(f"the bounds of a box must be numbers ({error})") from None
        if low.shape != high.shape or not low.size:
            raise DomainError(
                f"a box needs as many lower as upper bounds, at least one, "
                f"but got {low.size} and {high.size}"
            )
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise DomainError(
                "the bounds of a box must be finite numbers; "
                "for the whole space use domain=None (--whole-space)"
            )
        if (low > high).any():
            index = int(np.flatnonzero(low > high)[0])
            raise DomainError(
                f"coordinate {index} of the box has lower bound {low[index]!s} above "
                f"upper bound {high[index]!s}; swap them"
            )
        if (low == high).all():
            raise DomainError(
                "every coordinate of the box is fixed, so there is nothing to count; "
                "give at least one coordinate a lower bound below its upper bound"
            )
        low.setflags(write=False)
        high.setflags(write=False)
        object.__setattr__(self, "lower", low)
        object.__setattr__(self, "upper", high)

    @classmethod
    def cube(cls, dimension: int, radius: float) -> Box:
        """Return the cube [-radius, radius]^dimension."""
        return cls.interval(dimension, -radius, radius)

    @classmethod
    def interval(cls, dimension: int, low: float, high: float) -> Box:
        """Return the cube [low, high]^dimension."""
        if dimension < 1:
            raise DomainError(f"a box needs at least one coordinate, not {dimension}")
        return cls(np.full(dimension, low), np.full(dimension, high))

    @property
    def dimension(self) -> int:
        """Number of coordinates, fixed ones included."""
        return len(self.lower)

    @property
    def free(self) -> NDArray[np.intp]:
        """Indices of the coordinates that are not fixed."""
        return np.flatnonzero(self.lower < self.upper)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Box)
            and np.array_equal(self.lower, other.lower)
            and np.array_equal(self.upper, other.upper)
        )

    def __hash__(self) -> int:
        return hash((self.lower.tobytes(), self.upper.tobytes()))

    def __repr__(self) -> str:
        low, high = set(self.lower.tolist()), set(self.upper.tolist())
        if len(low) == len(high) == 1:
            return f"Box.interval({self.dimension}, {low.pop()}, {high.pop()})"
        return f"Box({self.lower.tolist()}, {self.upper.tolist()})"
