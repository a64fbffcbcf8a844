"""Proofs refuse wrong proposals: each is given what a float walk gone astray might say."""

import numpy as np
import pytest
from facet_answerers import network_of_rows

from polyregions.cells.degeneracy import find_groups, prove_exact_combination, region_residues_ready
from polyregions.cells.degenerate import prove_group_point, walk_degenerate
from polyregions.cells.dictionary import HUGE, Dictionary, workspace
from polyregions.cells.polygon import walk_polygon
from polyregions.cells.proofs import prove_facet_point, prove_redundant
from polyregions.cells.row_side import proven_inside
from polyregions.cells.vertices import facet_buffer, walk_vertices
from polyregions.compiled.start import plain_twin
from polyregions.domain import Box
from polyregions.geometry.rows import Rows
from polyregions.network.residues import with_own_scratch
from polyregions.run.problem import whole_problem
from polyregions.walk.region_kernel import facets_listed, list_every_row, worker_of

ROOT = np.sqrt(0.5)
# the square [-1, 1]^2, the diagonal x + y <= 1, and a row that cuts the square beyond it
ROWS = np.array(
    [
        [1.0, -1.0, 0.0, 0.0, -ROOT, -0.6],
        [0.0, 0.0, 1.0, -1.0, -ROOT, -0.8],
        [1.0, 1.0, 1.0, 1.0, ROOT, 1.3],
    ]
)
ERRORS = np.full(6, 1e-14)
LEFT, RIGHT, LOWER, UPPER, DIAGONAL, FAR = range(6)


def facet_proof(row, other, point, vertex, others, errors=ERRORS):
    basis = np.array([row, other])
    return prove_facet_point(
        Rows(ROWS, errors), basis, 0, others, np.array(vertex, float), np.array(point, float)
    )


def test_a_good_facet_point_is_accepted():
    # the corner (-1, -1): every row outside the basis is at least 2 there
    assert facet_proof(LEFT, LOWER, (-1.0, -0.9), (-1, -1), 2.0)


@pytest.mark.parametrize(
    ("point", "others"),
    [
        ((-0.9, -0.95), 2.0),  # farther from its own row than from the other one
        ((-1.0, -1.0), 2.0),  # on both rows of the basis
        ((-1.0, -1.1), 2.0),  # outside
        ((-1.0, -0.9), 0.05),  # other rows may be crossed on the way
        ((-1.0, -0.9), 0.0),
        ((-1.0, float("nan")), 2.0),
    ],
)
def test_bad_facet_points_are_refused(point, others):
    assert not facet_proof(LEFT, LOWER, point, (-1, -1), others)


def test_a_facet_lost_in_its_error_is_refused():
    errors = np.full(6, 0.1)
    assert not facet_proof(LEFT, LOWER, (-1.0, -0.9), (-1, -1), 2.0, errors)


def redundancy_proof(row, basis, multipliers, rows=ROWS):
    table = np.zeros((3, 1))
    table[: len(multipliers), 0] = multipliers
    dictionary = Dictionary(table, np.array([row]), np.array(basis))
    return prove_redundant(Rows(rows, ERRORS), dictionary, 0, np.zeros(3))


def test_multipliers_prove_a_redundant_row():
    # 1.3 - .6 x - .8 y = .8 (1 - x - y) + .2 (x + 1) + .3
    assert redundancy_proof(FAR, [DIAGONAL, LEFT], [0.8 / ROOT, 0.2])


@pytest.mark.parametrize(
    ("row", "basis", "multipliers"),
    [
        (FAR, [DIAGONAL, LEFT], [3.0 / ROOT, 0.2]),  # not the row's multipliers
        (FAR, [DIAGONAL, LEFT], [0.0, -0.8]),  # a negative one
        (DIAGONAL, [RIGHT, UPPER], [ROOT, ROOT]),  # not redundant at all
        (RIGHT, [DIAGONAL, UPPER], [1.0 / ROOT, 0.0]),  # a facet
        (FAR, [DIAGONAL, LEFT], [float("nan"), 0.2]),
    ],
)
def test_wrong_multipliers_prove_nothing(row, basis, multipliers):
    assert not redundancy_proof(row, basis, multipliers)


