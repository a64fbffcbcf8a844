"""Certificates, whole or in pieces: files from which the checker replays every claim of a result.

A piece is about regions whose neighbours are partly elsewhere. It names an edge that leads
out where its own region has the lower pattern, so that of two pieces one has it.

The format is described in docs/certificate.md; :mod:`polyregions.proof.checker` reads it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.affine_maps import free_inputs
from polyregions.arrays import Arrays, Floats, Point
from polyregions.compiled import only_compiled
from polyregions.domain import Domain, Polytope
from polyregions.domain.chart import Chart, binding_inequalities
from polyregions.errors import FormatError, PartialResultError
from polyregions.exact.facets import exact_facets
from polyregions.files.archives import write_npz
from polyregions.files.atomic import atomic_write
from polyregions.geometry.exact_facet_crossing import bits_beyond
from polyregions.geometry.witness import chart_points
from polyregions.network.exact_network import exact_rows
from polyregions.network.residues import NO_RESIDUES
from polyregions.pattern import Words, order, pack, unpack
from polyregions.proof.checker import FACET, FORMAT, VERSION, WALL, ZERO
from polyregions.proof.collect import KnownRegions, Pieces, collect, pieces
from polyregions.regions import Regions, check_regions
from polyregions.regions.archive import domain_arrays, exact_arrays, exact_witnesses_of
from polyregions.run.problem import Problem, whole_problem
from polyregions.run.progress import OnSteps, shown_steps
from polyregions.walk.neighbors import batch
from polyregions.walk.region_kernel import NO_BASIS, worker_of
from polyregions.walk.visited import find_pattern, grown

__all__ = [
    "Parts",
    "assembled",
    "certificate_arrays",
    "certificate_of_pieces",
    "exact_array",
    "exact_witness_texts",
    "face_numbers",
    "narrow",
    "piece_of_certificate",
    "require_proven",
    "write_certificate",
]

_REGIONS_AT_A_TIME = 4096
_PER_REGION = 16  # room first given to bases and edges; a chunk is split when that is too little


def piece_of_certificate(problem: Problem, regions: Regions, beyond: Words) -> Arrays:
    """Return what a certificate says about some of the regions.

    Parameters
    ----------
    problem : Problem
        That of `whole_problem`: certificates speak of all units.
    regions : Regions
        Sorted by pattern, and proven.
    beyond : numpy.ndarray of uint64, shape (k, W)
        The patterns of all other regions that they touch, each once.

    Returns
    -------
    dict of str to numpy.ndarray
        `edges` are pairs of a region and a neighbour, numbered as in `regions`; those in
        `beyond` follow.
    """
    parts = Parts()
    own = len(regions)
    for _ in _collected(problem, regions, np.concatenate([regions.patterns, beyond]), parts):
        pass
    edges, counts = np.concatenate(parts.edges), np.concatenate(parts.unit_counts)
    # an edge that leads out belongs to its lower end
    rank = np.empty(own + len(beyond), dtype=np.int64)
    rank[order(np.concatenate([regions.patterns, beyond]))] = np.arange(len(rank))
    kept = rank[edges[:, 0]] < rank[edges[:, 1]]
    edges = edges[kept]
    places = {pair: e for e, pair in enumerate(map(tuple, edges.tolist()))}
    exact = {places[pair]: point for pair, point in parts.exact_points.items() if pair in places}
    points = np.concatenate(parts.points)[kept]
    return {
        "proofs": np.concatenate(parts.proofs),
        "base_regions": np.concatenate(parts.base_regions),
        "bases": np.concatenate(parts.bases),
        "edges": edges,
        "points": points,
        "unit_counts": counts[kept],
        "units": np.concatenate(parts.units)[np.repeat(kept, counts)],
        **exact_arrays(exact, points.shape[1]),
    }


def certificate_of_pieces(
    regions: Regions, pieces: Iterable[tuple[Mapping[str, NDArray[Any]], NDArray[np.int64]]]
) -> Arrays:
    """Return the arrays of the certificate of all regions, made of pieces.

    Parameters
    ----------
    regions : Regions
        Complete and proven.
    pieces : iterable of (arrays, numbers)
        The arrays of :func:`piece_of_certificate`, and the number in `regions` of each of
        its regions and of those beyond.

    Raises
    ------
    FormatError
        If the arrays of a piece do not fit together, or have no proof of some region.
    PartialResultError
        If their edges are not those of `regions`.
    """
    whole = Parts()
    total, units = len(regions), regions.network.hidden_units
    proofs = np.zeros((total, units), dtype=np.int16)
    proven = np.zeros(total, dtype=bool)
    try:
        for arrays, numbers in pieces:
            own = numbers[: len(arrays["proofs"])]
            proofs[own], proven[own] = arrays["proofs"], True
            edges = numbers[arrays["edges"]]
            whole.base_regions.append(numbers[arrays["base_regions"]])
            whole.bases.append(arrays["bases"])
            whole.edges.append(edges)
            whole.points.append(arrays["points"])
            whole.unit_counts.append(arrays["unit_counts"])
            whole.units.append(arrays["units"])
            exact = exact_witnesses_of(arrays, len(edges), arrays["points"].shape[1])
            for e, point in exact.items():
                whole.exact_points[_pair(edges[e])] = point
        if not proven.all():
            raise ValueError(f"region {int(proven.argmin())} has no proof")
        whole.proofs.append(proofs)
        return assembled(regions, whole)
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"the pieces of the certificate do not fit together ({error}); make them again"
        ) from None


def _pair(edge: NDArray[np.int64]) -> tuple[int, int]:
    return int(edge[0]), int(edge[1])


@only_compiled()  # a certificate has the same bytes in every run
def write_certificate(
    regions: Regions,
    path: str | PathLike[str],
    *,
    progress: OnSteps = None,
) -> None:
    """Write a proof of a complete result, whole or not at all.

    Parameters
    ----------
    regions : Regions
        Complete and proven.
    path : str or path-like
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with the numbers of regions done and to be
        done.

    Raises
    ------
    PartialResultError
        If regions are missing or a decision was not proven.

    Notes
    -----
    *Algorithm.* Every region is expanded once more from its witness: facets with a point
    each, and for the other rows the basis that proves them redundant. Regions that the
    kernels leave open are expanded in exact arithmetic.

    Examples
    --------
    >>> import tempfile
    >>> import polyregions as pr
    >>> from polyregions.proof.checker import check
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> path = tempfile.mkdtemp() + "/net.cert"
    >>> write_certificate(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)), path)
    >>> layers = [(layer.weight, layer.bias, layer.lower, layer.upper) for layer in net.layers]
    >>> report = check(layers, path)
    >>> report.regions, report.edges
    (2, 1)
    """
    with shown_steps(progress, "regions", "written") as report:
        arrays = certificate_arrays(regions, progress=report)
    with atomic_write(path) as stream:
        write_npz(stream, arrays)


def require_proven(regions: Regions) -> None:
    """Refuse a result that no certificate can be of."""
    check_regions(regions)
    if not (regions.complete and regions.proven):
        raise PartialResultError(
            "a certificate needs a complete and proven result; enumerate again without limits"
        )


def certificate_arrays(
    regions: Regions, *, progress: Callable[[int, int], None] | None = None
) -> dict[str, NDArray[Any]]:
    """Return the arrays of a certificate by name; see :func:`write_certificate`."""
    require_proven(regions)
    problem = whole_problem(regions.network, regions.domain)
    parts = Parts()
    for done in _collected(problem, regions, regions.patterns, parts):
        if progress is not None:
            progress(done, len(regions))
    return assembled(regions, parts)


@dataclass(eq=False)
class Parts:
    """What was collected so far, in parallel lists of arrays; the last axis is never cut."""

    proofs: list[NDArray[np.int16]] = field(default_factory=list)
    base_regions: list[NDArray[np.int64]] = field(default_factory=list)
    bases: list[NDArray[np.int16]] = field(default_factory=list)
    edges: list[NDArray[np.int64]] = field(default_factory=list)
    points: list[Floats] = field(default_factory=list)
    unit_counts: list[NDArray[np.int64]] = field(default_factory=list)
    units: list[NDArray[np.int16]] = field(default_factory=list)
    exact_points: dict[tuple[int, int], Point] = field(default_factory=dict)


def face_numbers(chart: Chart, domain: Domain | None) -> NDArray[np.int64]:
    """Return the number that a certificate gives to each row of a chart's domain.

    The last row of a cone, t >= 0, takes the place of t >= -1; inequalities of a polytope
    that are not in the chart keep their numbers.
    """
    faces = np.arange(chart.rows.nrows(), dtype=np.int64)
    m = chart.dimension
    if chart.homogeneous:
        faces[2 * m] = 2 * m - 2
    if isinstance(domain, Polytope):
        faces[2 * m :] = [2 * m + row for row in binding_inequalities(domain)]
    return faces


def _collected(problem: Problem, regions: Regions, store: Words, parts: Parts) -> Iterator[int]:
    """Expand all regions into `parts`; yield the number done now and then.

    `store` holds the patterns of the regions, and behind them those of others that they may
    touch. An edge is noted where the number in `store` is lower.
    """
    flat = problem.flat
    total = len(regions)
    known = KnownRegions(
        table=grown(store, len(store), len(store)),
        patterns=store,
        starts=np.full((len(store), flat.dimension), NO_BASIS, dtype=np.int16),
        points=np.full((len(store), flat.dimension), np.nan),
        faces=face_numbers(problem.chart, problem.domain),
    )
    known.points[:total] = _chart_witnesses(problem, regions)
    worker, scratch = worker_of(flat), batch(flat, 1, flat.units)
    size = min(total, _REGIONS_AT_A_TIME)
    out = pieces(flat, size, max(flat.units, _PER_REGION * size))
    modular = NO_RESIDUES
    decides_ties = False
    start = 0
    while start < total:
        stop = min(total, start + size)
        done = collect(flat, modular, known, (start, stop), problem.room, worker, scratch, out)
        if done < 0:
            raise _unmatched_region(start - 1 - done)
        if out.open[:done].any() and not decides_ties:
            # kernels that decide ties are prepared for the first region that has any
            modular, decides_ties = problem.modular, True
            if len(modular.primes):
                done = int(out.open[:done].argmax())
                if done == 0:
                    continue
        _take(problem, regions, parts, start, done, out)
        for r in np.flatnonzero(out.open[:done]).tolist():
            proofs = parts.proofs[-1][r]
            _take_exactly(problem, regions, known, parts, start + r, proofs)
        start += done
        yield start


def _unmatched_region(region: int) -> PartialResultError:
    return PartialResultError(
        f"region {region} touches a region that is not in the result, or an edge is missing; "
        f"enumerate again"
    )


def _chart_witnesses(problem: Problem, regions: Regions) -> Floats:
    """Return the witnesses in chart coordinates, about; NaN where the true one is no float."""
    witnesses, domain = regions.witnesses, regions.domain
    with np.errstate(all="ignore"):
        if domain is None:
            size = 2.0 * np.maximum(1.0, np.abs(witnesses).max(axis=1, keepdims=True))
            points = witnesses / size
            if problem.chart.homogeneous:
                points = np.append(points, 1.0 / size, axis=1)
        else:
            low, high = domain.box.lower[domain.free], domain.box.upper[domain.free]
            centre, half = low / 2 + high / 2, high / 2 - low / 2
            points = (witnesses[:, domain.free] - centre) / half
    points[list(regions.exact_witnesses)] = np.nan
    return np.ascontiguousarray(points)


def _take(
    problem: Problem, regions: Regions, parts: Parts, start: int, done: int, out: Pieces
) -> None:
    """Copy what the kernel found about `done` regions."""
    numbers = np.arange(start, start + done)
    bases, edges = int(out.base_ends[done - 1]), int(out.edge_ends[done - 1])
    owners = np.repeat(numbers, np.diff(out.edge_ends[:done], prepend=0))
    parts.proofs.append(out.proofs[:done].copy())
    parts.base_regions.append(np.repeat(numbers, np.diff(out.base_ends[:done], prepend=0)))
    parts.bases.append(out.bases[:bases].copy())
    parts.edges.append(np.stack([owners, out.neighbors[:edges]], axis=1))
    inputs = chart_points(problem.chart, regions.domain, out.points[:edges])
    parts.points.append(inputs[:, free_inputs(regions)])
    parts.unit_counts.append(np.diff(out.unit_ends[:edges], prepend=0))
    parts.units.append(out.units[: out.unit_ends[edges - 1] if edges else 0].copy())


def _take_exactly(
    problem: Problem,
    regions: Regions,
    known: KnownRegions,
    parts: Parts,
    number: int,
    proofs: NDArray[np.int16],
) -> None:
    """Expand one region in exact arithmetic and write its proofs in place."""
    exact = problem.exact
    n_units, m = exact.hidden_units, problem.chart.dimension
    bits = unpack(regions.patterns[number], n_units)
    rows = exact_rows(exact, bits)
    answer = exact_facets(rows)
    assert answer is not None, "a proven region is not empty"
    rename = [*range(n_units), *(n_units + known.faces).tolist()]
    bases: dict[tuple[int, ...], int] = {}
    for i in range(n_units):
        if i in answer.supports:
            basis = tuple(rename[row] for row in answer.supports[i])
            proofs[i] = bases.setdefault(basis, len(bases))
        elif not any(rows[i][:m]):
            proofs[i] = 0 if any(rows[i]) else ZERO
        else:
            proofs[i] = FACET
    if not bases:
        bases[tuple(range(n_units, n_units + 2 * m, 2))] = 0
    parts.base_regions.append(np.full(len(bases), number))
    parts.bases.append(np.array(list(bases), dtype=np.int16))
    for group, point in zip(answer.groups, answer.points, strict=True):
        units = [i for i in group if i < n_units]
        if len(units) < len(group):
            proofs[units] = WALL - (rename[group[-1]] - n_units)
            continue
        beyond = pack(bits_beyond(exact, bits, rows, group, point))
        neighbor = int(find_pattern(known.table, known.patterns, beyond))
        if neighbor < 0:
            raise _unmatched_region(number)
        if neighbor < number:
            continue
        inputs = problem.chart.to_input(point)
        chosen: Point = tuple(inputs[i] for i in free_inputs(regions))
        nearest = np.array([[_rounded_float(value) for value in chosen]])
        parts.exact_points[number, neighbor] = chosen
        parts.edges.append(np.array([[number, neighbor]]))
        parts.points.append(nearest)
        parts.unit_counts.append(np.array([len(units)]))
        parts.units.append(np.array(units, dtype=np.int16))


def _rounded_float(value: Fraction) -> float:
    try:
        return value.numerator / value.denominator
    except OverflowError:
        return 0.0  # the exact point is in the file as well


def assembled(regions: Regions, parts: Parts) -> dict[str, NDArray[Any]]:
    """Bring the parts in order and name them."""
    total = len(regions)
    base_regions = np.concatenate(parts.base_regions)
    bases = np.concatenate(parts.bases)[np.argsort(base_regions, kind="stable")]
    edges = np.concatenate(parts.edges)
    order = np.argsort(edges[:, 0] * total + edges[:, 1])
    edges = edges[order]
    if not np.array_equal(edges, regions.edges):
        raise _unmatched_region(0)
    counts = np.concatenate(parts.unit_counts)
    starts = np.cumsum(counts) - counts
    counts, starts = counts[order], starts[order]
    # the units of edge e stand at starts[e], starts[e] + 1, …
    shifts = np.repeat(starts - (np.cumsum(counts) - counts), counts)
    units = np.concatenate(parts.units)[shifts + np.arange(len(shifts))]
    bounds, inequalities = domain_arrays(regions.domain, regions.network.input_dimension)
    fingerprint = regions.network.fingerprint
    claim = hashlib.sha256(bytes.fromhex(fingerprint))
    for array in (bounds, inequalities):
        claim.update(array.astype("<f8").tobytes())
    places = (
        {pair: e for e, pair in enumerate(map(tuple, edges.tolist()))} if parts.exact_points else {}
    )
    exact_points = {places[pair]: point for pair, point in parts.exact_points.items()}
    free = free_inputs(regions)
    return {
        "format": np.array(FORMAT),
        "version": np.array(VERSION),
        "network": np.array(fingerprint),
        "domain": bounds,
        "inequalities": inequalities,
        "claim": np.array(claim.hexdigest()),
        "patterns": regions.patterns,
        "witnesses": regions.witnesses[:, free],
        "exact_witnesses": exact_array(exact_witness_texts(regions), len(free)),
        "proofs": narrow(np.concatenate(parts.proofs)),
        "bases": narrow(bases),
        "base_counts": narrow(np.bincount(base_regions, minlength=total)),
        "edges": edges.astype(np.int32),
        "edge_points": np.concatenate(parts.points)[order],
        "exact_points": exact_array(exact_points, len(free)),
        "edge_units": narrow(units),
        "edge_counts": narrow(counts),
    }


def exact_witness_texts(regions: Regions) -> dict[int, Point]:
    """Return the free inputs of witnesses that no float can express."""
    free = free_inputs(regions).tolist()
    return {r: tuple(point[i] for i in free) for r, point in regions.exact_witnesses.items()}


def narrow(values: NDArray[Any]) -> NDArray[Any]:
    """Return integers in the smallest signed type that holds them."""
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    return values.astype(np.result_type(np.min_scalar_type(min(low, -1 - high)), np.int8))


def exact_array(points: dict[int, Point], columns: int) -> NDArray[np.str_]:
    """Return one row of text per point: its number, then its coordinates, in hexadecimal.

    Hexadecimal, because Python limits the length of decimal integers it reads.
    """
    rows = [
        [f"{number:x}", *(f"{value.numerator:x}/{value.denominator:x}" for value in points[number])]
        for number in sorted(points)
    ]
    return np.array(rows, dtype=np.str_).reshape(len(rows), 1 + columns)
