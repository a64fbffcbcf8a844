"""The tree of all regions as nodes of a certificate: units that split cells, proofs of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Bits, Floats, Integers
from polyregions.domain.chart import chart_of, chart_point
from polyregions.exact.closed import ClosedPolytope
from polyregions.exact.side import column_of
from polyregions.exact.simplex import Column, Row
from polyregions.network.exact_network import (
    Outputs,
    exact_network,
    inputs_of,
    layer_rows,
    outputs_above,
)
from polyregions.pattern import unpack
from polyregions.proof.certificate import face_numbers
from polyregions.proof.tree_checker import LEAF, NEGATIVE, POSITIVE, SPLIT, Sides, least_of
from polyregions.proof.unit_nodes import UnitNodes
from polyregions.regions import Regions

__all__ = ["add_count_tree"]

# Hints: a basis that floats find is used if it proves the claim in integers.
_PIVOTS = 4  # times the dimension
_VIOLATED = 1e-9


class _CellPart(NamedTuple):
    """A cell to come: its regions, and what is undecided of the next layer."""

    depth: int
    inputs: Outputs
    rows: list[list[flint.fmpz]]
    walls: dict[int, Row]
    undecided: list[int]  # places in the layer
    regions: Integers


def add_count_tree(
    regions: Regions, nodes: UnitNodes, progress: Callable[[int, int], None] | None
) -> Integers:
    """Add the tree of all regions in preorder; return the regions in the order of leaves.

    Parameters
    ----------
    regions : Regions
        Complete and proven.
    nodes : UnitNodes
    progress : callable or None
        Called with the numbers of regions done and to be done.

    Notes
    -----
    *Algorithm.* Regions are the leaves. A unit of the next layer whose bit is the same for all
    regions of a cell is one-sided there; another one splits it. The most even split comes
    first, so that few units have to be decided in many cells.
    """
    writer = _Writer(regions, nodes)
    stack = [writer.entered(0, inputs_of(writer.chart.transform), {}, np.arange(len(regions)))]
    order: list[int] = []
    while stack:
        part = stack.pop()
        mine = writer.bits_of(part)
        same = (mine == mine[0]).all(axis=0)
        writer.add_one_sided(part, [k for k in part.undecided if same[k]], mine[0])
        left = [k for k in part.undecided if not same[k]]
        if left:
            most_even = np.argmin(np.abs(mine[:, left].mean(axis=0) - 0.5))
            unit = left.pop(int(most_even))
            nodes.add(SPLIT, writer.number(part, unit))
            row = part.rows[unit]
            for bit, wall in ((False, [-entry for entry in row]), (True, row)):
                walls = {**part.walls, writer.number(part, unit): wall}
                some = part.regions[mine[:, unit] == bit]
                stack.append(part._replace(walls=walls, undecided=left, regions=some))
        elif part.depth + 1 < len(writer.exact.layers):
            stack.append(writer.crossed(part, mine[0]))
        else:
            nodes.add(LEAF, -1)
            order += part.regions.tolist()
            if progress is not None:
                progress(len(order), len(regions))
    return np.array(order)


class _Writer:
    """The network on its chart, and the rows of cells by the numbers of the certificate."""

    def __init__(self, regions: Regions, nodes: UnitNodes) -> None:
        network, domain = regions.network, regions.domain
        self.nodes, self.regions = nodes, regions
        self.chart = chart_of(domain, network.input_dimension)
        self.exact = exact_network(network, self.chart)
        self.units, m = self.exact.hidden_units, self.chart.dimension
        self.bits = unpack(regions.patterns, self.units) != 0
        self.starts = np.cumsum([0, *(sum(layer.bends) for layer in self.exact.layers)]).tolist()
        faces = face_numbers(self.chart, domain)
        # both sides of a coordinate have its number
        self.numbers = (self.units + np.where(faces < 2 * m, faces // 2, faces - m)).tolist()
        self.domain: list[Row] = [*self.chart.rows.tolist()]
        cuts = zip(self.numbers, self.domain, strict=True)
        self.cuts = {k: row for k, row in cuts if k >= self.units + m}
        low = [flint.fmpz(-1)] * m
        if self.chart.homogeneous:
            low[-1] = flint.fmpz(0)
        self.sides = Sides(low, [flint.fmpz(1)] * m, 1)

    def number(self, part: _CellPart, unit: int) -> int:
        """Return the bit of a unit of the part's layer."""
        return int(self.starts[part.depth]) + unit

    def bits_of(self, part: _CellPart) -> NDArray[np.bool_]:
        """Return the layer's bits of the part's regions."""
        first, last = self.starts[part.depth : part.depth + 2]
        return np.asarray(self.bits[part.regions, first:last])

    def entered(
        self, depth: int, inputs: Outputs, walls: dict[int, Row], regions: Integers
    ) -> _CellPart:
        """Return a cell of which all layers below `depth` are decided."""
        layer = self.exact.layers[depth]
        rows = layer_rows(layer, inputs)
        bent = [row for row, bends in zip(rows, layer.bends, strict=True) if bends]
        undecided = [k for k, row in enumerate(bent) if any(row[:-1])]
        return _CellPart(depth, inputs, bent, walls, undecided, regions)

    def crossed(self, part: _CellPart, active: Bits) -> _CellPart:
        """Return the cell with the next layer's rows."""
        layer = self.exact.layers[part.depth]
        outputs = outputs_above(layer, part.inputs, layer_rows(layer, part.inputs), active.tolist())
        return self.entered(part.depth + 1, outputs, part.walls, part.regions)

    def add_one_sided(self, part: _CellPart, units: list[int], active: Bits) -> None:
        """Add nodes for units that keep their sign on a cell."""
        if not units:
            return
        numbers = [*self.numbers, *part.walls]
        rows: list[Row] = [*self.domain, *part.walls.values()]
        targets = [part.rows[k] if active[k] else [-entry for entry in part.rows[k]] for k in units]
        bases = _proposed(_float_rows(rows), _float_rows(targets), self.chart.dimension)
        for unit, target, basis in zip(units, targets, bases.tolist(), strict=True):
            chosen = [numbers[place] for place in basis]
            if not self._proves({**self.cuts, **part.walls}, target, chosen):
                polytope = ClosedPolytope(
                    dict(enumerate(rows)), self._witness(int(part.regions[0]))
                )
                chosen = [numbers[place] for place in polytope.support(target)]
            kind = POSITIVE if active[unit] else NEGATIVE
            self.nodes.add(kind, self.number(part, unit), tuple(chosen))

    def _proves(self, walls: Mapping[int, Row], target: Row, chosen: Sequence[int]) -> bool:
        """Return whether rows of these numbers prove that a row is not negative on a cell."""
        m = self.chart.dimension
        coordinates = {k - self.units for k in chosen if 0 <= k - self.units < m}
        named = [walls[k] for k in chosen if not 0 <= k - self.units < m]
        least = least_of(target, named, sorted(coordinates), self.sides)
        return least is not None and bool(least >= 0)

    def _witness(self, region: int) -> Column:
        """Return a region's witness on the chart."""
        exact = self.regions.exact_witnesses.get(region)
        if exact is None:
            exact = tuple(map(Fraction, self.regions.witnesses[region].tolist()))
        return column_of(chart_point(self.regions.domain, exact))


def _float_rows(rows: Sequence[Row]) -> Floats:
    """Return rows divided by their largest coefficient, about."""
    sizes = [max(map(abs, row)) or 1 for row in rows]
    return np.array(
        [[int(v) / int(size) for v in row] for row, size in zip(rows, sizes, strict=True)]
    )


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
