"""Check a certificate of a tree without trusting the program that wrote it.

This module imports the standard library, numpy, python-flint, and `proof.certificate_file` and
`proof.tree_bounds`, which do no more, and evaluates the network itself. It reads the file that
docs/certificate.md describes.

**Theorem.** If `check` returns, the claim of the file is true of the network:

* *count*: it has exactly as many activation regions in the open domain as the tree has leaves;
* *holds*: no input of a case's closed box is mapped into one of that case's closed sets
  {y : c @ y <= bound for all of its functions};
* *extreme*: the same of the interior of the only set of the only case, which is of one function,
  and the point lies in the box and is mapped into the closed set: so the bound is the smallest
  value of c @ y, and with c = -e minus the largest one of e @ y;
* *violated*: the point lies in one of the boxes and is mapped into one of its sets.

**Cells.** A *cell* is a box, and a side for some units in the order of layers: the points where
the rows named so far are positive, or for verdicts, whose boxes are closed, not negative. A row is
a unit's pre-activation, which on the cell is an affine function, as the sides of all units below
are known: chosen in the tree, or the same on all of the cell because bounds on the box say so, or
because the row is a constant. For verdicts a unit that is zero may be on either side. For counts a
row that is identically zero has side 0 and is no wall; a region is a maximal set of points with
one side for each other unit, which is zero for none.

**Why the checks imply the theorem**, by induction over the tree, from its leaves: each node's
statement, that its part of the domain holds no input of a set (of those that are still open), or
exactly as many regions as leaves, follows from those of its children.

1. *A box, clipped.* Affine functions are proven to lie, on the box, below functions of the outputs
   one of which is positive outside of each set. Where such a plane is positive an input is in no
   set; the rest lies in the smaller box. Of it each input is in one half or the other.
2. *A box, settled.* For each open set a plane is positive all over, or the clipped box is empty.
   If the bounds settle a box that has children, nothing more is asked of these.
3. *Split at a unit*: closed sides cover the cell. Open sides have all its regions, as the
   unit's row is not zero on these, and no region is on both.
4. *One-sided*: row = sum of l_k row_k + rest over rows of the cell, l_k >= 0, and the rest is not
   negative on the closed box; so neither is the row on the cell: the other side adds nothing. For
   counts the row is not identically zero; then it is positive on the open cell, where all row_k
   and all sides of the box are.
5. *A leaf of a count*: all walls are positive at the witness, so the cell is not empty; all units
   have a side: it is one region.
6. *Missed*: all units have a side, outputs are affine on the cell. For one of a set's functions,
   c @ y - bound is such a sum, of rows of the cell and of bound - c @ y of the set's functions,
   and the rest is positive on the box (for interiors: not negative). In the set the sum is not
   positive (negative, if the row itself is not): no point of the cell is mapped into the set.

Numbers of children are such that every node but a case's root has one parent, of lower number.

**Arithmetic.** Rows, multipliers and witnesses are exact integers. Planes over boxes are floats,
less a bound on all that rounding may have added (`proof.tree_bounds`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from os import PathLike
from typing import Any, NamedTuple

import flint
import numpy as np

from polyregions.proof.certificate_file import (
    Array,
    Layers,
    Refused,
    common_exponent,
    digest_of,
    exact_layers,
    fractions,
    layers_to_check,
    rationals,
    read_members,
    refuse_first,
    require,
    scaled_integers,
    value_at,
)
from polyregions.proof.tree_bounds import (
    HALF_AN_ULP,
    LOST_BELOW,
    bounds_on_boxes,
    clipped_by_planes,
    least_of_planes,
    planes_of_inputs,
)

__all__ = [
    "CLIPPED",
    "HANDED",
    "LEAF",
    "MISSED",
    "NEGATIVE",
    "POSITIVE",
    "SETTLED",
    "SPLIT",
    "TREE_FORMAT",
    "TREE_VERSION",
    "ProvenCase",
    "Refused",
    "Sides",
    "TreeReport",
    "check",
    "least_of",
    "replay",
]

TREE_FORMAT, TREE_VERSION = "polyregions tree certificate", 1
CLAIMS = ("count", "holds", "violated", "extreme")
# boxes: halved at an axis >= 0, or
CLIPPED, SETTLED, HANDED = -1, -2, -3
# units
SPLIT, POSITIVE, NEGATIVE, MISSED, LEAF = range(5)
# type and shape of the file's arrays: n inputs, f of them free, o outputs, r functions, s sets,
# b boxes, u nodes of units, R regions
TREE_ARRAYS = {
    "format": ("U", ""), "version": ("i", ""), "network": ("U", ""), "claim": ("U", ""),
    "domain": ("d", "-n"), "inequalities": ("d", "-c"),
    "functions": ("d", "ro"), "bounds": ("U", "r"), "set_cases": ("i", "s"),
    "set_sizes": ("i", "s"), "members": ("i", "-"), "point": ("U", "-"),
    "boxes": ("i", "b"), "weights": ("f", "b-"), "levels": ("d", "-"), "trees": ("i", "-"),
    "kinds": ("i", "u"), "numbers": ("i", "u"), "proofs": ("i", "u"), "bases": ("i", "-m"),
    "witnesses": ("d", "Rf"), "exact_witnesses": ("U", "-t"),
}  # fmt: skip
NODES_AT_ONCE, NUMBERS_AT_ONCE = 256, 2**18


class ProvenCase(NamedTuple):
    """A closed box, and sets of outputs: of each the functions (c, bound), c @ y <= bound."""

    lower: Array
    upper: Array
    sets: tuple[tuple[tuple[tuple[float, ...], Fraction], ...], ...]


@dataclass(frozen=True)
class TreeReport:
    """What was proven.

    Attributes
    ----------
    claim : {"count", "holds", "violated", "extreme"}
        See the module.
    regions : int
        For a count.
    boxes, units : int
        Nodes of the tree, of each kind.
    domain, inequalities : numpy.ndarray of float64, shape (2, n) or (0, n), and (q, n + 1)
        Of a count, as in :class:`polyregions.proof.checker.Report`.
    cases : tuple of Case
        Of a verdict.
    point, outputs : tuple of Fraction or None
        An input, and what the network makes of it.
    """

    claim: str
    regions: int
    boxes: int
    units: int
    domain: Array
    inequalities: Array
    cases: tuple[ProvenCase, ...] = ()
    point: tuple[Fraction, ...] | None = None
    outputs: tuple[Fraction, ...] | None = None

    def _repr_html_(self) -> str:
        what = f"{self.regions:,} regions" if self.claim == "count" else self.claim
        return f"<b>Proven</b>: {what}; {self.boxes:,} boxes, {self.units:,} nodes of units"


def check(
    layers: Any,
    path: str | PathLike[str],
    progress: Callable[[int, int], None] | None = None,
) -> TreeReport:
    """Return a report if the certificate proves its claim about the network.

    Parameters
    ----------
    layers : Network, or sequence of (weight, bias, lower, upper)
        As :func:`polyregions.proof.checker.check`.
    path : str or path-like
    progress : callable, optional
        Called with the numbers of nodes checked and to be checked.

    Returns
    -------
    TreeReport

    Raises
    ------
    Refused
        If the file is damaged or about another network, or the claim is not proven.
    TypeError
        If `layers` is no network.

    Examples
    --------
    >>> import tempfile
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> regions = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pr.certify(regions, f"{folder}/net.cert", method="tree")
    ...     check(net, f"{folder}/net.cert").regions
    2
    """
    return replay(layers, read_members(path, TREE_ARRAYS, TREE_FORMAT, TREE_VERSION), progress)


def replay(
    layers: Any, file: dict[str, Array], progress: Callable[[int, int], None] | None = None
) -> TreeReport:
    """Return a report if the arrays of a certificate prove its claim; see `check`."""
    given = layers_to_check(layers)
    right = str(file["network"]) == digest_of(given).hexdigest()
    require(right, "the certificate is of another network")
    require(str(file["claim"]) in CLAIMS, "the claim is unknown")
    with np.errstate(all="ignore"):
        return _TreeCheck(file, given, progress).run()


class _Cell(NamedTuple):
    """What is decided: `rows` are the pre-activations of layer `depth`, `bits` their sides."""

    depth: int
    rows: list[list[Any]]
    one: list[Any]
    bits: dict[int, bool]
    walls: dict[int, list[Any]]
    open: tuple[int, ...]


class Sides(NamedTuple):
    """Bounds of the coordinates in integers, times `scale`; what bounds say of units' signs."""

    lower: list[Any]
    upper: list[Any]
    scale: int
    signs: Sequence[Array] = ()


