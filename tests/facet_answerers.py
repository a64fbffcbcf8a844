"""Polytopes given as floats, put to the package's answerers of "which rows carry a facet?"."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linprog

from polyregions.cells.degenerate import walk_degenerate
from polyregions.cells.in_cube import walk_in_cube
from polyregions.cells.integer_polygon import cut_out, write_rows
from polyregions.cells.many_polytopes import Polytopes, proven_corners, proven_facets
from polyregions.cells.near_ties import facets_near_ties
from polyregions.cells.polygon import nearest_row, walk_polygon
from polyregions.cells.vertices import facet_buffer
from polyregions.compiled.start import plain_twin
from polyregions.domain import Box
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.exact.facets import (
    FacetVerdicts,
    Verdict,
    exact_facets,
    interior_point,
    verdicts_of_groups,
)
from polyregions.geometry.rows import OK, Rows
from polyregions.network import Network
from polyregions.run.problem import Problem, prefix_rows, whole_problem
from polyregions.walk.degenerate_regions import planar_worker
from polyregions.walk.region_kernel import Worker, facets_listed, list_every_row, worker_of


def exact_rows_of(normals, offsets) -> list:
    """The polytope {x : normals @ x + offsets >= 0} as rows of integers."""
    return dyadic_matrix(np.column_stack([normals, offsets]))[0].tolist()


def facets_of_exact_rows(rows) -> FacetVerdicts:
    answer = exact_facets(rows)
    if answer is None:
        raise ValueError("the polytope has no interior")
    return verdicts_of_groups(len(rows), answer.groups)


def scale_of(normals: np.ndarray, offsets: np.ndarray) -> float:
    """A power of two large enough for the polytope to fit into the unit cube: exact."""
    reach, m = 1.0, normals.shape[1]
    for d in range(m):
        for sign in (1.0, -1.0):
            cost = np.zeros(m)
            cost[d] = sign
            solution = linprog(cost, A_ub=-normals, b_ub=offsets, bounds=[(None, None)] * m)
            reach = max(reach, abs(float(solution["fun"])))
    return 2.0 ** np.ceil(np.log2(2.0 * reach))


def exact_rows_inside(normals, offsets) -> tuple[list, np.ndarray]:
    """The same, scaled into the unit cube, with a point inside."""
    polytopes = scaled_rows_of(normals, offsets)
    return exact_rows_of(normals, offsets / scale_of(normals, offsets)), polytopes.points[0]


def facets_near_ties_of(polytope) -> FacetVerdicts:
    rows, near = polytope
    answer = facets_near_ties(rows, near)
    if answer is None:
        raise ValueError("the polytope has no interior")
    return verdicts_of_groups(len(rows), answer.groups)


def scaled_rows_of(normals, offsets) -> Polytopes:
    """The bounded polytope {x : normals @ x + offsets >= 0}, scaled into the unit cube."""
    a = np.asarray(normals, dtype=np.float64)
    c = np.asarray(offsets, dtype=np.float64)
    m = a.shape[1]
    scale = scale_of(a, c)
    lengths = np.linalg.norm(a, axis=1)
    safe = np.where(lengths > 0, lengths, 1.0)
    rows = np.ascontiguousarray(np.vstack([a.T, c / scale]) / safe)
    errors = (m + 8) * 2.0**-53 * np.abs(rows).sum(axis=0) * 2
    # deepest point, only a place to start from
    cost = np.append(np.zeros(m), -1.0)
    centre = linprog(
        cost,
        A_ub=np.column_stack([-rows[:m].T, np.ones(len(c))]),
        b_ub=rows[m],
        bounds=[(None, None)] * m + [(None, 1.0)],
    )
    size, point = len(c), np.asarray(centre["x"])[:m]
    starts = np.array([0, size])
    return Polytopes(rows, errors, np.arange(size), np.ones(size), starts, point[None])


def undecided(size: int) -> FacetVerdicts:
    return FacetVerdicts(np.full(size, Verdict.UNDECIDED, dtype=np.int8), ())


def facets_of_many(polytopes: Polytopes) -> FacetVerdicts:
    """The answerer of many polytopes, of which this is one."""
    carries = proven_facets(polytopes)
    if (carries < 0).any():
        return undecided(len(carries))
    return verdicts_of_groups(len(carries), [(row,) for row in np.flatnonzero(carries).tolist()])


def facets_with_corners(polytopes: Polytopes) -> FacetVerdicts:
    """The rows that meet in the corners, where no more do than must: all of them carry facets."""
    size, (tight, [count]) = len(polytopes.places), proven_corners(polytopes)
    if count < 0:
        return undecided(size)
    assert len(set(map(tuple, tight.tolist()))) == count == len(tight)
    return verdicts_of_groups(size, [(row,) for row in np.unique(tight).tolist()])


def facets_of_polygon(polytopes: Polytopes) -> FacetVerdicts:
    """The plane's answerer, started as the walk starts it where it knows no row."""
    size = len(polytopes.places)
    point, found = polytopes.points[0].copy(), facet_buffer(2, size)
    row = nearest_row(polytopes.values, size, point)
    if row < 0:
        return undecided(size)
    rows = Rows(polytopes.values, polytopes.errors)
    count = walk_polygon(rows, size, size, row, point, np.zeros(size), found, 0.0)
    if count < 0:
        return undecided(size)
    return verdicts_of_groups(size, [(row,) for row in sorted(found.rows[:count].tolist())])


