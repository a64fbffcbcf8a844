"""Check a certificate without trusting the program that wrote it.

This module imports the standard library, numpy, python-flint and `proof.certificate_file`, which
does no more, and evaluates the network itself. It reads the file that docs/certificate.md
describes.

**Theorem.** If `check` returns, the listed patterns are exactly the activation regions of
the network in the open domain D, and the listed edges exactly the pairs of them that share
a facet inside D.

**Coordinates.** D is an open box in coordinates z: the free inputs, cut by the file's
inequalities if it has any; or for the whole space the cone over it cut by a cube, z = (x, t)
with t > 0 where biases multiply t; or the cube itself if no layer has a bias, because then
regions are cones. A last layer without bends counts for nothing: no row reads its bias. D is
convex, and its own rows are positive on it. *Row* i of a pattern s is the affine function of
unit i's pre-activation with the slopes that s names, signed so that s's side is positive. Z(s)
are the units whose row is identically zero. U(s) are the points of D where all other rows are
positive; by induction over layers, the points where exactly Z(s) is zero and all other units
have the signs of s. Bits of Z(s) are 0, so different U(s) are disjoint, and the regions are
those U(s) that are not empty.

**Why the checks imply the theorem.**

1. *Regions exist and are distinct.* Patterns strictly increase. Rows claimed to vanish do,
   with bit 0; at the witness, a point of D, all other rows are positive.
2. *Every other row of a region A* either lies on a hyperplane of D's boundary; or carries no
   facet: row = sum l_k row_k + rest with l >= 0, and either rest > 0 on D, so the row has no
   zero on A's closure, or rest = 0 and two l_k > 0 for independent rows, so its zeros there
   have codimension two or more; or it belongs to an edge.
3. *An edge (A, B) with units G is a facet of A with B beyond.* Rows G have one hyperplane H.
   In a scaled Euclidean norm, where the lengths of rows are known, the edge's point is so near
   H that at the next point of H the rows outside T = G + Z(A), and D's, are positive. So H
   carries a facet F of A, and in F's relative interior exactly the units T are zero: a row that
   is zero at a relative interior point of F is zero on H. Beyond F, layer by layer, units
   outside T keep their sign, and a unit of T is affine and zero on H, so its sign is the same
   all along F: one region C lies beyond all of F. B is a region other than A with A's bits
   outside T. If B were not C, take the first unit where they differ: its row is, up to sign,
   the same for both, does not vanish, is zero on H; so B is on A's side of H. Take the first
   unit where B and A differ: in the same way B is beyond H. So B = C; F is a facet of B
   too, and the rows of B on H are those of T that do not vanish on B: they belong to the
   edge as well.
4. *Nothing is missing.* By 2 and 3 a listed region lies beyond every facet, inside D, of every
   listed region. If their closures did not cover D, a segment from one to an uncovered
   point, chosen off all faces of codimension two, would leave them through the relative
   interior of a facet: a contradiction. So all regions are listed; and as a facet is on the
   hyperplane of some row, by 2 every pair that shares one is an edge.

**Arithmetic.** Claims are tried in floats on batches of regions, with bounds on all rounding
errors: a sum of w products in any order has error at most w * 2^-53 / (1 - w * 2^-53) times the
sum of absolute values; factors such as 1.01 cover the rounding of the bounds. What they
leave open is decided in integers, and only integers refuse.

**Forgeries.** Nothing is made that is larger than the file (`proof.certificate_file`), and batches
are cut by all that they multiply.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
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
    read_members,
    refuse_first,
    require,
    scaled_integers,
    value_at,
)

__all__ = ["FACET", "FORMAT", "VERSION", "WALL", "ZERO", "Refused", "Report", "check"]

FORMAT, VERSION = "polyregions certificate", 2
FACET, ZERO, WALL = -1, -2, -3  # a proof p <= WALL names the domain's row WALL - p
# type and shape of the file's arrays: R regions, W words, N units, E edges, n inputs, f of them
# free, m coordinates
ARRAYS = {
    "format": ("U", ""), "version": ("i", ""), "network": ("U", ""), "domain": ("d", "-n"),
    "inequalities": ("d", "-c"), "claim": ("U", ""),
    "patterns": ("u", "RW"), "witnesses": ("d", "Rf"), "exact_witnesses": ("U", "-t"),
    "proofs": ("i", "RN"), "bases": ("i", "-m"), "base_counts": ("i", "R"),
    "edges": ("i", "E2"), "edge_points": ("d", "Ef"), "exact_points": ("U", "-t"),
    "edge_units": ("i", "-"), "edge_counts": ("i", "E"),
}  # fmt: skip
HALF_ULP, UNDERFLOW = 2.0**-53, 2.0**-800  # UNDERFLOW is above every absolute error by underflow
BATCH_ENTRIES = 2**18  # row entries in a batch


@dataclass(frozen=True)
class Report:
    """What was proven.

    The domain is the box `domain` cut by `inequalities`, rows (a, b) that say a @ x < b.

    Attributes
    ----------
    regions, edges : int
    exact : int
        How many claims integers decided.
    domain : numpy.ndarray of float64, shape (2, n); (0, n) for the whole space
        As in the file.
    inequalities : numpy.ndarray of float64, shape (q, n + 1)
    """

    regions: int
    edges: int
    exact: int
    domain: Array
    inequalities: Array

    def _repr_html_(self) -> str:
        return (
            f"<b>Proven</b>: {self.regions:,} regions, {self.edges:,} edges; "
            f"{self.exact:,} claims decided in integers"
        )


def check(
    layers: Any,
    path: str | PathLike[str],
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Return a report if the certificate proves its claims about the network.

    Parameters
    ----------
    layers : Network, or sequence of (weight, bias, lower, upper)
        Float64 arrays, of a network those of its ``layers``: a layer sends y to ``slope * z``
        with z = weight @ y + bias and slope `upper` where z > 0, else `lower`. A unit with
        equal slopes has no bit.
    path : str or path-like
    progress : callable, optional
        Called with the numbers of regions checked and to be checked.

    Returns
    -------
    Report
        What is proven.

    Raises
    ------
    Refused
        If the file is damaged or about another network, or a claim fails.
    TypeError
        If `layers` is neither.

    Examples
    --------
    >>> import tempfile
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pr.certify(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)), f"{folder}/net.cert")
    ...     check(net, f"{folder}/net.cert").regions
    2
    """
    file = read_members(path, ARRAYS, FORMAT, VERSION)
    given = layers_to_check(layers)
    digest = digest_of(given)
    require(str(file["network"]) == digest.hexdigest(), "the certificate is of another network")
    claim = hashlib.sha256(digest.digest())
    for key in ("domain", "inequalities"):
        claim.update(file[key].astype("<f8").tobytes())
    require(str(file["claim"]) == claim.hexdigest(), "the domain is not the certified one")
    with np.errstate(all="ignore"):
        return _Check(file, given).run(progress)


