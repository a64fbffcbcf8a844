"""Regions as nodes of a certificate: units that split cells, proofs that others do not; files.

The format is described in docs/certificate.md; :mod:`polyregions.proof.tree_checker` reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from typing import Any, NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.affine_maps import free_inputs
from polyregions.arrays import Arrays, Bits, Floats, Integers
from polyregions.domain.chart import Chart, chart_of, chart_point
from polyregions.errors import PolyregionsError
from polyregions.exact.closed import ClosedPolytope
from polyregions.exact.simplex import Column, Row, column_of
from polyregions.files.archives import write_npz
from polyregions.files.atomic import atomic_write
from polyregions.network import Network
from polyregions.network.exact_network import (
    ExactLayer,
    Outputs,
    exact_network,
    inputs_of,
    layer_rows,
    outputs_above,
)
from polyregions.pattern import unpack
from polyregions.proof.certificate import (
    exact_array,
    exact_witness_texts,
    face_numbers,
    narrow,
    require_proven,
)
from polyregions.proof.tree_checker import (
    LEAF,
    NEGATIVE,
    POSITIVE,
    SPLIT,
    TREE_FORMAT,
    TREE_VERSION,
    Refused,
    Sides,
    least_of,
    replay,
)
from polyregions.regions import Regions
from polyregions.regions.archive import domain_arrays

__all__ = [
    "Leaf",
    "RegionTree",
    "UnitNodes",
    "count_arrays",
    "inner_of",
    "tree_arrays",
    "write_tree",
]

# Hints: a basis that floats find is used if it proves the claim in integers.
_PIVOTS = 4  # times the dimension
_VIOLATED = 1e-9


@dataclass(eq=False)
class UnitNodes:
    """Nodes in preorder, and the bases that their proofs name.

    Attributes
    ----------
    kinds, numbers, proofs : list of int
        Of each node; a proof is a place in `bases`, -1 for none.
    bases : dict of tuple of int
        Row numbers, and the place of each basis.
    """

    kinds: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    proofs: list[int] = field(default_factory=list)
    bases: dict[tuple[int, ...], int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.kinds)

    def add(self, kind: int, number: int, basis: tuple[int, ...] | None = None) -> None:
        """Add a node, with the rows of its proof."""
        self.kinds.append(kind)
        self.numbers.append(number)
        place = -1
        if basis is not None:
            place = self.bases.setdefault(tuple(sorted(basis)), len(self.bases))
        self.proofs.append(place)

    def arrays(self, dimension: int) -> dict[str, NDArray[Any]]:
        """Return the arrays of a certificate; a basis has `dimension` rows."""
        bases = np.array(list(self.bases), dtype=np.int64).reshape(-1, dimension)
        columns = {"kinds": self.kinds, "numbers": self.numbers, "proofs": self.proofs}
        named = {key: np.array(values, dtype=np.int64) for key, values in columns.items()}
        return {key: narrow(values) for key, values in {**named, "bases": bases}.items()}


class Leaf(NamedTuple):
    """A cell on which all units have a side.

    Attributes
    ----------
    walls : dict of int to Row
        By the certificate's numbers; they are not negative on the cell.
    outputs : Outputs
        What the last layer passes on.
    regions : numpy.ndarray of int64
    """

    walls: dict[int, Row]
    outputs: Outputs
    regions: Integers


class _CellPart(NamedTuple):
    """A cell to come: its regions, and what is undecided of the next layer."""

    depth: int
    inputs: Outputs
    rows: list[list[flint.fmpz]]
    bent: list[list[flint.fmpz]]  # those of units that bend
    walls: dict[int, Row]
    undecided: list[int]  # places in the layer
    regions: Integers


@dataclass(frozen=True, eq=False)
class RegionTree:
    """The tree of all regions in a chart.

    Attributes
    ----------
    layers : sequence of ExactLayer
        Up to the last one that bends.
    chart : Chart
    bits : numpy.ndarray of bool, shape (R, N)
        The regions' patterns.
    faces : sequence of int
        The certificate's numbers of the chart's rows; both sides of a coordinate have one.
    inner : callable
        Returns a point in a region, by the region's place.
    nodes : UnitNodes
        To which nodes are added.
    fixed : tuple of int
        Numbers that every basis has: of inputs that the chart leaves out.
    signs : sequence of numpy.ndarray of int, optional
        For the units of each layer 1 or -1 if the checker knows their side, else 0.

    Notes
    -----
    *Algorithm.* Regions are the leaves. A unit of the next layer whose bit is the same for all
    regions of a cell is one-sided there; another one splits it. The most even split comes
    first, so that few units have to be decided in many cells.
    """

    layers: Sequence[ExactLayer]
    chart: Chart
    bits: NDArray[np.bool_]
    faces: Sequence[int]
    inner: Callable[[int], Column]
    nodes: UnitNodes
    fixed: tuple[int, ...] = ()
    signs: Sequence[Integers] | None = None

    def add(self, leaf: Callable[[Leaf], None]) -> None:
        """Add the tree's nodes in preorder; `leaf` adds those of a leaf."""
        nodes, regions = self.nodes, np.arange(len(self.bits))
        stack = [self._entered(0, inputs_of(self.chart.transform), {}, regions)]
        while stack:
            cell = stack.pop()
            numbers = self._numbers[cell.depth]
            bits = self.bits[np.ix_(cell.regions, numbers)]
            same = (bits == bits[0]).all(axis=0)
            self._add_one_sided(cell, [k for k in cell.undecided if same[k]], bits[0])
            left = [k for k in cell.undecided if not same[k]]
            if left:
                most_even = np.argmin(np.abs(bits[:, left].mean(axis=0) - 0.5))
                place = left.pop(int(most_even))
                unit, row = int(numbers[place]), cell.bent[place]
                nodes.add(SPLIT, unit)
                for bit, wall in ((False, [-entry for entry in row]), (True, row)):
                    walls, some = {**cell.walls, unit: wall}, cell.regions[bits[:, place] == bit]
                    stack.append(cell._replace(walls=walls, undecided=left, regions=some))
                continue
            layer, known = self.layers[cell.depth], self._known[cell.depth]
            active = np.where(known == 0, bits[0], known > 0)
            outputs = outputs_above(layer, cell.inputs, cell.rows, active.tolist())
            if cell.depth + 1 < len(self.layers):
                stack.append(self._entered(cell.depth + 1, outputs, cell.walls, cell.regions))
            else:
                leaf(Leaf(cell.walls, outputs, cell.regions))

    def bases(
        self, walls: Mapping[int, Row], targets: Sequence[Row], *, strictly: bool = False
    ) -> list[tuple[int, ...] | None]:
        """Return for each row one that proves it not to be negative on a cell.

        Parameters
        ----------
        walls : mapping of int to Row
            Of the cell.
        targets : sequence of Row
        strictly : bool
            Prove them positive.

        Returns
        -------
        list of (tuple of int, or None)
            None where floats found no basis that proves it.
        """
        numbers, rows = [*self.faces, *walls], [*self._domain, *walls.values()]
        m = self.chart.dimension
        cuts = dict(zip(numbers[2 * m :], rows[2 * m :], strict=True))
        floats = np.concatenate([self._float_domain, _float_rows([*walls.values()], m)])
        proposed = _proposed(floats, _float_rows(targets, m), m)
        found: list[tuple[int, ...] | None] = []
        for target, places in zip(targets, proposed.tolist(), strict=True):
            basis = tuple(numbers[place] for place in places)
            coordinates = sorted({self._coordinates[k] for k in basis if k in self._coordinates})
            named = [cuts[k] for k in basis if k not in self._coordinates]
            least = least_of(target, named, coordinates, self._cube)
            proven = least is not None and bool(least > 0 if strictly else least >= 0)
            found.append((*basis, *self.fixed) if proven else None)
        return found

    def polytope(self, walls: Mapping[int, Row], region: int) -> ClosedPolytope:
        """Return a cell that a region lies in; its rows are the chart's, then the walls."""
        return ClosedPolytope.of([*self._domain, *walls.values()], self.inner(region))

    @property
    def everywhere(self) -> tuple[int, ...]:
        """The basis of a constant."""
        return (*self._coordinates, *self.fixed)

    def numbers_of(self, walls: Mapping[int, Row], support: Sequence[int]) -> tuple[int, ...]:
        """Return the certificate's numbers of some rows of such a polytope."""
        numbers = [*self.faces, *walls]
        return (*(numbers[place] for place in support), *self.fixed)

    @cached_property
    def _numbers(self) -> list[Integers]:
        """The bits of each layer's units."""
        counts = [sum(layer.bends) for layer in self.layers]
        return np.split(np.arange(sum(counts)), np.cumsum(counts)[:-1])

    @cached_property
    def _coordinates(self) -> dict[int, int]:
        """The chart's coordinates by their numbers in the certificate."""
        return {self.faces[2 * d]: d for d in range(self.chart.dimension)}

    @cached_property
    def _domain(self) -> list[Row]:
        return [*self.chart.rows.tolist()]

    @cached_property
    def _float_domain(self) -> Floats:
        return _float_rows(self._domain, self.chart.dimension)

    @cached_property
    def _known(self) -> list[Integers]:
        """The signs that the checker knows of each layer's units that bend."""
        bends = [np.array(layer.bends) for layer in self.layers]
        if self.signs is None:
            return [np.zeros(int(bent.sum()), dtype=np.int64) for bent in bends]
        return [of[bent] for of, bent in zip(self.signs, bends, strict=True)]

    @cached_property
    def _cube(self) -> Sides:
        m = self.chart.dimension
        low = [flint.fmpz(-1)] * m
        if self.chart.homogeneous:
            low[-1] = flint.fmpz(0)
        return Sides(low, [flint.fmpz(1)] * m, 1)

    def _entered(
        self, depth: int, inputs: Outputs, walls: dict[int, Row], regions: Integers
    ) -> _CellPart:
        """Return a cell of which all layers below `depth` are decided."""
        layer = self.layers[depth]
        rows = layer_rows(layer, inputs)
        bent = [row for row, bends in zip(rows, layer.bends, strict=True) if bends]
        known = self._known[depth].tolist()
        undecided = [k for k, row in enumerate(bent) if any(row[:-1]) and not known[k]]
        return _CellPart(depth, inputs, rows, bent, walls, undecided, regions)

    def _add_one_sided(self, cell: _CellPart, places: list[int], active: Bits) -> None:
        """Add nodes for units that keep their sign on a cell."""
        if not places:
            return
        rows = cell.bent
        targets = [rows[k] if active[k] else [-entry for entry in rows[k]] for k in places]
        for place, target, basis in zip(
            places, targets, self.bases(cell.walls, targets), strict=True
        ):
            if basis is None:
                polytope = self.polytope(cell.walls, int(cell.regions[0]))
                basis = self.numbers_of(cell.walls, polytope.support(target))
            kind = POSITIVE if active[place] else NEGATIVE
            self.nodes.add(kind, int(self._numbers[cell.depth][place]), basis)


