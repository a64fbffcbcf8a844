"""The numbers of a C file: integers for exact sums, and floats that decide most signs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import frexp, gcd

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers
from polyregions.domain import Domain, Polytope
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.geometry.halfspaces import domain_halfspaces
from polyregions.pwa.pieces import maps_on_inputs
from polyregions.regions import Regions
from polyregions.regions.unit_tree import UnitTree
from polyregions.run.progress import AfterStep, counted

__all__ = ["LOWEST", "CTables", "c_tables"]

# every float is an integer below 2^53 times 2^e with e >= LOWEST
LOWEST = -1126


@dataclass(frozen=True, eq=False)
class CTables:
    """What a C file looks up. An integer is its words of 32 bits, lowest first, highest bit a sign.

    Attributes
    ----------
    walls : int
        How many rows bound a polytope: the first ones, not negative in it.
    rows : numpy.ndarray of uint32, shape (k, d + 1, words)
        Affine functions (normal, offset) of the free inputs as integers: their signs count.
    rounded : numpy.ndarray of float64, shape (k, d + 1)
        The same, each row times a power of two, rounded: no entry is larger than 1.
    nodes : numpy.ndarray of int64, shape (R - 1, 3)
        For each node of the tree its row and its children.
    maps : numpy.ndarray of uint32, shape (R, outputs, d + 1, words)
        Each region's map (matrix, shift), times 2^-exponent.
    exponent : int
    reach : int
        No coordinate of the domain, and not the number 1, is as large as 2^reach.
    """

    walls: int
    rows: NDArray[np.uint32]
    rounded: Floats
    nodes: Integers
    maps: NDArray[np.uint32]
    exponent: int
    reach: int

    @property
    def bytes(self) -> int:
        """How many bytes they take in a program, where nodes are integers of 32 bits."""
        parts = (self.rows, self.rounded, self.maps)
        return 4 * self.nodes.size + sum(part.nbytes for part in parts)

    @property
    def sum_words(self) -> int:
        """How many words hold every sum of products with the rows and maps, and room to shift."""
        words = int(max(self.rows.shape[-1], self.maps.shape[-1]))
        # 3 for the shifted mantissa of an input and for carries, 3 that rounding may look at
        return (self.reach - 53 - LOWEST) // 32 + words + 6


def c_tables(regions: Regions, tree: UnitTree, report: AfterStep = None) -> CTables:
    """Return the tables of a complete result in a bounded domain, and of its tree of units.

    `report` is told how many regions are done, of how many.

    Examples
    --------
    >>> import polyregions as pr
    >>> from polyregions.regions.unit_tree import unit_tree
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> regions = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))
    >>> tables = c_tables(regions, unit_tree(regions.bits))
    >>> tables.rounded.tolist(), tables.nodes.tolist()
    ([[0.5, 0.0], [0.5, -0.25]], [[0, -1, 1], [1, -2, -3]])
    >>> tables.maps[2].ravel().tolist(), tables.exponent
    ([4, 2147483649], -1)
    """
    domain = regions.domain
    assert domain is not None
    maps = maps_on_inputs(regions)
    numbers: dict[tuple[int, ...], int] = {}
    for row in _walls(domain):
        numbers.setdefault(row, len(numbers))
    walls = len(numbers)
    node_of = dict(zip(tree.samples.tolist(), range(len(tree.samples)), strict=True))
    node_rows = np.empty(len(tree.units), dtype=np.int64)
    entries: list[int] = []
    for region, words in enumerate(counted(regions.patterns, len(regions), report)):
        rows, outputs, _ = maps.rows(words)
        entries += [int(entry) for row in outputs for entry in row]
        if region in node_of:
            node = node_of[region]
            # the unit is on in its sample, so the row has the unit's own sign
            row = _without_common_factor([int(entry) for entry in rows[tree.units[node]]])
            node_rows[node] = numbers.setdefault(row, len(numbers))
    common = gcd(*entries, maps.scale)  # a power of two, as the scale is
    terms = len(domain.free) + 1
    bounds = np.abs([domain.box.lower, domain.box.upper])
    return CTables(
        walls,
        _as_words([entry for row in numbers for entry in row], (len(numbers), terms)),
        np.array([_nearest_floats(row) for row in numbers]).reshape(-1, terms),
        np.column_stack([node_rows, tree.children]),
        _as_words([entry // common for entry in entries], (len(regions), maps.outputs, terms)),
        1 - (maps.scale // common).bit_length(),
        max(1, frexp(bounds.max())[1]),
    )


def _walls(domain: Domain) -> list[tuple[int, ...]]:
    """Return the rows that bound a polytope, which its box does not say."""
    if not isinstance(domain, Polytope):
        return []
    integers, _ = dyadic_matrix(domain_halfspaces(domain, domain.dimension))
    return [_without_common_factor([int(entry) for entry in row]) for row in integers.tolist()]


def _without_common_factor(row: Sequence[int]) -> tuple[int, ...]:
    """Divide a row by the largest integer that divides it."""
    divisor = gcd(*row)
    return tuple(entry // divisor for entry in row)


def _nearest_floats(row: Sequence[int]) -> list[float]:
    size = 1 << max(abs(entry) for entry in row).bit_length()
    return [entry / size for entry in row]


def _as_words(integers: Sequence[int], shape: tuple[int, ...]) -> NDArray[np.uint32]:
    """Return integers as words, shape (..., words)."""
    # a bit more than the largest needs, for the sign
    words = max((abs(entry).bit_length() for entry in integers), default=0) // 32 + 1
    sign = 1 << (32 * words - 1)
    data = b"".join(
        (abs(entry) | (sign if entry < 0 else 0)).to_bytes(4 * words, "little")
        for entry in integers
    )
    return np.frombuffer(data, dtype="<u4").reshape(*shape, words)