def _proportional(row: Sequence[Any], other: Sequence[Any]) -> bool:
    lead = next(k for k, entry in enumerate(other) if entry)
    return all(a * other[lead] == b * row[lead] for a, b in zip(row, other, strict=True))


def _tame(array: Array, bits: int) -> Array:
    size = np.abs(array)
    return np.asarray((size == 0.0) | ((size > 2.0**-bits) & (size < 2.0**bits)))


def _at(rows: Array, errors: Array, columns: Array) -> tuple[Array, Array]:
    """Return the values of rows (r, N, c) at columns (r, c), and bounds on their errors."""
    size, gamma = np.abs(columns)[:, :, None], (columns.shape[1] + 8) * HALF_ULP
    error = 1.01 * (errors @ size) + gamma * (np.abs(rows) @ size) + UNDERFLOW
    return (rows @ columns[:, :, None])[:, :, 0], error[:, :, 0]


def _combined(multipliers: Array, rows: Array) -> Array:
    return np.asarray((multipliers[:, None, :] @ rows)[:, 0])


def _inverses(matrices: Array) -> Array:
    """Return inverses, and zeros for matrices that have none."""
    try:
        return np.linalg.inv(matrices)
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.zeros_like(matrices)
        half = len(matrices) // 2
        return np.concatenate([_inverses(matrices[:half]), _inverses(matrices[half:])])


