"""Proofs refuse wrong proposals: each is given what a float walk gone astray might say."""

import numpy as np
import pytest

from polyregions.cells.dictionary import Dictionary, workspace
from polyregions.cells.polygon import walk_polygon
from polyregions.cells.proofs import prove_facet_point, prove_redundant
from polyregions.cells.vertices import facet_buffer, walk_vertices
from polyregions.geometry.rows import Rows

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