def least_of(
    row: Sequence[Any], walls: Sequence[Sequence[Any]], coordinates: Sequence[int], sides: Sides
) -> Any:
    """Return what a row is at least in a box where walls are not negative, or None.

    Parameters
    ----------
    row : sequence of integers, length m + 1
    walls, coordinates : sequences, m in all
        The row is a sum of the walls, times numbers that are not negative, of a constant, and of
        these coordinates; else nothing is known.
    sides : Sides

    Returns
    -------
    integer or None
        Times a positive number.

    Examples
    --------
    >>> square = Sides([0, 0], [1, 1], 1)
    >>> int(least_of([1, 1, 0], [[1, 2, -1]], [0], square))  # where x + 2 y >= 1
    1
    """
    left = [d for d in range(len(row) - 1) if d not in coordinates]
    if len(left) != len(walls):
        return None
    if walls:
        system = flint.fmpz_mat(len(left), len(left), [wall[d] for d in left for wall in walls])
        right = flint.fmpz_mat(len(left), 1, [row[d] for d in left])
        try:
            solved: Any = system.solve(right)
        except ZeroDivisionError:  # dependent rows prove nothing
            return None
        used, under = solved.numer_denom()
        used = used.entries()
        if any(multiplier < 0 for multiplier in used):
            return None
        row = [
            under * v - value_at(used, column)
            for v, column in zip(row, zip(*walls, strict=True), strict=True)
        ]
    ends = [min(row[d] * sides.lower[d], row[d] * sides.upper[d]) for d in coordinates]
    return row[-1] * sides.scale + sum(ends, flint.fmpz(0))