def test_a_touching_row_is_not_proven_by_a_bound():
    rows = ROWS.copy()
    rows[:, FAR] = [-ROOT, -ROOT, 2 * ROOT]  # touches the square without the diagonal in (1, 1)
    assert not redundancy_proof(FAR, [RIGHT, UPPER], [ROOT, ROOT], rows)


def vertex_walk(room):
    work = workspace(2, 6)
    work.basis[:] = [LEFT, LOWER]
    out = facet_buffer(2, 6)
    count = walk_vertices(Rows(ROWS, ERRORS), 6, 6, work, out, room)
    return None if count < 0 else sorted(out.rows[:count].tolist())


@pytest.mark.slow
def test_a_witness_without_room_is_left_open():
    assert vertex_walk(0.01) == [LEFT, RIGHT, LOWER, UPPER, DIAGONAL]
    assert vertex_walk(1.0) is None


def polygon(rows, errors=ERRORS, start=LEFT, point=(-1.0, 0.0)):
    out = facet_buffer(2, rows.shape[1])
    size = rows.shape[1]
    count = walk_polygon(
        Rows(rows, errors), size, size, start, np.array(point), np.zeros(6), out, 0.0
    )
    return None if count < 0 else sorted(out.rows[:count].tolist())


def test_walk_around_a_polygon():
    assert polygon(ROWS) == [LEFT, RIGHT, LOWER, UPPER, DIAGONAL]


@pytest.mark.parametrize("gap", [0.0, 1e-15, -1e-15])
def test_a_corner_with_three_rows_is_left_open(gap):
    rows = ROWS.copy()
    rows[:, FAR] = [-ROOT, -ROOT, 2 * ROOT * (1 + gap)]
    rows[:, DIAGONAL] = [0.0, 0.0, 1.0]
    assert polygon(rows) is None


@pytest.mark.slow
def test_a_start_off_the_polygon_is_left_open():
    assert polygon(ROWS, start=FAR, point=(1.0, 1.0)) is None


# ------------------------------------------------------------------- ties

# through the origin: two axes, their sum, their difference, and an axis turned by less than
# rounding tells
FAN = np.array([[1, 0], [0, 1], [1, 1], [1, -1], [1, 2.0**-60], [1, -(2.0**-60)], [1, 0]])
X, Y, SUM, DIFFERENCE, TURNED_IN, TURNED_OUT, AGAIN = range(7)


def region_of_fan(fan=FAN):
    """The region where x > y > 0: its rows as the walk writes them."""
    problem = whole_problem(network_of_rows(fan, np.zeros(len(fan))), Box.cube(2, 1.0))
    worker = worker_of(problem.flat)
    worker.bits[:] = 1
    worker.work.point[:] = [0.5, 0.25]
    plain_twin(facets_listed)(
        problem.flat, plain_twin(list_every_row)(problem.flat, worker), worker
    )
    return problem, worker


def combination(row, basis, multipliers=None):
    """The answer on a row of the fan, with its own multipliers or with others."""
    problem, worker = region_of_fan()
    rows, modular = Rows(worker.rows, worker.errors), with_own_scratch(problem.modular)
    if multipliers is None:
        multipliers = np.linalg.solve(worker.rows[:2, basis], worker.rows[:2, row])
    table = np.append(multipliers, 0.0)[:, None]
    dictionary = Dictionary(table, np.array([row]), np.array(basis))
    ties = worker.groups.ties
    plain_twin(region_residues_ready)(problem.flat, modular, worker.bits, ties.state)
    return plain_twin(prove_exact_combination)(
        problem.flat, modular, worker.groups.ids, rows, dictionary, 0, 1.0, ties
    )


def test_exact_combinations_are_accepted():
    assert combination(SUM, [X, Y]) == (1, 2)
    assert combination(X, [SUM, DIFFERENCE]) == (1, 2)
    # a multiplier that is zero: residues say so
    assert combination(AGAIN, [X, Y]) == (2, 1)


