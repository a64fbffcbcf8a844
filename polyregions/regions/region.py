"""One region: what it says about itself, computed when it is asked for; and which are meant."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.arrays import Bits, Floats, Integers
from polyregions.domain import Domain
from polyregions.errors import NetworkError, PolyregionsError, kind_of, shown
from polyregions.markup import titled
from polyregions.network import Network, input_points
from polyregions.pattern import Words, unpack

if TYPE_CHECKING:
    from polyregions.geometry.region_polytope import Halfspaces
    from polyregions.regions.facets import Facets, RegionProblem
    from polyregions.regions.polytopes import RegionPolytope
    from polyregions.regions.regions import Regions

__all__ = [
    "Region",
    "located",
    "selected_numbers",
]

_SHOWN_INPUTS = 8  # and outputs of a map that a notebook writes out


@dataclass(frozen=True, eq=False)
class Region:
    """One activation region: a pattern whose open set in the domain is not empty.

    Everything geometric is recomputed from (network, domain, pattern). Two regions are equal
    if these three are: networks with the same parameters are the same.

    Attributes
    ----------
    network : Network
    domain : Box, Polytope or None
    pattern : numpy.ndarray of uint64, shape (W,)
    witness : numpy.ndarray of float64, shape (n,)
        A point of the region; see ``Regions.witnesses``.
    exact_witness : tuple of Fraction, length n
        A point strictly inside the region, exactly.
    index : int or None
        Its number in the result it was taken from; None if it is from ``pr.traverse``.
    regions : Regions or None
        That result.
    """

    network: Network
    domain: Domain | None
    pattern: Words
    witness: Floats
    exact_witness: tuple[Fraction, ...]
    index: int | None = None
    regions: Regions | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Region) and (
            np.array_equal(self.pattern, other.pattern)
            and self.domain == other.domain
            and self.network.fingerprint == other.network.fingerprint
        )

    def __hash__(self) -> int:
        return hash((self.network.fingerprint, self.domain, self.pattern.tobytes()))

    @property
    def bits(self) -> Bits:
        """The pattern unpacked, shape (N,)."""
        return unpack(self.pattern, self.network.hidden_units)

    def contains(self, x: ArrayLike) -> bool | NDArray[np.bool_]:
        """Return whether a point is in the region, exactly, or which of several are.

        Parameters
        ----------
        x : array_like, shape (n,) or (k, n)

        Returns
        -------
        bool, or numpy.ndarray of bool, shape (k,)
            True inside the domain or on its walls, where the network has the region's pattern.
            On a boundary between regions units that are zero count as off, as in
            :meth:`Regions.find`.

        Raises
        ------
        NetworkError
            If the points are no finite real numbers, or have another length.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
        >>> region = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))[0]
        >>> region.contains([-0.5]), region.contains([[0.0], [0.5], [-3.0]])
        (True, array([ True, False, False]))
        """
        words, inside = located(self.network, self.domain, x)
        found = inside & (np.atleast_2d(words) == self.pattern).all(axis=1)
        return bool(found[0]) if words.ndim == 1 else found

    def neighbors(self) -> list[tuple[Region, tuple[int, ...]]]:
        """Return the regions that share a facet with this one, and the units that switch there.

        Returns
        -------
        list of (Region, tuple of int)
            In the order of their numbers. A partial result does not hold them all.

        Raises
        ------
        PolyregionsError
            If the region is not from a result.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
        >>> regions = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))
        >>> [(region.index, units) for region, units in regions[1].neighbors()]
        [(0, (0,)), (2, (1,))]
        """
        if self.regions is None or self.index is None:
            raise PolyregionsError(
                "a region that is from no result knows no neighbors; take it as regions[i] from "
                "what pr.enumerate_regions(network, domain) returns"
            )
        found = []
        for edge in self.regions.edges_of(self.index).tolist():
            beyond = self.regions.edges[edge].sum() - self.index
            found.append((self.regions[int(beyond)], self.regions.units_of_edge(edge)))
        return found

    @overload
    def halfspaces(self, *, all_rows: Literal[False] = False) -> Facets: ...
    @overload
    def halfspaces(self, *, all_rows: bool) -> Halfspaces: ...
    def halfspaces(self, *, all_rows: bool = False) -> Halfspaces:
        """Return the closed polytope {x : normals @ x + offsets >= 0} in the free inputs.

        Parameters
        ----------
        all_rows : bool
            Whether to return a row for every unit and for every side of the domain, in that
            order, though most say nothing that the others do not; of a unit that is zero on the
            region the row is zero.

        Returns
        -------
        Facets
            Without `all_rows`: its facets alone, each once and proven to be one, with the
            units that switch there and the region beyond.
        Halfspaces
            With `all_rows`.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
        >>> region = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))[2]
        >>> facets = region.halfspaces()
        >>> facets.units, facets.beyond.tolist()
        (((1,), ()), [1, -1])
        >>> region.halfspaces(all_rows=True)
        <Halfspaces: 4 inequalities in 1 inputs>
        """
        if all_rows:
            from polyregions.geometry.region_polytope import region_halfspaces

            return region_halfspaces(self.network, self.domain, self.pattern)
        from polyregions.regions.facets import region_facets

        return region_facets(self)

    def polytope(self) -> RegionPolytope:
        """Return the region's vertices, volume and centre, as floats and as fractions.

        Meant for few free inputs.

        Returns
        -------
        RegionPolytope

        Raises
        ------
        DomainError
            With more than 20 free inputs.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1, 2]], [-0.5]), ([[1]], [0])])
        >>> triangle = pr.enumerate_regions(net, pr.Box.interval(2, 0.0, 1.0))[0].polytope()
        >>> triangle.vertices.tolist(), triangle.volume, triangle.exact.volume
        ([[0.0, 0.0], [0.0, 0.25], [0.5, 0.0]], 0.0625, Fraction(1, 16))
        """
        from polyregions.regions.polytopes import region_polytope

        return region_polytope(self)

    def affine_map(self) -> tuple[Floats, Floats]:
        """Return the affine function that the network is on this region, in floating point.

        Returns
        -------
        matrix : numpy.ndarray of float64, shape (outputs, n)
        shift : numpy.ndarray of float64, shape (outputs,)
            On the region the network is ``matrix @ x + shift``.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[2.0]], [1.0])])
        >>> pr.enumerate_regions(net, pr.Box.cube(1, 1.0))[1].affine_map()
        (array([[2.]]), array([1.]))
        """
        return self.network.affine_map(self.pattern)

    def as_cvxpy(self) -> RegionProblem:
        """Return a cvxpy variable, the region's constraints and the network's output.

        Returns
        -------
        RegionProblem
            Its ``x``, ``constraints`` and ``output``: see
            :func:`polyregions.regions.facets.region_problem`.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[2.0]], [1.0])])
        >>> model = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))[1].as_cvxpy()
        >>> model.x.shape, model.output.shape
        ((1,), (1,))
        """
        from polyregions.regions.facets import region_problem

        return region_problem(self)

    def __repr__(self) -> str:
        point = ", ".join(f"{value:.6g}" for value in self.witness[:4].tolist())
        point += ", ..." if len(self.witness) > 4 else ""
        units = f"{int(self.bits.sum())} of {self.network.hidden_units} units active"
        return f"<Region of {shown(self.network.name, 80)}: {units}, around [{point}]>"

    def _repr_html_(self) -> str:
        active = f"{int(self.bits.sum())} of {self.network.hidden_units} units active"
        rows: dict[str, object] = {
            "number": self.index,
            "pattern": f"{active}: {''.join(map(str, self.bits.tolist()))}",
            "a point inside": self.witness[:_SHOWN_INPUTS].tolist(),
        }
        if len(self.witness) <= _SHOWN_INPUTS:
            matrix, shift = self.affine_map()
            rows |= {
                f"output {k}": _affine_text(row, constant)
                for k, (row, constant) in enumerate(
                    zip(matrix.tolist(), shift.tolist(), strict=True)
                )
                if k < _SHOWN_INPUTS
            }
        return titled(f"Region of {shown(self.network.name, 80)}", rows)


def _affine_text(row: list[float], constant: float) -> str:
    parts = [f"{value:+.4g} x{axis}" for axis, value in enumerate(row) if value]
    return " ".join([*parts, f"{constant:+.4g}"]).lstrip("+")


def located(
    network: Network, domain: Domain | None, x: ArrayLike
) -> tuple[Words, NDArray[np.bool_]]:
    """Return the exact patterns at one or several points, and which the closed domain holds.

    Parameters
    ----------
    x : array_like, shape (n,) or (k, n)

    Returns
    -------
    words : numpy.ndarray of uint64, shape (W,) or (k, W)
    inside : numpy.ndarray of bool, shape (1,) or (k,)

    Raises
    ------
    NetworkError
        If the points are no finite real numbers, or have another length.
    """
    if isinstance(x, np.ndarray) and x.dtype == np.uint64:
        raise NetworkError(
            "an array of type uint64 is a packed pattern, not a point; "
            "regions.index(pattern) is the number of its region"
        )
    points = np.atleast_2d(input_points(network, x))
    words = network.pattern(x)
    if domain is None:
        return words, np.ones(len(points), dtype=np.bool_)
    return words, domain.closure_contains(points)


def selected_numbers(key: Any, size: int) -> Integers:
    """Return the numbers that a key chooses from 0 to size - 1, rising.

    Parameters
    ----------
    key : slice, or array_like of bool, shape (size,), or of int, shape (k,)
    size : int

    Raises
    ------
    PolyregionsError
        If it is none of these, a mask of another length, or the numbers do not rise.
    IndexError
        If a number is too large.

    Examples
    --------
    >>> selected_numbers(slice(1, None, 2), 5)
    array([1, 3])
    >>> selected_numbers([True, False, True], 3)
    array([0, 2])
    """
    if isinstance(key, slice):
        try:
            numbers = np.arange(size)[key]
        except (TypeError, ValueError):
            raise _refuse(key, size) from None
    else:
        try:
            array = np.asarray(key)
        except (TypeError, ValueError, RuntimeError):
            raise _refuse(key, size) from None
        if array.ndim == 1 and not array.size and not isinstance(key, np.ndarray | str | dict):
            array = array.astype(np.int64)  # an empty list is one of numbers
        if array.dtype == np.bool_:
            if array.shape != (size,):
                raise PolyregionsError(
                    f"a mask has one entry for each of the {size} regions, shape ({size},), "
                    f"not {array.shape}"
                )
            return np.flatnonzero(array)
        if array.dtype == np.uint64:
            raise PolyregionsError(
                "an array of type uint64 is a packed pattern, not numbers of regions; "
                "regions.index(pattern) is the number of its region"
            )
        if array.dtype.kind not in "iu" or array.ndim != 1:
            raise _refuse(key, size)
        wrong = array[(array < -size) | (array >= size)]
        if len(wrong):
            raise IndexError(
                f"there is no region {wrong[0]}: this result holds {size}, numbered from 0"
            )
        numbers = array.astype(np.int64)
        numbers[numbers < 0] += size
    if (np.diff(numbers) <= 0).any():
        raise PolyregionsError(
            "regions stay in the order of their patterns, so choose several by rising numbers, "
            "each once; for another order take them one by one"
        )
    return numbers


def _refuse(key: Any, size: int) -> PolyregionsError:
    return PolyregionsError(
        f"a region has a whole number, from 0 to {size - 1}, not {kind_of(key)}; several "
        f"are chosen by a slice, a mask or an array of numbers, that of a point is regions.find(x)"
    )
