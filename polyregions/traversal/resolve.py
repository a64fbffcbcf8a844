"""Regions that the simple kernel left open: degenerate ones, decided in compiled code."""

from __future__ import annotations

from polyregions.compiled import exact_order_kernel
from polyregions.lp.degenerate import walk_degenerate
from polyregions.traversal.expand import (
    OPEN,
    PROVEN,
    list_every_row,
    listed,
    unpack_bits,
    write_degenerate,
)

__all__ = ["resolve"]


@exact_order_kernel
def resolve(flat, modular, patterns, points, room, machine, result):
    """Decide regions one by one until all are done or the facet buffers are full.

    Parameters
    ----------
    flat : FlatNetwork
    modular : ModularNetwork
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
        end = -1
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