class _BoxLevel(NamedTuple):
    """Nodes with their boxes, shape (k, n), bounds on units, and the sets still open, (k, s)."""

    nodes: Array
    lower: Array
    upper: Array
    bounds: list[tuple[Array, Array]]
    open: Array

    def taken(self, some: Any) -> _BoxLevel:
        """Return some of them."""
        bounds = [(low[some], high[some]) for low, high in self.bounds]
        return _BoxLevel(
            self.nodes[some], self.lower[some], self.upper[some], bounds, self.open[some]
        )


def _folded(parts: Sequence[_BoxLevel]) -> _BoxLevel:
    nodes, lower, upper, bounds, still = zip(*parts, strict=True)
    ends = [
        (np.concatenate([low for low, _ in layer]), np.concatenate([high for _, high in layer]))
        for layer in zip(*bounds, strict=True)
    ]
    first, second, third = (np.concatenate(arrays) for arrays in (nodes, lower, upper))
    return _BoxLevel(first, second, third, ends, np.concatenate(still))


class _TreeCheck:
    """One run: the network, and what the file claims."""

    def __init__(
        self, file: dict[str, Array], layers: Layers, progress: Callable[[int, int], None] | None
    ) -> None:
        self.file, self.layers, self.progress = file, layers, progress or (lambda done, all_: None)
        self.claim, n = str(file["claim"]), layers[0][0].shape[1]
        self.counts, domain = self.claim == "count", file["domain"]
        require(domain.shape[1:] == (n,) and np.isfinite(domain).all(), "the domain is no box")
        self.done, bends = 0, [low != up for _, _, low, up in layers]
        self.depth, self.boxes = len(layers), file["boxes"].astype(np.int64)
        if self.counts:  # no row reads what is above the last layer that bends
            self.depth = max((d for d, some in enumerate(bends, 1) if some.any()), default=0)
        ends = np.cumsum([0, *(some.sum() for some in bends)])
        self.units = int(ends[-1])
        # the number of each unit that bends, and the layer of each number
        self.numbers = [
            first + np.cumsum(some) - 1 for first, some in zip(ends, bends, strict=False)
        ]
        self.layer_of = np.repeat(np.arange(len(layers)), np.diff(ends))
        self.free = np.arange(n)
        self.whole = self.counts and not len(domain)
        if self.counts and not self.whole:
            require(len(domain) == 2 and (domain[0] <= domain[1]).all(), "the domain is empty")
            self.free = np.flatnonzero(domain[0] < domain[1])
            require(len(self.free), "the domain is empty")
        self.m = len(self.free) + self.whole
        self._load(n)

    @cached_property
    def exact(self) -> list[tuple[Any, ...]]:
        """The layers in integers."""
        return exact_layers(self.layers)

    @cached_property
    def root(self) -> _Cell:
        """The inputs, before anything is decided."""
        n = self.m
        identity = [[int(i == j) for j in range(n + 1)] for i in range(n)]
        return self._entered(0, identity, [flint.fmpz(i == n) for i in range(n + 1)], {}, ())

    def _load(self, n: int) -> None:
        file = self.file
        sizes = {"n": n, "c": n + 1, "o": len(self.layers[-1][1]), "r": len(file["functions"])}
        sizes |= {"s": len(file["set_cases"]), "b": len(file["boxes"]), "u": len(file["kinds"])}
        sizes |= {"m": self.m, "R": len(file["witnesses"])}
        sizes |= {"f": len(self.free), "t": len(self.free) + 1}
        for key, (_, letters) in TREE_ARRAYS.items():
            shape = file[key].shape
            wanted = tuple(sizes.get(x, k) for x, k in zip(letters, shape, strict=True))
            require(shape == wanted, f"{key} has the wrong shape")
        cases = 0 if self.counts else len(file["domain"]) // 2
        require(self.counts or len(file["domain"]) == 2 * cases, "the domain is no box")
        for key, most in (("set_cases", cases), ("members", sizes["r"])):
            require(((file[key] >= 0) & (file[key] < most)).all(), f"{key} names what is not there")
        counts, members = file["set_sizes"].astype(np.int64), file["members"].tolist()
        proper = ((counts >= 0) & (counts <= len(members))).all() and counts.sum() == len(members)
        require(proper, "set_sizes are wrong")
        ends = np.cumsum(counts).tolist()
        self.sets = [members[e - k : e] for e, k in zip(ends, counts.tolist(), strict=True)]
        self.owners = np.repeat(np.arange(len(counts)), counts).tolist()
        alone = cases == 1 and counts.tolist() == [1]
        require(self.claim != "extreme" or alone, "an extreme is of one function in one box")
        require(np.isfinite(file["functions"]).all(), "a function is not finite")
        self.bounds = rationals("bounds", file["bounds"].tolist())
        self.starts = np.concatenate([[0], np.cumsum(file["trees"].astype(np.int64))]).tolist()
        fits = (file["trees"] >= 0).all() and (file["trees"] <= sizes["u"]).all()
        require(self.counts or (fits and self.starts[-1] == sizes["u"]), "trees are wrong")
        cuts = file["inequalities"]
        alone = not len(cuts) or (self.counts and not self.whole and len(self.free) == n)
        require(alone and np.isfinite(cuts).all(), "the inequalities do not fit the domain")
        require((file["proofs"] < len(file["bases"])).all(), "proofs name what is not there")
        self.kinds, self.names, self.proofs = (
            file[key].tolist() for key in ("kinds", "numbers", "proofs")
        )

    def run(self) -> TreeReport:
        file, found, outputs = self.file, None, None
        count, units = len(file["boxes"]), len(self.kinds)
        self.total = count + units
        if self.claim in ("violated", "extreme"):
            found = tuple(rationals("point", file["point"].tolist()))
            outputs = self._outputs(found)
        if self.counts:
            self._count()
        elif self.claim != "violated":
            self._box_trees()
        self.progress(self.total, self.total)
        regions = len(file["witnesses"]) if self.counts else 0
        domain, cuts = file["domain"], file["inequalities"]
        return TreeReport(
            self.claim, regions, count, units, domain, cuts, self._cases(), found, outputs
        )

    def _cases(self) -> tuple[ProvenCase, ...]:
        if self.counts:
            return ()
        functions = list(zip(map(tuple, self.file["functions"].tolist()), self.bounds, strict=True))
        sets = [tuple(functions[j] for j in of) for of in self.sets]
        owners = self.file["set_cases"]
        return tuple(
            ProvenCase(lower, upper, tuple(sets[k] for k in np.flatnonzero(owners == case)))
            for case, (lower, upper) in enumerate(self.file["domain"].reshape(-1, 2, self.m))
        )

    # --------------------------------------------------------------------- a point

    def _outputs(self, point: Sequence[Fraction]) -> tuple[Fraction, ...]:
        """Return what the network makes of a point, which has to be in a box and in a set."""
        require(len(point) == len(self.free), "the point has the wrong length")
        one = np.lcm.reduce([x.denominator for x in point], dtype=object)
        values = [[int(x * one)] for x in point]
        for weight, bias, low, up, _, factor in self.exact:
            rows = (weight * flint.fmpz_mat(values)).tolist()
            pre = [row[0] + shift * one for row, shift in zip(rows, bias, strict=True)]
            values = [[(up[i] if z > 0 else low[i]) * z] for i, z in enumerate(pre)]
            one *= factor
        outputs = tuple(Fraction(int(value), int(one)) for (value,) in values)

        def inside(case: ProvenCase) -> bool:
            sides = zip(case.lower.tolist(), point, case.upper.tolist(), strict=True)
            return all(low <= x <= high for low, x, high in sides) and any(
                all(excess(*function) <= 0 for function in of) for of in case.sets
            )

        def excess(c: tuple[float, ...], bound: Fraction) -> Fraction:
            terms = (Fraction(v) * y for v, y in zip(c, outputs, strict=True))
            return sum(terms, -bound)

        require(any(map(inside, self._cases())), "the point is in no box, or in none of its sets")
        return outputs

    # --------------------------------------------------------------------- units

    def _count(self) -> None:
        """Check the tree of a count: from the domain to one leaf for each witness."""
        n, m, domain = len(self.file["domain"][0]) if not self.whole else self.m - 1, self.m, None
        start = np.zeros((n, m + 1))
        start[self.free, np.arange(len(self.free))] = 1.0
        one = np.eye(m + 1)[m - self.whole]
        if self.whole:
            # the cone over the space, cut by a cube
            sides = np.append(np.full(n, -1.0), 0.0), np.ones(m)
        else:
            domain = self.file["domain"]
            start[:, m] = np.where(domain[0] < domain[1], 0.0, domain[0])
            sides = domain[0, self.free], domain[1, self.free]
        exponent = common_exponent(start, one)
        values = scaled_integers(start, exponent).tolist()
        cell = self._entered(0, values, scaled_integers(one, exponent).entries(), {}, ())
        self.walls = {}
        for j, cut in enumerate(self.file["inequalities"]):
            row = scaled_integers(np.append(-cut[:n], cut[n]), common_exponent(cut)).tolist()[0]
            self.walls[self.units + m + j] = row
        self.leaves, self.exact_witnesses = (
            0,
            fractions("exact_witnesses", self.file["exact_witnesses"], len(self.file["witnesses"])),
        )
        self._replay(0, len(self.kinds), cell, _claimed_domain(*sides, []))
        require(self.leaves == len(self.file["witnesses"]), "there are other witnesses than leaves")

    def _replay(self, start: int, stop: int, cell: _Cell, domain: Sides) -> None:
        """Check nodes ``start..stop``, in preorder, the positive side first."""
        stack = [cell] if self.counts or cell.open else []
        for node in range(start, stop):
            require(stack, f"node {node} hangs on nothing")
            cell, kind, number = stack.pop(), self.kinds[node], self.names[node]
            if kind in (SPLIT, POSITIVE, NEGATIVE):
                require(0 <= number < self.units, f"node {node} names no unit")
                while cell.depth < self.layer_of[number]:
                    cell = self._crossed(cell, domain, node)
                at = np.searchsorted(self.numbers[cell.depth], number)
                known = cell.depth > self.layer_of[number] or number in cell.bits
                require(not known, f"node {node} decides unit {number} again")
                row = cell.rows[at]
                if kind != SPLIT:
                    require(any(row) or not self.counts, f"node {node}: its row is zero")
                    signed = row if kind == POSITIVE else [-v for v in row]
                    least = self._least(signed, cell, domain, {}, node)
                    require(least >= 0, f"node {node}: unit {number} is not proven one-sided")
                    stack.append(cell._replace(bits={**cell.bits, number: kind == POSITIVE}))
                    continue
                for bit, wall in ((False, [-v for v in row]), (True, row)):
                    bits, walls = {**cell.bits, number: bit}, {**cell.walls, number: wall}
                    stack.append(cell._replace(bits=bits, walls=walls))
                continue
            while cell.depth < self.depth:
                cell = self._crossed(cell, domain, node)
            if kind == LEAF and self.counts:
                self._witness(cell, domain, node)
                continue
            require(kind == MISSED and not self.counts, f"node {node} is of another kind")
            require(0 <= number < len(self.owners), f"node {node} names no function")
            missed = self.owners[number]
            require(missed in cell.open, f"node {node} is of a set that is missed already")
            member = self.file["members"][number]
            self._missed(cell, domain, self.sets[missed], int(member), node)
            left = tuple(k for k in cell.open if k != missed)
            stack += [cell._replace(open=left)] if left else []
        require(not stack, "a tree has too few nodes")
        self.done += stop - start

    def _entered(
        self, depth: int, values: Any, one: list[Any], walls: dict[int, Any], left: tuple[int, ...]
    ) -> _Cell:
        """Return a cell whose sides below a layer, or all of them, are known."""
        if depth == self.depth:
            return _Cell(depth, values, one, {}, walls, left)
        weight, bias, *_ = self.exact[depth]
        rows = (weight * flint.fmpz_mat(values)).tolist()
        rows = [
            [v + shift * unit for v, unit in zip(row, one, strict=True)] if shift else row
            for row, shift in zip(rows, bias, strict=True)
        ]
        return _Cell(depth, rows, one, {}, walls, left)

    def _crossed(self, cell: _Cell, domain: Sides, node: int) -> _Cell:
        """Return a cell with the next layer's rows: all units have a side."""
        _, _, low, up, bends, factor = self.exact[cell.depth]
        values = []
        for i, (row, number) in enumerate(zip(cell.rows, self.numbers[cell.depth], strict=True)):
            slope = up[i]
            if bends[i]:
                side = cell.bits.get(int(number))
                sign = int(domain.signs[cell.depth][i]) if domain.signs else 0
                if side is None and not any(row[:-1]):
                    side = bool(row[-1] > 0)
                require(side is not None or sign, f"node {node}: unit {number} has no side")
                slope = up[i] if (sign > 0 if side is None else side) else low[i]
            values.append([slope * v for v in row] if slope != 1 else row)
        one = [factor * unit for unit in cell.one]
        return self._entered(cell.depth + 1, values, one, cell.walls, cell.open)

    def _least(
        self, row: list[Any], cell: _Cell, domain: Sides, more: dict[int, Any], node: int
    ) -> Any:
        """Return what a row is at least on a cell, times a positive number, by a node's basis."""
        if not any(row[:-1]):
            return row[-1]
        proof, m = self.proofs[node], self.m
        require(proof >= 0, f"node {node} has no proof")
        known = {**self.walls, **cell.walls, **more}
        basis = set(self.file["bases"][proof].tolist())
        coordinates = [k - self.units for k in basis if 0 <= k - self.units < m]
        rest = basis - {self.units + k for k in coordinates}
        require(rest <= known.keys(), f"node {node}: its proof names a row that its cell has not")
        least = least_of(row, [known[k] for k in rest], coordinates, domain)
        require(least is not None, f"node {node}: its proof does not support its row")
        return least

    def _witness(self, cell: _Cell, domain: Sides, node: int) -> None:
        """Check that a leaf's witness is inside the domain and all walls."""
        require(self.leaves < len(self.file["witnesses"]), "there are fewer witnesses than leaves")
        point = self.exact_witnesses.get(self.leaves)
        if point is None:
            floats = self.file["witnesses"][self.leaves]
            require(np.isfinite(floats).all(), f"node {node}: its witness is not finite")
            point = [flint.fmpq(*v.as_integer_ratio()) for v in floats.tolist()]
        common = flint.fmpz(1)
        for v in point:
            common = common.lcm(v.q)
        column = [v.p * (common // v.q) for v in point] + [common] * (1 + self.whole)
        sides = zip(domain.lower, column[:-1], domain.upper, strict=True)
        inside = self.whole or all(
            low * common < v * domain.scale < high * common for low, v, high in sides
        )
        walls = (*cell.walls.values(), *self.walls.values())
        inside = inside and all(value_at(wall, column) > 0 for wall in walls)
        require(inside, f"node {node}: its witness is not inside")
        self.leaves += 1

    def _missed(self, cell: _Cell, domain: Sides, of: list[int], number: int, node: int) -> None:
        """Check that no point of a cell is mapped into a set: one function is positive there."""
        rows, first = {}, self.units + self.m
        for j in of:
            c, bound = self.file["functions"][j], self.bounds[j]
            exponent = common_exponent(c)
            factors = scaled_integers(c, exponent)
            total = (factors * flint.fmpz_mat(cell.rows)).tolist()[0]
            top, under = (bound.numerator << exponent) * cell.one[-1], bound.denominator
            rows[first + j] = [-under * v for v in total]
            rows[first + j][-1] += top
        target = [-v for v in rows[first + number]]
        least = self._least(target, cell, domain, rows, node)
        proven = least > 0 or (least == 0 and self.claim == "extreme")
        require(proven, f"node {node}: the set is not proven to be missed")

    # --------------------------------------------------------------------- boxes

    def _box_trees(self) -> None:
        """Check the trees of boxes of all cases."""
        boxes, cases = self.boxes, self.file["domain"].reshape(-1, 2, self.m)
        known = ((boxes >= HANDED) & (boxes < self.m)).all() and len(boxes) >= len(cases)
        require(known, "a box has an unknown kind")
        children = np.where(boxes >= 0, 2, np.where(boxes == CLIPPED, 1, 0))
        self.first_child = len(cases) + np.cumsum(children) - children
        require(len(cases) + children.sum() == len(boxes), "the number of boxes is wrong")
        refuse_first(
            (children > 0) & (self.first_child <= np.arange(len(boxes))), "box {} is its own"
        )
        self.tree_of = np.cumsum(boxes == HANDED) - 1
        require((boxes == HANDED).sum() == len(self.file["trees"]), "trees are wrong")
        sizes = [len(of) if len(of) > 1 else 0 for of in self.sets]
        weights, levels = self.file["weights"], self.file["levels"]
        weighted = (
            weights.shape[1] == sum(sizes) and (weights >= 0).all() and np.isfinite(weights).all()
        )
        require(weighted, "the weights are wrong")
        require(len(levels) == (len(boxes) if self.claim == "extreme" else 0), "levels are wrong")
        self.columns = np.cumsum([0, *sizes])
        self.walls = {}
        widest = max(self.m, *(len(layer[1]) for layer in self.layers))
        self.step = max(
            1, min(NODES_AT_ONCE, NUMBERS_AT_ONCE // (widest * max(widest, len(self.bounds))))
        )
        for case, (lower, upper) in enumerate(cases):
            require((lower <= upper).all(), "the domain is empty")
            self._box_tree(case, lower, upper)

    def _box_tree(self, case: int, lower: Array, upper: Array) -> None:
        own = np.flatnonzero(self.file["set_cases"] == case)
        functions = sorted({j for s in own for j in self.sets[s]})
        places = [[functions.index(j) for j in self.sets[s]] for s in own]
        nothing = [np.full((1, len(layer[1])), np.inf) for layer in self.layers[:-1]]
        root = _BoxLevel(np.array([case]), lower[None], upper[None], [(-v, v) for v in nothing],
                      np.ones((1, len(own)), dtype=bool))  # fmt: skip
        stack = [root]
        while stack:
            parts, room = [], self.step
            while stack and room:
                top = stack.pop()
                if len(top.nodes) > room:
                    stack.append(top.taken(slice(room, None)))
                    top = top.taken(slice(0, room))
                parts.append(top)
                room -= len(top.nodes)
            batch = _folded(parts)
            left = self._looked_at(batch, own, functions, places)
            self.done += len(batch.nodes)
            codes = self.boxes[left.nodes]
            for node in left.nodes[codes == SETTLED][:1]:
                raise Refused(f"box {node} is not settled")
            for k in np.flatnonzero(codes == HANDED).tolist():
                self._handed(left.taken(slice(k, k + 1)), own)
            stack += [half for half in self._halves(left, codes) if len(half.nodes)]
            self.progress(min(self.done, self.total), self.total)

    def _handed(self, box: _BoxLevel, own: Array) -> None:
        """Check the tree of units of one box."""
        tree = self.tree_of[box.nodes[0]]
        signs = [
            np.where(low[0] >= 0, 1, np.where(high[0] <= 0, -1, 0)) for low, high in box.bounds
        ]
        domain = _claimed_domain(box.lower[0], box.upper[0], signs)
        start, stop = self.starts[tree], self.starts[tree + 1]
        # it may be about sets as well that the search had not settled
        named = {
            self.owners[number]
            for kind, number in zip(self.kinds[start:stop], self.names[start:stop], strict=True)
            if kind == MISSED and 0 <= number < len(self.owners)
        }
        there = set(own[box.open[0]].tolist()) <= named <= set(own.tolist())
        require(there, f"box {box.nodes[0]}: its tree is not about its sets")
        self._replay(start, stop, self.root._replace(open=tuple(sorted(named))), domain)

    def _halves(self, box: _BoxLevel, codes: Array) -> list[_BoxLevel]:
        whole, cut = np.flatnonzero(codes == CLIPPED), np.flatnonzero(codes >= 0)
        first = self.first_child[box.nodes]
        same = box.taken(whole)._replace(nodes=first[whole])
        part, axis, rows = box.taken(cut), codes[cut], np.arange(len(cut))
        middle = (part.lower / 2 + part.upper / 2)[rows, axis]
        upper, lower = part.upper.copy(), part.lower.copy()
        upper[rows, axis] = lower[rows, axis] = middle
        below = part._replace(nodes=first[cut], upper=upper)
        return [same, below, part._replace(nodes=first[cut] + 1, lower=lower)]

    def _looked_at(
        self, batch: _BoxLevel, own: Array, functions: list[int], places: list[list[int]]
    ) -> _BoxLevel:
        """Bound units and functions over boxes; return those with open sets, clipped."""
        nodes, lower, upper = batch.nodes, batch.lower, batch.upper
        bounds, steps = bounds_on_boxes(self.layers, lower, upper, batch.bounds)
        wanted = np.array([_below(-self.bounds[j]) for j in functions])
        offsets, gain = wanted[None], np.zeros((len(nodes), len(functions)))
        if self.claim == "extreme":
            # clipped to what is above the value that was known when the box was looked at
            offsets = np.fmin(wanted, self.file["levels"][nodes, None])
            gain = (wanted - offsets) * (1.0 - 4.0 * HALF_AN_ULP)
            gain[~np.isfinite(gain)] = 0.0
        normals, shifts = planes_of_inputs(
            steps, self.file["functions"][functions], offsets, len(nodes)
        )
        size = np.maximum(np.abs(lower), np.abs(upper))
        still = batch.open.copy()
        inner, outer = np.full_like(lower, np.inf), np.full_like(upper, -np.inf)
        for s, of in enumerate(places):
            mine, shift = normals[:, of], shifts[:, of]
            if len(of) > 1:
                columns = slice(self.columns[own[s]], self.columns[own[s] + 1])
                weights = self.file["weights"][nodes, columns].astype(np.float64)
                reach = (np.abs(mine) @ size[:, :, None])[:, :, 0] + np.abs(shift)
                doubt = (len(of) + 8) * 1.01 * HALF_AN_ULP * (weights * reach).sum(axis=1)
                doubt += LOST_BELOW * (1.0 + size.sum(axis=1))
                total = (weights * shift).sum(axis=1) - 1.01 * doubt
                mine = np.concatenate([mine, weights[:, None] @ mine], axis=1)
                shift = np.concatenate([shift, total[:, None]], axis=1)
            values = least_of_planes(mine, shift, lower, upper)
            values[:, : len(of)] += gain[:, of]
            missed = (values > 0).any(axis=1)
            least, most = clipped_by_planes(lower, upper, mine, shift)
            still[:, s] &= ~missed & (least <= most).all(axis=1)
            here = still[:, s]
            inner[here] = np.minimum(inner[here], least[here])
            outer[here] = np.maximum(outer[here], most[here])
        some = np.flatnonzero(still.any(axis=1))
        return _BoxLevel(nodes, inner, outer, bounds, still).taken(some)


def _claimed_domain(lower: Array, upper: Array, signs: list[Array]) -> Sides:
    require(np.isfinite(lower).all() and np.isfinite(upper).all(), "a box is not finite")
    exponent = common_exponent(lower, upper)
    least, most = scaled_integers(np.stack([lower, upper]), exponent).tolist()
    return Sides(least, most, 1 << exponent, signs)


def _below(value: Fraction) -> float:
    """Return a float at most a fraction."""
    try:
        near = value.numerator / value.denominator
    except OverflowError:
        return float(np.finfo(np.float64).max) if value > 0 else -np.inf
    return float(np.nextafter(near, -np.inf)) if Fraction(near) > value else near
