"""Ties, decided exactly: rows that coincide, rows that vanish, rows that merely touch.

Some ties the network's shape explains (`geometry.linear_forms`); the others are decided
modulo primes (`network.residues`). What is neither stays undecided. Floats only say which
questions to ask. The proofs are part 7 of docs/mathematics.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.cells.dictionary import HUGE, invert_basis
from polyregions.cells.proofs import multiplier_doubt
from polyregions.compiled import exact_order_kernel, inlined_exact_order_kernel
from polyregions.geometry.linear_forms import NOTHING, Sources, sources_of, trace_sources
from polyregions.geometry.rows import LOST
from polyregions.network.flat import FlatNetwork
from polyregions.network.residues import coincide, combination_zeros, modular_rows, vanishes

__all__ = [
    "NO_ROW",
    "GroupScratch",
    "TieScratch",
    "find_groups",
    "group_scratch",
    "prove_exact_combination",
    "prove_row_touches",
]

# Hints only: which rows are worth comparing exactly.
PARALLEL_HINT = 1.0 - 1e-11
COINCIDENT_HINT = 1e-8
# Hint: offsets that are left of an exact combination are not larger, beyond their bound.
TIED_HINT = 1e-12

NO_ROW = -1


class TieScratch(NamedTuple):
    """Work arrays of `prove_exact_combination`; ``state[0]`` is 1 where residues are ready."""

    inverse: NDArray[np.float64]
    residual: NDArray[np.float64]
    basis_ids: NDArray[np.int64]
    is_zero: NDArray[np.bool_]
    state: NDArray[np.int64]


class GroupScratch(NamedTuple):
    """Work arrays of `walk_degenerate`.

    Attributes
    ----------
    leader : int64 array, shape (N + q,)
        The first row on the hyperplane of each row, NO_ROW for rows without a hyperplane.
    zero : bool array, shape (N + q,)
        Units that vanish on the whole region.
    walled : bool array, shape (N + q,)
        Leaders whose hyperplane is one of the domain's.
    ids : int64 array, shape (N + q,)
        The rows' numbers in the network, in order: all are listed.
    exact : int64 array, shape (1,)
        How many decisions took exact arithmetic.
    ties : TieScratch
    touched, beyond, sources_beyond
        Work of `geometry.facet_crossing`.
    inside, sources, source_of_row, claimed
        A point inside, and the linear forms of the units (`geometry.linear_forms`).
    """

    leader: NDArray[np.int64]
    zero: NDArray[np.bool_]
    walled: NDArray[np.bool_]
    ids: NDArray[np.int64]
    touched: NDArray[np.bool_]
    ties: TieScratch
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
        ids=np.arange(size, dtype=np.int64),
        touched=np.zeros(units, dtype=np.bool_),
        ties=TieScratch(
            inverse=np.zeros((m, 2 * m)),
            residual=np.zeros(m + 1),
            basis_ids=np.zeros(m, dtype=np.int64),
            is_zero=np.zeros(m + 1, dtype=np.bool_),
            state=np.zeros(1, dtype=np.int64),
        ),
        inside=np.zeros(m),
        beyond=np.zeros(units, dtype=np.uint8),
        exact=np.zeros(1, dtype=np.int64),
        sources=sources_of(flat),
        sources_beyond=sources_of(flat),
        claimed=np.zeros(len(flat.bit), dtype=np.bool_),
        source_of_row=np.zeros(units, dtype=np.int64),
    )


@exact_order_kernel
def region_residues_ready(flat, modular, bits, state):
    """Compute the region's rows modulo the primes unless ``state[0]`` says they are there."""
    if state[0] == 0:
        modular_rows(flat, modular, bits)
        state[0] = 1


@exact_order_kernel
def find_groups(flat, modular, bits, rows, groups):
    """Set leaders, zero units and walls.

    Parameters
    ----------
    flat, modular
        The network in floats and modulo primes.
    bits : uint8 array, shape (N,)
    rows : Rows, in and out
        All rows of the region; the error LOST of one that vanishes becomes 0.
    groups : GroupScratch, out

    Returns
    -------
    bool
        False if a tie stays undecided.

    Notes
    -----
    **Invariant.** After the first loop every row with error LOST so far is proven to vanish
    identically. Before pass i of the second, rows with a leader below i are proven to lie on
    its hyperplane; rows that are not compared count as different, which is true or makes a
    later proof fail, because two rows of one hyperplane in two groups are never positive
    beyond their errors where one of them is zero.
    """
    m, size = flat.dimension, flat.size
    values, errors = rows.values, rows.errors
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
            # an active unit does not vanish, yet its row is lost: nothing can be proven with it
            if bits[i] != 0:
                return False
            # nothing flows into it: zero by the network's shape
            if source[i] != NOTHING:
                region_residues_ready(flat, modular, bits, groups.ties.state)
                if not vanishes(modular, m, i):
                    return False
                groups.exact[0] += 1
            # the constant 1 that stands for it is in nobody's way
            zero[i] = True
            errors[i] = 0.0
        flat_row = True
        for d in range(m):
            if values[d, i] != 0.0:
                flat_row = False
        if flat_row:
            leader[i] = NO_ROW
    for i in range(size):
        if leader[i] != i:
            continue
        # rows of the domain come last, so a group led by one has no unit
        if i >= flat.units:
            walled[i] = True
        for j in range(i + 1, size):
            if leader[j] != j:
                continue
            # the cosine of their angle: rows have unit length
            product = 0.0
            for d in range(m):
                product += values[d, i] * values[d, j]
            if product > PARALLEL_HINT and abs(values[m, i] - values[m, j]) < COINCIDENT_HINT:
                # the largest entry is not zero: the other ones are compared by it
                lead = 0
                for d in range(1, m):
                    if abs(values[d, i]) > abs(values[lead, i]):
                        lead = d
                # units of one source are multiples of each other: no residues are needed
                if j >= flat.units or source[i] != source[j]:
                    if len(modular.primes) == 0:
                        return False
                    region_residues_ready(flat, modular, bits, groups.ties.state)
                    # nearly parallel, but not the same: two hyperplanes
                    if not coincide(modular, m, i, j, lead):
                        continue
                    groups.exact[0] += 1
                leader[j] = i
                if j >= flat.units:
                    walled[i] = True
    return True


