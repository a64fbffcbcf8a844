"""A box that resists bounds, decided with a proof: the closed cells of units that may switch in it.

Ties are no special case here: cells are closed, and a property that only touches its
unsafe set at one point is violated there. Slower than `questions.box_regions`, which proves
nothing that could be written down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import flint
import numpy as np

from polyregions.analysis.affine_maps import ExactMaps, on_chart
from polyregions.arrays import Integers
from polyregions.domain import Box
from polyregions.domain.chart import Chart, chart_of
from polyregions.exact.closed import ClosedPolytope
from polyregions.exact.simplex import Row
from polyregions.network.exact_network import (
    ExactLayer,
    Outputs,
    inputs_of,
    layer_rows,
    outputs_above,
)
from polyregions.questions.box_regions import inequality_row
from polyregions.questions.journal import CellJournal
from polyregions.questions.property import OutputSet

__all__ = ["parts_mapped_into"]


def parts_mapped_into(
    maps: ExactMaps,
    box: Box,
    signs: Sequence[Integers],
    sets: Sequence[OutputSet],
    journal: CellJournal,
) -> tuple[Chart, Iterator[tuple[ClosedPolytope, Sequence[Row], int]]]:
    """Return the parts of a closed box that are mapped into sets of outputs, cell by cell.

    Parameters
    ----------
    maps : ExactMaps
        Of the network, on any chart.
    box : Box
    signs : sequence of numpy.ndarray of int64, one for each layer but the last
        For each unit 1 if it is proven not to be negative in the box, -1 if it is proven not to
        be positive, 0 if it may switch. Time grows exponentially with these.
    sets : sequence of OutputSet
    journal : CellJournal
        Takes note of every decision.

    Returns
    -------
    chart : Chart
        Of the box.
    parts : iterator of (ClosedPolytope, sequence of Row, int)
        Where a cell meets a set, in this chart, closed, with a point that is mapped into the
        set; the outputs there as rows, times a positive number that all cells share; and which
        of the sets. Every point of the box that is mapped into one of the sets is in a part; if
        there is none, that is proven.

    Notes
    -----
    *Algorithm.* Units that may switch are given a side one after the other, layer by layer;
    a side on which the cell so far has no point is left out. A unit that is zero throughout a
    cell may be counted on either side, since its output is zero on both.

    **Invariant.** Before each choice the closed cell is not empty, and the closed box is the
    union of the cells that are left, those to come, and cells whose parts were yielded.
    """
    chart = chart_of(box, box.dimension)
    return chart, _parts_of(on_chart(maps, chart), signs, chart, sets, journal)


def _parts_of(
    maps: ExactMaps,
    signs: Sequence[Integers],
    chart: Chart,
    sets: Sequence[OutputSet],
    journal: CellJournal,
) -> Iterator[tuple[ClosedPolytope, Sequence[Row], int]]:
    *below, last = maps.exact.layers
    centre = [flint.fmpz(0)] * chart.dimension + [flint.fmpz(1)]
    # rows are numbered: bits of units, then the box's, then those of one set
    sides = dict(enumerate(chart.rows.tolist(), maps.hidden_units))
    start = ClosedPolytope(sides, centre)
    top = maps.hidden_units + len(sides)
    for cell, inputs in _closed_cells(below, signs, inputs_of(chart.transform), start, 0, journal):
        outputs = layer_rows(last, inputs)
        scale = int(inputs.one[-1]) * last.weight_scale
        for place, rows in enumerate(sets):
            part = cell
            for index, inequality in enumerate(rows):
                row = inequality_row(inequality, outputs, scale)
                inside = part.cut(row, top + index)
                if inside is None or index == len(rows) - 1:
                    journal.missed(place, index, row, part)
                if inside is None:
                    break
                part = inside
            else:
                yield part, outputs, place


def _closed_cells(
    layers: Sequence[ExactLayer],
    signs: Sequence[Integers],
    inputs: Outputs,
    cell: ClosedPolytope,
    first: int,
    journal: CellJournal,
) -> Iterator[tuple[ClosedPolytope, Outputs]]:
    """Yield the closed cells that are not empty, with what the last of the layers passes on."""
    if not layers:
        yield cell, inputs
        return
    layer, *above = layers
    rows = layer_rows(layer, inputs)
    bent = np.flatnonzero(layer.bends)
    sides = signs[0][bent]
    doubtful = np.flatnonzero(sides == 0).tolist()
    numbered = [(first + place, rows[bent[place]]) for place in doubtful]
    for chosen, part in _sided(numbered, cell, journal):
        active = sides > 0
        active[doubtful] = chosen
        outputs = outputs_above(layer, inputs, rows, active.tolist())
        yield from _closed_cells(above, signs[1:], outputs, part, first + len(bent), journal)


def _sided(
    rows: Sequence[tuple[int, Row]], cell: ClosedPolytope, journal: CellJournal
) -> Iterator[tuple[list[bool], ClosedPolytope]]:
    """Yield the sides of some rows on which a cell has points, and its parts there."""
    if not rows:
        yield [], cell
        return
    (number, row), *others = rows
    parts = [(side, cell.cut([side * entry for entry in row], number)) for side in (1, -1)]
    kept = [(side, part) for side, part in parts if part is not None]
    if len(kept) == 1 or not any(row):
        kept = [(kept[0][0], cell)]  # one-sided, or zero on either side: nothing is cut off
    journal.decided(number, row, cell, [side for side, _ in kept])
    for side, part in kept:
        yield from (([side > 0, *rest], piece) for rest, piece in _sided(others, part, journal))