class _RegionBatch(NamedTuple):
    """Consecutive regions: rows (r, N + q, m + 1), units' then domain's, bounds on their errors.

    `exempt` rows need not be positive at points of the region; `good` says where bounds hold.
    """

    first: int
    bits: Array
    proofs: Array
    rows: Array
    errors: Array
    exempt: Array
    good: Array


class _Check:
    """One run: the network on its domain, and what the file claims."""

    def __init__(self, file: dict[str, Array], layers: Layers) -> None:
        domain, n = file["domain"], layers[0][0].shape[1]
        # no row reads what is above the last layer that bends
        bends = max((i for i, x in enumerate(layers, 1) if (x[2] != x[3]).any()), default=0)
        require(bends, "the network has no unit that bends")
        fits = domain.shape in ((0, n), (2, n)) and np.isfinite(domain).all()
        require(fits, "the domain is no box")
        self.file, self.whole, self.cone = file, len(domain) == 0, False
        if self.whole:
            self.cone = any(bias.any() for _, bias, _, _ in layers[: max(bends, len(layers) - 1)])
            free, m = np.arange(n), n + self.cone
            self.lower, self.upper = np.append(np.full(n, -1.0), 0.0)[:m], np.ones(m)
        else:
            free = np.flatnonzero(domain[0] < domain[1])
            self.lower, self.upper, m = *domain[:, free], len(free)
            require(m and (domain[0] <= domain[1]).all(), "the domain is empty")
        # points of a cone may be scaled, so that of its cube's rows only t > 0 counts
        self.walls = np.full(2 * m, not self.whole)
        self.walls[2 * n :: 2] |= self.cone
        # an input is start @ (z, 1), the constant 1 is one @ (z, 1)
        self.m, self.start, self.one = m, np.zeros((n, m + 1)), np.eye(m + 1)[m - self.cone]
        self.start[free, np.arange(len(free))] = 1.0
        if not self.whole:
            self.start[:, m] += np.where(domain[0] < domain[1], 0.0, domain[0])
        cuts = file["inequalities"]
        require(cuts.ndim == 2 and cuts.shape[1] == n + 1, "the inequalities have the wrong shape")
        proper = np.isfinite(cuts).all() and cuts[:, :n].any(axis=1).all()
        alone = not len(cuts) or (not self.whole and len(free) == n)
        require(proper and alone, "the inequalities do not fit the domain")
        half = self.upper / 2 - self.lower / 2
        # lengths are measured in the box's own units; floats need them within their range
        self.half = np.maximum(half, 2.0**-1074)
        self.scale = np.clip(half, 2.0**-100, 2.0**100)
        self.domain = np.zeros((2 * m, m + 1))
        for k in range(m):
            self.domain[2 * k, [k, m]] = 1.0, -self.lower[k]
            self.domain[2 * k + 1, [k, m]] = -1.0, self.upper[k]
        if len(cuts):
            self.domain = np.concatenate([self.domain, np.hstack([-cuts[:, :n], cuts[:, n:]])])
            self.walls = np.full(len(self.domain), True)
        self.layers = layers[:bends]
        self.units = sum(int((low != up).sum()) for _, _, low, up in self.layers)
        parameters = [array for layer in self.layers for array in layer]
        self.tame = all(_tame(a, 100).all() for a in (self.start, self.domain, *parameters))
        self.gamma, self.exact = (4 * m + 20) * HALF_ULP, 0
        # so many regions, or edges, have about BATCH_ENTRIES entries in their rows
        entries = (self.units + len(self.domain)) * (m + 1)
        self.step, self.kept = (
            max(1, BATCH_ENTRIES // entries),
            max(1, min(1000, 16 * BATCH_ENTRIES // entries)),
        )
        self.exact_rows = lru_cache(self.kept)(self._exact_rows)
        self.prefixes: dict[bytes, list[list[Any]]] = {}
        self._load(len(free))

    def _load(self, free: int) -> None:
        n = self.layers[0][0].shape[1]
        sizes = {"R": len(self.file["patterns"]), "E": len(self.file["edges"]), "2": 2}
        sizes |= {"W": -(-self.units // 64), "N": self.units, "n": n, "c": n + 1}
        sizes |= {"m": self.m, "f": free, "t": free + 1}
        for key, (_, letters) in ARRAYS.items():
            shape = self.file[key].shape
            wanted = tuple(map(sizes.get, letters, shape))
            require(shape == wanted, f"{key} has the wrong shape")
        count, patterns = sizes["R"], self.file["patterns"].astype("<u8")
        require(count, "there is no region")
        self.patterns = np.ascontiguousarray(patterns)
        spare = patterns[:, -1] >> np.uint64((self.units - 1) % 64) > 1
        refuse_first(spare, "region {}: the pattern has too many bits")
        self.proofs, self.bases = self.file["proofs"], self.file["bases"]
        self.edges, self.edge_units = self.file["edges"].astype(np.int64), self.file["edge_units"]
        counts, per_edge = (self.file[key] for key in ("base_counts", "edge_counts"))
        refuse_first(counts < 0, "region {}: the number of bases is negative")
        refuse_first(per_edge < 1, "edge {} has no unit")
        # no count may exceed the whole: sums of larger ones could wrap around
        refuse_first(counts > len(self.bases), "region {}: the number of bases is wrong")
        refuse_first(per_edge > len(self.edge_units), "edge {}: the number of units is wrong")
        self.base_starts, self.unit_starts = (
            np.concatenate([[0], np.cumsum(array, dtype=np.int64)]) for array in (counts, per_edge)
        )
        require(self.base_starts[-1] == len(self.bases), "the number of bases is wrong")
        require(self.unit_starts[-1] == len(self.edge_units), "the number of units is wrong")
        rows = {"basis": self.units + len(self.domain), "edge": self.units}
        for key, array in (("basis", self.bases), ("edge", self.edge_units)):
            inside = ((array >= 0) & (array < rows[key])).all()
            require(inside, f"some {key} names a row that does not exist")
        wrong = (self.proofs >= counts[:, None]) | (self.proofs <= WALL - len(self.domain))
        refuse_first(wrong, "region {}: row {} names a proof that does not exist")
        refuse_first(~_increases(patterns), "region {} is not above the next one")
        first, second = self.edges.T
        wrong = (first < 0) | (first >= second) | (second >= count)
        refuse_first(wrong, "edge {} does not join two regions")
        refuse_first(~_increases(self.edges), "edge {} is not above the next one")
        self.exact_witnesses, self.exact_points = (
            fractions(key, self.file[key], most)
            for key, most in (("exact_witnesses", count), ("exact_points", sizes["E"]))
        )

    def run(self, progress: Callable[[int, int], None] | None) -> Report:
        count = len(self.patterns)
        step = self.step
        covered = np.zeros((count, self.units), dtype=bool)
        for first in range(0, count, step):
            batch = self._batch(first, min(count, first + step))
            self._units_that_bound_nothing(batch)
            self._witnesses(batch)
            self._redundant(batch)
            ends = np.searchsorted(self.edges[:, 0], [first, first + len(batch.bits)])
            start, stop = map(int, ends)
            for e in range(start, stop, step):
                self._edges(batch, e, min(stop, e + step), covered)
            if progress is not None:
                progress(min(count, first + step), count)
        wrong = (self.proofs == FACET) & ~covered
        refuse_first(wrong, "region {}: row {} has neither a proof nor an edge")
        return Report(
            count, len(self.edges), self.exact, self.file["domain"], self.file["inequalities"]
        )

    # ---------------------------------------------------------------------- rows

    def _bits(self, regions: Any) -> Array:
        words = self.patterns[regions].view(np.uint8)
        return np.unpackbits(words, axis=-1, count=self.units, bitorder="little")

    def _batch(self, first: int, last: int) -> _RegionBatch:
        bits, proofs = self._bits(slice(first, last)), self.proofs[first:last].astype(np.int64)
        rows, errors, good = self._rows(bits)
        walls = np.broadcast_to(self.domain, (len(bits), *self.domain.shape))
        rows = np.concatenate([rows, walls], axis=1)
        errors = np.concatenate([errors, np.zeros_like(walls)], axis=1)
        ignored = np.broadcast_to(~self.walls, walls.shape[:2])
        exempt = np.concatenate([proofs == ZERO, ignored], axis=1)
        return _RegionBatch(first, bits, proofs, rows, errors, exempt, good)

    def _rows(self, bits: Array) -> tuple[Array, Array, Array]:
        """Return rows, errors and where these are bounds, for patterns (r, N)."""
        count, c, done = len(bits), self.m + 1, 0
        rows, errors = np.empty((2, count, self.units, c))
        good = np.full(count, self.tame)
        values = self.start[:, None, :]
        error = np.zeros_like(values)
        for weight, bias, low, up in self.layers:
            shape, gamma = (len(bias), *values.shape[1:]), (len(values) + 8) * HALF_ULP * 1.05
            flat, flat_error = (a.reshape(len(values), -1) for a in (values, error))
            shift, size = bias[:, None, None] * self.one, np.abs(weight)
            pre = (weight @ flat).reshape(shape) + shift
            spread = 1.01 * (size @ flat_error).reshape(shape)
            error = spread + gamma * ((size @ np.abs(flat)).reshape(shape) + np.abs(shift))
            # where this holds, no product so far or in the next layer underflows or overflows
            good &= (_tame(pre, 200) & ((error == 0.0) | (error > 2.0**-700))).all(axis=(0, 2))
            slope, bends = up[:, None], low != up
            if bends.any():
                here = slice(done, done := done + int(bends.sum()))
                mine = bits[:, here].T != 0
                rows[:, here] = (np.where(mine, 1.0, -1.0)[:, :, None] * pre[bends]).swapaxes(0, 1)
                errors[:, here] = error[bends].swapaxes(0, 1)
                slope = np.repeat(slope, count, axis=1)
                slope[bends] = np.where(mine, up[bends, None], low[bends, None])
            slope = slope[:, :, None]
            values, steep = slope * pre, np.abs(slope)
            rounding = np.where((steep == 0.0) | (steep == 1.0), 0.0, 2.0 * HALF_ULP)
            error = 1.01 * steep * error + rounding * np.abs(values)
        return rows, errors, good

    @cached_property
    def _exact_layers(self) -> list[tuple[Any, ...]]:
        return exact_layers(self.layers)

    @cached_property
    def _exact_domain(self) -> list[list[Any]]:
        return [scaled_integers(row, common_exponent(row)).tolist()[0] for row in self.domain]

    def _exact_rows(self, region: int) -> list[list[Any]]:
        """Return a region's rows in integers, each times a positive factor, then the domain's."""
        text, exponent = self._bits(region).tobytes(), common_exponent(self.start)
        maps, one = (
            scaled_integers(self.start, exponent).tolist(),
            [int(v) << exponent for v in self.one],
        )
        slopes: list[Any] = [1] * len(maps)
        found: list[list[Any]] = []
        for depth, (weight, bias, low, up, bends, factor) in enumerate(self._exact_layers):
            # a layer's maps depend on the bits below only
            key = depth.to_bytes(4, "big") + text[: len(found)]
            if key not in self.prefixes:
                if len(self.prefixes) > 10 * self.kept:
                    self.prefixes.clear()
                values = [[s * v for v in row] for row, s in zip(maps, slopes, strict=True)]
                self.prefixes[key] = [
                    [v + shift * unit for v, unit in zip(row, one, strict=True)]
                    for row, shift in zip(
                        (weight * flint.fmpz_mat(values)).tolist(), bias, strict=True
                    )
                ]
            maps, slopes, one = self.prefixes[key], list(up), [factor * unit for unit in one]
            for i in np.flatnonzero(bends):
                slopes[i] = up[i] if text[len(found)] else low[i]
                found.append(maps[i])
        signed = [row if bit else [-v for v in row] for row, bit in zip(found, text, strict=True)]
        return signed + self._exact_domain

    # --------------------------------------------------------------------- points

    def _columns(self, points: Array) -> Array:
        """Return columns (z, 1) of inputs."""
        return np.pad(points, ((0, 0), (0, 1 + self.cone)), constant_values=1.0)

    def _exact_column(self, point: Array, exact: list[Any] | None) -> list[Any]:
        if exact is None:
            require(np.isfinite(point).all(), "a point is not finite")
            exact = [flint.fmpq(*value.as_integer_ratio()) for value in point.tolist()]
        common = flint.fmpz(1)
        for value in exact:
            common = common.lcm(value.q)
        return [value.p * (common // value.q) for value in exact] + [common] * (1 + self.cone)

    # --------------------------------------------------------------------- claims

    def _units_that_bound_nothing(self, batch: _RegionBatch) -> None:
        """Check the rows claimed to vanish, and those claimed to lie on the domain's boundary."""
        n = self.units
        for r, i in np.argwhere((batch.proofs == ZERO) & (batch.bits != 0)):
            raise Refused(f"region {batch.first + r}: row {i} is to vanish but its bit is 1")
        sure = ~(np.abs(batch.rows) + batch.errors)[:, :n].any(axis=2) & batch.good[:, None]
        for r, i in np.argwhere((batch.proofs <= ZERO) & ~sure):
            self.exact += 1
            rows, wall = self.exact_rows(int(batch.first + r)), WALL - batch.proofs[r, i]
            if any(rows[i]) if wall < 0 else not _proportional(rows[i], rows[n + wall]):
                what = "does not vanish" if wall < 0 else f"is not on the domain's row {wall}"
                raise Refused(f"region {batch.first + r}: row {i} {what}")

    def _witnesses(self, batch: _RegionBatch) -> None:
        points = self.file["witnesses"][batch.first : batch.first + len(batch.bits)]
        value, error = _at(batch.rows, batch.errors, self._columns(points))
        proven = ((value > error) | batch.exempt).all(axis=1) & batch.good
        for r in np.flatnonzero(~(proven & _tame(points, 200).all(axis=1))):
            self.exact += 1
            region = int(batch.first + r)
            rows = self.exact_rows(region)
            column = self._exact_column(points[r], self.exact_witnesses.get(region))
            for i in np.flatnonzero(~batch.exempt[r]):
                if not value_at(rows[i], column) > 0:
                    raise Refused(f"region {region}: row {i} is not positive at the witness")

    def _redundant(self, batch: _RegionBatch) -> None:
        m, first = self.m, batch.first
        r, i = np.nonzero(batch.proofs >= 0)
        named, b = np.unique(self.base_starts[first + r] + batch.proofs[r, i], return_inverse=True)
        owners = np.searchsorted(self.base_starts, named, side="right") - 1 - first
        claims = np.argsort(b, kind="stable")
        step = max(1, BATCH_ENTRIES // (m * (m + 1)))
        for begin in range(0, len(named), step):
            owner, bases = owners[begin : begin + step], self.bases[named[begin : begin + step]]
            frames, errors = (a[owner[:, None], bases] for a in (batch.rows, batch.errors))
            inverses = _inverses(frames[:, :, :m])
            start, stop = np.searchsorted(b, [begin, begin + step], sorter=claims)
            for k in range(int(start), int(stop), step):
                some = claims[k : min(k + step, int(stop))]
                places = r[some], i[some], b[some] - begin
                proven = self._supported(batch, *places, frames, errors, inverses)
                for c in some[~proven]:
                    basis = bases[b[c] - begin].tolist()
                    self._redundant_exactly(int(first + r[c]), int(i[c]), basis)

    def _supported(
        self,
        batch: _RegionBatch,
        r: Array,
        i: Array,
        b: Array,
        frames: Array,
        frame_errors: Array,
        inverses: Array,
    ) -> Array:
        """Return of which rows i of regions r floats prove that basis b supports them."""
        m = self.m
        row, row_error = batch.rows[r, i], batch.errors[r, i]

        def remainder(p: Any, used: Array) -> tuple[Array, Array]:
            """Return rows p minus combinations of their basis rows, and the errors."""
            size, frame = np.abs(used), frames[b[p]]
            error = 1.01 * (row_error[p] + _combined(size, frame_errors[b[p]]))
            error += self.gamma * (np.abs(row[p]) + _combined(size, np.abs(frame)))
            return row[p] - _combined(used, frame), error

        multipliers = _combined(row[:, :m], inverses[b])
        rest, error = remainder(slice(None), np.maximum(multipliers, 0.0))
        reach = np.append(np.maximum(np.abs(self.lower), np.abs(self.upper)), 1.0)
        least = np.minimum(rest[:, :m] * self.lower, rest[:, :m] * self.upper).sum(axis=1)
        proven = batch.good[r] & (least + rest[:, m] > 1.01 * (error @ reach) + UNDERFLOW)
        p = np.flatnonzero(~proven & batch.good[r])
        if len(p):
            # rest = 0: no row has an offset, and all multipliers are proven positive. With Y
            # near B^-1 and 1 - B Y of norm below 1/2, an error e of the row moves them by at
            # most 2 |e Y|
            size, normals = np.abs(inverses), frames[:, :, :m]
            defect = np.abs(np.eye(m) - normals @ inverses)
            defect += 1.01 * (frame_errors[:, :, :m] @ size) + self.gamma * (np.abs(normals) @ size)
            regular = (defect.sum(axis=1) < 0.49).all(axis=1) & (size < 2.0**200).all(axis=(1, 2))
            flat = ((np.abs(frames) + frame_errors)[:, :, m] == 0.0).all(axis=1)[b[p]]
            flat &= np.abs(row[p, m]) + row_error[p, m] == 0.0
            rest, error = remainder(p, multipliers[p])
            moved = _combined((np.abs(rest) + error)[:, :m], size[b[p]]).max(axis=1, keepdims=True)
            positive = (multipliers[p] > 2.1 * moved + UNDERFLOW).all(axis=1)
            proven[p] = positive & flat & regular[b[p]] & (m > 1)
        return np.asarray(proven)

    def _redundant_exactly(self, region: int, i: int, basis: list[int]) -> None:
        self.exact += 1
        m, rows, zero = self.m, self.exact_rows(region), flint.fmpq(0)
        frame = flint.fmpz_mat([rows[k] for k in basis]).transpose().tolist()
        try:
            normals, right = flint.fmpz_mat(frame[:m]), [[entry] for entry in rows[i][:m]]
            used = [max(value, zero) for value in normals.solve(flint.fmpz_mat(right)).entries()]
        except ZeroDivisionError:  # dependent rows prove nothing
            used = [zero] * m
        rest = [
            entry - value_at(used, column) for entry, column in zip(rows[i], frame, strict=True)
        ]
        least = rest[m]
        for entry, *bounds in zip(rest[:m], self.lower.tolist(), self.upper.tolist(), strict=True):
            least += min(entry * flint.fmpq(*bound.as_integer_ratio()) for bound in bounds)
        if not (least > 0 or (not any(rest) and sum(value > 0 for value in used) > 1)):
            raise Refused(f"region {region}: row {i} is not proven redundant by rows {basis}")

    def _edges(self, batch: _RegionBatch, start: int, stop: int, covered: Array) -> None:
        first = batch.first
        here, there = self.edges[start:stop, 0] - first, self.edges[start:stop, 1]
        starts, each = self.unit_starts[start : stop + 1], np.arange(stop - start)
        group = np.zeros((stop - start, self.units), dtype=bool)
        group[np.repeat(each, np.diff(starts)), self.edge_units[starts[0] : starts[-1]]] = True
        touched = group | (batch.proofs[here] == ZERO)
        for e, i in np.argwhere((batch.bits[here] != self._bits(there)) & ~touched):
            raise Refused(f"edge {start + e}: region {there[e]} has the wrong bit {i}")
        # lengths of the exact rows: from above, and from below for the edge's own
        points, lead = self.file["edge_points"][start:stop], group.argmax(axis=1)
        rows, errors = batch.rows[here], batch.errors[here]
        value, error = _at(rows, errors, self._columns(points))
        scale, own, own_error = np.append(self.scale, 0.0), rows[each, lead], errors[each, lead]
        longest = 1.01 * np.sqrt((((np.abs(rows) + errors) * scale) ** 2).sum(axis=2))
        shortest = np.sqrt((((np.abs(own) - own_error).clip(0.0) * scale) ** 2).sum(axis=1))
        distance = 1.02 * (np.abs(value) + error)[each, lead] / shortest
        exempt = batch.exempt[here]
        exempt[:, : self.units] |= group
        proven = ((value - error > longest * distance[:, None]) | exempt).all(axis=1)
        proven &= batch.good[here] & _tame(points, 200).all(axis=1)
        # that several units have one hyperplane only integers can tell
        proven &= np.diff(starts) == 1
        for e in np.flatnonzero(~proven):
            self._edge_exactly(int(start + e), exempt[e], group[e])
        e, i = np.nonzero(group)
        covered[first + here[e], i] = True
        e, i = np.nonzero(touched & (self.proofs[there] != ZERO))
        covered[there[e], i] = True

    def _edge_exactly(self, e: int, exempt: Array, group: Array) -> None:
        self.exact += 1
        m, region = self.m, int(self.edges[e, 0])
        rows, exponent = self.exact_rows(region), common_exponent(self.half)
        leader = rows[int(group.argmax())]
        column = self._exact_column(self.file["edge_points"][e], self.exact_points.get(e))
        weights = [v * v for v in scaled_integers(self.half, exponent).entries()]
        distance = value_at(leader, column) ** 2
        own = value_at([v * v for v in leader[:m]], weights)
        if not own > 0:
            raise Refused(f"edge {e}: its unit vanishes on region {region}")
        for i in np.flatnonzero(~exempt):
            value, length = (
                value_at(rows[i], column),
                value_at([v * v for v in rows[i][:m]], weights),
            )
            if not (value > 0 and value**2 * own > length * distance):
                raise Refused(f"edge {e}: row {i} of region {region} is not positive at the point")
        for i in np.flatnonzero(group):
            if not _proportional(rows[i], leader):
                raise Refused(f"edge {e}: row {i} of region {region} is on another hyperplane")


def _increases(rows: Array) -> Array:
    """Return whether each row is lexicographically below the next."""
    below = np.zeros(max(0, len(rows) - 1), dtype=bool)
    tied = ~below
    for column in rows.T:
        below |= tied & (column[:-1] < column[1:])
        tied &= column[:-1] == column[1:]
    return below
