"""Brute force over all patterns, sharing with the walk nothing but the exact LP.

Rows are computed here in fractions and input coordinates; adjacency is decided pair
by pair from the definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.domain import Domain, Polytope
from polyregions.exact.facets import interior_point
from polyregions.network import Network
from polyregions.pattern import Words, order, pack

__all__ = ["BruteForce", "brute_force", "domain_rows", "fraction", "fraction_rows"]

Row = tuple[flint.fmpq, ...]


def fraction(number: float) -> flint.fmpq:
    """Return a float as the fraction that it is."""
    return flint.fmpq(*float(number).as_integer_ratio())


class BruteForce(NamedTuple):
    patterns: Words
    edges: NDArray[np.int64]


def brute_force(network: Network, domain: Domain | None) -> BruteForce:
    """All regions and all edges, for about ten units at most."""
    box = domain_rows(network, domain)
    found: list[list[int]] = []

    def extend(prefix: list[int]) -> None:
        rows = fraction_rows(network, domain, prefix)
        if any(bit and not any(row) for bit, row in zip(prefix, rows, strict=True)):
            return  # identically zero counts as inactive
        if interior_point(rows + box) is None:
            return  # and so is every extension
        if len(prefix) == network.hidden_units:
            found.append(prefix)
            return
        extend([*prefix, 0])
        extend([*prefix, 1])

    extend([])
    words = pack(np.array(found).reshape(-1, network.hidden_units))
    permutation = order(words)
    polytopes = [
        {_normalized(row): None for row in fraction_rows(network, domain, found[i]) if any(row)}
        for i in permutation
    ]
    edges = [
        (i, j)
        for (i, here), (j, there) in combinations(enumerate(polytopes), 2)
        if _share_facet(here, there, box)
    ]
    return BruteForce(words[permutation], np.array(edges, dtype=np.int64).reshape(-1, 2))


def domain_rows(network: Network, domain: Domain | None) -> list[Row]:
    """The domain in free inputs; the whole space as a cone over them, cut by a cube."""
    n = network.input_dimension
    if domain is None:
        unit = np.eye(n + 2, dtype=int)
        rows = [tuple(unit[-1] + sign * unit[k]) for k in range(n + 1) for sign in (1, -1)]
        rows.append(tuple(unit[n]))
        return [tuple(flint.fmpq(int(entry)) for entry in row) for row in rows]
    if isinstance(domain, Polytope):
        table = np.column_stack([-domain.A, domain.b]).tolist()
        return [tuple(fraction(entry) for entry in row) for row in table]
    free = domain.free.tolist()
    rows = []
    for position, i in enumerate(free):
        for sign, bound in ((1, domain.lower[i]), (-1, domain.upper[i])):
            row = [flint.fmpq(0)] * len(free) + [-sign * fraction(bound)]
            row[position] = flint.fmpq(sign)
            rows.append(tuple(row))
    return rows


def fraction_rows(network: Network, domain: Domain | None, prefix: Sequence[int]) -> list[Row]:
    """Signed rows of the first units, one per bit of the prefix."""
    n = network.input_dimension
    unit = [[flint.fmpq(int(i == j)) for j in range(n + 1)] for i in range(n + 1)]
    maps, one = unit[:n], unit[n]
    signed: list[list[flint.fmpq]] = []
    for layer in network.layers:
        following = []
        for i in range(len(layer.bias)):
            terms = [(fraction(w), m) for w, m in zip(layer.weight[i], maps, strict=True)]
            terms.append((fraction(layer.bias[i]), one))
            row = [sum((w * m[j] for w, m in terms if w), flint.fmpq(0)) for j in range(n + 1)]
            slope = float(layer.upper[i])
            if layer.bends[i]:
                if len(signed) == len(prefix):
                    return [_in_free_inputs(row, domain) for row in signed]
                bit = prefix[len(signed)]
                slope = slope if bit else float(layer.lower[i])
                signed.append(row if bit else [-entry for entry in row])
            following.append([fraction(slope) * entry for entry in row])
        maps = following
    return [_in_free_inputs(row, domain) for row in signed]


def _in_free_inputs(row: list[flint.fmpq], domain: Domain | None) -> Row:
    if domain is None:
        return (*row, flint.fmpq(0))
    free = set(domain.free.tolist())
    offset = row[-1]
    for i in range(domain.dimension):
        if i not in free:
            offset += row[i] * fraction(domain.lower[i])
    return (*(row[i] for i in sorted(free)), offset)


def _share_facet(here: dict[Row, None], there: dict[Row, None], box: list[Row]) -> bool:
    """Whether two closed regions meet in dimension n - 1 inside the open domain.

    They lie on two sides of a hyperplane that both have as a row, and some point of
    it is strictly inside every row of either with another hyperplane.
    """
    for row in here:
        opposite = _opposite(row)
        if not any(row[:-1]) or opposite not in there:
            continue
        pivot = next(k for k, entry in enumerate(row[:-1]) if entry)
        others = [r for r in (here | there) if r not in (row, opposite)] + box
        inside = [_substituted(r, row, pivot) for r in others]
        if len(row) == 2:
            shared = all(value[0] > 0 for value in inside)
        else:
            # a row that vanishes on the whole plane is the domain's: no point is inside it
            shared = all(map(any, inside)) and interior_point(inside) is not None
        if shared:
            return True
    return False


def _normalized(row: Row) -> Row:
    """The positive multiple whose first non-zero coefficient is 1 or -1."""
    lead = next(abs(entry) for entry in row if entry)
    return tuple(entry / lead for entry in row)


def _opposite(row: Row) -> Row:
    return tuple(-entry for entry in row)


def _substituted(row: Row, plane: Row, pivot: int) -> Row:
    """The row on the hyperplane, with coordinate `pivot` eliminated."""
    factor = row[pivot] / plane[pivot]
    return tuple(
        entry - factor * other
        for k, (entry, other) in enumerate(zip(row, plane, strict=True))
        if k != pivot
    )
