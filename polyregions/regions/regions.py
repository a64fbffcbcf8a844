"""The result of an enumeration: regions, their witnesses and their adjacency."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from operator import index as operator_index
from os import PathLike
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.arrays import Bits, Floats, Integers
from polyregions.domain import Box, Domain, Polytope
from polyregions.errors import PolyregionsError, kind_of, shown
from polyregions.markup import titled, with_picture
from polyregions.network import Network, input_point
from polyregions.pattern import Words, check_pattern, places, unpack
from polyregions.regions.region import Region, located, selected_numbers

if TYPE_CHECKING:
    import networkx as nx

    from polyregions.regions.cell_rows import AffineMaps
    from polyregions.regions.data_report import DataReport
    from polyregions.regions.facets import FacetTable
    from polyregions.regions.polytopes import VertexTable

__all__ = ["Regions", "check_region", "check_regions"]


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
    selection : bool
        Not complete, but no search was stopped before its end: regions were chosen from all, by
        a slice, a mask or numbers, or by how far to explore.
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
    selection: bool = False

    def __len__(self) -> int:
        return len(self.patterns)

    def __iter__(self) -> Iterator[Region]:
        return (self[index] for index in range(len(self)))

    @overload
    def __getitem__(self, index: SupportsIndex) -> Region: ...
    @overload
    def __getitem__(self, index: slice | ArrayLike) -> Regions: ...
    def __getitem__(self, index: Any) -> Region | Regions:
        """Return a region by its number, or several as a result of its own.

        A slice, a mask with one entry per region, or rising numbers choose several: they keep
        their order and the edges between them. Unless all are chosen, the result is not complete:
        it says that it is a selection, or partial if what it was chosen from is.

        Raises
        ------
        PolyregionsError
            If it is none of these.
        IndexError
            If there is no such region.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
        >>> regions = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))
        >>> regions[:2]
        <Regions of network: 2 regions, 1 edges, a selection, proven>
        >>> len(regions[regions.bits[:, 0] == 1])
        2
        """
        try:
            position = self._position(operator_index(index))
        except TypeError:
            return _selected(self, selected_numbers(index, len(self)))
        witness = self.witnesses[position]
        exact = self.exact_witnesses.get(position)
        if exact is None:
            exact = tuple(Fraction(float(value)) for value in witness)
        return Region(
            self.network, self.domain, self.patterns[position], witness, exact, position, self
        )

    def _position(self, index: int) -> int:
        try:
            return range(len(self))[index]
        except IndexError:
            raise IndexError(
                f"there is no region {index}: this result holds {len(self)}, numbered from 0"
            ) from None

    def __eq__(self, other: object) -> bool:
        """Whether network, domain, regions and edges are equal, and what is said of them."""
        return isinstance(other, Regions) and (
            (self.complete, self.selection, self.proven)
            == (other.complete, other.selection, other.proven)
            and np.array_equal(self.patterns, other.patterns)
            and np.array_equal(self.edges, other.edges)
            and self.domain == other.domain
            and self.network.fingerprint == other.network.fingerprint
        )

    def __hash__(self) -> int:
        return hash((self.network.fingerprint, self.domain, len(self), len(self.edges)))

    def __repr__(self) -> str:
        state = "complete" if self.complete else "a selection" if self.selection else "partial"
        state += ", proven" if self.proven else ", not proven"
        size = f"{len(self)} regions, {len(self.edges)} edges"
        return f"<Regions of {shown(self.network.name, 80)}: {size}, {state}>"

    def _repr_html_(self) -> str:
        title = f"Regions of {shown(self.network.name, 80)}"
        where = "the whole space" if self.domain is None else repr(self.domain)
        rows = {**self.summary(), "domain": where, "widths": self.network.widths}
        return with_picture(self, titled(title, rows))

    def __contains__(self, item: object) -> bool:
        """Whether there is a region with a packed pattern, or one that holds a point.

        An array of type uint64 is a pattern, anything else a point: one of the closed domain
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
        return int(self.find(input_point(self.network, point))) >= 0

    def index(self, pattern: Words) -> int | None:
        """Return the index of a packed pattern, or None if no region has it.

        Parameters
        ----------
        pattern : numpy.ndarray of uint64, shape (W,)

        Returns
        -------
        int or None

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
        place = int(places(self.patterns, words[None, :])[0])
        return None if place < 0 else place

    def find(self, x: ArrayLike) -> int | Integers:
        """Return the number of the region that a point is in, or of several points.

        Parameters
        ----------
        x : array_like, shape (n,) or (k, n)

        Returns
        -------
        int, or numpy.ndarray of int64, shape (k,)
            -1 for a point outside the domain, and for one that has the pattern of no region
            here. Ask for it before ``regions[number]``, where -1 is the last one.

        Raises
        ------
        NetworkError
            If the points are no finite real numbers, or have another length.

        Notes
        -----
        On a boundary between regions the pattern decides (:meth:`Network.pattern`): a unit
        that is zero there is off. So the point belongs to the region where such units are
        off, if that is one that it touches, and otherwise to none. Points on the domain's own
        walls follow the same rule: one that has a region's pattern lies in its closure.

        *Algorithm.* Exact: floats with rounding bounds, and integers where these do not
        suffice; then a binary search among the sorted patterns.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
        >>> regions = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))
        >>> regions.find([0.5]), regions.find([[-0.5], [0.0], [0.5], [3.0]])
        (1, array([ 0,  0,  1, -1]))
        """
        words, inside = located(self.network, self.domain, x)
        found = np.where(inside, places(self.patterns, np.atleast_2d(words)), -1)
        return int(found[0]) if words.ndim == 1 else found

    def counts(self, X: ArrayLike) -> Integers:
        """Return how many of some points are in each region.

        Parameters
        ----------
        X : array_like, shape (k, n)
            Points as :meth:`find` takes them. What is in no region is not counted, so the sum
            may be less than k.

        Returns
        -------
        numpy.ndarray of int64, shape (R,)

        Raises
        ------
        NetworkError
            As :meth:`find`.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
        >>> pr.enumerate_regions(net, pr.Box.cube(1, 1.0)).counts([[-0.5], [0.5], [0.7], [3.0]])
        array([1, 2])
        """
        found = np.atleast_1d(self.find(X))
        return np.bincount(found[found >= 0], minlength=len(self)).astype(np.int64)

    def report(self, X: Any, y: Any = None, attributes: str | Iterable[str] = ()) -> DataReport:
        """Return tables of data by region: counts, responses, local coefficients, distances.

        Parameters
        ----------
        X : array_like or pandas.DataFrame, shape (k, n)
            One row for each data point, its columns in the order of the network's inputs.
        y : array_like or pandas.Series, shape (k,), optional
            Real numbers of a floating type are a response; whole numbers, truth values and
            texts are class labels.
        attributes : iterable of str
            Columns that take long: ``"volume"`` in the free inputs, meant for few of them;
            ``"global_auc"``, which sorts all rows once for each region. All columns are listed
            in :class:`polyregions.regions.data_report.DataReport`.

        Returns
        -------
        DataReport
            Data frames where pandas is installed, else arrays with named fields.

        Raises
        ------
        NetworkError
            If the points are no finite real numbers, or have another length.
        PolyregionsError
            If no row is in a region, X and y do not fit, or an attribute is not known.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
        >>> regions = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))
        >>> regions.report([[-0.5], [0.5], [0.25]], ["low", "high", "high"])
        <Report on 3 rows: 2 regions hold data, 0 hold none, 0 rows are in no region>
        """
        from polyregions.regions.data_report import data_report

        return data_report(self, X, y, attributes)

    @property
    def bits(self) -> Bits:
        """The patterns unpacked, shape (R, N); made anew each time."""
        return unpack(self.patterns, self.network.hidden_units)

    def edges_of(self, index: int) -> Integers:
        """Return the edges of one region, in the order of its neighbours.

        Parameters
        ----------
        index : int

        Returns
        -------
        numpy.ndarray of int64, shape (degree,)
            Row numbers of ``edges``.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
        >>> regions = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))
        >>> regions.edges_of(1), regions.edges.tolist()
        (array([0, 1]), [[0, 1], [1, 2]])
        """
        starts, edges = self.incidence
        position = self._position(index)
        return edges[starts[position] : starts[position + 1]]

    @cached_property
    def incidence(self) -> tuple[Integers, Integers]:
        """Where each region's edges begin, and the edges of one region after the other."""
        # the upper ends first: the neighbours on lower numbers come before the others
        ends = np.concatenate([self.edges[:, 1], self.edges[:, 0]])
        order = np.argsort(ends, kind="stable")
        starts = np.searchsorted(ends[order], np.arange(len(self) + 1))
        return starts, order % max(1, len(self.edges))

    def halfspaces(self, *, progress: Callable[[int, int], None] | None = None) -> FacetTable:
        """Return the facets of all regions as arrays.

        Parameters
        ----------
        progress : callable, optional
            Called now and then with the numbers of regions done and to be done.

        Returns
        -------
        FacetTable
            Those of one region after those of the other, each as :meth:`Region.halfspaces` has it.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
        >>> table = pr.enumerate_regions(net, pr.Box.cube(1, 1.0)).halfspaces()
        >>> table.starts, table.beyond
        (array([0, 2, 4, 6]), array([ 1, -1,  0,  2,  1, -1]))
        """
        from polyregions.regions.facets import facet_table

        return facet_table(self, progress)

    def vertices(self, *, progress: Callable[[int, int], None] | None = None) -> VertexTable:
        """Return the vertices of all regions in a bounded domain as arrays.

        Parameters
        ----------
        progress : callable, optional
            Called now and then with the numbers of regions done and to be done.

        Returns
        -------
        VertexTable
            Those of one region after those of the other, each as :meth:`Region.polytope` has it.

        Raises
        ------
        DomainError
            Over the whole space, where regions have rays as well, and with more than 20 free
            inputs.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1, 2]], [-0.5]), ([[1]], [0])])
        >>> pr.enumerate_regions(net, pr.Box.interval(2, 0.0, 1.0)).vertices()
        <VertexTable of 2 regions: 8 in 2 inputs>
        """
        from polyregions.regions.polytopes import vertex_table

        return vertex_table(self, progress)

    def affine_maps(self) -> AffineMaps:
        """Return the affine functions that the network is on the regions, in floating point.

        Returns
        -------
        AffineMaps
            On region i the network is ``matrix[i] @ x + shift[i]``, up to proven bounds `error`.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[2.0]], [1.0])])
        >>> maps = pr.enumerate_regions(net, pr.Box.cube(1, 1.0)).affine_maps()
        >>> maps.matrix.ravel(), maps.shift.ravel()
        (array([0., 2.]), array([1., 1.]))
        """
        from polyregions.regions.cell_rows import maps_of_regions

        return maps_of_regions(self)

    @property
    def edge_units(self) -> Words:
        """Packed masks of the units whose sign changes across each edge, shape (E, W).

        Several bits are set where hyperplanes coincide. ``units_of_edge`` unpacks one.
        """
        return self.patterns[self.edges[:, 0]] ^ self.patterns[self.edges[:, 1]]

    def units_of_edge(self, edge: int) -> tuple[int, ...]:
        """Return the units whose sign changes across one edge.

        Parameters
        ----------
        edge : int
            Row number of ``edges``.

        Returns
        -------
        tuple of int
            More than one where hyperplanes coincide.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0], [2.0]], [0.0, 0.0]), ([[1, 1]], [0])])
        >>> pr.enumerate_regions(net, pr.Box.cube(1, 1.0)).units_of_edge(0)
        (0, 1)
        """
        i, j = self.edges[edge]
        mask = unpack(self.patterns[i] ^ self.patterns[j], self.network.hidden_units)
        return tuple(np.flatnonzero(mask).tolist())

    def graph_distances(self, start: int) -> Integers:
        """Return how many facets must be crossed from one region to each.

        Parameters
        ----------
        start : int
            The number of a region; that of a point is ``regions.find(x)``.

        Returns
        -------
        numpy.ndarray of int64, shape (R,)
            -1 where no path leads inside a partial result, whose distances may be longer than
            those of the complete one.

        Raises
        ------
        PolyregionsError
            If there is no such region.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
        >>> pr.enumerate_regions(net, pr.Box.cube(1, 1.0)).graph_distances(0)
        array([0, 1, 2])
        """
        from polyregions.regions.graph import graph_distances

        return graph_distances(self, start)

    def shortest_path(self, start: int, end: int) -> list[int]:
        """Return the numbers of regions on a path that crosses as few facets as possible.

        Parameters
        ----------
        start, end : int
            Numbers of regions; that of a point is ``regions.find(x)``.

        Returns
        -------
        list of int
            From `start` to `end`, both included; each shares a facet with the next. In a partial
            result the shortest inside it.

        Raises
        ------
        PolyregionsError
            If there is no such region.
        PartialResultError
            If no path leads there inside a partial result.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
        >>> pr.enumerate_regions(net, pr.Box.cube(1, 1.0)).shortest_path(2, 0)
        [2, 1, 0]
        """
        from polyregions.regions.graph import shortest_path

        return shortest_path(self, start, end)

    def to_networkx(self, attributes: str | Iterable[str] = ()) -> nx.Graph[int]:
        """Return the dual graph: nodes 0..R-1, an edge for every shared facet.

        Parameters
        ----------
        attributes : iterable of str
            Further attributes of nodes, plain numbers, each some of ``"class"``, ``"outputs"``,
            ``"gradient"``, ``"volume"``, ``"degree"``, ``"position"``; see
            :func:`polyregions.regions.graph.to_networkx`.

        Returns
        -------
        networkx.Graph

        Raises
        ------
        PolyregionsError
            If an attribute is none of these.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
        >>> graph = pr.enumerate_regions(net, pr.Box.cube(1, 1.0)).to_networkx(["volume"])
        >>> graph.edges[0, 1], graph.nodes[1]["volume"]
        ({'units': '0'}, 1.0)
        """
        from polyregions.regions.graph import to_networkx

        return to_networkx(self, attributes)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the result to a file without pickle, whole or not at all.

        Parameters
        ----------
        path : str or path-like
            ``.npz``; :func:`polyregions.open_regions` reads it.

        Raises
        ------
        FormatError
            If the name has another suffix.

        Examples
        --------
        >>> import tempfile
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pr.enumerate_regions(net, pr.Box.cube(1, 1.0)).save(f"{folder}/out.npz")
        ...     pr.open_regions(f"{folder}/out.npz")
        <Regions of network: 2 regions, 1 edges, complete, proven>
        """
        from polyregions.regions.archive import save_regions

        save_regions(self, path)

    def summary(self) -> dict[str, Any]:
        """Return the numbers that describe the result.

        Returns
        -------
        dict
            ``regions``, ``edges``, ``complete``, ``selection``, ``proven`` and
            ``exact_decisions``.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
        >>> pr.enumerate_regions(net, pr.Box.cube(1, 1.0)).summary()["edges"]
        1
        """
        return {
            "regions": len(self),
            "edges": len(self.edges),
            "complete": self.complete,
            "selection": self.selection,
            "proven": self.proven,
            "exact_decisions": self.exact_decisions,
        }


def _selected(regions: Regions, numbers: Integers) -> Regions:
    """Return some regions as a result of its own, not complete unless they are all."""
    size = len(regions)
    place = np.full(size, -1, dtype=regions.edges.dtype)
    place[numbers] = np.arange(len(numbers))
    edges = place[regions.edges]
    exact = {int(place[old]): point for old, point in regions.exact_witnesses.items()}
    return replace(
        regions,
        patterns=regions.patterns[numbers],
        witnesses=regions.witnesses[numbers],
        edges=edges[(edges >= 0).all(axis=1)],
        complete=regions.complete and len(numbers) == size,
        selection=regions.selection or (regions.complete and len(numbers) < size),
        exact_witnesses={new: point for new, point in exact.items() if new >= 0},
    )


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