def _float_rows(rows: Sequence[Row], m: int) -> Floats:
    """Return rows divided by their largest coefficient, about, shape (len(rows), m + 1)."""
    sizes = [max(map(abs, row)) or 1 for row in rows]
    return np.array(
        [[int(v) / int(size) for v in row] for row, size in zip(rows, sizes, strict=True)]
    ).reshape(-1, m + 1)


def _proposed(rows: Floats, targets: Floats, m: int) -> Integers:
    """Return for each target m rows of which it may be a sum; those of the cube come first.

    Notes
    -----
    *Algorithm.* The dual simplex method for all targets at once, from the corners of the cube
    where they are least.
    """
    bases = 2 * np.arange(m) + (targets[:, :m] < 0)
    at = np.arange(len(targets))
    with np.errstate(all="ignore"):
        for _ in range(_PIVOTS * m):
            frames = rows[bases[at]]
            try:
                inverses = np.linalg.inv(frames[:, :, :m])
            except np.linalg.LinAlgError:
                break
            points = -(inverses @ frames[:, :, m:])[:, :, 0]
            values = points @ rows[:, :m].T + rows[:, m]
            entering = values.argmin(axis=1)
            least = (targets[at, :m] * points).sum(axis=1) + targets[at, m]
            on = (values.min(axis=1) < -_VIOLATED) & (least <= _VIOLATED)
            at, inverses, entering = at[on], inverses[on], entering[on]
            if not len(at):
                break
            multipliers = (targets[at, None, :m] @ inverses)[:, 0]
            rates = (rows[entering, None, :m] @ inverses)[:, 0]
            ratios = np.where(rates > _VIOLATED, np.maximum(multipliers, 0.0) / rates, np.inf)
            bases[at, ratios.argmin(axis=1)] = entering
    return bases


