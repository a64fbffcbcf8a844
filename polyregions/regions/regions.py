"""The result of an enumeration: regions, their witnesses and their adjacency."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from operator import index as operator_index
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.domain import Box, Domain, Polytope
from polyregions.errors import PolyregionsError, kind_of, shown
from polyregions.network import Network, input_point
from polyregions.pattern import Words, check_pattern, unpack

if TYPE_CHECKING:
    import networkx as nx

    from polyregions.geometry.halfspaces import Halfspaces
    from polyregions.regions.model import RegionProblem

__all__ = ["Region", "Regions", "check_region", "check_regions"]


@dataclass(frozen=True, eq=False)
class Region:
    """One activation region: a pattern whose open set in the domain is not empty.

    Everything geometric is recomputed from (network, domain, pattern).

    Attributes
    ----------
    network : Network
    domain : Box, Polytope or None
    pattern : numpy.ndarray of uint64, shape (W,)
    witness : numpy.ndarray of float64, shape (n,)
        A point of the region; see ``Regions.witnesses``.
    exact_witness : tuple of Fraction, length n
        A point strictly inside the region, exactly.
    """

    network: Network
    domain: Domain | None
    pattern: Words
    witness: Floats
    exact_witness: tuple[Fraction, ...]

    @property
    def bits(self) -> NDArray[np.uint8]:
        """The pattern unpacked, shape (N,)."""
        return unpack(self.pattern, self.network.hidden_units)

    def halfspaces(self) -> Halfspaces:
        """Return the closed polytope {x : normals @ x + offsets >= 0} in the free inputs."""
        from polyregions.geometry.halfspaces import region_halfspaces

        return region_halfspaces(self.network, self.domain, self.pattern)

    def affine_map(self) -> tuple[Floats, Floats]:
        """Return (matrix, shift): the network on this region is ``matrix @ x + shift``."""
        return self.network.affine_map(self.pattern)

    def as_cvxpy(self) -> RegionProblem:
        """Return a cvxpy variable, the region's constraints and the network's output."""
        from polyregions.regions.model import region_problem

        return region_problem(self)

    def __repr__(self) -> str:
        point = ", ".join(f"{value:.6g}" for value in self.witness[:4].tolist())
        point += ", ..." if len(self.witness) > 4 else ""
        units = f"{int(self.bits.sum())} of {self.network.hidden_units} units active"
        return f"<Region of {shown(self.network.name, 80)}: {units}, around [{point}]>"


@dataclass(frozen=True, eq=False)
class Regions:
    """All regions of a network in a domain, sorted by pattern, and their adjacency.

    Attributes
    ----------
    network : Network
    domain : Box, Polytope or None
        ``None`` is the whole space.
    patterns : numpy.ndarray of uint64, shape (R, W)
        Packed patterns, see :mod:`polyregions.pattern`.
    witnesses : numpy.ndarray of float64, shape (R, n)
        One input per region, fixed coordinates included. It lies strictly inside
        its region unless the region is too thin to hold a float point; then the
        row is the nearest float point and ``exact_witnesses`` holds the true one.
    edges : numpy.ndarray of int32, shape (E, 2)
        Pairs of indices i < j of regions that share a facet inside the domain, sorted.
    complete : bool
        The walk finished: no region is missing.
    proven : bool
        Every decision is backed by a rounding bound or by exact arithmetic.
    exact_decisions : int
        How many decisions a rounding bound left open and exact arithmetic took.
    exact_witnesses : mapping of int to tuple of Fraction
        Witnesses of the regions that hold no float point, by index.
    """

    network: Network
    domain: Domain | None
    patterns: Words
    witnesses: Floats
    edges: NDArray[np.int32]
    complete: bool
    proven: bool
    exact_decisions: int = 0
    exact_witnesses: Mapping[int, tuple[Fraction, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.patterns)

    def __iter__(self) -> Iterator[Region]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Region:
        try:
            position = range(len(self))[operator_index(index)]
        except TypeError:
            raise PolyregionsError(
                f"a region has a whole number, from 0 to {len(self) - 1}, not {index!r}; take "
                f"several one by one, and that of a point by regions.index(net.pattern(x))"
            ) from None
        except IndexError:
            raise IndexError(
                f"there is no region {index}: this result holds {len(self)}, numbered from 0"
            ) from None
        witness = self.witnesses[position]
        exact = self.exact_witnesses.get(position)
        if exact is None:
            exact = tuple(Fraction(float(value)) for value in witness)
        return Region(self.network, self.domain, self.patterns[position], witness, exact)

    def __repr__(self) -> str:
        state = "complete" if self.complete else "partial"
        state += ", proven" if self.proven else ", not proven"
        size = f"{len(self)} regions, {len(self.edges)} edges"
        return f"<Regions of {shown(self.network.name, 80)}: {size}, {state}>"

    def __contains__(self, item: object) -> bool:
        """Whether there is a region with a packed pattern, or one that holds a point.

        An array of type uint64 is a pattern, anything else a point: one of the open domain
        whose pattern, the exact one of :meth:`Network.pattern`, is that of a region.

        Raises
        ------
        NetworkError
            If it is neither: no finite real numbers, or of another length.
        """
        if isinstance(item, Region):
            same = item.network.fingerprint == self.network.fingerprint
            return same and item.domain == self.domain and self.index(item.pattern) is not None
        if isinstance(item, np.ndarray) and item.dtype == np.uint64:
            return self.index(item) is not None
        point: Any = item  # what is none is refused
        point = input_point(self.network, point)
        if self.domain is not None and not self.domain.contains(point):
            return False
        return self.index(self.network.pattern(point)) is not None

    def index(self, pattern: Words) -> int | None:
        """Return the index of a packed pattern, or None if no region has it.

        Raises
        ------
        NetworkError
            If it is no packed pattern, as :meth:`Network.pattern` returns it for a point.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
        >>> regions = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))
        >>> regions.index(net.pattern([0.5]))
        1
        """
        words = check_pattern(pattern, self.network.hidden_units)
        low, high = 0, len(self.patterns)
        for word, column in zip(words, self.patterns.T, strict=True):
            start = low
            low = start + int(np.searchsorted(column[start:high], word, side="left"))
            high = start + int(np.searchsorted(column[start:high], word, side="right"))
        return low if low < high else None

    @property
    def edge_units(self) -> Words:
        """Packed masks of the units whose sign changes across each edge, shape (E, W).

        Several bits are set where hyperplanes coincide. ``units_of_edge`` unpacks one.
        """
        return self.patterns[self.edges[:, 0]] ^ self.patterns[self.edges[:, 1]]

    def units_of_edge(self, edge: int) -> tuple[int, ...]:
        """Return the units whose sign changes across one edge."""
        i, j = self.edges[edge]
        mask = unpack(self.patterns[i] ^ self.patterns[j], self.network.hidden_units)
        return tuple(np.flatnonzero(mask).tolist())

    def to_networkx(self) -> nx.Graph[int]:
        """Return the dual graph: nodes 0..R-1, an edge for every shared facet."""
        from polyregions.regions.graph import to_networkx

        return to_networkx(self)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the result to an .npz file (no pickle); see ``polyregions.open_regions``."""
        from polyregions.regions.archive import save_regions

        save_regions(self, path)

    def summary(self) -> dict[str, Any]:
        """Return the numbers that describe the result."""
        return {
            "regions": len(self),
            "edges": len(self.edges),
            "complete": self.complete,
            "proven": self.proven,
            "exact_decisions": self.exact_decisions,
        }


