"""Ties, decided exactly: rows that coincide, rows that vanish, rows that merely touch.

Some ties the network's shape explains (`geometry.linear_forms`); the others are decided
modulo primes (`network.residues`). What is neither stays undecided.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.cells.dictionary import HUGE
from polyregions.cells.proofs import multiplier_doubt
from polyregions.compiled import exact_order_kernel
from polyregions.geometry.linear_forms import NOTHING, Sources, sources_of, trace_sources
from polyregions.geometry.rows import LOST
from polyregions.network.flat import FlatNetwork
from polyregions.network.residues import coincide, combination_zeros, modular_rows, vanishes

__all__ = ["NO_ROW", "GroupScratch", "find_groups", "group_scratch", "prove_row_touches"]

# Hints only: which rows are worth comparing exactly.
PARALLEL_HINT = 1.0 - 1e-11
COINCIDENT_HINT = 1e-8

NO_ROW = -1


class GroupScratch(NamedTuple):
    """Work arrays of `walk_degenerate`.

    ``leader[i]`` is the first row on the hyperplane of row i, NO_ROW for rows without
    a hyperplane; ``zero[i]`` marks units that vanish on the whole region; ``walled[i]``
    leaders whose hyperplane is one of the domain's.
    """

    leader: NDArray[np.int64]
    zero: NDArray[np.bool_]
    walled: NDArray[np.bool_]
    touched: NDArray[np.bool_]
    is_zero: NDArray[np.bool_]
    inside: NDArray[np.float64]
    beyond: NDArray[np.uint8]
    exact: NDArray[np.int64]
    sources: Sources
    sources_beyond: Sources
    claimed: NDArray[np.bool_]
    source_of_row: NDArray[np.int64]


def group_scratch(flat: FlatNetwork) -> GroupScratch:
    """Allocate the work arrays of `walk_degenerate`."""
    m, units, size = flat.dimension, flat.units, flat.size
    return GroupScratch(
        leader=np.zeros(size, dtype=np.int64),
        zero=np.zeros(size, dtype=np.bool_),
        walled=np.zeros(size, dtype=np.bool_),
        touched=np.zeros(units, dtype=np.bool_),
        is_zero=np.zeros(m + 1, dtype=np.bool_),
        inside=np.zeros(m),
        beyond=np.zeros(units, dtype=np.uint8),
        exact=np.zeros(2, dtype=np.int64),
        sources=sources_of(flat),
        sources_beyond=sources_of(flat),
        claimed=np.zeros(len(flat.bit), dtype=np.bool_),
        source_of_row=np.zeros(units, dtype=np.int64),
    )


@exact_order_kernel
def region_residues_ready(flat, modular, bits, exact):
    """Compute the region's rows modulo the primes unless ``exact[1]`` says they are there."""
    if exact[1] == 0:
        modular_rows(flat, modular, bits)
        exact[1] = 1


@exact_order_kernel
def find_groups(flat, modular, bits, rows, errors, groups):
    """Set leaders, zero units and walls; return False if a tie stays undecided."""
    m, size = flat.dimension, flat.size
    leader, zero, walled = groups.leader, groups.zero, groups.walled
    trace_sources(flat, len(flat.widths), bits, groups.sources)
    source = groups.source_of_row
    for i in range(flat.units):
        source[i] = groups.sources.source[flat.unit_of_row[i]]
    for i in range(size):
        walled[i] = False
        zero[i] = False
        leader[i] = i
        if errors[i] == LOST:
            if bits[i] != 0:
                return False
            if source[i] != NOTHING:
                region_residues_ready(flat, modular, bits, groups.exact)
                if not vanishes(modular, m, i):
                    return False
                groups.exact[0] += 1
            zero[i] = True
            errors[i] = 0.0
        flat_row = True
        for d in range(m):
            if rows[d, i] != 0.0:
                flat_row = False
        if flat_row:
            leader[i] = NO_ROW
    for i in range(size):
        if leader[i] != i:
            continue
        if i >= flat.units:
            walled[i] = True
        for j in range(i + 1, size):
            if leader[j] != j:
                continue
            product = 0.0
            for d in range(m):
                product += rows[d, i] * rows[d, j]
            if product > PARALLEL_HINT and abs(rows[m, i] - rows[m, j]) < COINCIDENT_HINT:
                lead = 0
                for d in range(1, m):
                    if abs(rows[d, i]) > abs(rows[lead, i]):
                        lead = d
                if j >= flat.units or source[i] != source[j]:
                    if len(modular.primes) == 0:
                        return False
                    region_residues_ready(flat, modular, bits, groups.exact)
                    if not coincide(modular, m, i, j, lead):
                        continue
                    groups.exact[0] += 1
                leader[j] = i
                if j >= flat.units:
                    walled[i] = True
    return True


@exact_order_kernel
def prove_row_touches(
    flat, modular, bits, rows, errors, basis, table, inverse, position, row, residual, groups
):
    """Prove that a row is an exact non-negative combination of two or more basis rows.

    Multipliers within their doubt (`cells.proofs.multiplier_doubt`) must be exactly zero.
    """
    m = flat.dimension
    bound, _ = multiplier_doubt(
        rows, errors, m, basis, inverse, table, position, row, 1.0, residual
    )
    if bound >= HUGE:
        return False
    positive = 0
    unsure = False
    known = rows[m, row] == 0.0 and (row >= flat.units or flat.zero_offsets)
    for k in range(m):
        multiplier = table[k, position]
        if multiplier > bound:
            positive += 1
            i = basis[k]
            if not (rows[m, i] == 0.0 and (i >= flat.units or flat.zero_offsets)):
                known = False
        elif multiplier < -bound:
            return False
        else:
            unsure = True
    if positive < 2:
        return False
    if known and not unsure:
        return True
    region_residues_ready(flat, modular, bits, groups.exact)
    if not combination_zeros(modular, m, basis, row, groups.is_zero):
        return False
    groups.exact[0] += 1
    for k in range(m):
        if abs(table[k, position]) <= bound and not groups.is_zero[k]:
            return False
    return known or groups.is_zero[m]