def count_arrays(regions: Regions, *, progress: Callable[[int, int], None] | None = None) -> Arrays:
    """Return the arrays of a certificate of a count, by name.

    Raises
    ------
    PartialResultError
        If regions are missing or a decision was not proven.
    """
    require_proven(regions)
    nodes = UnitNodes()
    order = _region_nodes(regions, nodes, progress)
    free = free_inputs(regions)
    rank = {region: place for place, region in enumerate(order.tolist())}
    exact = {rank[region]: point for region, point in exact_witness_texts(regions).items()}
    domain, inequalities = domain_arrays(regions.domain, regions.network.input_dimension)
    dimension = len(free) + (regions.domain is None)
    return tree_arrays(
        regions.network,
        "count",
        {
            **nodes.arrays(dimension),
            "domain": domain,
            "inequalities": inequalities,
            "witnesses": regions.witnesses[order][:, free],
            "exact_witnesses": exact_array(exact, len(free)),
        },
    )


def _region_nodes(
    regions: Regions, nodes: UnitNodes, progress: Callable[[int, int], None] | None
) -> Integers:
    """Add the tree of all regions; return the regions in the order of its leaves."""
    network, domain = regions.network, regions.domain
    chart = chart_of(domain, network.input_dimension)
    exact, m = exact_network(network, chart), chart.dimension
    faces = face_numbers(chart, domain)
    bits = unpack(regions.patterns, exact.hidden_units) != 0
    # both sides of a coordinate have its number
    numbers = exact.hidden_units + np.where(faces < 2 * m, faces // 2, faces - m)
    order: list[int] = []

    def leaf(found: Leaf) -> None:
        nodes.add(LEAF, -1)
        order.extend(found.regions.tolist())
        if progress is not None:
            progress(len(order), len(regions))

    RegionTree(exact.layers, chart, bits, numbers.tolist(), inner_of(regions), nodes).add(leaf)
    return np.array(order)


def inner_of(regions: Regions) -> Callable[[int], Column]:
    """Return what gives, of a region by number, an exact point of the chart inside."""
    return lambda region: column_of(chart_point(regions.domain, regions[region].exact_witness))


def tree_arrays(network: Network, claim: str, given: Mapping[str, NDArray[Any]]) -> Arrays:
    """Return all arrays of a certificate; those that are not given are empty."""
    n, outputs = network.input_dimension, network.output_dimension
    text, numbers = np.zeros(0, dtype="U1"), np.zeros(0, dtype=np.int8)
    empty: Arrays = {
        "format": np.array(TREE_FORMAT),
        "version": np.array(TREE_VERSION),
        "network": np.array(network.fingerprint),
        "claim": np.array(claim),
        "domain": np.zeros((0, n)),
        "inequalities": np.zeros((0, n + 1)),
        "functions": np.zeros((0, outputs)),
        "bounds": text,
        "set_cases": numbers,
        "set_sizes": numbers,
        "members": numbers,
        "point": text,
        "boxes": numbers,
        "weights": np.zeros((0, 0), dtype=np.float32),
        "levels": np.zeros(0),
        "trees": numbers,
        "kinds": numbers,
        "numbers": numbers,
        "proofs": numbers,
        "bases": np.zeros((0, n), dtype=np.int8),
        "witnesses": np.zeros((0, n)),
        "exact_witnesses": np.zeros((0, n + 1), dtype="U1"),
    }
    return {key: np.asarray(given.get(key, array)) for key, array in empty.items()}


def write_tree(
    network: Network,
    arrays: Arrays,
    path: str | PathLike[str],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a certificate, whole or not at all, once the checker has accepted it.

    Raises
    ------
    PolyregionsError
        If the checker does not: its bounds are rounded in another way than those of the search.
    """
    try:
        replay(network, arrays, progress)
    except Refused as refusal:
        raise PolyregionsError(
            f"the certificate would not be accepted ({refusal}); the answer is proven all the "
            f"same, so report the network and the question"
        ) from None
    with atomic_write(path) as stream:
        write_npz(stream, arrays)