@pytest.mark.parametrize(
    ("row", "basis", "multipliers"),
    [
        (DIFFERENCE, [X, Y], None),  # a negative multiplier
        (Y, [SUM, DIFFERENCE], None),
        (TURNED_OUT, [X, Y], None),  # one that floats take for zero
        (DIFFERENCE, [X, Y], [1.0, 1.0]),  # not the row's
        (SUM, [X, Y], [np.nan, np.nan]),
        (SUM, [X, AGAIN], [0.5, 0.5]),  # no basis
    ],
)
def test_other_combinations_are_refused(row, basis, multipliers):
    assert combination(row, basis, multipliers)[0] == 0


def test_a_multiplier_within_its_doubt_is_left_open():
    # it is positive, but neither floats nor residues prove its sign
    assert combination(TURNED_IN, [X, Y])[0] == 0


def test_many_multipliers_are_proven_by_their_doubt_alone():
    # they are not the row's, but nearer to them than to zero
    assert combination(SUM, [X, Y], [0.7, 0.8]) == (1, 2)


def facets_of_fan(point, errors=0.0):
    """The leaders that carry a facet of the region where x > y > 0, or None."""
    problem, worker = region_of_fan(FAN[[Y, DIFFERENCE, Y]])
    worker.work.point[:] = point
    worker.errors[0] += errors
    with np.errstate(all="ignore"):
        count = plain_twin(walk_degenerate)(
            problem.flat, problem.modular, worker.bits, Rows(worker.rows, worker.errors),
            worker.work, worker.found, 0.0, worker.groups,
        )  # fmt: skip
    return None if count < 0 else worker.found.rows[:count].tolist()


def test_facets_with_ties_are_proven():
    assert facets_of_fan([0.5, 0.25]) == [0, 1]


@pytest.mark.parametrize(
    ("point", "errors"),
    [
        ([0.5, 0.25], 0.2),  # the point inside is proven, that of the facet is not
        ([float("nan"), 0.25], 0.0),
    ],
)
def test_facets_lost_in_their_errors_are_left_open(point, errors):
    assert facets_of_fan(point, errors) is None


@pytest.mark.parametrize(
    ("row", "point", "room", "proven"),
    [
        (Y, [0.5, 0.0], 0.0, True),
        (Y, [0.5, 0.0], 0.1, False),  # the point may be moved so far
        (Y, [0.5, 0.4], 0.0, False),  # nearer to another row
        (Y, [0.0, 0.0], 0.0, False),  # on both
        (Y, [0.5, -0.4], 0.0, False),  # as far outside
        (X, [0.0, 0.0], 0.0, False),  # no facet
        (Y, [float("nan"), 0.0], 0.0, False),
    ],
)
def test_points_of_groups(row, point, room, proven):
    problem, worker = region_of_fan()
    plain_twin(find_groups)(
        problem.flat, with_own_scratch(problem.modular), worker.bits,
        Rows(worker.rows, worker.errors), worker.groups,
    )  # fmt: skip
    assert worker.groups.leader[AGAIN] == X
    answer = plain_twin(prove_group_point)(
        Rows(worker.rows, worker.errors), problem.flat.size, row, worker.groups.leader,
        np.array(point), worker.work.slack, room,
    )  # fmt: skip
    assert answer == proven


@pytest.mark.parametrize(
    ("point", "inside"),
    [
        ([0.0, 0.0], True),
        ([0.9, 0.0], True),
        ([1.0, 0.0], False),  # on a row
        ([1.0 - 1e-15, 0.0], False),  # nearer to it than its error
        ([0.6, 0.6], False),  # beyond the diagonal
        ([0.0, -1.1], False),  # outside of the cube
        ([float("nan"), 0.0], False),
    ],
)
def test_points_inside(point, inside):
    answer = plain_twin(proven_inside)(ROWS, ERRORS, 2, 6, np.array(point), np.zeros(6))
    assert answer == inside


def test_a_column_that_is_no_row_bounds_nothing():
    guards = ERRORS.copy()
    guards[DIAGONAL] = -HUGE
    point = np.array([0.7, 0.6])
    assert plain_twin(proven_inside)(ROWS[:, :FAR], guards, 2, FAR, point, np.zeros(6))
