"""Regions that the simple kernel left open, decided in compiled code.

Where the network's shape explains every tie, the rows that matter are simple and only
the crossing takes more care; all others are decided with their ties.
"""

from __future__ import annotations

from polyregions.cells.degenerate import walk_degenerate
from polyregions.compiled import entry, exact_order_kernel
from polyregions.walk.neighbors import OPEN, PROVEN, write_degenerate, write_tied
from polyregions.walk.prefixes import prefix_of
from polyregions.walk.region_kernel import (
    NO_BASIS,
    decide_simple,
    list_every_row,
    listed,
    rows_inside,
    unpack_bits,
)

__all__ = ["resolve"]


@entry
@exact_order_kernel
def resolve(flat, modular, prefixes, patterns, points, room, machine, result):
    """Decide regions one by one until all are done or the facet buffers are full.

    Parameters
    ----------
    flat : FlatNetwork
    modular : ModularNetwork
    prefixes : Prefixes
        Those of the regions are settled.
    patterns : uint64 array, shape (r, W)
    points : float64 array, shape (r, m)
        A point of the facet each region was entered through, or of the region.
    room : float
        See `walk_vertices`.
    machine : Machine
    result : Batch, out
        ``state`` is still OPEN where exact arithmetic must decide.

    Returns
    -------
    int
        Number of regions looked at.
    """
    m = flat.dimension
    work, used = machine.work, 0
    for r in range(len(patterns)):
        if used + flat.units > len(result.children):
            return r
        unpack_bits(patterns[r], machine.bits)
        machine.groups.exact[0] = 0
        prefix = prefix_of(flat, prefixes, patterns[r], machine.key)
        end = -1
        if prefix >= 0 and prefixes.ties[prefix]:
            rows, units, simple = rows_inside(flat, prefixes, prefix, patterns[r], machine)
            if simple:
                machine.start[0] = NO_BASIS
                count = decide_simple(m, rows, units, points[r], machine, room, True)
                if count >= 0:
                    end = write_tied(flat, modular, machine, count, used, result)
        if end < 0:
            listed(flat, list_every_row(flat, machine), machine)
            for d in range(m):
                work.point[d] = points[r, d]
            count = walk_degenerate(
                flat,
                modular,
                machine.bits,
                machine.rows,
                machine.errors,
                work,
                machine.found,
                machine.witness,
                room,
                machine.groups,
            )
            if count >= 0:
                end = write_degenerate(flat, modular, machine, count, used, result)
        if end >= 0:
            used = end
            result.state[r] = PROVEN
            result.exact[r] = machine.groups.exact[0]
        else:
            result.state[r] = OPEN
            result.exact[r] = 0
        for d in range(m):
            result.witnesses[r, d] = machine.witness[d]
        result.ends[r] = used
    return len(patterns)