def check_regions(value: object) -> None:
    """Refuse what is no :class:`Regions`, and tell the call that was probably meant.

    Every public function that asks something of regions calls it, or one that does.

    Raises
    ------
    PolyregionsError

    Examples
    --------
    >>> check_regions("net.onnx")
    Traceback (most recent call last):
        ...
    polyregions.errors.PolyregionsError: the regions of a network are expected, not a str: \
pr.enumerate_regions(network, domain) finds them, and pr.open_regions(path) reads saved ones
    """
    if not isinstance(value, Regions):
        raise PolyregionsError(
            f"the regions of a network are expected, not {kind_of(value)}: {_regions_meant(value)}"
        )


def check_region(value: object) -> None:
    """Refuse what is no :class:`Region`, as :func:`check_regions` does.

    Raises
    ------
    PolyregionsError
    """
    if not isinstance(value, Region):
        meant = "regions[i] is one of those that pr.enumerate_regions(network, domain) returns"
        if isinstance(value, Regions):
            meant = "take one of them, regions[i]"
        raise PolyregionsError(f"one region is expected, not {kind_of(value)}: {meant}")


def _regions_meant(value: object) -> str:
    if isinstance(value, Network):
        return "pr.enumerate_regions(network, domain) finds them"
    if isinstance(value, Box | Polytope):
        return "pr.enumerate_regions(network, domain) finds those of a network in it"
    if isinstance(value, str | PathLike):
        return (
            "pr.enumerate_regions(network, domain) finds them, and pr.open_regions(path) reads "
            "saved ones"
        )
    if isinstance(value, Iterable | Region):
        return "pass all that pr.enumerate_regions(network, domain) returned, not some of them"
    return "pr.enumerate_regions(network, domain) returns them"