def network_of_rows(normals, offsets) -> Network:
    """A network of one layer, with the rows as units."""
    return Network.from_arrays([(normals, offsets), (np.ones((1, len(offsets))), [0.0])])


def region_of_rows(normals, offsets) -> tuple[Problem, np.ndarray]:
    """A polytope inside the cube [-1, 1]^n as a region: problem and bits.

    The domain is a larger cube, which bounds nothing; a row of zeros is an inactive unit.
    """
    network = network_of_rows(normals, offsets)
    problem = whole_problem(network, Box.cube(network.input_dimension, 2.0))
    bits = np.column_stack([normals, offsets]).any(axis=1)
    return problem, bits.astype(np.uint8)


def worker_inside(problem: Problem, bits: Sequence[int]) -> tuple[Worker, bool]:
    """A worker with all rows of a region and a point in it, and whether no row is lost."""
    flat, worker = problem.flat, worker_of(problem.flat)
    units, domain = prefix_rows(problem, np.array(bits))
    worker.bits[:] = bits
    worker.work.point[:] = [float(value) for value in interior_point([*units, *domain])]
    count = plain_twin(list_every_row)(flat, worker)
    return worker, plain_twin(facets_listed)(flat, count, worker) == OK


def facets_in_cube(region: tuple[Problem, Sequence[int]]) -> FacetVerdicts:
    """The kernel for many inputs on one region of a network, as plain Python."""
    problem, bits = region
    size, units = problem.flat.size, problem.flat.units
    with np.errstate(all="ignore"):
        worker, whole = worker_inside(problem, bits)
        rows = Rows(worker.rows, worker.errors)
        count = plain_twin(walk_in_cube)(rows, size, units, worker.work, worker.found, 0.0)
    if count < 0 or not whole:
        return undecided(units)
    return verdicts_of_groups(units, [(row,) for row in sorted(worker.found.rows[:count].tolist())])


def facets_with_ties(region: tuple[Problem, Sequence[int]]) -> FacetVerdicts:
    """The kernel for ties on one region of a network, with the network modulo primes.

    As plain Python: only kernels that compiled ones call are compiled ahead.
    """
    problem, bits = region
    flat = problem.flat
    with np.errstate(all="ignore"):
        worker, _ = worker_inside(problem, bits)
        rows = Rows(worker.rows, worker.errors)
        count = plain_twin(walk_degenerate)(
            flat, problem.modular, worker.bits, rows, worker.work, worker.found, 0.0, worker.groups
        )
    if count < 0:
        return undecided(flat.units)
    leader = worker.groups.leader[: flat.units]
    found = [np.flatnonzero(leader == row) for row in worker.found.rows[:count]]
    return verdicts_of_groups(flat.units, [tuple(group.tolist()) for group in found])


def facets_in_integers(region: tuple[Problem, Sequence[int]]) -> FacetVerdicts:
    """The polygon that is cut out in compiled integers, as plain Python."""
    problem, bits = region
    flat, units = problem.flat, problem.flat.units
    if problem.integers is None:
        return undecided(units)
    planar = planar_worker(flat, problem.integers)
    polygon, given = planar.polygon, np.array(bits, dtype=np.uint8)
    with np.errstate(all="ignore"):
        plain_twin(write_rows)(flat, planar.integers, given, polygon)
        count = plain_twin(cut_out)(polygon, flat.size, units)
    assert count >= 3
    leaders = polygon.leader[:units]
    found = [np.flatnonzero(leaders == row) for row in sorted(polygon.edges[:count].tolist())]
    return verdicts_of_groups(units, [tuple(group.tolist()) for group in found if len(group)])