@exact_order_kernel
def prove_exact_combination(flat, modular, ids, rows, dictionary, position, sign, work):
    """Prove that ``sign`` times a row is an exact non-negative combination of basis rows.

    Parameters
    ----------
    flat, modular
        The network in floats and modulo primes.
    ids : int64 array
        The numbers of the columns' rows in the network.
    rows : Rows
    dictionary : Dictionary
    position : int
        Of the row in the dictionary.
    sign : float
        1 or -1.
    work : TieScratch
        ``state[0]`` says whether ``modular.unit_rows`` holds the rows.

    Returns
    -------
    answer : int
        1 if proven by the network's shape, 2 if by residues, 0 if not proven, -1 if
        residues are needed to tell.
    positive : int
        How many multipliers are proven positive.

    Notes
    -----
    Multipliers within their doubt (`cells.proofs.multiplier_doubt`), and the offset that is
    left, must be exactly zero. Those beyond it have the sign of the float (docs/mathematics.md,
    part 7, question 3).

    **Invariant.** Before pass k of the first loop every exact multiplier of ``basis[:k]`` is
    proven positive (counted in `positive`) or within its doubt (then `unsure` is set).
    """
    m = flat.dimension
    values, table, basis, residual = rows.values, dictionary.table, dictionary.basis, work.residual
    if not invert_basis(values, basis, m, work.inverse):
        return 0, 0
    bound, size = multiplier_doubt(rows, dictionary, work.inverse, position, sign, residual)
    if bound >= HUGE:
        return 0, 0
    # hint: far from zero there is nothing to tie, the offset is negative or plainly positive
    if not abs(residual[m]) <= 4.0 * (m + 1) * (bound + size) + TIED_HINT:
        return 0, 0
    # offsets that are exactly zero need no residue: the domain's, and all without biases
    column = dictionary.row_at[position]
    known = values[m, column] == 0.0 and (ids[column] >= flat.units or flat.zero_offsets)
    unsure = False
    positive = 0
    for k in range(m):
        multiplier = sign * table[k, position]
        i = basis[k]
        if multiplier > bound:
            positive += 1
            if not (values[m, i] == 0.0 and (ids[i] >= flat.units or flat.zero_offsets)):
                known = False
        elif multiplier < -bound:
            return 0, 0
        else:
            unsure = True
    if known and not unsure:
        return 1, positive
    if work.state[0] == 0:
        return -1, positive
    for k in range(m):
        work.basis_ids[k] = ids[basis[k]]
    if not combination_zeros(modular, m, work.basis_ids, ids[column], work.is_zero):
        return 0, 0
    for k in range(m):
        # in doubt and not zero: it may be negative, and only integers can tell
        if sign * table[k, position] <= bound and not work.is_zero[k]:
            return 0, 0
    return (2 if known or work.is_zero[m] else 0), positive


@inlined_exact_order_kernel
def prove_row_touches(flat, modular, bits, rows, dictionary, position, groups):
    """Prove that a row is an exact non-negative combination of two or more basis rows.

    Parameters
    ----------
    flat, modular
        The network in floats and modulo primes.
    bits : uint8 array, shape (N,)
    rows : Rows
        All rows of the region.
    dictionary : Dictionary
    position : int
        Of the row in the dictionary.
    groups : GroupScratch
        Residues are computed if need be, and decisions by them counted in ``exact[0]``.

    Returns
    -------
    bool
        True proves that the row carries no facet: where it is zero two rows with different
        hyperplanes are, in dimension m - 2 (docs/mathematics.md, part 7, question 3).
    """
    answer, positive = -1, 0
    # the network's shape is asked first; residues are made for those that it leaves open
    for _ in range(2):
        answer, positive = prove_exact_combination(
            flat, modular, groups.ids, rows, dictionary, position, 1.0, groups.ties
        )
        if answer >= 0 or len(modular.primes) == 0:
            break
        region_residues_ready(flat, modular, bits, groups.ties.state)
    if answer == 2:
        groups.exact[0] += 1
    return answer > 0 and positive >= 2
